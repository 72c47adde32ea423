"""An operation that is refused says why and leaves the keyspace as it was, byte for byte."""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from board.engine.calls import Call
from board.engine.commands import dead_letters, jobs, leases, schedulers
from board.engine.connection.sync import Connection
from board.engine.errors import (
    EngineError,
    FailedChildrenError,
    JobLockedError,
    JobNotFoundError,
    JobNotInStateError,
    LockLostError,
    ParentConflictError,
    ParentNotFoundError,
    PendingChildrenError,
    SchedulerCollisionError,
    SchedulerJobError,
    TreeTooLargeError,
)
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import JobOptions, JobState, ParentRef, Repeat

NOW = 1_767_225_600_000


def everything(client: redis.Redis) -> dict[Any, Any]:
    """Return the whole keyspace as opaque dumps."""
    return {key: client.dump(key) for key in client.scan_iter(count=1000)}


def add(connection: Connection, queue: QueueKeys, **options: Any) -> str:
    """Add a job with these options."""
    return connection.call(jobs.add_job(queue, prepare_job("send", {"n": 1}, JobOptions(**options), now_ms=NOW)))


def take(connection: Connection, queue: QueueKeys, token: str = "t") -> str:  # noqa: S107 - a lock token
    """Take the next job and return its id."""
    fetched = connection.call(leases.fetch_job(queue, token=token, lock_ms=60_000, now_ms=NOW))
    assert fetched.job is not None
    return fetched.job.id


def end(queue: QueueKeys, job_id: str, token: str = "t") -> Call[Any]:  # noqa: S107 - a lock token
    """Describe completing a job."""
    return leases.complete_job(queue, job_id, token=token, return_text="1", now_ms=NOW)


Situation = Callable[[Connection, QueueKeys], Call[Any]]


def a_job_that_is_gone(connection: Connection, queue: QueueKeys) -> Call[Any]:
    add(connection, queue)
    return jobs.retry_job(queue, "404")


def a_retry_of_a_waiting_job(connection: Connection, queue: QueueKeys) -> Call[Any]:
    return jobs.retry_job(queue, add(connection, queue))


def a_retry_of_a_completed_job_as_failed(connection: Connection, queue: QueueKeys) -> Call[Any]:
    add(connection, queue)
    job_id = take(connection, queue)
    connection.call(end(queue, job_id))
    return jobs.retry_job(queue, job_id, JobState.FAILED)


def a_promotion_of_a_waiting_job(connection: Connection, queue: QueueKeys) -> Call[Any]:
    return jobs.promote_job(queue, add(connection, queue))


def a_new_delay_of_a_waiting_job(connection: Connection, queue: QueueKeys) -> Call[Any]:
    return jobs.change_delay(queue, add(connection, queue), 5, NOW)


def a_removal_of_an_active_job(connection: Connection, queue: QueueKeys) -> Call[Any]:
    add(connection, queue)
    return jobs.remove_job(queue, take(connection, queue))


def a_removal_of_a_parent_whose_child_is_active(connection: Connection, queue: QueueKeys) -> Call[Any]:
    parent = add(connection, queue, delay=1000)
    add(connection, queue, parent=ParentRef(parent, queue.qualified))
    take(connection, queue)
    return jobs.remove_job(queue, parent)


def a_removal_of_a_tree_that_is_too_large(connection: Connection, queue: QueueKeys) -> Call[Any]:
    root = add(connection, queue, delay=1000)
    child = add(connection, queue, delay=1000, parent=ParentRef(root, queue.qualified))
    add(connection, queue, delay=1000, parent=ParentRef(child, queue.qualified))
    return jobs.remove_job(queue, root, most_below=1)


def an_end_without_the_lock(connection: Connection, queue: QueueKeys) -> Call[Any]:
    add(connection, queue)
    job_id = take(connection, queue, token="0")
    return end(queue, job_id, token="other")


def an_end_with_another_token(connection: Connection, queue: QueueKeys) -> Call[Any]:
    add(connection, queue)
    return end(queue, take(connection, queue), token="other")


