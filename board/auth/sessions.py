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
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from board.auth.policy import Role, only_looking
from board.auth.preferences import PreferenceStore
from board.auth.users import User, Users
from board.engine.calls import Batch, Call
from board.engine.connection.sync import Connection
from board.engine.errors import OutOfMemoryError, PermissionDeniedError, ReadOnlyError
from board.namespace import Namespace, digest

__all__ = ["RECALLED_MS", "SHORT_MS", "TOUCH_EVERY_MS", "Sessions", "SignIn"]

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
    address: str = ""
    agent: str = ""


MOST_LISTED = 100
"""Sign-ins of one user that are looked at; the newest."""

LONGEST_AGENT = 200


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that has not ended.

    Attributes:
        digest: names it, and lets nobody in.
        created_at_ms: when it was made.
        seen_at_ms: when it was last used, to the minute; later than that near its end.
        address: where it was made.
        agent: what the browser calls itself; anything.
    """

    digest: str
    created_at_ms: int
    seen_at_ms: int
    address: str
    agent: str


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
        self._preferences = PreferenceStore(namespace)
        self._clock = clock
        self._idle_ms = idle_ms
        self._longest_ms = longest_ms
        self._is_key_secret = is_key_secret
        self._seen: dict[str, tuple[User, int]] = {}

    def open(self, user: User, *, address: str = "", agent: str = "") -> str:
        """Sign ``user`` in and return the token; always a new one. ``address`` and ``agent`` are for the list."""
        now_ms = self._clock()
        session_id = secrets.token_urlsafe(32)
        record = json.dumps(asdict(_Record(user.name, user.epoch, now_ms, address, agent[:LONGEST_AGENT])))
        lifetime_ms = min(self._idle_ms, self._longest_ms)
        index = self._namespace.signed_in(user.name)
        calls: list[Call[Any]] = [
            Call(("SET", self._namespace.session(session_id), record, "PX", lifetime_ms), bool),
            Call(("ZADD", index, now_ms, digest(session_id)), int),
            Call(("ZREMRANGEBYRANK", index, 0, -MOST_LISTED - 1), int),
            Call(("PEXPIRE", index, self._longest_ms), int),
            Call(("HSET", self._namespace.seen, user.name, now_ms), int),
        ]
        try:
            self._connection.batch(Batch.of(calls))
        except _CANNOT_WRITE:
            return f"s.{user.epoch}.{now_ms}.{user.name}"
        return f"r.{session_id}.{user.name}"

    def of(self, users: Sequence[User]) -> list[list[SignIn]]:
        """Return the sign-ins of each of ``users`` that have not ended, newest first, in two round trips."""
        found = self._connection.batch(
            Batch.of(
                Call(
                    ("ZREVRANGE", self._namespace.signed_in(user.name), 0, MOST_LISTED - 1),
                    lambda reply: [_text(one) for one in reply],
                    writes=False,
                )
                for user in users
            )
        )
        reads: list[Call[Any]] = []
        for one in (one for digests in found for one in digests):
            key = self._namespace.session_of(one)
            reads += [Call(("GET", key), _read, writes=False), Call(("PTTL", key), int, writes=False)]
        replies = iter(self._connection.batch(Batch.of(reads)) if reads else ())
        listed = []
        for user, digests in zip(users, found, strict=True):
            each = [self._sign_in(user, one, next(replies), next(replies)) for one in digests]
            listed.append([one for one in each if one])
        return listed

    def end(self, user: User, digest: str) -> bool:
        """End one sign-in of ``user``; False when there is none of that digest, or it is somebody else's."""
        if digest not in {one.digest for one in self.of([user])[0]}:
            return False
        return bool(self._connection.call(Call(("DEL", self._namespace.session_of(digest)), int)))

    def people(self) -> tuple[list[User], dict[str, int]]:
        """Return everybody, by name, and when each was last seen, ms; in one round trip."""
        reads: list[Call[Any]] = [
            self._users.everybody(),
            Call(("HGETALL", self._namespace.seen), _pairs, writes=False),
        ]
        everybody, found = self._connection.batch(Batch.of(reads))
        seen = {_text(name): int(at_ms) for name, at_ms in found.items() if str(_text(at_ms)).isdecimal()}
        return everybody, seen

    def forget(self, name: str) -> None:
        """Remove what is kept about the sign-ins of a user who is gone."""
        self._connection.batch(
            Batch.of(
                [
                    Call(("HDEL", self._namespace.seen, name), int),
                    Call(("DEL", self._namespace.signed_in(name)), int),
                    self._preferences.forget(name),
                ]
            )
        )

    @staticmethod
    def digest_of(token: str) -> str:
        """Return the digest of the sign-in with this token; nothing for one that Redis could not record."""
        kind, _, rest = token.partition(".")
        return digest(rest.partition(".")[0]) if kind == "r" else ""

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
            *self._preferences.read(name),
        ]
        record, left_ms, user, own, shared = self._connection.batch(Batch.of(reads))
        if record is None or user is None or user.is_disabled:
            return None
        if record.user != user.name or record.epoch != user.epoch:
            return None
        over_ms: int = record.created_at_ms + self._longest_ms - self._clock()
        if over_ms <= 0:
            return None
        lifetime_ms = min(self._idle_ms, over_ms)
        if lifetime_ms - left_ms >= min(TOUCH_EVERY_MS, self._idle_ms // 10):
            self._touch(key, lifetime_ms, name)
        if not isinstance(user, User):
            return None
        return replace(user, preferences=self._preferences.preferences(own, shared))

    def _check_short(self, rest: str) -> User | None:
        epoch, _, rest = rest.partition(".")
        moment, _, name = rest.partition(".")
        if not (epoch.isdecimal() and moment.isdecimal()) or self._clock() - int(moment) >= SHORT_MS:
            return None
        user = self._connection.call(self._users.find(name))
        if user is None or user.is_disabled or user.epoch != int(epoch):
            return None
        return user if self._is_key_secret else replace(user, role=Role.VIEWER, grants=only_looking(user.grants))

    def _sign_in(self, user: User, digest: str, record: _Record | None, left_ms: int) -> SignIn | None:
        if record is None or record.user != user.name or record.epoch != user.epoch:
            return None
        seen_ms = max(record.created_at_ms, self._clock() + left_ms - self._idle_ms)
        return SignIn(digest, record.created_at_ms, min(seen_ms, self._clock()), record.address, record.agent)

    def _touch(self, key: str, lifetime_ms: int, name: str) -> None:
        calls: list[Call[Any]] = [
            Call(("PEXPIRE", key, lifetime_ms), int),
            Call(("HSET", self._namespace.seen, name, self._clock()), int),
        ]
        try:
            self._connection.batch(Batch.of(calls))
        except _CANNOT_WRITE:
            return  # looking goes on; the sign-in ends when it would have ended without this use


def _read(reply: bytes | str | None) -> _Record | None:
    if reply is None:
        return None
    try:
        return _Record(**json.loads(reply))
    except (ValueError, TypeError):
        return None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _pairs(reply: Any) -> dict[Any, Any]:
    return dict(reply) if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
