"""Traces and metrics of queues and workers, in the shape of BullMQ's own OpenTelemetry plug-in; free without it.

Give ``OpenTelemetry()`` to a queue, a flow producer or a worker, and in Node the plug-in ``bullmq-otel``: a trace that
begins where a job is added then goes on where it is processed, whichever language either is in. The context travels in
the job's option ``tm``, the JSON text of what the configured propagator writes.

Needs the extra ``queue-board[otel]``; without a ``telemetry`` argument nothing of it is imported.

The tables below are the contract: names, kinds, units. What begins with ``bullmq.`` is named as the plug-in names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Protocol

from board.engine.errors import message_of
from board.engine.types import JobData, JobOptions

__all__ = [
    "ATTRIBUTES",
    "METRICS",
    "SPANS",
    "OpenTelemetry",
    "Span",
    "Telemetry",
    "carrying",
    "context_of",
    "job_attributes",
    "traced",
]

SPANS = {
    "add": "PRODUCER: one job is added; its name ends in <queue>.<job name>",
    "addBulk": "PRODUCER: many jobs are added",
    "addFlow": "PRODUCER: a tree of jobs is added",
    "process": "CONSUMER: a job is processed; its parent is the span that added the job",
    "retryJobs": "PRODUCER: jobs that ended are made runnable again",
}
"""Operation to meaning; a span is called `<operation> <queue>`."""

METRICS = {
    "bullmq.jobs.completed": ("1", "jobs that completed"),
    "bullmq.jobs.failed": ("1", "jobs that failed for good"),
    "bullmq.jobs.retried": ("1", "attempts that failed and are tried again at once"),
    "bullmq.jobs.delayed": ("1", "attempts that failed and wait for their backoff"),
    "bullmq.job.duration": ("ms", "time from the start of an attempt to its end"),
    "queue_board.job.wait": ("ms", "time from when a job could have started to its start; first attempts only"),
    "queue_board.job.attempts": ("1", "attempts a job had taken when it ended for good"),
}
"""Metric to unit and meaning; all carry queue name and job name."""

ATTRIBUTES = {
    "bullmq.queue.name": "queue name, without prefix",
    "bullmq.queue.operation": "the operation, see SPANS",
    "bullmq.job.name": "job name",
    "bullmq.job.id": "job id",
    "bullmq.job.attempts.made": "attempts that had ended before this one",
    "bullmq.job.processed.timestamp": "ms at which the worker took the job",
    "bullmq.job.attempt_finished_timestamp": "ms at which the attempt ended",
    "bullmq.job.failed.reason": "message of the failure",
    "bullmq.job.bulk.count": "jobs of a bulk add",
    "bullmq.job.bulk.names": "their names",
    "bullmq.flow.name": "name of a flow's root",
    "bullmq.worker.id": "id of the worker",
    "bullmq.worker.name": "name of the worker",
    "bullmq.job.state": "what became of the job: completed, failed, delayed or waiting",
}
"""Attribute to meaning."""

Attributes = Mapping[str, str | int | float | bool | list[str]]


class Span(Protocol):
    """A span that is under way."""

    def set(self, attributes: Attributes) -> None:
        """Add attributes."""

    def fail(self, error: BaseException) -> None:
        """Record an error and mark the span as failed."""


class Telemetry(Protocol):
    """What queues and workers tell; ``OpenTelemetry`` is the one that comes with the engine."""

    def span(
        self, operation: str, name: str, attributes: Attributes, *, consumes: str | None = None
    ) -> AbstractContextManager[Span]:
        """Begin a span and make it the current one; with ``consumes`` under the context that this text carries."""

    def context(self) -> str | None:
        """Return the current context as the text that travels in a job."""

    def count(self, metric: str, value: float, attributes: Attributes) -> None:
        """Record a measurement of one of METRICS."""


class OpenTelemetry:
    """Telemetry by OpenTelemetry's API; the program sets up the SDK, exporters and propagator.

    Args:
        name: name of the tracer and of the meter.
    """

    def __init__(self, name: str = "queue-board") -> None:
        from opentelemetry import metrics, propagate, trace  # noqa: PLC0415 - an extra, imported by who asks for it

        self._trace = trace
        self._propagate = propagate
        self._tracer = trace.get_tracer(name)
        meter = metrics.get_meter(name)
        self._instruments: dict[str, Any] = {}
        for metric, (unit, meaning) in METRICS.items():
            make = meter.create_counter if metric.startswith("bullmq.jobs.") else meter.create_histogram
            self._instruments[metric] = make(metric, unit=unit, description=meaning)

    @contextmanager
    def span(self, operation: str, name: str, attributes: Attributes, *, consumes: str | None = None) -> Iterator[Span]:
        """Begin a span and make it the current one."""
        kind = self._trace.SpanKind.CONSUMER if operation == "process" else self._trace.SpanKind.PRODUCER
        parent = None if consumes is None else self._propagate.extract(_carrier(consumes))
        with self._tracer.start_as_current_span(
            f"{operation} {name}", context=parent, kind=kind, attributes=dict(attributes)
        ) as span:
            yield _OpenSpan(span, self._trace)

    def context(self) -> str | None:
        """Return the current context as JSON text; None when there is none."""
        carrier: dict[str, str] = {}
        self._propagate.inject(carrier)
        return json.dumps(carrier, separators=(",", ":")) if carrier else None

    def count(self, metric: str, value: float, attributes: Attributes) -> None:
        """Record a measurement."""
        instrument = self._instruments[metric]
        if metric.startswith("bullmq.jobs."):
            instrument.add(value, dict(attributes))
        else:
            instrument.record(value, dict(attributes))


class _OpenSpan:
    """A span of OpenTelemetry."""

    def __init__(self, span: Any, trace: Any) -> None:
        self._span = span
        self._trace = trace

    def set(self, attributes: Attributes) -> None:
        """Add attributes."""
        self._span.set_attributes(dict(attributes))

    def fail(self, error: BaseException) -> None:
        """Record an error and mark the span as failed."""
        self._span.record_exception(error)
        self._span.set_status(self._trace.StatusCode.ERROR, message_of(error))


class _NoSpan:
    """A span that nobody sees."""

    def set(self, attributes: Attributes) -> None:
        """Do nothing."""

    def fail(self, error: BaseException) -> None:
        """Do nothing."""


_NOTHING = nullcontext(_NoSpan())


def traced(
    telemetry: Telemetry | None,
    operation: str,
    queue: str,
    *,
    target: str | None = None,
    consumes: str | None = None,
    **attributes: Any,
) -> AbstractContextManager[Span]:
    """Return the span of an operation as a context manager; nothing happens in it without telemetry.

    Args:
        telemetry: what the queue or worker was given.
        operation: one of SPANS.
        queue: queue name.
        target: what the span is called after the operation; the queue's name when left out.
        consumes: the context a job carries.
        attributes: attributes without the prefix `bullmq.`, dots as underscores: ``job_name`` is `bullmq.job.name`.
    """
    if telemetry is None:
        return _NOTHING
    named: dict[str, Any] = {"bullmq.queue.name": queue, "bullmq.queue.operation": operation}
    named |= {f"bullmq.{name.replace('_', '.')}": value for name, value in attributes.items() if value is not None}
    return telemetry.span(operation, target or queue, named, consumes=consumes)


def carrying(telemetry: Telemetry | None, options: JobOptions) -> JobOptions:
    """Return job options that carry the current context, unless they carry one already or are to carry none."""
    if telemetry is None or options.omit_context or options.telemetry_metadata is not None:
        return options
    context = telemetry.context()
    return options if context is None else replace(options, telemetry_metadata=context)


def job_attributes(job: JobData, queue: str) -> dict[str, str]:
    """Return what every metric of a job carries."""
    return {"bullmq.queue.name": queue, "bullmq.job.name": job.name or ""}


def context_of(job: JobData) -> str | None:
    """Return the context that a job carries, unless it asks not to be linked."""
    telemetry = job.options.get("telemetry")
    if not isinstance(telemetry, Mapping) or telemetry.get("omitContext"):
        return None
    metadata = telemetry.get("metadata")
    return metadata if isinstance(metadata, str) else None


def _carrier(text: str) -> dict[str, str]:
    """Read a carrier; foreign or broken text carries nothing."""
    try:
        carrier = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(carrier, dict):
        return {}
    return {key: value for key, value in carrier.items() if isinstance(value, str)}
