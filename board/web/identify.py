"""What a host application may say about who is signed in."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from board.auth.policy import Identity, Role
from board.auth.roles import Roles, read_roles
from board.auth.users import LONGEST_NAME, clean_name
from board.config import Settings
from board.errors import SettingsError, UserError

__all__ = ["Identify", "behind_proxy", "identity_from"]

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


def behind_proxy(settings: Settings) -> Identify | None:
    """Return who is signed in by the word of a proxy; None when the settings name none.

    What counts is who is at the other end of the connection, not who is said to be: forwarded addresses could be made
    up, and with them the header.

    Raises:
        SettingsError: a person has a role that there is not.
    """
    if not settings.proxy_header:
        return None
    roles, known = dict(settings.proxy_roles), read_roles(settings.roles).names
    if unknown := sorted(set(roles.values()) - set(known)):
        raise SettingsError([f"BOARD_PROXY_ROLES has the role {unknown[0][:64]}: choose one of {', '.join(known)}"])
    networks = [ipaddress.ip_network(one) for one in settings.proxy_addresses]
    variable = "HTTP_" + settings.proxy_header.upper().replace("-", "_")

    def identify(environ: dict[str, Any]) -> tuple[str, str] | None:
        before = environ.get("werkzeug.proxy_fix.orig", environ)  # as it was before forwarded addresses were believed
        try:
            peer = ipaddress.ip_address(before.get("REMOTE_ADDR") or "")
            name = clean_name(environ.get(variable, ""))
        except (ValueError, UserError):
            return None
        if isinstance(peer, ipaddress.IPv6Address) and peer.ipv4_mapped:
            peer = peer.ipv4_mapped
        if not any(peer in network for network in networks):
            return None
        role = roles.get(name) or roles.get("*")
        return (name, role) if role else None

    return identify
