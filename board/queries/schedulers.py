"""Job schedulers of all queues: when each runs next, what became of its last runs, and which are held back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from board.engine.calls import Batch, Call
from board.engine.commands.pages import whole_number
from board.engine.commands.readings import Cut
from board.engine.commands.scheduler_pages import SchedulerReading, SchedulersReading, read_schedulers
from board.engine.errors import EngineError
from board.engine.keys import QueueKeys
from board.engine.schedule import check_pattern
from board.errors import UnknownSchedulerError
from board.held import Held, held_call, held_field, read_held
from board.namespace import Namespace
from board.queries.cron_words import cron_words, interval_words
from board.queries.manage import ManagePage, manage_calls, manage_of
from board.queries.options_words import options_in_words
from board.queries.payload import Payload, payload
from board.queries.rows import read_json
from board.queries.schedule_times import DAY_MS, MOST_TICKS, Moment, Rule, clock_warnings, coming, told, zone_of
from board.queries.scheduler_runs import Past, Run, history_of, run_of, usual_ms_of
from board.queries.shared import Known, QueueName, Reads, by_slot, queue_name, together
from board.queries.text import display
from board.spans import duration
from board.words import sentence

__all__ = [
    "FILTERS",
    "Scheduler",
    "SchedulerPage",
    "SchedulersPage",
    "read_scheduler",
    "read_schedulers_of_queue",
    "read_schedulers_page",
    "words_of",
]

SHOWN = 100
"""Schedulers on one page, those that run next; a text finds the others."""

QUEUES_PER_SCRIPT = 500
"""Two commands a queue without schedulers."""

LATE_MS = 5_000
"""So long after its moment a run counts as overdue: workers look for what is due at least that often."""

MOST_MISSED = 100
"""Missed runs counted one by one."""

TEXT_LIMIT = 200

FILTERS = ("", "trouble", "failed", "paused", "legacy")


@dataclass(frozen=True, slots=True)
class Scheduler:
    """One scheduler.

    Attributes:
        queue: where it makes jobs.
        id: exactly as stored.
        name: of its jobs.
        words: its schedule in words.
        raw: its schedule as stored.
        tz: its zone; None for an interval, and for a pattern in the zone of the worker.
        is_known_zone: False for a name that is no zone.
        next_ms: its next run; None while it is held back.
        ticks: runs of the next 24 hours, ms from now; empty when there are too many to draw.
        is_dense: there are.
        status: ``ok``, ``due`` (its run waits in line), ``running``, ``overdue``, ``lost`` (no job stands for its next
            run), ``ended`` (it made its last run), ``paused``.
        trouble: what is wrong, as a sentence; empty when nothing is.
        runs: the latest that are still there, newest first.
        usual_ms: median length of those that completed.
        made: runs made so far; None where that is not counted.
        limit: most runs; None without.
        is_legacy: a repeatable job of release 5.
        held: when it was held back and by whom; None while it is in its queue.
        next_job_id: the job that is its next run, while it is there.
    """

    queue: QueueName
    id: str
    name: str
    words: str
    raw: str
    tz: str | None
    is_known_zone: bool
    next_ms: int | None
    ticks: tuple[int, ...]
    is_dense: bool
    status: str
    trouble: str
    runs: tuple[Run, ...]
    usual_ms: float | None
    made: int | None
    limit: int | None
    is_legacy: bool
    held: Held | None
    next_job_id: str | None

    @property
    def last(self) -> Run | None:
        """The latest run that has ended or runs."""
        return self.runs[0] if self.runs else None


@dataclass(frozen=True, slots=True)
class SchedulersPage:
    """Schedulers over all queues, or of one.

    Attributes:
        schedulers: by their next run; those held back last.
        queue: the only one looked at; None for all.
        queue_count: queues looked at.
        total: schedulers that they have, with those held back.
        shown_all: none is left out but by the filter.
        counts: how many of those read each filter would show.
        q: text searched for.
        only: filter in force.
        problem: what could not be read; empty when all was.
        measured_at_ms: when.
    """

    schedulers: tuple[Scheduler, ...]
    queue: QueueName | None
    queue_count: int
    total: int
    shown_all: bool
    counts: dict[str, int]
    q: str
    only: str
    problem: str
    measured_at_ms: int


@dataclass(frozen=True, slots=True)
class SchedulerPage:
    """One scheduler with its template.

    Attributes:
        scheduler: the line of the list.
        moments: its next runs.
        history: its last runs and the moments without one, oldest first.
        warnings: changes of the clocks, and what could not be read.
        data: payload of its jobs; None when it is an empty object.
        options_words: options of its jobs in words.
        options: the same as stored; None without any.
        start_ms: nothing before.
        end_ms: nothing after.
        offset_ms: place in the grid of an interval.
        measured_at_ms: when.
        withheld: what its jobs carry is left out, for this person may not see it.
    """

    scheduler: Scheduler
    moments: tuple[Moment, ...]
    history: tuple[Past, ...]
    warnings: tuple[str, ...]
    data: Payload | None
    options_words: tuple[str, ...]
    options: Payload | None
    start_ms: int | None
    end_ms: int | None
    offset_ms: int | None
    measured_at_ms: int
    withheld: bool = False


def read_schedulers_page(
    connection: Reads,
    known: Known,
    namespace: Namespace,
    queues: Sequence[QueueKeys],
    *,
    now_ms: int,
    q: str = "",
    only: str = "",
    one_queue: bool = False,
) -> SchedulersPage:
    """Read the list in one round trip.

    Raises:
        StoreError: not a single queue could be read.
    """
    return _read(connection, known, namespace, queues, [], now_ms=now_ms, q=q, only=only, one_queue=one_queue)[0]


def read_schedulers_of_queue(
    connection: Reads, known: Known, namespace: Namespace, queue: QueueKeys, *, now_ms: int, q: str, only: str
) -> tuple[SchedulersPage, ManagePage]:
    """Read the list of one queue and the queue as a whole, in one round trip.

    Raises:
        StoreError: the queue could not be read.
    """
    about = manage_calls(queue)
    page, whole = _read(connection, known, namespace, [queue], about, now_ms=now_ms, q=q, only=only, one_queue=True)
    return page, manage_of(whole, known)


def _read(
    connection: Reads,
    known: Known,
    namespace: Namespace,
    queues: Sequence[QueueKeys],
    along: list[Call[Any]],
    *,
    now_ms: int,
    q: str,
    only: str,
    one_queue: bool,
) -> tuple[SchedulersPage, list[Any]]:
    """Read the list, and what is asked along with it."""
    text = q.strip()[:TEXT_LIMIT]
    calls = [read_schedulers(chunk, limit=SHOWN, find=text) for chunk in by_slot(queues, QUEUES_PER_SCRIPT)]
    held_reply, *both = connection.batch(together([held_call(namespace), *calls, *along]))
    replies, rest = both[: len(calls)], both[len(calls) :]
    readings: list[SchedulersReading] = [one for one in replies if not isinstance(one, EngineError)]
    if replies and not readings:
        raise replies[0]
    rows = sorted((row for one in readings for row in one.rows), key=_place)[:SHOWN]
    shown = [_scheduler(row, known, now_ms) for row in rows]
    there = {(row.queue, row.id) for one in readings for row in one.rows}
    held = [] if isinstance(held_reply, EngineError) else held_reply
    asked = set(queues)
    paused = [
        _paused(one, known)
        for one in sorted(held, key=lambda one: (one.queue.base, one.id))
        if one.queue in asked and (one.queue, one.id) not in there and _matches(one, text)
    ]
    found = [*shown, *paused]
    total = sum(one.total for one in readings) + len(paused)
    is_complete = sum(one.matched for one in readings) <= len(shown) and not any(
        one.searched < one.total and text for one in readings
    )
    problems = [problem for one in readings for problem in one.problems]
    if isinstance(held_reply, EngineError):
        problems.append(f"schedulers held back by this board: {held_reply}")
    if len(readings) < len(replies):
        problems.append(f"{len(replies) - len(readings)} parts of the queues did not answer")
    page = SchedulersPage(
        schedulers=tuple(one for one in found if _passes(one, only)),
        queue=queue_name(queues[0], known) if one_queue and queues else None,
        queue_count=len(queues),
        total=total,
        shown_all=is_complete and (bool(text) or total <= len(found)),
        counts={name: sum(_passes(one, name) for one in found) for name in FILTERS},
        q=text,
        only=only if only in FILTERS else "",
        problem=display("; ".join(problems[:3])),
        measured_at_ms=now_ms,
    )
    return page, rest


def read_scheduler(
    connection: Reads, known: Known, namespace: Namespace, queue: QueueKeys, scheduler_id: str, *, now_ms: int
) -> SchedulerPage:
    """Read one scheduler in one round trip.

    Raises:
        UnknownSchedulerError: it is neither in the queue nor held back.
    """
    calls: list[Call[Any]] = [
        read_schedulers([queue], limit=1, only=scheduler_id, scan=5_000),
        Call(("HGET", namespace.held_schedulers, held_field(queue, scheduler_id)), lambda reply: reply, writes=False),
    ]
    reading, kept = connection.batch(Batch.of(calls))
    if reading.rows:
        row: SchedulerReading = reading.rows[0]
        scheduler = _scheduler(row, known, now_ms)
        fields, data, options = dict(row.fields), row.data, row.options
    else:
        held = None if kept is None else read_held(kept)
        if held is None:
            raise UnknownSchedulerError(scheduler_id, queue.name)
        scheduler, fields = _paused(held, known), held.fields
        data, options = _whole(fields.get("data")), _whole(fields.get("opts"))
    rule = _rule(fields, is_pending=scheduler.next_job_id is not None)
    moments = told(coming(rule, scheduler.next_ms, 5), zone_of(scheduler.tz))
    if withheld := not known.shows_data(queue):
        data = options = None
    return SchedulerPage(
        scheduler=scheduler,
        moments=moments,
        history=history_of(scheduler.runs, rule),
        warnings=clock_warnings(rule, now_ms),
        data=_payload(data),
        options_words=options_in_words(read_json(options.text if options else None)),
        options=_payload(options),
        start_ms=whole_number(fields.get("startDate")),
        end_ms=rule.end_ms,
        offset_ms=whole_number(fields.get("offset")),
        measured_at_ms=now_ms,
        withheld=withheld,
    )


def words_of(pattern: str | None, every_ms: int | None) -> str:
    """Say when a scheduler runs."""
    if every_ms is not None:
        return interval_words(every_ms)
    return cron_words(pattern) if pattern else sentence("No schedule that could be read")


def _place(row: SchedulerReading) -> tuple[int, str, str]:
    return row.next_ms if row.next_ms is not None else 0, row.queue.base, row.id


def _matches(held: Held, text: str) -> bool:
    where = f"{held.queue.base} {held.id} {held.fields.get('name', '')} {held.fields.get('pattern', '')}"
    return text.lower() in where.lower()


def _passes(one: Scheduler, only: str) -> bool:
    if only == "trouble":
        return bool(one.trouble)
    if only == "failed":
        return one.last is not None and one.last.state == "failed"
    if only == "paused":
        return one.status == "paused"
    return one.is_legacy if only == "legacy" else True


def _rule(fields: dict[str, str], *, is_pending: bool) -> Rule:
    pattern, every = fields.get("pattern"), whole_number(fields.get("every"))
    if every is not None and every < 1:
        every = None
    if pattern is not None:
        try:
            check_pattern(pattern)
        except EngineError:
            pattern = None
    limit, made = whole_number(fields.get("limit")), whole_number(fields.get("ic"))
    left = None if limit is None or made is None else max(0, limit - made + (1 if is_pending else 0))
    tz = fields.get("tz") if every is None else None
    return Rule(pattern if every is None else None, every, tz, whole_number(fields.get("endDate")), left)


def _scheduler(row: SchedulerReading, known: Known, now_ms: int) -> Scheduler:
    fields = dict(row.fields)
    legacy = "ic" not in fields
    if not row.has_record:
        fields |= _parts_of_key(row.id)
    pending = row.pending_state not in (None, "completed", "failed", "unknown")
    rule = _rule(fields, is_pending=pending)
    status, trouble = _status(row, rule, now_ms, legacy=legacy)
    ahead = coming(rule, row.next_ms, MOST_TICKS + 1, now_ms + DAY_MS) if status != "ended" else ()
    is_dense = len(ahead) > MOST_TICKS
    runs = tuple(run_of(one, known, row.queue) for one in row.runs)
    made = whole_number(fields.get("ic"))
    return Scheduler(
        queue=queue_name(row.queue, known),
        id=row.id,
        name=display(fields.get("name", row.id)),
        words=words_of(fields.get("pattern"), rule.every_ms),
        raw=_raw(fields),
        tz=fields.get("tz") if rule.every_ms is None else None,
        is_known_zone=rule.tz is None or zone_of(rule.tz) is not None,
        next_ms=row.next_ms,
        ticks=() if is_dense else tuple(at - now_ms for at in ahead if at >= now_ms),
        is_dense=is_dense,
        status=status,
        trouble=trouble,
        runs=runs,
        usual_ms=usual_ms_of(runs),
        made=None if made is None else max(0, made - (1 if pending else 0)),
        limit=whole_number(fields.get("limit")),
        is_legacy=legacy,
        held=None,
        next_job_id=row.pending_id if row.pending_state is not None else None,
    )


def _paused(held: Held, known: Known) -> Scheduler:
    fields = held.fields
    rule = _rule(fields, is_pending=False)
    return Scheduler(
        queue=queue_name(held.queue, known),
        id=held.id,
        name=display(fields.get("name", held.id)),
        words=words_of(fields.get("pattern"), rule.every_ms),
        raw=_raw(fields),
        tz=rule.tz,
        is_known_zone=True,
        next_ms=None,
        ticks=(),
        is_dense=False,
        status="paused",
        trouble="",
        runs=(),
        usual_ms=None,
        made=whole_number(fields.get("ic")),
        limit=whole_number(fields.get("limit")),
        is_legacy=False,
        held=held,
        next_job_id=None,
    )


def _status(row: SchedulerReading, rule: Rule, now_ms: int, *, legacy: bool) -> tuple[str, str]:
    state, next_ms = row.pending_state, row.next_ms
    if state in ("completed", "failed"):
        has_end = rule.left is not None or rule.end_ms is not None
        return "ended", "" if has_end else sentence(
            "Its last run ended and no run after it was made: save it again to go on."
        )
    if state == "active":
        return "running", ""
    late_ms = 0 if next_ms is None else now_ms - next_ms
    if state in ("waiting", "prioritized", "paused"):
        if late_ms <= 60_000:
            return "due", ""
        waits = sentence("Its run of %(time)s ago still waits in line.", time=duration(late_ms))
        return "due", _with_missed(waits, rule, next_ms, now_ms)
    if state is None and not (legacy and not row.has_record):
        told = sentence("No job stands for its next run, so it will not run: it was removed. Save it again to go on.")
        return "lost", told
    if late_ms > LATE_MS:
        late = sentence("Overdue by %(time)s: no worker looks for what is due.", time=duration(late_ms))
        return "overdue", _with_missed(late, rule, next_ms, now_ms)
    return "ok", ""


def _with_missed(told: str, rule: Rule, next_ms: int | None, now_ms: int) -> str:
    """Add how many runs' moments have passed."""
    passed = len(coming(rule, next_ms, MOST_MISSED, now_ms))
    if passed < 2:
        return told
    if passed < MOST_MISSED:
        return sentence("%(told)s %(n)s runs missed their moment.", told=told, n=passed)
    return sentence("%(told)s %(n)s or more runs missed their moment.", told=told, n=passed)


def _raw(fields: dict[str, str]) -> str:
    if "every" in fields:
        return display(f"every {fields['every']} ms")
    return display(fields.get("pattern", ""))


def _parts_of_key(key: str) -> dict[str, str]:
    """Read the key of an old repeatable job that has no record: ``name:id:end:zone:pattern``."""
    parts = key.split(":", 4)
    if len(parts) != 5:
        return {"name": key}
    name, _, end, tz, pattern = parts
    found = {"name": name, "endDate": end, "tz": tz}
    found["every" if pattern.isdecimal() else "pattern"] = pattern
    return {field: value for field, value in found.items() if value}


def _payload(cut: Cut | None) -> Payload | None:
    if cut is None:
        return None
    return payload(cut.text or "", cut.length, truncated=not cut.is_whole)


def _whole(text: str | None) -> Cut | None:
    return None if text is None else Cut(text, len(text.encode("utf-8", "surrogatepass")))
