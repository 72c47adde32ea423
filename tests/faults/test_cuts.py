"""A connection that breaks in the middle of a request: the job is ended, or fetched, or added exactly once."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from board.engine import AsyncJob, JobState
from board.engine.errors import ConnectionLostError
from board.engine.scripts import loader
from tests.engine.fronts import AsyncioFront, Front, ThreadFront, behaviour, count_is, ended
from tests.faults.proxy import CuttingProxy, Moment
from tests.servers import Server
from tests.waiting import wait_until_async


def sends(script: str) -> Callable[[bytes], bool]:
    """Recognise a request that runs a script, by its hash or by its source."""
    loaded = loader.load(script)
    signs = re.compile(b"|".join(re.escape(sign.encode()) for sign in (loaded.sha, loaded.source[:60])))
    return lambda data: bool(signs.search(data))


@pytest.fixture(params=["threads", "asyncio"])
def make(request: pytest.FixtureRequest) -> Callable[[str], Front]:
    fronts: dict[str, Callable[[str], Front]] = {"threads": ThreadFront, "asyncio": AsyncioFront}
    return fronts[request.param]


def events_of(client: Any, job_id: str) -> list[str]:
    """Read the names of a job's events."""
    return [fields["event"] for _, fields in client.xrange("bull:mail:events") if fields.get("jobId") == job_id]


@pytest.mark.parametrize("moment", ["before", "after"])
@behaviour
async def test_a_job_whose_completion_was_cut_completes_once(
    make: Callable[[str], Front], server: Server, redis_client: Any, moment: Moment
) -> None:
    ran: list[str] = []

    async def process(job: AsyncJob) -> str:
        ran.append(job.id)
        return "done"

    with CuttingProxy(server, sends("finish_jobs"), moment) as proxy:
        async with make(server.url) as direct, make(proxy.url) as front:
            queue = direct.queue("mail")
            ids = [job.id for job in await queue.add_bulk([("x", number) for number in range(5)])]
            errors: list[Exception] = []
            completed: list[str] = []
            worker = front.worker("mail", process, stalled_interval=100, drain_delay=100)
            worker.on("error", errors.append)
            worker.on("completed", lambda job, _result, _previous: completed.append(job.id))
            await worker.start()

            await count_is(queue, JobState.COMPLETED, len(ids))
            await wait_until_async(lambda: len(completed) == len(ids), "the listeners to be told")

            assert proxy.cuts == 1
            assert [type(error) for error in errors] == [ConnectionLostError]
            assert sorted(ran) == sorted(completed) == ids
            assert [events_of(redis_client, job_id).count("completed") for job_id in ids] == [1] * len(ids)
            assert [events_of(redis_client, job_id).count("stalled") for job_id in ids] == [0] * len(ids)


@pytest.mark.parametrize("moment", ["before", "after"])
@behaviour
async def test_a_job_whose_last_failure_was_cut_fails_once_and_is_one_dead_letter(
    make: Callable[[str], Front], server: Server, redis_client: Any, moment: Moment
) -> None:
    ran: list[str] = []

    async def process(job: AsyncJob) -> None:
        ran.append(job.id)
        raise ValueError("broken")

    with CuttingProxy(server, sends("finish_jobs"), moment) as proxy:
        async with make(server.url) as direct, make(proxy.url) as front:
            job = await direct.queue("mail").add("x")
            worker = front.worker("mail", process, dead_letter_queue="dead", drain_delay=100)
            await worker.start()

            await count_is(direct.queue("dead"), JobState.WAITING, 1)
            await wait_until_async(lambda: not worker.running_jobs, "the worker to be free")

            assert proxy.cuts == 1
            assert ran == [job.id]
            assert redis_client.lrange("bull:dead:wait", 0, -1) == [f"mail/{job.id}"]
            assert events_of(redis_client, job.id).count("failed") == 1


@pytest.mark.parametrize("moment", ["before", "after"])
@behaviour
async def test_a_fetch_that_was_cut_loses_no_job_and_none_has_to_stall(
    make: Callable[[str], Front], server: Server, redis_client: Any, moment: Moment
) -> None:
    ran: list[str] = []

    async def process(job: AsyncJob) -> None:
        ran.append(job.id)

    with CuttingProxy(server, sends("fetch_jobs"), moment) as proxy:
        async with make(server.url) as direct, make(proxy.url) as front:
            queue = direct.queue("mail")
            job = await queue.add("x")
            await front.worker("mail", process, skip_stalled_check=True, drain_delay=100).start()

            await ended(queue, job.id)

            assert proxy.cuts == 1
            assert ran == [job.id]
            assert events_of(redis_client, job.id).count("completed") == 1


@pytest.mark.parametrize("moment", ["before", "after"])
@behaviour
async def test_a_retry_that_was_cut_counts_one_attempt(
    make: Callable[[str], Front], server: Server, redis_client: Any, moment: Moment
) -> None:
    ran: list[str] = []

    async def process(job: AsyncJob) -> None:
        ran.append(job.id)
        if len(ran) == 1:
            raise ValueError("broken")

    with CuttingProxy(server, sends("retry_active_jobs"), moment) as proxy:
        async with make(server.url) as direct, make(proxy.url) as front:
            queue = direct.queue("mail")
            job = await queue.add("x", None, attempts=3)
            await front.worker("mail", process, drain_delay=100).start()

            done = await ended(queue, job.id)

            assert proxy.cuts == 1
            assert ran == [job.id, job.id]
            assert done.attempts_made == 2
