"""Job schedulers: templates that make a job at each moment of a cron pattern or an interval.

The next run is always there as a job; the worker that takes it creates the one after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from board.engine.calls import Batch, Call, Plan
from board.engine.codec import decode_options, dump_json, integer, load_json, option_map, pack, pairs, text
from board.engine.commands.script_call import script_call, texts
from board.engine.errors import InvalidOptionError, SchedulerCollisionError, SchedulerError
from board.engine.keys import QueueKeys
from board.engine.options import check_options, merge_options, to_ms
from board.engine.schedule import check_pattern, check_zone, next_run_ms
from board.engine.types import UNSET, JobData, JobOptions, JsonValue, Repeat, SchedulerData

__all__ = [
    "count_schedulers",
    "get_scheduler",
    "list_schedulers",
    "next_iteration",
    "read_record",
    "remove_scheduler",
    "upsert_scheduler",
]

OF_EACH_RUN = frozenset({"jobId", "repeat", "repeatJobKey", "delay", "prevMillis"})
"""Options that every run has of its own; a scheduler's record holds none of them."""


def upsert_scheduler(
    queue: QueueKeys,
    scheduler_id: str,
    repeat: Repeat,
    *,
    name: str | None = None,
    data: JsonValue = UNSET,
    data_text: str | None = None,
    options: JobOptions | None = None,
    defaults: JobOptions | None = None,
    template: Mapping[str, JsonValue] | None = None,
    made: int = 1,
    now_ms: int,
) -> Plan[str | None]:
    """Create a job scheduler or change it, and schedule its next run; atomic.

    Args:
        queue: the queue.
        scheduler_id: its id; adding the same id again changes it.
        repeat: when it runs.
        name: name of its jobs; the scheduler's id when left out.
        data: payload of its jobs.
        data_text: the payload as JSON already, stored to the last digit, instead of ``data``.
        options: options of its jobs.
        defaults: the queue's defaults, below those.
        template: options as a scheduler's record holds them, instead of ``options`` and ``defaults``.
        made: which run the next one is, counted from 1; a limit counts on from there.
        now_ms: the clock.

    Returns the id of the next run's job, or None when nothing is left to run (a limit below 1).

    Raises:
        InvalidOptionError: neither or both of pattern and every, a wrong pattern, zone, limit or id.
        SchedulerError: the end date has passed, or no moment matches.
        SchedulerCollisionError: the id of the next run is taken; nothing was changed.
    """
    checked = _check(scheduler_id, repeat)
    _check_template(options)
    if checked.limit is not None and checked.limit < made:
        return None
    if checked.end_date_ms is not None and now_ms > checked.end_date_ms:
        raise SchedulerError(f"scheduler {scheduler_id!r} would never run: its end date has passed")
    stored = option_map(check_options(merge_options(defaults, options))) if template is None else template
    template = {name: value for name, value in stored.items() if name not in OF_EACH_RUN}
    spec: dict[str, Any] = {
        "id": scheduler_id,
        "now": now_ms,
        "name": name or scheduler_id,
        "data": data_text if data_text is not None else dump_json({} if data is UNSET else data),
        "opts": template,
        "rule": _rule(checked),
        "count": made,
    }
    if template:
        spec["template"] = dump_json(template)
    if checked.pattern is not None:
        spec["at"] = now_ms if checked.immediately else _next(checked, now_ms)
        if checked.end_date_ms is not None and spec["at"] > checked.end_date_ms:
            raise SchedulerError(f"scheduler {scheduler_id!r} would never run: no match before its end date")
    reply = yield from script_call("upsert_scheduler", (queue.base,), (pack(spec),), _id_or_code)
    if isinstance(reply, int):
        raise SchedulerCollisionError(
            f"the next run of scheduler {scheduler_id!r} in queue {queue.name} would take an id that exists already"
        )
    return reply


