import json
from typing import Any

import pytest
import redis

from board.engine.connection.sync import Connection
from board.errors import UnknownJobError
from board.queries.job import JobPage, read_job
from tests.queries.conftest import MAIL, Known
from tests.queries.jobs import AWKWARD_ID, NODE_TRACE, NOW, SECRET, Filler, fill_broken


def page_of(connection: Connection, known: Known, job_id: str = "1", **asked: Any) -> JobPage:
    return read_job(connection, known, MAIL, job_id, now_ms=NOW, **asked)


def test_a_failed_job_tells_everything_its_hash_knows(connection: Connection, known: Known, mail: Filler) -> None:
    mail.failed(
        "1",
        NOW - 1_000,
        stacktrace=json.dumps([NODE_TRACE, NODE_TRACE, NODE_TRACE.replace("10000", "20000")]),
        opts='{"attempts":3,"backoff":{"type":"exponential","delay":5000}}',
        pb="mailer-1",
        stc=1,
        deid="order-7",
        progress="40",
    )

    page = page_of(connection, known)

    assert (page.state, page.name, page.id) == ("failed", "send", "1")
    assert (page.error_name, page.attempts_made, page.attempts_max, page.stalled) == ("GatewayTimeoutError", 3, 3, 1)
    assert [attempt.number for attempt in page.attempts] == [3, 2, 1]
    assert page.attempt_shown == 3
    assert "20000 ms" in page.attempts[0].error_message
    assert (page.worker, page.dedup_id, page.progress) == ("mailer-1", "order-7", "40")
    assert (page.added_at_ms, page.finished_at_ms) == (NOW - 60_000, NOW - 1_000)
    assert page.options_words[0] == "Up to 3 attempts, waiting 5 s and then twice as long each time."
    assert page.timeline[-1].label == "Attempt 3"
    assert {field.name for field in page.raw} >= {"name", "data", "opts", "stacktrace", "failedReason"}
    assert page.problems == ()
    assert page.retryable.ok
    assert page.removable.ok
    assert page.promotable.reason == "only delayed jobs can be promoted"


def test_an_attempt_can_be_chosen(connection: Connection, known: Known, mail: Filler) -> None:
    mail.failed("1")

    assert page_of(connection, known, attempt=2).attempt_shown == 2
    assert page_of(connection, known, attempt=99).attempt_shown == 3


@pytest.mark.parametrize(
    ("state", "place"),
    [("waiting", ("2 of 3", "a", "c")), ("completed", ("2 of 3", "c", "a")), ("active", ("2 of 3", "a", "c"))],
)
def test_a_job_knows_its_place_and_its_neighbours(
    connection: Connection, known: Known, mail: Filler, state: str, place: tuple[str, str, str]
) -> None:
    """As the list shows them: waiting jobs in the order they run, finished ones newest first."""
    for at, job_id in enumerate("abc"):
        if state == "completed":
            mail.completed(job_id, NOW + at)
        else:
            getattr(mail, state)(job_id)

    page = page_of(connection, known, "b")

    assert (page.position, page.prev_id, page.next_id) == place
    assert (page_of(connection, known, "a").prev_id is None) == (state != "completed")


