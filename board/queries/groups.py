"""Failures by cause: what the recorder keeps of them, in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from board.engine.calls import Batch, Call
from board.engine.commands.pages import EndReading, read_ends
from board.engine.errors import EngineError
from board.engine.keys import QueueKeys
from board.history.groups import SORTS, STATUSES, GroupReading, Groups
from board.queries.fingerprint import short_place
from board.queries.shared import Known, QueueName, Reads, queue_name, together
from board.queries.stack import Frame, attempt, error_of, message_line
from board.spans import duration
from board.words import Sentence, sentence

__all__ = [
    "LATE_MS",
    "WINDOWS",
    "GroupPage",
    "GroupRow",
    "GroupsAsked",
    "GroupsPage",
    "Sample",
    "Trend",
    "queue_at",
    "read_group",
    "read_groups",
]

WINDOWS = {"1h": 3_600_000, "24h": 86_400_000, "7d": 7 * 86_400_000, "30d": 30 * 86_400_000}
"""How old the newest failure of a group may be."""

HALF_HOUR_MS = 1_800_000
HISTOGRAMS = {"24h": (48, 1), "7d": (336, 8), "30d": (1_440, 24)}
"""Half-hours of the histogram, and how many make a bar."""

SIZE = 50
SAMPLES = 20
LATE_MS = 60_000
"""A history not written for this long is behind."""

NEW_MS = 3_600_000
RISING_LEAST = 10
RISING_FACTOR = 3.0

Tone = Literal["critical", "warn", ""]


@dataclass(frozen=True, slots=True)
class Trend:
    """How a group goes, in words; ``tone`` says how loud."""

    words: Sentence
    tone: Tone


@dataclass(frozen=True, slots=True)
class GroupsAsked:
    """What an address asks of the page of groups.

    Attributes:
        status: ``open``, ``muted`` or ``resolved``.
        window: how old the newest failure may be, a key of ``WINDOWS``; empty for any age.
        sort: one of ``history.groups.SORTS``.
        q: text.
        queue: slug of the only queue.
        page: counted from 0.
    """

    status: str = "open"
    window: str = ""
    sort: str = "last"
    q: str = ""
    queue: str = ""
    page: int = 0

    def checked(self) -> GroupsAsked:
        """Return it with defaults where an address asks for what there is not."""
        return GroupsAsked(
            self.status if self.status in STATUSES else "open",
            self.window if self.window in WINDOWS else "",
            self.sort if self.sort in SORTS else "last",
            self.q.strip()[:200],
            self.queue,
            min(max(0, self.page), 1_000),
        )


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group.

    Attributes:
        name: fingerprint.
        error: class of the error; empty when no trace named one.
        message: first line of the newest failure's message; empty where data may not be shown.
        pattern: the message with what varies taken out; empty likewise.
        place: function and file where it is thrown; empty without a frame.
        job_names: names of the jobs, most failures first.
        queues: queues with failed jobs of it now, most first.
        jobs: failed jobs of it now.
        share: of all failed jobs in groups on this page.
        total: failures ever counted.
        bars: failures in each half-hour of the last day, oldest first.
        trend: in words.
        first_ms: first failure known.
        last_ms: newest failure.
        retried: jobs that were tried again.
        succeeded: jobs of these that ended well.
        status: ``open``, ``muted`` or ``resolved``.
        until_ms: until when it is muted.
        changed_by: who muted or resolved it.
        changed_at_ms: when.
        sample: newest failed job: queue and id; None when it cannot be shown.
    """

    name: str
    error: str
    message: str
    pattern: str
    place: str
    job_names: tuple[str, ...]
    queues: tuple[QueueName, ...]
    jobs: int
    share: float | None
    total: int
    bars: tuple[int, ...]
    trend: Trend
    first_ms: int | None
    last_ms: int | None
    retried: int
    succeeded: int
    status: str
    until_ms: int | None
    changed_by: str
    changed_at_ms: int | None
    sample: tuple[QueueName, str] | None

    @property
    def saved_share(self) -> float | None:
        """Share of the jobs tried again that ended well; None when none was."""
        return min(1.0, self.succeeded / self.retried) if self.retried else None


@dataclass(frozen=True, slots=True)
class Sample:
    """A failed job of a group, as far as it is still there and may be shown."""

    queue: QueueName
    id: str
    name: str
    message: str
    finished_at_ms: int | None
    is_gone: bool


