"""Threads that ask at the same time share one run of a script.

Each script and key has a lane. Whoever asks while it is free leads: takes along those who stand in line, makes the
round trip, hands out the replies and gives the lane to the next in line. So nobody waits for others before asking, and
while Redis works for some, the next gather: the more threads, the fewer round trips for each. Calls about other queues
have lanes of their own, so that one server that does not answer holds up nobody who asks another.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from board.engine.calls import Call, raw
from board.engine.codec import joined
from board.engine.connection.failures import another
from board.engine.errors import ConnectionLostError, ScriptError

__all__ = ["Together"]

Send = Callable[[Call[Any]], Any]


class Together:
    """The threads of one connection.

    Args:
        send: makes the round trip of one call; returns the raw reply, an error reply as an exception.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._lanes: dict[tuple[Any, Any], _Lane] = {}
        self._here = threading.local()

    @property
    def waiting(self) -> int:
        """How many threads stand in line."""
        return sum(len(lane.line) for lane in tuple(self._lanes.values()))

    def ask(self, call: Call[Any]) -> Any:
        """Return the raw reply to a call that may share its run; an error reply as an exception.

        Raises:
            EngineError: the round trip failed, for all that shared it.
        """
        if getattr(self._here, "asks", False):  # a signal handler over this thread's own call must not wait for that
            return self._send(call)
        self._here.asks = True
        try:
            alike = (call.script.sha if call.script else None, call.argv[0])
            lane = self._lanes.get(alike) or self._lanes.setdefault(alike, _Lane(self._send))
            return lane.ask(call)
        finally:
            self._here.asks = False


class _Asked:
    """A thread's call, and what became of it."""

    __slots__ = ("call", "error", "is_over", "leads", "reply", "turn")

    def __init__(self, call: Call[Any]) -> None:
        self.call = call
        self.reply: Any = None
        self.error: Exception | None = None
        self.is_over = False
        self.leads = False
        """The lane is this thread's."""
        self.turn = threading.Lock()
        """Held while the thread has to wait."""


class _Lane:
    """Those who ask one script about one key: one run is under way at a time.

    Threads of one interpreter take turns anyway: with more runs at once they would only be shorter.
    """

    __slots__ = ("_is_taken", "_mutex", "_send", "line")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._mutex = threading.Lock()
        self._is_taken = False
        self.line: deque[_Asked] = deque()

    def ask(self, call: Call[Any]) -> Any:
        mine = _Asked(call)
        with self._mutex:
            mine.leads, self._is_taken = not self._is_taken, True
            if not mine.leads:
                mine.turn.acquire()
                self.line.append(mine)
        if not mine.leads:
            try:
                mine.turn.acquire()  # until the reply is there, or the lane is ours
            except BaseException:
                self._leave(mine)
                raise
        if not mine.is_over:
            self._lead(mine)
        if mine.error is not None:
            raise mine.error
        return mine.reply

    def _leave(self, mine: _Asked) -> None:
        """Wait no longer, for the thread was interrupted; whoever leads may have taken the call along by now."""
        with self._mutex:
            if mine in self.line:
                self.line.remove(mine)
                return
        if mine.leads:
            self._hand_over()

    def _lead(self, mine: _Asked) -> None:
        group = [mine]
        error: Exception | None = ConnectionLostError("the thread that asked for several was stopped")
        replies: list[Any] = []
        try:
            group = self._group(mine)
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
        """Take along those at the head of the line, as many as fit in a run."""
        with self._mutex:
            return [mine, *(self.line.popleft() for _ in range(min(len(self.line), mine.call.most - 1)))]

    def _replies(self, group: list[_Asked]) -> list[Any]:
        first = group[0].call
        if len(group) == 1:
            return [self._send(first)]
        items = joined([asked.call.item or b"" for asked in group])
        reply = self._send(Call((first.argv[0], items, "1"), raw, script=first.script, keys=1))
        if isinstance(reply, Exception):
            return [reply] * len(group)
        if not isinstance(reply, list) or len(reply) != len(group):
            raise ScriptError(f"{len(group)} answers were asked for, and the reply holds something else")
        return [part if isinstance(part, Exception) else [part] for part in reply]

    def _hand_over(self) -> None:
        with self._mutex:
            if self.line:
                heir = self.line.popleft()
                heir.leads = True
                heir.turn.release()
            else:
                self._is_taken = False
