"""One round trip as commands to send and replies to take apart, without a socket.

A script travels as EVALSHA once the server is known to have it and as EVAL, which also stores it, before; so nothing
has to be loaded ahead and the first call costs no second round trip. When a server has forgotten its scripts
(restart, failover, SCRIPT FLUSH) it answers NOSCRIPT and has done nothing: exactly those calls are sent again, in
order. Nothing else is ever sent twice: after a broken connection nobody knows whether a write took effect, and only
the caller can tell whether doing it again is harmless.

In a transaction (``atomic``) a forgotten script would leave half of it undone, so there the first use of each script is
always an EVAL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.exceptions import ExecAbortError, ResponseError

from board.engine.calls import Arg, Batch, Call
from board.engine.connection.failures import EMPTIED, NEVER_RAN, store_error
from board.engine.errors import EngineError, ScriptError

__all__ = ["Exchange", "batch_results", "checked", "decoded", "parts_of"]

Command = tuple[Arg, ...]


class Exchange:
    """The calls of one round trip and what became of each.

    Args:
        calls: what to send, in order.
        atomic: wrap them in MULTI and EXEC.
    """

    __slots__ = ("_atomic", "_calls", "_sent", "replies")

    def __init__(self, calls: Sequence[Call[Any]], *, atomic: bool = False) -> None:
        self._calls = calls
        self._atomic = atomic
        self._sent: list[int] = []
        self.replies: list[Any] = [None] * len(calls)

    def first(self, known: set[str]) -> list[Command]:
        """Return the commands for all calls; ``known`` are the scripts that the server has."""
        self._sent = list(range(len(self._calls)))
        if self._atomic:
            return [("MULTI",), *self._commands(set()), ("EXEC",)]
        return self._commands(known)

    def again(self, indexes: list[int], known: set[str]) -> list[Command]:
        """Return the commands for some of the calls, those that the server has not run."""
        self._sent = indexes
        return self._commands(known)

    def receive(self, replies: list[Any], known: set[str]) -> tuple[list[int], list[int]]:
        """Store the replies to the last commands.

        Args:
            replies: one for each command; an error reply is an exception, not raised.
            known: kept up to date with what they tell.

        Returns:
            Which calls to send again because their script is unknown to the server, and which because a cluster keeps
            their keys elsewhere.
        """
        if self._atomic:
            replies = self._unwrapped(replies)
        unknown: list[int] = []
        elsewhere: list[int] = []
        for index, reply in zip(self._sent, replies, strict=True):
            script = self._calls[index].script
            if isinstance(reply, EMPTIED) and script is not None and not self._atomic:
                known.discard(script.sha)
                unknown.append(index)
            elif isinstance(reply, NEVER_RAN):
                elsewhere.append(index)
            elif script is not None and not isinstance(reply, ResponseError):
                known.add(script.sha)
            self.replies[index] = reply
        return unknown, elsewhere

    def _commands(self, known: set[str]) -> list[Command]:
        commands: list[Command] = []
        on_the_way: set[str] = set()
        for index in self._sent:
            call = self._calls[index]
            script = call.script
            if script is None:
                commands.append(call.argv)
            elif script.sha in known or script.sha in on_the_way:
                commands.append(("EVALSHA", script.sha, call.keys, *call.argv))
            else:
                on_the_way.add(script.sha)
                commands.append(("EVAL", script.source, call.keys, *call.argv))
        return commands

    def _unwrapped(self, replies: list[Any]) -> list[Any]:
        executed = replies[-1]
        if isinstance(executed, list):
            return executed
        refused = next((reply for reply in replies[1:-1] if isinstance(reply, Exception)), None)
        error = refused or (
            executed if isinstance(executed, Exception) else ExecAbortError("EXECABORT nothing was done")
        )
        return [error] * len(self._sent)


def parts_of(reply: Any, count: int) -> list[Any]:
    """Return the reply to a run that several calls shared as each of them would have got it alone.

    An error of the run is everybody's; so is a reply that does not hold one part for each, as ``ScriptError``.
    """
    if isinstance(reply, Exception):
        return [reply] * count
    if not isinstance(reply, list) or len(reply) != count:
        return [
            ScriptError(f"{count} answers were asked for, and the reply holds something else") for _ in range(count)
        ]
    return [part if isinstance(part, Exception) else [part] for part in reply]


def decoded(call: Call[Any], reply: Any, place: str) -> Any:
    """Return the result of a call, or raise what its reply means."""
    return call.decode(checked(reply, place))


def checked(reply: Any, place: str) -> Any:
    """Return a raw reply, or raise what it means where it is an error."""
    if isinstance(reply, EngineError):
        raise reply
    if isinstance(reply, Exception):
        raise store_error(reply, place) from reply
    return reply


def batch_results(batch: Batch[Any], replies: list[Any], place: str) -> list[Any]:
    """Return the results of a batch, errors in their places if it keeps them; else raise the first."""
    results: list[Any] = []
    for call, reply in zip(batch.calls, replies, strict=True):
        try:
            results.append(decoded(call, reply, place))
        except EngineError as error:
            if not batch.keep_errors:
                raise
            results.append(error)
    return results
