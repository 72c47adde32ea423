"""A lease in Redis: of any number of processes that want to do a thing, one may, until it says or stays away.

No clock of ours takes part: Redis lets a lease run out by itself, and a holder counts the time since before it asked,
so that it stops believing in its lease no later than Redis does. A lease alone does not keep two processes apart: one
may be held up between looking at its lease and writing. So each taking over has a fencing number, larger than all
before; whoever writes under a lease sends its number along, and the place written to refuses a smaller one than it saw.

What is lost with the data of Redis is the counter too. A lease taken after that begins at one again, and so do the
places that its holder writes to.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from board.engine.calls import Call
from board.namespace import Namespace
from board.scripts import load

__all__ = ["TTL_MS", "Answer", "Holding", "Leases", "new_holder"]

TTL_MS = 15_000
"""How long a lease outlives a holder that was killed: the longest pause in what its duty does."""


def new_holder() -> str:
    """Return a name for one who wants leases, unlike any other."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Redis said to one who wanted a lease.

    Attributes:
        fence: the fencing number; None when somebody else has the lease.
        free_in_ms: when it is free at the latest, if its holder does not prolong it; 0 for one that was given.
    """

    fence: int | None
    free_in_ms: int = 0


class Leases:
    """Describe taking, prolonging and giving back leases; the caller sends the calls."""

    def __init__(self, namespace: Namespace) -> None:
        """Keep leases under the board's own prefix."""
        self._namespace = namespace

    def take(self, name: str, holder: str, ttl_ms: int = TTL_MS) -> Call[Answer]:
        """Describe taking the lease ``name``; a holder that has it already prolongs it and keeps its number.

        Args:
            name: of the lease; no braces.
            holder: who wants it, see ``new_holder``.
            ttl_ms: how long it lasts without being prolonged.
        """
        if not name or "{" in name or "}" in name:
            raise ValueError(f"a lease's name must not be empty or hold braces, not {name!r}")

        def decode(reply: Any) -> Answer:
            taken, number = int(reply[0]), int(reply[1])
            return Answer(number) if taken else Answer(None, max(0, number))

        return Call((*self._namespace.lease(name), holder, ttl_ms), decode, script=load("take_lease"), keys=2)

    def renew(self, name: str, holder: str, ttl_ms: int = TTL_MS) -> Call[bool]:
        """Describe prolonging a lease; False when it is no longer the holder's."""
        return Call((self._namespace.lease(name)[0], holder, ttl_ms), bool, script=load("renew_lease"), keys=1)

    def give_back(self, name: str, holder: str) -> Call[bool]:
        """Describe ending a lease, so that the next one need not wait; False when it was no longer the holder's."""
        return Call((self._namespace.lease(name)[0], holder, 0), bool, script=load("renew_lease"), keys=1)


@dataclass(slots=True)
class Holding:
    """A lease as its holder sees it.

    Attributes:
        fence: the fencing number, to be sent along with every write.
        ttl_ms: how long it lasts from when it was last asked for.
        asked_at: seconds of ``timer``, before the question was sent: Redis began to count later.
        timer: counts seconds.
    """

    fence: int
    ttl_ms: int
    asked_at: float
    timer: Callable[[], float] = time.monotonic

    @property
    def is_over(self) -> bool:
        """Whether it may have run out."""
        return self._age_ms >= self.ttl_ms

    @property
    def is_due(self) -> bool:
        """Whether it is time to prolong it: a third is gone."""
        return self._age_ms * 3 >= self.ttl_ms

    @property
    def _age_ms(self) -> float:
        return (self.timer() - self.asked_at) * 1000