def next_iteration(queue: QueueKeys, job: JobData, now_ms: int) -> Plan[str | None]:
    """Create the run after this one, which a worker has just taken; does nothing for any other job.

    Idempotent: a retried or stalled run adds nothing. The rule is the job's own; name and data are the scheduler's.
    Returns the new job's id, or None when the limit or the end date is reached or the scheduler was removed.
    """
    rule = job.options.get("repeat")
    if job.scheduler_id is None or not isinstance(rule, Mapping):
        return None
    count, limit, end = integer(rule.get("count")) or 0, integer(rule.get("limit")), integer(rule.get("endDate"))
    if (limit is not None and count + 1 > limit) or (end is not None and now_ms > end):
        return None
    stored = load_json(job.raw.get("opts", "{}"))
    opts = {"attempts": 0} | (stored if isinstance(stored, dict) else {})
    run: dict[str, Any] = {
        "scheduler": job.scheduler_id,
        "job_id": job.id,
        "now": now_ms,
        "name": job.name or job.scheduler_id,
        "data": job.data_text or "{}",
        "opts": opts,
        "rule": {key: value for key, value in rule.items() if value is not None and key != "immediately"},
    }
    if isinstance(rule.get("pattern"), str):
        base = max(now_ms, integer(opts.get("prevMillis")) or 0, integer(rule.get("startDate")) or 0)
        tz = rule.get("tz")
        try:
            run["at"] = next_run_ms(rule["pattern"], base, tz if isinstance(tz, str) else None)
        except (SchedulerError, InvalidOptionError):
            return None
        if end is not None and run["at"] > end:
            return None
    return (
        yield from script_call(
            "next_iteration", (queue.base,), (pack(run),), lambda reply: None if reply is None else text(reply)
        )
    )


def remove_scheduler(queue: QueueKeys, scheduler_id: str, *, expected: Mapping[str, str] | None = None) -> Call[bool]:
    """Delete a scheduler, or a repeatable job of release 5, and its next run if still delayed; False if none.

    Args:
        queue: the queue.
        scheduler_id: its id.
        expected: its whole record, as ``read_record`` returned it; None removes it whatever it is.

    Raises:
        SchedulerError: the record is another one by now; nothing was changed.
    """

    def decode(code: Any) -> bool:
        if int(code) == 2:
            raise SchedulerError(f"scheduler {scheduler_id!r} was changed meanwhile; nothing was done")
        return int(code) == 0

    record = "" if expected is None else pack(dict(expected))
    return script_call("remove_scheduler", (queue.base,), (scheduler_id, record), decode)


def read_record(queue: QueueKeys, scheduler_id: str) -> Call[dict[str, str]]:
    """Read the record of a scheduler as it is stored; empty when there is none."""
    return Call(("HGETALL", queue.key(f"repeat:{scheduler_id}")), lambda reply: dict(pairs(reply)), writes=False)


def get_scheduler(queue: QueueKeys, scheduler_id: str) -> Plan[SchedulerData | None]:
    """Read one scheduler; None when there is none."""
    replies: list[Any] = yield from Batch.of(_reads(queue, scheduler_id))
    return _decode(scheduler_id, replies[0], replies[1])


def list_schedulers(
    queue: QueueKeys, start: int = 0, end: int = -1, *, ascending: bool = False
) -> Plan[list[SchedulerData]]:
    """Read schedulers by their next run; two round trips."""
    command = "ZRANGE" if ascending else "ZREVRANGE"
    ids: list[str] = yield from Call((command, queue.key("repeat"), start, end), texts, writes=False)
    replies: list[Any] = yield from Batch.of(call for one in ids for call in _reads(queue, one))
    found = [_decode(one, score, fields) for one, score, fields in zip(ids, replies[::2], replies[1::2], strict=True)]
    return [scheduler for scheduler in found if scheduler is not None]


def count_schedulers(queue: QueueKeys) -> Call[int]:
    """Count the schedulers of a queue."""
    return Call(("ZCARD", queue.key("repeat")), int, writes=False)


