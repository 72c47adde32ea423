"""What the asyncio connection gives for a call that it asked at once: a future that is a coroutine too.

Coroutines that are gathered need a task each, and a task costs as much as all the rest of a short call; a future needs
none. But what an ``async`` method returns may also be given to ``asyncio.create_task``, a ``TaskGroup`` or the task
group of another library, which take coroutines alone. So this future follows their protocol, in which ``send`` yields
what ``await`` on a future yields.

It does not wait to be awaited: the call has been made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

__all__ = ["Answer"]

T = TypeVar("T")


class Answer(asyncio.Future[T], Coroutine[Any, Any, T]):
    """The future of what ``then`` makes of a reply.

    Cancelled or closed before the question left, it takes the question back; afterwards the reply is dropped.

    Attributes:
        then: called once, with the raw reply; what it raises becomes the exception.
    """

    __slots__ = ("then",)

    then: Callable[[Any], T]

    cr_running = False
    """For ``inspect.getcoroutinestate``, as the next two: task groups of AnyIO ask whether a task has begun."""

    cr_frame = None

    @property
    def cr_suspended(self) -> bool:
        """Whether it waits."""
        return not self.done()

    def set_result(self, reply: Any, /) -> None:
        """Take the raw reply."""
        try:
            result = self.then(reply)
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
            self.set_exception(error)
        else:
            _set_result(self, result)

    def send(self, value: Any, /) -> Any:
        """Make a step of a task: wait for the reply, or return the result."""
        del value
        if self.done():
            raise StopIteration(self.result())
        self._asyncio_future_blocking = True
        return self

    def throw(self, kind: Any, value: Any = None, trace: TracebackType | None = None, /) -> Any:
        """End the waiting with an exception."""
        self.cancel()
        error = value if isinstance(value, BaseException) else kind
        raise error if trace is None else error.with_traceback(trace)

    def close(self) -> None:
        """End the waiting."""
        self.cancel()


_set_result = asyncio.Future.set_result
