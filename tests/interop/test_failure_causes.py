"""Failures of one bug make one group, whether Node's worker threw them or ours."""

from collections.abc import Iterator

import pytest
import redis

from board.config import Settings
from board.engine import Queue
from board.service import Service
from tests.interop.node import Fail, NodeBullMQ
from tests.interop.our_worker import our_worker
from tests.recorder.conftest import Process, groups
from tests.waiting import wait_until

pytestmark = pytest.mark.node


@pytest.fixture
def recorder(redis_url: str) -> Iterator[Process]:
    service = Service(Settings(redis_url=redis_url))
    yield Process(service)
    service.close()


def look_up(job: object) -> None:
    """Fail as one bug does, with another number each time."""
    raise LookupError(f"no customer {getattr(job, 'data', None)} in shard {id(job)}")


def fail_in_node(node: NodeBullMQ, number: int) -> None:
    """Let Node add one more job and fail it, with other numbers each time."""
    node.add("mail", "charge", {"n": number}, {})
    with node.worker("mail", Fail(f"card {9_999_998 + number} was declined after {number} ms")) as worker:
        wait_until(lambda: worker.jobs("failed"), "Node's failure")
        wait_until(lambda: node.counts("mail")["failed"] == number, "the job among the failed")


def test_node_and_python_failures_are_grouped_by_cause(
    node: NodeBullMQ, redis_url: str, redis_client: redis.Redis, recorder: Process
) -> None:
    for number in (1, 2, 3):
        fail_in_node(node, number)
    with Queue("print", connection=redis_url) as queue, our_worker("threads", "print", look_up, redis_url):
        for number in (1, 2):
            queue.add("charge", number)
        wait_until(lambda: queue.get_job_counts("failed")["failed"] == 2, "our failures")

    recorder.catch_up()

    found = {group["error"]: group for group in groups(redis_client).values()}
    assert {error: group["members"] for error, group in found.items()} == {"Error": 3, "LookupError": 2}
    assert found["Error"]["message"] == "card <n> was declined after <n> ms"
    assert found["LookupError"]["message"] == "no customer <n> in shard <n>"
    assert found["LookupError"]["function"] == "look_up"
    assert "test_failure_causes.py" in found["LookupError"]["file"]
    assert found["Error"]["file"]
