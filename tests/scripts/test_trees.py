"""Trees of jobs are removed whole, whatever their size and shape, and no job of theirs runs on the way."""

from collections.abc import Sequence
from typing import Any

import pytest
import redis

from board.engine.calls import Batch, Call
from board.engine.commands import jobs, leases, trees
from board.engine.connection.sync import Connection
from board.engine.errors import JobLockedError
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import JobOptions, ParentRef

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
