"""A run takes jobs out of `active` together, then those that wait: none is lost, taken twice or out of order."""

from collections.abc import Sequence
from typing import Any

import pytest
import redis

from board.engine.calls import Call
from board.engine.commands import jobs, leases
from board.engine.commands.leases import FetchNext
from board.engine.connection.sync import Connection
from board.engine.errors import JobNotFoundError, JobNotInStateError, LockLostError
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import Deduplication, JobOptions, ParentRef, RateLimit
from tests.scripts.runs import NOW, Outcome, add, commands, complete, fail, lost, run, take, take_all, together

NEXT = FetchNext(60_000)
ALL = [str(number) for number in range(1, 41)]
"""Ids of forty jobs, the one that was taken first first."""


def fill(connection: Connection, queue: QueueKeys, taken: int, waiting: int = 0) -> list[str]:
    """Add jobs of which the first ones are taken; return the ids of those, the first first."""
    for _ in range(taken):
        add(connection, queue)
    ids = take_all(connection, queue)
    for _ in range(waiting):
        add(connection, queue)
    return ids


def ids_of(heard: Sequence[Outcome]) -> list[str | None]:
    """Return the ids of the jobs that were taken, None where none was."""
    return [one[0] if isinstance(one, tuple) and one[0] != "no job" else None for one in heard]


def listed(client: redis.Redis, queue: QueueKeys, name: str = "active") -> Any:
    """Return the ids of a list, the one that is next first."""
    ids: Any = client.lrange(queue.key(name), 0, -1)
    return ids[::-1]


def events(client: redis.Redis, queue: QueueKeys) -> list[tuple[str, str]]:
    """Return the names of all events with the job each is about."""
    entries: Any = client.xrange(queue.key("events"))
    return [(fields["event"], fields.get("jobId", "")) for _, fields in entries]


def fetches(queue: QueueKeys, count: int, limiter: RateLimit | None = None, now_ms: int = NOW) -> list[Call[Any]]:
    """Describe several takers, of one moment each."""
    return [
        leases.fetch_job(queue, token=f"f{number}", lock_ms=60_000, now_ms=now_ms + number, limiter=limiter)
        for number in range(count)
    ]


