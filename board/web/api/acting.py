"""What programs may do: the actions of the pages, with the same permissions and the same entries in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from board.actions import families, repairs, schedulers, upkeep
from board.actions import jobs as job_actions
from board.actions import queues as queue_actions
from board.actions.perform import MOST_JOBS, Outcome
from board.auth.policy import Permission
from board.engine.types import Backoff, Deduplication, JobOptions, JobState
from board.errors import BadRequestError, DataRefusedError
from board.queries.edit import read_edit
from board.queries.json_text import hide
from board.queries.scheduler_edit import read_asked
from board.queries.shared import queue_name
from board.sources import QueueKeys
from board.web.api import shapes
from board.web.api.encoding import encode
from board.web.api.operations import Field, operation, read_body
from board.web.state import actor, board, insist, queue_or_404

__all__ = ["add_job", "clean", "drain", "obliterate", "pause", "promote", "remove", "resume", "retry"]

IDS = {"ids": Field("texts", "ids of the jobs", low=1, high=MOST_JOBS, needed=True)}
YEAR_MS = 366 * 86_400_000
LAST_MS = 253_402_300_799_000
"""The last second that a calendar knows."""
CLEANED = ("completed", "failed", "waiting", "delayed", "prioritized", "active")


def _jobs(verb: str, queue: str) -> shapes.ActionResult:
    ids = read_body()["ids"]
    return _act(verb, queue, lambda keys: job_actions.ACTIONS[verb](board().desk, actor(), keys, ids))


def _act(action: str, queue: str, act: Callable[[QueueKeys], Outcome]) -> shapes.ActionResult:
    keys = queue_or_404(queue)
    return shapes.acted(action, queue_name(keys, board().sources), act(keys))


@operation("POST", "/queues/<queue>/retry", result=shapes.ActionResult, body=IDS)
def retry(queue: str) -> shapes.ActionResult:
    """Make failed and completed jobs runnable again."""
    return _jobs("retry", queue)


@operation("POST", "/queues/<queue>/promote", result=shapes.ActionResult, body=IDS)
def promote(queue: str) -> shapes.ActionResult:
    """Make delayed jobs runnable now."""
    return _jobs("promote", queue)


@operation("POST", "/queues/<queue>/remove", result=shapes.ActionResult, body=IDS)
def remove(queue: str) -> shapes.ActionResult:
    """Remove jobs and everything below them."""
    return _jobs("remove", queue)


@operation("POST", "/queues/<queue>/pause", result=shapes.ActionResult)
def pause(queue: str) -> shapes.ActionResult:
    """Let workers take no more jobs."""
    return _act("pause", queue, lambda keys: queue_actions.pause(board().desk, actor(), keys))


@operation("POST", "/queues/<queue>/resume", result=shapes.ActionResult)
def resume(queue: str) -> shapes.ActionResult:
    """Let workers take jobs again."""
    return _act("resume", queue, lambda keys: queue_actions.resume(board().desk, actor(), keys))


@operation("POST", "/queues/<queue>/retry-all", result=shapes.ActionResult)
def retry_all(queue: str) -> shapes.ActionResult:
    """Make all failed jobs runnable again."""
    return _act("retry all", queue, lambda keys: upkeep.retry_all(board().desk, actor(), keys))


@operation("POST", "/queues/<queue>/promote-all", result=shapes.ActionResult)
def promote_all(queue: str) -> shapes.ActionResult:
    """Make all delayed jobs runnable now."""
    return _act("promote all", queue, lambda keys: upkeep.promote_all(board().desk, actor(), keys))


@operation(
    "POST",
    "/queues/<queue>/drain",
    result=shapes.ActionResult,
    body={"delayed": Field("flag", "the delayed jobs too")},
)
def drain(queue: str) -> shapes.ActionResult:
    """Remove everything that waits."""
    delayed = read_body()["delayed"]
    return _act("drain", queue, lambda keys: upkeep.drain(board().desk, actor(), keys, delayed=delayed))


@operation(
    "POST",
    "/queues/<queue>/clean",
    result=shapes.ActionResult,
    body={
        "state": Field("text", "state of the jobs", choices=CLEANED, needed=True),
        "older_ms": Field("whole", "only jobs older than this", high=YEAR_MS, needed=True),
    },
)
def clean(queue: str) -> shapes.ActionResult:
    """Remove jobs of one state by age, oldest first."""
    asked = read_body()
    state = JobState(asked["state"])
    return _act("clean", queue, lambda keys: upkeep.clean(board().desk, actor(), keys, state, asked["older_ms"]))


@operation(
    "POST",
    "/queues/<queue>/obliterate",
    result=shapes.ActionResult,
    body={
        "name": Field("text", "name of the queue, to be sure", needed=True),
        "force": Field("flag", "even while jobs are active"),
    },
)
def obliterate(queue: str) -> shapes.ActionResult:
    """Delete a queue with everything in it."""
    asked = read_body()
    return _act(
        "obliterate",
        queue,
        lambda keys: upkeep.obliterate(board().desk, actor(), keys, asked["name"], force=asked["force"]),
    )


@operation(
    "POST",
    "/queues/<queue>/concurrency",
    result=shapes.ActionResult,
    body={
        "most": Field("whole", "jobs that run at once over all workers; 0 for no limit", high=1_000_000, needed=True)
    },
)
def concurrency(queue: str) -> shapes.ActionResult:
    """Limit how many jobs run at once over all workers."""
    most = read_body()["most"]
    return _act("concurrency", queue, lambda keys: upkeep.set_concurrency(board().desk, actor(), keys, most))


@operation(
    "POST",
    "/queues/<queue>/jobs",
    result=shapes.ActionResult,
    body={
        "name": Field("text", "name of the job", needed=True),
        "data": Field("json", "what it carries; any JSON, kept to the last digit"),
        "job_id": Field("text", "an id of its own; a job with this id is not added twice"),
        "delay_ms": Field("whole", "how long it waits first", high=YEAR_MS),
        "priority": Field("whole", "1 is the most urgent; 0 for none", high=2_097_151),
        "attempts": Field("whole", "tries altogether", low=1, high=1_000),
        "lifo": Field("flag", "before all that wait"),
        "backoff": Field(
            "text", "how the wait between tries goes on; fixed without it", choices=("fixed", "exponential")
        ),
        "backoff_ms": Field("whole", "wait between tries", high=YEAR_MS),
        "jitter_percent": Field("whole", "part of that wait that is left to chance", high=100),
        "keep_completed": Field("whole", "completed jobs kept; all without it"),
        "keep_failed": Field("whole", "failed jobs kept; all without it"),
        "deduplication_id": Field("text", "jobs with the same one count as one"),
        "deduplication_ms": Field("whole", "for how long; until it has ended without it", low=1, high=YEAR_MS),
    },
)
def add_job(queue: str) -> shapes.ActionResult:
    """Add a job."""
    asked = read_body()
    wait_ms, jitter, shared = asked["backoff_ms"], asked["jitter_percent"], asked["deduplication_id"]
    if not wait_ms and (asked["backoff"] or jitter):
        raise BadRequestError("backoff and jitter_percent belong to backoff_ms.")
    if asked["deduplication_ms"] and not shared:
        raise BadRequestError("deduplication_ms belongs to deduplication_id.")
    options = JobOptions(
        job_id=asked["job_id"] or None,
        delay=asked["delay_ms"],
        priority=asked["priority"],
        attempts=asked["attempts"],
        lifo=asked["lifo"],
        backoff=Backoff(asked["backoff"] or "fixed", wait_ms, jitter and jitter / 100) if wait_ms else None,
        remove_on_complete=asked["keep_completed"],
        remove_on_fail=asked["keep_failed"],
        deduplication=Deduplication(shared, asked["deduplication_ms"]) if shared else None,
    )
    text = encode(asked["data"])
    return _act(
        "add job",
        queue,
        lambda keys: upkeep.add_job(board().desk, actor(), keys, asked["name"], data_text=text, options=options),
    )


@operation(
    "POST",
    "/queues/<queue>/rate-limit",
    result=shapes.ActionResult,
    body={
        "most": Field("whole", "jobs that start in a window; 0 for no limit", high=1_000_000, needed=True),
        "window_ms": Field("whole", "length of the window", low=1, high=YEAR_MS, needed=True),
    },
)
def rate_limit(queue: str) -> shapes.ActionResult:
    """Limit how many jobs start in a window over all workers."""
    asked = read_body()
    most, window_ms = asked["most"], asked["window_ms"]
    return _act("rate limit", queue, lambda keys: upkeep.set_rate_limit(board().desk, actor(), keys, most, window_ms))


@operation("POST", "/queues/<queue>/release-limit", result=shapes.ActionResult)
def release_limit(queue: str) -> shapes.ActionResult:
    """Let a queue go on that is held back by its rate limit."""
    return _act("release limit", queue, lambda keys: upkeep.release_limit(board().desk, actor(), keys))


@operation(
    "POST",
    "/queues/<queue>/jobs/<job_id:job_id>/delay",
    result=shapes.ActionResult,
    body={"delay_ms": Field("whole", "from now", high=YEAR_MS, needed=True)},
)
def delay(queue: str, job_id: str) -> shapes.ActionResult:
    """Change when a delayed job may start."""
    delay_ms = read_body()["delay_ms"]
    return _act("delay", queue, lambda keys: repairs.change_delay(board().desk, actor(), keys, job_id, delay_ms))


@operation(
    "POST",
    "/queues/<queue>/jobs/<job_id:job_id>/priority",
    result=shapes.ActionResult,
    body={"priority": Field("whole", "1 is the most urgent; 0 for none", high=2_097_151, needed=True)},
)
def priority(queue: str, job_id: str) -> shapes.ActionResult:
    """Change the priority of a job that waits."""
    wanted = read_body()["priority"]
    return _act("priority", queue, lambda keys: repairs.change_priority(board().desk, actor(), keys, job_id, wanted))


@operation("POST", "/queues/<queue>/jobs/<job_id:job_id>/duplicate", result=shapes.ActionResult)
def duplicate(queue: str, job_id: str) -> shapes.ActionResult:
    """Add a job with the data and options of another."""
    return _act("duplicate", queue, lambda keys: repairs.duplicate(board().desk, actor(), keys, job_id))


@operation("POST", "/queues/<queue>/jobs/<job_id:job_id>/stop", result=shapes.ActionResult)
def stop(queue: str, job_id: str) -> shapes.ActionResult:
    """Ask the worker of an active job to stop it; it then fails, whatever attempts are left."""
    return _act("stop", queue, lambda keys: repairs.stop(board().desk, actor(), keys, job_id))


@operation("POST", "/queues/<queue>/jobs/<job_id:job_id>/ignore", result=shapes.ActionResult)
def ignore(queue: str, job_id: str) -> shapes.ActionResult:
    """Let the parent of a failed job go on without it; its failure is among those that the parent ignores."""
    return _act("ignore failure", queue, lambda keys: families.ignore_failure(board().desk, actor(), keys, job_id))


@operation("POST", "/queues/<queue>/jobs/<job_id:job_id>/retry-afresh", result=shapes.ActionResult)
def retry_afresh(queue: str, job_id: str) -> shapes.ActionResult:
    """Make a job that ended runnable again, with all its attempts before it."""
    return _act("retry afresh", queue, lambda keys: repairs.retry_afresh(board().desk, actor(), keys, job_id))


@operation(
    "POST",
    "/queues/<queue>/jobs/<job_id:job_id>/bury",
    result=shapes.ActionResult,
    body={"grave": Field("text", "name of the dead-letter queue", needed=True)},
)
def bury(queue: str, job_id: str) -> shapes.ActionResult:
    """Move a failed job into a dead-letter queue."""
    name = read_body()["grave"]

    def act(keys: QueueKeys) -> Outcome:
        insist(Permission.EDIT, keys, action="move to dead letters")
        grave = QueueKeys(keys.prefix, name)
        if grave == keys or not board().sources.is_shown(grave):
            raise BadRequestError(f"{name[:200]} cannot be the dead-letter queue of {keys.name}.")
        return repairs.bury(board().desk, actor(), keys, job_id, grave)

    return _act("bury", queue, act)


@operation(
    "POST",
    "/queues/<queue>/jobs/<job_id:job_id>/data",
    result=shapes.ActionResult,
    body={
        "data": Field("json", "all of the new data; a value [redacted] stays what it is", needed=True),
        "retry": Field("flag", "retry the job with them, if it has ended"),
    },
)
def edit_data(queue: str, job_id: str) -> shapes.ActionResult:
    """Replace the data of a job that no worker holds."""
    asked, own = read_body(), board()

    def act(keys: QueueKeys) -> Outcome:
        for needed in (Permission.DATA, Permission.EDIT):
            insist(needed, keys, action="edit data")
        found = read_edit(own.connection, own.sources, keys, job_id, encode(asked["data"]), schemas=own.schemas)
        if found.faults:
            raise DataRefusedError(found.faults)
        if found.final is None:
            raise BadRequestError(found.problem)
        return repairs.edit_data(
            own.desk,
            actor(),
            keys,
            job_id,
            found.final,
            digest=found.digest,
            retries=asked["retry"],
            before=found.stored,
            after=hide(found.final),
        )

    return _act("edit data", queue, act)


@operation(
    "POST",
    "/queues/<queue>/schedulers/<job_id:scheduler>/save",
    result=shapes.ActionResult,
    body={
        "pattern": Field("text", "cron pattern; or every_ms"),
        "every_ms": Field("whole", "interval; or a pattern", low=1),
        "tz": Field("text", "zone of the pattern; UTC without it"),
        "name": Field("text", "name of its jobs"),
        "data": Field("json", "what its jobs carry; a value [redacted] stays what it is"),
        "options": Field("json", "options of its jobs, under the names of BullMQ"),
        "limit": Field("whole", "most runs altogether", low=1),
        "start_ms": Field("whole", "no run before, in ms since 1970", high=LAST_MS),
        "end_ms": Field("whole", "no run after", high=LAST_MS),
        "offset_ms": Field("whole", "shift of the runs of an interval"),
    },
)
def save_scheduler(queue: str, scheduler: str) -> shapes.ActionResult:
    """Make a job scheduler, or change it: what is left out becomes what it is without it."""
    asked, own = read_body(), board()

    def act(keys: QueueKeys) -> Outcome:
        for needed in (Permission.DATA, Permission.SCHEDULE):
            insist(needed, keys, action="save scheduler")
        draft = read_asked(
            own.connection,
            own.sources,
            own.namespace,
            keys,
            scheduler=scheduler,
            typed=_typed(asked),
            now_ms=own.clock(),
        )
        if draft.repeat is None:
            raise BadRequestError(draft.problem)
        whole = schedulers.Draft(scheduler, asked["name"].strip(), draft.repeat, draft.data_text, draft.template)
        return schedulers.save(own.desk, actor(), own.namespace, keys, whole)

    return _act("save", queue, act)


def _typed(asked: dict[str, Any]) -> dict[str, str]:
    """Return what a program asks for as a person would have typed it into the form."""

    def moment(at_ms: int | None) -> str:
        return "" if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()

    every = asked["every_ms"]
    if (every is None) == (not asked["pattern"]):
        raise BadRequestError("A scheduler has either a pattern or every_ms.")
    plain = {name: "" if asked[name] is None else str(asked[name]) for name in ("pattern", "tz", "name", "limit")}
    return {
        **plain,
        "kind": "pattern" if every is None else "every",
        "every": "" if every is None else str(every),
        "every_unit": "ms",
        "start": moment(asked["start_ms"]),
        "end": moment(asked["end_ms"]),
        "offset": "" if asked["offset_ms"] is None else str(asked["offset_ms"]),
        "data": "{}" if asked["data"] is None else encode(asked["data"]),
        "options": "{}" if asked["options"] is None else encode(asked["options"]),
    }


@operation("POST", "/queues/<queue>/jobs/<job_id:job_id>/send-back", result=shapes.ActionResult)
def send_back(queue: str, job_id: str) -> shapes.ActionResult:
    """Send a dead letter back to the queue that it came from."""
    return _act("send back", queue, lambda keys: repairs.send_back(board().desk, actor(), keys, job_id))


@operation("POST", "/queues/<queue>/schedulers/<job_id:scheduler>/run", result=shapes.ActionResult)
def run_scheduler(queue: str, scheduler: str) -> shapes.ActionResult:
    """Run a job scheduler now."""
    own = board()
    return _act("run now", queue, lambda keys: schedulers.run_now(own.desk, actor(), own.namespace, keys, scheduler))


@operation("POST", "/queues/<queue>/schedulers/<job_id:scheduler>/pause", result=shapes.ActionResult)
def pause_scheduler(queue: str, scheduler: str) -> shapes.ActionResult:
    """Hold a job scheduler back."""
    own = board()
    return _act("hold", queue, lambda keys: schedulers.hold(own.desk, actor(), own.namespace, keys, scheduler))


@operation("POST", "/queues/<queue>/schedulers/<job_id:scheduler>/resume", result=shapes.ActionResult)
def resume_scheduler(queue: str, scheduler: str) -> shapes.ActionResult:
    """Let a job scheduler go on that was held back."""
    own = board()
    return _act("put back", queue, lambda keys: schedulers.put_back(own.desk, actor(), own.namespace, keys, scheduler))


@operation("POST", "/queues/<queue>/schedulers/<job_id:scheduler>/remove", result=shapes.ActionResult)
def remove_scheduler(queue: str, scheduler: str) -> shapes.ActionResult:
    """Remove a job scheduler."""
    own = board()
    return _act("remove", queue, lambda keys: schedulers.remove(own.desk, actor(), own.namespace, keys, scheduler))
