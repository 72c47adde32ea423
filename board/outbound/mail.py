"""Sending e-mail through the one server that the settings name; nobody who uses the board can choose another."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final
from urllib.parse import unquote, urlsplit

from board.errors import OutboundFailedError, OutboundRefusedError

__all__ = ["MailServer", "Mailer", "read_mail_server"]

SECONDS: Final = 10.0
PORTS: Final = {"smtp": 587, "smtps": 465}
LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mail goes first.

    Attributes:
        host: name or address.
        port: number.
        is_tls: TLS from the first byte; else STARTTLS where the server offers it.
        user: to sign in as; empty for nobody.
        password: of that user.
    """

    host: str
    port: int
    is_tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)


def read_mail_server(text: str) -> MailServer:
    """Read ``smtp://user:password@host:587`` or ``smtps://host``.

    Raises:
        ValueError: with the rest of a sentence that began with the name of the setting; it never repeats the password.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("has a host or port that cannot be read") from None
    if parts.scheme not in PORTS or not host or parts.path.strip("/") or parts.query:
        raise ValueError("must be smtp:// or smtps:// with a host, such as smtp://user:password@mail.example.com:587")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return MailServer(host, PORTS[parts.scheme] if port is None else port, parts.scheme == "smtps", user, password)


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
            OutboundRefusedError: no server is set.
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
                session.send_message(mail)
        except (smtplib.SMTPException, OSError) as failed:
            raise OutboundFailedError(server.host, _why(failed)) from None  # its words may repeat what was sent

    def _open(self, server: MailServer) -> smtplib.SMTP:
        trust = ssl.create_default_context()
        if server.is_tls:
            return smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=trust)
        session = smtplib.SMTP(server.host, server.port, timeout=SECONDS)
        session.ehlo()
        if session.has_extn("starttls"):
            session.starttls(context=trust)
            session.ehlo()
        elif server.user:
            session.close()
            raise OutboundRefusedError(f"{server.host} offers no TLS: the password was not sent.")
        return session


def _why(failed: Exception) -> str:
    if isinstance(failed, smtplib.SMTPAuthenticationError):
        return "does not take this user and password"
    if isinstance(failed, smtplib.SMTPRecipientsRefused):
        return "takes no mail for these addresses"
    if isinstance(failed, smtplib.SMTPResponseException):
        return f"refused the message with {failed.smtp_code}"
    if isinstance(failed, ssl.SSLError):
        return "has no certificate that can be trusted"
    if isinstance(failed, TimeoutError):
        return f"did not answer within {SECONDS:g} s"
    return "cannot be reached"
