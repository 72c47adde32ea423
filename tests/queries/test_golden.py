"""Every state the real Node client was recorded in can be shown: each job once, in its place, none called broken."""

from collections.abc import Iterator

import pytest
import redis

from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.queries.arranging import arrange
from board.queries.flow import read_flow
from board.queries.job import read_job
from board.queries.overview import read_overview
from board.queries.queue import LABELS, QueueAsked, read_queue
from tests.golden import dumps
from tests.queries.conftest import Known
from tests.queries.jobs import NOW

RECORDED = [(version, scenario) for version in dumps.VERSIONS for scenario in dumps.scenarios(version)]


@pytest.mark.parametrize(("version", "scenario"), RECORDED, ids=lambda part: part)
def test_a_recorded_keyspace_is_shown_whole(
    connection: Connection, known: Known, redis_client: redis.Redis, version: str, scenario: str
) -> None:
    dumps.restore(redis_client, version, scenario)
    queues = list(_queues(redis_client))

    overview = arrange(read_overview(connection, known, queues, now_ms=NOW))

    rows = {(row.queue.prefix, row.queue.name): row for group in overview.groups for row in group.rows}
    for queue in queues:
        row = rows[queue.prefix, queue.name]
        assert row.error is None
        assert row.release == version[0]
        for state in LABELS:
            members = _members(redis_client, queue, state)
            page = read_queue(connection, known, queue, QueueAsked(state, size=100), now_ms=NOW)
            assert {job.id for job in page.jobs} == members
            assert row.counts.of(state) == page.total == len(members)
            assert [job.problems for job in page.jobs] == [()] * len(members)
            for job in page.jobs:
                _check_job(connection, known, queue, job.id, job.state)


def _check_job(connection: Connection, known: Known, queue: QueueKeys, job_id: str, state: str) -> None:
    page = read_job(connection, known, queue, job_id, now_ms=NOW)
    flow = read_flow(connection, known, queue, job_id, now_ms=NOW)

    assert page.state == state
    assert page.problems == ()
    assert page.data.valid
    assert page.position is not None
    assert len(page.attempts) <= max(1, page.attempts_made)
    assert sum(step.duration_ms for step in page.timeline) == (page.timeline_total_ms or 0)
    assert flow.node_count >= 1


def _queues(client: redis.Redis) -> Iterator[QueueKeys]:
    for key in client.scan_iter("*:meta"):
        prefix, name = str(key).removesuffix(":meta").rsplit(":", 1)
        yield QueueKeys(prefix, name)


def _members(client: redis.Redis, queue: QueueKeys, state: str) -> set[str]:
    key = queue.key("wait" if state == "waiting" else state)
    if client.type(key) == "list":
        return {str(one) for one in client.lrange(key, 0, -1)}
    return {str(one) for one in client.zrange(key, 0, -1)}
