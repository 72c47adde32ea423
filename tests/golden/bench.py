"""A workbench for scenarios: our commands on a server, with a frozen clock and fixed tokens."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from board.engine.calls import Batch, Call
from board.engine.commands import jobs, leases, queues
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import UNSET, Fetched, JobData, JobOptions, JsonValue, Keep, ParentRef, RateLimit

START = 1_767_225_600_000
LOCK_MS = 30_000

T = TypeVar("T")
R = TypeVar("R")


class Engine(Protocol):
    """What a bench needs of a connection: the blocking one, or the asyncio one behind a runner."""

    def call(self, call: Call[T]) -> T:
        """Make one round trip."""

    def batch(self, batch: Batch[T]) -> list[T]:
        """Make one round trip of many calls."""

    def run(self, plan: Generator[Any, Any, R]) -> R:
        """Make the round trips of a plan."""


Scenario = Callable[["Bench"], Iterator[str]]


class Bench:
    """Our engine, driven step by step as the recorder drove Node's."""

    def __init__(self, engine: Engine, write: Callable[..., Any], version: str) -> None:
        self.engine = engine
        self.write = write
        self.version = version
        self.now = START
        self.queue = self.open("q1")

    @property
    def release(self) -> int:
        """The major release whose keys are compared."""
        return int(self.version.partition(".")[0])

    def open(self, name: str, prefix: str = "bull") -> QueueKeys:
        """Open a queue as Node's constructor does, which writes the version that decides how the queue is treated."""
        queue = QueueKeys(prefix, name)
        self.write("HSET", queue.key("meta"), "opts.maxLenEvents", 10000, "version", f"bullmq:{self.version}")
        return queue

    def add(
        self,
        name: str = "j",
        data: JsonValue = UNSET,
        options: JobOptions | None = None,
        queue: QueueKeys | None = None,
    ) -> str:
        """Add one job."""
        queue = queue or self.queue
        return self.engine.call(jobs.add_job(queue, prepare_job(name, data, options, now_ms=self.now)))

    def fetch(
        self,
        token: str,
        queue: QueueKeys | None = None,
        *,
        worker: str | None = None,
        limiter: RateLimit | None = None,
        lock_ms: int = LOCK_MS,
    ) -> Fetched:
        """Take the next job."""
        return self.engine.call(
            leases.fetch_job(
                queue or self.queue, token=token, lock_ms=lock_ms, now_ms=self.now, limiter=limiter, worker=worker
            )
        )

    def take(self, token: str, queue: QueueKeys | None = None, **how: Any) -> JobData:
        """Take the next job, which has to be there."""
        fetched = self.fetch(token, queue, **how)
        assert fetched.job is not None, fetched
        return fetched.job

    def complete(
        self,
        job: JobData,
        token: str,
        value: str,
        queue: QueueKeys | None = None,
        **how: Any,
    ) -> Fetched | None:
        """Complete a job with a return value's JSON."""
        return self.engine.call(
            leases.complete_job(queue or self.queue, job.id, token=token, return_text=value, now_ms=self.now, **how)
        )

    def fail(
        self,
        job: JobData,
        token: str,
        reason: str,
        queue: QueueKeys | None = None,
        *,
        line: int = 1,
        kind: str = "Error",
        **how: Any,
    ) -> Fetched | None:
        """Fail a job for good."""
        return self.engine.call(
            leases.fail_job(
                queue or self.queue,
                job.id,
                token=token,
                reason=reason,
                stacktrace=self.stack(job, reason, line, kind),
                attempts=int(job.options.get("attempts", 0)),
                now_ms=self.now,
                **how,
            )
        )

    def stack(self, job: JobData, reason: str, line: int = 1, kind: str = "Error") -> Sequence[str]:
        """Return the job's stack traces with one more, as the recorder made them up."""
        return [*job.stacktrace, f"{kind}: {reason}\n    at process (app.js:{line}:1)"]

    def run_all(self, plan: Generator[Any, Any, R]) -> R:
        """Run a plan."""
        return self.engine.run(plan)

    def pause(self) -> None:
        """Pause the queue."""
        self.engine.run(queues.pause(self.queue))


def child_of(parent: str, queue: QueueKeys, options: JobOptions | None = None) -> JobOptions:
    """Return options that tie a job to a parent."""
    return replace(options or JobOptions(), parent=ParentRef(parent, queue.qualified))


def keep_of(job: JobData) -> Keep | None:
    """Read a job's retention as a worker does, for the forms the scenarios use."""
    rule = job.options.get("removeOnComplete")
    if rule is True:
        return Keep(count=0)
    return Keep(count=rule) if isinstance(rule, int) else None
