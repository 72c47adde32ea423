"""A day of many queues: everything counted, percentiles near the exact ones, memory bounded and stated."""

from collections.abc import Callable

from bench.recorder import measure
from tests.servers import Server

KB_A_DAY = 40
"""Of Redis for a queue with three job names and a hundred jobs; 32 when it was written down."""


def test_a_day_of_fifty_queues(fresh_server: Callable[..., Server]) -> None:
    found = measure(fresh_server(), 50, 60)

    assert found.completed == 50 * 60
    assert max(found.errors.values()) <= 0.0201, "the sketch promises two per cent"
    assert found.redis_bytes / found.queues / 1024 < KB_A_DAY
    assert found.idle[1] < found.queues, "a step that finds nothing asks about many queues at once"
