"""The events of a queue for threads: listen by name, iterate, or wait for one job to end."""

from __future__ import annotations

import contextlib
import logging
import queue as queues
import threading
from collections.abc import Callable, Iterator
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
from board.engine.connection.sync import Client, Connection
from board.engine.errors import ClosedError, JobFailedError, JobNotFoundError, StoreError
from board.engine.hints import with_hints
from board.engine.keys import DEFAULT_PREFIX, QueueKeys
from board.engine.options import check_listener, to_ms
from board.engine.types import FINISHED_STATES, Duration, JobState, JsonValue

__all__ = ["QueueEvents"]

BLOCK_MS = 10_000
"""How long one read waits for events, as BullMQ's."""

LATE_MS = 500
"""How long the end of a job that is gone already may be on its way to us: it may have ended and been removed while its
state was asked for."""

logger = logging.getLogger(__name__)

Listener = Callable[[Event], Any]


@with_hints
class QueueEvents:
    """Reads the events stream of a queue in a thread, on a connection of its own.

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
        connection: str | Client | Connection = "redis://localhost:6379/0",
        prefix: str = DEFAULT_PREFIX,
        last_event_id: str = "$",
    ) -> None:
        self.keys = QueueKeys(prefix, name)
        self.last_id = check_event_id(last_event_id)
        self._owned = not isinstance(connection, Connection)
        self._connection = connection if isinstance(connection, Connection) else Connection.open(connection)
        self._blocking = self._connection.blocking(client_name=self.keys.events_client_name, longest_s=BLOCK_MS / 1000)
        self._listeners: dict[str, list[Listener]] = {}
        self._waiters: dict[str, list[queues.SimpleQueue[Event | None]]] = {}
        self._recent = RecentEnds()
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None
        self._ready = threading.Event()
        self._closing = threading.Event()

    def on(self, event: str, listener: Listener) -> None:
        """Call ``listener`` with each event of that name, in the reader's thread; ``*`` for all."""
        check_listener(event, listener)
        self._listeners.setdefault(event, []).append(listener)

    def off(self, event: str, listener: Listener) -> None:
        """Stop calling it."""
        with contextlib.suppress(ValueError):
            self._listeners.get(event, []).remove(listener)

    def start(self) -> None:
        """Begin to read in the background; returns once the place in the stream is known."""
        if self._closing.is_set():
            raise ClosedError("these queue events were closed before")
        with self._lock:
            if self._reader is None:
                self._reader = threading.Thread(target=self._read, name=f"queue-events-{self.keys.name}", daemon=True)
                self._reader.start()
        self._ready.wait()

    def close(self) -> None:
        """Stop reading; who still waits gets ClosedError."""
        self._closing.set()
        self._ready.set()
        self._blocking.close()
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join()
        with self._lock:
            for waiters in self._waiters.values():
                for waiter in waiters:
                    waiter.put(None)
        if self._owned:
            self._connection.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        """Iterate over all events from the place that was reached, until closed."""
        arrived: queues.SimpleQueue[Event] = queues.SimpleQueue()
        self.on("*", arrived.put)
        try:
            self.start()
            while not self._closing.is_set():
                with contextlib.suppress(queues.Empty):
                    yield arrived.get(timeout=0.1)
        finally:
            self.off("*", arrived.put)

    def wait_for(self, job_id: str, timeout: Duration | None = None) -> JsonValue:
        """Wait for a job to end and return its return value; see ``Job.wait_until_finished``."""
        self.start()
        waiter: queues.SimpleQueue[Event | None] = queues.SimpleQueue()
        with self._lock:
            self._waiters.setdefault(job_id, []).append(waiter)
        try:
            # Looked up after the waiter is in place: an end in between is seen by one of the two.
            state, value = self._connection.call(is_finished(self.keys, job_id))
            if state not in FINISHED_STATES:
                try:
                    recent = self._recent.get(job_id) if state is JobState.UNKNOWN else None
                    event = (
                        recent
                        if recent is not None
                        else self._wait(waiter, LATE_MS if state is JobState.UNKNOWN else timeout)
                    )
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
            with self._lock:
                self._waiters[job_id].remove(waiter)
                if not self._waiters[job_id]:
                    del self._waiters[job_id]
        if state is JobState.FAILED:
            raise JobFailedError(value, queue=self.keys.name, job_id=job_id)
        return load_json(value) if value else None

    @staticmethod
    def _wait(waiter: queues.SimpleQueue[Event | None], timeout: Duration | None) -> Event:
        seconds = None if timeout is None else to_ms(timeout, "timeout") / 1000
        try:
            event = waiter.get(timeout=seconds)
        except queues.Empty:
            raise TimeoutError from None
        if event is None:
            raise ClosedError("the queue events were closed")
        return event

    def _read(self) -> None:
        pause = 0.1
        while not self._closing.is_set():
            try:
                if self.last_id == "$":
                    self.last_id = self._connection.call(last_event_id(self.keys))
                self._ready.set()
                for event in self._blocking.call(read_events(self.keys, self.last_id, block_ms=BLOCK_MS)):
                    self.last_id = event.id
                    self._tell(event)
                pause = 0.1
            except (StoreError, ClosedError) as error:
                if self._closing.is_set():
                    return
                logger.warning("reading events failed, trying again", extra={"queue": self.keys.name}, exc_info=error)
                self._closing.wait(pause)
                pause = min(pause * 2, 5.0)

    def _tell(self, event: Event) -> None:
        if event.name in ("completed", "failed") and event.job_id is not None:
            with self._lock:
                self._recent.remember(event.job_id, event)
                waiters = list(self._waiters.get(event.job_id, ()))
            for waiter in waiters:
                waiter.put(event)
        for listener in [*self._listeners.get(event.name, ()), *self._listeners.get("*", ())]:
            try:
                listener(event)
            except Exception:
                logger.exception("a listener of queue events failed", extra={"queue": self.keys.name})
