"""Closes the workers of this process on SIGTERM and SIGINT, for both fronts.

The first signal asks every worker to finish what runs; the second to hand it back at once. A signal that the program
handles itself is left to it.
"""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["on_signal"]

Asker = Callable[[bool], None]
"""Called in the main thread between two instructions: may only leave a note; True the second time."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_askers: list[Asker] = []
_replaced: dict[signal.Signals, Any] = {}
_count = 0


def on_signal(asker: Asker) -> Callable[[], None]:
    """Call ``asker`` at each signal until the function that is returned is called.

    Outside the main thread, where Python takes no signal handlers, it does nothing unless others have set them up.
    """
    global _count  # noqa: PLW0603 - signals belong to the process
    _askers.append(asker)
    if threading.current_thread() is threading.main_thread() and not _replaced:
        _count = 0
        for number in _SIGNALS:
            if _is_nobodys(signal.getsignal(number)):
                _replaced[number] = signal.signal(number, _handle)

    def forget() -> None:
        if asker in _askers:
            _askers.remove(asker)
        if not _askers and threading.current_thread() is threading.main_thread():
            while _replaced:
                number, before = _replaced.popitem()
                signal.signal(number, before)

    return forget


def _is_nobodys(handler: Any) -> bool:
    """Whether the program left this signal alone. ``asyncio.run`` sets a handler for SIGINT that nobody asked for."""
    if isinstance(handler, functools.partial):
        return getattr(handler.func, "__qualname__", "") == "Runner._on_sigint"
    return handler in (signal.SIG_DFL, signal.default_int_handler)


def _handle(number: int, frame: FrameType | None) -> None:
    global _count  # noqa: PLW0603 - signals belong to the process
    del number, frame
    _count += 1
    for asker in tuple(_askers):
        asker(_count > 1)
