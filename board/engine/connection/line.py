"""A socket of the asyncio connection on which all that is asked in one turn of the event loop leaves as one packet.

redis-py opens it (address, TLS, user, database, Sentinels); from then on its transport is ours: replies come back in
the order of the commands, so one socket serves any number of tasks.

- A task that is cancelled takes its own question back, or lets the reply drop; the others notice nothing.
- When the socket breaks, what was sent meets ConnectionLostError, for nobody knows whether it took effect; what was
  not sent yet goes out on the next socket.
- Runs of one script for one key that say so (``Call.item``) travel as one run, at most ``Call.most``, unless something
  else was asked in between.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, cast

import hiredis
import redis.exceptions as theirs

from board.engine.calls import Call
from board.engine.codec import joined
from board.engine.connection.exchange import Command, parts_of
from board.engine.connection.failures import EMPTIED, another, closed_error, store_error
from board.engine.connection.forks import generation
from board.engine.connection.transport import NoTransportError, transport_of
from board.engine.errors import EngineError, ReadOnlyError

__all__ = ["Line"]

NO_HALF = 1 << 16
"""More runs of a script than ever become one."""

LEAST_TOGETHER = 3
"""No packet is made of fewer runs for the sake of halves."""

PACKET = 256 * 1024
"""A packet is closed above so many bytes; what follows waits until the kernel has taken it."""

_NOTHING = object()
_KINDS: dict[str, type[theirs.ResponseError]] = {
    "NOSCRIPT": theirs.NoScriptError,
    "TRYAGAIN": theirs.TryAgainError,
    "CLUSTERDOWN": theirs.ClusterDownError,
    "MASTERDOWN": theirs.MasterDownError,
    "READONLY": theirs.ReadOnlyError,
}

Future = asyncio.Future[Any]


class _Asked:
    """What waits for one or more replies: commands that leave together, or runs of a script that become one."""

    __slots__ = ("calls", "commands", "futures", "is_text", "replies")

    def __init__(self, commands: Sequence[Command], calls: list[Call[Any]], futures: list[Future]) -> None:
        self.commands = commands
        self.calls = calls
        self.futures = futures
        self.replies: list[Any] = []
        self.is_text = bool(calls) and calls[0].item is not None
        """Answered with texts rather than bytes, which is quicker done where they are read."""


class Line:
    """One socket to one server, opened when it is needed and again after it broke.

    Args:
        opened: opens and introduces a socket of redis-py; raises ``EngineError``.
        place: where it leads, for messages.
        known: scripts that the server has, kept up to date.
        lost: told whenever the socket breaks.
        is_held: it is for what Redis holds back, one at a time: who is cancelled takes the socket along, for Redis
            would go on holding it and give what comes to nobody.
    """

    def __init__(
        self,
        opened: Callable[[], Awaitable[Any]],
        place: str,
        known: set[str],
        lost: Callable[[], None],
        *,
        is_held: bool = False,
    ) -> None:
        self._opened = opened
        self._place = place
        self._known = known
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._generation = generation()
        self._queue: deque[_Asked] = deque()
        self._runs: dict[tuple[str, Any], _Asked] = {}
        self._wire: _Wire | None = None
        self._opening: asyncio.Task[None] | None = None
        self._is_due = False
        self._is_closed = False
        self._is_held = is_held
        self._half = NO_HALF
        self._is_next_at_once = False
        self._forgotten: list[_Asked] = []

    def is_usable(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether it belongs to this loop and this process."""
        return loop is self._loop and self._generation == generation()

    def ask(self, call: Call[Any], future: Future | None = None) -> Future:
        """Send one call; its raw reply is the future's result, what an error of Redis means its exception.

        A future that is given is the one that is answered.
        """
        if future is None:
            future = self._loop.create_future()
        if self._is_held:
            future.add_done_callback(self._let_go)
        script = call.script
        if call.item is None or script is None:
            self._runs.clear()
            self._enqueue(_Asked((), [call], [future]))
            return future
        alike = script.sha, call.argv[0]
        run = self._runs.get(alike)
        if run is None or len(run.calls) >= run.calls[0].most:
            run = self._runs[alike] = _Asked((), [call], [future])
            self._enqueue(run)
            return future
        run.futures.append(future)
        run.calls.append(call)
        count = len(run.calls)
        if (count == self._half or count == call.most) and self._wire is not None:  # noqa: PLR1714 - no tuple is made
            self._flush()  # Redis may begin while the program asks for more
        return future

    def send(self, commands: Sequence[Command]) -> Future:
        """Send commands side by side; the list of their raw replies is the future's result."""
        future = self._loop.create_future()
        if self._is_held:
            future.add_done_callback(self._let_go)
        self._runs.clear()
        self._enqueue(_Asked(commands, [], [future]))
        return future

    def flush(self) -> None:
        """Send what was asked at once; what is asked next leaves at the end of the turn."""
        if self._queue and self._wire is not None:
            self._flush()

    async def close(self) -> None:
        """Break the socket; whoever waits gets ConnectionLostError."""
        self._is_closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        waiting, self._queue = self._queue, deque()
        self._runs.clear()
        _fail(waiting, closed_error)
        self._drop()

    # Sending

    def _let_go(self, future: Future) -> None:
        if future.cancelled():
            self._drop()

    def _drop(self) -> None:
        """Break the socket, with what is under way on it; the next question opens another."""
        wire, self._wire = self._wire, None
        if wire is not None:
            pending, wire.pending = wire.pending, deque()
            wire.abort()
            _fail(pending, lambda: store_error(theirs.ConnectionError("the connection was closed"), self._place))

    def _enqueue(self, asked: _Asked) -> None:
        if self._is_closed:
            _fail([asked], closed_error)
            return
        self._queue.append(asked)
        if self._is_next_at_once:
            self._is_next_at_once = False
            self._flush()
        else:
            self._wake()

    def _end_turn(self) -> None:
        self._is_due = False
        self._flush()

    def hand_out(self, wire: _Wire, asked: _Asked, reply: Any) -> None:
        """Give each of those who asked their part, be it an error; a script that Redis has forgotten is sent again."""
        futures = asked.futures
        if isinstance(reply, EMPTIED) and asked.calls and (script := asked.calls[0].script) is not None:
            self._known.discard(script.sha)
            self._forgotten.append(asked)
        elif len(futures) == 1:
            self._answer(wire, futures[0], reply)
        elif reply.__class__ is list and len(reply) == len(futures):
            for future, part in zip(futures, reply, strict=True):
                if part.__class__ is list or not isinstance(part, Exception):
                    if not future.done():
                        future.set_result([part])
                else:
                    self._answer(wire, future, part)
        else:
            for future, part in zip(futures, parts_of(reply, len(futures)), strict=True):
                self._answer(wire, future, part)

    def _answer(self, wire: _Wire, future: Future, reply: Any) -> None:
        if isinstance(reply, Exception):
            wire.note(reply)
            if not future.done():
                error = store_error(reply, self._place)
                if error is not reply:
                    error.__cause__ = reply
                future.set_exception(error)
        elif not future.done():
            future.set_result(reply)

    def answered(self, count: int, under_way: int) -> None:
        """See to what follows ``count`` answers, when ``under_way`` were waited for.

        What is asked on several leaves in packets of half as many as were under way: Redis then has one half while the
        program has the other, whatever groups they were in before. What is asked on the only one leaves at once.
        """
        self._ask_again()
        if under_way >= 2 * LEAST_TOGETHER:
            self._half = (under_way + 1) // 2
        elif count == under_way == 1:
            self._is_next_at_once = True
        self._is_due = True  # what those ask who run now leaves behind them, not a turn later
        self._loop.call_soon(self._end_answers)

    def _end_answers(self) -> None:
        self._half = NO_HALF
        self._is_next_at_once = False
        self._is_due = False
        if self._queue:
            self._flush()

    def _ask_again(self) -> None:
        """Put what Redis has not run, because it forgot the script, before what was asked since, in its order."""
        if self._forgotten:
            self._queue.extendleft(reversed(self._forgotten))
            self._forgotten = []
            self._wake()

    def _flush(self) -> None:
        self._runs.clear()
        wire = self._wire
        if wire is not None and not wire.pending and not wire.is_alive():
            wire.abort()
            self._wire = wire = None
        if wire is None:
            if self._opening is None and self._queue:
                self._opening = self._loop.create_task(self._open())
            return
        queue, packet, size = self._queue, [], 0
        while queue and not wire.is_full:
            asked = queue.popleft()
            if all(future.done() for future in asked.futures):  # cancelled before it left
                continue
            try:
                commands = [hiredis.pack_command(cast("Any", command)) for command in self._commands(asked)]
            except Exception as error:  # noqa: BLE001 - arguments that Redis cannot be sent: the caller's fault alone
                _fail([asked], lambda error=error: error)  # type: ignore[misc]
                continue
            packet += commands
            size += sum(map(len, commands))
            wire.expect(asked)
            if size > PACKET:
                wire.write(packet)
                packet, size = [], 0
        if packet:
            wire.write(packet)

    def _commands(self, asked: _Asked) -> Iterable[Command]:
        calls = asked.calls
        if not calls:
            return asked.commands
        if len(calls) > 1 and any(future.done() for future in asked.futures):
            left = [pair for pair in zip(calls, asked.futures, strict=True) if not pair[1].done()]
            calls = asked.calls = [call for call, _ in left]
            asked.futures = [future for _, future in left]
        call = calls[0]
        script = call.script
        if script is None:
            return (call.argv,)
        argv = call.argv
        if len(calls) > 1:
            items = [one.item or b"" for one in calls]
            argv = (argv[0], joined(items), "1")
        if script.sha in self._known:
            return (("EVALSHA", script.sha, call.keys, *argv),)
        self._known.add(script.sha)  # those that follow on this socket find it there; NOSCRIPT corrects us otherwise
        return (("EVAL", script.source, call.keys, *argv),)

    # How it opens, and how it breaks

    async def _open(self) -> None:
        try:
            self._wire = _Wire(self, await self._opened())
        except (EngineError, NoTransportError) as error:
            self._refuse(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not leave anybody waiting
            self._refuse(store_error(error, self._place))
        finally:
            self._opening = None
        self._wake()

    def _refuse(self, error: Exception) -> None:
        """Tell those whose question cannot leave."""
        waiting, self._queue = self._queue, deque()
        self._runs.clear()
        _fail(waiting, lambda: another(error))

    def _wake(self) -> None:
        if self._queue and not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._end_turn)

    def broke(self, wire: _Wire, error: BaseException | None) -> None:
        """Fail what was sent on a socket that is gone; what was not goes out on the next."""
        if self._wire is wire:
            self._wire = None
        self._ask_again()
        why = error or theirs.ConnectionError("the connection was closed")
        pending, wire.pending = wire.pending, deque()
        if pending:
            self._lost()
            _fail(pending, lambda: store_error(why, self._place))
        if not self._is_closed:
            self._wake()

    def left(self, wire: _Wire) -> None:
        """Send no more on this socket: it leads to a server that was demoted."""
        if self._wire is wire:
            self._wire = None
            self._wake()

    def resumed(self) -> None:
        """Go on sending: the kernel takes more again."""
        self._wake()