def test_a_run_takes_jobs_out_of_active_and_into_it_together(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    ids = fill(connection, queue, 20, 20)

    made = commands(redis_client, lambda: together(connection, [complete(queue, one, fetch=NEXT) for one in ids]))

    assert not {"rpoplpush", "rpush", "lpos"} & made.keys()
    assert (made["lrem"], made["lrange"], made["ltrim"], made["lpush"]) == (1, 2, 2, 1)
    assert listed(redis_client, queue) == ALL[20:]


@pytest.mark.parametrize(
    "ended",
    [
        pytest.param(ALL[:5], id="first"),
        pytest.param(ALL[4::-1], id="first, backwards"),
        pytest.param(ALL[1:10:2], id="every second"),
        pytest.param(ALL[-5:], id="last"),
        pytest.param(ALL[17:23], id="middle"),
        pytest.param([*ALL[:3], *ALL[20:22], *ALL[5:8], ALL[-1]], id="everywhere"),
        pytest.param(ALL, id="all"),
    ],
)
@pytest.mark.parametrize("retried", [False, True], ids=["completed", "retried"])
def test_whoever_leaves_is_gone_and_the_others_stay_in_order(
    connection: Connection,
    queue: QueueKeys,
    redis_client: redis.Redis,
    ended: list[str],
    retried: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    fill(connection, queue, len(ALL))

    together(connection, [retry(queue, one) if retried else complete(queue, one) for one in ended])

    assert listed(redis_client, queue) == [one for one in ALL if one not in ended]
    assert (listed(redis_client, queue, "wait") if retried else redis_client.zrange("bull:mail:completed", 0, -1)) == (
        ended if retried else sorted(ended)
    )
    assert redis_client.exists(*(queue.lock(one) for one in ALL)) == len(ALL) - len(ended)


def retry(queue: QueueKeys, job_id: str) -> Call[Any]:
    """Describe a job's going back in line after a failed attempt."""
    return leases.retry_active_job(queue, job_id, token=f"t{job_id}", now_ms=NOW, reason="no")


def test_of_an_id_that_stands_twice_in_active_the_one_that_is_nearer_to_the_end_goes(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    fill(connection, queue, 4)
    redis_client.lpush(queue.key("active"), "2")

    together(connection, [complete(queue, "1"), complete(queue, "2")])

    assert listed(redis_client, queue) == ["3", "4", "2"]


@pytest.mark.parametrize("places", [1, 2], ids=["once", "twice"])
def test_an_id_that_leaves_twice_needs_to_stand_there_twice(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis, places: int
) -> None:
    for _ in range(3):
        add(connection, queue)
        take(connection, queue, "0")
    if places > 1:
        redis_client.lpush(queue.key("active"), "2")

    heard = together(connection, [complete(queue, one, "0") for one in ("1", "2", "2")])

    assert heard == [None, None, None if places > 1 else lost(JobNotInStateError)]
    assert listed(redis_client, queue) == ["3"]


def test_what_is_refused_between_others_takes_nothing_and_stays_where_it_was(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    fill(connection, queue, 5, 5)
    redis_client.lrem(queue.key("active"), 0, "4")
    ends = [complete(queue, one, token, fetch=NEXT) for one, token in (("1", None), ("2", "other"), ("3", None))]
    ends += [complete(queue, one, fetch=NEXT) for one in ("4", "404", "5")]

    heard = together(connection, ends)

    assert [heard[1], heard[3], heard[4]] == [lost(LockLostError), lost(JobNotInStateError), lost(JobNotFoundError)]
    assert ids_of(heard) == ["6", None, "7", None, None, "8"]
    assert listed(redis_client, queue) == ["2", "6", "7", "8"]
    assert redis_client.get(queue.lock("2")) == "t2"


def test_what_meets_an_error_between_others_takes_nothing_and_stays_where_it_was(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    fill(connection, queue, 4, 4)
    redis_client.hset(queue.job("2"), mapping={"parentKey": "bull:parents:1", "parent": "{}"})
    redis_client.set("bull:parents:1:dependencies", "no set")
    keys = [queue.job("2"), queue.lock("2"), "bull:parents:1:dependencies"]
    before = [redis_client.exists(key) and redis_client.object("encoding", key) for key in keys]
    fields: Any = redis_client.hgetall(queue.job("2"))

    heard = together(connection, [complete(queue, str(number), fetch=NEXT) for number in range(1, 5)])

    assert "WRONGTYPE" in str(heard[1])
    assert ids_of(heard) == ["5", None, "6", "7"]
    assert listed(redis_client, queue) == ["2", "5", "6", "7"]
    assert [redis_client.exists(key) and redis_client.object("encoding", key) for key in keys] == before
    assert redis_client.hgetall(queue.job("2")) == fields
    assert redis_client.zrange("bull:mail:completed", 0, -1) == ["1", "3", "4"]


@pytest.mark.parametrize("token", ["t", "0"], ids=["with locks", "without locks"])
def test_jobs_end_and_are_taken_while_the_memory_of_redis_is_full(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis, token: str
) -> None:
    for _ in range(4):
        add(connection, queue)
        take(connection, queue, token)
    for _ in range(2):
        add(connection, queue)
    ends = [complete(queue, one, token, fetch=NEXT) for one in ALL[:3]]

    redis_client.config_set("maxmemory", 1)
    try:
        heard = together(connection, ends)
    finally:
        redis_client.config_set("maxmemory", 0)

    assert ids_of(heard) == ["5", "6", None]
    assert heard[2] is None
    assert listed(redis_client, queue) == ["4", "5", "6"]
    assert redis_client.zrange("bull:mail:completed", 0, -1) == ["1", "2", "3"]


def test_no_job_is_lost_that_is_asked_for_while_the_memory_of_redis_is_full(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    fill(connection, queue, 0, 3)

    redis_client.config_set("maxmemory", 1)
    try:
        heard = together(connection, fetches(queue, 3))
    finally:
        redis_client.config_set("maxmemory", 0)

    assert all("maxmemory" in str(error) for error in heard)
    assert listed(redis_client, queue, "wait") == ["1", "2", "3"]
    assert redis_client.exists(queue.key("active")) == 0


def test_no_id_is_lost_while_active_is_no_list(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    fill(connection, queue, 3, 3)
    redis_client.set(queue.key("active"), "no list")

    ended = together(connection, [complete(queue, one, fetch=NEXT) for one in ("1", "2", "3")])
    taken = together(connection, fetches(queue, 3))

    assert all("WRONGTYPE" in str(error) for error in (*ended, *taken))
    assert listed(redis_client, queue, "wait") == ["4", "5", "6"]
    assert redis_client.exists(queue.key("completed")) == 0
    assert redis_client.get(queue.lock("1")) == "t1"


def test_jobs_end_while_what_waits_is_no_list(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    fill(connection, queue, 3)
    redis_client.set(queue.key("wait"), "no list")

    heard = together(connection, [complete(queue, "1", fetch=NEXT), complete(queue, "2"), complete(queue, "3")])

    assert "WRONGTYPE" in str(heard[0])
    assert redis_client.zrange("bull:mail:completed", 0, -1) == ["1", "2", "3"]
    assert redis_client.exists(queue.key("active")) == 0


def test_an_error_of_one_taker_costs_the_others_nothing(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    fill(connection, queue, 3, 3)
    redis_client.delete(queue.job("5"))
    redis_client.set(queue.job("5"), "no job")

    heard = together(connection, [complete(queue, one, fetch=NEXT) for one in ("1", "2", "3")])

    assert "WRONGTYPE" in str(heard[1])
    assert ids_of(heard) == ["4", None, "6"]
    assert redis_client.zrange("bull:mail:completed", 0, -1) == ["1", "2", "3"]


def test_no_more_are_taken_than_may_run_at_once(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    ids = fill(connection, queue, 6, 6)
    redis_client.hset(queue.key("meta"), "concurrency", 5)

    heard = together(connection, [complete(queue, one, fetch=NEXT) for one in ids[:4]])

    assert ids_of(heard) == ["7", "8", "9", None]
    assert listed(redis_client, queue) == ["5", "6", "7", "8", "9"]
    assert ids_of(together(connection, fetches(queue, 3))) == [None] * 3
    assert listed(redis_client, queue, "wait") == ["10", "11", "12"]


def test_an_id_that_leads_nowhere_leaves_its_place_under_the_limit_to_another(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    fill(connection, queue, 0, 4)
    redis_client.rpush(queue.key("wait"), "ghost")
    redis_client.hset(queue.key("meta"), "concurrency", 3)

    heard = together(connection, fetches(queue, 4))

    assert sorted(one for one in ids_of(heard) if one) == ["1", "2", "3"]
    assert sorted(listed(redis_client, queue)) == ["1", "2", "3"]


@pytest.mark.parametrize("own", [True, False], ids=["of a worker", "of the queue"])
def test_no_more_are_taken_than_may_start(
    connection: Connection,
    queue: QueueKeys,
    redis_client: redis.Redis,
    own: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    ids = fill(connection, queue, 4, 4)
    limiter = RateLimit(2, 60_000) if own else None
    if not own:
        redis_client.hset(queue.key("meta"), mapping={"max": 2, "duration": 60_000})

    heard = together(connection, [complete(queue, one, fetch=FetchNext(60_000, limiter)) for one in ids])

    assert ids_of(heard) == ["5", "6", None, None]
    assert heard[2:] == [("no job", "limited", "0")] * 2
    assert redis_client.get(queue.key("limiter")) == "2"
    assert listed(redis_client, queue, "wait") == ["7", "8"]


def test_nothing_is_taken_while_the_queue_is_paused(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    ids = fill(connection, queue, 3, 3)
    redis_client.hset(queue.key("meta"), "paused", 1)

    heard = together(connection, [complete(queue, one, fetch=NEXT) for one in ids])

    assert ids_of([*heard, *together(connection, fetches(queue, 3))]) == [None] * 6
    assert listed(redis_client, queue, "wait") == ["4", "5", "6"]
    assert ("drained", "") not in events(redis_client, queue)


def test_those_that_wait_are_taken_before_those_with_a_priority_and_what_is_due_counts(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    ids = fill(connection, queue, 6)
    for options in ({"priority": 2}, {}, {"priority": 1}, {"delay": 3}, {"delay": 60_000}):
        add(connection, queue, **options)

    heard = together(connection, [complete(queue, one, fetch=NEXT, now_ms=NOW + int(one)) for one in ids])

    assert ids_of(heard) == ["8", "10", "9", "7", None, None]
    assert heard[4:] == [("no job", "", str(NOW + 60_000))] * 2
    assert listed(redis_client, queue) == ["8", "10", "9", "7"]


def test_takers_get_what_waits_in_its_order(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    fill(connection, queue, 0, 4)
    add(connection, queue, delay=2)

    heard = together(connection, fetches(queue, 7))

    assert ids_of(heard) == ["1", "2", "3", "4", "5", None, None]
    assert listed(redis_client, queue) == ["1", "2", "3", "4", "5"]
    assert [redis_client.get(queue.lock(str(number + 1))) for number in range(5)] == [f"f{n}" for n in range(5)]


def test_ids_that_lead_nowhere_are_dropped_and_their_takers_take_another(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    ids = fill(connection, queue, 4, 3)
    redis_client.rpush(queue.key("wait"), "ghost", "0:1767225600000")

    heard = together(connection, [complete(queue, one, fetch=NEXT) for one in ids])

    assert sorted(one or "" for one in ids_of(heard)) == ["", "5", "6", "7"]
    assert sorted(listed(redis_client, queue)) == ["5", "6", "7"]
    assert redis_client.exists(queue.key("wait")) == 0


def test_the_duplicate_that_was_kept_for_afterwards_is_taken_in_the_run_that_ends_its_owner(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    kept = Deduplication("a", keep_last_if_active=True)
    add(connection, queue, deduplication=kept)
    add(connection, queue)
    take_all(connection, queue)
    add(connection, queue, deduplication=kept)

    heard = together(connection, [complete(queue, "1", fetch=NEXT), complete(queue, "2", fetch=NEXT)])

    new = ids_of(heard)[0] or ""
    assert redis_client.hget(queue.job(new), "deid") == "a"
    assert ids_of(heard)[1] is None
    assert listed(redis_client, queue) == [new]


def test_a_parent_is_taken_in_the_run_that_ends_its_last_child_and_each_jobs_events_are_in_order(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    connection.call(jobs.add_job(queue, prepare_job("send", {}, JobOptions(job_id="parent", priority=0), now_ms=NOW)))
    take(connection, queue, "tparent")
    children = [add(connection, queue, parent=ParentRef("parent", queue.qualified)) for _ in range(2)]
    take_all(connection, queue)
    connection.call(leases.wait_for_children(queue, "parent", token="tparent", now_ms=NOW))
    add(connection, queue)

    heard = together(connection, [complete(queue, one, fetch=NEXT) for one in children])

    told = events(redis_client, queue)
    assert ids_of(heard)[0] == "parent"
    assert [name for name, job_id in told if job_id == "parent"][-3:] == ["waiting-children", "waiting", "active"]
    assert [name for name, job_id in told if job_id == children[1]] == ["added", "waiting", "active", "completed"]


def test_a_worker_that_waits_hears_of_a_parent_that_is_released_under_a_limit(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    redis_client.hset(queue.job("parent"), "name", "parent")
    redis_client.zadd(queue.key("waiting-children"), {"parent": NOW})
    add(connection, queue, parent=ParentRef("parent", queue.qualified))
    add(connection, queue)
    ids = take_all(connection, queue)
    redis_client.hset(queue.key("meta"), "concurrency", 2)
    redis_client.delete(queue.key("marker"))

    together(connection, [complete(queue, one) for one in ids])

    assert listed(redis_client, queue, "wait") == ["parent"]
    assert redis_client.zscore(queue.key("marker"), "0") == 0


def test_a_run_tells_once_that_the_queue_is_drained(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    ids = fill(connection, queue, 4, 1)

    replies = run(connection, [complete(queue, one, fetch=NEXT) for one in ids[:2]])
    not_yet = events(redis_client, queue).count(("drained", ""))
    run(connection, [complete(queue, ids[2]), fail(queue, ids[3], fetch=NEXT), complete(queue, "5", "t1")])

    assert replies[1] == 0
    assert not_yet == 0
    assert events(redis_client, queue).count(("drained", "")) == 1
    assert events(redis_client, queue)[-1] == ("drained", "")
