"""Sign-ins: a random id in the cookie, its record in Redis, checked at every request.

A sign-in ends after a time without use, after a longest time, at sign-out, and when its user's epoch was counted up
(``board.auth.users``). Checking one is a single round trip, for the token names its user and both records are read
together.

When Redis reads but does not write (a replica, memory full), a person must still be able to sign in and look: then a
*short* sign-in is given out. It lives in the signed cookie alone, for one hour, and ends early with its user's epoch.
Its signature is all that vouches for it. A signing key that lies in Redis can be read by whoever may read Redis, so
with such a key a short sign-in only looks; with one from the environment it has the user's role.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from board.auth.policy import Role, only_looking
from board.auth.users import User, Users
from board.engine.calls import Batch, Call
from board.engine.connection.sync import Connection
from board.engine.errors import OutOfMemoryError, PermissionDeniedError, ReadOnlyError
from board.namespace import Namespace

__all__ = ["RECALLED_MS", "SHORT_MS", "TOUCH_EVERY_MS", "Sessions"]

SHORT_MS = 3_600_000
"""How long a sign-in lasts that Redis could not record."""

TOUCH_EVERY_MS = 60_000
"""Use is recorded once a minute, not at every request: a page that only reads stays without writes."""

RECALLED_MS = 15 * 60_000
"""How long after its latest check a sign-in is good for looking while the Redis that holds it is away."""

MOST_RECALLED = 1_000

_CANNOT_WRITE = (OutOfMemoryError, ReadOnlyError, PermissionDeniedError)


@dataclass(frozen=True, slots=True)
class _Record:
    user: str
    epoch: int
    created_at_ms: int


class Sessions:
    """Open, check and close sign-ins.

    A token is ``r.<random>.<user>`` for a recorded sign-in and ``s.<epoch>.<moment>.<user>`` for a short one. Tokens
    come from a cookie whose signature was checked; a short one is worth nothing without that.
    """

    def __init__(
        self,
        connection: Connection,
        namespace: Namespace,
        users: Users,
        clock: Callable[[], int],
        *,
        idle_ms: int,
        longest_ms: int,
        is_key_secret: bool,
    ) -> None:
        """End sign-ins after ``idle_ms`` without use and after ``longest_ms`` altogether.

        ``is_key_secret`` says that the key which signs cookies is not kept in Redis.
        """
        self._connection = connection
        self._namespace = namespace
        self._users = users
        self._clock = clock
        self._idle_ms = idle_ms
        self._longest_ms = longest_ms
        self._is_key_secret = is_key_secret
        self._seen: dict[str, tuple[User, int]] = {}

    def open(self, user: User) -> str:
        """Sign ``user`` in and return the token; always a new one."""
        now_ms = self._clock()
        session_id = secrets.token_urlsafe(32)
        record = json.dumps({"user": user.name, "epoch": user.epoch, "created_at_ms": now_ms})
        lifetime_ms = min(self._idle_ms, self._longest_ms)
        try:
            self._connection.call(Call(("SET", self._namespace.session(session_id), record, "PX", lifetime_ms), bool))
        except _CANNOT_WRITE:
            return f"s.{user.epoch}.{now_ms}.{user.name}"
        return f"r.{session_id}.{user.name}"

    @staticmethod
    def is_short(token: str) -> bool:
        """Whether a token is that of a sign-in which Redis could not record."""
        return token.startswith("s.")

    def check(self, token: str) -> User | None:
        """Return the user of a valid sign-in and note its use; None when it has ended."""
        kind, _, rest = token.partition(".")
        user = self._check_recorded(rest) if kind == "r" else self._check_short(rest) if kind == "s" else None
        self._seen.pop(token, None)
        if user is not None:
            self._seen[token] = user, self._clock()
            while len(self._seen) > MOST_RECALLED:
                self._seen.pop(next(iter(self._seen)), None)
        return user

    def recall(self, token: str) -> User | None:
        """Return the user of a sign-in that this process checked of late, who may only look now.

        For the time in which nobody can check it and nothing could be recorded: when the Redis with the sign-ins is
        away and a page is about another one.
        """
        user, checked_at_ms = self._seen.get(token, (None, 0))
        if user is None or self._clock() - checked_at_ms > RECALLED_MS:
            return None
        return replace(user, role=Role.VIEWER, grants=only_looking(user.grants))

    def close(self, token: str) -> None:
        """Sign out. A short sign-in has nothing to delete; its cookie is cleared by the caller."""
        kind, _, rest = token.partition(".")
        self._seen.pop(token, None)
        if kind == "r":
            key = self._namespace.session(rest.partition(".")[0])
            self._connection.call(Call(("DEL", key), int))

    def _check_recorded(self, rest: str) -> User | None:
        session_id, _, name = rest.partition(".")
        key = self._namespace.session(session_id)
        reads: list[Call[Any]] = [
            Call(("GET", key), _read, writes=False),
            Call(("PTTL", key), int, writes=False),
            self._users.find(name),
        ]
        record, left_ms, user = self._connection.batch(Batch.of(reads))
        if record is None or user is None or user.is_disabled:
            return None
        if record.user != user.name or record.epoch != user.epoch:
            return None
        over_ms: int = record.created_at_ms + self._longest_ms - self._clock()
        if over_ms <= 0:
            return None
        lifetime_ms = min(self._idle_ms, over_ms)
        if lifetime_ms - left_ms >= min(TOUCH_EVERY_MS, self._idle_ms // 10):
            self._touch(key, lifetime_ms)
        return user if isinstance(user, User) else None

    def _check_short(self, rest: str) -> User | None:
        epoch, _, rest = rest.partition(".")
        moment, _, name = rest.partition(".")
        if not (epoch.isdecimal() and moment.isdecimal()) or self._clock() - int(moment) >= SHORT_MS:
            return None
        user = self._connection.call(self._users.find(name))
        if user is None or user.is_disabled or user.epoch != int(epoch):
            return None
        return user if self._is_key_secret else replace(user, role=Role.VIEWER, grants=only_looking(user.grants))

    def _touch(self, key: str, lifetime_ms: int) -> None:
        try:
            self._connection.call(Call(("PEXPIRE", key, lifetime_ms), int))
        except _CANNOT_WRITE:
            return  # looking goes on; the sign-in ends when it would have ended without this use


def _read(reply: Any) -> _Record | None:
    if reply is None:
        return None
    try:
        return _Record(**json.loads(reply))
    except (ValueError, TypeError):
        return None
