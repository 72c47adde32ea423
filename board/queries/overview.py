"""Every queue in a line, and what needs attention: what Redis tells for the first page.

One round trip however many queues there are: one script for each fifty of them and the list of connections, sent
together. Other clients of the server get their turn between the scripts. What was read is the same for all who may see
the same; how a page arranges it (``queries.arranging``) is for each to choose, and costs Redis nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from board.alerts.store import Alerts
from board.engine.calls import Call
from board.engine.commands.pages import QueueReading, list_client_names, read_queues
from board.engine.errors import EngineError
from board.engine.keys import QueueKeys
from board.history.figures import ALL, Figures
from board.history.store import History
from board.history.summary import MINUTES, Summary
from board.history.windows import Window, Windows, summarize
from board.queries.alerts import FiringRow, firing_calls, firing_of
from board.queries.attention import ORDER, Attention, attention_of
from board.queries.shared import Counts, Known, QueueName, Reads, by_slot, queue_name, together
from board.queries.workers import count_workers
from board.sources import QueueList

__all__ = ["OverviewReading", "QueueRow", "read_every", "read_overview"]

QUEUES_PER_SCRIPT = 50
"""Two and a half milliseconds of the server's time."""

STALE_MS = 120_000
"""An older summary says nothing of now: the recorder writes one every ten seconds, and as often is looked at alerts."""

