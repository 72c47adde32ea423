"""Sign-in at an identity provider, for boards whose settings name one. The library for it is an optional extra."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import Flask, current_app, request

from board.claims import read_rules
from board.config import Settings
from board.errors import SettingsError
from board.outbound.calls import Outbound
from board.outbound.rules import read_places
from board.service import Service
from board.web.connections import mount_point
from board.web.state import PROVIDER, signs_in

if TYPE_CHECKING:
    from board.auth.oidc import Provider

__all__ = ["CALLBACK", "install", "provider", "redirect_uri"]

CALLBACK = "/login/oidc/callback"
"""Where the provider sends the browser back to; it compares the whole address with one it was told beforehand."""


def install(app: Flask, settings: Settings, service: Service) -> None:
    """Set up the provider that the settings name.

    Raises:
        SettingsError: a rule has a role that there is not, or the library is not installed.
    """
    app.extensions[PROVIDER] = _provider(settings, service) if settings.oidc_issuer else None


def provider() -> Provider | None:
    """Return the identity provider of this board; None when it has none, or no users of its own."""
    return cast("Provider | None", current_app.extensions[PROVIDER]) if signs_in() else None


def redirect_uri() -> str:
    """Return the whole address of ``CALLBACK``: the same one, whichever Redis a page was about."""
    return request.host_url.rstrip("/") + mount_point() + CALLBACK


def _provider(settings: Settings, service: Service) -> Provider:
    rules, known = read_rules(settings.oidc_roles), service.roles.names
    if unknown := sorted({rule.role for rule in rules} - set(known)):
        raise SettingsError([f"BOARD_OIDC_ROLES has the role {unknown[0][:64]}: choose one of {', '.join(known)}"])
    try:
        from board.auth.oidc import Provider as Made  # noqa: PLC0415 - only where it is used is it installed
    except ImportError as missing:
        raise SettingsError(
            ["BOARD_OIDC_ISSUER needs a library that is not installed: pip install 'queue-board[oidc]'"]
        ) from missing
    return Made(
        settings,
        rules=rules,
        outbound=Outbound(read_places(settings.outbound_allow)),
        connection=service.connection,
        namespace=service.namespace,
        clock=service.clock,
    )
