"""Whether this process is still the one that opened a socket, without asking the kernel for its number each time."""

from __future__ import annotations

import os

__all__ = ["generation"]

_generation = 0


def generation() -> int:
    """Return a number that is another one in a process that was forked off."""
    return _generation


def _count() -> None:
    global _generation  # noqa: PLW0603 - the one thing that a fork changes
    _generation += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count)
