"""Lets ``AsyncQueue.add`` ask when it is called, where nothing has to be waited for before.

The coroutine function stays what it is, and what the blocking front is made from. In front of it comes a plain function
that sends the same call, made by the same two functions, and returns its answer: a future, for which
``asyncio.gather`` needs no task. Whatever else there is to do (no running loop, a connection that is not open yet, a
cluster, telemetry) or to tell (something is wrong with the job) it leaves to the coroutine, which does it where it is
awaited.

One thing differs: a task made of an answer and cancelled before its first step has asked, where one made of a coroutine
would not have begun.
"""

from __future__ import annotations

import asyncio.coroutines
import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from board.engine.options import merge_options
from board.engine.types import UNSET, JobOptions, JsonValue

if TYPE_CHECKING:
    from board.engine.aio.job import AsyncJob
    from board.engine.aio.queue import AsyncQueue
    from board.engine.calls import Call
    from board.engine.options import NewJob

__all__ = ["at_once"]

Add = TypeVar("Add", bound=Callable[..., Any])


def at_once(
    prepare: Callable[[AsyncQueue, str, JsonValue, JobOptions | None], tuple[NewJob, Call[str]]],
    added: Callable[[AsyncQueue, NewJob, Call[str], Any], AsyncJob],
) -> Callable[[Add], Add]:
    """Let a queue's ``add`` ask when it is called, if it can.

    Args:
        prepare: checks a job and describes the call that adds it.
        added: makes what is returned, of the job, the call and its raw reply.
    """

    def decorate(add: Add) -> Add:
        @wraps(add)
        def asking(
            self: AsyncQueue, name: str, data: JsonValue = UNSET, options: JobOptions | None = None, **overrides: Any
        ) -> Any:
            connection = self.connection
            if self.telemetry is not None or not connection.is_ready():
                return add(self, name, data, options, **overrides)
            try:
                new, call = prepare(self, name, data, merge_options(None, options, overrides) if overrides else options)
            except Exception:  # noqa: BLE001 - the coroutine raises it again, where it is awaited
                return add(self, name, data, options, **overrides)
            return connection.ask(call, partial(added, self, new, call))

        return cast("Add", _marked(asking))  # it takes the same arguments, and what it returns is a coroutine

    return decorate


def _marked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let web frameworks and mocks see that a function is to be awaited."""
    mark: Any = getattr(inspect, "markcoroutinefunction", None)
    if mark is None:  # Python 3.11
        function._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]  # noqa: SLF001
        return function
    marked: Callable[..., Any] = mark(function)
    return marked
