"""Decides what a worker does next. No sockets, no clock, no threads: (event, now) in, actions out.

Rules for editors
    1. Nothing here may do or await anything; time comes in as ``now_ms``. 2. Every event is handled in every state. A
    late one (a fetch that comes back while closing) is normal, not an error. 3. A job that arrived is in ``_leases``
    until ``Ended`` names it, whatever happens between. Dropping one silently
       loses it for as long as its lock holds, and costs it one of its stalls.

Theory
    A worker is in one state at a time; what others ask of it moves it along ``TRANSITIONS``, and what the table does
    not list is ignored (closing twice, resuming while running)::

        NEW ── start ──▶ RUNNING ◀── pause, resume ──▶ PAUSED
         │                  │ close                       │ close
         │                  ▼                             │
         │               CLOSING ◀────────────────────────┘     finish what runs, take nothing new
         │                  │ give up (grace over, second signal)
         │                  ▼
         │               GIVING_UP                              hand back what still runs
         │                  │ empty (CLOSING too)
         └──── close ──▶ CLOSED

    Taking jobs, while RUNNING. A *slot* is free when fewer jobs are leased or being fetched than the concurrency
    allows. With a free slot the worker fetches. An empty answer sets ``drained``: from then on it does not poll but
    waits on the queue's marker with a blocking read, one for the whole worker, and fetches when the read comes back:

    - with a score of 0, or a moment that has come: there may be a job now;
    - with a later moment: the earliest delayed job is due then. Popping the marker took over the duty to look at that
      moment, so the worker waits on until then and keeps an earlier moment that it already knew;
    - with nothing, after the timeout: fetch anyway, for markers can be lost. Soon after a wait that was interrupted
      they are short: a server that has not noticed yet hands the marker to the read that is gone.

    A fetch says besides when the next delayed job is due, which bounds the next wait, and for how long the queue is
    rate limited, during which the worker neither fetches nor waits.

    A job that ends may bring the next one along in the same round trip; that one takes over the slot, so a busy
    worker makes one round trip a job. ``may_fetch`` says whether to ask for it.

    Locks. Every job is leased under a token. A timer fires each half renewal time and renews, in one call, the leases
    not renewed for that long. A lease whose lock is gone is reported and no longer renewed; its processor runs on, and
    when it ends Redis refuses the result.

    Doubt. When the connection breaks under a fetch, nobody knows whether a job was taken. If it was, it sits in
    ``active`` under a token nobody works with. The machine remembers such tokens, and once Redis answers again asks the
    front to look for their jobs and give them back (``Reclaim``), instead of leaving them to expire and stall.

    Widening. Up to ``lanes`` fetches may be under way at once, and each may ask for ``batch`` jobs. How many there are
    follows what they bring: one at first and after an empty answer, twice as many after each that brought a job.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from board.engine.commands.stops import ENDING
from board.engine.types import JobData
from board.engine.worker.messages import (
    Action,
    Announce,
    Arrived,
    Ask,
    Asked,
    Block,
    BlockBroke,
    CheckStalled,
    Close,
    Ended,
    Event,
    Fetch,
    FetchBroke,
    HandBack,
    Lease,
    Limited,
    LockLost,
    Reclaim,
    ReclaimBroke,
    Renew,
    RenewBroke,
    Renewed,
    Resized,
    Run,
    Ticked,
    Wake,
    Woken,
    new_lease,
)

__all__ = ["TRANSITIONS", "MachineSettings", "State", "WorkerMachine"]


class State(StrEnum):
    """What the worker is up to."""

    NEW = "new"
    RUNNING = "running"
    PAUSED = "paused"
    CLOSING = "closing"
    GIVING_UP = "giving up"
    CLOSED = "closed"


TRANSITIONS: dict[State, dict[Ask, State]] = {
    State.NEW: {Ask.START: State.RUNNING, Ask.CLOSE: State.CLOSED, Ask.GIVE_UP: State.CLOSED},
    State.RUNNING: {Ask.PAUSE: State.PAUSED, Ask.CLOSE: State.CLOSING, Ask.GIVE_UP: State.GIVING_UP},
    State.PAUSED: {Ask.RESUME: State.RUNNING, Ask.CLOSE: State.CLOSING, Ask.GIVE_UP: State.GIVING_UP},
    State.CLOSING: {Ask.EMPTY: State.CLOSED, Ask.GIVE_UP: State.GIVING_UP},
    State.GIVING_UP: {Ask.EMPTY: State.CLOSED},
    State.CLOSED: {},
}
"""State and what is asked to the next state. What is not listed changes nothing."""

# A member of an enumeration is looked up through its metaclass, which what is asked of every job need not.
_RUNNING = State.RUNNING
_AT_WORK = (State.RUNNING, State.PAUSED)
_ENDING = (State.CLOSING, State.GIVING_UP)

LONGEST_BLOCK_MS = 10_000
"""No wait for a known moment is longer, as in BullMQ: a marker that was lost costs no more than this."""

SHORTEST_BLOCK_MS = 2
"""Redis before 7.0.8 takes a timeout of 1 ms for 0, which blocks forever."""

SHAKEN_MS = 200
"""How long a wait may be soon after one that was interrupted."""

SHAKEN_FOR_MS = 1_000
"""By then a server has noticed the interrupted read; before, it may still hand the marker to that."""

FIRST_RETRY_MS = 100
"""Wait after the first failed round trip; doubles with each further one."""


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """How a worker behaves.

    Attributes:
        worker_id: unique; tokens begin with it.
        concurrency: jobs at once.
        lock_ms: how long a lock holds.
        renew_ms: how old a lock may get before it is renewed; None never renews.
        stalled_ms: time between checks for stalled jobs; None never checks.
        drain_delay_ms: longest wait on an empty queue before looking again.
        most_limit_ms: longest sleep because of a rate limit before asking again.
        most_retry_ms: longest wait between attempts to reach Redis.
        lanes: most fetches under way at once.
        batch: jobs a fetch may ask for.
    """

    worker_id: str
    concurrency: int = 1
    lock_ms: int = 30_000
    renew_ms: int | None = 15_000
    stalled_ms: int | None = 30_000
    drain_delay_ms: int = 5_000
    most_limit_ms: int = 30_000
    most_retry_ms: int = 5_000
    lanes: int = 1
    batch: int = 1


@dataclass(slots=True)
class WorkerMachine:
    """The worker's mind. Not safe for threads: the front calls it under a lock or from one loop."""

    settings: MachineSettings
    state: State = State.NEW
    concurrency: int = 0
    _leases: dict[Lease, int] = field(default_factory=dict)  # when the lock of each was renewed
    _lost: set[Lease] = field(default_factory=set)  # those whose lock is gone
    _going: set[Lease] = field(default_factory=set)  # those that are handed back
    _latest: dict[str, Lease] = field(default_factory=dict)
    _fetching: dict[str, int] = field(default_factory=dict)
    _tokens: int = 0
    _reach: int = 1
    _is_blocking: bool = False
    _is_drained: bool = False
    _shaken_until_ms: int = 0
    _is_announced: bool = False
    _block_until_ms: int = 0
    _limited_until_ms: int = 0
    _retry_at_ms: int = 0
    _failures: int = 0
    _renew_at_ms: int | None = None
    _renewing: tuple[Lease, ...] = ()
    _renewing_since_ms: int = 0
    _stalled_at_ms: int | None = None
    _give_up_at_ms: int | None = None
    _doubtful: set[str] = field(default_factory=set)
    _actions: list[Action] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.concurrency = self.settings.concurrency

    @property
    def leases(self) -> tuple[Lease, ...]:
        """The jobs that this worker holds."""
        return tuple(self._leases)

    def may_fetch(self) -> bool:
        """Whether a job that ends now should bring the next one along."""
        return self.state is _RUNNING and len(self._leases) <= self.concurrency

    @property
    def wake_at_ms(self) -> int | None:
        """The moment at which ``Ticked`` has something to do; None while only other events can."""
        earliest, give_up_at_ms = self._renew_at_ms, self._give_up_at_ms
        if give_up_at_ms is not None and (earliest is None or give_up_at_ms < earliest):
            earliest = give_up_at_ms
        if self.state is _RUNNING:
            stalled_at_ms = self._stalled_at_ms
            if stalled_at_ms is not None and (earliest is None or stalled_at_ms < earliest):
                earliest = stalled_at_ms
            if (self._limited_until_ms or self._retry_at_ms) and not self._is_blocking and self._free() > 0:
                for moment in (self._limited_until_ms, self._retry_at_ms):
                    if moment and (earliest is None or moment < earliest):
                        earliest = moment
        return earliest

    def receive(self, event: Event, now_ms: int) -> list[Action]:
        """Take note of what happened and return what to do, in order."""
        self._handlers[type(event)](self, event, now_ms)
        self._keep_time(now_ms)
        self._seek(now_ms)
        if not self._leases and not self._fetching and self.state in _ENDING:
            self._go(Ask.EMPTY)
        actions = self._actions
        self._actions = []
        return actions

    # What happened.

    def _asked(self, event: Asked, now_ms: int) -> None:
        before = self.state
        if not self._go(event.ask):
            if before is State.CLOSING and event.ask is Ask.CLOSE and event.grace_ms is not None:
                self._give_up_at_ms = min(now_ms + event.grace_ms, self._give_up_at_ms or now_ms + event.grace_ms)
            return
        if self.state is State.RUNNING:
            if before is State.PAUSED:
                self._do(Announce("resumed"))
            self._is_drained = False
            if self.settings.stalled_ms is not None:
                self._stalled_at_ms = now_ms
        elif before is State.RUNNING and self._is_blocking:
            self._do(Wake())
            self._shaken_until_ms = now_ms + SHAKEN_FOR_MS
        if self.state is State.PAUSED:
            self._do(Announce("paused"))
        elif self.state is State.CLOSING and event.grace_ms is not None:
            self._give_up_at_ms = now_ms + event.grace_ms
        elif self.state is State.GIVING_UP:
            self._give_up()

    def _ticked(self, event: Ticked, now_ms: int) -> None:
        del event, now_ms  # time is looked at after every event

    def _arrived(self, event: Arrived, now_ms: int) -> None:
        if self._fetching.pop(event.token, None) is not None:
            self._reach = min(2 * self._reach, self.settings.lanes) if event.jobs else 1
        if self._failures or self._doubtful:
            self._answered()
        for job in event.jobs:
            self._take(job, event.token, now_ms)
        self._note_answer(event.limited_ms, event.next_delayed_ms, now_ms, is_empty=not event.jobs)

    def _note_answer(self, limited_ms: int, next_delayed_ms: int, now_ms: int, *, is_empty: bool) -> None:
        self._is_drained = is_empty
        self._block_until_ms = next_delayed_ms
        if not is_empty:
            self._is_announced = False
        if limited_ms > 0:
            self._limit(limited_ms, now_ms)
        elif is_empty and not next_delayed_ms and not self._is_announced:
            self._is_announced = True
            self._do(Announce("drained"))

    def _fetch_broke(self, event: FetchBroke, now_ms: int) -> None:
        self._fetching.pop(event.token, None)
        if event.unsure:
            self._doubtful.add(event.token)
        self._failed(now_ms)

    def _woken(self, event: Woken, now_ms: int) -> None:
        self._is_blocking = False
        self._failures = self._retry_at_ms = 0
        if event.score is None:
            self._is_drained = False
        elif event.score <= now_ms + 1:
            self._is_drained = False
            self._block_until_ms = 0
        elif not now_ms < self._block_until_ms <= event.score:
            self._block_until_ms = int(event.score)

    def _block_broke(self, event: BlockBroke, now_ms: int) -> None:
        del event
        self._is_blocking = False
        self._is_drained = False
        self._failed(now_ms)

    def _ended(self, event: Ended, now_ms: int) -> None:
        job_id, token = lease = event.lease
        self._leases.pop(lease, None)
        if self._lost or self._going:
            self._lost.discard(lease)
            self._going.discard(lease)
        if self._latest.get(job_id) == lease:
            del self._latest[job_id]
        if event.unsure:
            self._doubtful.add(token)
            self._answered()
        fetched = event.fetched
        if fetched is not None:
            if self._failures or self._doubtful:
                self._answered()
            job = fetched.job
            if job is not None:
                self._take(job, token, now_ms)
            self._note_answer(fetched.limited_ms, fetched.next_delayed_ms, now_ms, is_empty=job is None)

    def _renewed(self, event: Renewed, now_ms: int) -> None:
        del now_ms
        self._answered()
        for lease in self._renewing:
            if lease not in self._leases:
                continue
            if lease in event.lost and lease not in self._lost:
                self._lose(lease)
            else:
                self._leases[lease] = self._renewing_since_ms
        self._renewing = ()

    def _renew_broke(self, event: RenewBroke, now_ms: int) -> None:
        del event
        self._renewing = ()
        self._renew_at_ms = now_ms + min(self._renew_step_ms, 1000)

    def _reclaim_broke(self, event: ReclaimBroke, now_ms: int) -> None:
        self._doubtful.update(event.tokens)
        self._is_drained = False  # fetch before waiting: the answer brings the next search
        self._failed(now_ms)

    def _limited(self, event: Limited, now_ms: int) -> None:
        if event.limited_ms > 0:
            self._limit(event.limited_ms, now_ms)

    def _resized(self, event: Resized, now_ms: int) -> None:
        del now_ms
        self.concurrency = event.concurrency

    # What follows from it.

    def _go(self, ask: Ask) -> bool:
        after = TRANSITIONS[self.state].get(ask)
        if after is None:
            return False
        self.state = after
        if after is State.CLOSED:
            self._renew_at_ms = self._give_up_at_ms = None
            if self._is_blocking:
                self._do(Wake())
            self._do(Close())
        return True

    def _take(self, job: JobData, token: str, now_ms: int) -> None:
        lease = new_lease((job.id, token))
        before = self._latest.get(job.id)
        if before is not None and before not in self._lost:
            # Taken again while we still run it: the first lock is gone. Renewals name jobs by id, so one lease counts.
            self._lose(before)
        if self._lost or self._going:
            self._lost.discard(lease)  # under the same token, it is ours again
            self._going.discard(lease)
        self._latest[job.id] = lease
        self._leases[lease] = now_ms
        if self.settings.renew_ms is not None and self._renew_at_ms is None:
            self._renew_at_ms = now_ms + self._renew_step_ms
        if self.state in _AT_WORK:
            self._actions.append(Run(job, lease))
        else:
            self._going.add(lease)
            self._do(HandBack(lease, started=False))

    def _lose(self, lease: Lease) -> None:
        self._lost.add(lease)
        if lease not in self._going:
            self._do(LockLost(lease))

    def _give_up(self) -> None:
        self._give_up_at_ms = None
        for lease in self._leases:
            if lease not in self._going:
                self._going.add(lease)
                self._do(HandBack(lease, started=True))

    def _keep_time(self, now_ms: int) -> None:
        if self._give_up_at_ms is not None and now_ms >= self._give_up_at_ms and self._go(Ask.GIVE_UP):
            self._give_up()
        if self._stalled_at_ms is not None and self.state is _RUNNING and now_ms >= self._stalled_at_ms:
            self._stalled_at_ms = now_ms + (self.settings.stalled_ms or 0)
            self._do(CheckStalled())
        if self._renew_at_ms is not None and now_ms >= self._renew_at_ms:
            self._renew(now_ms)

    def _renew(self, now_ms: int) -> None:
        if not self._leases:
            self._renew_at_ms = None
            return
        self._renew_at_ms = now_ms + self._renew_step_ms
        if self._renewing:
            return
        old = now_ms - self._renew_step_ms
        due = tuple(
            lease for lease, renewed_ms in self._leases.items() if renewed_ms <= old and lease not in self._lost
        )
        if due:
            self._renewing = due
            self._renewing_since_ms = now_ms
            self._do(Renew(due))

    def _seek(self, now_ms: int) -> None:
        if self.state is not _RUNNING or self._is_blocking:
            return
        if now_ms < self._limited_until_ms or now_ms < self._retry_at_ms:
            return
        self._limited_until_ms = self._retry_at_ms = 0
        while (free := self._free()) > 0 and len(self._fetching) < self._reach:
            if self._is_drained:
                if self._fetching:
                    return
                timeout_ms = self._block_ms(now_ms)
                if timeout_ms > 0:
                    if now_ms < self._shaken_until_ms:
                        timeout_ms = min(timeout_ms, SHAKEN_MS)
                    self._is_blocking = True
                    self._do(Block(timeout_ms))
                    return
                self._is_drained = False
            token = f"{self.settings.worker_id}:{self._tokens}{self._token_end}"
            self._tokens += 1
            count = min(free, self.settings.batch)
            self._fetching[token] = count
            self._do(Fetch(token, count))

    def _block_ms(self, now_ms: int) -> int:
        if not self._block_until_ms:
            return max(self.settings.drain_delay_ms, SHORTEST_BLOCK_MS)
        left = self._block_until_ms - now_ms
        return 0 if left <= 0 else min(max(left, SHORTEST_BLOCK_MS), LONGEST_BLOCK_MS)

    def _limit(self, limited_ms: int, now_ms: int) -> None:
        self._limited_until_ms = now_ms + min(limited_ms, self.settings.most_limit_ms)
        self._is_drained = False

    def _failed(self, now_ms: int) -> None:
        self._failures += 1
        wait = min(FIRST_RETRY_MS << min(self._failures - 1, 20), self.settings.most_retry_ms)
        spread = zlib.crc32(self.settings.worker_id.encode()) % 25  # many workers, one Redis that comes back
        self._retry_at_ms = now_ms + wait + wait * spread // 100

    def _answered(self) -> None:
        self._failures = self._retry_at_ms = 0
        if self._doubtful:
            tokens, self._doubtful = tuple(sorted(self._doubtful)), set()
            self._do(Reclaim(tokens))

    def _free(self) -> int:
        fetching = self._fetching
        return self.concurrency - len(self._leases) - (sum(fetching.values()) if fetching else 0)

    @property
    def _token_end(self) -> str:
        """What tells others that requests to stop are read: they are, with each renewal."""
        return "" if self.settings.renew_ms is None else ENDING

    @property
    def _renew_step_ms(self) -> int:
        return max((self.settings.renew_ms or 0) // 2, 1)

    def _do(self, action: Action) -> None:
        self._actions.append(action)

    _handlers: ClassVar[dict[type, Callable[[Any, Any, int], None]]] = {
        Asked: _asked,
        Ticked: _ticked,
        Arrived: _arrived,
        FetchBroke: _fetch_broke,
        Woken: _woken,
        BlockBroke: _block_broke,
        Ended: _ended,
        Renewed: _renewed,
        RenewBroke: _renew_broke,
        ReclaimBroke: _reclaim_broke,
        Limited: _limited,
        Resized: _resized,
    }
