"""What a worker tells its telemetry about a job: values only, see ``engine.telemetry`` for their names.

Whatever a telemetry raises is logged and goes no further: a fault of an exporter must not cost a job.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from board.engine.codec import integer
from board.engine.telemetry import Attributes, Span, Telemetry, context_of, job_attributes, traced
from board.engine.types import JobData
from board.engine.worker.outcome import Complete, Decision, Delay, Fail, Retry

__all__ = ["Attempt", "measure_end", "measure_start", "process_span"]

logger = logging.getLogger(__name__)

_COUNTERS: dict[type[Decision], tuple[str, str]] = {
    Complete: ("bullmq.jobs.completed", "completed"),
    Fail: ("bullmq.jobs.failed", "failed"),
    Retry: ("bullmq.jobs.retried", "waiting"),
    Delay: ("bullmq.jobs.delayed", "delayed"),
}


class Attempt:
    """The span of one attempt as a context manager that never raises by itself; also a ``Span``."""

    __slots__ = ("_begin", "_manager", "_span")

    def __init__(self, begin: Callable[[], AbstractContextManager[Span]]) -> None:
        self._begin = begin
        self._manager: AbstractContextManager[Span] | None = None
        self._span: Span | None = None

    def __enter__(self) -> Self:
        try:
            self._manager = self._begin()
            self._span = self._manager.__enter__()
        except Exception:
            self._manager = None
            logger.exception("telemetry failed")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._manager is None:
            return
        try:
            self._manager.__exit__(kind, error, trace)
        except Exception as raised:
            if raised is not error:
                logger.exception("telemetry failed")

    def set(self, attributes: Attributes) -> None:
        """Add attributes."""
        if self._span is not None:
            try:
                self._span.set(attributes)
            except Exception:
                logger.exception("telemetry failed")

    def fail(self, error: BaseException) -> None:
        """Record an error and mark the span as failed."""
        if self._span is not None:
            try:
                self._span.fail(error)
            except Exception:
                logger.exception("telemetry failed")


def process_span(
    telemetry: Telemetry | None, job: JobData, queue: str, *, worker_id: str, worker_name: str | None
) -> Attempt:
    """Return the span of one attempt, below the one that added the job."""
    return Attempt(
        lambda: traced(
            telemetry,
            "process",
            queue,
            consumes=context_of(job),
            job_name=job.name,
            job_id=job.id,
            job_attempts_made=job.attempts_made,
            job_processed_timestamp=job.processed_on_ms,
            worker_id=worker_id,
            worker_name=worker_name,
        )
    )


def measure_start(telemetry: Telemetry | None, job: JobData, queue: str) -> None:
    """Record how long a job waited for its first start, counted from when its delay was over."""
    if telemetry is None or job.attempts_started != 1 or job.timestamp_ms is None or job.processed_on_ms is None:
        return
    due_ms = job.timestamp_ms + (integer(job.options.get("delay")) or 0)
    _count(telemetry, "queue_board.job.wait", max(job.processed_on_ms - due_ms, 0), job_attributes(job, queue))


def measure_end(
    telemetry: Telemetry | None, span: Attempt, job: JobData, queue: str, decision: Decision | None, *, now_ms: int
) -> None:
    """Record what became of an attempt and how long it took."""
    counted = _COUNTERS.get(type(decision)) if decision is not None else None
    if telemetry is None or counted is None:
        return
    counter, state = counted
    span.set({"bullmq.job.state": state, "bullmq.job.attempt_finished_timestamp": now_ms})
    if isinstance(decision, Fail | Retry | Delay):
        span.set({"bullmq.job.failed.reason": decision.failure.reason})
    attributes = job_attributes(job, queue)
    _count(telemetry, counter, 1, attributes)
    if job.processed_on_ms is not None:
        _count(telemetry, "bullmq.job.duration", max(now_ms - job.processed_on_ms, 0), attributes)
    if isinstance(decision, Complete | Fail):
        _count(telemetry, "queue_board.job.attempts", job.attempts_made + 1, attributes)


def _count(telemetry: Telemetry, metric: str, value: float, attributes: Attributes) -> None:
    try:
        telemetry.count(metric, value, attributes)
    except Exception:
        logger.exception("telemetry failed")