ATTENTION_LIMIT = 50
"""Sentences kept; the page shows the first eight and counts the rest."""


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue.

    Attributes:
        queue: its name.
        counts: jobs in each state; zeros where ``error`` says that they could not be read.
        is_paused: workers take nothing from it.
        workers: connected workers; None when that cannot be known.
        release: ``5`` or ``6`` where a Node client wrote which BullMQ it is.
        oldest_waiting_at_ms: since when the next job in line waits.
        rate_limited_for_ms: how long no job is started.
        concurrency: most jobs that may run at once over all workers.
        error: why it could not be read.
        in_trouble: named among what needs attention, critical or warning.
        summary: its last quarter of an hour, or the window asked for; None where nobody records, and for one in which
            nothing happened in that time.
    """

    queue: QueueName
    counts: Counts
    is_paused: bool
    workers: int | None
    release: str | None
    oldest_waiting_at_ms: int | None
    rate_limited_for_ms: int | None
    concurrency: int | None
    error: str | None
    in_trouble: bool
    summary: Summary | None = None


@dataclass(frozen=True, slots=True)
class OverviewReading:
    """What Redis told, the same for all who may see the same queues.

    Attributes:
        rows: every queue.
        attention: what is wrong, worst first.
        firing: alerts that fire, worst and oldest first, those that are silenced aside; none where they were not read.
        workers_count: workers over all queues; None when that cannot be known.
        is_recorded: a recorder is at work, so that a queue without a summary had no event.
        summary: the last quarter of an hour of all queues; None where some are hidden from this person.
        default_prefix: the prefix that is not worth mentioning.
        measured_at_ms: when.
        window: name of the time that summaries are about.
        minutes: its length, as far as it was recorded.
        since_ms: from when on there is history, where that is less than the window; None where it is long enough.
    """

    rows: tuple[QueueRow, ...]
    attention: tuple[Attention, ...]
    workers_count: int | None
    is_recorded: bool
    summary: Summary | None
    default_prefix: str
    measured_at_ms: int
    window: str = "15m"
    minutes: float = MINUTES
    since_ms: int | None = None
    firing: tuple[FiringRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Length:
    """What the figures of a page are about: name of the window, minutes of it that were recorded, and since when.

    ``since_ms`` is None where all of the window was recorded.
    """

    name: str
    minutes: float
    since_ms: int | None

    @classmethod
    def of(cls, window: Window | None, since_ms: int | None, now_ms: int) -> Length:
        """Return it for a history that begins at ``since_ms``."""
        from_ms = now_ms - MINUTES * 60_000 if window is None else window.starts(now_ms)[0]
        is_short = since_ms is not None and since_ms > from_ms
        begins_ms = since_ms if is_short and since_ms is not None else from_ms
        minutes = MINUTES if window is None else max(1.0, (now_ms - begins_ms) / 60_000)
        return cls("15m" if window is None else window.name, minutes, since_ms if is_short else None)


def read_overview(
    connection: Reads,
    known: Known,
    queues: Sequence[QueueKeys],
    *,
    now_ms: int,
    history: History | None = None,
    limits: QueueList | None = None,
    pausers: Call[dict[str, str]] | None = None,
    window: Window | None = None,
    windows: Windows | None = None,
    alerts: Alerts | None = None,
) -> OverviewReading:
    """Read every queue in one round trip, for all who may see the same.

    Args:
        connection: to Redis.
        known: spells queues.
        queues: all queues of the board.
        now_ms: the time.
        history: what the recorder keeps; None for a page without.
        limits: the only queues this person sees; None for all, who may then be told of all together.
        pausers: reads who paused which queue with a board; None for a page that does not say.
        window: the time that the summaries are about; None for the quarter of an hour that the recorder tells of.
        windows: what this process knows of windows; None reads them whole.
        alerts: tells what fires; None for a page that does not say.

    Raises:
        StoreError: not a single queue could be read.
    """
    bases = None if limits is None else [queue.base for queue in limits.queues]
    asked, extra = None, list[Call[Any]]()
    if history is not None and bases != []:
        windows = windows or Windows()
        if window is not None:
            series = [*([ALL] if limits is None else []), *(queue.base for queue in queues)]
            asked = windows.ask(history, window, series, now_ms)
        extra = [history.now(bases), history.state(), *(asked.calls if asked else ())]
    alarms = firing_calls(alerts) if alerts else []
    readings, names, replies = _read(connection, queues, [*alarms, *([pausers] if pausers else []), *extra])
    firing = _firing(replies[: len(alarms)], known, now_ms, sees_all=limits is None)
    del replies[: len(alarms)]
    by_whom = _or_nothing(replies.pop(0)) if pausers else {}
    lately = _lately(_or_nothing(replies[0]), now_ms) if extra else {}
    since_ms = None if not extra or isinstance(replies[1], EngineError) else replies[1].since_ms
    length = Length.of(window, since_ms, now_ms)
    about = lately
    if asked is not None and windows is not None and lately:
        figures = windows.told(asked, replies[2:])
        about = {
            base: summarize(one, length.minutes, lately.get(base)) for base, one in figures.items() if one != Figures()
        }
    workers = count_workers(names, queues, is_cluster=connection.is_cluster)
    rows: list[QueueRow] = []
    attention: list[Attention] = []
    for queue, reading in readings:
        named = queue_name(queue, known)
        present = workers[queue]
        if isinstance(reading, EngineError):
            rows.append(_unread(named, present, str(reading)))
            continue
        summary = lately.get(queue.base)
        counts = Counts.read(reading.counts)
        wrong = attention_of(
            *(named, reading, counts, present, now_ms), summary=summary, paused_by=by_whom.get(queue.base, "")
        )
        attention += wrong
        rows.append(_row(named, reading, counts, present, wrong, about.get(queue.base)))
    return OverviewReading(
        rows=tuple(rows),
        attention=tuple(sorted(attention, key=lambda one: (ORDER[one.severity], -one.weight)))[:ATTENTION_LIMIT],
        workers_count=_sum(workers.values()),
        is_recorded=bool(lately),
        summary=about.get(ALL),
        default_prefix=known.default_prefix,
        measured_at_ms=now_ms,
        window=length.name,
        minutes=length.minutes,
        since_ms=length.since_ms,
        firing=firing[:ATTENTION_LIMIT],
    )


def read_every(
    connection: Reads, queues: Sequence[QueueKeys]
) -> tuple[list[tuple[QueueKeys, QueueReading | EngineError]], tuple[str, ...] | EngineError]:
    """Read a line of every queue and the names of all connections, in one round trip.

    Raises:
        StoreError: not a single queue could be read.
    """
    readings, names, _ = _read(connection, queues, [])
    return readings, names


def _read(
    connection: Reads,
    queues: Sequence[QueueKeys],
    extra: Sequence[Call[Any]],
) -> tuple[list[tuple[QueueKeys, QueueReading | EngineError]], tuple[str, ...] | EngineError, list[Any]]:
    """Read the queues, the names of all connections, and what else a page wants, in one round trip."""
    chunks = list(by_slot(queues, QUEUES_PER_SCRIPT))
    replies = connection.batch(together([*map(read_queues, chunks), *extra, list_client_names()]))
    names = replies.pop()
    others = replies[len(chunks) :]
    replies = replies[: len(chunks)]
    if replies and all(isinstance(reply, EngineError) for reply in replies):
        raise replies[0]
    readings: list[tuple[QueueKeys, QueueReading | EngineError]] = []
    for chunk, reply in zip(chunks, replies, strict=True):
        for at, queue in enumerate(chunk):
            readings.append((queue, reply if isinstance(reply, EngineError) else reply[at]))
    return readings, names, others


def _firing(told: Sequence[Any], known: Known, now_ms: int, *, sees_all: bool) -> tuple[FiringRow, ...]:
    """Return what fires; nothing where it was not asked for, could not be read, or nobody has looked for too long."""
    if not told or any(isinstance(one, EngineError) for one in told):
        return ()
    rules, incidents, standing = told
    if standing.at_ms is None or now_ms - standing.at_ms > STALE_MS:
        return ()
    return firing_of(rules, incidents, known, sees_all=sees_all)


def _or_nothing(reply: Any) -> dict[str, Any]:
    """Return what was read by name; nothing where it could not be."""
    return {} if isinstance(reply, EngineError) else reply


def _lately(stored: Mapping[str, bytes], now_ms: int) -> dict[str, Summary]:
    """Return the summaries that are young enough to speak of now."""
    read = ((base, Summary.unpack(one)) for base, one in stored.items())
    return {base: one for base, one in read if one and now_ms - one.at_ms < STALE_MS}


def _sum(counts: Iterable[int | None]) -> int | None:
    """Add up what is known; None when one is not."""
    known = list(counts)
    return None if None in known else sum(count or 0 for count in known)


def _row(  # noqa: PLR0917 - what a line is made of
    queue: QueueName,
    reading: QueueReading,
    counts: Counts,
    workers: int | None,
    wrong: Iterable[Attention],
    summary: Summary | None,
) -> QueueRow:
    release = reading.meta.release
    return QueueRow(
        queue=queue,
        counts=counts,
        is_paused=reading.meta.paused,
        workers=workers,
        release=None if release is None else str(release),
        oldest_waiting_at_ms=reading.waiting_since_ms,
        rate_limited_for_ms=reading.limited_ms,
        concurrency=reading.meta.concurrency,
        error="; ".join(reading.problems) or None,
        in_trouble=any(one.severity in ("critical", "warn") for one in wrong),
        summary=summary,
    )


def _unread(queue: QueueName, workers: int | None, error: str) -> QueueRow:
    return QueueRow(
        queue=queue,
        counts=Counts(),
        is_paused=False,
        workers=workers,
        release=None,
        oldest_waiting_at_ms=None,
        rate_limited_for_ms=None,
        concurrency=None,
        error=error,
        in_trouble=True,
    )