def an_end_of_a_parent_with_a_pending_child(connection: Connection, queue: QueueKeys) -> Call[Any]:
    add(connection, queue)
    parent = take(connection, queue)
    add(connection, queue, parent=ParentRef(parent, queue.qualified))
    return end(queue, parent)


def an_end_of_a_parent_with_a_failed_child(connection: Connection, queue: QueueKeys) -> Call[Any]:
    add(connection, queue)
    parent = take(connection, queue, token="p")
    add(connection, queue, parent=ParentRef(parent, queue.qualified), fail_parent_on_failure=True)
    child = take(connection, queue, token="c")
    connection.call(leases.fail_job(queue, child, token="c", reason="no", now_ms=NOW))
    return end(queue, parent, token="p")


def taken_out_of_active(connection: Connection, queue: QueueKeys) -> str:
    """Take a job, and its id out of `active` behind the worker's back."""
    job_id = take(connection, queue)
    connection.call(Call(("LREM", queue.container(JobState.ACTIVE), 0, job_id), int))
    return job_id


def an_end_of_a_job_that_is_not_active(connection: Connection, queue: QueueKeys) -> Call[Any]:
    add(connection, queue)
    return end(queue, taken_out_of_active(connection, queue))


def a_backoff_of_a_job_that_is_not_active(connection: Connection, queue: QueueKeys) -> Call[Any]:
    add(connection, queue)
    job_id = taken_out_of_active(connection, queue)
    return leases.delay_active_job(
        queue, job_id, token="t", delay_ms=5, now_ms=NOW, count_attempt=True, reason="no", stacktrace=["no"]
    )


def a_retry_of_a_job_that_is_not_active(connection: Connection, queue: QueueKeys) -> Call[Any]:
    add(connection, queue)
    job_id = taken_out_of_active(connection, queue)
    add(connection, queue, delay=1)
    return leases.retry_active_job(queue, job_id, token="t", now_ms=NOW + 1000, reason="no")


def a_wait_for_children_of_a_job_that_is_not_active(connection: Connection, queue: QueueKeys) -> Call[Any]:
    add(connection, queue)
    parent = taken_out_of_active(connection, queue)
    add(connection, queue, parent=ParentRef(parent, queue.qualified))
    return leases.wait_for_children(queue, parent, token="t", now_ms=NOW)


def a_child_of_a_parent_that_is_gone(_connection: Connection, queue: QueueKeys) -> Call[Any]:
    options = JobOptions(parent=ParentRef("404", queue.qualified))
    return jobs.add_job(queue, prepare_job("send", 1, options, now_ms=NOW))


def a_dead_letter_that_is_none(connection: Connection, queue: QueueKeys) -> Call[Any]:
    return dead_letters.replay(queue, add(connection, queue), NOW)


def a_burial_of_a_waiting_job(connection: Connection, queue: QueueKeys) -> Call[Any]:
    return dead_letters.bury_job(queue, add(connection, queue), QueueKeys("bull", "dead"), NOW)


def a_log_line_for_a_job_that_is_gone(_connection: Connection, queue: QueueKeys) -> Call[Any]:
    return jobs.add_log(queue, "404", "line")


REFUSALS: list[tuple[Situation, type[EngineError]]] = [
    (a_job_that_is_gone, JobNotFoundError),
    (a_retry_of_a_waiting_job, JobNotInStateError),
    (a_retry_of_a_completed_job_as_failed, JobNotInStateError),
    (a_promotion_of_a_waiting_job, JobNotInStateError),
    (a_new_delay_of_a_waiting_job, JobNotInStateError),
    (a_removal_of_an_active_job, JobLockedError),
    (a_removal_of_a_parent_whose_child_is_active, JobLockedError),
    (a_removal_of_a_tree_that_is_too_large, TreeTooLargeError),
    (an_end_without_the_lock, LockLostError),
    (an_end_with_another_token, LockLostError),
    (an_end_of_a_parent_with_a_pending_child, PendingChildrenError),
    (an_end_of_a_parent_with_a_failed_child, FailedChildrenError),
    (an_end_of_a_job_that_is_not_active, JobNotInStateError),
    (a_backoff_of_a_job_that_is_not_active, JobNotInStateError),
    (a_retry_of_a_job_that_is_not_active, JobNotInStateError),
    (a_wait_for_children_of_a_job_that_is_not_active, JobNotInStateError),
    (a_child_of_a_parent_that_is_gone, ParentNotFoundError),
    (a_dead_letter_that_is_none, JobNotInStateError),
    (a_burial_of_a_waiting_job, JobNotInStateError),
    (a_log_line_for_a_job_that_is_gone, JobNotFoundError),
]


