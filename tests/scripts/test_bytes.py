"""What scripts read is bounded in bytes, too: values that nobody asked for are not copied, however long they are."""

import json
from typing import Any

import redis

from board.engine.commands import flows, kin, scheduler_pages
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys

NOW = 1_767_225_600_000


def calls_of(client: redis.Redis, command: str) -> int:
    """Return how often a command ran since the statistics were reset."""
    stats: Any = client.info("commandstats")
    return int(stats.get(f"cmdstat_{command}", {}).get("calls", 0))


def test_the_keys_of_children_are_read_without_their_results(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    for number in range(30):
        redis_client.hset(queue.children("film", "processed"), f"bull:parts:{number}", "1" * 10_000)
    redis_client.config_resetstat()

    known = connection.call(flows.child_keys(queue, "film", 20))

    assert len(known["processed"]) == 20
    assert calls_of(redis_client, "hscan") == 0


def test_of_very_many_children_only_so_many_bytes_of_results_are_passed(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    with redis_client.pipeline(transaction=False) as pipe:
        for number in range(1_100):
            pipe.hset(queue.children("film", "processed"), f"bull:parts:{number}", "1" * 40_000)
        pipe.execute()

    known = connection.call(flows.child_keys(queue, "film", 1_000))

    assert 4_194_304 / 40_000 <= len(known["processed"]) < 200


def test_names_of_another_length_are_not_copied_and_very_long_ones_not_compared(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    names = {"1": "send", "2": "read", "3": "n" * 100_000, "4": "n" * 100_000, "5": "send"}
    for job_id, name in names.items():
        redis_client.hset(queue.job(job_id), mapping={"name": name, "finishedOn": NOW})
        redis_client.zadd(queue.key("completed"), {job_id: NOW + int(job_id)})
    redis_client.config_resetstat()

    assert [run.id for run in connection.call(kin.read_kin(queue, "1"))] == ["5", "1"]
    assert calls_of(redis_client, "hmget") == 3
    assert connection.call(kin.read_kin(queue, "3")) == []


def test_the_options_of_a_run_are_not_read_where_they_are_longer_than_a_page_may_copy(
    connection: Connection, queue: QueueKeys, redis_client: redis.Redis
) -> None:
    rule = {"repeat": {"count": 3}}
    options = [json.dumps(rule), json.dumps({"pad": "x" * 4_200_000, **rule})]
    redis_client.zadd(queue.key("repeat"), {"tick": NOW})
    redis_client.hset(queue.key("repeat:tick"), mapping={"name": "tick", "every": 60_000})
    for number, opts in enumerate(options):
        job_id = f"repeat:tick:{NOW - 60_000 * (number + 1)}"
        redis_client.hset(queue.job(job_id), mapping={"opts": opts, "failedReason": "no", "ats": 1})
        redis_client.zadd(queue.key("failed"), {job_id: NOW})

    reading = connection.call(scheduler_pages.read_schedulers([queue]))

    runs = reading.rows[0].runs
    assert [(run.number, run.failed_reason, run.attempts) for run in runs] == [(3, "no", 1), (None, "no", 1)]
