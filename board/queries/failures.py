"""Failed jobs of all queues, newest first, in one round trip: each script merges two hundred queues in Redis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from board.engine.commands.pages import BelowReading, Cursor, NewestReading, RowReading, read_newest
from board.engine.errors import EngineError, UsageError
from board.engine.keys import QueueKeys
from board.queries.rows import JobRow, answers, job_row
from board.queries.shared import Known, Reads, by_slot, clamp_size, together

__all__ = ["FailuresAsked", "FailuresPage", "NewestJobs", "read_failures", "read_newest_jobs"]

QUEUES_PER_SCRIPT = 200
"""Twelve milliseconds of the server's time at most, searched and counted."""

FACET_LIMIT = 8
"""Errors offered above the list."""

TEXT_LIMIT = 200
"""Characters of a search."""


@dataclass(frozen=True, slots=True)
class FailuresAsked:
    """What an address asks of the page.

    Attributes:
        q: text to be found in id, name, message or data.
        queue: slug of the only queue to look at; empty for all.
        error: name of an error.
        size: rows.
        after: cursor of the page before.
    """

    q: str = ""
    queue: str = ""
    error: str = ""
    size: int = 20
    after: str = ""


@dataclass(frozen=True, slots=True)
class NewestJobs:
    """The newest jobs of one state over many queues, merged; ``below`` tells of each how far the jobs below it are."""

    jobs: tuple[JobRow, ...]
    below: tuple[BelowReading | None, ...]
    total: int
    searched: int
    next_after: str | None
    error_counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class FailuresPage:
    """Failures over all queues.

    Attributes:
        jobs: newest first.
        queue_count: queues looked at.
        failed_total: failed jobs that they hold.
        q: search.
        queue: slug of the only queue shown; None for all.
        error: error name that the list is filtered by.
        size: most rows.
        after: cursor that this page was asked with.
        next_after: cursor of the next page; None on the last.
        facets: errors of the newest failures, with their counts.
        searched: jobs looked at for the search or the filter.
        measured_at_ms: when.
    """

    jobs: tuple[JobRow, ...]
    queue_count: int
    failed_total: int
    q: str
    queue: str | None
    error: str
    size: int
    after: str | None
    next_after: str | None
    facets: tuple[tuple[str, int], ...]
    searched: int
    measured_at_ms: int


def read_failures(
    connection: Reads, known: Known, queues: Sequence[QueueKeys], asked: FailuresAsked, *, now_ms: int
) -> FailuresPage:
    """Read the page; ``queues`` are all of the board, or the one that was asked for."""
    found = read_newest_jobs(
        connection,
        known,
        queues,
        "failed",
        size=asked.size,
        after=asked.after,
        text=asked.q,
        error=asked.error,
    )
    return FailuresPage(
        jobs=found.jobs,
        queue_count=len(queues),
        failed_total=found.total,
        q=asked.q.strip()[:TEXT_LIMIT],
        queue=asked.queue or None,
        error=asked.error[:TEXT_LIMIT],
        size=clamp_size(asked.size),
        after=asked.after if _cursor(asked.after) else None,
        next_after=found.next_after,
        facets=found.error_counts[:FACET_LIMIT],
        searched=found.searched,
        measured_at_ms=now_ms,
    )


def read_newest_jobs(
    connection: Reads,
    known: Known,
    queues: Sequence[QueueKeys],
    state: str,
    *,
    size: int,
    after: str = "",
    text: str = "",
    error: str = "",
    below: int = 0,
) -> NewestJobs:
    """Read the newest jobs of a state over many queues, with an exact cursor: none is shown twice, none is left out.

    Raises:
        StoreError: not a single queue could be read.
    """
    cursor, rows = _cursor(after), clamp_size(size)
    if text.strip():  # a search looks into what jobs carry, and what it finds tells of that
        queues = [queue for queue in queues if known.shows_data(queue)]
    calls = [
        read_newest(
            chunk,
            state,
            size=rows,
            after=cursor,
            text=text.strip()[:TEXT_LIMIT],
            error=error[:TEXT_LIMIT],
            facets=state == "failed",
            below=below,
            is_inside=known.limits() is not None,
        )
        for chunk in by_slot(queues, QUEUES_PER_SCRIPT)
    ]
    replies = connection.batch(together(calls)) if calls else []
    readings = [reply for reply in replies if not isinstance(reply, EngineError)]
    if replies and not readings:
        raise replies[0]
    shown, following = _merge(readings, rows)
    facets: Counter[str] = Counter()
    for reading in readings:
        facets.update(dict(reading.error_counts))
    wanted = text.strip()[:TEXT_LIMIT]
    shown = [row for row in shown if not wanted or answers(row, wanted)]
    return NewestJobs(
        jobs=tuple(job_row(row, known) for row in shown),
        below=tuple(row.below for row in shown),
        total=sum(reading.total for reading in readings),
        searched=sum(reading.searched for reading in readings),
        next_after=None if following is None else f"{following.score}|{following.base}|{following.member}",
        error_counts=tuple(sorted(facets.items(), key=lambda item: (-item[1], item[0]))),
    )


def _place(row: RowReading) -> tuple[float, str, tuple[int, ...]]:
    """Return a key that sorts as the script does: higher score, then base, then higher member."""
    return -float(row.score or 0), row.queue.base, tuple(-byte for byte in row.id.encode())


def _cursor_place(cursor: Cursor) -> tuple[float, str, tuple[int, ...]]:
    return -float(cursor.score), cursor.base, tuple(-byte for byte in cursor.member.encode())


def _merge(readings: Sequence[NewestReading], size: int) -> tuple[list[RowReading], Cursor | None]:
    """Return the rows of one page and where the next one begins.

    Each script stopped at a place of its own. Beyond the first of these places nothing may be shown yet, as jobs of the
    other queues belong in between.
    """
    rows = sorted((row for reading in readings for row in reading.rows), key=_place)
    ends = [reading.last for reading in readings if reading.last is not None]
    end = min(ends, key=_cursor_place, default=None)
    if end is not None:
        rows = [row for row in rows if _place(row) <= _cursor_place(end)]
    if len(rows) <= size:
        return rows, end
    last = rows[size - 1]
    return rows[:size], Cursor(last.score or "0", last.id, last.queue.base)


def _cursor(text: str) -> Cursor | None:
    parts = text.split("|", 2)
    if len(parts) != 3 or not parts[1] or not parts[2]:
        return None
    try:
        return Cursor(parts[0], parts[2], parts[1])
    except UsageError:
        return None
