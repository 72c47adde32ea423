"""Jobs that failed for good land in the dead-letter queue once, and go back from there once."""

import redis

from board.engine.commands import dead_letters, jobs, leases
from board.engine.commands.dead_letters import Replayed, dead_letter_of
from board.engine.commands.leases import DeadLetter
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import JobOptions, JobState, Keep

NOW = 1_767_225_600_000
DEAD = QueueKeys("bull", "dead")


def fail(connection: Connection, queue: QueueKeys, *, keep: Keep | None = None) -> str:
    """Take the next job and fail it for good, with a dead letter."""
    job = connection.call(leases.fetch_job(queue, token="t", lock_ms=60_000, now_ms=NOW)).job
    assert job is not None
    connection.call(
        leases.fail_job(
            queue,
            job.id,
            token="t",
            reason="no such address",
            stacktrace=["Error: no such address\n    at send (mail.js:1:1)"],
            now_ms=NOW + 5,
            attempts=1,
            keep=keep,
            dead_letter=DeadLetter(DEAD, queue.name, queue.prefix),
        )
    )
    return job.id


def add(connection: Connection, queue: QueueKeys, **options: object) -> str:
    """Add a job."""
    new = prepare_job("welcome", {"to": "a@b.c"}, JobOptions(**options), now_ms=NOW)  # type: ignore[arg-type]
    return connection.call(jobs.add_job(queue, new))


def test_a_dead_letter_says_where_it_came_from_and_why(connection: Connection, queue: QueueKeys) -> None:
    job_id = add(connection, queue, attempts=1)

    fail(connection, queue)

    letter = connection.call(jobs.get_job(DEAD, f"mail/{job_id}"))
    assert letter is not None
    assert letter.data == {"to": "a@b.c"}
    assert letter.name == "welcome"
    assert letter.stacktrace == ("Error: no such address\n    at send (mail.js:1:1)",)
    info = dead_letter_of(letter)
    assert info is not None
    assert (info.queue, info.job_id, info.reason) == ("mail", job_id, "no such address")
    assert (info.attempts_made, info.added_on_ms, info.failed_on_ms) == (1, NOW, NOW + 5)


def test_failing_again_brings_the_letter_up_to_date_instead_of_adding_one(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    job_id = add(connection, queue)
    fail(connection, queue)

    connection.call(jobs.retry_job(queue, job_id))
    fail(connection, queue)

    assert redis_client.lrange("bull:dead:wait", 0, -1) == [f"mail/{job_id}"]


def test_a_job_still_among_the_failed_runs_again_with_all_its_attempts(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    job_id = add(connection, queue, attempts=1)
    fail(connection, queue)

    replayed = connection.call(dead_letters.replay(DEAD, f"mail/{job_id}", NOW))

    assert replayed is Replayed.RETRIED
    assert connection.call(jobs.get_state(queue, job_id)) is JobState.WAITING
    job = connection.call(jobs.get_job(queue, job_id))
    assert job is not None
    assert job.attempts_made == 0
    assert redis_client.keys("bull:dead:mail*") == []


def test_a_job_that_retention_removed_is_made_anew_from_its_letter(connection: Connection, queue: QueueKeys) -> None:
    job_id = add(connection, queue, attempts=1, priority=4)
    fail(connection, queue, keep=Keep(count=0))
    assert connection.call(jobs.get_job(queue, job_id)) is None

    replayed = connection.call(dead_letters.replay(DEAD, f"mail/{job_id}", NOW))

    assert replayed is Replayed.RECREATED
    job = connection.call(jobs.get_job(queue, job_id))
    assert job is not None
    assert (job.name, job.data, job.priority, job.timestamp_ms) == ("welcome", {"to": "a@b.c"}, 4, NOW)
    assert connection.call(jobs.get_state(queue, job_id)) is JobState.PRIORITIZED


def test_a_job_somebody_retried_already_is_not_set_in_motion_twice(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    job_id = add(connection, queue)
    fail(connection, queue)
    connection.call(jobs.retry_job(queue, job_id))

    replayed = connection.call(dead_letters.replay(DEAD, f"mail/{job_id}", NOW))

    assert replayed is Replayed.IN_MOTION
    assert redis_client.lrange("bull:mail:wait", 0, -1) == [job_id]


def test_sending_all_back_leaves_what_is_no_dead_letter(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    for _ in range(3):
        add(connection, queue)
        fail(connection, queue)
    other = add(connection, DEAD)

    sent = connection.run(dead_letters.replay_all(DEAD, NOW))

    assert sent == 3
    assert redis_client.lrange("bull:dead:wait", 0, -1) == [other]
    assert redis_client.llen("bull:mail:wait") == 3


def test_a_job_that_node_failed_can_be_moved_to_the_dead_letters(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    job_id = add(connection, queue)
    job = connection.call(leases.fetch_job(queue, token="t", lock_ms=60_000, now_ms=NOW)).job
    assert job is not None
    connection.call(leases.fail_job(queue, job_id, token="t", reason="boom", now_ms=NOW))

    connection.call(dead_letters.bury_job(queue, job_id, DEAD, NOW))

    assert redis_client.zcard("bull:mail:failed") == 0
    assert redis_client.exists(f"bull:mail:{job_id}") == 0
    letter = connection.call(jobs.get_job(DEAD, f"mail/{job_id}"))
    assert letter is not None
    assert letter.failed_reason == "boom"
