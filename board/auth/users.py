"""The people who may sign in: one hash in Redis, a record each.

A record carries an *epoch*, a number that a sign-in remembers. What should end all sign-ins of a user (new password,
new role, disabled) counts it up, and every session of before is void at its next request, in every process.
"""

from __future__ import annotations

import contextlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from board.auth.passwords import generate_password, hash_password
from board.auth.policy import Grant, Identity, Role
from board.auth.preferences import UNSET, Preferences
from board.auth.roles import Roles
from board.engine.calls import Call
from board.engine.connection.sync import Connection
from board.errors import UserError
from board.namespace import Namespace
from board.scripts import load
from board.words import sentence

__all__ = ["FIRST_ADMIN", "LONGEST_NAME", "User", "Users", "clean_name"]

FIRST_ADMIN = "admin"
_TRIES = 10
"""How often a change is tried that meets others of the same user."""

LONGEST_NAME = 64
"""Long enough for an address of electronic mail as most people have one."""


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in.

    Attributes:
        name: sign-in name, as ``clean_name`` leaves it.
        password_hash: argon2id; empty for a user of the identity provider, whom no password lets in.
        role: name of the role, which says how far the user reaches.
        created_at_ms: when the user was made.
        epoch: counted up to end every sign-in made before.
        is_disabled: may not sign in, nor go on.
        external: names the account at the identity provider that signs the user in; empty for one with a password.
        grants: what the role allows as the settings are now; never stored. None for a built-in role.
        preferences: what they set for themselves, as of the latest check; stored elsewhere.
    """

    name: str
    password_hash: str
    role: str
    created_at_ms: int
    epoch: int = 0
    is_disabled: bool = False
    external: str = ""
    grants: tuple[Grant, ...] | None = field(default=None, compare=False, repr=False)
    preferences: Preferences = field(default=UNSET, compare=False, repr=False)

    @property
    def identity(self) -> Identity:
        """What policy and audit need to know."""
        return Identity(self.name, self.role, self.grants)


def clean_name(name: str) -> str:
    """Return the form under which a name is stored and compared: NFC, lower case, trimmed.

    Raises:
        UserError: empty, too long, or with characters that could pass for another name.
    """
    clean = unicodedata.normalize("NFC", name.strip()).casefold()
    if not re.fullmatch(rf"[\w.@+-]{{1,{LONGEST_NAME}}}", clean):
        raise UserError(
            sentence("A user name has 1 to %(most)s letters, digits or . _ - + @ and no spaces.", most=LONGEST_NAME)
        )
    return clean


class Users:
    """Look users up and change them. Every method but ``find`` is one or two round trips made at once."""

    def __init__(
        self, connection: Connection, namespace: Namespace, clock: Callable[[], int], roles: Roles | None = None
    ) -> None:
        """Use ``connection`` for every round trip, ``clock`` (ms) for the time a user is made, and these ``roles``."""
        self._connection = connection
        self._roles = roles or Roles()
        self._key = namespace.users
        self._clock = clock

    def find(self, name: str) -> Call[User | None]:
        """Describe looking up one user, so that it can travel with other calls."""
        return Call(("HGET", self._key, name), self._read, writes=False)

    def get(self, name: str) -> User | None:
        """Look up one user now; None for a name that cannot be anybody's."""
        try:
            return self._connection.call(self.find(clean_name(name)))
        except UserError:
            return None

    def all(self) -> list[User]:
        """Return every user, by name."""
        return self._connection.call(self.everybody())

    def everybody(self) -> Call[list[User]]:
        """Describe reading every user, by name, so that it can travel with other calls."""

        def decode(reply: Any) -> list[User]:
            found = map(self._read, reply)
            return sorted((user for user in found if user), key=lambda user: user.name)

        return Call(("HVALS", self._key), decode, writes=False)

    def add(self, name: str, password: str, role: str) -> User:
        """Make a user.

        Raises:
            UserError: the name is taken or not allowed, the password is too short, or there is no such role.
        """
        user = User(clean_name(name), hash_password(password), self._known(role), self._clock())
        if not self._connection.call(Call(("HSETNX", self._key, user.name, _write(user)), bool)):
            raise UserError(sentence("There is already a user %(name)s.", name=user.name))
        return user

    def admit(self, external: str, wished: Iterable[str], role: str) -> User:
        """Return the user of an account at an identity provider, made at its first sign-in, with this role.

        Args:
            external: names the account for good.
            wished: names for the user. One that somebody else has gets something added.
            role: what the provider's word makes of the user today; another one than before ends all sign-ins.

        Raises:
            UserError: the user is disabled, the last administrator and now less, or there is no such role.
        """
        known = next((user for user in self.all() if user.external == external), None)
        user = known or self._make(external, wished, self._known(role))
        if user.is_disabled:
            raise UserError(sentence("%(name)s is disabled.", name=user.name))
        if user.role != role:
            epoch = user.epoch + 1
            self._change(user.name, lambda now: replace(now, role=self._known(role), epoch=epoch))
        return self._demand(user.name)

    def _make(self, external: str, wished: Iterable[str], role: str) -> User:
        for name in (*_allowed(wished), "person"):
            for tried in (name, f"{name[: LONGEST_NAME - 9]}-{external[:8]}"):
                user = User(tried, "", role, self._clock(), external=external)
                if self._connection.call(Call(("HSETNX", self._key, tried, _write(user)), bool)):
                    return user
                if (found := self.get(tried)) and found.external == external:  # made in this moment
                    return found
        raise UserError(sentence("Every name for this person is taken."))

    def remove(self, name: str) -> None:
        """Delete a user; sign-ins end at their next request.

        Raises:
            UserError: there is no such user, or it is the last administrator.
        """
        self._change(name, lambda _: None)

    def set_password(self, name: str, password: str) -> None:
        """Give a user a new password and end all sign-ins.

        Raises:
            UserError: there is no such user, or the password is too short.
        """
        self._own(name)
        hashed = hash_password(password)
        self._change(name, lambda user: replace(user, password_hash=hashed, epoch=user.epoch + 1))

    def set_role(self, name: str, role: str) -> None:
        """Change how far a user reaches and end all sign-ins.

        Raises:
            UserError: there is no such user or role, or it is the last administrator.
        """
        self._own(name)
        known = self._known(role)
        self._change(name, lambda user: replace(user, role=known, epoch=user.epoch + 1))

    def set_disabled(self, name: str, *, disabled: bool) -> None:
        """Shut a user out, or let it in again. Shutting out ends all sign-ins.

        Raises:
            UserError: there is no such user, or it is the last administrator.
        """
        self._change(name, lambda user: replace(user, is_disabled=disabled, epoch=user.epoch + 1))

    def end_sign_ins(self, name: str) -> None:
        """End all sign-ins of a user, wherever they were made.

        Raises:
            UserError: there is no such user.
        """
        self._change(name, lambda user: replace(user, epoch=user.epoch + 1))

    def renew_hash(self, user: User, password: str) -> None:
        """Store the same password with today's parameters; sign-ins go on."""
        hashed = hash_password(password)
        self._change(user.name, lambda now: replace(now, password_hash=hashed))

    def ensure_first_admin(self, password: str) -> str | None:
        """Make the first administrator when there is no user at all.

        Args:
            password: the one to give; empty generates one.

        Returns:
            The generated password, to be shown once; None when one was given, or nothing had to be made.
        """
        if self._connection.call(Call(("HLEN", self._key), int, writes=False)):
            return None
        chosen = password or generate_password()
        try:
            self.add(FIRST_ADMIN, chosen, Role.ADMIN)
        except UserError:  # another process was faster
            return None
        return None if password else chosen

    def _demand(self, name: str) -> User:
        user = self.get(name)
        if user is None:
            raise UserError(sentence("There is no user %(name)s.", name=name))
        return user

    def _own(self, name: str) -> None:
        """Insist that a user is the board's, and not the identity provider's."""
        if self._demand(name).external:
            raise UserError(
                sentence(
                    "%(name)s has no password here, and the role that the identity provider's word gives.", name=name
                )
            )

    def _change(self, name: str, change: Callable[[User], User | None]) -> None:
        """Replace a record by what ``change`` makes of it, None for nothing; atomic, and tried anew when it moved.

        Raises:
            UserError: there is no such user, or nobody would be an administrator after it.
        """
        for _ in range(_TRIES):
            user = self._demand(name)
            before = self._connection.call(Call(("HGET", self._key, user.name), _text, writes=False))
            user = self._read(before) or user
            after = change(user)
            call = Call(
                (self._key, user.name, before, _write(after) if after else ""),
                int,
                script=load("save_user"),
                keys=1,
            )
            saved = self._connection.call(call)
            if saved == 1:
                return
            if saved == -1:
                raise UserError(sentence("%(name)s is the last administrator: make another one first.", name=user.name))
        raise UserError(sentence("%(name)s is being changed by somebody else: try again.", name=name))

    def _known(self, role: str) -> str:
        if role not in self._roles.names:
            raise UserError(
                sentence(
                    "There is no role %(role)s: choose one of %(roles)s.",
                    role=repr(role[:64]),
                    roles=", ".join(self._roles.names),
                )
            )
        return str(role)

    def _read(self, reply: Any) -> User | None:
        """Read a record. One that was damaged by hand lets nobody in; with a role that is gone, one sees nothing."""
        if reply is None:
            return None
        try:
            record = json.loads(reply)
            return User(**{**record, "grants": self._roles.grants(record["role"])})
        except (ValueError, KeyError, TypeError):
            return None


def _text(reply: Any) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply or "")


def _allowed(wished: Iterable[str]) -> Iterator[str]:
    for name in wished:
        with contextlib.suppress(UserError):
            yield clean_name(name)


def _write(user: User) -> str:
    left_out = {"grants", "preferences"} if user.external else {"grants", "preferences", "external"}
    return json.dumps({name: value for name, value in asdict(user).items() if name not in left_out}, ensure_ascii=False)
