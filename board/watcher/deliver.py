"""Delivering messages: the board's own queue, worked on by the board's own engine, with retries and dead letters.

The queue lies under the board's own prefix. A message that is refused for good (a wrong address, a place that the
allow-list does not name) is given up at once; any other failure is tried again with growing pauses. What is given up
lands in the dead-letter queue, the newest five hundred of which stay for seven days.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from board.alerts.channels import Channel, place_of
from board.alerts.messages import Message, mail_text, read_message, signature_of, slack_body, webhook_body
from board.alerts.store import Alerts
from board.background import Turn
from board.engine.connection.sync import Connection
from board.engine.errors import UnrecoverableError
from board.engine.sync.queue import Queue
from board.engine.sync.worker import RunningJob, Worker
from board.errors import OutboundError, OutboundFailedError, OutboundRefusedError
from board.namespace import Namespace
from board.outbound.calls import Outbound
from board.outbound.mail import Mailer

__all__ = ["EVERY_SECONDS", "MOST_UNDELIVERED", "Courier", "Deliverer"]

EVERY_SECONDS = 1.0
AT_ONCE = 4
"""Messages under way at once. A receiver that hangs holds one of them for ten seconds at each try."""

MOST_UNDELIVERED = 500
UNDELIVERED_MS = 7 * 86_400_000
BOUND_SECONDS = 3_600.0
LOOK_SECONDS = 0.5
GRACE_MS = 3_000
"""For messages under way when the process ends; what is not done by then is done by the next one."""

FOR_GOOD = frozenset(range(400, 500)) - {408, 409, 423, 425, 429}
"""Answers after which trying again would change nothing; the others may be of a bad moment."""


class Courier:
    """Sends one message to one channel, once."""

    def __init__(self, outbound: Outbound, mailer: Mailer, clock: Callable[[], int]) -> None:
        """Call through ``outbound``, send mail by ``mailer``."""
        self._outbound = outbound
        self._mailer = mailer
        self._clock = clock

    def check(self, channel: Channel) -> None:
        """See whether a channel leads where the board may call.

        Raises:
            OutboundRefusedError: it does not.
        """
        if channel.kind != "email":
            self._outbound.check(channel.target)
        elif self._mailer.server is None or not self._mailer.sender:
            raise OutboundRefusedError("E-mail needs BOARD_SMTP_URL and BOARD_MAIL_FROM.")

    def send(self, channel: Channel, message: Message) -> None:
        """Send it.

        Raises:
            OutboundRefusedError: it cannot arrive, ever.
            OutboundFailedError: it did not arrive. No sentence tells a path or a secret.
        """
        if channel.kind == "email":
            self._mailer.send(channel.target, message.headline, mail_text(message), message.id)
            return
        body = slack_body(message) if channel.kind == "slack" else webhook_body(message)
        headers = {"Content-Type": "application/json"} | self._signed(channel, message, body)
        answer = self._outbound.call("POST", channel.target, body=body, headers=headers)
        if answer.ok:
            return
        if answer.status in FOR_GOOD or 300 <= answer.status < 400:
            raise OutboundRefusedError(f"{place_of(channel)} answered {answer.status}.")
        raise OutboundFailedError(place_of(channel), f"answered {answer.status}")

    def _signed(self, channel: Channel, message: Message, body: bytes) -> dict[str, str]:
        if channel.kind != "webhook":
            return {}
        timestamp = str(self._clock() // 1000)
        return {
            "X-Queue-Board-Id": message.id,
            "X-Queue-Board-Timestamp": timestamp,
            "X-Queue-Board-Signature": signature_of(channel.secret, timestamp, body),
        }


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
