"""The whole log of a job, a stretch at a time, or those of its lines that hold a text or are of a level.

Secrets are hidden before a text is looked for, or looking would tell them letter by letter.
"""

from __future__ import annotations

from dataclasses import dataclass

from board.engine.calls import Batch
from board.engine.commands.fields import read_log_part
from board.engine.keys import QueueKeys
from board.errors import UnknownJobError
from board.queries.log_lines import LogLine, log_lines
from board.queries.shared import Known, QueueName, Reads, queue_name
from board.queries.text import display
from board.redaction import redact_text

__all__ = ["LEVELS", "PAGE", "STEP", "LogsAsked", "LogsPage", "read_logs"]

LEVELS = ("error", "warn", "info", "debug")

PAGE = 500
"""Lines on one page."""

STEP = 5_000
"""Lines that one request looks into for a text or a level."""


@dataclass(frozen=True, slots=True)
class LogsAsked:
    """What is asked for: ``start`` None for the end of the log, or its beginning when something is looked for."""

    start: int | None = None
    find: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True)
class LogsPage:
    """A stretch of a log.

    Attributes:
        queue: where the job is.
        id: exactly as stored.
        name: None when its hash has none.
        lines: those shown.
        total: lines altogether.
        start: index of the first line that was looked at.
        stop: index behind the last of them.
        find: text that was looked for.
        level: level that was looked for; empty for any.
        earlier: where the page before begins; None at the beginning.
        later: where the next page begins; None at the end.
    """

    queue: QueueName
    id: str
    name: str | None
    lines: tuple[LogLine, ...]
    total: int
    start: int
    stop: int
    find: str
    level: str
    earlier: int | None
    later: int | None


def read_logs(connection: Reads, known: Known, queue: QueueKeys, job_id: str, asked: LogsAsked) -> LogsPage:
    """Read a stretch of a job's log, in one round trip.

    Raises:
        UnknownJobError: nothing is left of the job.
    """
    level = asked.level if asked.level in LEVELS else ""
    seeks = bool(asked.find or level)
    first = asked.start if asked.start is not None else 0 if seeks else None
    call = read_log_part(queue, job_id, start=first, count=STEP if seeks else PAGE)
    reading = connection.batch(Batch.of([call]))[0]
    if reading.kind == "none" and not reading.total:
        raise UnknownJobError(job_id, queue=queue.name, slug=known.slug(queue))
    start = reading.start
    lines = log_lines(reading.lines, start)
    stop = start + len(lines)
    if seeks:
        wanted = asked.find.casefold()
        found = [line for line in lines if wanted in line.text.casefold() and level in ("", line.level)]
        lines = tuple(found[:PAGE])
        stop = lines[-1].number if len(found) > PAGE else stop
    return LogsPage(
        queue=queue_name(queue, known),
        id=job_id,
        name=None if reading.name is None else display(redact_text(reading.name)),
        lines=lines,
        total=reading.total,
        start=start,
        stop=stop,
        find=asked.find,
        level=level,
        earlier=max(0, start - PAGE) if start and not seeks else None,
        later=stop if start < stop < reading.total else None,
    )