@pytest.mark.parametrize(("situation", "error"), REFUSALS, ids=lambda item: getattr(item, "__name__", ""))
def test_a_refused_operation_changes_nothing(
    situation: Situation,
    error: type[EngineError],
    connection: Connection,
    queue: QueueKeys,
    server_bytes: redis.Redis,
) -> None:
    call = situation(connection, queue)
    before = everything(server_bytes)

    with pytest.raises(error) as caught:
        connection.call(call)

    assert everything(server_bytes) == before
    assert str(caught.value)


def test_a_tree_within_its_limit_is_removed_whole(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    root = add(connection, queue, delay=1000)
    for _ in range(3):
        add(connection, queue, delay=1000, parent=ParentRef(root, queue.qualified))

    connection.call(jobs.remove_job(queue, root, most_below=3))

    assert redis_client.exists(queue.job(root), "bull:mail:delayed", *(queue.job(f"{n}") for n in (2, 3, 4))) == 0


@pytest.mark.parametrize("version", ["bullmq:5.71.0", "bullmq:6.7.0"])
@pytest.mark.parametrize("rule", [Repeat(every=60_000), Repeat(pattern="* * * * *", tz="UTC")], ids=["every", "cron"])
def test_a_scheduler_whose_next_runs_are_all_taken_keeps_its_pending_run(
    connection: Connection, queue: QueueKeys, server_bytes: redis.Redis, version: str, rule: Repeat
) -> None:
    server_bytes.hset(queue.key("meta"), "version", version)
    pending = connection.run(schedulers.upsert_scheduler(queue, "tick", Repeat(every=90_000), now_ms=NOW - 30_000))
    for minute in range(-1, 40):
        server_bytes.hset(queue.job(f"repeat:tick:{NOW + minute * 60_000}"), "name", "somebody else's")
        server_bytes.hset(queue.job(f"repeat:tick:{NOW + 1_000 + minute * 60_000}"), "name", "somebody else's")
    before = everything(server_bytes)

    with pytest.raises(SchedulerCollisionError):
        connection.run(schedulers.upsert_scheduler(queue, "tick", rule, now_ms=NOW + 1_000))

    assert everything(server_bytes) == before
    assert connection.call(jobs.get_state(queue, str(pending))) is JobState.WAITING


def test_a_child_that_has_another_living_parent_stays_with_it(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    first, second = (add(connection, queue, delay=9000) for _ in range(2))
    add(connection, queue, job_id="child", parent=ParentRef(first, queue.qualified))

    with pytest.raises(ParentConflictError):
        add(connection, queue, job_id="child", parent=ParentRef(second, queue.qualified))

    assert redis_client.smembers("bull:mail:1:dependencies") == {"bull:mail:child"}
    assert redis_client.exists("bull:mail:2:dependencies") == 0


def test_the_next_run_of_a_scheduler_cannot_be_removed_as_a_job(
    connection: Connection, queue: QueueKeys, server_bytes: redis.Redis
) -> None:
    job_id = connection.run(schedulers.upsert_scheduler(queue, "tick", Repeat(every=60_000), now_ms=NOW))
    assert job_id is not None
    before = everything(server_bytes)

    with pytest.raises(SchedulerJobError):
        connection.call(jobs.remove_job(queue, job_id))

    assert everything(server_bytes) == before
