"""A job as a line of a table, made of whatever its hash still tells.

Nothing a hash lacks or holds wrongly may break the page: it is left out, and named in ``problems``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from board.engine.commands.pages import Cut, RowReading, unpack_row, whole_number
from board.engine.keys import QueueKeys
from board.queries.payload import Number, Pairs, conceal, parse, payload, preview, preview_of, scalar_text
from board.queries.shared import WITHHELD, YES, Allowed, Known, QueueName, queue_name
from board.queries.stack import message_line
from board.queries.text import display, shorten
from board.redaction import is_revealing, redact_text, speaks_of, version
from board.spans import duration
from board.words import Sentence, sentence

__all__ = [
    "DATA_NOT_JSON",
    "NO_TIME",
    "OPTIONS_NOT_JSON",
    "JobRow",
    "allowed_actions",
    "answers",
    "due_of",
    "error_texts",
    "is_json",
    "job_row",
    "line_row",
    "no_field_problem",
    "no_job_problem",
    "option_number",
    "progress_text",
    "read_json",
    "without_hidden",
]

LONGEST_KEPT = 500
"""Characters of options that are read once for all jobs that have the same."""

MOST_PREVIEWS = 2_048
"""Beginnings of payloads remembered, half a megabyte: those of twenty pages of a hundred jobs."""

_previews: dict[tuple[bool, int, bytes], tuple[str, bool]] = {}

MOST_LINES = 1_024
"""Lines of lists remembered, some 2 MB: those of ten pages of a hundred jobs."""

LONGEST_LINE = 8_192
"""Bytes of a line that is remembered; nothing bounds the length of a job id."""

_lines: dict[tuple[bytes, int, str, bool], JobRow] = {}

NOT_FINISHED = Allowed(ok=False, reason=sentence("only failed or completed jobs can be retried"))
NOT_DELAYED = Allowed(ok=False, reason=sentence("only delayed jobs can be promoted"))

DATA_NOT_JSON = sentence("the data are not JSON")
OPTIONS_NOT_JSON = sentence("the options are not JSON")
NO_TIME = sentence("the time of creation is no number")


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as a line of a table.

    Attributes:
        id: exactly as stored.
        queue: where it is.
        name: None when its hash has none.
        state: wire name; ``unknown`` when no container holds it.
        data_preview: first keys of its payload on one line.
        data_size: bytes of the payload.
        attempts_made: attempts that ended and counted.
        attempts_max: tries altogether.
        priority: 0 for none.
        added_at_ms: creation.
        processed_at_ms: latest start.
        finished_at_ms: end.
        due_at_ms: when a delayed job may start.
        delay_reason: ``delay`` asked for by the producer, or ``backoff`` after a failed attempt.
        worker: name of the worker that took it last.
        progress: a number or JSON, as text; None when never set.
        error_name: class of its newest error.
        error_message: first line of the newest failure.
        return_preview: result on one line.
        ran_ms: length of the latest run, when it ended.
        waited_ms: from when it could start until its only start; unknown after several.
        children_done: children that ended in whatever way the parent accepts.
        children_total: None where nobody counted.
        missing: its id is in a list, its hash is gone.
        problems: what is broken, in words.
        retryable: whether it can be retried.
        removable: whether it can be removed.
        promotable: whether it can be promoted.
    """

    id: str
    queue: QueueName
    name: str | None
    state: str
    data_preview: str = ""
    data_size: int = 0
    attempts_made: int = 0
    attempts_max: int = 1
    priority: int = 0
    added_at_ms: int | None = None
    processed_at_ms: int | None = None
    finished_at_ms: int | None = None
    due_at_ms: int | None = None
    delay_reason: str | None = None
    worker: str | None = None
    progress: str | None = None
    error_name: str | None = None
    error_message: str | None = None
    return_preview: str | None = None
    ran_ms: int | None = None
    waited_ms: int | None = None
    children_done: int | None = None
    children_total: int | None = None
    missing: bool = False
    problems: tuple[str, ...] = ()
    retryable: Allowed = YES
    removable: Allowed = YES
    promotable: Allowed = YES

    def __hash__(self) -> int:
        """By what tells most rows apart, and the versions of one job while it waits and runs.

        Each row of a page is looked up among those that were written before.
        """
        ran = self.state, self.attempts_made, self.processed_at_ms, self.progress, self.finished_at_ms
        return hash((self.id, *ran))


def read_json(text: str | None) -> Any:
    """Read JSON as ``payload.parse`` does, or return None: for options, whose absence changes nothing."""
    try:
        return None if text is None else parse(text)
    except ValueError:
        return None


def _options(text: str) -> Any:
    """Read the options of a job. Those of a queue's jobs are the same few again and again; long ones are not kept."""
    return _kept_options(text) if len(text) <= LONGEST_KEPT else read_json(text)


@lru_cache(maxsize=256)
def _kept_options(text: str) -> Any:
    return read_json(text)


def option_number(options: Any, name: str) -> int | None:
    """Return a whole number among the options of a job."""
    value = options.get(name) if isinstance(options, Pairs) else None
    return whole_number(value.text) if isinstance(value, Number) else None


