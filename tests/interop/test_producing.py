"""We add, Node works: every way of adding a job ends in a Node processor that gets what we meant."""

from collections.abc import Iterator
from typing import Any

import pytest

from board.engine import Backoff, Deduplication, JobOptions, Keep, Queue
from tests.interop.node import Code, Complete, Echo, Fail, NodeBullMQ
from tests.waiting import wait_until

pytestmark = pytest.mark.node

HOSTILE: dict[str, Any] = {
    "html": "<script>alert(1)</script>",
    "quote": "'\"\\",
    "text": "é ☃ 😀",
    "empty": [],
    "none": None,
    "deep": [[{}]],
}


@pytest.fixture
def queue(redis_url: str) -> Iterator[Queue]:
    with Queue("mail", connection=redis_url) as one:
        yield one


def test_node_gets_the_name_the_data_and_the_options_we_gave(node: NodeBullMQ, queue: Queue) -> None:
    job = queue.add("welcome", HOSTILE, attempts=3, keep_logs=7)

    seen = node.get_job("mail", job.id)

    assert seen is not None
    assert (seen.name, seen.data) == ("welcome", HOSTILE)
    assert (seen.options["attempts"], seen.options["keepLogs"]) == (3, 7)


def test_a_node_worker_completes_our_job_and_we_read_what_it_returned(node: NodeBullMQ, queue: Queue) -> None:
    job = queue.add("welcome", HOSTILE)

    with node.worker("mail", Echo()) as worker:
        wait_until(lambda: worker.jobs("completed"), "the job to complete")

    job.refresh()
    assert job.return_value == HOSTILE
    assert job.get_state() == "completed"


def test_jobs_run_in_the_order_bullmq_promises(node: NodeBullMQ, queue: Queue) -> None:
    slow = queue.add("p", priority=9)
    first = queue.add("a")
    second = queue.add("b")
    urgent = queue.add("p", priority=1)
    last_in = queue.add("c", lifo=True)

    with node.worker("mail", Complete(), concurrency=1) as worker:
        wait_until(lambda: len(worker.jobs("completed")) == 5, "all five jobs")

        assert worker.jobs("completed") == [job.id for job in (last_in, first, second, urgent, slow)]


def test_a_delayed_job_starts_when_it_is_due(node: NodeBullMQ, queue: Queue) -> None:
    job = queue.add("later", delay=300)

    with node.worker("mail", Complete()) as worker:
        wait_until(lambda: worker.jobs("completed"), "the delayed job")

    job.refresh()
    assert job.processed_on_ms is not None
    assert job.timestamp_ms is not None
    assert job.processed_on_ms >= job.timestamp_ms + 300


def test_the_same_id_twice_is_one_job(node: NodeBullMQ, queue: Queue) -> None:
    first = queue.add("order", {"n": 1}, job_id="order-7")
    again = queue.add("order", {"n": 2}, job_id="order-7")

    assert first.id == again.id == "order-7"
    assert node.counts("mail")["waiting"] == 1
    seen = node.get_job("mail", "order-7")
    assert seen is not None
    assert seen.data == {"n": 1}


def test_many_jobs_at_once_arrive_in_order(node: NodeBullMQ, queue: Queue) -> None:
    added = queue.add_bulk([("n", {"n": n}) for n in range(120)])

    seen = node.get_jobs("mail", ["waiting"])

    assert len(added) == len(seen) == 120
    assert sorted(job.data["n"] for job in seen) == list(range(120))
    assert [int(job.id) for job in added] == list(range(1, 121))


def test_node_retries_with_our_backoff_and_keeps_our_retention(node: NodeBullMQ, queue: Queue) -> None:
    options = JobOptions(attempts=3, backoff=Backoff.exponential(10), remove_on_complete=Keep(count=1))
    for _ in range(2):
        queue.add("flaky", options=options)

    with node.worker("mail", Fail("not yet", times=2)) as worker:
        wait_until(lambda: len(worker.jobs("completed")) == 2, "both jobs to complete on their third attempt")

    assert queue.get_job_counts("completed") == {"completed": 1}
    assert len(queue.get_completed()[0].stacktrace) == 2


def test_deduplication_holds_across_languages(node: NodeBullMQ, queue: Queue) -> None:
    ours = queue.add("sync", {"n": 1}, deduplication=Deduplication("customer-1"))

    theirs = node.add("mail", "sync", {"n": 2}, {"deduplication": {"id": "customer-1"}})

    assert theirs.id == ours.id
    assert queue.get_deduplication_job_id("customer-1") == ours.id
    with node.worker("mail", Complete()) as worker:
        wait_until(lambda: worker.jobs("completed"), "the one job")
    assert queue.add("sync", {"n": 3}, deduplication=Deduplication("customer-1")).id != ours.id


def test_node_sees_progress_and_log_lines_that_we_write(node: NodeBullMQ, queue: Queue) -> None:
    events = node.queue_events("mail")
    job = queue.add("long")

    job.update_progress({"step": 2})
    job.log("half way")

    assert node.call("mail", "getJobLogs", job.id) == {"logs": ["half way"], "count": 1}
    wait_until(lambda: "progress" in events.kinds(job.id), "the progress event")
    seen = node.get_job("mail", job.id)
    assert seen is not None
    assert seen.progress == {"step": 2}


def test_we_read_progress_and_log_lines_that_node_writes(node: NodeBullMQ, queue: Queue) -> None:
    job = queue.add("long")

    with node.worker("mail", Code("await job.updateProgress(40); await job.log('from node')")) as worker:
        wait_until(lambda: worker.jobs("completed"), "the job")

    job.refresh()
    assert job.progress == 40
    assert job.get_logs().lines == ("from node",)


def test_a_node_producer_can_wait_for_a_result(node: NodeBullMQ, queue: Queue) -> None:
    job = queue.add("sum", {"a": 1})

    with node.worker("mail", Complete({"total": 3})):
        assert node.wait_until_finished("mail", job.id) == {"total": 3}


def test_node_hears_an_event_of_our_own(node: NodeBullMQ, queue: Queue) -> None:
    queue.add("x")
    events = node.queue_events("mail")

    event_id = queue.publish_event("shipped", parcel="P-7")

    wait_until(lambda: "shipped" in [event.kind for event in events.all()], "the event")
    [heard] = [event for event in events.all() if event.kind == "shipped"]
    assert heard.fields["parcel"] == "P-7"
    assert heard.id == event_id
