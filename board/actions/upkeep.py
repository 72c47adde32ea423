"""A queue as a whole: add a job, set its limits, empty it; all of one state at once, as far as one request may go."""

from __future__ import annotations

from dataclasses import replace

from board.actions.perform import Actor, Change, Desk, Outcome, Refusal, check_data, perform
from board.auth.policy import Permission
from board.engine.calls import Call
from board.engine.commands import jobs, limits, queues
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import JobCounts, JobOptions, JobState
from board.errors import BadRequestError, TooManyError
from board.words import Count, sentence

__all__ = [
    "LARGEST_RUN",
    "add_job",
    "clean",
    "drain",
    "obliterate",
    "promote_all",
    "release_limit",
    "retry_all",
    "set_concurrency",
    "set_rate_limit",
]

LARGEST_RUN = 10_000
"""Jobs that one request may work through, in steps of 1,000: some seconds. More needs a run in the background."""


def add_job(desk: Desk, actor: Actor, queue: QueueKeys, name: str, *, data_text: str, options: JobOptions) -> Outcome:
    """Add a job with data that are JSON already, to the last digit; ``change.done`` has its id.

    A job of that id, or of that deduplication id, that was there already is a refusal: nothing was added.

    Raises:
        UsageError: an option that makes no sense.
        DataRefusedError: data that the schema of these jobs does not allow; nothing was added.
    """

    def change() -> Change:
        job = replace(prepare_job(name, None, options, now_ms=desk.clock(), queue=queue), data=data_text)
        check_data(desk, actor, queue, job.name, job.data)
        added, is_new = desk.connection.run(jobs.add_new_job(queue, job))
        if not is_new:
            return Change(refusals=(Refusal(added, sentence("is there already; nothing was added")),))
        return Change(done=(added,), detail=f"job {added}")

    return perform(desk, actor, Permission.ADD, queue, change, action="add job")


def retry_all(desk: Desk, actor: Actor, queue: QueueKeys) -> Outcome:
    """Make all failed jobs runnable again.

    Raises:
        TooManyError: more than ``LARGEST_RUN``; nothing was done.
    """

    def change() -> Change:
        _within(_counts(desk, queue).failed)
        return Change(unnamed=desk.connection.run(queues.retry_jobs(queue, before_ms=desk.clock())))

    return perform(desk, actor, Permission.RETRY, queue, change, action="retry all")


def promote_all(desk: Desk, actor: Actor, queue: QueueKeys) -> Outcome:
    """Make all delayed jobs runnable now.

    Raises:
        TooManyError: more than ``LARGEST_RUN``; nothing was done.
    """

    def change() -> Change:
        _within(_counts(desk, queue).delayed)
        return Change(unnamed=desk.connection.run(queues.promote_jobs(queue)))

    return perform(desk, actor, Permission.PROMOTE, queue, change, action="promote all")


def drain(desk: Desk, actor: Actor, queue: QueueKeys, *, delayed: bool) -> Outcome:
    """Remove everything that waits, with the delayed jobs if asked.

    Raises:
        TooManyError: more than ``LARGEST_RUN``; nothing was done.
    """

    def change() -> Change:
        counts = _counts(desk, queue)
        _within(counts.waiting + counts.paused + counts.prioritized + (counts.delayed if delayed else 0))
        return Change(unnamed=desk.connection.run(queues.drain(queue, delayed=delayed)))

    return perform(desk, actor, Permission.EMPTY, queue, change, action="drain with delayed" if delayed else "drain")


def clean(desk: Desk, actor: Actor, queue: QueueKeys, state: JobState, older_ms: int) -> Outcome:
    """Remove jobs of one state that are older than so long, oldest first, at most ``LARGEST_RUN``.

    Raises:
        TooManyError: a list so long that looking through it is too much for one request; nothing was done.
        InvalidOptionError: a state that cannot be cleaned.
    """

    def change() -> Change:
        if state not in (JobState.COMPLETED, JobState.FAILED):
            counts = _counts(desk, queue)
            _within(int(getattr(counts, state.value.replace("-", "_"))))
        gone = desk.connection.run(queues.clean(queue, older_ms, LARGEST_RUN, state, desk.clock()))
        return Change(unnamed=len(gone), detail=f"{state.value}, older than {older_ms} ms")

    return perform(desk, actor, Permission.EMPTY, queue, change, action="clean")


def obliterate(desk: Desk, actor: Actor, queue: QueueKeys, typed: str, *, force: bool) -> Outcome:
    """Delete a queue with everything in it, once its name was typed.

    Raises:
        BadRequestError: another name was typed, or jobs are active and ``force`` is off; nothing was done.
        TooManyError: more than ``LARGEST_RUN`` jobs; nothing was done.
    """

    def change() -> Change:
        if typed != queue.name:
            raise BadRequestError(sentence("The name that was typed is not the queue's. Nothing was changed."))
        counts = _counts(desk, queue)
        if counts.active and not force:
            raise BadRequestError(
                sentence(
                    "%(n)s jobs are active. Wait for them or choose to delete them too. Nothing was changed.",
                    n=Count(counts.active),
                )
            )
        total = sum(int(getattr(counts, name)) for name in counts.__slots__)
        _within(total)
        desk.connection.run(queues.obliterate(queue, force=force))
        return Change(unnamed=total)

    return perform(desk, actor, Permission.OBLITERATE, queue, change, action="obliterate")


def set_concurrency(desk: Desk, actor: Actor, queue: QueueKeys, concurrency: int) -> Outcome:
    """Let at most so many jobs run at once over all workers; 0 lifts the limit."""
    call = limits.set_global_concurrency(queue, concurrency) if concurrency else limits.remove_global_concurrency(queue)
    return _limited(
        desk,
        actor,
        queue,
        call,
        action="set concurrency",
        after=f"{concurrency} at once" if concurrency else "no limit",
    )


def set_rate_limit(desk: Desk, actor: Actor, queue: QueueKeys, maximum: int, window_ms: int) -> Outcome:
    """Let at most so many jobs start in each window over all workers; 0 lifts the limit."""
    call = (
        limits.set_global_rate_limit(queue, maximum, window_ms) if maximum else limits.remove_global_rate_limit(queue)
    )
    after = f"{maximum} in {window_ms} ms" if maximum else "no limit"
    return _limited(desk, actor, queue, call, action="set rate limit", after=after)


def release_limit(desk: Desk, actor: Actor, queue: QueueKeys) -> Outcome:
    """Let jobs start again while the queue is held back by its rate limit, or by hand."""
    return _limited(desk, actor, queue, limits.remove_rate_limit(queue), action="release rate limit", after="")


def _limited(desk: Desk, actor: Actor, queue: QueueKeys, call: Call[None], *, action: str, after: str) -> Outcome:
    def change() -> Change:
        meta = desk.connection.call(queues.get_meta(queue))
        desk.connection.call(call)
        if action == "set concurrency":
            before = "no limit" if meta.concurrency is None else f"{meta.concurrency} at once"
        elif meta.limit_max is None:
            before = "no limit"
        else:
            before = f"{meta.limit_max} in {meta.limit_duration_ms} ms"
        return Change(before=before, after=after)

    return perform(desk, actor, Permission.LIMIT, queue, change, action=action)


def _counts(desk: Desk, queue: QueueKeys) -> JobCounts:
    return desk.connection.call(queues.get_counts(queue))


def _within(count: int) -> None:
    if count > LARGEST_RUN:
        raise TooManyError(count, LARGEST_RUN)
