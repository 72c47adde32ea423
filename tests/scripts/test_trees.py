"""Trees of jobs are removed whole, whatever their size and shape, and no job of theirs runs on the way."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import redis

from board.engine.calls import Batch, Call, Plan, raw
from board.engine.commands import jobs, leases, trees
from board.engine.connection.sync import Connection
from board.engine.errors import JobLockedError, JobNotInStateError, TreeTooLargeError
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import JobOptions, JobState, ParentRef

NOW = 1_767_225_600_000
FORTY_DAYS = 40 * 86_400_000
MANY = jobs.MOST_AT_ONCE + 30


def add(connection: Connection, queue: QueueKeys, ids: Sequence[str], **options: Any) -> None:
    """Add jobs with these ids and options."""
    connection.batch(
        Batch.of(
            jobs.add_job(queue, prepare_job("cut", {}, JobOptions(job_id=one, **options), now_ms=NOW)) for one in ids
        )
    )


def waiting_parent(connection: Connection, queue: QueueKeys, job_id: str, children: Sequence[str]) -> None:
    """Add a job that waits for children, and those."""
    add(connection, queue, [job_id])
    taken = connection.call(leases.fetch_job(queue, token="t", lock_ms=60_000, now_ms=NOW))
    assert taken.job is not None
    add(connection, queue, children, parent=ParentRef(job_id, queue.qualified), delay=FORTY_DAYS)
    assert connection.call(leases.wait_for_children(queue, job_id, token="t", now_ms=NOW))


def left(client: redis.Redis) -> set[str]:
    """Return the keys that are about jobs or hold ids of any."""
    suffixes = (":meta", ":id", ":events", ":stalled-check", ":marker")
    return {key for key in client.scan_iter(count=1_000) if not key.endswith(suffixes)}


def test_a_tree_too_large_for_one_script_goes_whole(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    below = QueueKeys("bull", "parts")
    waiting_parent(connection, queue, "film", [f"cut:no:{number}" for number in range(MANY)])
    add(connection, below, ["deep"], parent=ParentRef("cut:no:7", queue.qualified), delay=FORTY_DAYS)

    connection.run(trees.remove_tree(queue, "film"))

    assert left(redis_client) == set()
    entries: Any = redis_client.xrange(queue.key("events"))
    said = [fields["event"] for _, fields in entries if fields.get("jobId") == "film"]
    assert said[-1] == "removed"
    assert said.count("waiting") == 1, "the parent was released on the way"


def test_a_large_tree_with_a_job_that_runs_stays_whole(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    waiting_parent(connection, queue, "film", [f"cut-{number}" for number in range(MANY)])
    redis_client.set(f"{queue.job('cut-9')}:lock", "t")
    before = {key: redis_client.dump(key) for key in redis_client.scan_iter()}

    with pytest.raises(JobLockedError, match="cut-9"):
        connection.run(trees.remove_tree(queue, "film"))

    assert {key: redis_client.dump(key) for key in redis_client.scan_iter()} == before


@pytest.mark.parametrize("children", [3, MANY])
def test_pending_children_go_and_those_that_run_or_ended_stay(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis, children: int
) -> None:
    waiting_parent(connection, queue, "film", [f"cut-{number}" for number in range(children)])
    add(connection, queue, ["ended"], parent=ParentRef("film", queue.qualified))
    taken = connection.call(leases.fetch_job(queue, token="t", lock_ms=60_000, now_ms=NOW))
    assert taken.job is not None
    connection.call(leases.complete_job(queue, taken.job.id, token="t", return_text="1", now_ms=NOW))
    redis_client.set(f"{queue.job('cut-1')}:lock", "t")

    connection.run(trees.remove_pending_children(queue, "film"))

    assert redis_client.smembers(f"{queue.job('film')}:dependencies") == {queue.job("cut-1")}
    assert redis_client.zrange(queue.key("delayed"), 0, -1) == ["cut-1"]
    assert redis_client.exists(queue.job("ended"), queue.job("film"), queue.job("cut-1")) == 3


@pytest.mark.parametrize("children", [1, MANY])
def test_a_tree_that_bites_its_own_tail_goes_too(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis, children: int
) -> None:
    waiting_parent(connection, queue, "film", [f"cut-{number}" for number in range(children)])
    connection.call(Call(("SADD", f"{queue.job('cut-0')}:dependencies", queue.job("film")), int))

    connection.run(trees.remove_tree(queue, "film"))

    assert left(redis_client) == set()


def removals(connection: Connection, plan: Plan[Any]) -> Iterator[int]:
    """Carry a plan out and yield how many removals each of its round trips holds."""
    try:
        step = next(plan)
        while True:
            calls = step.calls if isinstance(step, Batch) else (step,)
            if count := sum(call.script is not None and call.script.name == "remove_job" for call in calls):
                yield count
            if isinstance(step, Batch):
                step = plan.send(connection.batch(step))
            else:
                step = plan.send(connection.call(Call(step.argv, raw, script=step.script, keys=step.keys)))
    except StopIteration:
        return


def a_line_of(client: redis.Redis, queue: QueueKeys, length: int, children: int) -> list[str]:
    """Fill a queue with jobs that wait, and a parent of some in their middle; return its children."""
    ids = [f"part-{number}" for number in range(children)]
    others = [f"other-{number}" for number in range(length - children)]
    half = len(others) // 2
    client.lpush(queue.key("wait"), *others[:half], *ids, *others[half:])
    for job_id in ids:
        parent = f'{{"id":"film","queueKey":"{queue.qualified}"}}'
        client.hset(queue.job(job_id), mapping={"name": "cut", "parentKey": queue.job("film"), "parent": parent})
        client.sadd(f"{queue.job('film')}:dependencies", queue.job(job_id))
    client.hset(queue.job("film"), "name", "cut")
    client.zadd(queue.key("waiting-children"), {"film": NOW})
    return ids


def test_a_tree_whose_jobs_wait_in_a_long_line_goes_few_at_a_time(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    a_line_of(redis_client, queue, 5_000, 30)

    counts = list(removals(connection, trees.remove_tree(queue, "film")))

    assert counts == [1, 1, 10, 10, 10]
    assert redis_client.llen(queue.key("wait")) == 4_970
    assert redis_client.exists(queue.job("film"), queue.job("part-3")) == 0


def test_jobs_that_wait_in_a_long_line_are_removed_few_at_a_time(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    ids = a_line_of(redis_client, queue, 5_000, 30)
    seen: list[tuple[str, trees.Guard]] = [(job_id, {}) for job_id in ids]

    assert list(removals(connection, trees.remove_trees(queue, seen))) == [10, 10, 10]
    assert redis_client.llen(queue.key("wait")) == 4_971, "with the parent, which waits for nobody now"


def test_of_several_each_goes_with_all_below_it_or_says_why_not(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    waiting_parent(connection, queue, "film", [f"cut-{number}" for number in range(MANY)])
    waiting_parent(connection, queue, "series", [f"part-{number}" for number in range(MANY + 1)])
    add(connection, queue, ["later"], delay=FORTY_DAYS)
    guard: trees.Guard = {"state": JobState.DELAYED, "seen": "1"}

    found = connection.run(trees.remove_trees(queue, [("film", {}), ("series", {}), ("later", guard)], most_below=MANY))

    assert [type(one) for one in found] == [type(None), TreeTooLargeError, JobNotInStateError]
    assert redis_client.zcard(queue.key("delayed")) == MANY + 2
    assert redis_client.zrange(queue.key("waiting-children"), 0, -1) == ["series"]
