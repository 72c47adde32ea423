"""The roles of a board: those built in, and those of its settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from board.auth.policy import GRANTS, Grant, Identity, Permission, Role
from board.errors import SettingsError

__all__ = ["Roles", "read_roles"]


class Roles:
    """The roles of a board: those built in, and those of its settings."""

    def __init__(self, custom: Mapping[str, tuple[Grant, ...]] | None = None) -> None:
        """Know ``custom`` roles by name besides the built-in ones."""
        self._custom = dict(custom or {})

    @property
    def names(self) -> tuple[str, ...]:
        """All roles, the built-in ones first."""
        return (*(role.value for role in Role), *self._custom)

    def grants(self, role: str) -> tuple[Grant, ...]:
        """Return what a role allows; nothing for one that is not defined (any more)."""
        if role in self._custom:
            return self._custom[role]
        return Identity("", role).grants or ()

    def identity(self, name: str, role: str) -> Identity:
        """Return a person of that role."""
        return Identity(name, role, self.grants(role))


_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_MOST_GRANTS = 50


def read_roles(text: str) -> Roles:
    """Read the roles of a setting: ``support: viewer@* operator@billing.*,mail; auditor: view+audit@*``.

    Each role is a name and its grants; a grant is permissions joined by ``+``, or a built-in role for all of its own,
    and after ``@`` the globs of the queues.

    Raises:
        SettingsError: with a sentence for each role that makes no sense.
    """
    custom: dict[str, tuple[Grant, ...]] = {}
    problems: list[str] = []
    for part in filter(None, (one.strip() for one in text.split(";"))):
        name, colon, rest = (one.strip() for one in part.partition(":"))
        if not colon or not _NAME.fullmatch(name) or name in tuple(Role) or name in custom:
            problems.append(
                f"BOARD_ROLES, role {name[:64]!r}: write NAME: GRANT …, each name once, of lower-case letters, "
                "and none of a built-in role"
            )
            continue
        try:
            custom[name] = _read_grants(rest.split())
        except ValueError as error:
            problems.append(f"BOARD_ROLES, role {name[:64]!r}: {error}")
    if problems:
        raise SettingsError(problems)
    return Roles(custom)


def _read_grants(parts: Sequence[str]) -> tuple[Grant, ...]:
    if not 1 <= len(parts) <= _MOST_GRANTS:
        raise ValueError(f"has 1 to {_MOST_GRANTS} grants such as viewer@*")
    return tuple(map(_read_grant, parts))


def _read_grant(text: str) -> Grant:
    words, at, globs = text.partition("@")
    queues = tuple(dict.fromkeys(filter(None, globs.split(","))))
    if not at or not queues:
        raise ValueError(f"{text[:64]!r} names no queues: write {words[:64] or 'viewer'}@* for all")
    permissions: set[Permission] = set()
    for word in words.split("+"):
        if word in tuple(Role):
            permissions |= GRANTS[Role(word)]
        elif word in tuple(Permission):
            permissions.add(Permission(word))
        else:
            known = ", ".join((*Role, *Permission))
            raise ValueError(f"{word[:64]!r} is neither a role nor a permission: {known}")
    return Grant(frozenset(permissions), queues)
