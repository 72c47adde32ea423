"""Channels: where messages go. What is secret in one is kept, used, and never shown again."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from board.errors import BadRequestError
from board.words import sentence

__all__ = ["CHANNEL_KINDS", "MOST_CHANNELS", "Channel", "ShownChannel", "checked_channel", "new_secret", "read_channel"]

MOST_CHANNELS = 20
CHANNEL_KINDS: Final = {
    "webhook": sentence("Webhook, signed"),
    "slack": sentence("Slack"),
    "email": sentence("E-mail"),
}
SHORTEST_SECRET = 16
LONGEST_URL = 2_000

_NAME = re.compile(r"[A-Za-z0-9#@][A-Za-z0-9 ._#@-]{0,47}")
_ADDRESS = re.compile(r"[^\s@,<>\"]{1,64}@[A-Za-z0-9.-]{1,190}")
MOST_ADDRESSES = 10


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel.

    Attributes:
        id: its own.
        name: what people call it.
        kind: a key of ``CHANNEL_KINDS``.
        target: address of the webhook, which may hold a secret in its path; addresses of people for e-mail.
        secret: signs what goes to a webhook; empty for other kinds.
        made_by: who made it.
        made_ms: when.
    """

    id: str
    name: str
    kind: str
    target: str = field(repr=False)
    secret: str = field(default="", repr=False)
    made_by: str = ""
    made_ms: int = 0

    def written(self) -> str:
        """Write it for Redis."""
        return json.dumps(asdict(self))

    @property
    def shown(self) -> ShownChannel:
        """What pages and programs may see of it."""
        return ShownChannel(self.id, self.name, self.kind, place_of(self), self.made_by, self.made_ms)


@dataclass(frozen=True, slots=True)
class ShownChannel:
    """A channel without its secrets; ``place`` is a host, or addresses of people."""

    id: str
    name: str
    kind: str
    place: str
    made_by: str
    made_ms: int


def place_of(channel: Channel) -> str:
    """Return where a channel leads, without path and parameters, which may be secrets."""
    if channel.kind == "email":
        return channel.target
    parts = urlsplit(channel.target)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def new_secret() -> str:
    """Return a secret to sign with."""
    return secrets.token_urlsafe(32)


def read_channel(stored: Any) -> Channel | None:
    """Read one that was written; None for what cannot be read."""
    try:
        found = Channel(**json.loads(stored))
    except (ValueError, TypeError):
        return None
    return found if found.kind in CHANNEL_KINDS else None


def checked_channel(channel: Channel) -> Channel:
    """Return a channel that makes sense.

    Raises:
        BadRequestError: it does not. No sentence repeats an address or a secret.
    """
    problems = []
    if channel.kind not in CHANNEL_KINDS:
        problems.append(sentence("A channel is one of %(kinds)s.", kinds=", ".join(CHANNEL_KINDS)))
    if not _NAME.fullmatch(channel.name):
        problems.append(sentence("A channel's name has 1 to 48 letters, digits, spaces or . _ # @ -."))
    if channel.kind == "email":
        people = tuple(filter(None, (one.strip() for one in channel.target.split(","))))
        if not people or len(people) > MOST_ADDRESSES or not all(_ADDRESS.fullmatch(one) for one in people):
            problems.append(
                sentence("E-mail goes to 1 to %(most)s addresses, separated by commas.", most=MOST_ADDRESSES)
            )
        target = ", ".join(people)
    else:
        target = channel.target.strip()
        is_plain = target.isascii() and target.isprintable() and " " not in target and len(target) <= LONGEST_URL
        if not is_plain or not re.match(r"https?://[^/@?#]+(?:[/?]|$)", target):
            problems.append(
                sentence("A webhook has an address that begins with https:// and a host, without user and password.")
            )
    if channel.kind == "webhook" and not (SHORTEST_SECRET <= len(channel.secret) <= 200 and channel.secret.isascii()):
        problems.append(sentence("A secret to sign with has %(least)s to 200 plain characters.", least=SHORTEST_SECRET))
    if problems:
        raise BadRequestError(*problems)
    secret = channel.secret if channel.kind == "webhook" else ""
    return Channel(channel.id, channel.name, channel.kind, target, secret, channel.made_by, channel.made_ms)
