"""One queue, one state: its jobs page by page, and one job beside them.

One round trip; a page with a filter takes one for each step of the search, and one for the lines found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from board.engine.commands.pages import (
    Cursor,
    Order,
    PageReading,
    list_client_names,
    read_page,
    read_queues,
    read_rows,
)
from board.engine.commands.schedulers import count_schedulers
from board.engine.errors import EngineError, UsageError
from board.engine.keys import QueueKeys
from board.history.groups import Groups
from board.history.store import History
from board.queries.job import JobPage, job_call, job_page, with_related
from board.queries.manage import LABELS, ManagePage, manage_page
from board.queries.pace import NOTHING_KNOWN, Pace, pace_calls, pace_of
from board.queries.related import related_calls
from board.queries.rows import JobRow, job_row, line_row
from board.queries.search import NOTHING, Filter, FilterError, Searched, in_words, parse, search, term_text
from board.queries.shared import (
    Counts,
    Known,
    QueueName,
    Reads,
    Tab,
    clamp_size,
    together,
)
from board.queries.workers import count_workers
from board.words import Count, Sentence, mark, of, sentence

__all__ = ["BLIND", "CARRIED", "LABELS", "QueueAsked", "QueuePage", "most_urgent_state", "read_queue"]

TEXT_LIMIT = 200
"""Characters of an id that is looked up, and of an error's name."""

FACET_LIMIT = 4
"""Errors offered above the list."""

BLIND = sentence("Your role may not see what jobs carry, so they cannot be searched by it.")

CARRIED = frozenset({"data", "returned"})
"""Fields of a filter that are about what a job carries."""


@dataclass(frozen=True, slots=True)
class QueueAsked:
    """What an address asks of the page; anything that makes no sense falls back to the default.

    Attributes:
        state: wire name, or ``paused``.
        q: a filter, see ``board.queries.search``, or an exact id.
        error: name of an error; the same as ``class:`` in the filter.
        sort: ``newest`` or ``oldest``; empty is the order that fits the state.
        size: rows.
        after: cursor of the page before.
        job: id of the job shown beside the list.
        attempt: number of the attempt shown of that job.
    """

    state: str
    q: str = ""
    error: str = ""
    sort: str = ""
    size: int = 20
    after: str = ""
    job: str = ""
    attempt: int | None = None

    @property
    def order(self) -> Order:
        """The order asked for, or the one that fits the state."""
        if self.sort == "newest":
            return "newest"
        return "oldest" if self.sort == "oldest" else default_sort(self.state)

    @property
    def rows(self) -> int:
        """Rows of a page, one of the sizes offered."""
        return clamp_size(self.size)

    @property
    def text(self) -> str:
        """The search, without white space around it."""
        return self.q.strip()


@dataclass(frozen=True, slots=True)
class Chip:
    """One term of the filter.

    Attributes:
        text: as it was typed.
        rest: the filter without it.
    """

    text: str
    rest: str


@dataclass(frozen=True, slots=True)
class QueuePage:
    """The jobs of one state of a queue.

    Attributes:
        manage: the queue as a whole, for what can be done to it.
        state: the one shown.
        jobs: rows of this page.
        size: most rows of a page.
        after: cursor that this page was asked with.
        next_after: cursor of the next page; None on the last.
        prev: there are jobs before this page.
        total: jobs in this state.
        q: the filter as it was typed.
        chips: its terms.
        problem: why the filter makes no sense; empty when it does.
        words: what the filter asks for.
        explained: what was searched and how many were found; empty without a filter.
        is_cut: the search ended before the page was full, because it looked at as much as one request may.
        sort: order shown.
        default_sort: order shown when the address names none.
        facets: errors of the newest failed jobs with their counts; none beside a job, for lack of room.
        searched: jobs looked at for the search or the filter.
        paused_list: release 5 keeps the waiting jobs in its list for paused queues.
        workers: connected workers; None when that cannot be known.
        release: ``5`` or ``6``; None when no Node client wrote it.
        panel: the job shown beside the list.
        found: the job whose id is exactly ``q``, in whatever state.
        error_of_queue: what could not be read, in words.
        measured_at_ms: when.
        pace: how long jobs wait, and whether the backlog grows.
    """

    manage: ManagePage
    state: str
    jobs: tuple[JobRow, ...]
    size: int
    after: str | None
    next_after: str | None
    prev: bool
    total: int
    q: str
    chips: tuple[Chip, ...]
    problem: str
    words: str
    explained: str
    is_cut: bool
    sort: Order
    default_sort: Order
    facets: tuple[tuple[str, int], ...]
    searched: int
    paused_list: bool
    workers: int | None
    release: str | None
    panel: JobPage | None
    found: JobRow | None
    error_of_queue: str | None
    measured_at_ms: int
    pace: Pace = NOTHING_KNOWN

    @property
    def queue(self) -> QueueName:
        """Its name."""
        return self.manage.queue

    @property
    def counts(self) -> Counts:
        """Jobs in each state."""
        return self.manage.counts

    @property
    def tabs(self) -> tuple[Tab, ...]:
        """States with their counts."""
        return self.manage.tabs

    @property
    def is_paused(self) -> bool:
        """Workers take nothing."""
        return self.manage.is_paused

    @property
    def order(self) -> Order | Literal["next"]:
        """The order as it is told: ``next`` to run first, where the oldest are."""
        return _told_order(self.sort, self.state)

    @property
    def concurrency(self) -> int | None:
        """Most jobs that may run at once."""
        return self.manage.concurrency

    @property
    def rate_limited_for_ms(self) -> int | None:
        """How long no job is started."""
        return self.manage.limited_ms


