"""What the worker's machine is told (events) and what it asks for (actions): values only."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import NamedTuple, Self

from board.engine.types import Fetched, JobData
from board.engine.values import value

__all__ = [
    "Action",
    "Announce",
    "Arrived",
    "Ask",
    "Asked",
    "Block",
    "BlockBroke",
    "CheckStalled",
    "Close",
    "Ended",
    "Event",
    "Fetch",
    "FetchBroke",
    "HandBack",
    "Lease",
    "Limited",
    "LockLost",
    "Reclaim",
    "ReclaimBroke",
    "Renew",
    "RenewBroke",
    "Renewed",
    "Resized",
    "Run",
    "Ticked",
    "Wake",
    "Woken",
    "new_lease",
]


class Ask(StrEnum):
    """What may be asked of it; ``EMPTY`` it says to itself."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CLOSE = "close"
    GIVE_UP = "give up"
    EMPTY = "empty"


class Lease(NamedTuple):
    """A job under a token: what a worker holds. A tuple, for it is looked up more often than anything else."""

    job_id: str
    token: str


new_lease: Callable[[tuple[str, str]], Lease] = partial(tuple.__new__, Lease)
"""Makes a lease without the function that a named tuple makes itself with, which takes four times as long."""


# Events: what the front reports.


@value(frozen=True, slots=True)
class Asked:
    """Somebody asked for something; ``grace_ms`` bounds a close, None waits for as long as it takes."""

    ask: Ask
    grace_ms: int | None = None


@value(frozen=True, slots=True)
class Ticked:
    """Time passed: ``wake_at_ms`` was reached."""


@value(frozen=True, slots=True)
class Arrived:
    """A fetch came back.

    Attributes:
        token: the one it was made with.
        jobs: what it brought, now active and locked under the token.
        limited_ms: the queue is rate limited for so long.
        next_delayed_ms: moment at which the earliest delayed job is due, 0 for none.
    """

    token: str
    jobs: tuple[JobData, ...] = ()
    limited_ms: int = 0
    next_delayed_ms: int = 0

    @classmethod
    def of(cls, token: str, fetched: Fetched) -> Self:
        """Return what a fetch under ``token`` brought."""
        job = fetched.job
        return cls(token, () if job is None else (job,), fetched.limited_ms, fetched.next_delayed_ms)


@value(frozen=True, slots=True)
class FetchBroke:
    """A fetch failed; ``unsure`` when it may have taken jobs all the same."""

    token: str
    unsure: bool = False


@value(frozen=True, slots=True)
class Woken:
    """The blocking read came back: a marker's score, or None after its timeout or when it was woken."""

    score: float | None = None


@value(frozen=True, slots=True)
class BlockBroke:
    """The blocking read failed."""


@value(frozen=True, slots=True)
class Ended:
    """A job is over for this worker: finished, moved, given back or lost.

    Attributes:
        lease: which.
        fetched: what the same call took under the same token; None when it was to take nothing.
        unsure: the call that ended it may have fetched a job that nobody knows of.
    """

    lease: Lease
    fetched: Fetched | None = None
    unsure: bool = False


@value(frozen=True, slots=True)
class Renewed:
    """Locks were renewed, all but those that were ``lost``."""

    lost: tuple[Lease, ...] = ()


@value(frozen=True, slots=True)
class RenewBroke:
    """The renewal did not come back."""


@value(frozen=True, slots=True)
class ReclaimBroke:
    """The search for jobs of doubtful tokens failed."""

    tokens: tuple[str, ...]


@value(frozen=True, slots=True)
class Limited:
    """The queue is rate limited for so long, as a returned job told."""

    limited_ms: int


@value(frozen=True, slots=True)
class Resized:
    """Another concurrency from now on; jobs that run go on."""

    concurrency: int


Event = (
    Asked
    | Ticked
    | Arrived
    | FetchBroke
    | Woken
    | BlockBroke
    | Ended
    | Renewed
    | RenewBroke
    | ReclaimBroke
    | Limited
    | Resized
)

# Actions: what the front does, in the order given.


@value(frozen=True, slots=True)
class Fetch:
    """Take up to ``count`` jobs under ``token``; report ``Arrived`` or ``FetchBroke``."""

    token: str
    count: int


@value(frozen=True, slots=True)
class Block:
    """Wait on the marker; report ``Woken`` or ``BlockBroke``."""

    timeout_ms: int


@value(frozen=True, slots=True)
class Wake:
    """End the wait on the marker now."""


@value(frozen=True, slots=True)
class Run:
    """Run the processor on a job; report ``Ended`` when all is settled."""

    job: JobData
    lease: Lease


@value(frozen=True, slots=True)
class HandBack:
    """Put a job back to the front of the line, stopping its processor if it ``started``; report ``Ended``."""

    lease: Lease
    started: bool


@value(frozen=True, slots=True)
class Renew:
    """Renew these locks; report ``Renewed`` or ``RenewBroke``."""

    leases: tuple[Lease, ...]


@value(frozen=True, slots=True)
class LockLost:
    """Tell the listeners that the lock of a running job is gone."""

    lease: Lease


@value(frozen=True, slots=True)
class CheckStalled:
    """Look for jobs whose worker is gone, or go on with the active jobs that are ``left``. Nothing to report."""

    left: int = 0


@value(frozen=True, slots=True)
class Reclaim:
    """Give back jobs that are active under these tokens; report only ``ReclaimBroke``."""

    tokens: tuple[str, ...]


@value(frozen=True, slots=True)
class Announce:
    """Tell the listeners: ``drained``, ``paused`` or ``resumed``."""

    event: str


@value(frozen=True, slots=True)
class Close:
    """Nothing is left to do: release everything."""


Action = Fetch | Block | Wake | Run | HandBack | Renew | LockLost | CheckStalled | Reclaim | Announce | Close
