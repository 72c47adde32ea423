"""Repair one job: other data, another delay or priority, fresh attempts, a copy, a way to the dead letters and back."""

from __future__ import annotations

from collections.abc import Callable

from board.actions.jobs import GONE, change_each
from board.actions.perform import Actor, Change, Desk, Outcome, Refusal, check_data, perform, reaches
from board.auth.policy import Permission
from board.engine.calls import Call
from board.engine.commands import dead_letters, jobs, repairs, stops
from board.engine.commands.dead_letters import Replayed
from board.engine.commands.pages import queue_of
from board.engine.errors import JobLockedError, JobNotFoundError, JobNotInStateError, NotStoppableError
from board.engine.keys import QueueKeys
from board.engine.types import FINISHED_STATES, JobState
from board.words import sentence

__all__ = ["bury", "change_delay", "change_priority", "duplicate", "edit_data", "retry_afresh", "send_back", "stop"]


LONGEST_RECORDED = 2_000
"""Characters of a job's data that the audit log keeps, before and after."""


def edit_data(
    desk: Desk,
    actor: Actor,
    queue: QueueKeys,
    job_id: str,
    text: str,
    *,
    digest: str,
    retries: bool,
    before: str = "",
    after: str = "",
) -> Outcome:
    """Replace the data of a job that no worker holds, and retry it if asked.

    ``before`` and ``after`` are the data without their secrets, for the audit log.

    Raises:
        JobNotInStateError: the data are not those that ``digest`` stands for any more; nothing was done.
        JobLockedError: a worker holds it.
        DataRefusedError: data that the schema of these jobs does not allow; nothing was done.
    """

    def change() -> Change:
        if desk.schemas.of_queue(queue.name):
            job = desk.connection.call(jobs.get_job(queue, job_id))
            check_data(desk, actor, queue, (job.name if job else "") or "", text)
        desk.connection.call(repairs.replace_data(queue, job_id, text, digest))
        detail = f"{len(text.encode())} bytes"
        if not retries:
            return Change(done=(job_id,), detail=detail, before=shorten(before), after=shorten(after))
        retried = change_each(desk.connection, queue, (job_id,), _retry(queue, afresh=False))
        return Change(
            done=(job_id,), refusals=retried.refusals, detail=detail, before=shorten(before), after=shorten(after)
        )

    action = "edit data and retry" if retries else "edit data"
    return perform(desk, actor, Permission.EDIT, queue, change, ids=(job_id,), action=action)


def duplicate(desk: Desk, actor: Actor, queue: QueueKeys, job_id: str) -> Outcome:
    """Add a new job like this one; ``change.detail`` names it.

    Raises:
        JobNotFoundError: there is nothing to copy.
        DataRefusedError: its data are not what the schema of these jobs allows, any more; nothing was added.
    """

    def change() -> Change:
        job = desk.connection.call(jobs.get_job(queue, job_id))
        if job is None:
            raise JobNotFoundError(f"job {job_id} is not in queue {queue.name} any more", queue=queue.name)
        copy = repairs.copy_of(job, desk.clock())
        check_data(desk, actor, queue, copy.name, copy.data)
        added = desk.connection.call(jobs.add_job(queue, copy))
        return Change(done=(added,), detail=f"a copy of {job_id}")

    return perform(desk, actor, Permission.ADD, queue, change, ids=(job_id,), action="duplicate")


def retry_afresh(desk: Desk, actor: Actor, queue: QueueKeys, job_id: str) -> Outcome:
    """Make a job that ended runnable again, with all its attempts before it."""
    return perform(
        desk,
        actor,
        Permission.RETRY,
        queue,
        lambda: change_each(desk.connection, queue, (job_id,), _retry(queue, afresh=True)),
        ids=(job_id,),
        action="retry with fresh attempts",
    )


def change_delay(desk: Desk, actor: Actor, queue: QueueKeys, job_id: str, delay_ms: int) -> Outcome:
    """Let a delayed job wait so long from now on."""

    def plan(one: str, state: JobState) -> Call[None] | str:
        if state is JobState.DELAYED:
            return jobs.change_delay(queue, one, delay_ms, desk.clock())
        return sentence("is %(state)s; only delayed jobs have a delay to change", state=sentence(state.value))

    return perform(
        desk,
        actor,
        Permission.EDIT,
        queue,
        lambda: change_each(desk.connection, queue, (job_id,), plan),
        ids=(job_id,),
        action="change delay",
    )