def default_sort(state: str) -> Order:
    """Return the order that fits a state: finished jobs newest first, all others in the order they will run."""
    return "newest" if state in ("completed", "failed") else "oldest"


def read_queue(
    connection: Reads,
    known: Known,
    queue: QueueKeys,
    asked: QueueAsked,
    *,
    now_ms: int,
    history: History | None = None,
    groups: Groups | None = None,
) -> QueuePage:
    """Read the page; without ``history`` and ``groups``, which the recorder keeps, it tells nothing of them."""
    after = _cursor(asked)
    wish, problem = _wish(asked, shows_data=known.shows_data(queue))
    filters = bool(wish.terms or problem)
    calls: list[Any] = [
        read_page(
            queue,
            asked.state,
            order=asked.order,
            size=0 if filters else asked.rows,
            after=None if filters else after,
            find=asked.text[:TEXT_LIMIT],
            facets=not asked.job,
        ),
        list_client_names(),
        count_schedulers(queue),
    ]
    if asked.job:
        calls += [job_call(queue, asked.job), *related_calls(known, queue, asked.job, groups)]
    past = [] if history is None else pace_calls(history, queue, now_ms)
    reading, names, schedulers, *replies = connection.batch(together([*calls, *past]))
    job, paced = replies[: len(replies) - len(past)], replies[len(replies) - len(past) :]
    for required in (reading, *job[:1]):
        if isinstance(required, EngineError):
            raise required
    searched, lines = None, reading.rows
    if wish.terms and not problem:
        searched = search(
            connection, known, queue, asked.state, wish, order=asked.order, size=asked.rows, now_ms=now_ms, after=after
        )
        lines = _lines(connection, queue, asked.state, searched)
    workers = count_workers(names, [queue], is_cluster=connection.is_cluster)[queue]
    panel = job_page(job[0], known, now_ms=now_ms, attempt=asked.attempt) if job else None
    panel = with_related(panel, job[1:]) if panel else None
    sought = _Sought(wish, problem, searched, tuple(lines))
    whole = manage_page(reading.summary, known, schedulers, at=asked.state)
    page = _page(reading, known, asked, sought, whole, after=after, workers=workers, panel=panel, now_ms=now_ms)
    return replace(page, pace=pace_of(paced, queue, whole.counts, now_ms)) if paced else page


@dataclass(frozen=True, slots=True)
class _Sought:
    """What came of the filter; without one, ``lines`` are those of the page."""

    wish: Filter
    problem: str
    searched: Searched | None
    lines: tuple[bytes, ...]


def _wish(asked: QueueAsked, *, shows_data: bool) -> tuple[Filter, str]:
    """Return the filter asked for, and why it makes no sense."""
    try:
        wish = parse(asked.text)
        if asked.error:
            wish = Filter(wish.terms + parse(term_text("class", asked.error[:TEXT_LIMIT])).terms)
    except FilterError as error:
        return NOTHING, of(error)
    if not shows_data and any(term.field in CARRIED for term in wish.terms):
        return wish, BLIND
    return wish, ""


def _lines(connection: Reads, queue: QueueKeys, state: str, searched: Searched) -> list[bytes]:
    if not searched.found:
        return []
    lines: list[bytes] | EngineError = connection.batch(together([read_rows(queue, state, searched.found)]))[0]
    if isinstance(lines, EngineError):
        raise lines
    return lines


def most_urgent_state(connection: Reads, queue: QueueKeys) -> str:
    """Return the state to open a queue with: failed jobs first, then what waits, then what runs."""
    reading = connection.batch(together([read_queues([queue])]))[0]
    if isinstance(reading, EngineError):
        raise reading
    counts = Counts.read(reading[0].counts)
    urgent = ("failed", "waiting", "paused", "prioritized", "active", "delayed", "waiting-children", "completed")
    return next((state for state in urgent if counts.of(state)), "waiting")


