"""Node adds, we work; and both work side by side on one queue."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from board.engine import DelayedError, ParentRef, Queue, RateLimit, UnrecoverableError, WaitingChildrenError
from tests.engine.fronts import RENEWING
from tests.interop.node import Complete, NodeBullMQ, NodeError
from tests.interop.our_worker import FRONTS, our_worker
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.node, pytest.mark.parametrize("front", FRONTS)]

HOSTILE: dict[str, Any] = {"html": "<script>", "text": "é ☃ 😀", "none": None, "deep": [[{}]], "big": 2**53 - 1}


@pytest.fixture
def queue(redis_url: str) -> Iterator[Queue]:
    with Queue("mail", connection=redis_url) as one:
        yield one


def test_we_complete_what_node_added_and_node_reads_the_result(front: str, node: NodeBullMQ, redis_url: str) -> None:
    job = node.add("mail", "welcome", HOSTILE)

    with our_worker(front, "mail", lambda job: {"echo": job.data}, redis_url):
        assert node.wait_until_finished("mail", job.id) == {"echo": HOSTILE}

    seen = node.get_job("mail", job.id)
    assert seen is not None
    assert (seen.attempts_made, seen.attempts_started) == (1, 1)


def test_node_learns_why_our_processor_failed(front: str, node: NodeBullMQ, redis_url: str) -> None:
    job = node.add("mail", "welcome")

    def fail(_job: Any) -> None:
        raise ValueError("no such <address>")

    with our_worker(front, "mail", fail, redis_url), pytest.raises(NodeError, match="no such <address>"):
        node.wait_until_finished("mail", job.id)

    seen = node.get_job("mail", job.id)
    assert seen is not None
    assert "ValueError: no such <address>" in seen.stacktrace[0]


def test_we_retry_with_the_attempts_and_backoff_that_node_asked_for(
    front: str, node: NodeBullMQ, redis_url: str
) -> None:
    job = node.add("mail", "flaky", None, {"attempts": 3, "backoff": {"type": "exponential", "delay": 10}})
    tries: list[int] = []

    def third_time(job: Any) -> str:
        tries.append(job.attempts_made)
        if len(tries) < 3:
            raise RuntimeError(f"try {len(tries)}")
        return "at last"

    with our_worker(front, "mail", third_time, redis_url):
        assert node.wait_until_finished("mail", job.id) == "at last"

    assert tries == [0, 1, 2]
    seen = node.get_job("mail", job.id)
    assert seen is not None
    assert (seen.attempts_made, len(seen.stacktrace)) == (3, 2)


def test_an_unrecoverable_error_ends_a_job_of_node_at_once(front: str, node: NodeBullMQ, redis_url: str) -> None:
    job = node.add("mail", "charge", None, {"attempts": 5})

    def refuse(_job: Any) -> None:
        raise UnrecoverableError("card stolen")

    with our_worker(front, "mail", refuse, redis_url), pytest.raises(NodeError, match="card stolen"):
        node.wait_until_finished("mail", job.id)

    seen = node.get_job("mail", job.id)
    assert seen is not None
    assert seen.attempts_made == 1


def test_priorities_delays_and_order_hold_for_our_worker(front: str, node: NodeBullMQ, redis_url: str) -> None:
    low = node.add("mail", "p", None, {"priority": 9})
    first = node.add("mail", "a")
    second = node.add("mail", "b")
    high = node.add("mail", "p", None, {"priority": 1})
    newest = node.add("mail", "c", None, {"lifo": True})

    with our_worker(front, "mail", lambda _: None, redis_url, concurrency=1) as done:
        wait_until(lambda: len(done) == 5, "all five jobs")

    assert done == [job.id for job in (newest, first, second, high, low)]


def test_retention_that_node_asked_for_is_kept(front: str, node: NodeBullMQ, redis_url: str) -> None:
    node.add_bulk("mail", [("n", None, {"removeOnComplete": {"count": 2}}) for _ in range(6)])

    with our_worker(front, "mail", lambda _: None, redis_url) as done:
        wait_until(lambda: len(done) == 6, "six jobs")

    assert node.counts("mail")["completed"] == 2


def test_node_lists_our_worker_by_its_name(front: str, node: NodeBullMQ, queue: Queue, redis_url: str) -> None:
    with our_worker(front, "mail", lambda _: None, redis_url, name="mailer-1"):
        names = wait_until(lambda: [one["rawname"] for one in node.workers("mail")], "node to list the worker")

    assert names == ["bull:bWFpbA==:w:mailer-1"]


def test_node_hears_every_event_of_a_job_we_worked_on(front: str, node: NodeBullMQ, redis_url: str) -> None:
    events = node.queue_events("mail")
    job = node.add("mail", "welcome", None, {"attempts": 2})

    def body(job: Any) -> Any:
        if job.attempts_made == 0:
            raise RuntimeError("once")
        return job.update_progress(50)

    with our_worker(front, "mail", body, redis_url):
        wait_until(lambda: "completed" in events.kinds(job.id), "the completed event")

    assert events.kinds(job.id) == ["added", "waiting", "active", "waiting", "active", "progress", "completed"]


def test_our_processor_may_delay_its_own_job(front: str, node: NodeBullMQ, redis_url: str) -> None:
    job = node.add("mail", "later")
    runs: list[str] = []

    def threads(job: Any) -> str:
        runs.append(job.id)
        if len(runs) == 1:
            job.move_to_delayed(job.processed_on_ms + 30)
            raise DelayedError
        return "second time"

    async def aio(job: Any) -> str:
        runs.append(job.id)
        if len(runs) == 1:
            await job.move_to_delayed(job.processed_on_ms + 30)
            raise DelayedError
        return "second time"

    with our_worker(front, "mail", threads if front == "threads" else aio, redis_url):
        assert node.wait_until_finished("mail", job.id) == "second time"

    seen = node.get_job("mail", job.id)
    assert seen is not None
    assert (seen.attempts_made, seen.attempts_started) == (1, 2)


def test_our_parent_waits_for_children_that_node_works_on(front: str, node: NodeBullMQ, redis_url: str) -> None:
    parent = node.add("mail", "parent")
    with Queue("parts", connection=redis_url) as parts:

        def threads(job: Any) -> Any:
            if not job.get_children_values():
                parts.add("child", {"n": 1}, parent=ParentRef(job.id, "bull:mail"))
                if job.move_to_waiting_children():
                    raise WaitingChildrenError
            return list(job.get_children_values().values())

        async def aio(job: Any) -> Any:
            if not await job.get_children_values():
                parts.add("child", {"n": 1}, parent=ParentRef(job.id, "bull:mail"))
                if await job.move_to_waiting_children():
                    raise WaitingChildrenError
            return list((await job.get_children_values()).values())

        with (
            our_worker(front, "mail", threads if front == "threads" else aio, redis_url),
            node.worker("parts", Complete("part")),
        ):
            assert node.wait_until_finished("mail", parent.id) == ["part"]


def test_our_worker_keeps_a_scheduler_of_node_going(front: str, node: NodeBullMQ, redis_url: str) -> None:
    node.upsert_job_scheduler("mail", "tick", {"every": 40}, {"name": "tick", "data": {"n": 1}})

    with our_worker(front, "mail", lambda job: job.data["n"], redis_url) as done:
        wait_until(lambda: len(done) >= 3, "three runs")
        node.call("mail", "removeJobScheduler", "tick")


def test_a_rate_limit_holds_over_both_languages(
    front: str, node: NodeBullMQ, redis_url: str, redis_client: redis.Redis
) -> None:
    node.add_bulk("mail", [("n", {"n": n}, {}) for n in range(8)])
    ours: list[str] = []

    def note(job: Any) -> None:
        ours.append(job.id)

    limit = RateLimit(max=2, duration=300)
    with (
        our_worker(front, "mail", note, redis_url, limiter=limit, concurrency=4) as done,
        node.worker("mail", Complete(), concurrency=4, limiter={"max": 2, "duration": 300}) as theirs,
    ):
        wait_until(lambda: len(done) + len(theirs.jobs("completed")) == 8, "eight jobs")
        assert len(ours) + sum(event.kind == "active" for event in theirs.events()) == 8

    # By the server's clock, which the limit goes by: two in each window, of which none is shorter than its length.
    events: Any = redis_client.xrange("bull:mail:events")
    starts = [int(event_id.partition("-")[0]) for event_id, fields in events if fields["event"] == "active"]
    assert len(starts) == 8
    assert all(start - starts[0] >= number // 2 * 300 - 10 for number, start in enumerate(starts)), starts


def test_two_thousand_jobs_between_two_languages_run_once_each(
    front: str, node: NodeBullMQ, queue: Queue, redis_url: str
) -> None:
    """Node rests until we have begun, or it might have done them all before."""
    ran: Counter[str] = Counter()
    lock = threading.Lock()

    def count(job: Any) -> str:
        with lock:
            ran[job.id] += 1
        return "ours"

    def add(count: int) -> list[str]:
        return [job.id for job in queue.add_bulk([("n", {"n": n}) for n in range(count)])]

    with node.worker("mail", Complete("theirs"), concurrency=10) as theirs:
        ids = add(10)
        wait_until(lambda: len(theirs.jobs("completed")) == 10, "Node to have begun")
        theirs.call("pause")
        with our_worker(front, "mail", count, redis_url, concurrency=10):
            ids += add(1990)
            wait_until(lambda: ran, "us to have begun")
            theirs.call("resume")
            wait_until(lambda: queue.get_counts().completed == 2000, "all jobs")
        ran.update(theirs.jobs("active"))

    assert ran == Counter(ids)
    results = Counter(job.return_value for job in queue.get_completed())
    assert results["ours"] + results["theirs"] == 2000
    assert min(results["ours"], results["theirs"]) > 0
    theirs_say = node.counts("mail")
    assert queue.get_job_counts() == {name: theirs_say[name] for name in queue.get_job_counts()}


def test_node_sees_a_job_that_was_stopped_fail_and_goes_on_with_its_queue(
    front: str, node: NodeBullMQ, redis_url: str, queue: Queue
) -> None:
    job = node.add("mail", "long", None, {"attempts": 3})
    entered = threading.Event()

    def body(job: Any) -> Any:
        if job.name != "long":
            return "next"
        entered.set()
        return _until_cancelled(job) if front == "threads" else asyncio.sleep(60)

    with our_worker(front, "mail", body, redis_url, **RENEWING):
        assert entered.wait(PATIENCE_S)
        queue.stop_job(job.id, "stopped by ann")
        with pytest.raises(NodeError, match="stopped by ann"):
            node.wait_until_finished("mail", job.id)
        following = node.add("mail", "short")
        assert node.wait_until_finished("mail", following.id) == "next"

    assert node.state("mail", job.id) == "failed"
    stopped = queue.get_job(job.id)
    assert stopped is not None
    stopped.retry()
    with node.worker("mail", Complete("done")):
        assert node.wait_until_finished("mail", job.id) == "done"


def _until_cancelled(job: Any) -> None:
    wait_until(lambda: job.is_cancelled, "to be cancelled")
    job.raise_if_cancelled()
