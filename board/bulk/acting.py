"""What each verb of a bulk run does to some jobs, and to which jobs it can."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from board.actions.jobs import BEYOND, MOST_BELOW, explain, trees_beyond
from board.actions.perform import Actor, Desk, reaches
from board.auth.policy import Permission
from board.bulk.runs import Result, Source, Spec
from board.engine.calls import Batch, Call
from board.engine.commands import dead_letters, jobs, repairs, trees
from board.engine.commands.pages import queue_of
from board.engine.errors import EngineError, JobNotFoundError, JobNotInStateError, ScriptError
from board.engine.keys import STATE_CONTAINERS, QueueKeys
from board.engine.types import JobState
from board.words import Sentence, mark, sentence

__all__ = ["VERBS", "Seen", "Verb", "act", "reasons_against", "text_of_score"]

LISTS = ("waiting", "active", "paused")


@dataclass(frozen=True, slots=True)
class Seen:
    """A job as it was seen.

    Attributes:
        job_id: its id.
        score: the score that it had; None in a list.
        born: when it was added, as its hash spells it; empty where that was not read. Another job of the same id has
            another moment.
    """

    job_id: str
    score: str | None
    born: str = ""


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that a run can do.

    Attributes:
        permission: what one must be allowed.
        states: of the jobs it can be done to.
        done: the participle, for programs.
        only: why nothing is done to jobs of other states.
        destroys: whether something is lost for good.
    """

    permission: Permission
    states: tuple[str, ...]
    done: str
    only: Sentence
    destroys: bool = False


_REMOVABLE = ("waiting", "paused", "prioritized", "delayed", "waiting-children", "completed", "failed")
VERBS: Mapping[str, Verb] = {
    "retry": Verb(
        Permission.RETRY, ("failed", "completed"), "retried", sentence("only failed and completed jobs can be retried")
    ),
    "promote": Verb(Permission.PROMOTE, ("delayed",), "promoted", sentence("only delayed jobs can be promoted")),
    "remove": Verb(Permission.REMOVE, _REMOVABLE, "removed", sentence("workers hold them"), destroys=True),
    "bury": Verb(Permission.EDIT, ("failed",), "moved", sentence("only failed jobs can be moved")),
    "send-back": Verb(
        Permission.EDIT, ("waiting", "paused"), "sent back", sentence("only waiting and paused jobs can be sent back")
    ),
}

MOVED = mark("changed state meanwhile; nothing was done")
NO_LETTER = mark("is no dead letter, or came from a queue that you may not change; nothing was done")
SEEN_BEFORE = mark("was being acted on when the process was killed: done by it, or moved on; not repeated")


def reasons_against(verb: str, state: str) -> str:
    """Say why a verb does nothing to jobs of a state; empty when it does."""
    return "" if state in VERBS[verb].states else VERBS[verb].only


def act(desk: Desk, actor: Actor, spec: Spec, source: Source, seen: Sequence[Seen], *, again: bool) -> list[Result]:
    """Act on jobs of one state of a queue, those only that are still as they were seen.

    Args:
        desk: what to work with.
        actor: for whom.
        spec: what to do.
        source: where the jobs were seen.
        seen: the jobs.
        again: a process was killed while it acted on these very jobs: those that are no longer as they were seen are
            most likely done.
    """
    queue = source.queue
    ids = [one.job_id for one in seen]
    outcomes = dict[str, Result]()
    if again and spec.verb == "remove":  # of what is gone nobody can tell what hung below it
        outcomes = {one: Result(queue.name, one, "unsure", SEEN_BEFORE) for one in _gone(desk, queue, ids)}
    outcomes |= _beforehand(desk, actor, spec, queue, [one for one in ids if one not in outcomes])
    todo = [one for one in seen if one.job_id not in outcomes]
    replies = _carry_out(desk, spec, queue, source.state, todo) if todo else []
    for one, reply in zip(todo, replies, strict=True):
        if not isinstance(reply, Exception):
            outcomes[one.job_id] = Result(queue.name, one.job_id, "done")
        elif again and isinstance(reply, JobNotInStateError | JobNotFoundError):
            outcomes[one.job_id] = Result(queue.name, one.job_id, "unsure", SEEN_BEFORE)
        elif isinstance(reply, JobNotInStateError):
            outcomes[one.job_id] = Result(queue.name, one.job_id, "left", MOVED)
        elif isinstance(reply, ScriptError):  # some key of it holds what is no job
            outcomes[one.job_id] = Result(queue.name, one.job_id, "left", f"could not be changed: {reply}"[:300])
        else:
            outcomes[one.job_id] = Result(queue.name, one.job_id, "left", explain(reply))
    if spec.verb == "bury" and any(result.outcome == "done" for result in outcomes.values()):
        desk.connection.call(repairs.make_known(QueueKeys(queue.prefix, spec.grave)))
    return [outcomes[one.job_id] for one in seen]