def due_of(score: str | None) -> int | None:
    """Return the moment that a score of ``delayed`` stands for: its whole part divided by 4096."""
    whole = whole_number(score)
    return None if whole is None else whole // 4096


def error_texts(name: str | None, reason: str | None) -> tuple[str | None, str | None]:
    """Return an error's name and first line as a table shows them; the name is not said twice."""
    shown_name = None if name is None else display(name)
    line = None if reason is None else message_line(redact_text(reason))
    if shown_name and line and line.startswith(f"{shown_name}: "):
        line = line.removeprefix(f"{shown_name}: ")
    return shown_name, line


_CHILD_FAILED = re.compile(r"\s*child (\S+) failed")
"""What BullMQ writes into a parent when a child failed: it names the child's queue."""


def without_hidden(text: str | None, known: Known) -> str | None:
    """Return a failure's text, but for the name of a queue that is not shown."""
    match = _CHILD_FAILED.match(text) if text else None
    if text is None or match is None:
        return text
    prefix, _, rest = match[1].partition(":")
    name, _, job_id = rest.partition(":")
    is_named = bool(prefix and name and job_id)
    return text if is_named and known.is_shown(QueueKeys(prefix, name)) else "a child failed that is not shown here"


def allowed_actions(
    state: str, kind: str, *, lock_ms: int | None, worker: str | None, is_next_run: bool
) -> tuple[Allowed, Allowed, Allowed]:
    """Return whether a job can be retried, removed and promoted, as far as what was read tells.

    The engine decides again, atomically, when the action comes: this is for what a person sees before.
    """
    if kind == "none":
        gone = Allowed(ok=False, reason=sentence("the job is gone, only its id is left in the list"))
        return gone, YES, gone
    if kind != "hash":
        broken = Allowed(ok=False, reason=no_job_problem(kind))
        return broken, broken, broken
    retry = YES if state in ("failed", "completed") else NOT_FINISHED
    promote = YES if state == "delayed" else NOT_DELAYED
    remove = YES
    if lock_ms is not None and (lock_ms > 0 or lock_ms == -1):
        who = shorten(display(worker), 60) if worker else sentence("a worker")
        if lock_ms > 0:
            ends = duration(max(lock_ms, 1000))
            held = sentence("locked by %(who)s, lock ends in %(time)s", who=who, time=ends)
        else:
            held = sentence("locked by %(who)s, its lock has no end", who=who)
        remove = Allowed(ok=False, reason=held)
    elif state == "active":
        remove = Allowed(ok=False, reason=sentence("a worker may still run it; it goes back to waiting if not"))
    elif is_next_run:
        remove = Allowed(ok=False, reason=sentence("the next run of a job scheduler; remove the scheduler instead"))
    return retry, remove, promote


def job_row(row: RowReading, known: Known) -> JobRow:
    """Make a line of a table out of what was read."""
    fields = row.fields
    worker = fields.get("pb")
    retry, remove, promote = allowed_actions(
        row.state, row.kind, lock_ms=row.lock_ms, worker=worker, is_next_run=row.is_next_run
    )
    queue = queue_name(row.queue, known)
    state = "waiting" if row.state == "paused" else row.state
    if row.kind != "hash":
        return JobRow(
            id=row.id,
            queue=queue,
            name=None,
            state=state,
            missing=row.kind == "none",
            problems=(no_job_problem(row.kind),),
            finished_at_ms=whole_number(row.score) if row.state in ("completed", "failed") else None,
            due_at_ms=due_of(row.score) if row.state == "delayed" else None,
            retryable=retry,
            removable=remove,
            promotable=promote,
        )
    options = _options(fields["opts"]) if "opts" in fields else None
    data_preview, is_valid = _previewed(row.data)
    added, processed = whole_number(fields.get("timestamp")), whole_number(fields.get("processedOn"))
    finished = whole_number(fields.get("finishedOn"))
    made = whole_number(fields.get("attemptsMade", fields.get("atm"))) or 0
    error_name, error_message = error_texts(row.error_name, without_hidden(fields.get("failedReason"), known))
    children = row.children
    done = None if children is None else children.processed + children.ignored + children.failed
    progress = fields.get("progress")
    made_row = JobRow(
        id=row.id,
        queue=queue,
        name=display(fields["name"]) if "name" in fields else None,
        state=state,
        data_preview=data_preview,
        data_size=row.data.length if row.data else 0,
        attempts_made=made,
        attempts_max=max(1, option_number(options, "attempts") or 1),
        priority=whole_number(fields.get("priority")) or 0,
        added_at_ms=added,
        processed_at_ms=processed,
        finished_at_ms=finished,
        due_at_ms=due_of(row.score) if row.state == "delayed" else None,
        delay_reason=("backoff" if made else "delay") if row.state == "delayed" else None,
        worker=display(worker) if worker else None,
        progress=None if progress is None else progress_text(progress),
        error_name=error_name,
        error_message=error_message,
        return_preview=_previewed(row.return_value)[0] if row.return_value else None,
        ran_ms=_between(processed, finished),
        waited_ms=_waited(added, processed, options, whole_number(fields.get("ats"))),
        children_done=done,
        children_total=None if children is None or done is None else done + children.unprocessed,
        problems=_problems(row, options, is_valid=is_valid),
        retryable=retry,
        removable=remove,
        promotable=promote,
    )
    return made_row if known.shows_data(row.queue) else _withheld(made_row)