@dataclass(frozen=True, slots=True)
class GroupPage:
    """One group.

    Attributes:
        group: what its line in the list shows.
        histogram: failures of each stretch of the window, oldest first.
        bar_ms: length of a stretch.
        window: key of ``HISTOGRAMS``.
        samples: failed jobs, newest first.
        page: of the samples, counted from 0.
        has_more: there are older ones.
        frames: stack of the newest sample that may be shown.
        raw: its text.
        late_ms: how long the history was not written, when that is too long.
    """

    group: GroupRow
    histogram: tuple[int, ...]
    bar_ms: int
    window: str
    samples: tuple[Sample, ...]
    page: int
    has_more: bool
    frames: tuple[Frame, ...]
    raw: str
    late_ms: int | None


@dataclass(frozen=True, slots=True)
class GroupsPage:
    """Failures by cause.

    Attributes:
        groups: of this page.
        matching: groups that match.
        counts: groups of each status, over all queues; None for who sees some queues only.
        jobs: failed jobs in the groups of this page.
        asked: what was asked for, checked.
        has_more: there is another page.
        since_ms: from when on it is complete.
        late_ms: how long the history was not written, when that is too long; None when it is up to date.
    """

    groups: tuple[GroupRow, ...]
    matching: int
    counts: dict[str, int] | None
    jobs: int
    asked: GroupsAsked
    has_more: bool
    since_ms: int
    late_ms: int | None


def read_groups(
    connection: Reads,
    groups: Groups,
    known: Known,
    queues: Sequence[QueueKeys] | None,
    asked: GroupsAsked,
    *,
    now_ms: int,
) -> GroupsPage | None:
    """Read a page of groups in one round trip; None when nobody ever recorded.

    Args:
        connection: to Redis.
        groups: where they are kept.
        known: spells queues, and says which are shown.
        queues: those whose failed jobs count; None for all.
        asked: what an address asks for.
        now_ms: the time.
    """
    asked = asked.checked()
    window = WINDOWS.get(asked.window)
    (reading,) = connection.batch(
        Batch.of(
            [
                groups.read(
                    now_ms=now_ms,
                    status=asked.status,
                    since_ms=0 if window is None else now_ms - window,
                    sort=asked.sort,
                    skip=asked.page * SIZE,
                    size=SIZE,
                    text=asked.q,
                    bases=None if queues is None else [queue.base for queue in queues],
                )
            ]
        )
    )
    if reading.since_ms is None:
        return None
    jobs = sum(group.members for group in reading.groups)
    late_ms = now_ms - (reading.until_ms or 0)
    return GroupsPage(
        groups=tuple(_row(_own(group, known), known, now_ms=now_ms, of_jobs=jobs) for group in reading.groups),
        matching=reading.matching,
        counts=dict(reading.counts) if queues is None else None,
        jobs=jobs,
        asked=asked,
        has_more=reading.matching > (asked.page + 1) * SIZE,
        since_ms=reading.since_ms,
        late_ms=late_ms if late_ms > LATE_MS else None,
    )


def read_group(
    connection: Reads,
    groups: Groups,
    known: Known,
    queues: Sequence[QueueKeys] | None,
    name: str,
    *,
    now_ms: int,
    window: str = "7d",
    page: int = 0,
) -> GroupPage | None:
    """Read one group in two round trips, the second for its jobs; None when there is none to show."""
    window = window if window in HISTOGRAMS else "7d"
    bars, together_of = HISTOGRAMS[window]
    page = min(max(0, page), 5_000)
    bases = None if queues is None else [queue.base for queue in queues]
    calls: list[Call[Any]] = [
        groups.read(now_ms=now_ms, only=name, bases=bases, bars=bars),
        groups.members(name, skip=page * SAMPLES, size=SAMPLES + 1),
    ]
    reading, members = connection.batch(Batch.of(calls))
    if not reading.groups:
        return None
    group = _own(reading.groups[0], known)
    row = _row(group, known, now_ms=now_ms, of_jobs=0)
    if not row.queues and queues is not None:
        return None
    found: list[tuple[QueueKeys, str]] = []
    for base, job_id in members[:SAMPLES]:
        queue = queue_at(base)
        if known.is_shown(queue):
            found.append((queue, job_id))
    samples, trace = _samples(connection, known, found)
    summed = tuple(sum(group.bars[at : at + together_of]) for at in range(0, len(group.bars), together_of))
    newest = attempt(trace, 1)
    return GroupPage(
        group=row,
        histogram=summed,
        bar_ms=together_of * HALF_HOUR_MS,
        window=window,
        samples=samples,
        page=page,
        has_more=len(members) > SAMPLES,
        frames=newest.frames,
        raw=newest.raw,
        late_ms=late if (late := now_ms - (reading.until_ms or 0)) > LATE_MS else None,
    )