def test_a_job_deep_in_a_long_list_is_still_called_waiting(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    """Its place is not looked for beyond a hundred thousand ids."""
    mail.waiting("middle")
    redis_client.eval(
        "for i = 1, 60000 do redis.call('LPUSH', KEYS[1], 'h' .. i) redis.call('RPUSH', KEYS[1], 't' .. i) end",
        1,
        mail.key("wait"),
    )
    mail.waiting("newest")

    middle, newest = page_of(connection, known, "middle"), page_of(connection, known, "newest")

    assert (middle.state, middle.position) == ("waiting", None)
    assert newest.position == "120,002 of 120,002"


def test_a_lock_names_who_holds_the_job(connection: Connection, known: Known, mail: Filler) -> None:
    mail.active("1", 21_000)

    page = page_of(connection, known)

    assert page.lock_ttl_ms is not None
    assert 0 < page.lock_ttl_ms <= 21_000
    assert page.removable.reason.startswith("locked by mailer-1, lock ends in ")


def test_logs_are_the_last_lines_unless_asked_for_others(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    mail.active("1")
    redis_client.rpush(mail.key("1:logs"), *(f"line {n}" for n in range(450)))

    last, middle = page_of(connection, known), page_of(connection, known, logs_from=100)

    assert (last.logs_total, last.logs_from, len(last.logs)) == (450, 250, 200)
    assert (last.logs[-1].number, last.logs[-1].text) == (450, "line 449")
    assert (middle.logs[0].number, middle.logs[0].text) == (101, "line 100")
    assert page_of(connection, known, logs_from=10**9).logs == ()


def test_a_flood_of_log_is_cut(connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis) -> None:
    mail.active("1")
    redis_client.rpush(mail.key("1:logs"), *("x" * 1_000_000 for _ in range(3)))

    assert sum(len(line.text) for line in page_of(connection, known).logs) <= 3 * 8192


def test_a_parent_lists_its_children_with_what_became_of_them(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    mail.parent("parent")
    mail.child(mail.waiting("open"), "parent")
    mail.child(mail.failed("bad"), "parent", "fpof")
    redis_client.hset(mail.key("parent:processed"), mapping={"bull:mail:done": "1", "bull:mail:evicted": "2"})
    redis_client.hset(mail.key("parent:failed"), "bull:other:ignored", "reason")
    redis_client.zadd(mail.key("parent:unsuccessful"), {"bull:mail:bad": NOW})
    redis_client.srem(mail.key("parent:dependencies"), "bull:mail:bad")
    mail.completed("done")

    page = page_of(connection, known, "parent")
    child = page_of(connection, known, "bad")

    assert [(link.kind, link.id, link.state) for link in page.children] == [
        ("failed", "bad", "failed"),
        ("ignored", "ignored", None),
        ("unprocessed", "open", "waiting"),
        ("processed", "done", "completed"),
        ("processed", "evicted", None),
    ]
    assert page.children_counts is not None
    assert (page.children_counts.processed, page.children_counts.unprocessed) == (2, 1)
    assert (page.children_counts.ignored, page.children_counts.failed) == (1, 1)
    assert [link.url_ok for link in page.children] == [True, False, True, True, False]
    assert child.parent is not None
    assert (child.parent.id, child.parent.state, child.parent.name) == ("parent", "waiting-children", "send")


def test_a_child_whose_id_holds_colons_is_found(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    mail.parent("parent")
    mail.child(mail.completed("repeat:weekly:1767225600000"), "parent")

    (link,) = page_of(connection, known, "parent").children

    assert (link.id, link.state) == ("repeat:weekly:1767225600000", "completed")
    assert link.queue is not None
    assert link.queue.name == "mail"


def test_a_parent_in_a_queue_that_is_not_shown_gives_nothing_away(connection: Connection, mail: Filler) -> None:
    other = Filler(mail.client, "secret")
    other.parent("p", name="takeover of acme")
    mail.waiting("1", parentKey="bull:secret:p", parent='{"id":"p","queueKey":"bull:secret"}')

    page = page_of(connection, Known(frozenset({"secret"})))

    assert page.parent is not None
    assert (page.parent.url_ok, page.parent.name, page.parent.state, page.parent.queue) == (False, None, None, None)


def test_a_job_that_is_gone_is_unknown(connection: Connection, known: Known, mail: Filler) -> None:
    with pytest.raises(UnknownJobError) as caught:
        page_of(connection, known, "gone")

    assert (caught.value.job_id, caught.value.queue, caught.value.slug) == ("gone", "mail", "mail")


@pytest.mark.parametrize(
    ("job_id", "problem"),
    [
        ("gone", "its id is in a list, the job itself is gone"),
        ("text-key", "its key holds a string, not a job"),
        ("bare", "the hash has no field “data”"),
        ("not-json", "the data are not JSON"),
        ("not-json", "the options are not JSON"),
        ("not-json", "the stack traces are not JSON"),
        ("not-json", "the time of creation is no number"),
    ],
)
def test_a_broken_job_has_a_page_that_says_what_is_broken(
    connection: Connection, known: Known, redis_client: redis.Redis, job_id: str, problem: str
) -> None:
    fill_broken(redis_client)

    page = page_of(connection, known, job_id)

    assert problem in page.problems
    assert page.state == "failed"
    assert page.position is not None


def test_a_job_in_no_list_says_so(connection: Connection, known: Known, mail: Filler) -> None:
    mail.hash("orphan")

    page = page_of(connection, known, "orphan")

    assert page.state == "unknown"
    assert page.problems == ("no list of the queue holds this job: no worker will ever take it",)


def test_a_payload_of_a_megabyte_is_shown_in_part(
    connection: Connection, known: Known, redis_client: redis.Redis
) -> None:
    fill_broken(redis_client)

    page = page_of(connection, known, "huge")

    assert page.data.truncated
    assert page.data.size > 1_000_000
    assert len(page.data.text) == 65_536
    assert page.problems == ()


def test_an_awkward_id_has_a_page(connection: Connection, known: Known, redis_client: redis.Redis) -> None:
    fill_broken(redis_client)

    assert page_of(connection, known, AWKWARD_ID).id == AWKWARD_ID


def test_no_part_of_a_page_shows_a_secret(connection: Connection, known: Known, mail: Filler) -> None:
    data = json.dumps({"user": {"password": SECRET}, "n": 1})
    mail.completed("1", data=data, returnvalue=data, progress=data, opts=json.dumps({"attempts": 1, "apiKey": SECRET}))
    mail.completed("2", data=data[:-1], returnvalue=data[:-1])

    assert SECRET not in repr(page_of(connection, known, "1"))
    assert SECRET not in repr(page_of(connection, known, "2"))


def test_a_hash_with_a_thousand_fields_of_its_own_shows_those_we_know(
    connection: Connection, known: Known, mail: Filler
) -> None:
    mail.waiting("1", **{f"extra-{n}": n for n in range(1_000)})

    page = page_of(connection, known)

    assert page.name == "send"
    assert len(page.raw) < 30
