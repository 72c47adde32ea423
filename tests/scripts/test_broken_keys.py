"""Keys that somebody else damaged cost no job: it ends all the same, or stays where it was."""

from typing import Any

import pytest
import redis

from board.engine.calls import Call
from board.engine.commands import jobs, leases
from board.engine.commands.leases import DeadLetter
from board.engine.connection.sync import Connection
from board.engine.errors import ScriptError
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import Fetched, JobOptions

NOW = 1_767_225_600_000


@pytest.fixture
def taken(connection: Connection, queue: QueueKeys) -> str:
    """A job that a worker holds."""
    job_id = connection.call(jobs.add_job(queue, prepare_job("send", 1, JobOptions(), now_ms=NOW)))
    assert take(connection, queue).job is not None
    return job_id


def take(connection: Connection, queue: QueueKeys, now_ms: int = NOW) -> Fetched:
    """Take the next job, if there is one."""
    return connection.call(leases.fetch_job(queue, token="t", lock_ms=60_000, now_ms=now_ms))


def complete(queue: QueueKeys, job_id: str) -> Call[Any]:
    """Describe completing a job."""
    return leases.complete_job(queue, job_id, token="t", return_text="1", now_ms=NOW)


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("bull:parents:1", '{"id":"1","queueKey":{}}'),
        ("bull:parents:1", '{"id":{},"queueKey":7,"fpof":true}'),
        ("bull:parents:1", "[1"),
        ("no-colon", '{"fpof":true}'),
    ],
)
@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_a_job_ends_whatever_it_says_of_its_parent(  # noqa: PLR0917 - fixtures
    outcome: str,
    key: str,
    field: str,
    connection: Connection,
    queue: QueueKeys,
    taken: str,
    redis_client: redis.Redis,
) -> None:
    redis_client.hset(queue.job(taken), mapping={"parentKey": key, "parent": field})
    redis_client.sadd(f"{key}:dependencies", queue.job(taken))
    redis_client.hset(key, "name", "parent")

    failing = leases.fail_job(queue, taken, token="t", reason="no", now_ms=NOW)
    connection.call(failing if outcome == "failed" else complete(queue, taken))

    assert redis_client.zrange(f"bull:mail:{outcome}", 0, -1) == [taken]


@pytest.mark.parametrize("limit", ["-5", "1.5", "nonsense", "1e300", "nan"])
def test_a_job_ends_whatever_the_limit_of_the_events_says(
    limit: str, connection: Connection, queue: QueueKeys, taken: str, redis_client: redis.Redis
) -> None:
    redis_client.hset("bull:mail:meta", "opts.maxLenEvents", limit)

    connection.call(complete(queue, taken))

    assert redis_client.zrange("bull:mail:completed", 0, -1) == [taken]


def test_a_job_stays_active_while_its_parents_key_holds_something_else(
    connection: Connection, queue: QueueKeys, taken: str, redis_client: redis.Redis
) -> None:
    redis_client.hset(queue.job(taken), mapping={"parentKey": "bull:parents:1", "parent": "{}"})
    redis_client.set("bull:parents:1:dependencies", "no set")

    with pytest.raises(ScriptError):
        connection.call(complete(queue, taken))

    assert redis_client.lrange("bull:mail:active", 0, -1) == [taken]
    assert redis_client.get(queue.lock(taken)) == "t"


def test_a_job_stays_active_while_the_key_of_its_dead_letter_holds_something_else(
    connection: Connection, queue: QueueKeys, taken: str, redis_client: redis.Redis
) -> None:
    letter = DeadLetter(QueueKeys("bull", "dead"), origin="mail", prefix="bull")
    redis_client.set(f"bull:dead:mail/{taken}", "no job")

    with pytest.raises(ScriptError):
        connection.call(leases.fail_job(queue, taken, token="t", reason="no", now_ms=NOW, dead_letter=letter))

    assert redis_client.lrange("bull:mail:active", 0, -1) == [taken]
    assert redis_client.get(queue.lock(taken)) == "t"


def test_an_id_that_is_due_and_has_no_hash_is_dropped(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    redis_client.zadd("bull:mail:delayed", {"ghost": (NOW - 10) * 4096})

    assert take(connection, queue).job is None

    assert redis_client.exists("bull:mail:ghost", "bull:mail:delayed", "bull:mail:wait") == 0


def test_more_ids_without_a_hash_than_one_call_drops_send_a_worker_back_at_once(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    job_id = connection.call(jobs.add_job(queue, prepare_job("send", 1, JobOptions(), now_ms=NOW)))
    redis_client.rpush("bull:mail:wait", *(f"ghost-{number}" for number in range(150)))
    redis_client.delete("bull:mail:marker")

    first = take(connection, queue)
    marker = redis_client.zscore("bull:mail:marker", "0")
    second = take(connection, queue)

    assert (first.job, marker) == (None, 0)
    assert second.job is not None
    assert second.job.id == job_id
