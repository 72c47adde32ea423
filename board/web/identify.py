"""What a host application may say about who is signed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from board.auth.policy import Identity, Role
from board.auth.roles import Roles
from board.auth.users import LONGEST_NAME

__all__ = ["Identify", "identity_from"]

Identify = Callable[[dict[str, Any]], Identity | tuple[str, str] | None]
"""Given the WSGI environment of a request, says whom the host has signed in: a name and a role, or None for nobody."""


def identity_from(answer: Identity | tuple[str, str] | None, roles: Roles | None = None) -> Identity | None:
    """Check the host's answer; an ``Identity`` with grants of its own is taken as it is.

    Raises:
        ValueError: it names a role that there is not, or nobody. Better a broken page than a wrong role.
    """
    if answer is None:
        return None
    name, role = (answer.name, answer.role) if isinstance(answer, Identity) else answer
    if not name or not str(name).isprintable():
        raise ValueError(f"identify() must return a printable name, not {name!r}")
    shown = str(name)[: 2 * LONGEST_NAME]
    if isinstance(answer, Identity) and (answer.grants or role in tuple(Role)):
        return Identity(shown, str(role)[:LONGEST_NAME], answer.grants)
    known = roles or Roles()
    if role not in known.names:
        raise ValueError(f"identify() must return a role that there is ({', '.join(known.names)}), not {role!r}")
    return known.identity(shown, str(role))
