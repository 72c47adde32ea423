"""Delivering messages: the board's own queue, worked on by the board's own engine, with retries and dead letters.

The queue lies under the board's own prefix. A message that is refused for good (a wrong address, a place that the
allow-list does not name) is given up at once; any other failure is tried again with growing pauses. What is given up
lands in the dead-letter queue, the newest five hundred of which stay for seven days.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from board.alerts.messages import read_message
from board.alerts.store import Alerts
from board.background import Turn
from board.engine.connection.sync import Connection
from board.engine.errors import UnrecoverableError
from board.engine.sync.queue import Queue
from board.errors import OutboundError, OutboundRefusedError
from board.namespace import Namespace
from board.watcher.courier import Courier

if TYPE_CHECKING:
    from board.engine.sync.worker import RunningJob

__all__ = ["EVERY_SECONDS", "MOST_UNDELIVERED", "Deliverer"]

EVERY_SECONDS = 1.0
AT_ONCE = 4
"""Messages under way at once. A receiver that hangs holds one of them for ten seconds at each try."""

MOST_UNDELIVERED = 500
UNDELIVERED_MS = 7 * 86_400_000
BOUND_SECONDS = 3_600.0
LOOK_SECONDS = 0.5
GRACE_MS = 3_000
"""For messages under way when the process ends; what is not done by then is done by the next one."""


class Deliverer:
    """Works on the queue of messages while there are some; one process's."""

    def __init__(self, connection: Connection, namespace: Namespace, courier: Courier) -> None:
        """Deliver what is in the queue under the board's own prefix."""
        self._connection = connection
        self._alerts = Alerts(namespace)
        self._courier = courier
        names = self._alerts.deliveries
        self._queue = Queue(names.name, connection=connection, prefix=names.prefix)
        self._given_up = Queue(self._alerts.undelivered.name, connection=connection, prefix=names.prefix)
        self._bounded_at = float("-inf")

    def step(self, turn: Turn) -> None:
        """Deliver until nothing is left, or the process ends.

        Raises:
            LeaseLostError: another process delivers now; messages under way are finished here.
            StoreError: Redis is away.
        """
        if not self._left():
            if time.monotonic() - self._bounded_at > BOUND_SECONDS:
                self._bound()
            return
        from board.engine.sync.worker import Worker  # noqa: PLC0415 - 2 MB that a board without alerts never needs

        worker = Worker(
            self._queue.name,
            self._deliver,
            connection=self._connection,
            prefix=self._queue.keys.prefix,
            name="board",
            concurrency=AT_ONCE,
            dead_letter_queue=self._given_up.name,
            handle_signals=False,
            drain_delay=1_000,
        )
        worker.start()
        try:
            while not turn.is_ending and self._left():
                turn.keep()
                turn.ending.wait(LOOK_SECONDS)
        finally:
            worker.close(grace=GRACE_MS)
        self._bound()

    def _left(self) -> int:
        return sum(self._queue.get_job_counts("waiting", "active", "delayed").values())

    def _bound(self) -> None:
        """Let messages go that were given up long ago, and the oldest where there are too many."""
        self._bounded_at = time.monotonic()
        self._given_up.clean(grace=UNDELIVERED_MS, limit=MOST_UNDELIVERED, state="waiting")
        more = sum(self._given_up.get_job_counts("waiting").values()) - MOST_UNDELIVERED
        if more > 0:
            self._given_up.clean(grace=0, limit=more, state="waiting")

    def _deliver(self, job: RunningJob) -> Any:
        message = read_message(job.data)
        channels = {channel.id: channel for channel in self._connection.call(self._alerts.channels())}
        if message is None or message.channel not in channels:
            raise UnrecoverableError("The channel was removed.")
        started = time.monotonic()
        try:
            self._courier.send(channels[message.channel], message)
        except OutboundRefusedError as refused:
            raise UnrecoverableError(str(refused)) from None
        except OutboundError as failed:
            raise RuntimeError(str(failed)) from None  # its cause may hold what was sent
        return {"ms": round((time.monotonic() - started) * 1000)}
