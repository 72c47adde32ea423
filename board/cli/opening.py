"""What the commands begin with: settings, and a service on the Redis they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from board.errors import SettingsError

if TYPE_CHECKING:
    from board.config import Settings
    from board.service import Service

__all__ = ["choose", "log", "service", "settings"]


CHOSEN = "board.connection"
"""Where click keeps the name of the server for the commands of a group."""


def choose(name: str | None) -> None:
    """Let the commands of this group be about the server of that name; None for that of REDIS_URL."""
    click.get_current_context().meta[CHOSEN] = name


def settings(*, needs_redis: bool = True) -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: they do not add up.
    """
    from board.config import from_environment

    return from_environment(needs_redis=needs_redis)


def log(*, json_lines: bool = False) -> None:
    """Begin to write the log to standard error, for commands that run on."""
    from board.logs import configure

    configure(json_lines=json_lines)


@contextmanager
def service() -> Iterator[Service]:
    """Open a service for one command: on REDIS_URL, or on the server of BOARD_CONNECTIONS that ``choose`` named.

    Raises:
        SettingsError: the environment does not add up, or names no such server.
    """
    from board.service import Service

    opened = Service(settings())
    context = click.get_current_context(silent=True)
    name = context.meta.get(CHOSEN) if context else None
    try:
        if name and name not in opened.others:
            known = ", ".join(opened.others) or "none"
            raise SettingsError([f"there is no connection {name}; BOARD_CONNECTIONS names {known}"])
        yield opened.others[name] if name else opened
    finally:
        opened.close()
