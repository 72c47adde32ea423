"""What a host application may say about who is signed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from board.auth.policy import Identity, Role
from board.auth.users import LONGEST_NAME

__all__ = ["Identify", "identity_from"]

Identify = Callable[[dict[str, Any]], Identity | tuple[str, str] | None]
"""Given the WSGI environment of a request, says whom the host has signed in: a name and a role, or None for nobody."""


def identity_from(answer: Identity | tuple[str, str] | None) -> Identity | None:
    """Check the host's answer.

    Raises:
        ValueError: it names a role that there is not, or nobody. Better a broken page than a wrong role.
    """
    if answer is None:
        return None
    name, role = (answer.name, answer.role) if isinstance(answer, Identity) else answer
    if not name or not str(name).isprintable():
        raise ValueError(f"identify() must return a printable name, not {name!r}")
    return Identity(str(name)[: 2 * LONGEST_NAME], Role(role))
