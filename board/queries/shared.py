"""What several pages show: queues by name, counts, tabs, and whether an action is allowed.

Times are milliseconds since the epoch, or None when Redis does not tell; None is shown as a dash, never as zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from board.engine.calls import Batch, Call
from board.engine.keys import QueueKeys
from board.engine.types import JobCounts

__all__ = [
    "PAGE_SIZES",
    "STATES",
    "WITHHELD",
    "YES",
    "Allowed",
    "Counts",
    "Known",
    "QueueName",
    "Reads",
    "Tab",
    "by_slot",
    "clamp_size",
    "queue_name",
    "together",
]

T = TypeVar("T")

STATES = ("waiting", "active", "prioritized", "delayed", "waiting-children", "completed", "failed")
"""States of jobs as addresses spell them, in the order of the tabs."""

_HASH_TAG = re.compile(r"^[^{]*\{([^}]+)\}")
"""The first braces of a key decide its slot, unless they are empty."""

PAGE_SIZES = (20, 50, 100)
"""Rows of a page that a person may ask for; more would make one request read megabytes."""


class Reads(Protocol):
    """The connection of the board, as far as pages use it: calls that travel together in one round trip."""

    @property
    def is_cluster(self) -> bool:
        """Whether several servers share the keys."""

    def batch(self, batch: Batch[T]) -> list[T]:
        """Send the calls, return their results in order."""


class Known(Protocol):
    """What is known of the queues without asking Redis about one of them."""

    @property
    def default_prefix(self) -> str:
        """The prefix that is not worth mentioning."""

    def slug(self, queue: QueueKeys) -> str:
        """Spell a queue for an address."""

    def limits(self) -> object | None:
        """Return what is all there is for the person who asks; None when nothing is hidden from them."""

    def is_shown(self, queue: QueueKeys) -> bool:
        """Whether the queue may be shown: by this board, to the person who asks."""

    def shows_data(self, queue: QueueKeys) -> bool:
        """Whether what its jobs carry may be shown too: data, results, progress, messages, traces and logs."""


@dataclass(frozen=True, slots=True)
class QueueName:
    """A queue as a page names it.

    Attributes:
        prefix: of its keys.
        name: without the prefix.
        slug: for ``url_for(…, queue=…)``.
    """

    prefix: str
    name: str
    slug: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Jobs of a queue in each state, as BullMQ counts them; ``paused`` is the list release 5 keeps while paused."""

    waiting: int = 0
    active: int = 0
    prioritized: int = 0
    delayed: int = 0
    waiting_children: int = 0
    completed: int = 0
    failed: int = 0
    paused: int = 0

    @property
    def open(self) -> int:
        """Jobs that are not finished."""
        return self.waiting + self.active + self.prioritized + self.delayed + self.waiting_children + self.paused

    @property
    def behind(self) -> int:
        """Jobs that could start at once if a worker took them."""
        return self.waiting + self.prioritized + self.paused

    @property
    def total(self) -> int:
        """All jobs that Redis still has."""
        return self.open + self.completed + self.failed

    def of(self, state: str) -> int:
        """Return the count of a state by its wire name."""
        count: int = getattr(self, state.replace("-", "_"))
        return count

    @classmethod
    def read(cls, counts: JobCounts) -> Counts:
        """Take over the engine's counts."""
        return cls(
            waiting=counts.waiting,
            active=counts.active,
            prioritized=counts.prioritized,
            delayed=counts.delayed,
            waiting_children=counts.waiting_children,
            completed=counts.completed,
            failed=counts.failed,
            paused=counts.paused,
        )


@dataclass(frozen=True, slots=True)
class Allowed:
    """Whether the state of a job allows an action; ``reason`` says why not, and is empty when it does."""

    ok: bool
    reason: str = ""


YES = Allowed(ok=True)

WITHHELD = "not shown to your role"
"""Stands for what a job carries where a person may only see that it is there."""


@dataclass(frozen=True, slots=True)
class Tab:
    """One state of a queue, with its exact count."""

    state: str
    label: str
    count: int
    current: bool


def queue_name(queue: QueueKeys, known: Known) -> QueueName:
    """Name a queue for a page."""
    return QueueName(queue.prefix, queue.name, known.slug(queue))


def clamp_size(size: int) -> int:
    """Return the page size that is nearest to the one asked for."""
    return min(PAGE_SIZES, key=lambda one: abs(one - size))


def by_slot(queues: Iterable[QueueKeys], most: int) -> Iterator[list[QueueKeys]]:
    """Split queues into lists of at most ``most`` that one script may read.

    On a cluster all keys of a script must lie in one slot. There every queue has a hash tag in its prefix or name, as
    BullMQ itself asks for; queues without one can only be on a single server, where any script may read any of them.
    """
    tagged: dict[str, list[QueueKeys]] = {}
    for queue in queues:
        match = _HASH_TAG.search(queue.base)
        tagged.setdefault(match.group(1) if match else "", []).append(queue)
    for chunk in tagged.values():
        for at in range(0, len(chunk), most):
            yield chunk[at : at + most]


def together(calls: Sequence[Call[Any]]) -> Batch[Any]:
    """Send reads together; a queue or a list that cannot be read costs only its own part of the page."""
    return Batch.of(calls, keep_errors=True)
