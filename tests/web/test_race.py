"""A job that moves between the look and the act: nothing is done to it, and what it is now is said."""

from board.actions.jobs import change_each
from board.engine.calls import Call
from board.engine.commands.jobs import promote_job, remove_job, retry_job
from board.engine.types import JobState
from tests.web.site import Site


def test_a_job_retried_by_somebody_else_meanwhile(site: Site) -> None:
    site.jobs.failed("1a")
    site.jobs.failed("2b")

    def plan(job_id: str, state: JobState) -> Call[None]:
        if job_id == "1a":  # the other person is faster
            site.jobs.connection.call(retry_job(site.jobs.queue, job_id, state))
        return retry_job(site.jobs.queue, job_id, state)

    change = change_each(site.jobs.connection, site.jobs.queue, ["1a", "2b"], plan)

    assert change.done == ("2b",)
    (left,) = change.refusals
    assert left.job_id == "1a"
    assert left.reason == "changed state meanwhile: it is now waiting; nothing was done"


def test_a_job_removed_by_somebody_else_meanwhile(site: Site) -> None:
    site.jobs.delayed("1a")

    def plan(job_id: str, state: JobState) -> Call[None]:
        del state
        site.jobs.connection.call(remove_job(site.jobs.queue, job_id))
        return promote_job(site.jobs.queue, job_id)

    change = change_each(site.jobs.connection, site.jobs.queue, ["1a"], plan)

    assert change.done == ()
    assert [left.reason for left in change.refusals] == ["is not in Redis any more; nothing was done"]


def test_a_job_taken_by_a_worker_meanwhile_is_not_removed(site: Site) -> None:
    site.jobs.waiting("1a")

    def plan(job_id: str, state: JobState) -> Call[None]:
        del state
        site.jobs.take()
        return remove_job(site.jobs.queue, job_id)

    change = change_each(site.jobs.connection, site.jobs.queue, ["1a"], plan)

    assert [left.reason for left in change.refusals] == [
        "is held by a worker, or one of its children is; nothing was done"
    ]
    assert site.jobs.state("1a") is JobState.ACTIVE
