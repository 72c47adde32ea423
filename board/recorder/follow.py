"""What the events of a queue say: pure, without Redis.

Node and our own workers write the same events. How long a job waited and ran is the time between its events, which
carry the server's time in their ids; this works for jobs that are removed as they end. Jobs whose beginnings were not
seen are looked up by the caller (``unknown``).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from board.engine.commands.events import Event
from board.history import sketch
from board.history.figures import RESOLUTIONS, Figures, series_of
from board.history.store import Left, Mark

__all__ = ["Ended", "Follower", "Tally", "time_of"]

MOST_JOBS = 50_000
"""Jobs whose beginnings are remembered, over all queues: some 15 MB. Others are looked up when they end."""

MOST_NAMES = 20
"""Job names of a queue that have figures of their own; the others count for the queue only."""

MOST_NAMED = 20_000
"""Job names of all queues that have figures of their own: with two thousand queues, ten each."""

FINEST = RESOLUTIONS[0]


@dataclass(slots=True)
class _Seen:
    """What is known of a job: its name, since when it could run, since when it runs."""

    name: str | None = None
    ready_ms: int | None = None
    active_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A job ended; where its name or times were not seen, its hash may tell.

    Attributes:
        base: of its queue's keys.
        id: of the job.
        at_ms: when.
        failed: badly, for good.
        name: its name, None where it was not seen.
        ran: whether its run was counted.
        place: where in the order of changes it belongs.
        reason: why it failed, as the event tells it.
    """

    base: str
    id: str
    at_ms: int
    failed: bool
    name: str | None
    ran: bool
    place: int
    reason: str = ""


@dataclass(slots=True)
class Tally:
    """What some events add up to.

    Attributes:
        figures: by start of the finest stretch, then by series.
        ended: jobs that ended.
        left: jobs that left the failed ones, each with its place in the order of changes.
        marks: what explains a change.
        events: how many events were read.
    """

    figures: dict[int, dict[str, Figures]] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)
    left: list[tuple[int, Left]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    events: int = 0

    def of(self, at_ms: int, series: str) -> Figures:
        """Return the figures of a series for the finest stretch that a moment is in."""
        stretch = self.figures.setdefault(FINEST.start(at_ms), {})
        found = stretch.get(series)
        if found is None:
            found = stretch[series] = Figures()
        return found


class Follower:
    """Reads events in their order, queue by queue."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()
        self._names: dict[str, set[str]] = {}
        self._named = 0

    def remember(self, series: Iterable[str]) -> None:
        """Know the series that another recorder has begun today, so that there are not more of them with each."""
        for one in series:
            base, zero, name = one.partition("\0")
            if zero:
                self.series(base, name)

    def read(self, base: str, events: Iterable[Event], tally: Tally) -> None:
        """Add what happened in one queue to a tally."""
        for event in events:
            tally.events += 1
            job_id = event.fields.get("jobId")
            at_ms = time_of(event.id)
            if event.name in ("paused", "resumed"):
                tally.marks.append(Mark(at_ms, event.name, base))
            if job_id is not None:
                self._read(base, job_id, event, at_ms, tally)

    def series(self, base: str, name: str | None) -> tuple[str, ...]:
        """Return the series that a job of this name counts for, besides that of all queues."""
        if not name:
            return (base,)
        names = self._names.setdefault(base, set())
        if name not in names:
            if len(names) >= MOST_NAMES or self._named >= MOST_NAMED:
                return (base,)
            names.add(name)
            self._named += 1
        return base, series_of(base, name)

    def _read(self, base: str, job_id: str, event: Event, at_ms: int, tally: Tally) -> None:
        key = base, job_id
        prev = event.fields.get("prev")
        match event.name:
            case "added":
                self._job(key).name = event.fields.get("name")
            case "waiting":
                job = self._job(key)
                if prev in ("failed", "completed"):
                    self._count(tally, at_ms, base, job.name, "retried")
                    tally.left.append((tally.events, Left(base, job_id, "retry")))
                job.ready_ms, job.active_ms = at_ms, None
            case "active":
                job = self._job(key)
                if job.ready_ms is not None:
                    for series in self.series(base, job.name):
                        sketch.add(tally.of(at_ms, series).wait, at_ms - job.ready_ms)
                job.active_ms = at_ms
            case "completed" | "failed":
                self._ended(key, at_ms, event, tally)
            case "stalled":
                self._count(tally, at_ms, base, self._job(key).name, "stalled")
            case "removed":
                self._seen.pop(key, None)
                tally.left.append((tally.events, Left(base, job_id, "gone")))

    def _ended(self, key: tuple[str, str], at_ms: int, event: Event, tally: Tally) -> None:
        (base, job_id), how = key, event.name
        job = self._seen.pop(key, None) or _Seen()
        self._count(tally, at_ms, base, job.name, how)
        if job.active_ms is not None:
            for series in self.series(base, job.name):
                sketch.add(tally.of(at_ms, series).run, at_ms - job.active_ms)
        is_known = job.active_ms is not None and job.name is not None
        if how == "failed" or not is_known:
            tally.ended.append(
                Ended(
                    base=base,
                    id=job_id,
                    at_ms=at_ms,
                    failed=how == "failed",
                    name=job.name,
                    ran=job.active_ms is not None,
                    place=tally.events,
                    reason=event.fields.get("failedReason", ""),
                )
            )
        if how == "completed":
            tally.left.append((tally.events, Left(base, job_id, "ok")))

    def _count(self, tally: Tally, at_ms: int, base: str, name: str | None, what: str) -> None:
        for series in self.series(base, name):
            figures = tally.of(at_ms, series)
            setattr(figures, what, getattr(figures, what) + 1)

    def _job(self, key: tuple[str, str]) -> _Seen:
        job = self._seen.get(key)
        if job is None:
            job = self._seen[key] = _Seen()
            if len(self._seen) > MOST_JOBS:
                self._seen.popitem(last=False)
        return job


def time_of(event_id: str) -> int:
    """Return the server's time in the id of an event, ms since the epoch."""
    head = event_id.partition("-")[0]
    return int(head) if head.isdecimal() else 0