class _Wire(asyncio.Protocol):
    """What one socket brings: takes the transport over from redis-py's connection."""

    def __init__(self, line: Line, socket: Any) -> None:
        transport = transport_of(socket)
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._socket = socket
        self._transport = transport
        self._reader = hiredis.Reader(
            replyError=cast("Any", _error), notEnoughData=_NOTHING, encoding="utf-8", errors="backslashreplace"
        )
        self._heard_s = 0.0
        self._timeout_s: float | None = getattr(socket, "socket_timeout", None)
        self._timer: asyncio.TimerHandle | None = None
        self._is_leaving = False
        self.pending: deque[_Asked] = deque()
        self.is_full = False
        transport.set_protocol(self)
        raw = transport.get_extra_info("socket")
        self._poll = None
        if raw is not None and hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(raw.fileno(), select.POLLIN)

    def is_alive(self) -> bool:
        """Whether an idle socket is still open, with nothing unread on it."""
        if self._transport.is_closing():
            return False
        return self._poll is None or not self._poll.poll(0)

    def expect(self, asked: _Asked) -> None:
        """Note that replies will come."""
        if not self.pending:
            self._heard_s = self._loop.time()
            if self._timer is None and self._timeout_s is not None:
                self._timer = self._loop.call_at(self._heard_s + self._timeout_s, self._look)
        self.pending.append(asked)

    def write(self, packet: list[bytes]) -> None:
        """Send a packet."""
        self._transport.write(packet[0] if len(packet) == 1 else b"".join(packet))

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()
        self._forget()

    def _look(self) -> None:
        self._timer = None
        if not self.pending or self._timeout_s is None:
            return
        until = self._heard_s + self._timeout_s
        if self._loop.time() < until:
            self._timer = self._loop.call_at(until, self._look)
            return
        self._break(TimeoutError())

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._socket._writer = self._socket._reader = None  # noqa: SLF001 - redis-py need not close it again

    def _break(self, error: BaseException | None) -> None:
        self.abort()
        self._line.broke(self, error)

    # What asyncio calls

    def data_received(self, data: bytes) -> None:
        """Hand out the replies."""
        reader, pending = self._reader, self.pending
        self._heard_s = self._loop.time()
        under_way = sum(len(asked.futures) for asked in pending)
        try:
            reader.feed(data)
            while (reply := reader.gets(bool(pending) and pending[0].is_text)) is not _NOTHING:
                if type(reply) is hiredis.PushNotification:
                    continue
                asked = pending[0]
                if not asked.calls:
                    asked.replies.append(reply)
                    if isinstance(reply, Exception):
                        self.note(reply)
                    if len(asked.replies) < len(asked.commands):
                        continue
                    reply = asked.replies
                pending.popleft()
                self._line.hand_out(self, asked, reply)
        except Exception as error:  # noqa: BLE001 - not the protocol of Redis, or a reply to nothing
            self._break(error)
            return
        self._line.answered(under_way - sum(len(asked.futures) for asked in pending), under_way)
        if self._is_leaving and not pending:
            self._break(None)

    def note(self, error: Exception) -> None:
        """Look at an error: after a failover behind one name the next socket leads to the new master."""
        if not self._is_leaving and _is_stale(error):
            self._is_leaving = True
            self._line.left(self)

    def eof_received(self) -> None:
        """Let the transport close itself."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what waits."""
        self._forget()
        self._line.broke(self, exc)

    def pause_writing(self) -> None:
        """Hold back what is not sent yet."""
        self.is_full = True

    def resume_writing(self) -> None:
        """Go on."""
        self.is_full = False
        self._line.resumed()


def _error(message: str) -> theirs.ResponseError:
    code, _, rest = message.partition(" ")
    if code == "MOVED":
        return theirs.MovedError(rest)
    if code == "ASK":
        return theirs.AskError(rest)
    kind = _KINDS.get(code)
    return theirs.ResponseError(message) if kind is None else kind(message)


def _is_stale(reply: Exception) -> bool:
    return isinstance(store_error(reply, ""), ReadOnlyError)


def _fail(asked: Iterable[_Asked], error: Callable[[], BaseException]) -> None:
    for one in asked:
        for future in one.futures:
            if not future.done():
                future.set_exception(error())
