"""What a worker tells its telemetry about a job: values only, see ``engine.telemetry`` for their names."""

from __future__ import annotations

from contextlib import AbstractContextManager

from board.engine.codec import integer
from board.engine.telemetry import Span, Telemetry, context_of, job_attributes, traced
from board.engine.types import JobData
from board.engine.worker.outcome import Complete, Decision, Delay, Fail, Retry

__all__ = ["measure_end", "measure_start", "process_span"]

_COUNTERS: dict[type[Decision], tuple[str, str]] = {
    Complete: ("bullmq.jobs.completed", "completed"),
    Fail: ("bullmq.jobs.failed", "failed"),
    Retry: ("bullmq.jobs.retried", "waiting"),
    Delay: ("bullmq.jobs.delayed", "delayed"),
}


def process_span(
    telemetry: Telemetry | None, job: JobData, queue: str, *, worker_id: str, worker_name: str | None
) -> AbstractContextManager[Span]:
    """Return the span of one attempt, below the one that added the job."""
    return traced(
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


def measure_start(telemetry: Telemetry | None, job: JobData, queue: str) -> None:
    """Record how long a job waited for its first start, counted from when its delay was over."""
    if telemetry is None or job.attempts_started != 1 or job.timestamp_ms is None or job.processed_on_ms is None:
        return
    due_ms = job.timestamp_ms + (integer(job.options.get("delay")) or 0)
    telemetry.count("queue_board.job.wait", max(job.processed_on_ms - due_ms, 0), job_attributes(job, queue))


def measure_end(
    telemetry: Telemetry | None, span: Span, job: JobData, queue: str, decision: Decision | None, *, now_ms: int
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
    telemetry.count(counter, 1, attributes)
    if job.processed_on_ms is not None:
        telemetry.count("bullmq.job.duration", max(now_ms - job.processed_on_ms, 0), attributes)
    if isinstance(decision, Complete | Fail):
        telemetry.count("queue_board.job.attempts", job.attempts_made + 1, attributes)
