"""Tokens of programs: each with a role, for some queues, perhaps only for looking, until a day.

A token is 256 random bits, shown once. Redis keeps its digest alone, so whoever reads Redis cannot use it. Whatever its
role, a token never manages people or tokens: a program that leaks one cannot make others.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from board.auth.policy import EVERYWHERE, FIELDS, Grant, Identity, Permission
from board.auth.roles import Roles
from board.engine.calls import Batch, Call
from board.engine.connection.sync import Connection
from board.engine.errors import OutOfMemoryError, PermissionDeniedError, ReadOnlyError
from board.errors import UserError
from board.namespace import Namespace, digest
from board.words import sentence

__all__ = ["LONGEST_DAYS", "MARK", "MOST_TOKENS", "Token", "Tokens"]

MARK = "qb_"
"""Begins every token, so that a scanner finds one that was checked in."""

MOST_TOKENS = 200
LONGEST_DAYS = 366
MOST_GLOBS = 20
DAY_MS = 86_400_000
TOUCH_EVERY_MS = 60_000
"""Use is recorded once a minute by each process, not at every request."""

LOOKING = FIELDS | {Permission.AUDIT}

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}")
_GLOB = re.compile(r"[^\s,\x00-\x1f\x7f]{1,100}")


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token.

    Attributes:
        name: what people call it; in the audit log ``token:<name>``.
        role: name of the role, which says what it may do.
        queues: globs of the queues it is for.
        only_reads: it may look and do nothing.
        made_by: user name.
        made_at_ms: when.
        expires_at_ms: when it ends; None for never.
    """

    name: str
    role: str
    queues: tuple[str, ...]
    only_reads: bool
    made_by: str
    made_at_ms: int
    expires_at_ms: int | None

    def identity(self, roles: Roles) -> Identity:
        """Return what policy and audit need to know, as the settings are now."""
        grants = (self._narrow(grant) for grant in roles.grants(self.role))
        return Identity(f"token:{self.name}", self.role, tuple(grant for grant in grants if grant))

    def _narrow(self, grant: Grant) -> Grant | None:
        allowed = grant.permissions - {Permission.USERS}
        if self.only_reads:
            allowed &= LOOKING
        if EVERYWHERE in self.queues:
            return Grant(allowed, grant.queues)
        return Grant(allowed, self.queues) if EVERYWHERE in grant.queues else None


class Tokens:
    """Make, find and revoke tokens."""

    def __init__(self, connection: Connection, namespace: Namespace, clock: Callable[[], int], roles: Roles) -> None:
        """Keep tokens through ``connection``, by ``clock`` (ms), with these ``roles``."""
        self._connection = connection
        self._key, self._used_key = namespace.tokens, namespace.tokens_used
        self._clock = clock
        self._roles = roles
        self._touched: dict[str, int] = {}

    def make(
        self, name: str, role: str, *, queues: tuple[str, ...] = (), only_reads: bool, days: int, made_by: str
    ) -> str:
        """Make a token and return it; it cannot be had again. ``days`` is 0 for one that does not end.

        Raises:
            UserError: the name is taken or not allowed, there is no such role, or the scope makes no sense.
        """
        if not _NAME.fullmatch(name):
            raise UserError(sentence("A token's name has 1 to 48 lower-case letters, digits or . _ - and no spaces."))
        if role not in self._roles.names:
            raise UserError(
                sentence(
                    "There is no role %(role)s: choose one of %(roles)s.",
                    role=repr(role[:64]),
                    roles=", ".join(self._roles.names),
                )
            )
        if not 0 <= days <= LONGEST_DAYS:
            raise UserError(
                sentence("A token lasts 1 to %(most)s days, or 0 for one that does not end.", most=LONGEST_DAYS)
            )
        globs = queues or (EVERYWHERE,)
        if len(globs) > MOST_GLOBS or not all(_GLOB.fullmatch(glob) for glob in globs):
            raise UserError(
                sentence(
                    "Queues are 1 to %(most)s names or globs of up to 100 characters without spaces.", most=MOST_GLOBS
                )
            )
        if EVERYWHERE not in globs and any(EVERYWHERE not in grant.queues for grant in self._roles.grants(role)):
            raise UserError(
                sentence(
                    "The role %(role)s is for some queues already: leave the queues of the token empty.", role=role
                )
            )
        known = self.all()
        if any(token.name == name for _, token, _ in known):
            raise UserError(sentence("There is already a token %(name)s.", name=name))
        if len(known) >= MOST_TOKENS:
            raise UserError(sentence("There are %(most)s tokens already: revoke one first.", most=MOST_TOKENS))
        now_ms = self._clock()
        ends_ms = now_ms + days * DAY_MS if days else None
        token = Token(name, role, globs, only_reads, made_by, now_ms, ends_ms)
        secret = MARK + secrets.token_urlsafe(32)
        self._connection.call(Call(("HSET", self._key, digest(secret), json.dumps(asdict(token))), int))
        return secret

    def find(self, secret: str) -> Token | None:
        """Return the token of this secret and note its use; None when there is none, or it has ended."""
        if not secret.startswith(MARK) or len(secret) > 100 or not secret.isascii():
            return None
        held = digest(secret)
        token = self._connection.call(Call(("HGET", self._key, held), _read, writes=False))
        now_ms = self._clock()
        if token is None or (token.expires_at_ms is not None and token.expires_at_ms <= now_ms):
            return None
        if now_ms - self._touched.get(held, 0) >= TOUCH_EVERY_MS:
            self._touched[held] = now_ms
            try:
                self._connection.call(Call(("HSET", self._used_key, held, now_ms), int))
            except (OutOfMemoryError, PermissionDeniedError, ReadOnlyError):
                return token
        return token

    def all(self) -> list[tuple[str, Token, int | None]]:
        """Return every token by name: its digest, what is kept of it, and when it was last used."""
        reads: list[Call[Any]] = [
            Call(("HGETALL", self._key), _pairs, writes=False),
            Call(("HGETALL", self._used_key), _pairs, writes=False),
        ]
        kept, used = self._connection.batch(Batch.of(reads))
        found = ((held, _read(text), used.get(held, "")) for held, text in kept.items())
        listed = [(held, token, int(at) if at.isdecimal() else None) for held, token, at in found if token]
        return sorted(listed, key=lambda one: one[1].name)

    def revoke(self, name: str) -> bool:
        """End a token; False when there is none of that name."""
        held = next((held for held, token, _ in self.all() if token.name == name), None)
        if held is None:
            return False
        self._touched.pop(held, None)
        self._connection.call(Call(("HDEL", self._used_key, held), int))
        return bool(self._connection.call(Call(("HDEL", self._key, held), int)))


def _read(reply: Any) -> Token | None:
    """Read a record. One that was damaged by hand lets nobody in."""
    try:
        record = json.loads(reply)
        return Token(**{**record, "queues": tuple(record["queues"])})
    except (ValueError, KeyError, TypeError):
        return None


def _pairs(reply: Any) -> dict[str, str]:
    items = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)
    return {_text(name): _text(value) for name, value in items}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
