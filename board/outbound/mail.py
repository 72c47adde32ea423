"""Sending e-mail through the one server that the settings name; nobody who uses the board can choose another."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any, Final

from board.errors import OutboundFailedError, OutboundRefusedError
from board.outbound.mail_server import MailServer

__all__ = ["Mailer"]

SECONDS: Final = 10.0
LONGEST_SECONDS: Final = 30.0
"""For a whole message, where each answer comes in time."""

LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Mailer:
    """Sends e-mail.

    Attributes:
        server: where to; None when the settings name none.
        sender: address that it comes from.
    """

    server: MailServer | None
    sender: str = ""

    def send(self, people: str, subject: str, text: str, message_id: str) -> None:
        """Send one message to people, whose addresses are separated by commas.

        Raises:
            OutboundRefusedError: no server is set, or it does not take all of the addresses.
            OutboundFailedError: the server did not take it; the sentence has the server's name and no secret.
        """
        server = self.server
        if server is None or not self.sender:
            raise OutboundRefusedError("E-mail needs BOARD_SMTP_URL and BOARD_MAIL_FROM.")
        mail = EmailMessage()
        mail["From"] = self.sender
        mail["To"] = people
        mail["Subject"] = " ".join(subject.split())[:LONGEST_SUBJECT]
        mail["Date"] = formatdate()
        mail["Message-ID"] = f"<{message_id}@{self.sender.rpartition('@')[2]}>"
        mail.set_content(text)
        try:
            with self._open(server) as session:
                if server.user:
                    session.login(server.user, server.password)
                refused = session.send_message(mail)
        except (smtplib.SMTPException, OSError) as failed:
            raise OutboundFailedError(server.host, _why(failed)) from None  # its words may repeat what was sent
        if refused:  # by another try the others would get it twice
            raise OutboundRefusedError(f"{server.host} takes no mail for {len(refused)} of these addresses.")

    def _open(self, server: MailServer) -> smtplib.SMTP:
        trust = ssl.create_default_context()
        if server.is_tls:
            return _BoundedTls(server.host, server.port, timeout=SECONDS, context=trust)
        with contextlib.ExitStack() as closing:
            session = _Bounded(server.host, server.port, timeout=SECONDS)
            closing.callback(session.close)
            session.ehlo()
            if session.has_extn("starttls"):
                session.starttls(context=trust)
                session.ehlo()
            elif server.user:
                raise OutboundRefusedError(f"{server.host} offers no TLS: the password was not sent.")
            closing.pop_all()
            return session


class _Ends:
    """Lets a session end after a while, however slowly the server goes on answering."""

    sock: socket.socket | None = None
    _end: threading.Timer | None = None
    _is_over = False

    def connect(self, *args: Any, **kwargs: Any) -> Any:
        self._end = threading.Timer(LONGEST_SECONDS, self._cut)
        self._end.daemon = True
        self._end.start()
        try:
            return super().connect(*args, **kwargs)  # type: ignore[misc]  # of the class beside it
        except BaseException:
            self.close()
            raise

    def _get_socket(self, *args: Any, **kwargs: Any) -> socket.socket:
        made: socket.socket = super()._get_socket(*args, **kwargs)  # type: ignore[misc]  # same
        self.sock = made  # before the look: whatever ends it from now on finds a socket to shut
        if self._is_over:
            raise smtplib.SMTPServerDisconnected("connected too late")
        return made

    def close(self) -> None:
        if self._end is not None:
            self._end.cancel()
        super().close()  # type: ignore[misc]  # same

    def _cut(self) -> None:
        self._is_over = True
        with contextlib.suppress(OSError):
            if self.sock is not None:
                self.sock.shutdown(socket.SHUT_RDWR)


class _Bounded(_Ends, smtplib.SMTP):
    """In the clear until STARTTLS."""


class _BoundedTls(_Ends, smtplib.SMTP_SSL):
    """TLS from the first byte."""


def _why(failed: Exception) -> str:
    if isinstance(failed, smtplib.SMTPAuthenticationError):
        return "does not take this user and password"
    if isinstance(failed, smtplib.SMTPRecipientsRefused):
        return "takes no mail for these addresses"
    if isinstance(failed, smtplib.SMTPServerDisconnected):
        return "ended the connection, or did not get done in time"
    if isinstance(failed, smtplib.SMTPResponseException):
        return f"refused the message with {failed.smtp_code}"
    if isinstance(failed, ssl.SSLError):
        return "has no certificate that can be trusted"
    if isinstance(failed, TimeoutError):
        return f"did not answer within {SECONDS:g} s"
    return "cannot be reached"