def _beforehand(desk: Desk, actor: Actor, spec: Spec, queue: QueueKeys, ids: Sequence[str]) -> dict[str, Result]:
    """Return what can be said of some jobs without acting on them."""
    outcomes = dict[str, Result]()
    if spec.verb == "remove":
        for job_id in trees_beyond(desk, actor, queue, ids):
            outcomes[job_id] = Result(queue.name, job_id, "left", BEYOND)
    if spec.verb == "send-back":
        for job_id in _out_of_reach(desk, actor, queue, ids):
            outcomes[job_id] = Result(queue.name, job_id, "left", NO_LETTER)
    return outcomes


def _carry_out(desk: Desk, spec: Spec, queue: QueueKeys, state: str, todo: Sequence[Seen]) -> list[Any]:
    """Act on jobs, and return for each nothing or the error that it met."""
    if spec.verb == "remove":
        place = JobState(state) if state != "paused" else JobState.WAITING
        seen = [(one.job_id, _guard(one, place)) for one in todo]
        return [*desk.connection.run(trees.remove_trees(queue, seen, most_below=MOST_BELOW))]
    plan = _plan(desk, spec, queue, state)
    step = len(todo)
    if spec.verb == "send-back":
        step = desk.connection.run(trees.removed_together((queue,)))
    portions = (todo[start : start + step] for start in range(0, len(todo), step))
    return [
        reply
        for some in portions
        for reply in desk.connection.batch(Batch.of([plan(one) for one in some], keep_errors=True))
    ]


def _guard(one: Seen, state: JobState) -> trees.Guard:
    return {"state": state, "seen": one.score or "", "born": one.born if one.score is None else ""}


def _plan(desk: Desk, spec: Spec, queue: QueueKeys, state: str) -> Callable[[Seen], Call[Any]]:
    if spec.verb == "retry":
        return lambda one: jobs.retry_job(queue, one.job_id, JobState(state), seen=one.score or "")
    if spec.verb == "promote":
        return lambda one: jobs.promote_job(queue, one.job_id, seen=one.score or "")
    if spec.verb == "bury":
        grave, now_ms = QueueKeys(queue.prefix, spec.grave), desk.clock()
        return lambda one: dead_letters.bury_job(queue, one.job_id, grave, now_ms, seen=one.score or "")
    now_ms = desk.clock()
    return lambda one: dead_letters.replay(queue, one.job_id, now_ms, born=one.born)


def _gone(desk: Desk, queue: QueueKeys, ids: Sequence[str]) -> list[str]:
    calls: list[Call[bool]] = [Call(("EXISTS", queue.job(job_id)), bool, writes=False) for job_id in ids]
    return [one for one, there in zip(ids, desk.connection.batch(Batch.of(calls)), strict=True) if not there]


def scores(desk: Desk, queue: QueueKeys, state: str, ids: Sequence[str]) -> dict[str, str | None]:
    """Return the score of each job in the sorted set of a state; None where it is not in it."""
    key = queue.key(STATE_CONTAINERS[JobState(state)])
    calls: list[Call[str | None]] = [Call(("ZSCORE", key, job_id), text_of_score, writes=False) for job_id in ids]
    return dict(zip(ids, desk.connection.batch(Batch.of(calls)), strict=True)) if ids else {}


def text_of_score(reply: Any) -> str | None:
    """Return a score as Redis spells it; None where there is none."""
    if reply is None:
        return None
    if isinstance(reply, float):
        return f"{reply:.17g}"
    return reply.decode() if isinstance(reply, bytes) else str(reply)


def _out_of_reach(desk: Desk, actor: Actor, queue: QueueKeys, ids: Sequence[str]) -> list[str]:
    reads: Batch[Any] = Batch.of([jobs.get_job(queue, job_id) for job_id in ids], keep_errors=True)
    found = desk.connection.batch(reads) if ids else []
    beyond = []
    for job_id, job in zip(ids, found, strict=True):
        if job is None:
            continue  # sent back meanwhile; the script says so
        letter = None if isinstance(job, EngineError) else dead_letters.dead_letter_of(job)
        home = queue_of(f"{letter.prefix}:{letter.queue}:") if letter else None
        if letter is None or not reaches(desk, actor, Permission.EDIT, home):
            beyond.append(job_id)
    return beyond