def _samples(connection: Reads, known: Known, found: Sequence[tuple[QueueKeys, str]]) -> tuple[tuple[Sample, ...], str]:
    """Read failed jobs of a group; return them, and the newest stack trace that may be shown."""
    by_queue: dict[QueueKeys, list[str]] = {}
    for queue, job_id in found:
        by_queue.setdefault(queue, []).append(job_id)
    calls = [read_ends(queue, ids, [True] * len(ids)) for queue, ids in by_queue.items()]
    replies: list[Any] = connection.batch(together(calls)) if calls else []
    ends: dict[tuple[QueueKeys, str], EndReading | None] = {}
    for (queue, ids), reply in zip(by_queue.items(), replies, strict=True):
        readings = [None] * len(ids) if isinstance(reply, EngineError) else reply
        ends.update({(queue, job_id): end for job_id, end in zip(ids, readings, strict=True)})
    samples: list[Sample] = []
    trace = ""
    for queue, job_id in found:
        end, shows = ends[queue, job_id], known.shows_data(queue)
        if end is not None and shows and not trace:
            trace = end.trace
        samples.append(
            Sample(
                queue=queue_name(queue, known),
                id=job_id,
                name=end.name if end else "",
                message=message_line(error_of(end.trace)[1] or end.reason) if end and shows else "",
                finished_at_ms=end.finished_at_ms if end else None,
                is_gone=end is None,
            )
        )
    return tuple(samples), trace


def _own(group: GroupReading, known: Known) -> GroupReading:
    """Return a group without what was counted over all queues, where some of those are hidden from who asks."""
    if not group.is_elsewhere or known.limits() is None:
        return group
    counted = dict.fromkeys(("first", "last", "back", "quiet", "retried", "succeeded"), "")
    fields = {**group.fields, **counted, "total": str(group.members)}
    return replace(group, fields=fields, names={}, bars=(0,) * len(group.bars))


def _row(group: GroupReading, known: Known, *, now_ms: int, of_jobs: int) -> GroupRow:
    """Make the line of a group; what is told of queues is of those that ``known`` shows."""
    shown = {base: jobs for base, jobs in group.queues.items() if jobs > 0 and known.is_shown(queue_at(base))}
    most_first = sorted(shown, key=lambda base: (-shown[base], base))
    base, zero, job_id = group.fields["sample"].partition("\0")
    sample = queue_at(base) if zero else None
    may_show = sample is not None and known.is_shown(sample) and known.shows_data(sample)
    place = f"{group.fields['function']} {short_place(group.fields['file'])}".strip()
    return GroupRow(
        name=group.name,
        error=group.fields["error"],
        message=(group.fields["sample_message"] or group.fields["message"]) if may_show else "",
        pattern=group.fields["message"] if may_show else "",
        place=place,
        job_names=tuple(sorted(group.names, key=lambda name: (-group.names[name], name))[:5]),
        queues=tuple(queue_name(queue_at(base), known) for base in most_first),
        jobs=group.members,
        share=group.members / of_jobs if of_jobs else None,
        total=group.number("total") or 0,
        bars=group.bars[-48:],
        trend=trend_of(group, now_ms),
        first_ms=group.number("first"),
        last_ms=group.number("last"),
        retried=group.number("retried") or 0,
        succeeded=group.number("succeeded") or 0,
        status=group.fields["status"] or "open",
        until_ms=group.number("muted_until") or None,
        changed_by=group.fields["changed_by"],
        changed_at_ms=group.number("changed_at"),
        sample=(queue_name(sample, known), job_id) if sample is not None and known.is_shown(sample) else None,
    )


def trend_of(group: GroupReading, now_ms: int) -> Trend:
    """Say how a group goes: new, rising, back, steady, falling or quiet."""
    first, back, quiet = group.number("first"), group.number("back"), group.number("quiet")
    bars = group.bars[-48:]
    hour, before = sum(bars[-2:]), sum(bars[:-2]) / max(1, len(bars) - 2) * 2
    if first is not None and now_ms - first < NEW_MS:
        return Trend(sentence("New"), "critical" if hour >= RISING_LEAST else "warn")
    if hour >= RISING_LEAST and hour >= RISING_FACTOR * before:
        times = sentence("Rising %(factor)s×", factor=round(hour / before)) if before >= 1 else sentence("Rising")
        return Trend(times, "critical")
    if back is not None and quiet is not None and now_ms - back < 86_400_000:
        return Trend(sentence("Back after %(time)s", time=duration(quiet)), "warn")
    if not any(bars):
        return Trend(Sentence("–") if first is None else sentence("Quiet for a day"), "")
    if before >= 1 and hour * RISING_FACTOR <= before:
        return Trend(sentence("Falling"), "")
    return Trend(sentence("Steady"), "")


def queue_at(base: str) -> QueueKeys:
    """Return the queue whose keys begin with ``base``, as the recorder found it."""
    prefix, _, name = base.removesuffix(":").rpartition(":")
    return QueueKeys(prefix, name or "?")
