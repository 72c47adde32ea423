"""A job of the blocking front: what it shows, and what one can do with it."""

from __future__ import annotations

import time

from board.engine.commands import dead_letters, flows, jobs, leases, trees
from board.engine.connection.sync import Connection
from board.engine.errors import JobNotFoundError, UsageError
from board.engine.job_view import JobView, Later
from board.engine.keys import QueueKeys
from board.engine.options import to_ms, to_state
from board.engine.sync.events import QueueEvents
from board.engine.types import ChildCounts, Duration, JobData, JobState, JsonValue, LogPage

__all__ = ["Job"]


class Job(JobView):
    """A job of a queue. Its values are those of when it was read; each method is one round trip, atomic."""

    __slots__ = ("_connection",)

    def __init__(
        self, info: JobData | Later, keys: QueueKeys, connection: Connection, token: str | None = None
    ) -> None:
        self._info = info
        self.keys = keys
        self.token = token
        self._connection = connection

    def refresh(self) -> None:
        """Read the job anew.

        Raises:
            JobNotFoundError: it is gone.
        """
        info = self._connection.call(jobs.get_job(self.keys, self.id))
        if info is None:
            raise JobNotFoundError(
                f"job {self.id} is not in queue {self.keys.name} any more", queue=self.keys.name, job_id=self.id
            )
        self.info = info

    def get_state(self) -> JobState:
        """Find out where the job is now; UNKNOWN when it is gone."""
        return self._connection.call(jobs.get_state(self.keys, self.id))

    def retry(
        self,
        state: JobState | str = JobState.FAILED,
        *,
        reset_attempts_made: bool = False,
        reset_attempts_started: bool = False,
    ) -> None:
        """Make a job that ended runnable again; see ``commands.jobs.retry_job``."""
        call = jobs.retry_job(
            self.keys,
            self.id,
            to_state(state),
            reset_attempts_made=reset_attempts_made,
            reset_attempts_started=reset_attempts_started,
        )
        self._connection.call(call)

    def promote(self) -> None:
        """Make a delayed job runnable now."""
        self._connection.call(jobs.promote_job(self.keys, self.id))

    def remove(self, *, remove_children: bool = True) -> None:
        """Remove the job and, unless told otherwise, everything below it; see ``commands.trees`` for large trees."""
        self._connection.run(trees.remove_tree(self.keys, self.id, remove_children=remove_children))

    def update_data(self, data: JsonValue) -> None:
        """Replace the payload."""
        self._connection.call(jobs.update_data(self.keys, self.id, data))
        self.refresh()

    def update_progress(self, progress: JsonValue) -> None:
        """Store the progress, any JSON value, and tell the listeners."""
        self._connection.call(jobs.update_progress(self.keys, self.id, progress))

    def log(self, line: str) -> int:
        """Append a line to the job's log; returns how many lines there are."""
        return self._connection.call(jobs.add_log(self.keys, self.id, line, self.keep_logs))

    def clear_logs(self, keep: int | None = None) -> None:
        """Delete the log lines, or all but the newest ``keep``."""
        self._connection.call(jobs.clear_logs(self.keys, self.id, keep))

    def get_logs(self, start: int = 0, end: int = -1, *, ascending: bool = True) -> LogPage:
        """Read log lines ``start`` to ``end``."""
        return self._connection.call(jobs.get_logs(self.keys, self.id, start, end, ascending=ascending))

    def change_delay(self, delay: Duration) -> None:
        """Let a delayed job wait so long from now on."""
        self._connection.call(jobs.change_delay(self.keys, self.id, to_ms(delay, "delay"), _now_ms()))

    def change_priority(self, priority: int, *, lifo: bool = False) -> None:
        """Give the job another priority."""
        self._connection.call(jobs.change_priority(self.keys, self.id, priority, lifo=lifo))

    def get_children_values(self) -> dict[str, JsonValue]:
        """Read the return values of the children that completed, by their full keys."""
        return self._connection.call(flows.get_children_values(self.keys, self.id))

    def get_ignored_children_failures(self) -> dict[str, str]:
        """Read the failure texts of children whose failure this job ignores, by their full keys."""
        return self._connection.call(flows.get_ignored_failures(self.keys, self.id))

    def get_dependencies_count(self) -> ChildCounts:
        """Count the children by how they stand."""
        return self._connection.run(flows.get_child_counts(self.keys, self.id))

    def get_dependencies(self, kind: str = "unprocessed", cursor: int = 0, count: int = 20) -> flows.ChildPage:
        """List children of one kind page by page: ``processed``, ``unprocessed``, ``ignored`` or ``failed``."""
        return self._connection.call(flows.scan_children(self.keys, self.id, kind, cursor, count))

    def remove_unprocessed_children(self) -> None:
        """Remove the children that have not ended and that no worker holds."""
        self._connection.run(trees.remove_pending_children(self.keys, self.id))

    def remove_child_dependency(self) -> bool:
        """Let the parent stop waiting for this job; False when it did not wait for it."""
        if self.parent_key is None:
            return False
        call = flows.remove_child_dependency(self.keys, self.id, self.parent_key)
        return self._connection.call(call)

    def ignore_failure(self) -> flows.Ignored | None:
        """Let the parent go on without this failed job, whose failure it then ignores; None without a parent.

        Raises:
            JobNotInStateError: the job has not failed, or its parent does not wait for it or has ended.
            JobLockedError: a worker is about to fail the parent.
        """
        if self.parent_key is None:
            return None
        call = flows.ignore_failed_child(self.keys, self.id, self.parent_key, _now_ms())
        return self._connection.call(call)

    def remove_deduplication_key(self) -> bool:
        """Free the job's deduplication id, if the job owns it."""
        if self.info.deduplication_id is None:
            return False
        call = jobs.remove_job_deduplication(self.keys, self.id, self.info.deduplication_id)
        return self._connection.call(call)

    def bury(self, dead_letter_queue: str) -> None:
        """Move a failed job into a dead-letter queue of the same prefix."""
        place = QueueKeys(self.keys.prefix, dead_letter_queue)
        self._connection.call(dead_letters.bury_job(self.keys, self.id, place, _now_ms()))

    def extend_lock(self, duration: Duration, token: str | None = None) -> bool:
        """Renew the lock; False when it is not ours any more."""
        lock_ms = to_ms(duration, "duration")
        return self._connection.call(leases.extend_lock(self.keys, self.id, self._token(token), lock_ms))

    def move_to_delayed(self, timestamp_ms: int, token: str | None = None) -> None:
        """Let the active job wait until a moment; raise ``DelayedError`` afterwards."""
        now = _now_ms()
        call = leases.delay_active_job(
            self.keys,
            self.id,
            token=self._token(token),
            delay_ms=max(0, timestamp_ms - now),
            now_ms=now,
            count_attempt=False,
        )
        self._connection.call(call)

    def move_to_wait(self, token: str | None = None) -> int:
        """Put the active job back to the front of the line; raise ``WaitingError`` afterwards."""
        return self._connection.call(leases.return_job(self.keys, self.id, token=self._token(token)))

    def move_to_waiting_children(self, token: str | None = None, *, child_key: str | None = None) -> bool:
        """Let the active job wait for its pending children; raise ``WaitingChildrenError`` if it returns True."""
        call = leases.wait_for_children(
            self.keys, self.id, token=self._token(token), now_ms=_now_ms(), child_key=child_key
        )
        return self._connection.call(call)

    def wait_until_finished(self, queue_events: QueueEvents, timeout: Duration | None = None) -> JsonValue:
        """Wait for the job to end and return its return value.

        Raises:
            JobFailedError: it failed; the message is its reason.
            JobNotFoundError: it is gone, so nobody will know.
            TimeoutError: it has not ended in time.
        """
        return queue_events.wait_for(self.id, timeout)

    def _token(self, token: str | None) -> str:
        chosen = token if token is not None else self.token
        if chosen is None:
            raise UsageError(f"job {self.id} was not taken by a worker of this process; give the lock token")
        return chosen


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
