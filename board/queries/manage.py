"""What can be done to a queue as a whole, and what each of it would touch, counted now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from board.engine.calls import Call
from board.engine.commands.pages import QueueReading, read_queues
from board.engine.commands.schedulers import count_schedulers
from board.engine.errors import EngineError
from board.engine.keys import QueueKeys
from board.queries.shared import STATES, Counts, Known, QueueName, Reads, Tab, queue_name, together
from board.words import sentence

__all__ = [
    "LABELS",
    "Effect",
    "ManagePage",
    "effects",
    "manage_calls",
    "manage_of",
    "manage_page",
    "read_manage",
]

LABELS = {
    "waiting": sentence("Waiting"),
    "active": sentence("Active"),
    "prioritized": sentence("Prioritized"),
    "delayed": sentence("Delayed"),
    "waiting-children": sentence("Waiting for children"),
    "completed": sentence("Completed"),
    "failed": sentence("Failed"),
    "paused": sentence("Paused"),
}


@dataclass(frozen=True, slots=True)
class Effect:
    """One line of a preview: the jobs of one state, and what becomes of them."""

    state: str
    words: str
    count: int


@dataclass(frozen=True, slots=True)
class ManagePage:
    """A queue as a whole.

    Attributes:
        queue: its name.
        counts: jobs in each state.
        schedulers: how many make jobs for it.
        is_paused: workers take no jobs.
        concurrency: most active jobs over all workers; None without limit.
        limit_max: most starts in a window; None without limit.
        limit_ms: that window.
        limited_ms: held back for so long; None when it is not.
        old: finished jobs that are older than was asked; 0 where it was not.
        tabs: its states with their counts.
    """

    queue: QueueName
    counts: Counts
    schedulers: int
    is_paused: bool
    concurrency: int | None
    limit_max: int | None
    limit_ms: int | None
    limited_ms: int | None
    old: int
    tabs: tuple[Tab, ...]


def read_manage(
    connection: Reads, known: Known, queue: QueueKeys, *, state: str = "completed", before_ms: int = 0
) -> ManagePage:
    """Read the page in one round trip; ``before_ms`` counts the finished jobs of ``state`` that ended until then."""
    container = state if state in ("completed", "failed") else "completed"
    calls = manage_calls(queue)
    calls.append(Call(("ZCOUNT", queue.key(container), "-inf", before_ms), int, writes=False))
    *replies, old = connection.batch(together(calls))
    if isinstance(old, EngineError):
        raise old
    return manage_of(replies, known, old=old)


def manage_calls(queue: QueueKeys) -> list[Call[Any]]:
    """Return the reads that ``manage_of`` takes, for pages about one queue to send with their own."""
    return [read_queues([queue]), count_schedulers(queue)]


def manage_of(replies: list[Any], known: Known, *, old: int = 0) -> ManagePage:
    """Tell of the queue from what ``manage_calls`` read."""
    found, schedulers = replies
    if isinstance(found, EngineError):
        raise found
    return manage_page(found[0], known, schedulers, old=old)


def manage_page(
    reading: QueueReading, known: Known, schedulers: int | EngineError, *, old: int = 0, at: str = ""
) -> ManagePage:
    """Tell of a queue as a whole; ``at`` is the state that is looked at. Schedulers that cannot be counted are none."""
    counts = Counts.read(reading.counts)
    return ManagePage(
        queue=queue_name(reading.queue, known),
        counts=counts,
        schedulers=0 if isinstance(schedulers, EngineError) else schedulers,
        is_paused=reading.meta.paused,
        concurrency=reading.meta.concurrency,
        limit_max=reading.meta.limit_max,
        limit_ms=reading.meta.limit_duration_ms,
        limited_ms=reading.limited_ms,
        old=old,
        tabs=_tabs(counts, at),
    )


def _tabs(counts: Counts, current: str) -> tuple[Tab, ...]:
    """Return the tabs: release 5's paused list in place of an empty waiting list, or beside one that is not."""
    states = list(STATES)
    if counts.paused or current == "paused":
        states.insert(1, "paused")
        if not counts.waiting and current != "waiting":
            states.remove("waiting")
    return tuple(Tab(state, LABELS[state], counts.of(state), state == current) for state in states)


def effects(page: ManagePage, action: str, *, state: str = "", delayed: bool = False) -> tuple[Effect, ...]:
    """Return what an action would do to how many jobs; lines of nothing are left out."""
    counts = page.counts
    waiting = counts.waiting + counts.paused
    lines: tuple[Effect, ...]
    if action == "retry_all":
        lines = (Effect("failed", sentence("failed, will run again"), counts.failed),)
    elif action == "promote_all":
        lines = (Effect("delayed", sentence("delayed, will run now"), counts.delayed),)
    elif action == "drain":
        lines = (
            Effect("waiting", sentence("waiting, never to run"), waiting),
            Effect("prioritized", sentence("prioritized, never to run"), counts.prioritized),
            Effect(
                "delayed",
                sentence("delayed, never to run") if delayed else sentence("delayed, left alone"),
                counts.delayed,
            ),
            Effect("active", sentence("active, left alone"), counts.active),
        )
    elif action == "clean":
        is_finished = state in ("completed", "failed")
        number = page.old if is_finished else counts.of(state)
        told = sentence(state)
        words = (
            sentence("%(state)s, old enough", state=told)
            if is_finished
            else sentence("%(state)s, of these the old ones", state=told)
        )
        lines = (Effect(state, words, number),)
    else:
        lines = (
            Effect("failed", sentence("failed"), counts.failed),
            Effect(
                "waiting",
                sentence("waiting, prioritized and delayed, never to run"),
                waiting + counts.prioritized + counts.delayed,
            ),
            Effect("active", sentence("active, their workers will err when they finish"), counts.active),
            Effect("waiting-children", sentence("waiting for children"), counts.waiting_children),
            Effect("completed", sentence("completed, with return values and logs"), counts.completed),
            Effect("schedulers", sentence("schedulers"), page.schedulers),
        )
    return tuple(line for line in lines if line.count)
