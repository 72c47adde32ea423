"""Flows and schedulers across languages."""

from collections.abc import Iterator
from typing import Any

import pytest

from board.engine import FlowJob, FlowProducer, Ignored, JobOptions, Queue, Repeat
from tests.interop.node import Code, Complete, Fail, NodeBullMQ
from tests.waiting import wait_until

pytestmark = pytest.mark.node


@pytest.fixture
def queue(redis_url: str) -> Iterator[Queue]:
    with Queue("video", connection=redis_url) as one:
        yield one


@pytest.fixture
def flows(redis_url: str) -> Iterator[FlowProducer]:
    with FlowProducer(connection=redis_url) as one:
        yield one


def publish(child: JobOptions | None = None) -> FlowJob:
    """A parent with a child in its own queue and one in another."""
    return FlowJob(
        "publish",
        queue="video",
        data={"id": 7},
        children=[
            FlowJob("audio", queue="parts", data={"part": "audio"}, options=child),
            FlowJob("thumbs", queue="video", data={"part": "thumbs"}),
        ],
    )


def test_node_works_off_a_flow_of_ours_children_first(node: NodeBullMQ, flows: FlowProducer, queue: Queue) -> None:
    tree = flows.add(publish())
    assert node.state("video", tree.job.id) == "waiting-children"

    with node.worker("parts", Complete("sound")), node.worker("video", Code("return job.getChildrenValues()")):
        wait_until(lambda: node.state("video", tree.job.id) == "completed", "the parent")

    tree.job.refresh()
    values: dict[str, Any] = tree.job.get_children_values()
    assert sorted(values) == sorted(f"bull:{child.job.queue_name}:{child.job.id}" for child in tree.children)
    assert "sound" in values.values()
    assert tree.job.return_value == values


@pytest.mark.parametrize(
    ("policy", "end"),
    [
        ("fail_parent_on_failure", "failed"),
        ("ignore_dependency_on_failure", "completed"),
        ("remove_dependency_on_failure", "completed"),
        ("continue_parent_on_failure", "completed"),
    ],
)
def test_a_failing_child_does_to_its_parent_what_its_policy_says(
    node: NodeBullMQ, flows: FlowProducer, policy: str, end: str
) -> None:
    chosen: dict[str, Any] = {policy: True}
    only = FlowJob("audio", queue="parts", options=JobOptions(**chosen))
    tree = flows.add(FlowJob("publish", queue="video", children=[only]))

    with node.worker("parts", Fail("no sound")), node.worker("video", Complete()):
        wait_until(lambda: node.state("video", tree.job.id) == end, f"the parent to be {end}")


@pytest.mark.parametrize("policy", [{}, {"fail_parent_on_failure": True}], ids=["no policy", "fail parent"])
def test_a_parent_runs_in_node_whose_failed_child_we_ignore(
    node: NodeBullMQ, flows: FlowProducer, policy: dict[str, Any]
) -> None:
    """Of a child with "fail parent on failure" the parent has failed in Node before."""
    options = JobOptions(**policy)
    children = [FlowJob("audio", queue="parts", options=options), FlowJob("thumbs", queue="thumbs", options=options)]
    tree = flows.add(FlowJob("publish", queue="video", children=children))
    audio = next(child.job for child in tree.children if child.job.queue_name == "parts")
    reads = Code("return [await job.getChildrenValues(), await job.getIgnoredChildrenFailures()]")

    with node.worker("parts", Fail("no sound")), node.worker("video", reads):
        wait_until(lambda: node.state("parts", audio.id) == "failed", "the child to fail")
        if policy:
            wait_until(lambda: node.state("video", tree.job.id) == "failed", "the parent to fail with it")
        assert audio.ignore_failure() is Ignored.WAITS
        assert node.state("video", tree.job.id) == "waiting-children"
        with node.worker("thumbs", Complete("small")):
            wait_until(lambda: node.state("video", tree.job.id) == "completed", "the parent to run")

    tree.job.refresh()
    values, ignored = tree.job.return_value
    assert list(values.values()) == ["small"]
    assert ignored == {f"bull:parts:{audio.id}": "no sound"}


