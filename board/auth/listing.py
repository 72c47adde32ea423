"""The people who may sign in, and where they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from board.auth.policy import Grant
from board.auth.roles import Roles
from board.auth.sessions import Sessions, SignIn
from board.auth.users import User

__all__ = ["SessionsPage", "UserLine", "UsersPage", "read_sessions", "read_users"]


@dataclass(frozen=True, slots=True)
class UserLine:
    """One person in the list.

    Attributes:
        name: sign-in name.
        role: name of the role.
        scope: for which queues, in words; empty for all.
        is_disabled: may not sign in.
        is_self: the person who asks.
        is_external: signs in at the identity provider, whose word gives the role.
        seen_at_ms: when the board last saw them; None for never.
        sign_ins: how many have not ended.
    """

    name: str
    role: str
    scope: str
    is_disabled: bool
    is_self: bool
    is_external: bool
    seen_at_ms: int | None
    sign_ins: int


@dataclass(frozen=True, slots=True)
class UsersPage:
    """Everybody who may sign in, by name.

    Attributes:
        users: the people.
        roles: what they may be.
        problem: why the last form was refused; None when it was not.
        password: one that was generated, to be shown once; empty for none.
        password_of: whose.
    """

    users: tuple[UserLine, ...]
    roles: tuple[str, ...]
    problem: str | None = None
    password: str = ""
    password_of: str = ""


@dataclass(frozen=True, slots=True)
class SessionsPage:
    """One's own account.

    Attributes:
        sign_ins: those that have not ended, the latest first.
        current: digest of the one that asks; empty when Redis could not record it.
        is_external: signs in at the identity provider, and has no password here.
        problem: why the last form was refused; None when it was not.
    """

    sign_ins: tuple[SignIn, ...]
    current: str
    is_external: bool
    problem: str | None = None


def read_users(
    sessions: Sessions,
    roles: Roles,
    me: str,
    *,
    problem: str | None = None,
    password: str = "",
    password_of: str = "",
) -> UsersPage:
    """Read the page of users, in three round trips: people, their sign-ins, and what is kept of each."""
    everybody, seen = sessions.people()
    lines = tuple(
        UserLine(
            user.name,
            user.role,
            _scope(user.grants or ()),
            user.is_disabled,
            user.name == me,
            bool(user.external),
            seen.get(user.name),
            len(sign_ins),
        )
        for user, sign_ins in zip(everybody, sessions.of(everybody), strict=True)
    )
    return UsersPage(lines, roles.names, problem, password, password_of)


def read_sessions(sessions: Sessions, user: User, current: str, problem: str | None = None) -> SessionsPage:
    """Read one's own sign-ins, in two round trips."""
    return SessionsPage(tuple(sessions.of([user])[0]), current, bool(user.external), problem)


def _scope(grants: Sequence[Grant]) -> str:
    globs = tuple(dict.fromkeys(glob for grant in grants for glob in grant.queues))
    return "" if not globs or globs == ("*",) else ", ".join(globs)
