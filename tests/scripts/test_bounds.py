"""Work on many jobs goes in steps: counted in jobs, never in time. How long a step takes is for ``bench.scripts``."""

from typing import Any

import redis

from board.engine.calls import Call, raw
from board.engine.codec import joined
from board.engine.commands import jobs, leases, queues
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.engine.types import JobState, Keep

QUEUE = QueueKeys("bull", "mail")
MANY = 600
NOW = 1_700_000_000_000
STEP = queues.STEP
PROMOTED, EVICTED = 50, 100
"""Beside what it was asked for, a run of a script promotes so many jobs, and evicts so many."""

PASSED = 50_000
"""Ids of a list that one run passes to take some out of its middle, or but one."""


def fill(client: redis.Redis, state: JobState, scores: int = NOW) -> list[str]:
    """Write many jobs in one state; returns their ids, oldest first."""
    ids = [str(number) for number in range(MANY)]
    with client.pipeline(transaction=False) as pipe:
        for job_id in ids:
            pipe.hset(QUEUE.job(job_id), mapping={"name": "x", "data": "{}", "opts": "{}", "timestamp": NOW})
        if state in (JobState.ACTIVE, JobState.WAITING):
            pipe.lpush(QUEUE.container(state), *ids)
        else:
            pipe.zadd(QUEUE.container(state), {job_id: scores + int(job_id) for job_id in ids})
        pipe.execute()
    return ids


def check(wire: Connection, client: redis.Redis) -> tuple[list[str], list[int]]:
    """Look for stalled jobs until the check is through; returns the ids taken back and the size of each step."""
    client.delete(QUEUE.key("stalled-check"))
    taken: list[str] = []
    steps: list[int] = []
    left = 0
    while left or not steps:
        call = leases.move_stalled(QUEUE, max_stalled_count=1, now_ms=NOW, interval_ms=60_000, left=left)
        before = left or MANY
        some, left = wire.call(call)
        taken += some
        steps.append(before - left)
    return taken, steps


