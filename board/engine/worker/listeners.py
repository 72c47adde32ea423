"""Who wants to hear of a worker's events, and the promise that none of them can hurt the worker."""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from board.engine.errors import UsageError
from board.engine.options import check_listener

__all__ = ["EVENTS", "Listeners"]

EVENTS = {
    "ready": "() the worker has begun",
    "active": "(job, previous) a job was taken and runs now",
    "progress": "(job, progress) its processor told how far it is",
    "completed": "(job, result, previous) it completed",
    "failed": "(job, error, previous) an attempt failed, for good or not",
    "stalled": "(job_id, previous) a job was taken back whose worker is gone, of any worker of the queue",
    "lock_lost": "(job_id) the lock of a running job is gone; another worker may run it too",
    "drained": "() nothing waits any more",
    "paused": "() no more jobs are taken",
    "resumed": "() jobs are taken again",
    "error": "(error) something went wrong outside of processors; the worker goes on",
    "closing": "() no more jobs are taken, those that run are waited for",
    "closed": "() all is done",
}
"""Event names with their listener's arguments and meaning."""

logger = logging.getLogger(__name__)


class Listeners:
    """Functions by event. What a listener raises is logged and goes no further.

    Args:
        queue: for the log.
    """

    def __init__(self, queue: str) -> None:
        self._queue = queue
        self._by_event: dict[str, list[Callable[..., Any]]] = {}
        self._last_error = ""
        self._repeats = 0

    def add(self, event: str, listener: Callable[..., Any]) -> None:
        """Call ``listener`` at each such event.

        Raises:
            UsageError: there is no such event.
        """
        if event not in EVENTS:
            near = difflib.get_close_matches(event, EVENTS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(EVENTS)}"
            raise UsageError(f"a worker has no event {event!r}, {hint}")
        check_listener(event, listener)
        self._by_event.setdefault(event, []).append(listener)

    def remove(self, event: str, listener: Callable[..., Any]) -> None:
        """Stop calling it."""
        listeners = self._by_event.get(event, [])
        if listener in listeners:
            listeners.remove(listener)

    def is_heard(self, event: str) -> bool:
        """Whether anybody listens to an event: asking takes less time than telling nobody."""
        return bool(self._by_event.get(event))

    def tell(self, event: str, *args: object) -> list[Awaitable[Any]]:
        """Call the listeners of an event; return what those that are coroutine functions left to await.

        An error that nobody listens for is logged: none is swallowed. While the same one comes again and again, as when
        Redis is away, only the 1st, 2nd, 4th, 8th… are, with their number.
        """
        listeners = self._by_event.get(event)
        if event != "error":
            self._repeats = 0
        if not listeners:
            if event == "error":
                self._log(args[0])
            return []
        pending: list[Awaitable[Any]] = []
        for listener in tuple(listeners):
            try:
                answer = listener(*args)
            except Exception:
                logger.exception("a listener of a worker failed", extra={"queue": self._queue, "event": event})
            else:
                if answer is not None and inspect.isawaitable(answer):
                    pending.append(answer)
        return pending

    def _log(self, error: object) -> None:
        text = str(error)
        self._repeats = self._repeats + 1 if text == self._last_error else 1
        self._last_error = text
        if self._repeats.bit_count() == 1:
            logger.error(
                "the worker met an error: %s",
                text,
                extra={"queue": self._queue, "error": type(error).__name__, "times": self._repeats},
            )
