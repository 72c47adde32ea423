"""Threads that ask at the same time share one run of a script.

Each script and key has a lane while somebody asks. Whoever asks while it is free leads: takes along those who stand in
line, makes the round trip, hands out the replies and gives the lane to the next in line. So nobody waits for others
before asking, and while Redis works for some, the next gather: the more threads, the fewer round trips for each. Calls
about other queues have lanes of their own, so that one server that does not answer holds up nobody who asks another.

A signal handler may raise between any two lines here. So each step does nothing when it was done before, and what an
interruption cut short is done again on the way out: nobody is left waiting for a thread that is gone.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

from board.engine.calls import Call, raw
from board.engine.codec import joined
from board.engine.connection.exchange import parts_of
from board.engine.connection.failures import another
from board.engine.errors import ConnectionLostError, EngineError

__all__ = ["Together"]

Send = Callable[[Call[Any]], Any]


class Together:
    """The threads of one connection.

    Threads of one interpreter take turns anyway, so one run is under way for a lane: more at once would only be
    shorter.

    Args:
        send: makes the round trip of one call; returns the raw reply, an error reply as an exception.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._mutex = threading.Lock()
        self._lanes: dict[tuple[Any, Any], _Lane] = {}
        self._here = threading.local()

    @property
    def waiting(self) -> int:
        """How many threads stand in line."""
        with self._mutex:
            return sum(len(lane.line) for lane in self._lanes.values())

    @property
    def lanes(self) -> int:
        """How many lanes somebody asks in."""
        return len(self._lanes)

    def ask(self, call: Call[Any]) -> Any:
        """Return the raw reply to a call that may share its run; an error reply as an exception.

        Raises:
            EngineError: the round trip failed, for all that shared it.
        """
        if getattr(self._here, "asks", False):  # a signal handler over this thread's own call must not wait for that
            return self._send(call)
        mine = _Asked(call)
        try:
            self._here.asks = True
            self._take_part(mine)
        finally:
            self._here.asks = False
        if mine.error is not None:
            raise mine.error
        return mine.reply

    def _take_part(self, mine: _Asked) -> None:
        try:
            self._stand(mine)
        except BaseException:
            self._leave(mine)  # an interruption may have cut the first short
            raise

    def _stand(self, mine: _Asked) -> None:
        try:
            self._enter(mine)
            while not mine.is_over and not self._is_led_by(mine):
                mine.turn.acquire()
            if not mine.is_over:
                self._lead(mine)
        finally:
            self._leave(mine)

    def _is_led_by(self, mine: _Asked) -> bool:
        lane = self._lanes.get(mine.alike)
        return lane is not None and lane.owner is mine

    def _enter(self, mine: _Asked) -> None:
        with self._mutex:
            lane = self._lanes.get(mine.alike)
            if lane is None:
                self._lanes[mine.alike] = _Lane(mine)
            elif lane.owner is None:
                lane.owner = mine
            else:
                lane.line.append(mine)

    def _lead(self, mine: _Asked) -> None:
        self._gather(mine)
        try:
            replies, error = self._replies(mine.group), None
        except EngineError as failed:
            replies, error = [None] * len(mine.group), failed
        for asked, reply in zip(mine.group, replies, strict=True):
            asked.end(reply, error if error is None or asked is mine else another(error))

    def _gather(self, mine: _Asked) -> None:
        """Take along those at the head of the line, as many as fit in a run."""
        with self._mutex:
            lane = self._lanes[mine.alike]
            others = (asked for asked in lane.line if asked is not mine and not asked.is_over)
            mine.group = [mine, *islice(others, mine.call.most - 1)]
            taken = set(mine.group)
            while lane.line and (lane.line[0] in taken or lane.line[0].is_over):
                lane.line.popleft()

    def _replies(self, group: list[_Asked]) -> list[Any]:
        first = group[0].call
        if len(group) == 1:
            return [self._send(first)]
        items = joined([asked.call.item or b"" for asked in group])
        reply = self._send(Call((first.argv[0], items, "1"), raw, script=first.script, keys=1))
        return parts_of(reply, len(group))

    def _leave(self, mine: _Asked) -> None:
        """Stand in line no longer, and give the lane to the next."""
        with self._mutex:
            for asked in mine.group:
                if not asked.is_over:
                    asked.end(None, ConnectionLostError("the thread that asked for several was stopped"))
                asked.wake()
            lane = self._lanes.get(mine.alike)
            if lane is not None:
                self._hand_over(lane, mine)

    def _hand_over(self, lane: _Lane, mine: _Asked) -> None:
        if not mine.is_over and mine in lane.line:
            lane.line.remove(mine)
        if lane.owner is mine:
            mine.heir = next((asked for asked in lane.line if not asked.is_over), None)
            lane.owner = mine.heir
        if mine.heir is not None:
            mine.heir.wake()
        if lane.owner is None:
            del self._lanes[mine.alike]


class _Lane:
    """Who asks one script about one key now, and who stands in line for it."""

    __slots__ = ("line", "owner")

    def __init__(self, owner: _Asked) -> None:
        self.owner: _Asked | None = owner
        self.line: deque[_Asked] = deque()


class _Asked:
    """A thread's call, and what became of it."""

    __slots__ = ("alike", "call", "error", "group", "heir", "is_over", "reply", "turn")

    def __init__(self, call: Call[Any]) -> None:
        self.call = call
        self.alike = (call.script.sha if call.script else None, call.argv[0])
        self.reply: Any = None
        self.error: Exception | None = None
        self.is_over = False
        self.group: list[_Asked] = []
        """Those it asks for while it leads, itself the first."""
        self.heir: _Asked | None = None
        """To whom it gave the lane."""
        self.turn = threading.Lock()
        """Held while the thread has to wait."""
        self.turn.acquire()

    def end(self, reply: Any, error: Exception | None) -> None:
        """Store what became of the call, and let its thread go on."""
        self.reply, self.error = reply, error
        self.is_over = True
        self.wake()

    def wake(self) -> None:
        """Let the thread look again, if it waits. Two may do so at a time."""
        with contextlib.suppress(RuntimeError):
            self.turn.release()
