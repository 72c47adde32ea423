"""One step of the recorder: read on, add up, store.

Reading is bounded: some thousand events a step over all queues, and where there are more the next step follows at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from board.background import LeaseLostError, Turn
from board.engine.calls import Batch, Call
from board.engine.commands.events import Event, read_events_of
from board.engine.commands.pages import EndReading, read_ends
from board.engine.connection.sync import Connection
from board.engine.errors import EngineError, ScriptError, StoreError
from board.engine.keys import QueueKeys
from board.history import sketch
from board.history.figures import ALL, RESOLUTIONS, Figures, Resolution
from board.history.store import Failed, Gap, History, Left, Recording, State
from board.namespace import Namespace
from board.queries.overview import read_every
from board.queries.shared import Counts, by_slot
from board.queries.workers import count_workers, name_workers
from board.recorder.causes import failed_job
from board.recorder.conditions import Conditions
from board.recorder.follow import FINEST, Ended, Follower, Tally, time_of
from board.recorder.past import Past
from board.recorder.summaries import Summaries
from board.sources import Sources

__all__ = ["PAUSE_SECONDS", "Recorder"]

T = TypeVar("T")

PAUSE_SECONDS = 1.0
"""Between two steps that find everything read."""

LOOK_MS = FINEST.ms
"""How often depth and age are looked at."""

EVENTS = 4_000
"""Most events of one step, spread over the queues, but 20 a queue at least."""

QUEUES_PER_READ = 100
ENDS_PER_SCRIPT = 100

ABSENT_MS = 60_000
"""After a pause this long streams are checked for what was cut away unread."""


class Recorder:
    """Follows all queues shown. One process's; not safe for several threads."""

    def __init__(
        self, connection: Connection, namespace: Namespace, sources: Sources, clock: Callable[[], int]
    ) -> None:
        """Record what ``sources`` lists; ``clock`` tells ms since the epoch."""
        self._connection = connection
        self._history = History(namespace)
        self._sources = sources
        self._clock = clock
        self._state: State | None = None
        self._follower = Follower()
        self._past = Past(connection, self._history)
        self._summaries = Summaries()
        self._conditions = Conditions()
        self._positions: dict[str, str] = {}
        self._gaps: list[Gap] = []
        self._looked_at_ms = 0
        self._read_at = float("-inf")

    def step(self, turn: Turn) -> float:
        """Read on and store. Returns after how many seconds to come again.

        Raises:
            LeaseLostError: another process records now.
            StoreError: Redis is away; the next step begins anew from what is stored.
        """
        if turn.is_first or self._state is None:
            self._begin(turn.fence)
        try:
            return self._step(turn)
        except BaseException:
            self._state = None  # what was read and not stored is read again
            raise

    def _begin(self, fence: int) -> None:
        state = self._connection.call(self._history.claim(fence))
        if state is None:
            raise LeaseLostError
        self._state = state
        self._follower = Follower()
        self._conditions = Conditions()
        self._positions = dict(state.positions)
        self._gaps = list(state.gaps)
        day = RESOLUTIONS[-1]
        known = self._connection.call(self._history.series(day, day.start(self._clock())))
        self._follower.remember(known)
        self._past.begin(state.caught_up)
        self._summaries.begin(self._connection, self._history, self._clock())
        self._read_at = float("-inf")

    def _step(self, turn: Turn) -> float:
        queues = self._sources.list().queues
        now_ms = self._clock()
        recording = Recording(now_ms)
        if self._state is not None and self._state.since_ms is None:
            recording.since_ms = now_ms
        if time.monotonic() - self._read_at > ABSENT_MS / 1000:
            self._note_gaps(queues, recording)
        tally, recording.is_behind = self._read(queues, recording)
        turn.keep()
        ended = self._ends(tally.ended)
        recording.changes += self._changes(tally, ended)
        caught = self._past.step(queues, recording)
        is_looking = now_ms - self._looked_at_ms >= LOOK_MS
        if is_looking:
            self._look(queues, tally, now_ms)
            recording.changes += self._past.gone(queues)
        self._add_up(queues, tally, recording)
        self._summaries.renew(self._connection, self._history, recording, every=is_looking)
        recording.marks = tally.marks
        turn.keep()
        if not self._connection.call(self._history.record(turn.fence, recording)):
            raise LeaseLostError
        self._positions.update(recording.positions)
        self._past.stored(recording)
        self._read_at = time.monotonic()
        if recording.since_ms is not None:
            self._state = State(since_ms=recording.since_ms)
        if is_looking:
            self._looked_at_ms = now_ms
        return 0.0 if recording.is_behind or caught else PAUSE_SECONDS

    def _read(self, queues: Sequence[QueueKeys], recording: Recording) -> tuple[Tally, bool]:
        """Read on in every stream; the second value says whether there is more."""
        tally, is_behind = Tally(), False
        most = max(20, min(1_000, EVENTS // max(1, len(queues))))
        for queue, events in self._news(queues, most):
            self._follower.read(queue.base, events, tally)
            recording.positions[queue.base] = events[-1].id
            is_behind = is_behind or len(events) >= most
        return tally, is_behind

    def _news(self, queues: Sequence[QueueKeys], most: int) -> Iterator[tuple[QueueKeys, list[Event]]]:
        def call(some: Sequence[QueueKeys]) -> Call[dict[QueueKeys, list[Event]]]:
            return read_events_of([(queue, self._positions.get(queue.base, "0-0")) for queue in some], count=most)

        chunks = list(by_slot(queues, QUEUES_PER_READ))
        calls = [call(chunk) for chunk in chunks]
        replies = self._together(calls)
        for chunk, reply in zip(chunks, replies, strict=True):
            if isinstance(reply, EngineError):  # one stream is no stream: it must not hide the others
                each = [call([queue]) for queue in chunk]
                for alone in self._together(each):
                    yield from () if isinstance(alone, EngineError) else _with_news(alone)
            else:
                yield from _with_news(reply)

    def _note_gaps(self, queues: Sequence[QueueKeys], recording: Recording) -> None:
        """Find streams that were cut beyond where they were read."""
        known = [queue for queue in queues if queue.base in self._positions]
        oldest = self._together(read_events_of([(queue, "0-0")], count=1) for queue in known)
        found: list[Gap] = []
        for queue, reply in zip(known, oldest, strict=True):
            if isinstance(reply, EngineError) or not reply.get(queue):
                continue
            first, read = reply[queue][0].id, self._positions[queue.base]
            if _order(first) > _order(read):
                found.append(Gap(time_of(read), time_of(first), queue.base))
        if found:
            self._gaps += found
            recording.gaps = self._gaps

    def _ends(self, ended: Sequence[Ended]) -> dict[Ended, EndReading | None]:
        """Look up jobs that ended: all that failed, and those whose beginnings were not seen."""
        by_base: dict[str, list[Ended]] = {}
        for one in ended:
            by_base.setdefault(one.base, []).append(one)
        asked: list[list[Ended]] = []
        calls: list[Call[list[EndReading | None]]] = []
        for base, ones in by_base.items():
            for at in range(0, len(ones), ENDS_PER_SCRIPT):
                some = ones[at : at + ENDS_PER_SCRIPT]
                asked.append(some)
                calls.append(read_ends(_queue(base), [one.id for one in some], [one.failed for one in some]))
        found: dict[Ended, EndReading | None] = {}
        replies = self._together(calls)
        for some, reply in zip(asked, replies, strict=True):
            readings: Sequence[EndReading | None] = [None] * len(some) if isinstance(reply, EngineError) else reply
            found.update(zip(some, readings, strict=True))
        return found

    def _changes(self, tally: Tally, ends: dict[Ended, EndReading | None]) -> list[Failed | Left]:
        """Put the failed jobs into groups, in the order of events; add what only their hashes told to the figures."""
        placed: list[tuple[int, int, Failed | Left]] = [(at, 0, left) for at, left in tally.left]
        newest = {(one.base, one.id): one for one in ends}
        for one, end in ends.items():
            name = one.name or (end.name if end else "")
            self._complete(tally, one, end, name)
            if not one.failed:
                continue
            is_newest = newest[one.base, one.id] is one
            at_ms = (is_newest and end and end.finished_at_ms) or one.at_ms
            placed.append((one.place, 0, failed_job(one.base, one.id, at_ms, end, name=name, reason=one.reason)))
            if end is None:  # removed as it failed: it counts, but there is nothing to retry
                placed.append((one.place, 1, Left(one.base, one.id, "gone")))
        placed.sort(key=lambda item: item[:2])
        return [change for _, _, change in placed]

    def _complete(self, tally: Tally, one: Ended, end: EndReading | None, name: str) -> None:
        """Count for the figures what the events did not tell."""
        if one.name is None and name:
            *_, last = self._follower.series(one.base, name)
            if last != one.base:
                figures = tally.of(one.at_ms, last)
                figures.failed += one.failed
                figures.completed += not one.failed
        if one.ran or end is None or end.started_at_ms is None or end.finished_at_ms is None:
            return
        for series in self._follower.series(one.base, name):
            sketch.add(tally.of(one.at_ms, series).run, end.finished_at_ms - end.started_at_ms)

    def _look(self, queues: Sequence[QueueKeys], tally: Tally, now_ms: int) -> None:
        """Note depth and age of every queue, and what changed around it."""
        total = tally.of(now_ms, ALL)
        total.looks = 1
        readings, names = read_every(self._connection, queues)
        sound = [reading for _, reading in readings if not isinstance(reading, EngineError)]
        for reading in sound:
            open_jobs = Counts.read(reading.counts).open
            if not open_jobs:
                continue
            figures = tally.of(now_ms, reading.queue.base)
            figures.looks, figures.open_sum, figures.open_most = 1, open_jobs, open_jobs
            if reading.waiting_since_ms is not None:
                figures.oldest_ms = max(0, now_ms - reading.waiting_since_ms)
        workers = count_workers(names, queues, is_cluster=self._connection.is_cluster)
        named = None if isinstance(names, EngineError) else name_workers(names, queues)
        tally.marks += self._conditions.look(sound, workers, named, now_ms)

    def _add_up(self, queues: Sequence[QueueKeys], tally: Tally, recording: Recording) -> None:
        """Add the tally to what is stored, in every resolution."""
        news: dict[tuple[Resolution, int], dict[str, Figures]] = {}
        of_queues = {queue.base for queue in queues}
        for start, by_series in tally.figures.items():
            bases = of_queues & by_series.keys()
            total = by_series.setdefault(ALL, Figures())
            for base in bases:
                looks = total.looks
                most, total.open_most = total.open_most, 0
                total.add(by_series[base])
                total.looks, total.open_most = looks, most + by_series[base].open_most
            for resolution in RESOLUTIONS:
                at = resolution.start(start)
                if at + resolution.ms + resolution.kept_ms <= recording.now_ms:
                    continue
                stretch = news.setdefault((resolution, at), {})
                for series, figures in by_series.items():
                    stretch.setdefault(series, Figures()).add(figures)
        wanted = [(key, list(stretch)) for key, stretch in news.items()]
        stored = self._connection.batch(
            Batch.of(self._history.figures(resolution, at, series) for (resolution, at), series in wanted)
        )
        for (key, names), before in zip(wanted, stored, strict=True):
            for name, figures in zip(names, before, strict=True):
                news[key][name].add(figures)
        recording.figures = news

    def _together(self, calls: Iterable[Call[T]]) -> list[T | EngineError]:
        """Send reads together; Redis being away concerns them all."""
        batch = Batch.of(calls, keep_errors=True)
        replies: list[Any] = self._connection.batch(batch) if batch.calls else []
        if replies and all(isinstance(reply, StoreError) and not isinstance(reply, ScriptError) for reply in replies):
            raise replies[0]
        return replies


def _with_news(events: Mapping[QueueKeys, list[Event]]) -> Iterator[tuple[QueueKeys, list[Event]]]:
    return ((queue, found) for queue, found in events.items() if found)


def _queue(base: str) -> QueueKeys:
    prefix, _, name = base.removesuffix(":").rpartition(":")
    return QueueKeys(prefix, name)


def _order(event_id: str) -> tuple[int, int]:
    head, _, tail = event_id.partition("-")
    return int(head or 0), int(tail or 0)