def _page(
    reading: PageReading,
    known: Known,
    asked: QueueAsked,
    sought: _Sought,
    whole: ManagePage,
    *,
    after: Cursor | None,
    workers: int | None,
    panel: JobPage | None,
    now_ms: int,
) -> QueuePage:
    summary = reading.summary
    counts = whole.counts
    found = None if reading.found is None else job_row(reading.found, known)
    rows = [line_row(line, known, summary.queue) for line in sought.lines]
    if found is not None and reading.found is not None and reading.found.state == asked.state and after is None:
        rows = [found, *(row for row in rows if row.id != found.id)][: asked.rows]
    release = summary.meta.release
    searched = sought.searched
    last = searched.last if searched else reading.last
    return QueuePage(
        manage=whole,
        state=asked.state,
        jobs=tuple(rows),
        size=asked.rows,
        after=asked.after if after else None,
        next_after=None if last is None else write_cursor(last),
        prev=(searched.start if searched else reading.start) > 0,
        total=counts.of(asked.state),
        q=sought.wish.text if asked.error and not sought.problem else asked.text,
        chips=tuple(Chip(term.source, sought.wish.without(at).text) for at, term in enumerate(sought.wish.terms)),
        problem="" if found is not None else sought.problem,
        words=in_words(sought.wish),
        explained=explain(searched, asked) if searched else "",
        is_cut=searched is not None and last is not None and len(searched.found) < asked.rows,
        sort=asked.order,
        default_sort=default_sort(asked.state),
        facets=reading.error_counts[:FACET_LIMIT],
        searched=searched.searched if searched else reading.searched,
        paused_list=counts.paused > 0,
        workers=workers,
        release=None if release is None else str(release),
        panel=panel,
        found=found,
        error_of_queue="; ".join(summary.problems) or None,
        measured_at_ms=now_ms,
    )


IN_LINE = frozenset({"waiting", "paused", "prioritized", "delayed"})
"""States in which the oldest job is the next to run."""

KINDS = {
    "waiting": sentence("waiting"),
    "active": sentence("active"),
    "prioritized": sentence("prioritized"),
    "delayed": sentence("delayed"),
    "waiting-children": sentence("waiting for children"),
    "completed": sentence("completed"),
    "failed": sentence("failed"),
    "paused": sentence("paused"),
}
"""What jobs of a state are called."""

PARTS = {
    "newest": mark("Searched jobs %(first)s to %(last)s of %(total)s, newest first"),
    "oldest": mark("Searched jobs %(first)s to %(last)s of %(total)s, oldest first"),
    "next": mark("Searched jobs %(first)s to %(last)s of %(total)s, next to run first"),
}
BEGINNINGS = {
    "newest": mark("Searched the newest %(n)s of %(total)s %(kind)s jobs"),
    "oldest": mark("Searched the oldest %(n)s of %(total)s %(kind)s jobs"),
    "next": mark("Searched the next %(n)s of %(total)s %(kind)s jobs"),
}


def explain(searched: Searched, asked: QueueAsked) -> Sentence:
    """Say what was searched, and how many were found."""
    first, last, total = searched.start + 1, searched.start + searched.searched, Count(searched.total)
    kind = KINDS[asked.state]
    order = _told_order(asked.order, asked.state)
    if searched.searched == 0:
        what = sentence("No %(kind)s jobs are left to search", kind=kind)
    elif first > 1:
        what = sentence(PARTS[order], first=Count(first), last=Count(last), total=total)
    elif last >= total:
        what = sentence("Searched all %(total)s %(kind)s jobs", total=total, kind=kind)
    else:
        what = sentence(BEGINNINGS[order], n=Count(searched.searched), total=total, kind=kind)
    found, unread = Count(len(searched.found)), Count(searched.unread)
    if unread:
        return sentence(
            "%(what)s: %(n)s found; of %(unread)s the data or the traces are too long to be searched.",
            what=what,
            n=found,
            unread=unread,
        )
    return sentence("%(what)s: %(n)s found.", what=what, n=found)


def _told_order(order: Order, state: str) -> Order | Literal["next"]:
    return "next" if order == "oldest" and state in IN_LINE else order


def write_cursor(cursor: Cursor) -> str:
    """Spell a cursor for an address."""
    return cursor.score if not cursor.member else f"{cursor.score}|{cursor.member}"


def _cursor(asked: QueueAsked) -> Cursor | None:
    score, _, member = asked.after.partition("|")
    if asked.state in ("waiting", "active", "paused"):
        score = score if re.fullmatch(r"[0-9]{1,9}", score) and not member else ""
    elif not member:
        return None
    try:
        return Cursor(score, member)
    except UsageError:
        return None
