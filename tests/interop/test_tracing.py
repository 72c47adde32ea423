"""One trace from the program that adds a job to the one that processes it, whichever language either is in."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from board.engine import FlowJob, FlowProducer, Queue
from board.engine.telemetry import OpenTelemetry
from tests.interop.node import Complete, NodeBullMQ
from tests.interop.our_worker import FRONTS, our_worker
from tests.waiting import wait_until

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    """Where our spans end up; the API takes one provider a process."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    one = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(one))
    return one


@pytest.fixture
def ours(exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    """Our spans of this test."""
    exporter.clear()
    return exporter


def span(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    """Return our one span of that name, once it has ended."""
    (one,) = wait_until(
        lambda: [item for item in spans.get_finished_spans() if item.name == name], f"the span {name!r}"
    )
    return one


def ids(one: ReadableSpan) -> tuple[str, str]:
    """Return trace id and span id in hexadecimal."""
    context = one.get_span_context()
    assert context is not None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def test_a_trace_that_we_begin_goes_on_in_node(node6: NodeBullMQ, redis_url: str, ours: InMemorySpanExporter) -> None:
    node6.trace()
    with Queue("mail", connection=redis_url, telemetry=OpenTelemetry()) as queue:
        job = queue.add("welcome", {"n": 1})
        with node6.worker("mail", Complete()) as worker:
            wait_until(lambda: worker.jobs("completed"), "the job")
            theirs = wait_until(lambda: [one for one in node6.spans() if one.name == "process mail"], "node's span")[0]

    trace_id, span_id = ids(span(ours, "add mail.welcome"))
    assert (theirs.trace, theirs.parent) == (trace_id, span_id)
    assert theirs.attributes["bullmq.job.id"] == job.id


@pytest.mark.parametrize("front", FRONTS)
def test_a_trace_that_node_begins_goes_on_with_us(
    front: str, node6: NodeBullMQ, redis_url: str, ours: InMemorySpanExporter
) -> None:
    node6.trace()
    job = node6.add("mail", "welcome", {"n": 1})
    theirs = next(one for one in node6.spans() if one.name == "add mail.welcome")

    with our_worker(front, "mail", lambda _: None, redis_url, telemetry=OpenTelemetry()):
        mine = span(ours, "process mail")

    assert mine.parent is not None
    assert f"{mine.parent.span_id:016x}" == theirs.id
    assert ids(mine)[0] == theirs.trace
    assert mine.attributes is not None
    assert mine.attributes["bullmq.job.id"] == job.id
    assert mine.attributes["bullmq.queue.name"] == "mail"


def test_every_job_of_a_flow_carries_the_trace(node6: NodeBullMQ, redis_url: str, ours: InMemorySpanExporter) -> None:
    node6.trace()
    with FlowProducer(connection=redis_url, telemetry=OpenTelemetry()) as flows:
        flows.add(FlowJob("publish", queue="video", children=[FlowJob("part", queue="parts")]))

    with node6.worker("parts", Complete()), node6.worker("video", Complete()) as worker:
        wait_until(lambda: worker.jobs("completed"), "the parent")
        names = {"process parts", "process video"}
        found = wait_until(
            lambda: [one for one in node6.spans() if one.name in names][1:] and node6.spans(), "node's spans"
        )

    trace_id, _ = ids(span(ours, "addFlow video"))
    assert {one.trace for one in found if one.name in names} == {trace_id}


def test_a_job_that_asks_for_it_carries_no_context(redis_url: str, ours: InMemorySpanExporter) -> None:
    with Queue("mail", connection=redis_url, telemetry=OpenTelemetry()) as queue:
        job = queue.add("welcome", omit_context=True)

    span(ours, "add mail.welcome")
    assert job.options["telemetry"] == {"omitContext": True}
