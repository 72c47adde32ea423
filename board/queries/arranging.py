"""The first page as one person asks for it: filtered, sorted, grouped, folded, page by page. Asks Redis nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from board.history.summary import MINUTES, Summary
from board.queries.alerts import FiringRow
from board.queries.attention import ORDER, Attention
from board.queries.overview import OverviewReading, QueueRow
from board.queries.shared import Counts

__all__ = ["ROW_LIMIT", "FoldedGroup", "OverviewPage", "QueueGroup", "arrange"]

ROW_LIMIT = 100
"""Rows of one page: more is a list nobody reads, and 300 KB of HTML every five seconds."""

_SEVERITIES: Sequence[str] = tuple(ORDER)

_GROUP = re.compile(r"[^._/-]+")


@dataclass(frozen=True, slots=True)
class QueueGroup:
    """Queues whose names begin alike.

    Attributes:
        name: the part before the first separator.
        rows: those shown.
        open: jobs of these that are not finished.
        is_pinned: they are what this person pinned, whatever their names.
    """

    name: str
    rows: tuple[QueueRow, ...]
    open: int
    is_pinned: bool = False


@dataclass(frozen=True, slots=True)
class FoldedGroup:
    """Queues whose names begin alike, in one line.

    Attributes:
        name: the part before the first separator, with the prefix where that is not the usual one.
        queues: how many.
        counts: their jobs, added up.
        trouble: queues of these that are in trouble.
        paused: queues of these that are paused.
        finished: jobs of them that ended in the window.
        failed: of these, how many failed.
    """

    name: str
    queues: int
    counts: Counts
    trouble: int
    paused: int
    finished: int
    failed: int

    @property
    def fail_share(self) -> float | None:
        """Share of what ended lately that failed; None when nothing ended."""
        return self.failed / self.finished if self.finished else None


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """The overview.

    Attributes:
        groups: queues shown, grouped by name.
        attention: what is wrong, worst first, over all queues.
        firing: alerts that fire, worst and oldest first.
        queue_count: queues found.
        shown_count: queues shown.
        open_count: jobs not finished, over all queues.
        failed_count: failed jobs, over all queues.
        active_count: jobs running, over all queues.
        oldest_waiting_ms: age of the job that waits longest of those next in line.
        workers_count: workers over all queues; None when that cannot be known.
        q: text that names are filtered by.
        only: ``all``, ``trouble`` or ``paused``.
        sort: ``name`` or what the rows are ordered by, most first.
        truncated: there are more queues than are shown.
        is_complete: every queue of the keyspace was found already.
        prefixes: prefixes looked at.
        measured_at_ms: when.
        trouble_count: queues in trouble.
        paused_count: paused queues.
        is_recorded: a recorder is at work, so that a queue without a summary had no event.
        summary: the last quarter of an hour of all queues; None where some are hidden from this person.
        folded: groups in place of queues; empty where the queues themselves are shown.
        by: ``group`` where groups are shown, else ``queue``.
        asked_by: the same as somebody chose it; empty where it was left to the board.
        within: name of the only group that is shown; empty for all.
        page: counted from 0.
        has_more: there is another page.
        matching: queues that fit, or groups of them.
        window: name of the time that figures are about.
        minutes: its length, as far as it was recorded.
        since_ms: from when on there is history, where that is less than the window.
    """

    groups: tuple[QueueGroup, ...]
    attention: tuple[Attention, ...]
    queue_count: int
    shown_count: int
    open_count: int
    failed_count: int
    active_count: int
    oldest_waiting_ms: int | None
    workers_count: int | None
    q: str
    only: str
    sort: str
    truncated: bool
    is_complete: bool
    prefixes: tuple[str, ...]
    measured_at_ms: int
    trouble_count: int
    paused_count: int
    is_recorded: bool = False
    summary: Summary | None = None
    folded: tuple[FoldedGroup, ...] = ()
    by: str = "queue"
    asked_by: str = ""
    within: str = ""
    page: int = 0
    has_more: bool = False
    matching: int = 0
    window: str = "15m"
    minutes: float = MINUTES
    since_ms: int | None = None
    firing: tuple[FiringRow, ...] = ()

    @property
    def strip(self) -> tuple[FiringRow | Attention, ...]:
        """What needs attention, worst first; what somebody wanted to be told of comes before what is as bad."""
        return tuple(sorted((*self.firing, *self.attention), key=lambda one: _SEVERITIES.index(one.severity)))


_SORTS: dict[str, Callable[[QueueRow], int]] = {
    "waiting": lambda row: row.counts.behind,
    "active": lambda row: row.counts.active,
    "delayed": lambda row: row.counts.delayed,
    "failed": lambda row: row.counts.failed,
    "completed": lambda row: row.counts.completed,
    "finished": lambda row: row.summary.completed + row.summary.failed if row.summary else 0,
    "rate": lambda row: round(10_000 * (row.summary.fail_share or 0)) if row.summary else 0,
    "wait": lambda row: round(row.summary.wait_p95_ms or 0) if row.summary else 0,
    "run": lambda row: round(row.summary.run_p95_ms or 0) if row.summary else 0,
    "workers": lambda row: row.workers or 0,
    "oldest": lambda row: -(row.oldest_waiting_at_ms or 0) if row.oldest_waiting_at_ms else -(1 << 62),
}


def arrange(
    reading: OverviewReading,
    *,
    q: str = "",
    only: str = "all",
    sort: str = "name",
    is_complete: bool = True,
    prefixes: Sequence[str] = (),
    pins: Sequence[str] = (),
    by: str = "",
    within: str = "",
    page: int = 0,
) -> OverviewPage:
    """Put what was read in the order that one person asks for; Redis is not asked.

    Args:
        reading: every queue.
        q: show queues with this text in their names.
        only: ``trouble`` or ``paused`` shows only those; anything else all.
        sort: an unknown order is the order of names.
        is_complete: all queues were found.
        prefixes: prefixes that were looked at, to be named on an empty page.
        pins: slugs of the queues that come first.
        by: ``group`` shows a line a group, ``queue`` a line a queue; else groups where there are very many queues.
        within: show only the queues of this group.
        page: counted from 0.
    """
    rows, default_prefix = reading.rows, reading.default_prefix
    only = only if only in ("trouble", "paused") else "all"
    sort = sort if sort in _SORTS else "name"
    by = by if by in ("group", "queue") else ""
    fitting = [row for row in rows if _matches(row, q, only)]
    if within:
        fitting = [row for row in fitting if _group_of(row, default_prefix) == within]
    pinned = sorted((row for row in fitting if row.queue.slug in pins), key=_order(sort))
    others = [row for row in fitting if row.queue.slug not in pins]
    plain = sort == "name" and only == "all" and not q and not within
    may_fold = by == "group" or (by != "queue" and plain and len(others) > ROW_LIMIT)
    every = _folded(others, default_prefix) if may_fold else ()
    is_folded = by == "group" or (may_fold and len(every) <= len(others) / 2)
    count = len(every) if is_folded else len(others)
    page = min(max(0, page), max(0, count - 1) // ROW_LIMIT)
    first = page * ROW_LIMIT
    shown = [] if is_folded else _ordered(others, sort)[first : first + ROW_LIMIT]
    groups = _groups(shown, sort, default_prefix)
    if pinned and page == 0:
        groups = (QueueGroup("Pinned", tuple(pinned), sum(row.counts.open for row in pinned), is_pinned=True), *groups)
    since = [row.oldest_waiting_at_ms for row in rows if row.oldest_waiting_at_ms is not None]
    return OverviewPage(
        groups=groups,
        attention=reading.attention,
        firing=reading.firing,
        queue_count=len(rows),
        shown_count=len(shown) + (len(pinned) if page == 0 else 0),
        open_count=sum(row.counts.open for row in rows),
        failed_count=sum(row.counts.failed for row in rows),
        active_count=sum(row.counts.active for row in rows),
        oldest_waiting_ms=max(0, reading.measured_at_ms - min(since)) if since else None,
        workers_count=reading.workers_count,
        q=q,
        only=only,
        sort=sort,
        truncated=count > ROW_LIMIT,
        is_complete=is_complete,
        prefixes=tuple(prefixes),
        measured_at_ms=reading.measured_at_ms,
        trouble_count=sum(row.in_trouble for row in rows),
        paused_count=sum(row.is_paused for row in rows),
        is_recorded=reading.is_recorded,
        summary=reading.summary,
        folded=every[first : first + ROW_LIMIT] if is_folded else (),
        by="group" if is_folded else "queue",
        asked_by=by,
        within=within,
        page=page,
        has_more=first + ROW_LIMIT < count,
        matching=count,
        window=reading.window,
        minutes=reading.minutes,
        since_ms=reading.since_ms,
    )


def _matches(row: QueueRow, q: str, only: str) -> bool:
    if only == "trouble" and not row.in_trouble:
        return False
    if only == "paused" and not row.is_paused:
        return False
    named = f"{row.queue.prefix}:{row.queue.name}" if ":" in q else row.queue.name
    return q.casefold() in named.casefold()


def _order(sort: str) -> Callable[[QueueRow], tuple[int, str, str]]:
    weigh = _SORTS.get(sort)
    return lambda row: (0 if weigh is None else -weigh(row), row.queue.name.casefold(), row.queue.prefix)


def _ordered(rows: Sequence[QueueRow], sort: str) -> list[QueueRow]:
    """Return the rows in their order; of more than a page, those in trouble come first."""
    ordered = sorted(rows, key=_order(sort))
    if len(ordered) > ROW_LIMIT and sort == "name":
        ordered.sort(key=lambda row: not row.in_trouble)
    return ordered


def _group_of(row: QueueRow, default_prefix: str) -> str:
    first = _GROUP.match(row.queue.name)
    name = first.group() if first else row.queue.name
    return name if row.queue.prefix == default_prefix else f"{row.queue.prefix}:{name}"


def _by_group(rows: Sequence[QueueRow], default_prefix: str) -> dict[str, list[QueueRow]]:
    groups: dict[str, list[QueueRow]] = {}
    for row in rows:
        groups.setdefault(_group_of(row, default_prefix), []).append(row)
    return groups


def _folded(rows: Sequence[QueueRow], default_prefix: str) -> tuple[FoldedGroup, ...]:
    """Add up the queues of each group; by name."""
    names = [one.name for one in fields(Counts)]
    return tuple(
        FoldedGroup(
            name=name,
            queues=len(those),
            counts=Counts(*(sum(getattr(row.counts, one) for row in those) for one in names)),
            trouble=sum(row.in_trouble for row in those),
            paused=sum(row.is_paused for row in those),
            finished=sum(row.summary.completed + row.summary.failed for row in those if row.summary),
            failed=sum(row.summary.failed for row in those if row.summary),
        )
        for name, those in sorted(_by_group(rows, default_prefix).items(), key=lambda item: item[0].casefold())
    )


def _groups(rows: Sequence[QueueRow], sort: str, default_prefix: str) -> tuple[QueueGroup, ...]:
    groups = _by_group(rows, default_prefix)
    found = [QueueGroup(name, tuple(those), sum(row.counts.open for row in those)) for name, those in groups.items()]
    if sort == "name":
        found.sort(key=lambda group: group.name.casefold())
    return tuple(found)