def line_row(line: bytes, known: Known, queue: QueueKeys) -> JobRow:
    """Make a line of a list of ``queue``, as ``job_row`` does, or return what was made of the same before.

    A list that is looked at again shows most of its jobs again. Lines are remembered as they are shown, without their
    secrets, by a digest of what Redis told and by whatever else they depend on.
    """
    if is_revealing():
        return job_row(unpack_row(line), known)
    digest = blake2b(line, digest_size=16).digest()
    key = digest, version(), known.default_prefix, known.shows_data(queue)
    found = _lines.get(key)
    if found is None:
        row = unpack_row(line)
        found = job_row(row, known)
        # The time left on a lock is another one next time, and the queue of a child may be hidden from another.
        is_good = row.lock_ms is None and not _CHILD_FAILED.match(row.fields.get("failedReason", ""))
        if is_good and len(line) <= LONGEST_LINE:
            if len(_lines) >= MOST_LINES:
                _lines.clear()
            _lines[key] = found
    return found


def _withheld(row: JobRow) -> JobRow:
    """Leave out what the job carries. What it is, where and since when stays, and so does the name of its error."""
    return replace(
        row,
        data_preview=WITHHELD,
        progress=None,
        error_message=None if row.error_message is None else WITHHELD,
        return_preview=None if row.return_preview is None else WITHHELD,
    )


def answers(row: RowReading, text: str) -> bool:
    """Whether a job found by a search is one still, once its secrets are hidden: else guesses would be answered."""
    data = row.data.text if row.data and row.data.text else ""
    if data and row.data and row.data.is_whole:
        data = payload(data, row.data.length).text
    return speaks_of(text, (row.id, row.fields.get("name"), row.fields.get("failedReason"), data))


def progress_text(text: str) -> str:
    """Write a job's progress: a number as it is, anything else briefly."""
    value = read_json(text)
    return preview(text, length=80) if isinstance(value, list) else shorten(scalar_text(conceal(value)), 80)


def no_job_problem(kind: str) -> Sentence:
    """Say what stands in place of a job's hash, whose key holds ``kind``."""
    if kind == "none":
        return sentence("its id is in a list, the job itself is gone")
    return sentence("its key holds a %(kind)s, not a job", kind=kind)


def no_field_problem(name: str) -> Sentence:
    """Say that a job's hash lacks a field which every job has."""
    return sentence("the hash has no field “%(name)s”", name=name)


def _problems(row: RowReading, options: Any, *, is_valid: bool) -> tuple[Sentence, ...]:
    fields = row.fields
    lacking = [name for name in ("name", "opts", "timestamp") if name not in fields]
    if row.has_long_options:
        lacking.remove("opts")
    if row.data is None or (row.data.text is None and row.data.length == 0):
        lacking.insert(1 if "name" in lacking else 0, "data")
    found = [no_field_problem(name) for name in lacking]
    if not is_valid:
        found.append(DATA_NOT_JSON)
    if "opts" in fields and not isinstance(options, Pairs):
        found.append(OPTIONS_NOT_JSON)
    if "timestamp" in fields and whole_number(fields["timestamp"]) is None:
        found.append(NO_TIME)
    return tuple(found)


def is_json(text: str) -> bool:
    """Tell whether a whole text can be read as JSON."""
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _previewed(cut: Cut | None) -> tuple[str, bool]:
    """Return the beginning of a text on one line, and whether it is JSON as far as can be told.

    It is remembered, for a list that refreshes itself shows most of its jobs again: by a digest, so that no secret is
    kept.
    """
    if cut is None or cut.text is None:
        return "", True
    if is_revealing():
        return _written(cut.text, is_whole=cut.is_whole)
    text = cut.text.encode("utf-8", "surrogatepass")
    key = cut.is_whole, version(), blake2b(text, digest_size=16).digest()
    found = _previews.get(key)
    if found is None:
        if len(_previews) >= MOST_PREVIEWS:
            _previews.clear()
        found = _previews[key] = _written(cut.text, is_whole=cut.is_whole)
    return found


def _written(text: str, *, is_whole: bool) -> tuple[str, bool]:
    if not is_whole:
        return (preview(text, whole=False) if text else ""), True
    try:
        value = parse(text)
    except ValueError:
        return (preview(text) if text else ""), False
    return preview_of(value, text), True


def _between(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else max(0, end - start)


def _waited(added: int | None, processed: int | None, options: Any, started: int | None) -> int | None:
    if added is None or processed is None or (started or 0) > 1:
        return None
    return max(0, processed - added - max(0, option_number(options, "delay") or 0))
