"""Reads jobs of one state step by step until a page is full, or as much was searched as one request may search.

A step is a script that reads at most 500 jobs and two megabytes, and the server serves others between two of them. A
request ends after 10,000 jobs, 16 megabytes or two seconds, whichever comes first, and says where the next one goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from board.engine.commands.pages import Cursor, Order
from board.engine.commands.searches import Candidate, read_candidates
from board.engine.keys import QueueKeys
from board.queries.search.matching import matches
from board.queries.search.subject import fields_of, subject_of
from board.queries.search.tree import Filter
from board.queries.shared import Known, Reads, together

__all__ = ["MOST_SEARCHED", "Searched", "search"]

MOST_SEARCHED = 10_000
STEP = 500
MOST_FULL_STEPS = 8
"""Steps that ended for their bytes and not for their number of jobs."""

MOST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Searched:
    """What one request searched.

    Attributes:
        found: id and score of the jobs that match, in the order asked for.
        start: how many jobs of the state come before those searched.
        searched: how many were looked at.
        total: jobs in the state.
        last: where the next request goes on; None when all was searched.
        unread: jobs whose data, result or trace is too long to be looked into.
    """

    found: tuple[tuple[str, str | None], ...]
    start: int
    searched: int
    total: int
    last: Cursor | None
    unread: int


def search(
    connection: Reads,
    known: Known,
    queue: QueueKeys,
    state: str,
    wish: Filter,
    *,
    order: Order,
    size: int,
    now_ms: int,
    after: Cursor | None = None,
    most: int = MOST_SEARCHED,
    timer: Callable[[], float] = time.monotonic,
) -> Searched:
    """Search until ``size`` jobs match, or ``most`` were looked at."""
    fields = fields_of(wish, shows_data=known.shows_data(queue))
    until = timer() + MOST_SECONDS
    found: list[tuple[str, str | None]] = []
    start: int | None = None
    searched = unread = full = total = 0
    place = after
    while True:
        count = min(STEP, most - searched)
        call = read_candidates(queue, state, order=order, count=count, fields=fields, after=place)
        step = connection.batch(together([call]))[0]
        if isinstance(step, Exception):
            raise step
        start, total = step.start if start is None else start, step.total
        place = step.last
        full += place is not None and len(step.jobs) < count
        for at, job in enumerate(step.jobs, start=1):
            searched += 1
            if job.too_long:
                unread += 1
            if job.kind != "marker" and matches(wish, subject_of(job, state), now_ms):
                found.append((job.id, job.score))
            if len(found) == size:
                if at < len(step.jobs):
                    place = _place(job, step.start + at)
                break
        is_over = searched >= most or full >= MOST_FULL_STEPS or timer() >= until
        if place is None or len(found) == size or is_over:
            return Searched(tuple(found), start or 0, searched, total, place, unread)


def _place(job: Candidate, index: int) -> Cursor:
    """Return where to go on after a job: by its score, or by its place in a list."""
    return Cursor(str(index)) if job.score is None else Cursor(job.score, job.id)