def _check_template(options: JobOptions | None) -> None:
    for option in ("job_id", "delay", "deduplication", "parent"):
        if getattr(options, option, None) is not None:
            raise InvalidOptionError(
                option, f"the jobs of a scheduler take no {option}: when they run, and their ids, follow from its rule"
            )


def _check(scheduler_id: object, repeat: object) -> Repeat:
    if not isinstance(scheduler_id, str) or not scheduler_id:
        raise InvalidOptionError("scheduler_id", f"a scheduler needs an id that is not empty, not {scheduler_id!r}")
    if not isinstance(repeat, Repeat):
        raise InvalidOptionError("repeat", f"repeat must be Repeat(…), not {type(repeat).__name__}")
    if not isinstance(repeat.immediately, bool):
        raise InvalidOptionError("immediately", f"immediately must be True or False, not {repeat.immediately!r}")
    if (repeat.pattern is None) == (repeat.every is None):
        raise InvalidOptionError("repeat", "a scheduler takes either a cron pattern or every, not both and not neither")
    if repeat.immediately and repeat.start_date_ms is not None:
        raise InvalidOptionError("immediately", "immediately cannot be combined with a start date")
    for option in ("limit", "start_date_ms", "end_date_ms", "offset"):
        value = getattr(repeat, option)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise InvalidOptionError(option, f"{option} must be a whole number from 0, not {value!r}")
    if repeat.tz is not None:
        check_zone(repeat.tz)
    if repeat.pattern is not None:
        check_pattern(repeat.pattern)
        return repeat
    every = to_ms(repeat.every if repeat.every is not None else 0, "every")
    if every < 1:
        raise InvalidOptionError("every", "every must be at least 1 ms")
    return replace(repeat, every=every)


def _rule(repeat: Repeat) -> dict[str, JsonValue]:
    known = {
        "pattern": repeat.pattern,
        "every": repeat.every,
        "tz": repeat.tz,
        "limit": repeat.limit,
        "startDate": repeat.start_date_ms,
        "endDate": repeat.end_date_ms,
        "offset": repeat.offset,
    }
    return {name: value for name, value in known.items() if value is not None}


def _next(repeat: Repeat, now_ms: int) -> int:
    return next_run_ms(repeat.pattern or "", max(now_ms, repeat.start_date_ms or 0), repeat.tz)


def _reads(queue: QueueKeys, scheduler_id: str) -> tuple[Call[Any], Call[Any]]:
    return (
        Call(("ZSCORE", queue.key("repeat"), scheduler_id), lambda reply: reply, writes=False),
        Call(("HGETALL", queue.key(f"repeat:{scheduler_id}")), lambda reply: dict(pairs(reply)), writes=False),
    )


def _decode(scheduler_id: str, score: Any, fields: dict[str, str]) -> SchedulerData | None:
    if score is None and not fields:
        return None
    return SchedulerData(
        id=scheduler_id,
        name=fields.get("name"),
        next_ms=integer(score),
        repeat=Repeat(
            pattern=fields.get("pattern"),
            every=integer(fields.get("every")),
            tz=fields.get("tz"),
            limit=integer(fields.get("limit")),
            start_date_ms=integer(fields.get("startDate")),
            end_date_ms=integer(fields.get("endDate")),
            offset=integer(fields.get("offset")),
        ),
        iteration_count=integer(fields.get("ic")),
        data=_json(fields.get("data")),
        options=_options(fields.get("opts")),
        legacy="ic" not in fields,
    )


def _json(encoded: str | None) -> JsonValue:
    try:
        return None if encoded is None else load_json(encoded)
    except ValueError:
        return encoded


def _options(encoded: str | None) -> dict[str, JsonValue]:
    try:
        return {} if encoded is None else decode_options(encoded)
    except ValueError:
        return {}


def _id_or_code(reply: Any) -> str | int:
    return reply if isinstance(reply, int) else text(reply[0])
