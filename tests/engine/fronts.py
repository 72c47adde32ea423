"""Both fronts behind one face, so that a behaviour is written once and must hold for each.

A test is a coroutine function that uses the asyncio front's names. For the blocking front every call goes to a thread,
and a processor, written as a coroutine function too, runs in the worker's own thread. Between the threads a test passes
only plain values: lists, events of ``threading``.
"""

import asyncio
import functools
import math
import threading
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, ParamSpec, Protocol, Self, TypeVar, cast

from board.engine import (
    AsyncFlowProducer,
    AsyncJob,
    AsyncQueue,
    AsyncQueueEvents,
    AsyncWorker,
    FlowProducer,
    JobState,
    Queue,
    QueueEvents,
    Worker,
)
from board.engine.job_view import JobView
from board.engine.keys import DEFAULT_PREFIX
from board.engine.sync.flow import JobNode
from board.engine.types import FINISHED_STATES
from tests.waiting import wait_until_async

P = ParamSpec("P")
T = TypeVar("T")

Process = Callable[[AsyncJob], Awaitable[Any]]

WITHOUT_AWAIT = {"on", "off", "cancel_job"}
"""Methods that the asyncio front has without ``await``."""

RENEWING: dict[str, Any] = {"lock_duration": 60_000, "lock_renew_time": 100}
"""Of a worker that renews its locks at once and long before they expire: no busy machine makes it too late."""

TEST_SECONDS = 240
"""Longer than all that one test waits for, shorter than pytest's own limit."""


def behaviour(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a coroutine function as a test, in a loop of its own and not for ever."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), TEST_SECONDS))

    return run


async def ended(queue: AsyncQueue, job_id: str) -> AsyncJob:
    """Wait until a job has completed or failed for good, and read it."""

    async def look() -> bool:
        return await queue.get_job_state(job_id) in FINISHED_STATES

    await wait_until_async(look, f"job {job_id} to end")
    return await read(queue, job_id)


async def read(queue: AsyncQueue, job_id: str) -> AsyncJob:
    """Read a job that is there."""
    job = await queue.get_job(job_id)
    assert job is not None
    return job


async def state_is(queue: AsyncQueue, job_id: str, state: JobState) -> None:
    """Wait until a job is in a state."""

    async def look() -> bool:
        return await queue.get_job_state(job_id) is state

    await wait_until_async(look, f"job {job_id} to be {state}")


class Renewals:
    """Whether a lock was seen to be renewed, twice: each time what is left of it grows.

    Args:
        client: of the server that keeps the lock.
        key: of the lock.
    """

    def __init__(self, client: Any, key: str) -> None:
        self._client = client
        self._key = key
        self._left = math.inf
        self._times = 0

    def __call__(self) -> bool:
        """Look once more."""
        before, self._left = self._left, self._client.pttl(self._key)
        self._times += self._left > before
        return self._times >= 2


async def count_is(queue: AsyncQueue, state: JobState, count: int) -> None:
    """Wait until so many jobs are in a state."""

    async def look() -> bool:
        return (await queue.get_job_counts(state))[state] == count

    await wait_until_async(look, f"{count} jobs to be {state}")


class Front(Protocol):
    """What a test asks for; everything it made is closed at the end of ``async with``."""

    def queue(self, name: str, **options: Any) -> AsyncQueue:
        """Open a queue."""
        ...

    def worker(self, queue: str, process: Process, **options: Any) -> AsyncWorker:
        """Make a worker that has not begun."""
        ...

    def events(self, queue: str, **options: Any) -> AsyncQueueEvents:
        """Make a reader of events that has not begun."""
        ...

    def flows(self) -> AsyncFlowProducer:
        """Open a producer of flows."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class AsyncioFront:
    """The asyncio front as it is."""

    def __init__(self, url: str, prefix: str = DEFAULT_PREFIX) -> None:
        self._url = url
        self._prefix = prefix
        self._made: list[Any] = []

    def queue(self, name: str, **options: Any) -> AsyncQueue:
        """Open a queue."""
        return self._keep(AsyncQueue(name, **self._options(options)))

    def worker(self, queue: str, process: Process, **options: Any) -> AsyncWorker:
        """Make a worker that has not begun."""
        return self._keep(AsyncWorker(queue, process, **self._options(options)))

    def events(self, queue: str, **options: Any) -> AsyncQueueEvents:
        """Make a reader of events that has not begun."""
        return self._keep(AsyncQueueEvents(queue, **self._options(options)))

    def flows(self) -> AsyncFlowProducer:
        """Open a producer of flows."""
        return self._keep(AsyncFlowProducer(connection=self._url, prefix=self._prefix))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for made in reversed(self._made):
            await (made.close(0) if isinstance(made, AsyncWorker) else made.close())

    def _options(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"connection": self._url, "prefix": self._prefix, **options}

    def _keep(self, made: T) -> T:
        self._made.append(made)
        return made


class ThreadFront:
    """The blocking front, awaited. The casts are true by ``_Awaited``: it has the same names, each with ``await``."""

    def __init__(self, url: str, prefix: str = DEFAULT_PREFIX) -> None:
        self._url = url
        self._prefix = prefix
        self._made: list[Any] = []

    def queue(self, name: str, **options: Any) -> AsyncQueue:
        """Open a queue."""
        return cast("AsyncQueue", self._keep(Queue(name, **self._options(options))))

    def worker(self, queue: str, process: Process, **options: Any) -> AsyncWorker:
        """Make a worker that has not begun."""

        def plain(job: Any) -> Any:
            async def whole() -> Any:
                return await process(cast("AsyncJob", _Awaited(job, in_thread=False)))

            return asyncio.run(whole())

        return cast("AsyncWorker", self._keep(Worker(queue, plain, **self._options(options))))

    def events(self, queue: str, **options: Any) -> AsyncQueueEvents:
        """Make a reader of events that has not begun."""
        return cast("AsyncQueueEvents", self._keep(QueueEvents(queue, **self._options(options))))

    def flows(self) -> AsyncFlowProducer:
        """Open a producer of flows."""
        return cast("AsyncFlowProducer", self._keep(FlowProducer(connection=self._url, prefix=self._prefix)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for made in reversed(self._made):
            await asyncio.to_thread(made.close, *([0] if isinstance(made, Worker) else []))

    def _options(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"connection": self._url, "prefix": self._prefix, **options}

    def _keep(self, made: Any) -> Any:
        self._made.append(made)
        return _Awaited(made)


class _Awaited:
    """An object of the blocking front whose methods are awaited."""

    def __init__(self, inner: Any, *, in_thread: bool = True) -> None:
        object.__setattr__(self, "_inner", inner)
        object.__setattr__(self, "_in_thread", in_thread)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found) or name in WITHOUT_AWAIT or isinstance(found, type | threading.Event):
            return found

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            plain = [arg._inner if isinstance(arg, _Awaited) else arg for arg in args]
            if self._in_thread:
                return _wrap(await asyncio.to_thread(found, *plain, **kwargs))
            return _wrap(found(*plain, **kwargs))

        return awaited

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._inner, name, value)


def _wrap(result: Any) -> Any:
    if isinstance(result, JobView | JobNode):
        return _Awaited(result)
    if isinstance(result, list):
        return [_wrap(item) for item in result]
    return result
