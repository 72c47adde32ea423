"""Carrying one message to where its channel leads."""

from __future__ import annotations

from collections.abc import Callable

from board.alerts.channels import Channel, place_of
from board.alerts.messages import Message, mail_text, signature_of, slack_body, webhook_body
from board.errors import OutboundFailedError, OutboundRefusedError
from board.outbound.calls import Outbound
from board.outbound.mail import Mailer

__all__ = ["Courier"]

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
