"""Roles and what they may do, and where; the one place that decides.

A person has *grants*: permissions, for the queues whose names match some globs. What may be seen of a job is a
permission too: ``view`` shows that it is there, ``data`` what it carries, ``reveal`` the secrets in it. A queue that no
grant lets a person view does not exist for them (``board.sources``). Templates ask ``can`` to show, actions ask
``demand`` to enforce.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache

from board.errors import ForbiddenError

__all__ = [
    "BOARD_WIDE",
    "EVERYWHERE",
    "FIELDS",
    "GRANTS",
    "Grant",
    "Identity",
    "Permission",
    "Role",
    "can",
    "demand",
    "everywhere",
    "only_looking",
    "scope_of",
    "smallest_role",
]

EVERYWHERE = "*"
"""The glob of every queue."""


class Permission(StrEnum):
    """One thing a person may be allowed to do; the value is the verb that templates and the audit log use."""

    VIEW = "view"
    DATA = "data"
    REVEAL = "reveal"
    RETRY = "retry"
    PROMOTE = "promote"
    PAUSE = "pause"
    ADD = "add"
    EDIT = "edit"
    LIMIT = "limit"
    REMOVE = "remove"
    EMPTY = "empty"
    SCHEDULE = "schedule"
    OBLITERATE = "obliterate"
    AUDIT = "audit"
    SILENCE = "silence"
    ALERT = "alert"
    ACCEPT = "accept"
    USERS = "users"


FIELDS = frozenset({Permission.VIEW, Permission.DATA, Permission.REVEAL})
"""Permissions that say what is seen of a queue, and change nothing."""

BOARD_WIDE: frozenset[Permission] = frozenset({Permission.ALERT, Permission.ACCEPT, Permission.USERS})
"""Permissions that are about no queue: a grant for some queues only does not hold them."""


class Role(StrEnum):
    """The roles that are always there, smallest first. Settings may define others (``auth.roles``)."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


_VIEWER = frozenset({Permission.VIEW, Permission.DATA})
GRANTS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _VIEWER
    | {Permission.RETRY, Permission.PROMOTE, Permission.PAUSE, Permission.AUDIT}
    | {Permission.ADD, Permission.EDIT, Permission.LIMIT, Permission.SILENCE},
    Role.ADMIN: frozenset(Permission),
}
"""What each role may do, on every queue. Removing loses data for good, so it is the administrator's."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Permissions for some queues.

    Attributes:
        permissions: what may be done.
        queues: globs of queue names, without prefix.
    """

    permissions: frozenset[Permission]
    queues: tuple[str, ...] = (EVERYWHERE,)


@dataclass(frozen=True, slots=True)
class Identity:
    """A person who is signed in.

    Attributes:
        name: user name, as it stands in the audit log.
        role: name of the role, built in or defined by the settings.
        grants: what it allows; None takes those of a built-in role. A role that nobody defined allows nothing.
    """

    name: str
    role: str
    grants: tuple[Grant, ...] | None = None

    def __post_init__(self) -> None:
        if self.grants is None:
            known = GRANTS.get(Role(self.role)) if self.role in tuple(Role) else None
            object.__setattr__(self, "grants", (Grant(known),) if known else ())


@lru_cache(maxsize=8_192)
def _may(grants: tuple[Grant, ...], permission: Permission, queue: str | None) -> bool:
    if queue is not None and permission is not Permission.VIEW and not _holds(grants, Permission.VIEW, queue):
        return False
    return _holds(grants, permission, queue)


def _holds(grants: tuple[Grant, ...], permission: Permission, queue: str | None) -> bool:
    for grant in grants:
        if permission not in grant.permissions:
            continue
        if EVERYWHERE in grant.queues or (queue is None and permission not in BOARD_WIDE):
            return True
        if queue is not None and any(fnmatchcase(queue, glob) for glob in grant.queues):
            return True
    return False


def can(who: Identity | None, permission: Permission, queue: str | None = None) -> bool:
    """Whether ``who`` may do this to the queue of that name; nobody may do nothing.

    Without a queue: whether there is any queue that ``who`` may do it to. To a queue that one may not view, one may do
    nothing.
    """
    return who is not None and bool(who.grants) and _may(who.grants, permission, queue)


def everywhere(who: Identity, permission: Permission) -> bool:
    """Whether one grant lets ``who`` do this to every queue there is or will be."""
    return any(permission in grant.permissions and EVERYWHERE in grant.queues for grant in who.grants or ())


def demand(who: Identity, permission: Permission, queue: str | None = None) -> None:
    """Insist that ``who`` may do this.

    Raises:
        ForbiddenError: the role does not reach; it names the smallest one that does.
    """
    if not can(who, permission, queue):
        raise ForbiddenError(permission.value, role=str(who.role), needed=smallest_role(permission).value)


def only_looking(grants: tuple[Grant, ...] | None) -> tuple[Grant, ...] | None:
    """Return what is left of ``grants`` for somebody who may look and do nothing."""
    if grants is None:
        return None
    return tuple(Grant(grant.permissions & _VIEWER, grant.queues) for grant in grants)


def scope_of(who: Identity | None) -> Hashable:
    """Return what decides how much ``who`` sees: two people of equal scopes are shown the same."""
    return _scope((who.grants if who else None) or ())


@lru_cache(maxsize=256)
def _scope(grants: tuple[Grant, ...]) -> Hashable:
    seen = {(field, glob) for grant in grants for field in FIELDS & grant.permissions for glob in grant.queues}
    return frozenset(seen)


def smallest_role(permission: Permission) -> Role:
    """Return the smallest built-in role that holds ``permission``."""
    return next(role for role in Role if permission in GRANTS[role])
