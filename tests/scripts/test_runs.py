"""Ends of several callers that travel as one run of a script leave what they leave one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
import redis

from board.engine.calls import Call, raw
from board.engine.codec import joined
from board.engine.commands import leases
from board.engine.commands.leases import DeadLetter, FetchNext
from board.engine.connection.sync import Connection
from board.engine.errors import (
    EngineError,
    FailedChildrenError,
    JobNotFoundError,
    JobNotInStateError,
    LockLostError,
    PendingChildrenError,
)
from board.engine.keys import QueueKeys
from board.engine.types import Deduplication, Keep, ParentRef, RateLimit
from tests.golden.dumps import capture
from tests.scripts.runs import NOW, Outcome, add, commands, complete, fail, lost, run, take, take_all, together, told

SEEDS = 120
PARENTS = QueueKeys("bull", "parents")


@dataclass(frozen=True)
class End:
    """An end that takes the next job, in one call and in two; ``take`` is None where it takes none."""

    whole: Call[Any]
    alone: Call[Any]
    take: Call[Any] | None


def one_by_one(connection: Connection, ends: Sequence[End]) -> list[Outcome]:
    """Let each end alone, then each of those that ended take a job alone."""
    heard = [outcome for end in ends for outcome in together(connection, [end.alone])]
    for number, end in enumerate(ends):
        if heard[number] is None and end.take is not None:
            heard[number] = together(connection, [end.take])[0]
    return heard


def test_what_is_the_same_for_all_ends_of_a_run_is_done_once(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    for _ in range(60):
        add(connection, queue)
    held = [take(connection, queue, f"t{number}") for number in range(1, 31)]
    ends = [complete(queue, job_id or "", fetch=FetchNext(60_000)) for job_id in held]

    made = commands(redis_client, lambda: together(connection, ends))

    assert {name: made[name] for name in ("mget", "exists", "del", "zadd")} == {
        "mget": 1,
        "exists": 1,
        "del": 1,
        "zadd": 3,  # the first that completed, all others, the marker
    }
    assert "get" not in made
    assert redis_client.zcard("bull:mail:completed") == 30
    assert redis_client.exists(*(queue.lock(str(number)) for number in range(1, 31))) == 0
    assert redis_client.exists(*(queue.lock(str(number)) for number in range(31, 61))) == 30


def test_a_run_of_one_asks_for_a_lock_alone(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    add(connection, queue)
    take(connection, queue, "t1")

    made = commands(redis_client, lambda: together(connection, [complete(queue, "1")]))

    assert made["get"] == made["del"] == 1
    assert "mget" not in made


@pytest.mark.parametrize("again", ["t1", "other"])
def test_a_job_ends_once_when_it_comes_twice_in_a_run(connection: Connection, queue: QueueKeys, again: str) -> None:
    for _ in range(3):
        add(connection, queue)
    take_all(connection, queue)

    heard = together(
        connection, [complete(queue, "1"), complete(queue, "1", again), complete(queue, "2"), fail(queue, "1", again)]
    )

    assert heard == [None, lost(LockLostError), None, lost(LockLostError)]


def test_the_token_that_is_right_ends_a_job_after_one_that_is_wrong(connection: Connection, queue: QueueKeys) -> None:
    for _ in range(2):
        add(connection, queue)
    take_all(connection, queue)

    assert together(connection, [complete(queue, "1", "other"), complete(queue, "1"), complete(queue, "2")]) == [
        lost(LockLostError),
        None,
        None,
    ]


def test_a_job_that_is_taken_without_a_lock_ends_once(connection: Connection, queue: QueueKeys) -> None:
    for _ in range(2):
        add(connection, queue)
    take(connection, queue, "0")
    take(connection, queue, "t2")

    heard = together(connection, [complete(queue, "1", "0"), complete(queue, "1", "0"), complete(queue, "2")])

    assert heard == [None, lost(JobNotInStateError), None]


def test_what_is_refused_in_the_middle_of_a_run_is_not_touched(
    connection: Connection, queue: QueueKeys, server_bytes: redis.Redis
) -> None:
    for _ in range(6):
        add(connection, queue)
    take_all(connection, queue)
    add(connection, queue, parent=ParentRef("2", queue.qualified))
    server_bytes.lrem(queue.key("active"), 0, "4")
    keys = [queue.job("2"), queue.lock("2"), queue.job("3"), queue.lock("3"), queue.job("4"), queue.lock("4")]
    before = [server_bytes.dump(key) for key in keys]

    heard = together(
        connection,
        [
            complete(queue, "1"),
            complete(queue, "2"),
            complete(queue, "3", "other"),
            complete(queue, "4"),
            complete(queue, "404"),
            complete(queue, "5"),
            complete(queue, "6"),
        ],
    )

    assert heard == [
        None,
        lost(PendingChildrenError),
        lost(LockLostError),
        lost(JobNotInStateError),
        lost(JobNotFoundError),
        None,
        None,
    ]
    assert [server_bytes.dump(key) for key in keys] == before
    assert server_bytes.zrange(queue.key("completed"), 0, -1) == [b"1", b"5", b"6"]
    assert server_bytes.lrange(queue.key("active"), 0, -1) == [b"3", b"2"]


def test_an_error_in_the_middle_of_a_run_costs_the_others_nothing(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    for _ in range(4):
        add(connection, queue)
    take_all(connection, queue)
    redis_client.hset(queue.job("2"), mapping={"parentKey": "bull:parents:1", "parent": "{}"})
    redis_client.set("bull:parents:1:dependencies", "no set")
    redis_client.delete(queue.job("3"))
    redis_client.set(queue.job("3"), "no job")

    heard = together(connection, [complete(queue, number) for number in ("1", "2", "3", "4")])

    assert (heard[0], heard[3]) == (None, None)
    assert all("WRONGTYPE" in str(error) for error in heard[1:3])
    assert redis_client.lrange(queue.key("active"), 0, -1) == ["3", "2"]
    assert redis_client.zrange(queue.key("completed"), 0, -1) == ["1", "4"]
    assert [redis_client.exists(queue.lock(number)) for number in ("1", "2", "3", "4")] == [0, 1, 1, 0]


def test_an_error_of_a_single_call_leaves_what_ended_before_it_without_locks(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    for _ in range(3):
        add(connection, queue)
    take_all(connection, queue)
    redis_client.delete(queue.job("3"))
    redis_client.set(queue.job("3"), "no job")
    ends = [complete(queue, number) for number in ("1", "2", "3")]

    with pytest.raises(EngineError, match="WRONGTYPE"):
        connection.call(
            Call(("bull:mail:", joined([end.item or b"" for end in ends]), "0"), raw, script=ends[0].script, keys=1)
        )

    assert redis_client.zrange(queue.key("completed"), 0, -1) == ["1", "2"]
    assert [redis_client.exists(queue.lock(number)) for number in ("1", "2", "3")] == [0, 0, 1]


def test_a_parent_ends_after_its_child_in_the_same_run(connection: Connection, queue: QueueKeys) -> None:
    add(connection, queue)
    take(connection, queue, "t1")
    add(connection, queue, parent=ParentRef("1", queue.qualified))
    take(connection, queue, "t2")

    assert together(connection, [complete(queue, "1"), complete(queue, "2"), complete(queue, "1")]) == [
        lost(PendingChildrenError),
        None,
        None,
    ]


def test_a_parent_hears_of_a_child_that_failed_in_the_same_run(connection: Connection, queue: QueueKeys) -> None:
    add(connection, queue)
    take(connection, queue, "t1")
    add(connection, queue, parent=ParentRef("1", queue.qualified), fail_parent_on_failure=True)
    take(connection, queue, "t2")

    assert together(connection, [fail(queue, "2"), complete(queue, "1")]) == [None, lost(FailedChildrenError)]


def test_a_parent_that_failed_in_the_same_run_is_not_told_to_fail_by_its_child(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    for _ in range(2):
        add(connection, queue)
    take_all(connection, queue)
    add(connection, queue, parent=ParentRef("2", queue.qualified), fail_parent_on_failure=True)
    take(connection, queue, "t3")

    assert together(connection, [fail(queue, "1"), fail(queue, "2"), fail(queue, "3")]) == [None, None, None]

    assert redis_client.hget(queue.job("2"), "defa") is None


def test_a_job_that_got_a_child_in_the_same_run_waits_for_it(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    add(connection, queue, deduplication=Deduplication("a", keep_last_if_active=True))
    add(connection, queue)
    take_all(connection, queue)
    kept: dict[Any, Any] = {"name": "send", "pk": queue.job("2"), "pd": "{}", "pdk": f"{queue.job('2')}:dependencies"}
    redis_client.hset(queue.key("dn:a"), mapping=kept)

    heard = together(connection, [complete(queue, "1"), complete(queue, "2")])

    assert heard == [None, lost(PendingChildrenError)]


def test_a_job_whose_id_is_taken_again_in_the_run_that_ends_it_keeps_its_new_lock(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    for _ in range(2):
        add(connection, queue)
    take_all(connection, queue)
    redis_client.rpush(queue.key("wait"), "1")

    heard = together(
        connection, [complete(queue, "1", fetch=FetchNext(60_000)), complete(queue, "2"), complete(queue, "1")]
    )

    assert heard[1:] == [None, lost(LockLostError)]  # all end before any is taken
    assert redis_client.get(queue.lock("1")) == "t1"


def test_whoever_ends_is_suspected_no_more(connection: Connection, queue: QueueKeys, redis_client: redis.Redis) -> None:
    for _ in range(4):
        add(connection, queue)
    take_all(connection, queue)
    redis_client.sadd(queue.key("stalled"), "1", "2", "3", "4")

    together(connection, [complete(queue, "1"), fail(queue, "2"), complete(queue, "3", "other")])
    together(connection, [complete(queue, "4")])

    assert redis_client.smembers(queue.key("stalled")) == {"3"}


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_the_events_of_a_run_are_trimmed_and_what_the_last_ones_say_is_kept(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis, limit: int
) -> None:
    for _ in range(150):
        add(connection, queue)
    taken = take_all(connection, queue)
    redis_client.hset(queue.key("meta"), "opts.maxLenEvents", limit)

    together(connection, [complete(queue, job_id) for job_id in taken[:3]])

    events: Any = redis_client.xrange(queue.key("events"))
    assert len(events) < 150
    assert [fields["jobId"] for _, fields in events if fields["event"] == "completed"] == ["1", "2", "3"]


def some_options(dice: Random, queue: QueueKeys, client: redis.Redis) -> dict[str, Any]:
    """Return the options of a job of any kind."""
    match dice.choice(["plain", "plain", "priority", "delay", "child", "child", "dedup"]):
        case "priority":
            return {"priority": dice.choice([1, 2])}
        case "delay":
            return {"delay": dice.choice([1, 2, 60_000])}
        case "child":
            number = dice.randrange(3)
            home = queue if client.exists(queue.job(f"p{number}")) else PARENTS
            policy = dice.choice(
                ["", "fail_parent_on_failure", "continue_parent_on_failure", "ignore_dependency_on_failure"]
            )
            return {"parent": ParentRef(f"p{number}", home.qualified)} | ({policy: True} if policy else {})
        case "dedup":
            how: dict[str, Any] = dice.choice([{}, {"ttl": 5000}, {"keep_last_if_active": True}])
            return {"deduplication": Deduplication(dice.choice("ab"), **how)}
        case _:
            return {}


def a_situation(dice: Random, connection: Connection, queue: QueueKeys, client: redis.Redis) -> list[End]:
    """Fill a queue with jobs of all kinds, and describe ends of some that are active and some that are not."""
    client.hset(queue.key("meta"), "version", dice.choice(["bullmq:5.71.0", "bullmq:6.7.0"]))
    for number in range(3):
        home = dice.choice([queue, PARENTS])
        client.hset(home.job(f"p{number}"), mapping={"name": "p", "priority": dice.choice([0, 2])})
        client.hset(home.job(f"p{number}"), "delay", dice.choice([0, 0, 500]))
        client.zadd(home.key("waiting-children"), {f"p{number}": NOW})
    for _ in range(14):
        add(connection, queue, **some_options(dice, queue, client))
    held: list[tuple[str, str]] = []
    for number in range(dice.randrange(2, 10)):
        token = "0" if dice.random() < 0.1 else f"t{number}"
        if (job_id := take(connection, queue, token)) is not None:
            held.append((job_id, token))
    for _ in range(3):
        add(connection, queue, deduplication=Deduplication(dice.choice("ab"), keep_last_if_active=True))
    if held and dice.random() < 0.3:
        add(connection, queue, parent=ParentRef(held[0][0], queue.qualified), fail_parent_on_failure=True)
        held += [(job_id, "tc")] if (job_id := take(connection, queue, "tc")) is not None else []
    if dice.random() < 0.2:
        client.sadd(queue.key("stalled"), *(job_id for job_id, _ in held), "1")
    limits: dict[Any, Any] = dice.choice(
        [{}, {}, {}, {"paused": 1}, {"concurrency": 2}, {"max": 3, "duration": 60_000}]
    )
    if limits:
        client.hset(queue.key("meta"), mapping=limits)
    if dice.random() < 0.2:
        broken = queue.job(dice.choice(held)[0]) if held else "x"
        client.delete(broken)
        client.set(broken, "no job")
    if held and dice.random() < 0.3:  # ids of workers that are gone, or one that stands there twice
        gone = [f"gone{number}" for number in range(dice.randrange(1, 20))]
        client.rpush(queue.key("active"), *dice.choice([gone, [held[0][0]]]))
    moment = NOW + dice.randrange(4)
    return [an_end(dice, queue, held, moment) for _ in range(dice.randrange(2, 14))]


def an_end(dice: Random, queue: QueueKeys, held: list[tuple[str, str]], moment: int) -> End:
    """Describe an end, mostly of a job that is held; those that take a job do so at the same moment."""
    job_id, token = dice.choice([*held, *held, *held, ("404", "x"), ("1", "other"), ("3", "0")])
    taker = FetchNext(600_000, dice.choice([None, None, RateLimit(5, 60_000)]), dice.choice([None, "somebody"]))
    fetch = dice.choice([None, taker, taker])
    how: dict[str, Any] = {
        "now_ms": moment if fetch else NOW + dice.randrange(4),
        "keep": dice.choice([None, None, None, Keep(count=0), Keep(count=2), Keep(age=60_000), Keep(count=1)]),
        "metrics_points": dice.choice([None, None, 10]),
    }
    describe = complete
    if dice.random() >= 0.6:
        describe = fail
        letter = DeadLetter(QueueKeys("bull", "dead"), origin="mail", prefix="bull")
        how |= {"attempts": dice.randrange(3), "dead_letter": letter if dice.random() < 0.2 else None}
    taking = leases.fetch_job(
        queue, token=token, lock_ms=600_000, now_ms=moment, limiter=taker.limiter, worker=taker.worker
    )
    return End(
        describe(queue, job_id, token, fetch=fetch, **how),
        describe(queue, job_id, token, **how),
        taking if fetch else None,
    )


def without_drained(dump: dict[str, Any]) -> dict[str, Any]:
    """Return a dump without the events that tell a queue is drained: a run tells once what each end alone may tell."""
    events = [event for event in dump["bull:mail:events"]["value"] if ["event", "drained"] not in event]
    return dump | {"bull:mail:events": dump["bull:mail:events"] | {"value": events}}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_run_of_ends_leaves_what_they_leave_one_by_one_and_then_take(
    seed: int, connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    alone = one_by_one(connection, a_situation(Random(seed), connection, queue, redis_client))
    left_alone = capture(redis_client)
    redis_client.flushall()

    ends = a_situation(Random(seed), connection, queue, redis_client)
    replies = run(connection, [end.whole for end in ends])

    left = capture(redis_client)
    drained = [event for event in left["bull:mail:events"]["value"] if ["event", "drained"] in event]
    idle = not {"bull:mail:wait", "bull:mail:active", "bull:mail:prioritized"} & left.keys()
    assert [told(end.whole, reply) for end, reply in zip(ends, replies, strict=True)] == alone
    assert without_drained(left) == without_drained(left_alone)
    assert len(drained) == (1 if idle and 0 in replies else 0)
