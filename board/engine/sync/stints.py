"""A job while a slot of a blocking worker has it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from board.engine.errors import JobCancelledError
from board.engine.sync.job import Job
from board.engine.sync.processes import Child
from board.engine.types import JsonValue
from board.engine.worker.messages import Lease
from board.engine.worker.outcome import outweighs

__all__ = ["RunningJob", "Stint"]


class RunningJob(Job):
    """A job while its processor runs."""

    __slots__ = ("_cancelled", "_tell", "_why")

    def __init__(self, job: Job, tell: Callable[..., None]) -> None:
        super().__init__(job.info, job.keys, job._connection, job.token)  # noqa: SLF001 - the same job, one class up
        self._tell = tell
        self._cancelled = False
        self._why: JobCancelledError | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked this job to stop; a long processor should look now and then."""
        return self._cancelled

    def raise_if_cancelled(self) -> None:
        """Stop here if the job was cancelled.

        Raises:
            JobCancelledError: it was.
        """
        if self.is_cancelled:
            raise self._why or JobCancelledError(f"job {self.id} was cancelled")

    def update_progress(self, progress: JsonValue) -> None:
        """Store the progress, any JSON value, and tell the listeners, the worker's own among them."""
        super().update_progress(progress)
        self._tell("progress", self, progress)


class Stint:
    """One job in one slot. Whoever claims it first, its thread or the keeper, decides what becomes of it."""

    __slots__ = ("_is_claimed", "child", "deadline_ms", "job", "lease", "lock", "thread")

    def __init__(self, job: RunningJob, lease: Lease) -> None:
        self.job = job
        self.lease = lease
        self.deadline_ms: int | None = None
        self.child: Child | None = None
        self.thread: threading.Thread | None = None
        self._is_claimed = False
        self.lock = threading.Lock()

    def claim(self) -> bool:
        """Take the decision; False when somebody else has."""
        with self.lock:
            was_claimed, self._is_claimed = self._is_claimed, True
        return not was_claimed

    @property
    def why(self) -> JobCancelledError | None:
        """Why the job was asked to stop, where that was told."""
        return self.job._why  # noqa: SLF001 - of this module

    def is_claimed(self) -> bool:
        """Whether somebody has taken the decision."""
        return self._is_claimed

    def ask_to_stop(self, why: JobCancelledError | None = None) -> None:
        """Let the job say that it was cancelled; a function in a thread can only be asked."""
        with self.lock:  # two may ask at a time, and the weightier reason has to stay
            if why is not None and outweighs(why, self.why):
                self.job._why = why  # noqa: SLF001 - of this module
            self.job._cancelled = True  # noqa: SLF001 - of this module