def test_a_check_for_stalled_jobs_takes_many_back_in_steps(redis_url: str, redis_client: redis.Redis) -> None:
    ids = fill(redis_client, JobState.ACTIVE)
    held = set(ids[::3])
    for job_id in held:
        redis_client.set(QUEUE.lock(job_id), "t")
    with Connection.open(redis_url) as wire:
        first, steps = check(wire, redis_client)
        order: Any = redis_client.lrange(QUEUE.container(JobState.ACTIVE), 0, -1)
        second, _ = check(wire, redis_client)

    assert first == []
    assert steps == [STEP] * (MANY // STEP)
    assert [text(item) for item in order] == ids[::-1]
    assert second == [job_id for job_id in ids if job_id not in held]
    left: Any = redis_client.lrange(QUEUE.container(JobState.ACTIVE), 0, -1)
    assert [text(item) for item in left] == [job_id for job_id in reversed(ids) if job_id in held]
    assert redis_client.llen(QUEUE.container(JobState.WAITING)) == len(second)


def test_a_fetch_promotes_so_many_jobs_that_are_due(redis_url: str, redis_client: redis.Redis) -> None:
    fill(redis_client, JobState.DELAYED, scores=(NOW - 1000) * 4096)
    with Connection.open(redis_url) as wire:
        for left in range(MANY - PROMOTED, -1, -PROMOTED):
            wire.call(leases.fetch_job(QUEUE, token="t", lock_ms=60_000, now_ms=NOW))
            assert redis_client.zcard(QUEUE.container(JobState.DELAYED)) == left


def test_an_end_evicts_so_many_jobs_by_count_and_by_age(redis_url: str, redis_client: redis.Redis) -> None:
    for keep in (Keep(count=1), Keep(age=1000)):
        redis_client.flushdb()
        fill(redis_client, JobState.COMPLETED, scores=NOW - 100_000)
        redis_client.hset(QUEUE.job("mine"), mapping={"name": "x", "data": "{}", "opts": "{}", "timestamp": NOW})
        redis_client.lpush(QUEUE.container(JobState.WAITING).replace("waiting", "wait"), "mine")
        with Connection.open(redis_url) as wire:
            wire.call(leases.fetch_job(QUEUE, token="t", lock_ms=60_000, now_ms=NOW))
            wire.call(leases.complete_job(QUEUE, "mine", token="t", return_text="1", now_ms=NOW, keep=keep))

        assert redis_client.zcard(QUEUE.container(JobState.COMPLETED)) == MANY + 1 - EVICTED


def together(calls: list[Call[Any]]) -> Call[Any]:
    """Return one run of a script for several callers, as a connection makes it of what they ask at once."""
    items = joined([call.item or b"" for call in calls])
    return Call((calls[0].argv[0], items, "1"), raw, script=calls[0].script, keys=1)


def test_jobs_that_end_together_are_looked_for_where_they_are_and_not_behind_those_that_nobody_holds(
    redis_url: str, redis_client: redis.Redis
) -> None:
    fill(redis_client, JobState.ACTIVE)
    active = QUEUE.container(JobState.ACTIVE)
    mine = [f"mine-{number}" for number in range(5)]
    for job_id in mine:
        redis_client.hset(QUEUE.job(job_id), mapping={"name": "x", "data": "{}", "opts": "{}", "timestamp": NOW})
        redis_client.set(QUEUE.lock(job_id), "t")
        redis_client.lpush(active, job_id)
    redis_client.rpush(active, mine[-1])  # a second time at the far end, which nobody gets to
    ends = [leases.complete_job(QUEUE, one, token="t", return_text="1", now_ms=NOW) for one in mine]
    with Connection.open(redis_url) as wire:
        assert wire.call(together(ends)) == [0] * len(mine)

    left: Any = redis_client.lrange(active, 0, -1)
    assert len(left) == MANY + 1
    assert text(left[-1]) == mine[-1]


def test_where_a_job_is_is_told_without_a_walk_through_the_line_where_it_is_in_none_or_near_its_ends(
    redis_url: str, redis_client: redis.Redis
) -> None:
    ids = [str(number) for number in range(5_000)]
    redis_client.lpush(QUEUE.key("wait"), *ids)
    redis_client.zadd(QUEUE.key("waiting-children"), {"film": NOW})
    looks = {}
    with Connection.open(redis_url) as wire:
        for job_id in ("film", ids[-1], ids[0], ids[2_500]):
            redis_client.config_resetstat()
            state = wire.call(jobs.get_state(QUEUE, job_id))
            stats: Any = redis_client.info("commandstats")
            looks[job_id] = (state, stats.get("cmdstat_lpos", {}).get("calls", 0))

    assert looks == {
        "film": (JobState.WAITING_CHILDREN, 0),
        ids[-1]: (JobState.WAITING, 1),
        ids[0]: (JobState.WAITING, 2),
        ids[2_500]: (JobState.WAITING, 4),
    }


def test_a_removed_job_is_looked_for_among_the_newest_first(redis_url: str, redis_client: redis.Redis) -> None:
    newest = fill(redis_client, JobState.WAITING)[-1]
    waiting = QUEUE.container(JobState.WAITING)
    redis_client.rpush(waiting, newest)
    with Connection.open(redis_url) as wire:
        wire.call(jobs.remove_job(QUEUE, newest))

    assert redis_client.llen(waiting) == MANY
    left: Any = redis_client.lindex(waiting, -1)
    assert text(left) == newest


def test_cleaning_a_list_takes_fewer_jobs_a_step_the_more_of_it_stays(
    redis_url: str, redis_client: redis.Redis
) -> None:
    ids = [str(number) for number in range(4 * MANY)]
    old = ids[1::2]
    with redis_client.pipeline(transaction=False) as pipe:
        for job_id in ids:
            born = NOW - 2000 if job_id in set(old) else NOW
            pipe.hset(QUEUE.job(job_id), mapping={"name": "x", "data": "{}", "opts": "{}", "timestamp": born})
        pipe.lpush(QUEUE.container(JobState.WAITING), *ids)
        pipe.execute()
    plan = queues.clean(QUEUE, 1000, 0, "waiting", NOW)
    removed: list[str] = []
    stayed = 0
    with Connection.open(redis_url) as wire:
        call: Any = next(plan)
        while True:
            reply = wire.call(Call(call.argv, raw, script=call.script, keys=call.keys))
            some = [text(job_id) for job_id in reply[0]]
            assert len(some) * min(stayed, len(ids) - len(removed) - stayed) <= PASSED or len(some) == 1
            removed += some[::-1]
            stayed += reply[1]
            try:
                call = plan.send(reply)
            except StopIteration:
                break

    assert removed == old
    left: Any = redis_client.lrange(QUEUE.container(JobState.WAITING), 0, -1)
    assert [text(job_id) for job_id in left] == ids[::2][::-1]


def test_draining_takes_no_job_out_of_the_middle_of_a_list(redis_url: str, redis_client: redis.Redis) -> None:
    ids = fill(redis_client, JobState.WAITING)
    waiting = QUEUE.container(JobState.WAITING)
    runs = [f"repeat:tick-{number}:{NOW}" for number in range(MANY)]
    redis_client.zadd(QUEUE.key("repeat"), {f"tick-{number}": NOW for number in range(MANY)})
    redis_client.delete(waiting)
    for job_id, run in zip(ids, runs, strict=True):
        redis_client.lpush(waiting, job_id, run)
    redis_client.config_resetstat()
    with Connection.open(redis_url) as wire:
        assert wire.run(queues.drain(QUEUE)) == MANY

    left: Any = redis_client.lrange(waiting, 0, -1)
    assert [text(job_id) for job_id in left] == runs[::-1]
    assert "cmdstat_lrem" not in redis_client.info("commandstats")


def text(value: bytes | str) -> str:
    """Return a reply as text."""
    return value.decode() if isinstance(value, bytes) else value
