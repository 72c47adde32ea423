"""What is kept of a failed job."""

from __future__ import annotations

from board.engine.commands.pages import EndReading
from board.history.store import Failed
from board.queries.fingerprint import cause_of
from board.queries.stack import error_of
from board.queries.text import display, first_line
from board.redaction import redact_text

__all__ = ["failed_job"]


def failed_job(base: str, job_id: str, at_ms: int, end: EndReading | None, *, name: str, reason: str) -> Failed:
    """Put a failed job into its group.

    Args:
        base: of its queue's keys.
        job_id: its id.
        at_ms: when it failed.
        end: what its hash tells; None when it is gone.
        name: of the job.
        reason: why, as the event told it; for a job whose hash is gone.
    """
    trace = redact_text(end.trace) if end else ""
    told = redact_text(end.reason if end else reason)
    cause = cause_of(trace, told, name)
    return Failed(
        base=base,
        id=job_id,
        at_ms=at_ms,
        group=cause.fingerprint,
        error=cause.error,
        message=cause.message,
        told=first_line(display(error_of(trace)[1] or told))[:300],
        function=cause.function[:200],
        file=cause.file[:300],
        job_name=name[:100],
    )
