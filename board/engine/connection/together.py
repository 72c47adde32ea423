"""Threads that ask at the same time share one run of a script.

Whoever asks while a lane is free leads: takes along those who stand in line with the same script and key, makes the
round trip, hands out the replies and gives the lane to the next in line. So nobody waits for others before asking, and
while Redis works for some, the next gather: the more threads, the fewer round trips for each.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from board.engine.calls import Call, raw
from board.engine.codec import joined
from board.engine.connection.failures import another
from board.engine.errors import ConnectionLostError

__all__ = ["LANES", "Together"]

LANES = 1
"""Runs under way at once. Threads of one interpreter take turns anyway: with more, the runs only get shorter."""


class _Asked:
    """A thread's call, and what became of it."""

    __slots__ = ("call", "error", "is_over", "reply", "turn")

    def __init__(self, call: Call[Any]) -> None:
        self.call = call
        self.reply: Any = None
        self.error: Exception | None = None
        self.is_over = False
        self.turn = threading.Lock()
        """Held while the thread has to wait."""


class Together:
    """The threads of one connection.

    Args:
        send: makes the round trip of one call; returns the raw reply, an error reply as an exception.
    """

    def __init__(self, send: Callable[[Call[Any]], Any]) -> None:
        self._send = send
        self._mutex = threading.Lock()
        self._line: deque[_Asked] = deque()
        self._leaders = 0

    @property
    def waiting(self) -> int:
        """How many threads stand in line."""
        return len(self._line)

    def ask(self, call: Call[Any]) -> Any:
        """Return the raw reply to a call that may share its run; an error reply as an exception.

        Raises:
            EngineError: the round trip failed, for all that shared it.
        """
        mine = _Asked(call)
        with self._mutex:
            leads = self._leaders < LANES
            if leads:
                self._leaders += 1
            else:
                mine.turn.acquire()
                self._line.append(mine)
        if not leads:
            mine.turn.acquire()  # until the reply is there, or the lane is ours
        if not mine.is_over:
            self._lead(mine)
        if mine.error is not None:
            raise mine.error
        return mine.reply

    def _lead(self, mine: _Asked) -> None:
        group = self._group(mine)
        error: Exception | None = ConnectionLostError("the thread that asked for several was stopped")
        replies: list[Any] = []
        try:
            replies = self._replies(group)
            error = None
        except Exception as failed:  # noqa: BLE001 - all of the group hear of it
            error = failed
        finally:
            for index, asked in enumerate(group):
                if error is None:
                    asked.reply = replies[index]
                else:
                    asked.error = error if asked is mine else another(error)
                asked.is_over = True
                if asked is not mine:
                    asked.turn.release()
            self._hand_over()

    def _group(self, mine: _Asked) -> list[_Asked]:
        """Take along those at the head of the line who ask the same."""
        first, group = mine.call, [mine]
        with self._mutex:
            while self._line and len(group) < first.most:
                call = self._line[0].call
                if call.script is not first.script or call.argv[0] != first.argv[0]:
                    break
                group.append(self._line.popleft())
        return group

    def _replies(self, group: list[_Asked]) -> list[Any]:
        first = group[0].call
        if len(group) == 1:
            return [self._send(first)]
        items = joined([asked.call.item or b"" for asked in group])
        reply = self._send(Call((first.argv[0], items, "1"), raw, script=first.script, keys=1))
        if isinstance(reply, Exception):
            return [reply] * len(group)
        return [part if isinstance(part, Exception) else [part] for part in reply]

    def _hand_over(self) -> None:
        with self._mutex:
            if self._line:
                self._line.popleft().turn.release()
            else:
                self._leaders -= 1