def change_priority(desk: Desk, actor: Actor, queue: QueueKeys, job_id: str, priority: int) -> Outcome:
    """Give a job in line another priority.

    Raises:
        InvalidOptionError: not 0 to 2,097,151.
    """

    def plan(one: str, state: JobState) -> Call[None] | str:
        if state in (JobState.WAITING, JobState.PRIORITIZED):
            return jobs.change_priority(queue, one, priority)
        return sentence(
            "is %(state)s; only waiting and prioritized jobs have a place in line", state=sentence(state.value)
        )

    return perform(
        desk,
        actor,
        Permission.EDIT,
        queue,
        lambda: change_each(desk.connection, queue, (job_id,), plan),
        ids=(job_id,),
        action="change priority",
    )


def stop(desk: Desk, actor: Actor, queue: QueueKeys, job_id: str) -> Outcome:
    """Ask the worker of an active job to stop it. It fails, and says by whom and why it was stopped."""
    by = f"stopped by {actor.identity.name}"
    reason = f"{by}: {actor.reason}" if actor.reason else by

    def refused(why: str) -> Change:
        return Change(refusals=(Refusal(job_id, why),))

    def change() -> Change:
        try:
            desk.connection.call(stops.ask_to_stop(queue, job_id, reason))
        except JobNotFoundError:
            return refused(GONE)
        except JobNotInStateError:
            return refused(sentence("is in no worker's hands; only active jobs can be stopped, nothing was done"))
        except NotStoppableError:
            return refused(sentence("is held by a worker that takes no requests to stop; nothing was done"))
        return Change(done=(job_id,), detail="its worker was asked")

    return perform(desk, actor, Permission.EDIT, queue, change, ids=(job_id,), action="stop")


def bury(desk: Desk, actor: Actor, queue: QueueKeys, job_id: str, grave: QueueKeys) -> Outcome:
    """Move a failed job into a dead-letter queue."""

    def plan(one: str, state: JobState) -> Call[None] | str:
        if state is JobState.FAILED:
            return dead_letters.bury_job(queue, one, grave, desk.clock())
        return sentence("is %(state)s; only failed jobs can become dead letters", state=sentence(state.value))

    def change() -> Change:
        done = change_each(desk.connection, queue, (job_id,), plan)
        if done.done:
            desk.connection.call(repairs.make_known(grave))
        return Change(done.done, done.refusals, detail=f"to {grave.name}")

    return perform(
        desk, actor, Permission.EDIT, queue, change, ids=(job_id,), action="move to dead letters", also=(grave,)
    )


def send_back(desk: Desk, actor: Actor, queue: QueueKeys, job_id: str) -> Outcome:
    """Send a dead letter back to the queue it came from; ``change.detail`` says what became of it."""
    words = {
        Replayed.RETRIED: sentence("it runs again"),
        Replayed.RECREATED: sentence("it was made anew"),
        Replayed.IN_MOTION: sentence("it was in motion already, only the letter was taken away"),
    }

    def change() -> Change:
        job = desk.connection.call(jobs.get_job(queue, job_id))
        letter = dead_letters.dead_letter_of(job) if job else None
        if letter and not reaches(desk, actor, Permission.EDIT, queue_of(f"{letter.prefix}:{letter.queue}:")):
            return Change(
                refusals=(Refusal(job_id, sentence("came from a queue that you may not change; nothing was done")),)
            )
        try:
            done = desk.connection.call(dead_letters.replay(queue, job_id, desk.clock()))
        except JobNotFoundError:
            return Change(
                refusals=(Refusal(job_id, sentence("is not in Redis any more; somebody may have sent it back")),)
            )
        except JobLockedError:
            return Change(refusals=(Refusal(job_id, sentence("is held by a worker; nothing was done")),))
        except JobNotInStateError:
            return Change(refusals=(Refusal(job_id, sentence("is no dead letter; nothing was done")),))
        return Change(done=(job_id,), detail=words[done])

    return perform(desk, actor, Permission.EDIT, queue, change, ids=(job_id,), action="send back")


def shorten(text: str) -> str:
    """Cut what is recorded of a job's data to 2,000 characters."""
    return text if len(text) <= LONGEST_RECORDED else text[: LONGEST_RECORDED - 1] + "…"


def _retry(queue: QueueKeys, *, afresh: bool) -> Callable[[str, JobState], Call[None] | str]:
    def plan(one: str, state: JobState) -> Call[None] | str:
        if state in FINISHED_STATES:
            return jobs.retry_job(queue, one, state, reset_attempts_made=afresh, reset_attempts_started=afresh)
        return sentence("is %(state)s; only failed or completed jobs can be retried", state=sentence(state.value))

    return plan
