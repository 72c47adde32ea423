"""The loop that benchmarks take for the limit packs the ends of jobs by hand: it has to speak as the scripts do."""

from collections.abc import Callable

from bench.limit import bare
from tests.servers import Server


def test_the_bare_loop_ends_every_job(fresh_server: Callable[..., Server]) -> None:
    assert bare(fresh_server(), 1_000) > 0  # it raises where an end is refused, or where one is missing
