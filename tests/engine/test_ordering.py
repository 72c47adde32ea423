"""In which order one slot runs what is there: random jobs, compared with the order that the rules give."""

import asyncio
import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from board.engine import AsyncQueue, AsyncWorker, JobOptions, JobState, Queue, Worker
from tests.waiting import wait_until, wait_until_async

EXAMPLES = 25
MOST_JOBS = 30

few = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
run_on: Callable[[Any], Any] = pytest.mark.parametrize("run", ["threads", "asyncio"], indirect=True)

Jobs = list[JobOptions]
Run = Callable[[Jobs], list[int]]


def run_by_threads(jobs: Jobs, name: str, where: Any) -> list[int]:
    """Add jobs to a paused queue, let one slot run them, and return their numbers in the order they ran."""
    ran: list[int] = []
    with Queue(name, **where) as queue:
        queue.pause()
        queue.add_bulk([("x", number, options) for number, options in enumerate(jobs)])
        with Worker(name, lambda job: ran.append(job.data), drain_delay=100, **where):
            queue.resume()
            wait_until(lambda: queue.get_job_counts("completed")["completed"] == len(jobs), "the jobs to run")
    return ran


def run_by_asyncio(jobs: Jobs, name: str, where: Any) -> list[int]:
    """Do the same with the asyncio front."""

    async def all_of_it() -> list[int]:
        ran: list[int] = []

        async def note(job: Any) -> None:
            ran.append(job.data)

        async with AsyncQueue(name, **where) as queue:

            async def is_done() -> bool:
                return (await queue.get_job_counts("completed"))[JobState.COMPLETED] == len(jobs)

            await queue.pause()
            await queue.add_bulk([("x", number, options) for number, options in enumerate(jobs)])
            async with AsyncWorker(name, note, drain_delay=100, **where):
                await queue.resume()
                await wait_until_async(is_done, "the jobs to run")
        return ran

    return asyncio.run(all_of_it())


@pytest.fixture
def run(request: pytest.FixtureRequest, redis_url: str, prefix: str) -> Run:
    """Run jobs through a queue that no other example has used."""
    by = {"threads": run_by_threads, "asyncio": run_by_asyncio}[request.param]

    numbers = itertools.count()

    def run_in_a_queue_of_its_own(jobs: Jobs) -> list[int]:
        return by(jobs, f"line-{next(numbers)}", {"connection": redis_url, "prefix": prefix})

    return run_in_a_queue_of_its_own


def sizes(**fields: Any) -> Any:
    """Draw lists of jobs, their fields as given."""
    return st.lists(st.builds(JobOptions, **fields), min_size=1, max_size=MOST_JOBS)


@run_on
@few
@given(jobs=sizes(priority=st.sampled_from([None, 1, 2, 3, 10, 2_097_151])))
def test_priorities_run_lowest_first_and_equals_in_the_order_they_were_added(run: Run, jobs: Jobs) -> None:
    """Those without a priority come before all others."""
    assert run(jobs) == sorted(range(len(jobs)), key=lambda number: jobs[number].priority or 0)


@run_on
@few
@given(jobs=sizes(lifo=st.booleans()))
def test_lifo_jobs_run_first_the_newest_before_the_older_ones(run: Run, jobs: Jobs) -> None:
    line: list[int] = []
    for number, options in enumerate(jobs):
        line.insert(0 if options.lifo else len(line), number)

    assert run(jobs) == line


@run_on
@few
@given(delays=st.lists(st.integers(1, 60), min_size=1, max_size=MOST_JOBS))
def test_delayed_jobs_run_in_the_order_they_fall_due_and_equals_as_they_were_added(run: Run, delays: list[int]) -> None:
    jobs = [JobOptions(delay=ms) for ms in delays]

    assert run(jobs) == sorted(range(len(jobs)), key=lambda number: delays[number])


@run_on
@few
@given(
    jobs=sizes(
        priority=st.sampled_from([None, None, 1, 5]),
        lifo=st.booleans(),
        delay=st.sampled_from([None, None, timedelta(milliseconds=1)]),
    )
)
def test_every_job_of_a_mixed_line_runs_once(run: Run, jobs: Jobs) -> None:
    assert sorted(run(jobs)) == list(range(len(jobs)))
