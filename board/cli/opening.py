"""What the commands begin with: settings, and a service on the Redis they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from board.config import from_environment
from board.errors import SettingsError

if TYPE_CHECKING:
    from board.service import Service

__all__ = ["choose", "service"]


CHOSEN = "board.connection"
"""Where click keeps the name of the server for the commands of a group."""


def choose(name: str | None) -> None:
    """Let the commands of this group be about the server of that name; None for that of REDIS_URL."""
    click.get_current_context().meta[CHOSEN] = name


@contextmanager
def service() -> Iterator[Service]:
    """Open a service for one command: on REDIS_URL, or on the server of BOARD_CONNECTIONS that ``choose`` named.

    Raises:
        SettingsError: the environment does not add up, or names no such server.
    """
    from board.service import Service

    opened = Service(from_environment())
    context = click.get_current_context(silent=True)
    name = context.meta.get(CHOSEN) if context else None
    try:
        if name and name not in opened.others:
            known = ", ".join(opened.others) or "none"
            raise SettingsError([f"there is no connection {name}; BOARD_CONNECTIONS names {known}"])
        yield opened.others[name] if name else opened
    finally:
        opened.close()
