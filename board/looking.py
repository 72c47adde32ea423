"""The connection of a board that only looks: it sends no call that may change anything but the board's own keys.

Roles and ``actions.perform`` refuse every action of such a board already. This is the second lock: it does not know who
asks nor why, and whatever reaches it that is not said to change nothing, and is not about users, sessions or the audit
log, never leaves the process.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from board.engine.calls import Call
from board.engine.connection.sync import Connection
from board.errors import ReadOnlyBoardError

__all__ = ["LookingConnection", "keys_of"]


class LookingConnection(Connection):
    """Reads everything, and writes below one prefix only."""

    own_prefix: str = ""
    """What the board's own keys begin with, colon included; empty allows no write at all."""

    def _send(self, calls: Iterable[Call[Any]], *, atomic: bool) -> list[Any]:
        """Send the calls, if none of them may change a queue.

        Raises:
            ReadOnlyBoardError: one may; nothing was sent.
        """
        asked = tuple(calls)
        if any(call.writes and not self._is_own(call) for call in asked):
            raise ReadOnlyBoardError
        return super()._send(asked, atomic=atomic)

    def _is_own(self, call: Call[Any]) -> bool:
        keys = keys_of(call)
        return bool(self.own_prefix and keys) and all(key.startswith(self.own_prefix) for key in keys)


def keys_of(call: Call[Any]) -> tuple[str, ...]:
    """Return the keys that a call names: those of a script, all of DEL and UNLINK, else the first argument."""
    if call.script is not None:
        return tuple(map(_text, call.argv[: call.keys]))
    named = call.argv[1:] if _text(call.argv[0]).upper() in ("DEL", "UNLINK") else call.argv[1:2]
    return tuple(map(_text, named))


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
