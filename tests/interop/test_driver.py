"""The driver does what the interop tests take for granted."""

import pytest
import redis

from tests.interop.node import PATIENCE_MS, Code, Complete, Echo, Fail, Hold, NodeBullMQ, NodeError, Slow
from tests.waiting import wait_until

pytestmark = pytest.mark.node


def test_a_job_added_by_node_lies_in_redis(node: NodeBullMQ, redis_client: "redis.Redis") -> None:
    job = node.add("mail", "welcome", {"to": "ada"}, {"attempts": 3})

    assert redis_client.lrange("bull:mail:wait", 0, -1) == [job.id]
    assert redis_client.hget(f"bull:mail:{job.id}", "name") == "welcome"
    assert job.options["attempts"] == 3


def test_counts_and_jobs_read_back(node: NodeBullMQ) -> None:
    node.add_bulk("mail", [("one", {"n": 1}, {}), ("two", {"n": 2}, {"delay": 60_000})])

    counts = node.counts("mail")

    assert (counts["waiting"], counts["delayed"]) == (1, 1)
    assert [job.name for job in node.get_jobs("mail", ["delayed"])] == ["two"]


def test_an_unknown_job_is_none(node: NodeBullMQ) -> None:
    assert node.get_job("mail", "nope") is None


def test_a_worker_completes_and_its_events_are_kept(node: NodeBullMQ) -> None:
    job = node.add("mail", "welcome", {"to": "ada"})

    with node.worker("mail", Echo()) as worker:
        wait_until(lambda: worker.jobs("completed"), "the job to be completed")

        assert worker.jobs("active") == [job.id]
    done = node.get_job("mail", job.id)
    assert done is not None
    assert done.return_value == {"to": "ada"}


def test_a_worker_fails_as_often_as_told_and_then_completes(node: NodeBullMQ) -> None:
    job = node.add("mail", "welcome", None, {"attempts": 3})

    with node.worker("mail", Fail("no route", times=2)) as worker:
        wait_until(lambda: worker.jobs("completed"), "the third attempt")

        assert worker.jobs("failed") == [job.id, job.id]


def test_a_failed_job_keeps_its_reason_and_stack(node: NodeBullMQ) -> None:
    job = node.add("mail", "welcome")

    with node.worker("mail", Fail("no route")) as worker:
        wait_until(lambda: worker.jobs("failed"), "the failure")

    failed = node.get_job("mail", job.id)
    assert failed is not None
    assert failed.failed_reason == "no route"
    assert "Error: no route" in failed.stacktrace[0]
    assert node.state("mail", job.id) == "failed"


def test_a_held_job_stays_active_until_released(node: NodeBullMQ) -> None:
    job = node.add("mail", "welcome")

    with node.worker("mail", Hold()) as worker:
        wait_until(lambda: worker.jobs("active"), "the job to start")
        assert node.state("mail", job.id) == "active"
        worker.release(job.id, value=7)
        wait_until(lambda: worker.jobs("completed"), "the job to end")

    assert node.wait_until_finished("mail", job.id) == 7


def test_code_runs_with_the_job_in_scope(node: NodeBullMQ) -> None:
    job = node.add("mail", "welcome")

    with node.worker(
        "mail", Code("await job.updateProgress(50); await job.log('half'); return token.length > 0")
    ) as one:
        wait_until(lambda: one.jobs("completed"), "the code to run")

    assert node.call("mail", "getJobLogs", job.id) == {"logs": ["half"], "count": 1}
    done = node.get_job("mail", job.id)
    assert done is not None
    assert (done.progress, done.return_value) == (50, True)


def test_queue_events_are_recorded_in_order(node: NodeBullMQ) -> None:
    events = node.queue_events("mail")
    job = node.add("mail", "welcome")

    with node.worker("mail", Complete()):
        wait_until(lambda: "completed" in events.kinds(job.id), "the event of the completion")

    assert events.kinds(job.id) == ["added", "waiting", "active", "completed"]


def test_a_flow_runs_its_child_first(node: NodeBullMQ) -> None:
    tree = node.add_flow({"name": "film", "queueName": "video", "children": [{"name": "sound", "queueName": "video"}]})
    parent, child = tree["job"]["id"], tree["children"][0]["job"]["id"]

    with node.worker("video", Slow(1)) as worker:
        wait_until(lambda: parent in worker.jobs("completed"), "the parent to complete")

        assert worker.jobs("completed") == [child, parent]


def test_pausing_is_seen(node: NodeBullMQ) -> None:
    node.pause("mail")
    assert node.is_paused("mail")

    node.resume("mail")

    assert not node.is_paused("mail")


def test_a_scheduler_makes_its_first_job(node: NodeBullMQ) -> None:
    job = node.upsert_job_scheduler("mail", "daily", {"pattern": "0 9 * * *"}, {"name": "digest"})

    assert job["name"] == "digest"
    assert node.counts("mail")["delayed"] == 1


def test_a_worker_is_listed(node: NodeBullMQ) -> None:
    with node.worker("mail", Complete(), name="mailer-1"):
        names = wait_until(lambda: [row["rawname"] for row in node.workers("mail")], "the worker to be listed")

    assert len(names) == 1
    assert names[0].endswith("mailer-1")


def test_what_bullmq_refuses_is_raised_here(node: NodeBullMQ) -> None:
    with pytest.raises(NodeError, match="Custom Id cannot be integers"):
        node.add("mail", "welcome", None, {"jobId": "12"})


def test_the_test_goes_on_while_node_waits(node: NodeBullMQ) -> None:
    job = node.add("mail", "welcome")
    pending = node.begin("waitUntilFinished", queue="mail", prefix="bull", job=job.id, ms=PATIENCE_MS)

    with node.worker("mail", Complete("late")):
        assert pending.result() == "late"


def test_a_killed_process_comes_back(node: NodeBullMQ) -> None:
    job = node.add("mail", "welcome")
    node.worker("mail", Hold())
    wait_until(lambda: node.state("mail", job.id) == "active", "the job to start")

    node.kill()
    node.start()

    assert node.state("mail", job.id) == "active"
