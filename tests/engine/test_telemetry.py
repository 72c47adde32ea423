"""One trace from where a job is added to where it is processed, and the measures of a worker."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from board.engine import AsyncJob
from board.engine.telemetry import METRICS, OpenTelemetry
from tests.engine.fronts import Front, behaviour, ended
from tests.waiting import wait_until_async


class Seen:
    """What was exported."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.telemetry = OpenTelemetry()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.telemetry._tracer = tracers.get_tracer("test")
        meter = MeterProvider([self.reader]).get_meter("test")
        self.telemetry._instruments = {
            name: meter.create_counter(name) if name.startswith("bullmq.jobs.") else meter.create_histogram(name)
            for name in METRICS
        }

    @property
    def spans(self) -> dict[str, Any]:
        """The spans that ended, by name."""
        return {span.name: span for span in self.exporter.get_finished_spans()}

    @property
    def counts(self) -> Counter[str]:
        """How often each metric was recorded."""
        counts: Counter[str] = Counter()
        data = self.reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        counts[metric.name] += int(getattr(point, "value", getattr(point, "count", 0)))
        return counts


@pytest.fixture
def seen() -> Seen:
    """A telemetry of the test's own, and what came of it."""
    return Seen()


@behaviour
async def test_processing_belongs_to_the_trace_that_added_the_job(front: Front, seen: Seen) -> None:
    inside: list[int] = []

    async def process(job: AsyncJob) -> str:
        inside.append(trace.get_current_span().get_span_context().span_id)
        return job.name

    async with front:
        queue = front.queue("mail", telemetry=seen.telemetry)
        job = await queue.add("welcome")
        await front.worker("mail", process, telemetry=seen.telemetry, name="w1").start()
        await ended(queue, job.id)
        await wait_until_async(lambda: "process mail" in seen.spans, "the span of the attempt")

        added, processed = seen.spans["add mail.welcome"], seen.spans["process mail"]
        assert processed.parent.span_id == added.context.span_id
        assert processed.context.trace_id == added.context.trace_id
        assert inside == [processed.context.span_id]
        assert processed.attributes["bullmq.job.id"] == job.id
        assert processed.attributes["bullmq.worker.name"] == "w1"
        assert processed.attributes["bullmq.job.state"] == "completed"


class Broken(OpenTelemetry):
    """A telemetry all of which fails."""

    def count(self, metric: str, value: float, attributes: object) -> None:
        """Fail."""
        raise RuntimeError(f"the exporter's own bug {metric} {value} {attributes}")

    @contextmanager
    def span(self, operation: str, name: str, attributes: Any, *, consumes: str | None = None) -> Iterator[Any]:
        """Fail at the end."""
        with super().span(operation, name, attributes, consumes=consumes) as span:
            yield span
        raise RuntimeError("the exporter's own bug")


@behaviour
async def test_a_telemetry_that_breaks_does_not_cost_a_job(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    async def process(job: AsyncJob) -> str:
        return job.name

    async with front:
        queue = front.queue("mail")
        jobs = [await queue.add("x") for _ in range(5)]
        await front.worker("mail", process, telemetry=Broken()).start()

        for job in jobs:
            assert (await ended(queue, job.id)).return_value == "x"

    assert "the exporter's own bug" in caplog.text


@behaviour
async def test_attempts_are_measured(front: Front, seen: Seen) -> None:
    async def process(job: AsyncJob) -> None:
        if job.name == "bad":
            raise ValueError("boom")

    async with front:
        queue = front.queue("mail")
        jobs = [await queue.add("good"), await queue.add("bad", {}, attempts=2)]
        await front.worker("mail", process, telemetry=seen.telemetry).start()
        for job in jobs:
            await ended(queue, job.id)

        def all_measured() -> bool:
            counts.clear()
            counts.update(seen.counts)
            return counts["queue_board.job.attempts"] == 2

        counts: Counter[str] = Counter()
        await wait_until_async(all_measured, "the measures")
        assert counts["bullmq.jobs.completed"] == counts["bullmq.jobs.failed"] == counts["bullmq.jobs.retried"] == 1
        assert counts["bullmq.job.duration"] == 3
        assert counts["queue_board.job.wait"] == 2
        assert seen.spans["process mail"].attributes["bullmq.job.failed.reason"] == "boom"
