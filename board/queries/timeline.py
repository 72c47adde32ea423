"""The life of a job as steps on one scale, and not one step more than its hash can prove.

Redis keeps the creation, the latest start, the end and the current delay. Of a job that was tried several times the
earlier attempts left no times behind: they are one step, and its label says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from board.words import sentence, sentences

__all__ = ["Life", "Step", "timeline"]

Kind = Literal["waited", "delayed", "backoff", "attempt", "waiting-children"]


@dataclass(frozen=True, slots=True)
class Step:
    """One stretch of a job's life.

    Attributes:
        kind: of stretch.
        label: in words.
        state: wire name of the state that its colour is taken from.
        start_pct: where it begins, in percent of the whole.
        width_pct: how long it is, in percent of the whole.
        duration_ms: how long it is.
        failed: an attempt that ended in failure.
    """

    kind: Kind
    label: str
    state: str
    start_pct: float
    width_pct: float
    duration_ms: int
    failed: bool


@dataclass(frozen=True, slots=True)
class Life:
    """What a hash tells about the life of a job.

    Attributes:
        state: wire name.
        now_ms: end of the scale for a job that has not ended.
        added_ms: creation.
        delay_ms: delay asked for by the producer.
        processed_ms: latest start.
        finished_ms: end.
        due_ms: when a delayed job may start.
        retry_delay_ms: current delay of the hash: of a delayed job that was tried, its backoff.
        attempts_made: attempts that ended and counted.
        attempts_started: starts, stalls included.
        has_children: it waited for children before its latest start.
    """

    state: str
    now_ms: int
    added_ms: int | None
    delay_ms: int = 0
    processed_ms: int | None = None
    finished_ms: int | None = None
    due_ms: int | None = None
    retry_delay_ms: int = 0
    attempts_made: int = 0
    attempts_started: int = 0
    has_children: bool = False


_Piece = tuple[Kind, str, str, int, int, bool]


def timeline(life: Life) -> tuple[tuple[Step, ...], int | None]:
    """Return the steps in order and the length of the whole; no steps when the creation is not known."""
    if life.added_ms is None:
        return (), None
    pieces = [piece for piece in _pieces(life, life.added_ms) if piece[4] > piece[3]]
    if not pieces:
        return (), None
    begin, end = pieces[0][3], max(piece[4] for piece in pieces)
    whole = max(1, end - begin)
    return tuple(
        Step(kind, label, state, 100 * (start - begin) / whole, 100 * (stop - start) / whole, stop - start, failed)
        for kind, label, state, start, stop, failed in pieces
    ), end - begin


def _pieces(life: Life, added: int) -> list[_Piece]:
    if life.processed_ms is None:
        return _before_start(life, added, life.now_ms)
    started = max(added, life.processed_ms)
    pieces = _before_start(life, added, started)
    number = max(life.attempts_made + (life.finished_ms is None and life.state == "active"), 1)
    label = sentence("Attempt %(number)s", number=number)
    if life.finished_ms is not None and life.state in ("completed", "failed"):
        failed = life.state == "failed"
        pieces.append(("attempt", label, life.state, started, max(started, life.finished_ms), failed))
    elif life.state == "active":
        pieces.append(
            (
                "attempt",
                sentence("Attempt %(number)s, running", number=number),
                "active",
                started,
                max(started, life.now_ms),
                False,
            )
        )
    elif life.state == "delayed" and life.attempts_made and life.due_ms is not None:
        ended = min(max(started, life.due_ms - life.retry_delay_ms), life.now_ms)
        pieces.append(("attempt", label, "failed", started, ended, True))
        pieces.append(("backoff", sentence("Backoff"), "delayed", ended, max(ended, life.now_ms), False))
    elif life.state == "waiting-children":
        label = sentence("Latest start, then waiting for children")
        pieces.append(("waiting-children", label, "waiting-children", started, max(started, life.now_ms), False))
    else:
        label = sentence("Attempt %(number)s, then back in line", number=number)
        pieces.append(("waited", label, "waiting", started, max(started, life.now_ms), False))
    return pieces


def _before_start(life: Life, added: int, until: int) -> list[_Piece]:
    """Return what lies between the creation and the latest start, or now."""
    until = max(added, until)
    is_latest_counted = life.processed_ms is not None and (life.finished_ms is not None or life.state == "delayed")
    earlier = max(life.attempts_made - is_latest_counted, 0)
    times = max(earlier, life.attempts_started - 1)
    if times > 0 and not life.has_children:
        label = (
            sentences(
                "%(n)s earlier start, with the waits between", "%(n)s earlier starts, with the waits between", times
            )
            if times > earlier
            else sentences(
                "%(n)s earlier attempt, with the waits between", "%(n)s earlier attempts, with the waits between", times
            )
        )
        return [("waited", label, "waiting", added, until, False)]
    if life.has_children or life.state == "waiting-children":
        return [("waiting-children", sentence("Waited for its children"), "waiting-children", added, until, False)]
    delayed_until = min(added + max(0, life.delay_ms), until)
    if life.state == "delayed" and life.processed_ms is None:
        delayed_until = until
    label = sentence("Waiting") if life.processed_ms is None else sentence("Waited")
    state = "prioritized" if life.state == "prioritized" else "waiting"
    return [
        ("delayed", sentence("Delayed"), "delayed", added, delayed_until, False),
        ("waited", label, state, delayed_until, until, False),
    ]
