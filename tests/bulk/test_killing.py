"""The web process is killed twice during a bulk retry: each job is set in motion once, and progress survives."""

from pathlib import Path

import redis

from tests.bulk.killing import prove
from tests.servers import Server

JOBS = 2_400
"""At a pace that takes two seconds from one kill to the next: a busy machine must not miss the moment."""


def test_a_bulk_retry_survives_two_kills_of_the_web(
    server: Server, redis_url: str, redis_client: redis.Redis, tmp_path: Path
) -> None:
    del redis_url, redis_client  # an empty database
    report = prove(server, tmp_path, jobs=JOBS, pace=JOBS // 6, waits_for_lease=False)

    assert report.run.status == "done"
    assert report.run.done + report.run.unsure == JOBS
    assert report.run.left == 0
    assert len(report.acted) == JOBS
    assert max(report.acted.values()) == 1
