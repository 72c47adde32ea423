"""Notices that the event loop of a worker is blocked: then nothing renews its locks, and its jobs stall and run twice.

A thread asks the loop for a sign of life now and then. When none comes it logs where the loop's thread is, which names
the line of the processor that blocks. It mends nothing: a blocking call belongs into ``asyncio.to_thread``, or the job
into a ``Worker``.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback

__all__ = ["LoopWatchdog"]

logger = logging.getLogger(__name__)


class LoopWatchdog:
    """Watches the loop it is made in, until stopped.

    Args:
        queue: for the log.
        patience_s: how long the loop may be busy with one thing.
    """

    def __init__(self, queue: str, patience_s: float) -> None:
        self._queue = queue
        self._patience_s = patience_s
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"watchdog of {queue}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(self._patience_s):
            alive = threading.Event()
            asked = time.monotonic()
            try:
                self._loop.call_soon_threadsafe(alive.set)
            except RuntimeError:  # the loop is closed
                return
            if alive.wait(self._patience_s):
                continue
            frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - documented, for exactly this
            place = "".join(traceback.format_stack(frame)) if frame is not None else ""
            logger.warning(
                "the event loop is blocked, so locks are not renewed; use asyncio.to_thread, or Worker\n%s",
                place,
                extra={"queue": self._queue},
            )
            while not (alive.wait(1.0) or self._stopped.is_set()):
                pass
            elapsed_ms = round((time.monotonic() - asked) * 1000)
            logger.warning("the event loop was blocked", extra={"queue": self._queue, "elapsed_ms": elapsed_ms})
