"""The web process is killed twice during a bulk retry: each job is set in motion once, and progress survives."""

from pathlib import Path

import redis

from tests.bulk.killing import prove
from tests.servers import Server


def test_a_bulk_retry_survives_two_kills_of_the_web(
    server: Server, redis_url: str, redis_client: redis.Redis, tmp_path: Path
) -> None:
    del redis_url, redis_client  # an empty database
    report = prove(server, tmp_path, jobs=3_000, pace=2_000, waits_for_lease=False)

    assert report.run.status == "done"
    assert report.run.done + report.run.unsure == 3_000
    assert report.run.left == 0
    assert len(report.acted) == 3_000
    assert max(report.acted.values()) == 1
