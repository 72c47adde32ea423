"""Where e-mail goes first, as the settings name it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

__all__ = ["MailServer", "read_mail_server"]

PORTS: Final = {"smtp": 587, "smtps": 465}


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