def test_we_read_a_flow_that_node_added(node: NodeBullMQ, flows: FlowProducer) -> None:
    children = [{"name": "part", "queueName": "parts", "data": {"n": n}} for n in range(3)]
    added = node.add_flow({"name": "publish", "queueName": "video", "data": {"id": 1}, "children": children})

    tree = flows.get_flow("video", added["job"]["id"])

    assert tree is not None
    assert tree.job.name == "publish"
    assert sorted(child.job.data["n"] for child in tree.children) == [0, 1, 2]
    assert tree.job.get_dependencies_count().unprocessed == 3


def test_removing_a_parent_of_node_removes_its_children(node: NodeBullMQ, queue: Queue) -> None:
    added = node.add_flow(
        {"name": "publish", "queueName": "video", "children": [{"name": "part", "queueName": "parts"}]}
    )

    queue.remove(added["job"]["id"])

    assert node.counts("parts")["waiting"] == 0
    assert node.get_job("video", added["job"]["id"]) is None


def test_a_node_worker_keeps_our_scheduler_going(node: NodeBullMQ, queue: Queue) -> None:
    queue.upsert_job_scheduler("tick", Repeat(every=50), name="tick", data={"n": 1})

    with node.worker("video", Complete()) as worker:
        wait_until(lambda: len(worker.jobs("completed")) >= 3, "three runs")
        queue.remove_job_scheduler("tick")

    assert queue.get_job_schedulers() == []
    assert {job.data["n"] for job in queue.get_completed()} == {1}


def test_we_read_and_remove_a_scheduler_of_node(node: NodeBullMQ, queue: Queue) -> None:
    node.upsert_job_scheduler("video", "nightly", {"pattern": "0 3 * * *", "tz": "Europe/Madrid"}, {"name": "report"})

    (scheduler,) = queue.get_job_schedulers()

    assert (scheduler.id, scheduler.name, scheduler.repeat.pattern) == ("nightly", "report", "0 3 * * *")
    assert scheduler.repeat.tz == "Europe/Madrid"
    assert queue.remove_job_scheduler("nightly")
    assert node.call("video", "getJobSchedulers") == []
    assert node.counts("video")["delayed"] == 0


@pytest.mark.parametrize(
    ("pattern", "tz"),
    [
        ("*/7 * * * *", "UTC"),
        ("0 9 * * 1", "Asia/Saigon"),
        ("15 10 L * *", "America/New_York"),
        ("30 2 * * *", "Europe/Madrid"),
        ("0 0 29 2 *", "UTC"),
        ("*/20 * * * * *", "UTC"),
        ("0 12 * * 1-5", "Australia/Lord_Howe"),
        ("0 0 1 jan *", "Pacific/Auckland"),
    ],
)
def test_a_cron_pattern_means_the_same_moment_in_both_languages(
    node: NodeBullMQ, queue: Queue, pattern: str, tz: str
) -> None:
    def asked_at_one_time() -> dict[str, int | None] | None:
        node.upsert_job_scheduler("video", "before", {"pattern": pattern, "tz": tz}, {"name": "t"})
        queue.upsert_job_scheduler("ours", Repeat(pattern=pattern, tz=tz))
        node.upsert_job_scheduler("video", "after", {"pattern": pattern, "tz": tz}, {"name": "t"})
        moments = {scheduler.id: scheduler.next_ms for scheduler in queue.get_job_schedulers()}
        return moments if moments["before"] == moments["after"] else None  # else one of them has just passed

    moments = wait_until(asked_at_one_time, "all three to be asked before the next run")

    assert moments is not None
    assert moments["ours"] == moments["before"]
