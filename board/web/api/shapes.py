"""What the JSON API answers: dataclasses, of which the description at ``/api/v1/openapi.json`` is made.

Names here are promises to programs: a field may be added, never renamed or taken away, within a version.
"""

from __future__ import annotations

from dataclasses import dataclass

from board.actions.perform import Outcome
from board.queries.attention import Attention
from board.queries.audit import AuditRow
from board.queries.family import FlowLink
from board.queries.job import JobPage
from board.queries.log_lines import LogLine
from board.queries.overview import QueueRow
from board.queries.rows import JobRow
from board.queries.shared import QueueName
from board.queries.stack import Attempt
from board.web.api.encoding import Raw, raw_of

__all__ = [
    "ActionResult",
    "Attention",
    "AttentionList",
    "AuditList",
    "ErrorBody",
    "ErrorDetail",
    "Job",
    "JobList",
    "Log",
    "QueueDetail",
    "QueueList",
    "Refused",
    "Row",
    "WhoAmI",
    "acted",
    "job_of",
]

Row = JobRow


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """What was refused: ``status`` as in the answer's first line, a sentence, and what finds it in the log."""

    status: int
    message: str
    request_id: str


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The answer to whatever was not done."""

    error: ErrorDetail


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """Who asks: name, role and, of each grant, what may be done to which queues."""

    name: str
    role: str
    permissions: tuple[str, ...]
    queues: tuple[str, ...]
    read_only: bool


@dataclass(frozen=True, slots=True)
class QueueList:
    """Queues by name; ``next`` is what ``after`` takes for those that follow, None at the end."""

    queues: tuple[QueueRow, ...]
    next: str | None
    measured_at_ms: int


@dataclass(frozen=True, slots=True)
class QueueDetail:
    """One queue."""

    queue: QueueRow
    attention: tuple[Attention, ...]
    measured_at_ms: int


@dataclass(frozen=True, slots=True)
class AttentionList:
    """What somebody should look at, worst first."""

    attention: tuple[Attention, ...]
    measured_at_ms: int


@dataclass(frozen=True, slots=True)
class JobList:
    """Jobs of a state, or failures; ``total`` counts all, ``searched`` those looked at for a filter."""

    jobs: tuple[JobRow, ...]
    next: str | None
    total: int
    searched: int
    problem: str | None
    measured_at_ms: int


@dataclass(frozen=True, slots=True)
class Log:
    """Lines of a job's log; ``first`` is the index of the first of them."""

    lines: tuple[LogLine, ...]
    first: int
    total: int


@dataclass(frozen=True, slots=True)
class Job:
    """One job. ``data`` and ``return_value`` are as stored to the last digit, secrets hidden; None when too large."""

    id: str
    queue: QueueName
    name: str | None
    state: str
    data: Raw | None
    data_size: int
    data_truncated: bool
    return_value: Raw | None
    attempts: tuple[Attempt, ...]
    attempts_made: int
    attempts_max: int
    failed_reason: str | None
    error_name: str | None
    stalled: int
    progress: str | None
    worker: str | None
    priority: int
    added_at_ms: int | None
    processed_at_ms: int | None
    finished_at_ms: int | None
    due_at_ms: int | None
    scheduler: str | None
    parent: FlowLink | None
    logs: Log
    problems: tuple[str, ...]
    withheld: bool
    measured_at_ms: int


@dataclass(frozen=True, slots=True)
class AuditList:
    """Entries, newest first; ``next`` is what ``after`` takes for older ones."""

    entries: tuple[AuditRow, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A job that nothing was done to, and why."""

    job_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What was done: ``count`` jobs, of which ``done`` names those known, and not to those in ``refused``."""

    queue: QueueName
    action: str
    count: int
    done: tuple[str, ...]
    refused: tuple[Refused, ...]
    detail: str
    recorded: bool


def acted(action: str, queue: QueueName, outcome: Outcome) -> ActionResult:
    """Return what came of an action."""
    change = outcome.change
    refused = tuple(Refused(one.job_id, one.reason) for one in change.refusals)
    return ActionResult(
        queue, action, change.count, change.done, refused, change.detail, recorded=not outcome.audit_problem
    )


def job_of(page: JobPage) -> Job:
    """Return one job as programs read it."""
    return Job(
        id=page.id,
        queue=page.queue,
        name=page.name,
        state=page.state,
        data=raw_of(page.data),
        data_size=page.data.size,
        data_truncated=page.data.truncated,
        return_value=raw_of(page.return_value),
        attempts=page.attempts,
        attempts_made=page.attempts_made,
        attempts_max=page.attempts_max,
        failed_reason=page.failed_reason,
        error_name=page.error_name,
        stalled=page.stalled,
        progress=page.progress,
        worker=page.worker,
        priority=page.priority,
        added_at_ms=page.added_at_ms,
        processed_at_ms=page.processed_at_ms,
        finished_at_ms=page.finished_at_ms,
        due_at_ms=page.due_at_ms,
        scheduler=page.scheduler,
        parent=page.parent,
        logs=Log(page.logs, page.logs_from, page.logs_total),
        problems=page.problems,
        withheld=page.withheld,
        measured_at_ms=page.measured_at_ms,
    )
