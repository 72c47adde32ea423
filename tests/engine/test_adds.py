"""An add of the asyncio front behaves like a coroutine, also where it is the answer of a call that has left already."""

import asyncio
import gc
import inspect
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import pytest
import redis
import uvloop

from board.engine import AsyncJob, AsyncQueue, JobOptions, ParentRef
from board.engine.calls import Call, raw
from board.engine.errors import (
    ClosedError,
    ConnectionLostError,
    InvalidOptionError,
    ParentNotFoundError,
    PayloadError,
    UsageError,
)
from tests.engine.fronts import behaviour
from tests.waiting import wait_until_async

Add = Coroutine[Any, Any, AsyncJob]

WAITING: Call[int] = Call(("LLEN", "bull:mail:wait"), raw, writes=False)
NOWHERE = ParentRef("gone", "bull:mail")


async def awaited(add: Add) -> AsyncJob:
    """Await an add as most do."""
    return await add


async def in_group(add: Add) -> AsyncJob:
    """Make an add a task of a group."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(add)
    return task.result()


async def as_eager_task(add: Add) -> AsyncJob:
    """Make an add a task that starts at once, where Python has these."""
    factory = getattr(asyncio, "eager_task_factory", None)
    asyncio.get_running_loop().set_task_factory(factory)
    try:
        return await asyncio.create_task(add)
    finally:
        asyncio.get_running_loop().set_task_factory(None)


async def as_completed(add: Add) -> AsyncJob:
    """Take an add from those that are done first."""
    [first] = asyncio.as_completed([add])
    return await first


async def gathered(add: Add) -> AsyncJob:
    """Gather an add."""
    [job] = await asyncio.gather(add)
    return job


async def from_a_thread(add: Add) -> AsyncJob:
    """Hand an add from another thread to this loop."""
    loop = asyncio.get_running_loop()
    return await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(add, loop).result())


WAYS: list[Callable[[Add], Awaitable[AsyncJob]]] = [
    awaited,
    gathered,
    in_group,
    as_completed,
    as_eager_task,
    from_a_thread,
    asyncio.create_task,
    asyncio.ensure_future,
    asyncio.shield,
    partial(asyncio.wait_for, timeout=60),
]


async def awaited_by(queue: AsyncQueue) -> AsyncJob:
    """Add a job and wait for it."""
    return await queue.add("x")


async def opened(redis_url: str) -> AsyncQueue:
    """Return a queue whose connection is open, with one job, at the begin of a turn of the event loop."""
    queue = AsyncQueue("mail", connection=redis_url)
    await queue.add("first")
    await asyncio.sleep(0)
    return queue


def has_left(queue: AsyncQueue, before: int) -> bool:
    """Whether something was sent since."""
    return queue.connection.round_trips > before


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("way", WAYS)
@behaviour
async def test_an_add_is_awaited_in_every_way_in_which_a_coroutine_is(
    way: Callable[[Add], Awaitable[AsyncJob]], redis_url: str, *, is_open: bool
) -> None:
    async with AsyncQueue("mail", connection=redis_url) as queue:
        if is_open:
            await queue.add("x", job_id="first")

        job = await way(queue.add("x", {"number": 7}, attempts=3))

        assert isinstance(job, AsyncJob)
        assert (job.id, job.name, job.data, job.attempts) == ("2" if is_open else "1", "x", {"number": 7}, 3)
        read = await queue.get_job(job.id)
        assert read is not None
        assert read.info == job.info


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("way", WAYS)
@behaviour
async def test_a_refusal_is_raised_where_the_add_is_awaited_however_that_is(
    way: Callable[[Add], Awaitable[AsyncJob]], redis_url: str, *, is_open: bool
) -> None:
    async with AsyncQueue("mail", connection=redis_url) as queue:
        if is_open:
            await queue.add("x")
        missing, wrong = queue.add("x", parent=NOWHERE), queue.add("x", attempts=-1)

        refused: list[BaseException] = []
        for add in (missing, wrong):
            try:
                await way(add)
            except* (ParentNotFoundError, InvalidOptionError) as group:  # a task group raises several
                refused += group.exceptions

        while any(isinstance(error, BaseExceptionGroup) for error in refused):
            refused = [inner for error in refused for inner in getattr(error, "exceptions", [error])]
        assert [type(error) for error in refused] == [ParentNotFoundError, InvalidOptionError]


def test_adds_work_on_uvloop_as_coroutines_and_as_tasks(redis_url: str) -> None:
    async def add() -> list[str]:
        async with AsyncQueue("mail", connection=redis_url) as queue:
            first = await queue.add("x")
            second = await asyncio.create_task(queue.add("x"))
            return [job.id for job in (first, second, *await asyncio.gather(queue.add("x"), queue.add("x")))]

    assert uvloop.run(add()) == ["1", "2", "3", "4"]


def test_an_add_made_outside_of_any_loop_is_a_coroutine_that_a_loop_can_run(redis_url: str) -> None:
    queue = AsyncQueue("mail", connection=redis_url)

    with asyncio.Runner() as runner:
        jobs = [runner.run(queue.add("x")) for _ in range(3)]
        runner.run(queue.close())

    assert [job.id for job in jobs] == ["1", "2", "3"]


def test_web_frameworks_see_that_an_add_is_to_be_awaited() -> None:
    tell = inspect.iscoroutinefunction if sys.version_info >= (3, 12) else asyncio.iscoroutinefunction

    assert tell(AsyncQueue.add)
    assert list(inspect.signature(AsyncQueue.add).parameters) == ["self", "name", "data", "options", "overrides"]


@behaviour
async def test_an_add_on_an_open_connection_asks_when_it_is_called_and_needs_no_task(redis_url: str) -> None:
    async with await opened(redis_url) as queue:
        tasks = asyncio.all_tasks()

        adds = [queue.add("x") for _ in range(3)]
        together = asyncio.gather(*adds)

        assert asyncio.all_tasks() == tasks
        assert await queue.connection.call(WAITING) == 4
        assert [job.id for job in await together] == ["2", "3", "4"]


@behaviour
async def test_task_groups_of_other_libraries_can_ask_an_add_how_far_it_is(redis_url: str) -> None:
    async with await opened(redis_url) as queue:
        add: Any = queue.add("x")

        before = inspect.getcoroutinestate(add)
        await add

        assert (before, inspect.getcoroutinestate(add)) == (inspect.CORO_SUSPENDED, inspect.CORO_CLOSED)


@behaviour
async def test_adds_keep_their_place_among_what_else_is_asked(redis_url: str) -> None:
    async with await opened(redis_url) as queue:
        first, waiting, second = queue.add("x"), queue.connection.step(WAITING), queue.add("x")

        assert await waiting == 2
        assert [job.id for job in await asyncio.gather(first, second)] == ["2", "3"]


@pytest.mark.parametrize("give_up", ["await", "gather", "wait_for", "close"])
@behaviour
async def test_an_add_that_is_given_up_before_it_left_is_not_sent(give_up: str, redis_url: str) -> None:
    async with await opened(redis_url) as queue:
        match give_up:
            case "await":
                task = asyncio.create_task(awaited_by(queue))
                await asyncio.sleep(0)  # it asks, but what it asked has not left
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            case "gather":
                together = asyncio.gather(queue.add("x"), queue.add("x"))
                together.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await together
            case "wait_for":
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(queue.add("x"), 0)
            case _:
                queue.add("x").close()

        kept = await queue.add("kept")
        assert (kept.id, await queue.connection.call(WAITING)) == ("2", 2)


@behaviour
async def test_a_task_that_is_cancelled_before_its_first_step_takes_the_add_back_while_no_socket_is_open(
    redis_url: str, redis_client: redis.Redis
) -> None:
    async with await opened(redis_url) as queue:
        redis_client.client_kill_filter(_type="normal", skipme=True)
        await wait_until_async(lambda: len(redis_client.client_list()) == 1, "the socket to be closed")

        task = asyncio.create_task(queue.add("x"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        kept = await queue.add("kept")
        assert (kept.id, await queue.connection.call(WAITING)) == ("2", 2)


@pytest.mark.parametrize("way", [asyncio.create_task, asyncio.gather])
@behaviour
async def test_the_reply_to_an_add_that_is_cancelled_after_it_left_disturbs_no_other(
    way: Callable[[Add], "asyncio.Future[AsyncJob]"], redis_url: str, redis_client: redis.Redis
) -> None:
    async with await opened(redis_url) as queue:
        redis_client.client_pause(600_000, all=False)
        before = queue.connection.round_trips
        given_up, kept = way(queue.add("x", "given up")), asyncio.create_task(queue.add("x", "kept"))
        await wait_until_async(partial(has_left, queue, before + 1), "both to leave")
        await asyncio.sleep(0)
        given_up.cancel()
        redis_client.client_unpause()

        with pytest.raises(asyncio.CancelledError):
            await given_up
        assert (await kept).data == "kept"
        assert (await queue.add("x")).id == "4"


@pytest.mark.parametrize("is_open", [True, False])
@behaviour
async def test_what_is_wrong_with_a_job_is_told_where_the_add_is_awaited(redis_url: str, *, is_open: bool) -> None:
    async with AsyncQueue("mail", connection=redis_url) as queue:
        if is_open:
            await queue.add("x")
        wrong: dict[type[UsageError], Add] = {
            InvalidOptionError: queue.add("x", attempts=-1),
            PayloadError: queue.add("x", {"a": float("nan")}),
            UsageError: queue.add("x", None, JobOptions(size_limit=1), deley=5),
        }

        for kind, add in wrong.items():
            with pytest.raises(kind) as told:
                await add

            frames = [frame.filename.rpartition("/")[2] for frame in traceback.extract_tb(told.value.__traceback__)]
            assert frames[0] == "test_adds.py"
            assert frames[-1] in ("options.py", "codec.py")


@behaviour
async def test_an_answer_may_be_awaited_again_and_raises_the_same_without_growing(redis_url: str) -> None:
    async with await opened(redis_url) as queue:
        answer, refusal = queue.add("x"), queue.add("x", parent=NOWHERE)

        assert (await answer).id == (await answer).id == "2"
        lengths: list[int] = []
        for _ in range(3):
            with pytest.raises(ParentNotFoundError) as told:
                await refusal
            lengths.append(len(traceback.extract_tb(told.value.__traceback__)))
        assert max(lengths) == lengths[0]


@behaviour
async def test_errors_that_somebody_took_are_not_reported_as_lost_and_others_are(redis_url: str) -> None:
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reports.append(context))
    async with await opened(redis_url) as queue:
        told = await asyncio.gather(
            queue.add("x", parent=NOWHERE), queue.add(""), queue.add("x"), return_exceptions=True
        )
        with pytest.raises(ParentNotFoundError):
            await asyncio.gather(queue.add("x", parent=NOWHERE), queue.add("x", parent=NOWHERE))
        with pytest.raises(ParentNotFoundError):
            await queue.add("x", parent=NOWHERE)
        gc.collect()
        taken = list(reports)
        queue.add("x", parent=NOWHERE)  # type: ignore[unused-coroutine]  # as who forgets to await it
        await queue.get_counts()
        gc.collect()

    assert [type(one) for one in told] == [ParentNotFoundError, InvalidOptionError, AsyncJob]
    assert taken == []
    assert [type(report["exception"]) for report in reports] == [ParentNotFoundError]


@behaviour
async def test_closing_ends_adds_that_are_under_way_and_refuses_those_that_follow(
    redis_url: str, redis_client: redis.Redis
) -> None:
    queue = await opened(redis_url)
    redis_client.client_pause(600_000, all=False)
    before = queue.connection.round_trips
    sent = queue.add("x")
    await wait_until_async(partial(has_left, queue, before), "the add to be asked")
    await asyncio.sleep(0)
    unsent = queue.add("x")

    await queue.close()
    redis_client.client_unpause()

    with pytest.raises(ConnectionLostError):
        await sent
    with pytest.raises(ClosedError):
        await unsent
    late = queue.add("x")
    with pytest.raises(ClosedError):
        await late


@behaviour
async def test_adds_that_were_sent_on_a_socket_that_broke_are_lost_and_those_that_follow_are_not(
    redis_url: str, redis_client: redis.Redis
) -> None:
    async with await opened(redis_url) as queue:
        redis_client.client_pause(600_000, all=False)
        sent = [queue.add("x"), queue.add("x")]
        await asyncio.sleep(0)
        redis_client.client_kill_filter(_type="normal", skipme=True)
        redis_client.client_unpause()

        lost = await asyncio.gather(*sent, return_exceptions=True)

        assert [type(error) for error in lost] == [ConnectionLostError, ConnectionLostError]
        assert lost[0] is not lost[1]
        assert isinstance(await queue.add("x"), AsyncJob)
