"""Round trips as values: described here, made by ``engine.connection``.

A command function never talks to Redis. It returns a ``Call``; several calls that need no reply of one another travel
as a ``Batch``; a conversation in which one reply decides the next call is a ``Plan``, a generator that yields calls and
batches and returns its result. The same plan runs on the blocking and on the asyncio connection.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from board.engine.values import value

if TYPE_CHECKING:
    from board.engine.scripts.loader import Script

__all__ = ["Arg", "Batch", "Call", "Plan", "raw"]

T = TypeVar("T")
U = TypeVar("U")
R = TypeVar("R")

Arg = str | bytes | int | float


def raw(reply: Any) -> Any:
    """Decode nothing: the reply as redis-py returns it."""
    return reply


@value(frozen=True, slots=True)
class Call(Generic[T]):
    """One round trip, described and not made.

    Attributes:
        argv: the command with its arguments; for a script, its keys and then its arguments.
        decode: turns the raw reply (bytes, ints, lists) into the result; may raise ``EngineError``.
        script: the script to run, or None for a plain command.
        keys: how many of ``argv`` are keys, for a script.
        writes: False for calls that change nothing, which a read-only connection may send.
        block_ms: how long the server may hold the reply back; such a call needs a connection of its own.
        item: for a script that takes a key and a MessagePack array and answers with an array, of which this call is an
            array of one: what is in it. Such calls that leave together may become one run, marked by a further
            argument ``1``; each gets its own part of the answer.
        most: how many may become one.
    """

    argv: tuple[Arg, ...]
    decode: Callable[[Any], T]
    script: Script | None = None
    keys: int = 0
    writes: bool = True
    block_ms: int | None = None
    item: bytes | None = None
    most: int = 1

    def __iter__(self) -> Generator[Call[Any] | Batch[Any], Any, T]:
        """Yield itself to the driver of a plan and return the decoded reply."""
        return self.decode((yield self))

    def map(self, function: Callable[[T], U]) -> Call[U]:
        """Return the same round trip with ``function`` applied to its result."""
        decode = self.decode
        return Call(
            self.argv,
            lambda reply: function(decode(reply)),
            script=self.script,
            keys=self.keys,
            writes=self.writes,
            block_ms=self.block_ms,
            item=self.item,
            most=self.most,
        )


@value(frozen=True, slots=True)
class Batch(Generic[T]):
    """Calls that travel together in one round trip, in order, not as a transaction.

    A call that fails does not stop the others. With ``keep_errors`` its place in the result holds the ``EngineError``;
    without, the first error is raised after all replies came.
    """

    calls: tuple[Call[T], ...]
    keep_errors: bool = False
    atomic: bool = False

    @classmethod
    def of(cls, calls: Iterable[Call[T]], *, keep_errors: bool = False, atomic: bool = False) -> Batch[T]:
        """Collect calls into a batch; ``atomic`` wraps them in MULTI/EXEC."""
        return cls(tuple(calls), keep_errors=keep_errors, atomic=atomic)

    def __iter__(self) -> Generator[Call[Any] | Batch[Any], Any, list[T]]:
        """Yield itself to the driver of a plan and return the decoded replies in order."""
        replies: list[T] = yield self
        return replies


Plan = Generator["Call[Any] | Batch[Any]", Any, R]
