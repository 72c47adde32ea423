"""A scheduler as a form has it: what was typed, what it means, and the runs it would lead to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from board.engine.calls import Batch, Call
from board.engine.commands.scheduler_pages import SchedulersReading, read_schedulers
from board.engine.commands.schedulers import read_record
from board.engine.commands.templates import check_template
from board.engine.errors import EngineError, InvalidOptionError, SchedulerError
from board.engine.keys import QueueKeys
from board.engine.schedule import check_pattern, check_zone, next_run_ms
from board.engine.types import Repeat
from board.errors import UnknownSchedulerError
from board.held import held_field, read_held
from board.namespace import Namespace
from board.queries.json_text import compact, hide, is_json, lay_out, restore
from board.queries.schedule_times import Moment, Rule, clock_warnings, coming, told, zone_of
from board.queries.scheduler_runs import run_of, usual_ms_of
from board.queries.schedulers import words_of
from board.queries.shared import Known, QueueName, Reads, queue_name
from board.refusals import stated
from board.spans import duration
from board.words import sentence, sentences

__all__ = ["FIELDS", "SchedulerDraft", "read_asked", "read_draft"]

FIELDS = (
    "id",
    "name",
    "kind",
    "pattern",
    "tz",
    "every",
    "every_unit",
    "limit",
    "start",
    "end",
    "offset",
    "data",
    "options",
)
UNITS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "days": 86_400_000}
LARGEST = 64 * 1024
"""Bytes of data or options that a form takes."""

LONGEST_ID = 200
SCANNED = 500
"""Newest jobs of each state among which the last runs are looked for, to tell how long one takes."""


@dataclass(frozen=True, slots=True)
class SchedulerDraft:
    """What a form says.

    Attributes:
        queue: the queue.
        id: of the scheduler that is changed; None for a new one.
        values: the fields as they were typed or are stored.
        problem: why it cannot be saved, as a sentence; empty when it can, and for a form that nobody sent yet.
        is_preview: somebody sent it.
        words: the schedule in words.
        moments: the runs it would lead to.
        warnings: changes of the clocks, and that a run usually takes longer than there is time for.
        repeat: for saving; None while there is a problem.
        data_text: for saving, with hidden values put back.
        template: for saving.
    """

    queue: QueueName
    id: str | None
    values: Mapping[str, str]
    problem: str = ""
    is_preview: bool = False
    words: str = ""
    moments: tuple[Moment, ...] = ()
    warnings: tuple[str, ...] = ()
    repeat: Repeat | None = None
    data_text: str = ""
    template: Mapping[str, Any] = field(default_factory=dict)


def read_draft(
    connection: Reads,
    known: Known,
    namespace: Namespace,
    queue: QueueKeys,
    scheduler_id: str | None,
    *,
    now_ms: int,
    typed: Mapping[str, str] | None = None,
    needs_id: bool = True,
) -> SchedulerDraft:
    """Read a form: with what is stored, or with what was typed and what that leads to. One round trip at most.

    Without ``needs_id`` a new scheduler may be without one yet: its runs can be seen, and it cannot be saved.

    Raises:
        UnknownSchedulerError: ``scheduler_id`` is given, and there is none.
    """
    stored: dict[str, str] = {}
    usual_ms = None
    if scheduler_id is not None:
        stored, usual_ms = _stored(connection, known, namespace, queue, scheduler_id)
    if typed is None:
        values = _values(scheduler_id, stored) if scheduler_id is not None else {"kind": "pattern", "data": "{}"}
        return SchedulerDraft(queue_name(queue, known), scheduler_id, values)
    values = {name: typed.get(name, "") for name in FIELDS}
    draft = SchedulerDraft(queue_name(queue, known), scheduler_id, values, is_preview=True)
    try:
        return _checked(draft, stored, usual_ms, now_ms, needs_id=needs_id)
    except (ValueError, EngineError) as refusal:
        return SchedulerDraft(draft.queue, draft.id, values, problem=stated(refusal), is_preview=True)


def read_asked(
    connection: Reads,
    known: Known,
    namespace: Namespace,
    queue: QueueKeys,
    *,
    scheduler: str,
    typed: Mapping[str, str],
    now_ms: int,
) -> SchedulerDraft:
    """Check what a program asks for under an id, whether there is such a scheduler already or not."""
    try:
        return read_draft(connection, known, namespace, queue, scheduler, now_ms=now_ms, typed=typed)
    except UnknownSchedulerError:
        named = {**typed, "id": scheduler}
        return read_draft(connection, known, namespace, queue, None, now_ms=now_ms, typed=named)


def _stored(
    connection: Reads, known: Known, namespace: Namespace, queue: QueueKeys, scheduler_id: str
) -> tuple[dict[str, str], float | None]:
    """Return the record of a scheduler, and how long its runs usually take."""
    calls: list[Call[Any]] = [
        read_record(queue, scheduler_id),
        Call(("HGET", namespace.held_schedulers, held_field(queue, scheduler_id)), lambda reply: reply, writes=False),
        read_schedulers([queue], limit=1, only=scheduler_id, scan=SCANNED),
    ]
    fields, kept, reading = connection.batch(Batch.of(calls))
    if not fields and kept is not None and (held := read_held(kept)) is not None:
        fields = held.fields
    if not fields:
        raise UnknownSchedulerError(scheduler_id, queue.name)
    return dict(fields), _usual_ms(reading, known, queue)


def _usual_ms(reading: SchedulersReading, known: Known, queue: QueueKeys) -> float | None:
    return usual_ms_of([run_of(one, known, queue) for row in reading.rows for one in row.runs])


def _values(scheduler_id: str, stored: Mapping[str, str]) -> dict[str, str]:
    every, unit = stored.get("every", ""), "ms"
    if every.isdecimal():
        unit = next((name for name, ms in reversed(UNITS.items()) if int(every) % ms == 0), "ms")
        every = str(int(every) // UNITS[unit])
    return {
        "id": scheduler_id,
        "name": stored.get("name", ""),
        "kind": "every" if every else "pattern",
        "pattern": stored.get("pattern", ""),
        "tz": stored.get("tz", ""),
        "every": every,
        "every_unit": unit,
        "limit": stored.get("limit", ""),
        "start": _minute(stored.get("startDate")),
        "end": _minute(stored.get("endDate")),
        "offset": stored.get("offset", "") if every else "",
        "data": _text(stored.get("data", "{}")),
        "options": _text(stored.get("opts", "")),
    }


def _text(stored: str) -> str:
    return lay_out(hide(stored)) if stored and is_json(stored) else stored


def _minute(text: str | None) -> str:
    if not text or not text.isdecimal() or len(text) > 15:
        return ""
    return f"{datetime.fromtimestamp(int(text) / 1000, UTC):%Y-%m-%dT%H:%M:%S}"


def _checked(
    draft: SchedulerDraft, stored: Mapping[str, str], usual_ms: float | None, now_ms: int, *, needs_id: bool
) -> SchedulerDraft:
    values = draft.values
    if draft.id is None and not needs_id <= len(values["id"].strip()) <= LONGEST_ID:
        raise ValueError(sentence("A scheduler needs an id of at most %(most)s characters.", most=LONGEST_ID))
    if draft.id is None and any(ord(sign) < 32 for sign in values["id"]):
        raise ValueError(sentence("An id cannot hold line breaks or control characters."))
    repeat = _repeat(values)
    if repeat.limit == 0:
        raise ValueError(sentence("A limit of 0 leaves nothing to run; leave it empty for no limit."))
    data_text = _json(values["data"] or "{}", stored.get("data", "{}"), sentence("The data"))
    options = _json(values["options"] or "{}", stored.get("opts", "{}"), sentence("The options"))
    template = json.loads(options)
    if not isinstance(template, dict):
        message = sentence('Options are a JSON object such as {"attempts": 3}.')
        raise InvalidOptionError("options", message)
    check_template(template)
    first = _first(repeat, now_ms)
    if repeat.end_date_ms is not None and first > repeat.end_date_ms:
        raise ValueError(sentence("It would never run: no run falls before its end."))
    every = int(repeat.every) if isinstance(repeat.every, int) else None
    rule = Rule(repeat.pattern, every, repeat.tz, repeat.end_date_ms, repeat.limit)
    ahead = coming(rule, first, 5)
    return SchedulerDraft(
        draft.queue,
        draft.id,
        values,
        is_preview=True,
        words=words_of(repeat.pattern, every),
        moments=told(ahead, zone_of(repeat.tz)),
        warnings=(*_crowded(ahead, usual_ms), *clock_warnings(rule, now_ms)),
        repeat=repeat,
        data_text=data_text,
        template=template,
    )


def _crowded(ahead: Sequence[int], usual_ms: float | None) -> tuple[str, ...]:
    """Say that a run usually takes longer than the time to the next one."""
    shortest = min((after - before for before, after in pairwise(ahead)), default=None)
    if shortest is None or usual_ms is None or usual_ms <= shortest:
        return ()
    return (
        sentence(
            "A run usually takes %(usual)s, and the next one follows after %(gap)s: runs overlap or pile up.",
            usual=duration(usual_ms),
            gap=duration(shortest),
        ),
    )


def _repeat(values: Mapping[str, str]) -> Repeat:
    start, end = _moment(values["start"], sentence("The start")), _moment(values["end"], sentence("The end"))
    limit = _whole(values["limit"], sentence("The limit"))
    if values["kind"] == "every":
        unit = values["every_unit"] or "s"
        every = _whole(values["every"], sentence("The interval"))
        if not every or unit not in UNITS:
            raise ValueError(sentence("An interval is a whole number from 1 and its unit."))
        return Repeat(
            every=every * UNITS[unit],
            limit=limit,
            start_date_ms=start,
            end_date_ms=end,
            offset=_whole(values["offset"], sentence("The offset")),
        )
    tz = values["tz"].strip() or None
    if tz is not None:
        _known_zone(tz)
    pattern = " ".join(values["pattern"].split())
    _readable(pattern)
    return Repeat(pattern=pattern, tz=tz, limit=limit, start_date_ms=start, end_date_ms=end)


def _readable(pattern: str) -> None:
    """Refuse a pattern in words of the catalogues; those of the engine are for programs."""
    try:
        check_pattern(pattern)
    except InvalidOptionError as refusal:
        fields, shown = len(pattern.split()), repr(pattern[:100])
        if not fields:
            told = sentence("A cron pattern is missing, such as 0 9 * * 1.")
        elif not pattern.startswith("@") and fields not in (5, 6):
            told = sentences(
                "Cron pattern %(pattern)s has %(n)s field; it takes five (minute hour day month weekday), or six with "
                "seconds first.",
                "Cron pattern %(pattern)s has %(n)s fields; it takes five (minute hour day month weekday), or six with "
                "seconds first.",
                fields,
                pattern=shown,
            )
        else:
            told = sentence(
                "Cron pattern %(pattern)s cannot be read: a field takes numbers and names, ranges, lists and steps.",
                pattern=shown,
            )
        raise InvalidOptionError("pattern", told) from refusal


def _known_zone(tz: str) -> None:
    try:
        check_zone(tz)
    except InvalidOptionError as refusal:
        told = sentence("Unknown time zone %(name)s; take an IANA name such as Europe/Madrid.", name=repr(tz))
        raise InvalidOptionError("tz", told) from refusal


def _first(repeat: Repeat, now_ms: int) -> int:
    """Return the first run as the engine will choose it for a new scheduler."""
    start = max(now_ms, repeat.start_date_ms or 0)
    if repeat.pattern is not None:
        try:
            return next_run_ms(repeat.pattern, start, repeat.tz)
        except SchedulerError as refusal:
            raise ValueError(sentence("It would never run: no moment of the next eight years fits.")) from refusal
    every = int(repeat.every) if isinstance(repeat.every, int) else 1
    if repeat.offset and repeat.start_date_ms is None:
        slot = now_ms // every * every + repeat.offset
        return slot if slot > now_ms else slot + every
    return start


def _json(draft: str, stored: str, noun: str) -> str:
    text = draft.replace("\r\n", "\n")
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise ValueError(sentence("%(noun)s are larger than 64 KB.", noun=noun))
    if not is_json(text):
        raise ValueError(sentence("%(noun)s are not JSON.", noun=noun))
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(
            sentence("%(noun)s hold half a surrogate pair, which UTF-8 cannot store.", noun=noun)
        ) from None
    return compact(restore(text, stored))


def _whole(text: str, noun: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise ValueError(sentence("%(noun)s is a whole number, not %(text)s.", noun=noun, text=repr(text[:40])))
    return int(text)


def _moment(text: str, noun: str) -> int | None:
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            sentence(
                "%(noun)s is a date and time such as 2030-01-31T09:00, not %(text)s.", noun=noun, text=repr(text[:40])
            )
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    at_ms = round(moment.timestamp() * 1000)
    if at_ms < 0:
        raise ValueError(sentence("%(noun)s lies before 1970.", noun=noun))
    return at_ms
