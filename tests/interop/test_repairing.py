"""Node's jobs, repaired by us: what we retry, promote, remove, pause, drain or clean, Node sees as its own doing."""

from collections.abc import Iterator

import pytest

from board.engine import JobState, Queue
from board.engine.errors import JobLockedError, NotStoppableError
from tests.interop.node import Complete, Fail, Hold, NodeBullMQ
from tests.waiting import wait_until

pytestmark = pytest.mark.node


@pytest.fixture
def queue(redis_url: str) -> Iterator[Queue]:
    with Queue("mail", connection=redis_url) as one:
        yield one


def fail_one(node: NodeBullMQ, **options: object) -> str:
    """Let Node add a job and fail it."""
    job = node.add("mail", "charge", {"amount": 5}, options)
    with node.worker("mail", Fail("card declined")) as worker:
        wait_until(lambda: worker.jobs("failed"), "the failure")
        wait_until(lambda: node.state("mail", job.id) == "failed", "the job among the failed")
    return job.id


def test_a_job_that_node_failed_and_we_retried_is_completed_by_node(node: NodeBullMQ, queue: Queue) -> None:
    job_id = fail_one(node)
    job = queue.get_job(job_id)
    assert job is not None
    assert job.failed_reason == "card declined"
    assert "Error: card declined" in job.stacktrace[0]

    job.retry()

    with node.worker("mail", Complete("paid")) as worker:
        wait_until(lambda: worker.jobs("completed"), "the retried job")
    job.refresh()
    assert job.return_value == "paid"
    assert job.failed_reason is None


def test_all_failed_jobs_are_retried_in_one_go(node: NodeBullMQ, queue: Queue) -> None:
    node.add_bulk("mail", [("charge", {"n": n}, {}) for n in range(30)])
    with node.worker("mail", Fail("down"), concurrency=10):
        wait_until(lambda: node.counts("mail")["failed"] == 30, "thirty failures")

    assert queue.retry_jobs(state="failed") == 30

    with node.worker("mail", Complete(), concurrency=10):
        wait_until(lambda: node.counts("mail")["completed"] == 30, "thirty completions")


def test_a_promoted_job_runs_now(node: NodeBullMQ, queue: Queue) -> None:
    job = node.add("mail", "later", None, {"delay": 600_000})
    ours = queue.get_job(job.id)
    assert ours is not None

    ours.promote()

    with node.worker("mail", Complete()) as worker:
        wait_until(lambda: worker.jobs("completed") == [job.id], "the promoted job")


def test_a_removed_job_is_gone_for_node(node: NodeBullMQ, queue: Queue) -> None:
    job = node.add("mail", "welcome")

    queue.remove(job.id)

    assert node.get_job("mail", job.id) is None
    assert node.counts("mail")["waiting"] == 0


def test_a_job_that_a_node_worker_holds_cannot_be_removed(node: NodeBullMQ, queue: Queue) -> None:
    job = node.add("mail", "welcome")
    with node.worker("mail", Hold()) as worker:
        wait_until(lambda: worker.jobs("active"), "the job to start")

        with pytest.raises(JobLockedError, match="held by a worker"):
            queue.remove(job.id)

        worker.release(job.id)
        wait_until(lambda: worker.jobs("completed"), "the job to end")


def test_a_queue_we_paused_rests_and_one_we_resumed_goes_on(node: NodeBullMQ, queue: Queue) -> None:
    node.add("mail", "before")
    queue.pause()
    assert node.is_paused("mail")
    node.add("mail", "while paused")

    with node.worker("mail", Complete()) as worker:
        assert worker.jobs("completed") == []
        queue.resume()
        wait_until(lambda: len(worker.jobs("completed")) == 2, "both jobs after resuming")

    assert not node.is_paused("mail")


def test_a_queue_that_node_paused_is_resumed_by_us_without_losing_a_job(node: NodeBullMQ, queue: Queue) -> None:
    node.add_bulk("mail", [("before", {"n": n}, {}) for n in range(5)])
    node.pause("mail")
    node.add("mail", "added by node while paused")
    queue.add("added by us while paused")
    assert queue.get_job_counts("waiting") == {"waiting": 7}

    queue.resume()

    with node.worker("mail", Complete()) as worker:
        wait_until(lambda: len(worker.jobs("completed")) == 7, "all seven jobs")


def test_counts_are_those_of_node(node: NodeBullMQ, queue: Queue) -> None:
    fail_one(node)
    node.add_bulk(
        "mail",
        [("w", None, {}), ("w", None, {}), ("d", None, {"delay": 90_000}), ("p", None, {"priority": 3})],
    )
    node.add_flow({"name": "parent", "queueName": "mail", "children": [{"name": "child", "queueName": "other"}]})

    theirs = node.counts("mail")

    assert queue.get_job_counts() == {name: theirs[name] for name in queue.get_job_counts()}
    assert theirs["waiting-children"] == theirs["delayed"] == theirs["prioritized"] == theirs["failed"] == 1


def test_draining_and_cleaning_leave_what_node_would_leave(node: NodeBullMQ, queue: Queue) -> None:
    failed = fail_one(node)
    node.add_bulk("mail", [("w", None, {}), ("p", None, {"priority": 1}), ("d", None, {"delay": 90_000})])

    assert queue.drain() == 2
    assert queue.clean(0, state=JobState.FAILED) == [failed]

    counts = node.counts("mail")
    assert {state: number for state, number in counts.items() if number} == {"delayed": 1}
    queue.obliterate()
    assert node.call("mail", "getJobCounts") == dict.fromkeys(node.call("mail", "getJobCounts"), 0)


def test_changed_data_delay_and_priority_reach_node(node: NodeBullMQ, queue: Queue) -> None:
    waiting = node.add("mail", "w", {"n": 1}, {"priority": 5})
    delayed = node.add("mail", "d", {"n": 1}, {"delay": 600_000})
    ours, later = queue.get_job(waiting.id), queue.get_job(delayed.id)
    assert ours is not None
    assert later is not None

    ours.update_data({"n": 2})
    ours.change_priority(1)
    later.change_delay(5)

    with node.worker("mail", Complete(), concurrency=1) as worker:
        wait_until(lambda: len(worker.jobs("completed")) == 2, "both jobs")
    seen = node.get_job("mail", waiting.id)
    assert seen is not None
    assert (seen.data, seen.priority) == ({"n": 2}, 1)


def test_a_job_in_nodes_hands_is_not_stopped_and_node_completes_it(node: NodeBullMQ, queue: Queue) -> None:
    job = node.add("mail", "charge")
    with node.worker("mail", Hold()) as worker:
        wait_until(lambda: worker.jobs("active"), "the job to run")

        with pytest.raises(NotStoppableError):
            queue.stop_job(job.id)

        worker.release(job.id, "paid")
        wait_until(lambda: node.state("mail", job.id) == "completed", "Node to complete it")
