"""One job with everything that Redis still knows about it, on one page, in one round trip."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from board.engine.calls import Call
from board.engine.commands.pages import Cut, JobReading, whole_number
from board.engine.commands.pages import read_job as read_job_call
from board.engine.errors import EngineError
from board.engine.keys import QueueKeys
from board.engine.types import ChildCounts
from board.errors import UnknownJobError
from board.history.groups import Groups
from board.queries.family import FlowLink, child_order, flow_link, queue_behind
from board.queries.ignoring import NOT_FAILED, Ignoring, ignoring
from board.queries.json_text import DiffLine, difference
from board.queries.log_lines import LogLine, log_lines
from board.queries.options_words import options_in_words
from board.queries.payload import Pairs, Payload, payload
from board.queries.related import Alike, Kin, alike_of, kin_of, related_calls
from board.queries.rows import (
    DATA_NOT_JSON,
    NO_TIME,
    OPTIONS_NOT_JSON,
    allowed_actions,
    due_of,
    error_texts,
    no_field_problem,
    no_job_problem,
    option_number,
    progress_text,
    read_json,
    without_hidden,
)
from board.queries.shared import WITHHELD, YES, Allowed, Known, QueueName, Reads, queue_name, together
from board.queries.stack import Attempt, attempts, error_of
from board.queries.text import display, shorten
from board.queries.timeline import Life, Step, timeline
from board.redaction import redact_text
from board.words import Count, sentence

__all__ = ["JobPage", "Letter", "RawField", "job_call", "job_page", "read_job", "with_related"]

JSON_FIELDS = frozenset({"data", "opts", "returnvalue", "progress", "stacktrace", "parent"})

RAW_LIMIT = 4_000
"""Characters shown of one raw field: the large ones stand above it already."""

NOTHING = Payload("", 0, None, valid=True, truncated=False)
"""Stands for data that are not there: what is missing is told by the problems, not by an empty box."""

NOT_ACTIVE = Allowed(ok=False, reason=sentence("only active jobs can be stopped"))

TRACE_LIMIT = 50
"""Attempts whose stack traces are read."""


@dataclass(frozen=True, slots=True)
class RawField:
    """A field of the hash as it is stored, but for secrets; ``size`` in bytes."""

    name: str
    text: str
    size: int


@dataclass(frozen=True, slots=True)
class Letter:
    """Where a dead letter came from, and why.

    For a queue that is not shown, ``slug``, ``queue`` and ``job_id`` are empty.
    """

    queue: str
    slug: str
    job_id: str
    reason: str
    attempts_made: int
    failed_at_ms: int | None


@dataclass(frozen=True, slots=True)
class JobPage:
    """One job.

    Attributes:
        queue: where it is.
        id: exactly as stored.
        state: wire name; ``unknown`` when no container holds it.
        name: None when its hash has none.
        data: payload; empty when the hash has none, see ``problems``.
        return_value: None unless it completed.
        attempts: failed attempts, newest first.
        attempt_shown: number of the one shown; 0 without any.
        failed_reason: message of the newest failure, whole.
        error_name: its class.
        error_message: its first line.
        attempts_made: attempts that ended and counted.
        attempts_started: starts, stalls included.
        attempts_max: tries altogether.
        stalled: how often it was taken back from a lost worker.
        timeline: what its hash proves of its life.
        timeline_total_ms: from the first to the last moment of it.
        options_words: its options as sentences.
        options: its options as stored.
        logs: lines shown.
        logs_total: lines altogether.
        logs_from: index of the first line shown.
        progress: as text; None when never set.
        worker: that took it last.
        lock_ttl_ms: time left on its lock; None without one.
        added_at_ms: creation.
        processed_at_ms: latest start.
        finished_at_ms: end.
        due_at_ms: when a delayed job may start.
        priority: 0 for none.
        deferred_failure: the next worker fails it with this text.
        scheduler: that made it.
        dedup_id: its deduplication id.
        parent: None without one.
        children: the first of each kind.
        children_counts: None without children.
        raw: every field of the hash.
        problems: what is broken, in words.
        missing: its id is in a list, its hash is gone.
        retryable: whether it can be retried.
        promotable: whether it can be promoted.
        removable: whether it can be removed.
        position: ``3 of 412`` in its list; None where that is not known.
        prev_id: neighbour before it.
        next_id: neighbour after it.
        measured_at_ms: when.
        letter: None unless it is a dead letter.
        withheld: what it carries is left out, for this person may not see it.
        compared: numbers of two attempts that were compared, the older first; None when it was not asked.
        difference: between their stack traces; empty when they are the same.
        ttl_ms: time until its hash expires; None when it does not.
        stoppable: whether its worker can be asked to stop it.
        stopping: why somebody asked for it to be stopped; None when nobody has.
        alike: the failures of its cause; None where no recorder put it into a group.
        kin: how the jobs of its name ran lately; None where that is not known.
        ignoring: whether its parent can go on without it.
    """

    queue: QueueName
    id: str
    state: str
    name: str | None
    data: Payload
    return_value: Payload | None
    attempts: tuple[Attempt, ...]
    attempt_shown: int
    failed_reason: str | None
    error_name: str | None
    error_message: str | None
    attempts_made: int
    attempts_started: int
    attempts_max: int
    stalled: int
    timeline: tuple[Step, ...]
    timeline_total_ms: int | None
    options_words: tuple[str, ...]
    options: Payload | None
    logs: tuple[LogLine, ...]
    logs_total: int
    logs_from: int
    progress: str | None
    worker: str | None
    lock_ttl_ms: int | None
    added_at_ms: int | None
    processed_at_ms: int | None
    finished_at_ms: int | None
    due_at_ms: int | None
    priority: int
    deferred_failure: str | None
    scheduler: str | None
    dedup_id: str | None
    parent: FlowLink | None
    children: tuple[FlowLink, ...]
    children_counts: ChildCounts | None
    raw: tuple[RawField, ...]
    problems: tuple[str, ...]
    missing: bool
    retryable: Allowed
    promotable: Allowed
    removable: Allowed
    position: str | None
    prev_id: str | None
    next_id: str | None
    measured_at_ms: int
    letter: Letter | None = None
    withheld: bool = False
    compared: tuple[int, int] | None = None
    difference: tuple[DiffLine, ...] = ()
    ttl_ms: int | None = None
    stoppable: Allowed = NOT_ACTIVE
    stopping: str | None = None
    alike: Alike | None = None
    kin: Kin | None = None
    ignoring: Ignoring = NOT_FAILED


def read_job(
    connection: Reads,
    known: Known,
    queue: QueueKeys,
    job_id: str,
    *,
    now_ms: int,
    attempt: int | None = None,
    logs_from: int | None = None,
    diff: str = "",
    groups: Groups | None = None,
) -> JobPage:
    """Read the page of one job; with ``groups``, also what the jobs around it tell about it.

    Raises:
        UnknownJobError: neither a hash nor any list of the queue knows the id.
    """
    calls = [job_call(queue, job_id, logs_from=logs_from), *related_calls(known, queue, job_id, groups)]
    reading, *related = connection.batch(together(calls))
    if isinstance(reading, EngineError):
        raise reading
    page = job_page(reading, known, now_ms=now_ms, attempt=attempt)
    if page is None:
        raise UnknownJobError(job_id, queue=queue.name, slug=known.slug(queue))
    return _compared(with_related(page, related), diff)


def with_related(page: JobPage, replies: list[Any]) -> JobPage:
    """Add what ``related_calls`` read, if it was asked for."""
    if not replies:
        return page
    alike, kin = replies
    began = page.processed_at_ms
    ended = page.measured_at_ms if page.state == "active" else page.finished_at_ms
    took = max(0, ended - began) if began is not None and ended is not None else None
    is_failed = page.state == "failed"
    return replace(
        page,
        alike=alike_of(alike) if is_failed else None,
        kin=kin_of(kin, page.id, is_failed=is_failed, took_ms=took),
    )


def _compared(page: JobPage, wish: str) -> JobPage:
    """Hold two attempts against each other, asked for as ``2..3``; anything else asks for nothing."""
    match = re.fullmatch(r"(\d{1,9})\.\.(\d{1,9})", wish)
    traces = {attempt.number: attempt.raw for attempt in page.attempts}
    if match is None or int(match[1]) not in traces or int(match[2]) not in traces:
        return page
    old, new = int(match[1]), int(match[2])
    return replace(page, compared=(old, new), difference=difference(traces[old], traces[new]))


def job_call(queue: QueueKeys, job_id: str, *, logs_from: int | None = None) -> Call[JobReading]:
    """Describe the read, for pages that show a job beside something else."""
    return read_job_call(queue, job_id, logs_from=logs_from)


def job_page(reading: JobReading, known: Known, *, now_ms: int, attempt: int | None = None) -> JobPage | None:
    """Make the page out of what was read; None when nothing is left of the job."""
    if reading.kind == "none" and reading.state == "unknown":
        return None
    fields = {name: cut.text for name, cut in reading.fields.items() if cut.text is not None}
    state = "waiting" if reading.state == "paused" else reading.state
    options = read_json(fields.get("opts"))
    made = whole_number(fields.get("attemptsMade", fields.get("atm"))) or 0
    traces = _traces(fields.get("stacktrace"))
    failed = attempts(traces, made)
    reason = without_hidden(fields.get("failedReason"), known)
    error_name, error_message = error_texts(error_of(traces[-1])[0] if traces else None, reason)
    worker = fields.get("pb")
    retry, remove, promote = allowed_actions(
        reading.state, reading.kind, lock_ms=reading.lock_ms, worker=worker, is_next_run=reading.is_next_run
    )
    delay_ms = option_number(options, "delay") or 0
    life = _life(reading, fields, state=state, now_ms=now_ms, delay_ms=delay_ms, attempts_made=made)
    steps, total_ms = timeline(life)
    counts = reading.child_counts
    numbers = [one.number for one in failed]
    above = reading.parent
    parent = None if above is None else flow_link(above, known, kind="parent")
    page = JobPage(
        queue=queue_name(reading.queue, known),
        id=reading.id,
        state=state,
        name=_shown(fields.get("name")),
        data=_payload(reading.fields.get("data")) or NOTHING,
        return_value=_payload(reading.fields.get("returnvalue")),
        attempts=failed,
        attempt_shown=attempt if attempt in numbers else max(numbers, default=0),
        failed_reason=_shown(reason),
        error_name=error_name,
        error_message=error_message,
        attempts_made=made,
        attempts_started=whole_number(fields.get("ats")) or 0,
        attempts_max=max(1, option_number(options, "attempts") or 1),
        stalled=whole_number(fields.get("stc")) or 0,
        timeline=steps,
        timeline_total_ms=total_ms,
        options_words=options_in_words(options),
        options=_payload(reading.fields.get("opts")),
        logs=log_lines(reading.logs, reading.logs_from),
        logs_total=reading.logs_total,
        logs_from=reading.logs_from,
        progress=progress_text(fields["progress"]) if "progress" in fields else None,
        worker=_shown(worker),
        lock_ttl_ms=reading.lock_ms if reading.lock_ms > 0 else None,
        added_at_ms=life.added_ms,
        processed_at_ms=life.processed_ms,
        finished_at_ms=life.finished_ms,
        due_at_ms=life.due_ms,
        priority=whole_number(fields.get("priority")) or 0,
        deferred_failure=_shown(without_hidden(fields.get("defa"), known)),
        scheduler=_shown(fields.get("rjk")),
        dedup_id=_shown(fields.get("deid")),
        parent=parent,
        children=tuple(sorted((flow_link(one, known, kind=one.kind) for one in reading.children), key=child_order)),
        children_counts=counts if counts != ChildCounts() else None,
        raw=tuple(_raw(name, cut, known) for name, cut in sorted(reading.fields.items())),
        problems=tuple(_problems(reading, fields, traces)),
        missing=reading.kind == "none",
        retryable=retry,
        promotable=promote,
        removable=remove,
        position=None
        if reading.rank is None or reading.total is None
        else sentence("%(first)s of %(all)s", first=Count(reading.rank + 1), all=Count(reading.total)),
        prev_id=reading.previous_id,
        next_id=reading.next_id,
        measured_at_ms=now_ms,
        letter=_letter(options, known),
        ttl_ms=reading.ttl_ms if reading.ttl_ms >= 0 else None,
        stoppable=_stoppable(reading),
        stopping=_shown(reading.stop_reason),
        ignoring=ignoring(state, None, "", None)
        if above is None
        else ignoring(state, parent, above.kind, above.child_counts, is_apart=above.failed_itself),
    )
    if not known.shows_data(reading.queue):
        return _withheld(page)
    return _unnamed(page) if _foreign(reading, page.letter, known) else page


def _withheld(page: JobPage) -> JobPage:
    """Leave out what the job carries. What it is, where and since when stays, and so does the name of its error."""
    reason = None if page.failed_reason is None else WITHHELD
    return replace(
        page,
        data=replace(NOTHING, text=WITHHELD, size=page.data.size),
        return_value=None
        if page.return_value is None
        else replace(NOTHING, text=WITHHELD, size=page.return_value.size),
        attempts=(),
        attempt_shown=0,
        failed_reason=reason,
        error_message=None if page.error_message is None else WITHHELD,
        deferred_failure=None if page.deferred_failure is None else WITHHELD,
        options=None,
        logs=(),
        logs_from=0,
        progress=None,
        raw=(),
        letter=None if page.letter is None else replace(page.letter, reason=WITHHELD),
        withheld=True,
    )


def _foreign(reading: JobReading, letter: Letter | None, known: Known) -> bool:
    """Whether the job's own hash names a queue that is not shown: its parent's, or where a dead letter came from."""
    if letter is not None and not letter.slug:
        return True
    if reading.parent is None:
        return False
    keys = queue_behind(reading.parent.base)
    return keys is None or not known.is_shown(keys)


def _unnamed(page: JobPage) -> JobPage:
    """Leave the fields out that name a queue which is not shown."""
    return replace(
        page, options=None, raw=tuple(field for field in page.raw if field.name not in ("parent", "parentKey", "opts"))
    )


def _letter(options: Any, known: Known) -> Letter | None:
    told = options.get("deadLetter") if isinstance(options, Pairs) else None
    if not isinstance(told, Pairs):
        return None
    queue, prefix, job_id, reason = (
        value if isinstance(value := told.get(name), str) else "" for name in ("queue", "prefix", "id", "reason")
    )
    keys = queue_behind(f"{prefix}:{queue}:")
    shown = keys is not None and bool(job_id) and known.is_shown(keys)
    return Letter(
        queue=display(queue) if shown else "",
        slug=known.slug(keys) if keys is not None and shown else "",
        job_id=job_id if shown else "",
        reason=display(redact_text(reason)),
        attempts_made=option_number(told, "attemptsMade") or 0,
        failed_at_ms=option_number(told, "failedOn"),
    )


def _shown(text: str | None) -> str | None:
    return None if text is None else display(redact_text(text))


def _stoppable(reading: JobReading) -> Allowed:
    if reading.state != "active" or reading.kind != "hash":
        return NOT_ACTIVE
    if reading.lock_ms < 0:
        return Allowed(ok=False, reason=sentence("its worker is gone; the next check for stalled jobs takes it back"))
    if not reading.is_stoppable:
        return Allowed(
            ok=False, reason=sentence("only workers of Queue Board's engine can be asked, and this one is another")
        )
    if reading.stop_reason is not None:
        return Allowed(ok=False, reason=sentence("its worker was asked already"))
    return YES


def _payload(cut: Cut | None) -> Payload | None:
    if cut is None:
        return None
    return payload(cut.text or "", cut.length, truncated=not cut.is_whole)


def _traces(text: str | None) -> list[str]:
    found = read_json(text)
    return [one for one in found if isinstance(one, str)][-TRACE_LIMIT:] if isinstance(found, list) else []


def _life(
    reading: JobReading, fields: Mapping[str, str], *, state: str, now_ms: int, delay_ms: int, attempts_made: int
) -> Life:
    counts = reading.child_counts
    return Life(
        state=state,
        now_ms=now_ms,
        added_ms=whole_number(fields.get("timestamp")),
        delay_ms=delay_ms,
        processed_ms=whole_number(fields.get("processedOn")),
        finished_ms=whole_number(fields.get("finishedOn")),
        due_ms=due_of(reading.score) if state == "delayed" else None,
        retry_delay_ms=whole_number(fields.get("delay")) or 0,
        attempts_made=attempts_made,
        attempts_started=whole_number(fields.get("ats")) or 0,
        has_children=counts.processed + counts.ignored + counts.failed > 0,
    )


def _raw(name: str, cut: Cut, known: Known) -> RawField:
    if cut.text is None:
        return RawField(display(name), sentence("too long to be shown"), cut.length)
    if name in JSON_FIELDS and cut.is_whole:
        text = payload(cut.text, cut.length).text
    else:
        text = redact_text(without_hidden(cut.text, known) or "")
    return RawField(display(name), shorten(display(text), RAW_LIMIT), cut.length)


_NOT_JSON = {
    "data": DATA_NOT_JSON,
    "opts": OPTIONS_NOT_JSON,
    "returnvalue": sentence("the result is not JSON"),
}


def _problems(reading: JobReading, fields: Mapping[str, str], traces: list[str]) -> list[str]:
    if reading.kind != "hash":
        return [no_job_problem(reading.kind)]
    found: list[str] = [
        no_field_problem(name) for name in ("name", "data", "opts", "timestamp") if name not in reading.fields
    ]
    for name, told in _NOT_JSON.items():
        shown = _payload(reading.fields.get(name))
        if shown is not None and not shown.valid:
            found.append(told)
    if "stacktrace" in reading.fields and not traces and fields.get("stacktrace") not in ("[]", "{}"):
        whole = reading.fields["stacktrace"].is_whole
        found.append(
            sentence("the stack traces are not JSON")
            if whole
            else sentence("the stack traces are too long to be read here")
        )
    if whole_number(fields.get("timestamp")) is None and "timestamp" in fields:
        found.append(NO_TIME)
    if reading.state == "unknown":
        found.append(sentence("no list of the queue holds this job: no worker will ever take it"))
    return found
