"""Duties that a web process does beside answering requests: each in a thread of its own, most by one process of all.

A duty is a function that does one bounded step and comes back. Between its steps this module keeps its lease, waits,
and notices that the process ends. Trouble never ends a duty: while Redis is away it tries again with growing pauses,
and what was not foreseen is logged with its traceback and tried again in the same way. A killed process leaves its
lease behind; another process has it within ``lease.TTL_MS``.

Threads do not survive a fork. Started before one, as under a server that loads the application first, they are started
again in each child.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from board.engine.connection.sync import Connection
from board.engine.errors import ClosedError, EngineError, StoreError
from board.lease import TTL_MS, Holding, Leases, new_holder
from board.namespace import Namespace

__all__ = ["Background", "Duty", "LeaseLostError", "Turn"]

logger = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 30.0
"""Between two attempts after a mistake; the first comes after half a second, each next after twice as long."""

LONGEST_AWAY_SECONDS = 4.0
"""Between two attempts while Redis is away or refuses: no later than that after it is back, all goes on."""

STOP_SECONDS = 5.0
"""How long ``stop`` waits for steps that are under way; gunicorn gives a process ten."""


class LeaseLostError(Exception):
    """Another process has, or may have, the duty: stop at once and write nothing more."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to be done again and again.

    Attributes:
        name: of the duty, its thread and its lease.
        step: does one bounded step, some seconds at most. Returns after how many seconds it wants to be called again;
            None for ``every_seconds``. It must look at ``turn.is_ending`` and call ``turn.keep`` where it takes longer.
        every_seconds: pause between two steps.
        elected: one process of all does it, by lease; False lets every process do it.
        writes: it changes something in Redis, so a read-only board does without it.
    """

    name: str
    step: Callable[[Turn], float | None]
    every_seconds: float
    elected: bool = True
    writes: bool = True


@dataclass(slots=True)
class Turn:
    """What a step is given.

    Attributes:
        fence: fencing number of the lease; 0 for a duty that every process does.
        is_first: the first step since this process has the duty: what it remembers from before may be out of date.
        keep: prolongs the lease when that is due; raises LeaseLostError. Costs nothing when it is not due.
        ending: set when the process ends; ``ending.wait(seconds)`` is a pause that ends with it.
    """

    fence: int
    is_first: bool
    keep: Callable[[], None]
    ending: threading.Event

    @property
    def is_ending(self) -> bool:
        """Whether the process ends: finish the step, leave the rest to whoever has the duty next."""
        return self.ending.is_set()


class Background:
    """Runs duties until it is stopped. Starting and stopping twice does nothing."""

    def __init__(
        self,
        connection: Connection,
        namespace: Namespace,
        duties: Sequence[Duty],
        *,
        ttl_ms: int = TTL_MS,
    ) -> None:
        """Prepare; ``start`` starts. Leases last ``ttl_ms``."""
        self._runners = [_Runner(connection, Leases(namespace), duty, ttl_ms) for duty in duties]
        self._is_running = False
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _start_again(itself))

    def start(self) -> None:
        """Start a thread for each duty."""
        if self._is_running:
            return
        self._is_running = True
        for runner in self._runners:
            runner.start()

    def stop(self) -> None:
        """Let steps that are under way end, for five seconds at most, and give the leases back."""
        if not self._is_running:
            return
        self._is_running = False
        for runner in self._runners:
            runner.ending.set()
        deadline = time.monotonic() + STOP_SECONDS
        for runner in self._runners:
            runner.join(max(0.0, deadline - time.monotonic()))

    def has(self, name: str) -> bool:
        """Whether this process has the duty ``name`` right now."""
        return any(runner.duty.name == name and runner.is_mine for runner in self._runners)

    def start_again(self) -> None:
        """Start the threads that a fork has left behind in the parent."""
        if self._is_running:
            for runner in self._runners:
                runner.start()


def _start_again(itself: weakref.ref[Background]) -> None:
    background = itself()
    if background is not None:
        background.start_again()


@dataclass(slots=True, eq=False)
class _Runner:
    """One duty in one process."""

    connection: Connection
    leases: Leases
    duty: Duty
    ttl_ms: int
    ending: threading.Event = field(default_factory=threading.Event)
    _holder: str = ""
    _holding: Holding | None = None
    _thread: threading.Thread | None = None
    _pause: float = 0.0

    @property
    def is_mine(self) -> bool:
        return self._thread is not None and (self._holding is not None or not self.duty.elected)

    def start(self) -> None:
        self.ending = threading.Event()
        self._holder, self._holding = new_holder(), None  # a child is not its parent
        self._thread = threading.Thread(target=self._run, name=f"board-{self.duty.name}", daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        is_first = True
        while not self.ending.is_set():
            try:
                fence = self._take()
                if fence is None:
                    is_first = True
                    wait = self.ttl_ms / 3000
                else:
                    asked = self.duty.step(Turn(fence, is_first, self._keep, self.ending))
                    is_first = False
                    wait = self.duty.every_seconds if asked is None else asked
                self._pause = 0.0
            except LeaseLostError:
                self._holding, is_first, wait = None, True, 0.0
            except ClosedError:  # nobody needs the board any more
                break
            except StoreError as trouble:
                wait, is_first = self._trouble(LONGEST_AWAY_SECONDS), True
                logger.warning("duty waits for Redis", extra={"duty": self.duty.name, "trouble": str(trouble)})
            except Exception:  # the edge of the loop: a duty outlives its mistakes
                wait, is_first = self._trouble(LONGEST_PAUSE_SECONDS), True
                logger.exception("duty failed", extra={"duty": self.duty.name})
            self._wait(wait)
        self._give_back()

    def _wait(self, seconds: float) -> None:
        """Let time pass, and keep the lease meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.ending.wait(min(left, self.ttl_ms / 3000)):
                return
            if self._holding is not None and self._holding.is_due and until > time.monotonic():
                try:
                    self._keep()
                except (LeaseLostError, StoreError):
                    self._holding = None
                    return

    def _trouble(self, longest: float) -> float:
        self._pause = min(longest, self._pause * 2 or 0.5)
        return self._pause

    def _take(self) -> int | None:
        """Return the fencing number; None while another process has the duty."""
        if not self.duty.elected:
            return 0
        if self._holding is None or self._holding.is_over:
            asked_at = time.monotonic()
            answer = self.connection.call(self.leases.take(self.duty.name, self._holder, self.ttl_ms))
            if answer.fence is None:
                self._holding = None
                return None
            self._holding = Holding(answer.fence, self.ttl_ms, asked_at)
        self._keep()
        return self._holding.fence

    def _keep(self) -> None:
        if not self.duty.elected:
            return
        if self._holding is None:
            raise LeaseLostError
        if self._holding.is_due:
            asked_at = time.monotonic()
            if not self.connection.call(self.leases.renew(self.duty.name, self._holder, self.ttl_ms)):
                self._holding = None
                raise LeaseLostError
            self._holding.asked_at = asked_at

    def _give_back(self) -> None:
        if self._holding is None:
            return
        self._holding = None
        try:
            self.connection.call(self.leases.give_back(self.duty.name, self._holder))
        except EngineError:  # it runs out by itself
            logger.info("lease not given back", extra={"duty": self.duty.name})
