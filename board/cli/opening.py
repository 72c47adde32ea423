"""What the commands begin with: settings, and a service on the Redis they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from board.config import from_environment

if TYPE_CHECKING:
    from board.service import Service

__all__ = ["service"]


@contextmanager
def service() -> Iterator[Service]:
    """Open a service on REDIS_URL for one command.

    Raises:
        SettingsError: the environment does not add up.
    """
    from board.service import Service

    opened = Service(from_environment())
    try:
        yield opened
    finally:
        opened.close()
