"""Whatever is asked wrongly is refused at the door: in words, with the nearest known name, and nothing was written."""

import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from board.engine import (
    AsyncFlowProducer,
    AsyncQueue,
    AsyncQueueEvents,
    Backoff,
    Deduplication,
    FlowJob,
    FlowProducer,
    JobOptions,
    Keep,
    Queue,
    QueueEvents,
    RateLimit,
    Repeat,
)
from board.engine.errors import SchedulerError, UsageError
from tests.engine.fronts import Front, behaviour

Ask = Callable[[AsyncQueue], Awaitable[Any]]
Grow = Callable[[AsyncFlowProducer], Awaitable[Any]]

ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


def nested(levels: int) -> list[Any]:
    """Return a list in a list in a list."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def tall(levels: int) -> FlowJob:
    """Return a tree of one line."""
    node = FlowJob("leaf", "mail")
    for _ in range(levels):
        node = FlowJob("above", "mail", children=[node])
    return node


def add(data: Any = None, **options: Any) -> Ask:
    """Describe adding a job."""
    return lambda queue: queue.add("x", data, **options)


def add_bulk(*items: Any) -> Ask:
    """Describe adding jobs."""
    return lambda queue: queue.add_bulk([("first", 1), *items])


def schedule(repeat: Any, scheduler_id: Any = "s", **arguments: Any) -> Ask:
    """Describe making a scheduler."""
    return lambda queue: queue.upsert_job_scheduler(scheduler_id, repeat, **arguments)


def cron(pattern: Any, **fields: Any) -> Ask:
    """Describe a scheduler with a cron pattern."""
    return schedule(Repeat(pattern=pattern, **fields))


WRONG: dict[str, tuple[Ask, str]] = {
    "an unknown option": (add(atempts=3), "unknown job option atempts, did you mean attempts"),
    "an option in Node's spelling": (add(removeOnComplete=True), "did you mean remove_on_complete"),
    "an option like no other": (add(zzz=1), "unknown job option zzz; known are attempts"),
    "negative attempts": (add(attempts=-1), "attempts must be a whole number from 0"),
    "attempts as text": (add(attempts="3"), "not '3'"),
    "attempts as a truth": (add(attempts=True), "not True"),
    "a negative delay": (add(delay=-5), "delay must be 0 to"),
    "a delay as text": (add(delay="1"), "delay must be milliseconds or a timedelta"),
    "a delay that is no number": (add(delay=math.nan), "delay must be 0 to"),
    "a priority beyond the last": (add(priority=2_097_152), "priority must be a whole number from 0 to 2097151"),
    "a flag as text": (add(lifo="yes"), "lifo must be True or False"),
    "an id that is a number": (add(job_id="5"), "add a letter, such as order-7"),
    "an id that is no text": (add(job_id=5), "it must be text"),
    "an empty id": (add(job_id=""), "it is empty"),
    "an id with one colon": (add(job_id="a:b"), "a colon is only allowed in ids of exactly three parts"),
    "a reserved id": (add(job_id="0:1"), "ids that begin with 0: are reserved"),
    "the id of a key": (add(job_id="meta"), "the queue keeps a key of that name"),
    "half a character as an id": (add(job_id="\udcff"), "half a surrogate pair"),
    "a backoff as text": (add(backoff="fixed"), "backoff must be"),
    "a backoff that shakes too much": (add(backoff=Backoff("fixed", 1, jitter=2)), "jitter"),
    "retention by words": (add(remove_on_complete="yes"), "remove_on_complete must be"),
    "retention of less than nothing": (add(remove_on_fail=Keep(count=-1)), "remove_on_fail.count must be"),
    "a parent as text": (add(parent="top"), "parent must be ParentRef"),
    "deduplication as text": (add(deduplication="d"), "deduplication must be Deduplication"),
    "deduplication with an odd flag": (add(deduplication=Deduplication("d", extend=1)), "extend must be True or False"),  # type: ignore[arg-type]
    "deduplication without an id": (add(deduplication=Deduplication("")), "needs an id"),
    "two policies": (
        add(fail_parent_on_failure=True, continue_parent_on_failure=True),
        "one child-failure option, not fail_parent_on_failure and continue_parent_on_failure",
    ),
    "a payload over the limit": (add({"a": "bbbb"}, size_limit=5), "12 bytes of JSON, more than size_limit 5"),
    "no number": (add(math.nan), "cannot be stored as JSON"),
    "a number without end": (add({"a": [math.inf]}), "cannot be stored as JSON"),
    "a set": (add({1, 2}), "cannot be stored as JSON"),
    "bytes": (add(b"x"), "cannot be stored as JSON"),
    "a date": (add(datetime.now(UTC)), "cannot be stored as JSON"),
    "data that hold themselves": (add(ENDLESS), "cannot be stored as JSON"),
    "data too deep": (add(nested(100_000)), "cannot be stored as JSON"),
    "half a character": (add("\udc80"), "half a surrogate pair"),
    "no name": (lambda queue: queue.add(""), "a job's name must be text that is not empty"),
    "a name that is no text": (lambda queue: queue.add(5), "a job's name must be text"),  # type: ignore[arg-type]
    "one wrong job of many": (add_bulk(("second", math.nan)), "cannot be stored as JSON"),
    "one of many that is none": (add_bulk(5), r"\(name, data\) or \(name, data, options\), not 5"),
    "one of many with too much": (add_bulk(("second", 1, JobOptions(), 5)), r"\(name, data\) or"),
    "one of many with a dict": (add_bulk(("second", 1, {"attempts": 1})), "options must be JobOptions, not dict"),
    "neither cron nor every": (schedule(Repeat()), "either a cron pattern or every"),
    "cron and every": (schedule(Repeat(pattern="* * * * *", every=5)), "either a cron pattern or every"),
    "a rule as a dict": (schedule({"every": 5}), r"repeat must be Repeat\(…\), not dict"),
    "cron of one field": (cron("bad"), "has 1 fields; it takes five"),
    "cron of seven fields": (cron("* * * * * * *"), "has 7 fields"),
    "cron beyond the clock": (cron("61 * * * *"), "out of range"),
    "cron that never comes": (cron("0 0 30 2 *"), "matches no moment within 8 years"),
    "cron that is endless": (cron("*," * 50_000 + "* * * * *"), "at most 255 characters"),
    "cron with a step of nothing": (cron("0-59/0 * * * *"), "not acceptable"),
    "cron by chance": (cron("R 4 * * *"), r"leaves a field to chance \(R or H\)"),
    "cron that is no text": (cron(5), "a cron pattern is text"),
    "a zone nobody knows": (cron("0 9 * * 1", tz="Mars/Base"), "unknown time zone 'Mars/Base'; take an IANA name"),
    "every nothing": (schedule(Repeat(every=0)), "every must be at least 1 ms"),
    "every less than nothing": (schedule(Repeat(every=-1)), "every must be 0 to"),
    "a negative limit": (schedule(Repeat(every=5, limit=-1)), "limit must be a whole number from 0"),
    "an end that has passed": (schedule(Repeat(every=5, end_date_ms=1)), "its end date has passed"),
    "a scheduler without an id": (schedule(Repeat(every=5), ""), "needs an id that is not empty"),
    "a scheduler with a number": (schedule(Repeat(every=5), 7), "needs an id that is not empty, not 7"),
    "runs with an id": (schedule(Repeat(every=5), options=JobOptions(job_id="x")), "take no job_id"),
    "runs with a delay": (schedule(Repeat(every=5), options=JobOptions(delay=5)), "take no delay"),
    "runs with wrong options": (schedule(Repeat(every=5), options=JobOptions(attempts=-1)), "attempts must be"),
    "runs with wrong data": (schedule(Repeat(every=5), data=math.nan), "cannot be stored as JSON"),
    "a state that is none": (lambda queue: queue.get_jobs(["faild"]), "unknown state faild, did you mean failed"),
    "counts of no state": (lambda queue: queue.get_job_counts("waitng"), "did you mean waiting"),
    "a retry of what waits": (lambda queue: queue.retry_jobs(state="waiting"), "only failed and completed jobs"),
    "a retry of none at a time": (lambda queue: queue.retry_jobs(count=0), "count must be a whole number from 1"),
    "a promotion of none at a time": (lambda queue: queue.promote_jobs(count=0), "count must be a whole number from 1"),
    "cleaning less than nothing": (lambda queue: queue.clean(0, -1, "failed"), "limit must be a whole number from 0"),
    "cleaning a state that is none": (lambda queue: queue.clean(0, 0, "complted"), "jobs to clean are completed"),
    "fewer events than none": (lambda queue: queue.trim_events(-1), "length must be a whole number from 0"),
    "an event of BullMQ's name": (lambda queue: queue.publish_event("completed"), "the queue's own"),
    "an event without a name": (lambda queue: queue.publish_event(""), "must be text that is not empty"),
    "an event with a number": (lambda queue: queue.publish_event("mine", n=1), "text by text"),  # type: ignore[arg-type]
}

WRONG_FLOWS: dict[str, tuple[Any, str]] = {
    "a dict": ({"name": "a"}, "is a FlowJob, not dict"),
    "a child that is no node": (FlowJob("a", "mail", children=[("b", "mail")]), "is a FlowJob, not tuple"),  # type: ignore[list-item]
    "a child in a queue that cannot be": (FlowJob("a", "mail", children=[FlowJob("b", "ma:il")]), "'ma:il'"),
    "a child with data JSON cannot hold": (
        FlowJob("a", "mail", children=[FlowJob("b", "mail", math.nan)]),
        "cannot be stored as JSON",
    ),
    "a child with two policies": (
        FlowJob(
            "a",
            "mail",
            children=[
                FlowJob(
                    "b",
                    "mail",
                    options=JobOptions(ignore_dependency_on_failure=True, remove_dependency_on_failure=True),
                )
            ],
        ),
        "one child-failure option",
    ),
    "a job below itself": (
        FlowJob(
            "a",
            "mail",
            options=JobOptions(job_id="one"),
            children=[FlowJob("b", "mail", children=[FlowJob("c", "mail", options=JobOptions(job_id="one"))])],
        ),
        "is below itself in this flow",
    ),
    "a tree too tall": (tall(3_000), "100 levels deep"),
}

MISSPELT: dict[str, tuple[Callable[[], Any], str]] = {
    "JobOptions": (lambda: JobOptions(atempts=3), "unknown option of JobOptions: atempts, did you mean attempts"),  # type: ignore[call-arg]
    "Backoff": (lambda: Backoff(dealy=3), "did you mean delay"),  # type: ignore[call-arg]
    "Keep": (lambda: Keep(cuont=3), "did you mean count"),  # type: ignore[call-arg]
    "Deduplication": (lambda: Deduplication("a", tll=3), "did you mean ttl"),  # type: ignore[call-arg]
    "RateLimit": (lambda: RateLimit(max=1, durration=3), "did you mean duration"),  # type: ignore[call-arg]
    "Repeat": (lambda: Repeat(patern="@daily"), "did you mean pattern"),  # type: ignore[call-arg]
    "FlowJob": (lambda: FlowJob("a", "b", childs=[]), "did you mean children"),  # type: ignore[call-arg]
    "Queue": (lambda: Queue("mail", conection=""), "unknown option of Queue: conection, did you mean connection"),  # type: ignore[call-arg]
    "AsyncQueue": (lambda: AsyncQueue("mail", prefx="b"), "did you mean prefix"),  # type: ignore[call-arg]
    "QueueEvents": (lambda: QueueEvents("mail", last_id="$"), "did you mean last_event_id"),  # type: ignore[call-arg]
    "AsyncQueueEvents": (lambda: AsyncQueueEvents("mail", prefx="b"), "did you mean prefix"),  # type: ignore[call-arg]
    "FlowProducer": (lambda: FlowProducer(telemetri=None), "did you mean telemetry"),  # type: ignore[call-arg]
    "AsyncFlowProducer": (lambda: AsyncFlowProducer(prefx="b"), "did you mean prefix"),  # type: ignore[call-arg]
}

WRONG_WORKERS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown option": ({"concurency": 5}, "unknown worker option concurency, did you mean concurrency"),
    "no slot": ({"concurrency": 0}, "concurrency must be a whole number from 1"),
    "a flag as text": ({"skip_stalled_check": "no"}, "skip_stalled_check must be True or False"),
    "a name with a space": ({"name": "mailer 1"}, "printable ASCII without spaces"),
    "strategies that are none": ({"backoff_strategies": {"mine": 5}}, "backoff_strategies must be functions"),
    "retention by words": ({"remove_on_fail": "no"}, "remove_on_fail must be"),
    "its own dead letters": ({"dead_letter_queue": "mail"}, "must be another queue than 'mail' itself"),
    "dead letters with a colon": ({"dead_letter_queue": "a:b"}, "may not contain a colon"),
    "dead letters that are no text": ({"dead_letter_queue": 5}, "must be text"),
}


@pytest.mark.parametrize("what", WRONG)
@behaviour
async def test_a_wrong_request_is_refused_in_words_and_writes_nothing(
    front: Front, redis_client: Any, what: str
) -> None:
    ask, words = WRONG[what]
    async with front:
        with pytest.raises((UsageError, SchedulerError), match=words):
            await ask(front.queue("mail"))

    assert redis_client.dbsize() == 0


@pytest.mark.parametrize("what", WRONG_FLOWS)
@behaviour
async def test_a_wrong_flow_is_refused_whole(front: Front, redis_client: Any, what: str) -> None:
    flow, words = WRONG_FLOWS[what]
    async with front:
        flows = front.flows()
        with pytest.raises(UsageError, match=words):
            await flows.add(flow)
        with pytest.raises(UsageError, match=words):
            await flows.add_bulk([FlowJob("good", "mail"), flow])

    assert redis_client.dbsize() == 0


@pytest.mark.parametrize("what", MISSPELT)
def test_a_misspelt_option_is_answered_with_the_nearest_one(what: str) -> None:
    make, words = MISSPELT[what]
    with pytest.raises(UsageError, match=words):
        make()


@pytest.mark.parametrize("what", WRONG_WORKERS)
@behaviour
async def test_a_worker_is_not_made_with_wrong_options(front: Front, what: str) -> None:
    async def process(job: Any) -> None:
        """Do nothing."""

    options, words = WRONG_WORKERS[what]
    async with front:
        with pytest.raises(UsageError, match=words):
            front.worker("mail", process, **options)


@pytest.mark.parametrize(
    ("name", "words"), [("", "it is empty"), ("a:b", "may not contain a colon"), (5, "must be text"), (None, "text")]
)
@behaviour
async def test_a_queue_is_not_opened_by_a_wrong_name(front: Front, name: Any, words: str) -> None:
    async with front:
        with pytest.raises(UsageError, match=words):
            front.queue(name)
        with pytest.raises(UsageError, match="prefix must be text"):
            front.queue("mail", prefix=None)


@pytest.mark.parametrize("event_id", ["garbage", "", 5, "1-2-3"])
@behaviour
async def test_events_are_not_read_from_what_is_no_id(front: Front, event_id: Any) -> None:
    async with front:
        with pytest.raises(UsageError, match=r"last_event_id must be \$ or the id of an event"):
            front.events("mail", last_event_id=event_id)


@behaviour
async def test_only_functions_listen(front: Front) -> None:
    async def process(job: Any) -> None:
        """Do nothing."""

    wrong: Any = 5
    async with front:
        with pytest.raises(UsageError, match="a listener is a function"):
            front.events("mail").on("completed", wrong)
        with pytest.raises(UsageError, match="a listener is a function"):
            front.worker("mail", process).on("completed", wrong)


@behaviour
async def test_default_options_are_checked_as_the_jobs_own(front: Front, redis_client: Any) -> None:
    wrong: Any = {"attempts": 3}
    async with front:
        with pytest.raises(UsageError, match="default job options must be JobOptions, not dict"):
            await front.flows().add(FlowJob("a", "mail"), default_job_options={"mail": wrong})

    assert redis_client.dbsize() == 0
