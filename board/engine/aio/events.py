"""The events of a queue for asyncio: listen by name, iterate, or wait for one job to end."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, Self

from board.engine.codec import load_json
from board.engine.commands.events import (
    Event,
    RecentEnds,
    check_event_id,
    last_event_id,
    read_events,
)
from board.engine.commands.jobs import is_finished
from board.engine.connection.aio import AsyncClient, AsyncConnection
from board.engine.errors import ClosedError, ConnectionLostError, JobFailedError, JobNotFoundError, StoreError
from board.engine.hints import with_hints
from board.engine.keys import DEFAULT_PREFIX, QueueKeys
from board.engine.options import check_listener, to_ms
from board.engine.types import FINISHED_STATES, Duration, JobState, JsonValue

__all__ = ["AsyncQueueEvents"]

BLOCK_MS = 10_000
"""How long one read waits for events, as BullMQ's."""

LATE_MS = 500
"""How long the end of a job that is gone already may be on its way to us: it may have ended and been removed while its
state was asked for."""

logger = logging.getLogger(__name__)

Listener = Callable[[Event], Any]


@with_hints
class AsyncQueueEvents:
    """Reads the events stream of a queue on a connection of its own.

    Args:
        name: queue name.
        connection: URL, client of redis-py, or a connection whose settings are taken over.
        prefix: key prefix.
        last_event_id: read on after this id; ``$`` for what happens from now on. ``last_id`` tells it later, to resume.
    """

    def __init__(
        self,
        name: str,
        *,
        connection: str | AsyncClient | AsyncConnection = "redis://localhost:6379/0",
        prefix: str = DEFAULT_PREFIX,
        last_event_id: str = "$",
    ) -> None:
        self.keys = QueueKeys(prefix, name)
        self.last_id = check_event_id(last_event_id)
        self._owned = not isinstance(connection, AsyncConnection)
        self._connection = connection if isinstance(connection, AsyncConnection) else AsyncConnection.open(connection)
        self._blocking = self._connection.blocking(client_name=self.keys.events_client_name, longest_s=BLOCK_MS / 1000)
        self._listeners: dict[str, list[Listener]] = {}
        self._waiters: dict[str, list[asyncio.Future[Event]]] = {}
        self._recent = RecentEnds()
        self._reader: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._closed = False

    def on(self, event: str, listener: Listener) -> None:
        """Call ``listener`` with each event of that name; ``*`` for all. Functions and coroutine functions."""
        check_listener(event, listener)
        self._listeners.setdefault(event, []).append(listener)

    def off(self, event: str, listener: Listener) -> None:
        """Stop calling it."""
        with contextlib.suppress(ValueError):
            self._listeners.get(event, []).remove(listener)

    async def start(self) -> None:
        """Begin to read in the background; returns once the place in the stream is known."""
        if self._closed:
            raise ClosedError("these queue events were closed before")
        if self._reader is None:
            self._reader = asyncio.create_task(self._read(), name=f"queue-events-{self.keys.name}")
        await self._ready.wait()

    async def close(self) -> None:
        """Stop reading; who still waits gets ClosedError."""
        self._closed = True
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        for waiters in self._waiters.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(ClosedError("the queue events were closed"))
        self._waiters.clear()
        await self._blocking.close()
        if self._owned:
            await self._connection.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Iterate over all events from the place that was reached, until closed."""
        arrived: asyncio.Queue[Event] = asyncio.Queue()
        self.on("*", arrived.put_nowait)
        try:
            await self.start()
            while True:
                yield await arrived.get()
        finally:
            self.off("*", arrived.put_nowait)

    async def wait_for(self, job_id: str, timeout: Duration | None = None) -> JsonValue:  # noqa: ASYNC109
        """Wait for a job to end and return its return value; see ``AsyncJob.wait_until_finished``."""
        await self.start()
        waiter: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(job_id, []).append(waiter)
        try:
            # Looked up after the waiter is in place: an end in between is seen by one of the two.
            try:
                state, value = await self._connection.call(is_finished(self.keys, job_id))
            except ConnectionLostError as lost:
                if self._closed:
                    raise ClosedError("the queue events were closed") from lost
                raise
            if state not in FINISHED_STATES:
                patience = LATE_MS if state is JobState.UNKNOWN else timeout
                seconds = None if patience is None else to_ms(patience, "timeout") / 1000
                try:
                    recent = self._recent.get(job_id) if state is JobState.UNKNOWN else None
                    event = recent if recent is not None else await asyncio.wait_for(waiter, seconds)
                except TimeoutError:
                    if state is None:
                        raise
                    raise JobNotFoundError(
                        f"job {job_id} is not in queue {self.keys.name}; it may have ended and been removed",
                        queue=self.keys.name,
                        job_id=job_id,
                    ) from None
                state = JobState(event.name)
                value = event.fields.get("returnvalue" if state is JobState.COMPLETED else "failedReason", "")
        finally:
            waiters = self._waiters.get(job_id, [])
            if waiter in waiters:  # a close has taken them all away
                waiters.remove(waiter)
            if not waiters:
                self._waiters.pop(job_id, None)
        if state is JobState.FAILED:
            raise JobFailedError(value, queue=self.keys.name, job_id=job_id)
        return load_json(value) if value else None

    async def _read(self) -> None:
        pause = 0.1
        while True:
            try:
                if self.last_id == "$":
                    self.last_id = await self._connection.call(last_event_id(self.keys))
                self._ready.set()
                for event in await self._blocking.call(read_events(self.keys, self.last_id, block_ms=BLOCK_MS)):
                    self.last_id = event.id
                    await self._tell(event)
                pause = 0.1
            except StoreError as error:
                logger.warning("reading events failed, trying again", extra={"queue": self.keys.name}, exc_info=error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def _tell(self, event: Event) -> None:
        if event.name in ("completed", "failed") and event.job_id is not None:
            self._recent.remember(event.job_id, event)
            for waiter in self._waiters.get(event.job_id, ()):
                if not waiter.done():
                    waiter.set_result(event)
        for listener in [*self._listeners.get(event.name, ()), *self._listeners.get("*", ())]:
            try:
                result = listener(event)
                if inspect.isawaitable(result):
                    await result
            except Exception:
                logger.exception("a listener of queue events failed", extra={"queue": self.keys.name})
