"""Trees of jobs: children end in every way, parents are released, removed, failed."""

from collections.abc import Iterator
from dataclasses import replace

from board.engine.commands import flows, jobs, leases
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import (
    UNSET,
    JobOptions,
    JsonValue,
    Keep,
    ParentRef,
)
from tests.golden.bench import Bench
from tests.golden.scenarios.registry import scenario


def add_family(
    bench: Bench, first: JobOptions | None = None, *, parent: JobOptions | None = None
) -> tuple[QueueKeys, QueueKeys, QueueKeys]:
    """Add the flow of one parent and three children in two queues that most scenarios use."""
    bench.write("FLUSHALL")
    places = bench.open("pq"), bench.open("cq1"), bench.open("cq2")
    above, left, right = places
    children = tuple(
        node(bench, place, "child", {"c": n}, replace(options or JobOptions(), job_id=job_id), ("par", above))
        for n, (place, job_id, options) in enumerate(
            ((left, "c-a", first), (left, "c-b", None), (right, "c-c", None)), start=1
        )
    )
    root = node(bench, above, "parent", {"p": 1}, replace(parent or JobOptions(), job_id="par"))
    bench.engine.run(flows.add_flow(replace(root, children=children), bench.now))
    return places


def node(  # noqa: PLR0917 - a line a node reads best in order
    bench: Bench,
    queue: QueueKeys,
    name: str,
    data: JsonValue,
    options: JobOptions,
    parent: tuple[str, QueueKeys] | None = None,
) -> flows.NewNode:
    """Describe one node of a flow."""
    if parent is not None:
        options = replace(options, parent=ParentRef(parent[0], parent[1].qualified))
    return flows.NewNode(queue, prepare_job(name, data, options, now_ms=bench.now))


@scenario
def flow_basic(bench: Bench) -> Iterator[str]:
    above, left, right = add_family(bench)
    yield "flow-basic-0-added"
    steps = (
        (left, '{"r":"a"}', "flow-basic-1-after-child-1"),
        (left, "2", "flow-basic-2-after-child-2"),
        (right, "null", "flow-basic-3-after-child-3"),
        (above, '"all"', "flow-basic-4-parent-completed"),
    )
    for place, value, name in steps:
        bench.now += 10
        bench.complete(bench.take("t", place), "t", value, place)
        yield name


def child_failure(bench: Bench, policy: str, options: JobOptions) -> Iterator[str]:
    """Let one child of three fail under a policy, and the family come to its end."""
    above, left, right = add_family(bench, options)
    bench.now += 10
    bench.fail(bench.take("t", left), "t", "child boom", left)
    yield f"flow-childfail-{policy}-0-child-failed"
    bench.now += 10
    for place, value in ((left, '"b"'), (right, '"c"')):
        bench.complete(bench.take("t", place), "t", value, place)
    yield f"flow-childfail-{policy}-1-others-completed"
    if policy == "none":
        return
    parent = bench.take("t", above)
    bench.now += 10
    if parent.deferred_failure is not None:
        bench.fail(parent, "t", parent.deferred_failure, above, kind="UnrecoverableError")
    else:
        bench.complete(parent, "t", '"p"', above)
    yield f"flow-childfail-{policy}-2-parent-finished"


@scenario
def flow_childfail_none(bench: Bench) -> Iterator[str]:
    yield from child_failure(bench, "none", JobOptions())


@scenario
def flow_childfail_fpof(bench: Bench) -> Iterator[str]:
    yield from child_failure(bench, "fpof", JobOptions(fail_parent_on_failure=True))


@scenario
def flow_childfail_cpof(bench: Bench) -> Iterator[str]:
    yield from child_failure(bench, "cpof", JobOptions(continue_parent_on_failure=True))


@scenario
def flow_childfail_idof(bench: Bench) -> Iterator[str]:
    yield from child_failure(bench, "idof", JobOptions(ignore_dependency_on_failure=True))


@scenario
def flow_childfail_rdof(bench: Bench) -> Iterator[str]:
    yield from child_failure(bench, "rdof", JobOptions(remove_dependency_on_failure=True))


@scenario
def flow_child_removed_on_complete(bench: Bench) -> Iterator[str]:
    _, left, _ = add_family(bench, JobOptions(remove_on_complete=True))
    bench.complete(bench.take("t", left), "t", '"x"', left, keep=Keep(count=0))
    yield "flow-child-removed-on-complete"


@scenario
def flow_remove_parent(bench: Bench) -> Iterator[str]:
    above, _, _ = add_family(bench)
    bench.engine.call(jobs.remove_job(above, "par"))
    yield "flow-remove-parent"


@scenario
def flow_generated_ids(bench: Bench) -> Iterator[str]:
    bench.write("FLUSHALL")
    place = bench.open("pq")

    def named(job_id: str, name: str, data: JsonValue, options: JobOptions, parent: str | None = None) -> flows.NewNode:
        tie = (parent, place) if parent else None
        one = node(bench, place, name, data, options, tie)
        return replace(one, job=replace(one.job, job_id=job_id))

    leaf = named("<uuid-leaf>", "leaf", 1, JobOptions(), "<uuid-mid>")
    middle = named("<uuid-mid>", "mid", UNSET, JobOptions(), "<uuid-root>")
    root = named("<uuid-root>", "root", UNSET, JobOptions(delay=1000, priority=2))
    tree = replace(root, children=(replace(middle, children=(leaf,)),))
    bench.engine.run(flows.add_flow(tree, bench.now))
    yield "flow-generated-ids"


@scenario
def flow_dynamic_children(bench: Bench) -> Iterator[str]:
    bench.write("FLUSHALL")
    above, left = bench.open("pq"), bench.open("cq1")
    bench.add("p", UNSET, JobOptions(job_id="par"), above)
    bench.take("t1", above)
    tie = JobOptions(job_id="c-1", parent=ParentRef("par", above.qualified), fail_parent_on_failure=True)
    bench.add("child", {"c": 1}, tie, left)
    assert bench.engine.call(leases.wait_for_children(above, "par", token="t1", now_ms=bench.now))
    yield "flow-dynamic-children-0-waiting"
    bench.complete(bench.take("t", left), "t", '"v"', left)
    yield "flow-dynamic-children-1-child-done"


@scenario
def deferred_failure_parent_active(bench: Bench) -> Iterator[str]:
    bench.write("FLUSHALL")
    above, left = bench.open("pq"), bench.open("cq1")
    bench.add("p", UNSET, JobOptions(job_id="par"), above)
    bench.take("t1", above)
    tie = JobOptions(job_id="c-1", parent=ParentRef("par", above.qualified), fail_parent_on_failure=True)
    bench.add("child", UNSET, tie, left)
    bench.fail(bench.take("t", left), "t", "bad", left)
    yield "deferred-failure-parent-active"
