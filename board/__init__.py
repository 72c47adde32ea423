"""Queue Board: a dashboard for BullMQ-compatible job queues, and the engine it ships with.

``create_app`` is loaded when it is first asked for, so that a program which only uses ``board.engine`` loads no web
framework.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from board.web import create_app

__version__ = "0.1.0"
__all__ = ["__version__", "create_app"]


def __getattr__(name: str) -> object:
    """Load ``create_app`` late."""
    if name == "create_app":
        from board.web import create_app as make  # noqa: PLC0415 - late on purpose

        return make
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
