"""Roles and what they may do; the one place that decides.

Templates ask ``can`` to show, actions ask it to enforce. A larger role holds every permission of the smaller ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from board.errors import ForbiddenError

__all__ = ["GRANTS", "Identity", "Permission", "Role", "can", "demand", "smallest_role"]


class Permission(StrEnum):
    """One thing a person may be allowed to do; the value is the verb that templates and the audit log use."""

    VIEW = "view"
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


class Role(StrEnum):
    """How far a user reaches, smallest first."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


GRANTS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.VIEW}),
    Role.OPERATOR: frozenset(
        {Permission.VIEW, Permission.RETRY, Permission.PROMOTE, Permission.PAUSE, Permission.AUDIT}
        | {Permission.ADD, Permission.EDIT, Permission.LIMIT}
    ),
    Role.ADMIN: frozenset(Permission),
}
"""What each role may do. Removing loses data for good, so it is the administrator's."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person who is signed in.

    Attributes:
        name: user name, as it stands in the audit log.
        role: how far the user reaches.
    """

    name: str
    role: Role


def can(who: Identity | None, permission: Permission, queue: str | None = None) -> bool:
    """Whether ``who`` may do this, to ``queue`` when one is named. Nobody may do nothing.

    Roles hold for every queue today; ``queue`` is part of the question so that no caller forgets to say which.
    """
    del queue
    return who is not None and permission in GRANTS[who.role]


def demand(who: Identity, permission: Permission, queue: str | None = None) -> None:
    """Insist that ``who`` may do this.

    Raises:
        ForbiddenError: the role does not reach; it names the smallest one that does.
    """
    if not can(who, permission, queue):
        raise ForbiddenError(permission.value, role=who.role.value, needed=smallest_role(permission).value)


def smallest_role(permission: Permission) -> Role:
    """Return the smallest role that holds ``permission``."""
    return next(role for role in Role if permission in GRANTS[role])
