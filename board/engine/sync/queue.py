"""A queue of the blocking front."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from board.engine.calls import Call
from board.engine.commands import dead_letters, events, jobs, limits, queues, schedulers, stops, trees
from board.engine.commands.queues import Metrics, WorkerInfo
from board.engine.connection.sync import Client, Connection
from board.engine.errors import BulkAddError, EngineError
from board.engine.hints import with_hints
from board.engine.job_view import data_of_new_job
from board.engine.keys import DEFAULT_PREFIX, QueueKeys
from board.engine.options import NewJob, bulk_item, merge_options, prepare_job, to_ms, to_state
from board.engine.sync.job import Job
from board.engine.telemetry import Telemetry, carrying, traced
from board.engine.types import (
    UNSET,
    Duration,
    JobCounts,
    JobData,
    JobOptions,
    JobState,
    JsonValue,
    LogPage,
    QueueMeta,
    Repeat,
    SchedulerData,
)

__all__ = ["Queue"]

BulkItem = tuple[str, JsonValue] | tuple[str, JsonValue, JobOptions | None]


@with_hints
class Queue:
    """Adds jobs to a queue, reads them, and manages the queue.

    Making one does no I/O. Durations are milliseconds or ``timedelta``.

    Args:
        name: queue name, not empty, without colon.
        connection: URL (``redis://``, ``rediss://``, ``unix://``, ``redis+sentinel://``, ``redis+cluster://``), a
            client of redis-py, or a connection that is shared.
        prefix: key prefix; ``bull`` is BullMQ's default.
        default_job_options: below the options of each job.
        telemetry: traces what is added, and carries the trace in the job; see ``engine.telemetry``.
    """

    def __init__(
        self,
        name: str,
        *,
        connection: str | Client | Connection = "redis://localhost:6379/0",
        prefix: str = DEFAULT_PREFIX,
        default_job_options: JobOptions | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.keys = QueueKeys(prefix, name)
        self.telemetry = telemetry
        self.default_job_options = merge_options(None, default_job_options)
        self._owned = not isinstance(connection, Connection)
        self.connection = connection if isinstance(connection, Connection) else Connection.open(connection)

    @property
    def name(self) -> str:
        """The queue's name, without prefix."""
        return self.keys.name

    @property
    def qualified_name(self) -> str:
        """Prefix and name, as a ``ParentRef`` wants it."""
        return self.keys.qualified

    # Adding

    def _call_to_add(self, name: str, data: JsonValue, options: JobOptions | None) -> tuple[NewJob, Call[str]]:
        new = prepare_job(name, data, options, defaults=self.default_job_options, now_ms=_now_ms(), queue=self.keys)
        return new, jobs.add_job(self.keys, new)

    def _added(self, new: NewJob, call: Call[str], reply: Any) -> Job:
        return Job(data_of_new_job(call.decode(reply), new), self.keys, self.connection)

    def add(self, name: str, data: JsonValue = UNSET, options: JobOptions | None = None, **overrides: Any) -> Job:
        """Add a job; atomic.

        Args:
            name: job name.
            data: anything JSON can hold; an empty object when left out.
            options: the job's options.
            overrides: single options by name, above ``options``: ``attempts=3, delay=timedelta(minutes=5)``.

        Returns the job. With an id that exists already, or as a duplicate, its id is that of the job that is kept.

        Raises:
            UsageError: something is wrong with name, data or options; nothing was sent.
            ParentNotFoundError, ParentConflictError: the parent is gone, or the job is another's child.
        """
        chosen = merge_options(None, options, overrides)
        if self.telemetry is None:
            new, call = self._call_to_add(name, data, chosen)
            return self._added(new, call, self.connection.step(call))
        target = f"{self.name}.{name}"
        with traced(self.telemetry, "add", self.name, target=target, job_name=name) as span:
            new, call = self._call_to_add(name, data, carrying(self.telemetry, chosen))
            job = self._added(new, call, self.connection.step(call))
            span.set({"bullmq.job.id": job.id})
        return job

    def add_bulk(self, items: Iterable[BulkItem]) -> list[Job]:
        """Add many jobs, each given as (name, data) or (name, data, options), 50 in each atomic step.

        All are checked before the first is sent.

        Raises:
            UsageError: one of them is wrong; nothing was sent.
            BulkAddError: Redis refused some (a parent is gone); the others were added, ``outcomes`` tells which.
        """
        now_ms = _now_ms()
        outcomes: list[str | EngineError] = []
        with traced(self.telemetry, "addBulk", self.name) as span:
            new = [
                prepare_job(
                    name,
                    data,
                    options if self.telemetry is None else carrying(self.telemetry, merge_options(None, options)),
                    defaults=self.default_job_options,
                    now_ms=now_ms,
                    queue=self.keys,
                )
                for name, data, options in map(bulk_item, items)
            ]
            span.set({"bullmq.job.bulk.count": len(new), "bullmq.job.bulk.names": sorted({job.name for job in new})})
            most = jobs.MAX_JOBS_PER_CALL
            parts = (new[start : start + most] for start in range(0, len(new), most))
            for added in self.connection.stream(jobs.add_jobs(self.keys, part) for part in parts):
                outcomes += added
        ids = [outcome for outcome in outcomes if isinstance(outcome, str)]
        if len(ids) < len(outcomes):
            raise BulkAddError(self.name, outcomes)
        keys, connection = self.keys, self.connection
        return [Job(data_of_new_job(job_id, job), keys, connection) for job_id, job in zip(ids, new, strict=True)]

    # Reading jobs

    def get_job(self, job_id: str) -> Job | None:
        """Read one job; None when there is none."""
        info = self.connection.call(jobs.get_job(self.keys, job_id))
        return None if info is None else Job(info, self.keys, self.connection)

    def get_jobs(
        self,
        states: Sequence[JobState | str] | JobState | str,
        start: int = 0,
        end: int = -1,
        *,
        ascending: bool = False,
    ) -> list[Job]:
        """Read jobs ``start`` to ``end`` of each of the states, newest first unless ``ascending``; one round trip."""
        chosen = [states] if isinstance(states, str) else list(states)
        plan = queues.get_jobs(self.keys, [to_state(state) for state in chosen], start, end, ascending=ascending)
        return [Job(info, self.keys, self.connection) for info in self.connection.run(plan)]

    def get_waiting(self, start: int = 0, end: int = -1) -> list[Job]:
        """Read waiting jobs, next to run first."""
        return self.get_jobs(JobState.WAITING, start, end, ascending=True)

    def get_active(self, start: int = 0, end: int = -1) -> list[Job]:
        """Read active jobs, longest active first."""
        return self.get_jobs(JobState.ACTIVE, start, end, ascending=True)

    def get_delayed(self, start: int = 0, end: int = -1) -> list[Job]:
        """Read delayed jobs, next due first."""
        return self.get_jobs(JobState.DELAYED, start, end, ascending=True)

    def get_prioritized(self, start: int = 0, end: int = -1) -> list[Job]:
        """Read prioritized jobs, next to run first."""
        return self.get_jobs(JobState.PRIORITIZED, start, end, ascending=True)

    def get_waiting_children(self, start: int = 0, end: int = -1) -> list[Job]:
        """Read jobs that wait for children, longest first."""
        return self.get_jobs(JobState.WAITING_CHILDREN, start, end, ascending=True)

    def get_completed(self, start: int = 0, end: int = -1) -> list[Job]:
        """Read completed jobs, newest first."""
        return self.get_jobs(JobState.COMPLETED, start, end)

    def get_failed(self, start: int = 0, end: int = -1) -> list[Job]:
        """Read failed jobs, newest first."""
        return self.get_jobs(JobState.FAILED, start, end)

    def get_job_state(self, job_id: str) -> JobState:
        """Find out where a job is; UNKNOWN when it is gone."""
        return self.connection.call(jobs.get_state(self.keys, job_id))

    def get_counts(self) -> JobCounts:
        """Count the jobs of every state in one atomic read."""
        return self.connection.call(queues.get_counts(self.keys))

    def get_job_counts(self, *states: JobState | str) -> dict[str, int]:
        """Count the jobs of these states (all without any) by the states' names.

        Waiting includes the list that release 5 keeps for a paused queue.
        """
        counts = self.get_counts()
        by_state = {
            JobState.ACTIVE: counts.active,
            JobState.COMPLETED: counts.completed,
            JobState.DELAYED: counts.delayed,
            JobState.FAILED: counts.failed,
            JobState.PRIORITIZED: counts.prioritized,
            JobState.WAITING: counts.waiting + counts.paused,
            JobState.WAITING_CHILDREN: counts.waiting_children,
        }
        chosen = [to_state(state) for state in states] or list(by_state)
        return {state.value: by_state[state] for state in chosen}

    def count(self) -> int:
        """Count the jobs that have not started: waiting, prioritized, delayed and waiting for children."""
        counts = self.get_counts()
        return counts.waiting + counts.paused + counts.prioritized + counts.delayed + counts.waiting_children

    def get_counts_per_priority(self, priorities: Sequence[int]) -> dict[int, int]:
        """Count runnable jobs by priority; 0 counts those without."""
        return self.connection.run(queues.count_per_priority(self.keys, priorities))

    def get_job_logs(self, job_id: str, start: int = 0, end: int = -1, *, ascending: bool = True) -> LogPage:
        """Read lines of a job's log."""
        return self.connection.call(jobs.get_logs(self.keys, job_id, start, end, ascending=ascending))

    def add_job_log(self, job_id: str, line: str, keep: int | None = None) -> int:
        """Append a line to a job's log; returns how many lines there are."""
        return self.connection.call(jobs.add_log(self.keys, job_id, line, keep))

    def update_job_progress(self, job_id: str, progress: JsonValue) -> None:
        """Store a job's progress and tell the listeners."""
        self.connection.call(jobs.update_progress(self.keys, job_id, progress))

    def get_metrics(self, state: JobState | str, start: int = 0, end: int = -1) -> Metrics:
        """Read the counts per minute of ``completed`` or ``failed`` jobs, from workers that count."""
        return self.connection.run(queues.get_metrics(self.keys, to_state(state), start, end))

    def get_workers(self) -> list[WorkerInfo]:
        """List the workers of every language by their connections."""
        return self.connection.call(queues.list_workers(self.keys))

    def get_workers_count(self) -> int:
        """Count the workers."""
        return len(self.get_workers())

    # The queue itself

    def get_meta(self) -> QueueMeta:
        """Read the queue's conditions: paused, limits, which client wrote it."""
        return self.connection.call(queues.get_meta(self.keys))

    def pause(self) -> None:
        """Let workers take no more jobs; those that run go on."""
        self.connection.run(queues.pause(self.keys))

    def resume(self) -> None:
        """Let workers take jobs again."""
        self.connection.run(queues.resume(self.keys))

    def is_paused(self) -> bool:
        """Whether the queue is paused."""
        return (self.get_meta()).paused

    def is_maxed(self) -> bool:
        """Whether as many jobs are active as the global concurrency allows."""
        return self.connection.call(limits.is_maxed(self.keys))

    def remove(self, job_id: str, *, remove_children: bool = True) -> None:
        """Remove a job and, unless told otherwise, everything below it."""
        self.connection.run(trees.remove_tree(self.keys, job_id, remove_children=remove_children))

    def retry_jobs(
        self, *, state: JobState | str = JobState.FAILED, count: int = queues.STEP, before_ms: int | None = None
    ) -> int:
        """Make all jobs runnable again that ended in ``state``, in steps; returns how many."""
        moment = _now_ms() if before_ms is None else before_ms
        plan = queues.retry_jobs(self.keys, state=to_state(state), count=count, before_ms=moment)
        with traced(self.telemetry, "retryJobs", self.name):
            return self.connection.run(plan)

    def stop_job(self, job_id: str, reason: str = "stopped by request") -> None:
        """Ask the worker of an active job to stop it; the job then fails with ``reason``, whatever attempts are left.

        The worker reads the request when it renews its locks. A coroutine is cancelled where it awaits, a process is
        killed; a function in a thread has to look at ``is_cancelled``, and completes if it never does.

        Raises:
            JobNotFoundError: there is no such job.
            JobNotInStateError: no worker holds it.
            NotStoppableError: its worker is not of this engine, or renews no locks.
        """
        self.connection.call(stops.ask_to_stop(self.keys, job_id, reason))

    def promote_jobs(self, *, count: int = queues.STEP) -> int:
        """Make all delayed jobs runnable now, in steps; returns how many."""
        return self.connection.run(queues.promote_jobs(self.keys, count=count))

    def drain(self, *, delayed: bool = False) -> int:
        """Remove all jobs that wait or are prioritized and, if asked, delayed; in steps; returns how many."""
        return self.connection.run(queues.drain(self.keys, delayed=delayed))

    def clean(self, grace: Duration, limit: int = 0, state: JobState | str = JobState.COMPLETED) -> list[str]:
        """Remove jobs of one state older than ``grace``, oldest first, at most ``limit`` (0: all); returns the ids."""
        plan = queues.clean(self.keys, to_ms(grace, "grace"), limit, state, _now_ms())
        return self.connection.run(plan)

    def obliterate(self, *, force: bool = False) -> None:
        """Pause the queue and delete it with everything in it.

        Raises:
            QueueStateError: jobs are active and ``force`` is off; the queue stays paused.
        """
        self.connection.run(queues.obliterate(self.keys, force=force))

    def publish_event(self, name: str, /, **fields: str) -> str:
        """Append an event of one's own, heard by ``QueueEvents`` here and in Node; returns its id.

        Raises:
            InvalidOptionError: the name is one of BullMQ's own, or a field is not text.
        """
        return self.connection.call(events.publish_event(self.keys, name, fields))

    def trim_events(self, length: int) -> int:
        """Cut the events stream to about ``length`` entries."""
        return self.connection.call(queues.trim_events(self.keys, length))

    # Limits

    def get_global_concurrency(self) -> int | None:
        """Read how many jobs may be active at once over all workers."""
        return (self.get_meta()).concurrency

    def set_global_concurrency(self, concurrency: int) -> None:
        """Let at most so many jobs be active at once over all workers."""
        self.connection.call(limits.set_global_concurrency(self.keys, concurrency))

    def remove_global_concurrency(self) -> None:
        """Lift that limit."""
        self.connection.call(limits.remove_global_concurrency(self.keys))

    def set_global_rate_limit(self, maximum: int, duration: Duration) -> None:
        """Let at most so many jobs start in each window, over all workers."""
        self.connection.call(limits.set_global_rate_limit(self.keys, maximum, to_ms(duration, "duration")))

    def remove_global_rate_limit(self) -> None:
        """Lift that limit."""
        self.connection.call(limits.remove_global_rate_limit(self.keys))

    def rate_limit(self, duration: Duration) -> None:
        """Let no job start for a while, where some limit is known."""
        self.connection.call(limits.rate_limit(self.keys, to_ms(duration, "duration")))

    def get_rate_limit_ttl(self, maximum: int | None = None) -> int:
        """Read for how many ms the queue is rate limited."""
        return self.connection.call(limits.get_rate_limit_ttl(self.keys, maximum))

    def remove_rate_limit(self) -> None:
        """Open the current window again."""
        self.connection.call(limits.remove_rate_limit(self.keys))

    # Deduplication

    def get_deduplication_job_id(self, deduplication_id: str) -> str | None:
        """Read which job owns a deduplication id."""
        return self.connection.call(jobs.get_deduplication_job(self.keys, deduplication_id))

    def remove_deduplication_key(self, deduplication_id: str) -> bool:
        """Free a deduplication id, whoever owns it."""
        return self.connection.call(jobs.remove_deduplication_key(self.keys, deduplication_id))

    # Job schedulers

    def upsert_job_scheduler(
        self,
        scheduler_id: str,
        repeat: Repeat,
        *,
        name: str | None = None,
        data: JsonValue = UNSET,
        options: JobOptions | None = None,
    ) -> Job | None:
        """Create a job scheduler or change it; returns the job of its next run, None when it has no run left.

        See ``commands.schedulers.upsert_scheduler``.
        """
        plan = schedulers.upsert_scheduler(
            self.keys,
            scheduler_id,
            repeat,
            name=name,
            data=data,
            options=options,
            defaults=self.default_job_options,
            now_ms=_now_ms(),
        )
        job_id = self.connection.run(plan)
        return None if job_id is None else self.get_job(job_id)

    def get_job_scheduler(self, scheduler_id: str) -> SchedulerData | None:
        """Read one scheduler."""
        return self.connection.run(schedulers.get_scheduler(self.keys, scheduler_id))

    def get_job_schedulers(self, start: int = 0, end: int = -1, *, ascending: bool = False) -> list[SchedulerData]:
        """Read schedulers by their next run, repeatable jobs of release 5 among them."""
        return self.connection.run(schedulers.list_schedulers(self.keys, start, end, ascending=ascending))

    def get_job_schedulers_count(self) -> int:
        """Count the schedulers."""
        return self.connection.call(schedulers.count_schedulers(self.keys))

    def remove_job_scheduler(self, scheduler_id: str) -> bool:
        """Delete a scheduler and its next run; False when there is none."""
        return self.connection.call(schedulers.remove_scheduler(self.keys, scheduler_id))

    # Dead letters, for a queue that holds some

    def replay_dead_letter(self, letter_id: str) -> dead_letters.Replayed:
        """Send one dead letter of this queue back to where it came from."""
        return self.connection.call(dead_letters.replay(self.keys, letter_id, _now_ms()))

    def replay_dead_letters(
        self,
        *,
        name: str | None = None,
        queue: str | None = None,
        reason: str | None = None,
        where: Callable[[Job], bool] | None = None,
    ) -> int:
        """Send the dead letters of this queue back that wait, each in an atomic step; returns how many.

        Args:
            name: only jobs of this name.
            queue: only those that failed in this queue.
            reason: only those whose reason holds this text.
            where: only those for which this says true.
        """

        def wanted(job: JobData, origin: dead_letters.DeadLetterInfo) -> bool:
            return (
                (name is None or job.name == name)
                and (queue is None or origin.queue == queue)
                and (reason is None or reason in origin.reason)
                and (where is None or where(Job(job, self.keys, self.connection)))
            )

        return self.connection.run(dead_letters.replay_all(self.keys, _now_ms(), wanted))

    def close(self) -> None:
        """Close the connection, unless it is shared."""
        if self._owned:
            self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
