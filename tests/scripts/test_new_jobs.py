"""Whether a job was added or another kept in its place is told by the same transaction, whoever adds at that moment."""

import pytest
import redis

from board.engine.commands import jobs
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import Deduplication, JobOptions

NOW = 1_767_225_600_000


def add(connection: Connection, queue: QueueKeys, options: JobOptions) -> tuple[str, bool]:
    """Add a job, all in the same millisecond."""
    return connection.run(jobs.add_new_job(queue, prepare_job("send", {}, options, now_ms=NOW, queue=queue)))


@pytest.mark.parametrize(
    "options",
    [
        JobOptions(job_id="order-7"),
        JobOptions(deduplication=Deduplication("user-1")),
        JobOptions(job_id="order-7", deduplication=Deduplication("user-1", ttl=60_000)),
    ],
    ids=["its id", "deduplication", "both"],
)
def test_of_two_alike_in_one_millisecond_one_is_new(
    connection: Connection, queue: QueueKeys, options: JobOptions
) -> None:
    first, is_new = add(connection, queue, options)
    second, is_new_again = add(connection, queue, options)

    assert (is_new, is_new_again) == (True, False)
    assert first == second


def test_jobs_without_an_id_are_all_new(connection: Connection, queue: QueueKeys) -> None:
    assert [add(connection, queue, JobOptions()) for _ in range(2)] == [("1", True), ("2", True)]


def test_a_job_that_is_gone_and_still_owns_a_deduplication_id_lets_none_be_added(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    options = JobOptions(job_id="order-7", deduplication=Deduplication("user-1", ttl=60_000))
    add(connection, queue, options)
    redis_client.delete(queue.job("order-7"), queue.key("wait"))

    assert add(connection, queue, options) == ("order-7", False)
    assert redis_client.exists(queue.job("order-7")) == 0


def test_one_that_replaces_another_is_new(connection: Connection, queue: QueueKeys) -> None:
    options = JobOptions(delay=5_000, deduplication=Deduplication("user-1", ttl=60_000, replace=True))

    assert [add(connection, queue, options) for _ in range(2)] == [("1", True), ("2", True)]
