"""Checks what people ask for, at the door: names, types, ranges; nothing wrong reaches Redis.

Every error says what was wrong, what is allowed and, for a name that does not exist, the nearest one that does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

from board.engine.codec import dump_json, encode_options
from board.engine.errors import InvalidJobIdError, InvalidOptionError, PayloadError
from board.engine.keys import STATE_CONTAINERS, QueueKeys
from board.engine.types import (
    NO_OPTIONS,
    UNSET,
    Backoff,
    Deduplication,
    Duration,
    JobOptions,
    JobState,
    JsonValue,
    Keep,
    ParentRef,
)
from board.engine.values import value

__all__ = [
    "MAX_PRIORITY",
    "NewJob",
    "bulk_item",
    "check_job_id",
    "check_keep",
    "check_listener",
    "check_options",
    "check_whole",
    "merge_options",
    "prepare_job",
    "to_ms",
    "to_state",
]

MAX_PRIORITY = 2_097_151
"""2^21 - 1: with 32 bits for the turn, the largest priority whose score a double holds exactly."""

_MAX_MS = 2**53 - 1
_INTEGER_ID = re.compile(r"-?(0|[1-9][0-9]*)")
_RESERVED_IDS = frozenset(
    (
        *("id", "wait", "paused", "active", "prioritized", "delayed", "waiting-children", "completed", "failed"),
        *("stalled", "stalled-check", "meta", "events", "marker", "pc", "limiter", "repeat", "delay", "priority"),
        *("added", "de"),
    )
)
_POLICIES = (
    "fail_parent_on_failure",
    "continue_parent_on_failure",
    "ignore_dependency_on_failure",
    "remove_dependency_on_failure",
)
_PLAIN = encode_options(NO_OPTIONS)
_ROW = (tuple, list)
_OPTION_NAMES = tuple(field.name for field in fields(JobOptions))


@value(frozen=True, slots=True)
class NewJob:
    """A job that passed every check and is encoded for the wire.

    Attributes:
        name: job name.
        data: JSON text of the payload.
        options: JSON text of the options, short names.
        timestamp_ms: creation.
        delay_ms: 0 for none.
        priority: 0 for none.
        lifo: runs before everything that waits.
        job_id: custom id, None to be numbered.
        parent_key: full key of the parent's hash.
        parent: JSON text of the `parent` field.
        deduplication: checked, None for none.
        has_children: the job is the parent of a flow and waits for its children.
        in_flow: the job is added within a flow's transaction.
    """

    name: str
    data: str
    options: str
    timestamp_ms: int
    delay_ms: int = 0
    priority: int = 0
    lifo: bool = False
    job_id: str | None = None
    parent_key: str | None = None
    parent: str | None = None
    deduplication: Deduplication | None = None
    has_children: bool = False
    in_flow: bool = False

    def wire(self) -> dict[str, Any]:
        """Return the job as `add_jobs.lua` unpacks it."""
        packed: dict[str, Any] = {
            "name": self.name,
            "data": self.data,
            "opts": self.options,
            "timestamp": str(self.timestamp_ms),
        }
        if self.delay_ms:
            packed["delay"] = self.delay_ms
        if self.priority:
            packed["priority"] = self.priority
        if self.job_id is not None:
            packed["id"] = self.job_id
        if self.lifo:
            packed["lifo"] = True
        if self.parent_key is not None:
            packed["parent_key"] = self.parent_key
            packed["parent"] = self.parent
        if self.deduplication is not None:
            packed["dedup"] = _wire_deduplication(self.deduplication)
        if self.has_children:
            packed["has_children"] = True
        if self.in_flow:
            packed["in_flow"] = True
        return packed


def to_ms(value: Duration, option: str = "duration") -> int:
    """Return a duration as whole milliseconds.

    Raises:
        InvalidOptionError: not a number or ``timedelta``, negative, not finite, or beyond 2^53.
    """
    if isinstance(value, timedelta):
        number: float = value / timedelta(milliseconds=1)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidOptionError(
            option, f"{option} must be milliseconds or a timedelta, not {type(value).__name__} {value!r}"
        )
    else:
        number = value
    if not 0 <= number <= _MAX_MS:
        raise InvalidOptionError(option, f"{option} must be 0 to {_MAX_MS} ms, not {value!r}")
    return round(number)


def check_whole(option: str, value: object, low: int, high: int = _MAX_MS) -> None:
    """Let whole numbers of a range through, and None.

    Raises:
        InvalidOptionError: it is something else.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidOptionError(option, f"{option} must be a whole number from {low} to {high}, not {value!r}")


def to_state(value: object) -> JobState:
    """Return a state by its name; ``wait``, as Node says, is ``waiting``.

    Raises:
        InvalidOptionError: there is none of that name.
    """
    try:
        return JobState("waiting" if value == "wait" else str(value))
    except ValueError:
        raise InvalidOptionError.unknown("state", str(value), [state.value for state in STATE_CONTAINERS]) from None


def check_job_id(job_id: str) -> str:
    """Return a custom job id that every BullMQ client can address.

    Raises:
        InvalidJobIdError: empty, an integer, `0` or beginning with `0:`, the name of one of the queue's own keys, or
            holding colons other than two.
    """
    if not isinstance(job_id, str):
        raise InvalidJobIdError(str(job_id), f"it must be text, not {type(job_id).__name__}")
    if not job_id:
        raise InvalidJobIdError(job_id, "it is empty")
    if job_id == "0" or job_id.startswith("0:"):
        raise InvalidJobIdError(job_id, "ids that begin with 0: are reserved")
    if _INTEGER_ID.fullmatch(job_id):
        raise InvalidJobIdError(job_id, "whole numbers are given by the queue itself; add a letter, such as order-7")
    if ":" in job_id and job_id.count(":") != 2:
        raise InvalidJobIdError(job_id, "a colon is only allowed in ids of exactly three parts")
    if job_id in _RESERVED_IDS:
        raise InvalidJobIdError(job_id, "the queue keeps a key of that name")
    return _check_text(job_id, "job_id")


def check_listener(event: object, listener: object) -> None:
    """Let what can be called at an event through.

    Raises:
        InvalidOptionError: the event is no text, or the listener no function.
    """
    if not isinstance(event, str) or not callable(listener):
        raise InvalidOptionError("listener", f"a listener is a function for an event by name, not {listener!r}")


def bulk_item(item: object) -> tuple[str, JsonValue, JobOptions | None]:
    """Return name, data and options of a job that is one of many.

    Raises:
        InvalidOptionError: it is not (name, data) or (name, data, options).
    """
    if not isinstance(item, _ROW) or len(item) not in (2, 3):
        raise InvalidOptionError("items", f"each job is given as (name, data) or (name, data, options), not {item!r}")
    return item[0], item[1], item[2] if len(item) > 2 else None


def merge_options(
    defaults: JobOptions | None, options: JobOptions | None, overrides: Mapping[str, Any] | None = None
) -> JobOptions:
    """Overlay the queue's defaults with a job's options and keyword arguments; what is None below shines through.

    Raises:
        InvalidOptionError: a keyword that is no job option.
    """
    if defaults is not None and not isinstance(defaults, JobOptions):
        raise InvalidOptionError("defaults", f"default job options must be JobOptions, not {type(defaults).__name__}")
    merged = defaults or NO_OPTIONS
    if options is None and not overrides:
        return merged
    for layer in (options, JobOptions(**_known(overrides)) if overrides else None):
        if layer is None:
            continue
        if not isinstance(layer, JobOptions):
            raise InvalidOptionError("options", f"options must be JobOptions, not {type(layer).__name__}")
        if layer is NO_OPTIONS:
            continue
        if merged is NO_OPTIONS:
            merged = layer
            continue
        given = {name: value for name in _OPTION_NAMES if (value := getattr(layer, name)) is not None}
        merged = replace(merged, **given)
    return merged


def check_keep(option: str, keep: object) -> bool | int | Keep:
    """Return a rule of retention with its durations as whole milliseconds.

    Raises:
        InvalidOptionError: it is no such rule.
    """
    if isinstance(keep, bool):
        return keep
    if isinstance(keep, Keep):
        check_whole(f"{option}.count", keep.count, 0)
        check_whole(f"{option}.limit", keep.limit, 1)
        return Keep(keep.count, None if keep.age is None else to_ms(keep.age, f"{option}.age"), keep.limit)
    check_whole(option, keep, -1)
    if not isinstance(keep, int):  # pragma: no cover - _whole refused it
        raise InvalidOptionError(option, f"{option} must be True, False, a number or Keep, not {keep!r}")
    return keep


def check_options(options: JobOptions) -> JobOptions:  # noqa: C901 - one line an option
    """Return the options with every value checked and durations as whole milliseconds.

    Raises:
        InvalidOptionError: names the option, what it may be and what it was.
    """
    if options is NO_OPTIONS:
        return options
    changed: dict[str, Any] = {}
    check_whole("attempts", options.attempts, 0)
    check_whole("stack_trace_limit", options.stack_trace_limit, 0)
    check_whole("size_limit", options.size_limit, 0)
    check_whole("keep_logs", options.keep_logs, 0)
    check_whole("timestamp_ms", options.timestamp_ms, 0)
    check_whole("priority", options.priority, 0, MAX_PRIORITY)
    for flag in ("lifo", "omit_context", *_POLICIES):
        if not isinstance(getattr(options, flag), bool | None):
            raise InvalidOptionError(flag, f"{flag} must be True or False, not {getattr(options, flag)!r}")
    if options.delay is not None:
        changed["delay"] = to_ms(options.delay, "delay")
    if options.backoff is not None:
        changed["backoff"] = _check_backoff(options.backoff)
    for option in ("remove_on_complete", "remove_on_fail"):
        if getattr(options, option) is not None:
            changed[option] = check_keep(option, getattr(options, option))
    if options.job_id is not None:
        check_job_id(options.job_id)
    if options.telemetry_metadata is not None and not isinstance(options.telemetry_metadata, str):
        raise InvalidOptionError("telemetry_metadata", "telemetry_metadata must be text")
    policies = [name for name in _POLICIES if getattr(options, name)]
    if len(policies) > 1:
        raise InvalidOptionError(policies[1], f"a job takes one child-failure option, not {' and '.join(policies)}")
    if options.parent is not None:
        _check_parent(options.parent)
    if options.deduplication is not None:
        if options.parent is not None:
            raise InvalidOptionError("deduplication", "deduplication cannot be combined with a parent")
        changed["deduplication"] = _check_deduplication(options.deduplication)
    if options.extra is not None and not isinstance(options.extra, Mapping):
        raise InvalidOptionError("extra", "extra must be a mapping of option names to JSON values")
    return replace(options, **changed) if changed else options


def prepare_job(
    name: str,
    data: JsonValue,
    options: JobOptions | None = None,
    *,
    defaults: JobOptions | None = None,
    now_ms: int,
    has_children: bool = False,
    in_flow: bool = False,
    queue: QueueKeys | None = None,
) -> NewJob:
    """Check everything about a job that is to be added and encode it.

    Args:
        name: job name, text that is not empty.
        data: payload, anything JSON can hold; UNSET stands for an empty object, as in BullMQ when no data is given.
        options: the job's own options.
        defaults: the queue's defaults, below the job's own.
        now_ms: the clock.
        has_children: it is the parent of a flow.
        in_flow: it is added within a flow's transaction.
        queue: the queue it goes to, for messages.

    Raises:
        UsageError: what is wrong, what is allowed, what to do.
    """
    if not _is_text(name):
        raise InvalidOptionError("name", f"a job's name must be text that is not empty, not {name!r}")
    if not name.isascii():
        _check_text(name, "name")
    is_plain = options is None and defaults is NO_OPTIONS
    checked = NO_OPTIONS if is_plain else check_options(merge_options(defaults, options))
    text = dump_json({} if data is UNSET else data)
    if is_plain and not has_children and not in_flow:
        return NewJob(name, text, _PLAIN, now_ms)
    if checked.size_limit is not None and (size := len(text.encode())) > checked.size_limit:
        where = f" for queue {queue.name}" if queue else ""
        raise PayloadError(
            f"the data of job {name!r}{where} is {size} bytes of JSON, more than size_limit {checked.size_limit}"
        )
    parent_key = parent = None
    if checked.parent is not None:
        parent_key = f"{checked.parent.queue}:{checked.parent.id}"
        parent = dump_json(_parent_field(checked))
    delay = checked.delay if isinstance(checked.delay, int) else 0
    return NewJob(
        name=name,
        data=text,
        options=encode_options(checked),
        timestamp_ms=now_ms if checked.timestamp_ms is None else checked.timestamp_ms,
        delay_ms=delay,
        priority=checked.priority or 0,
        lifo=bool(checked.lifo),
        job_id=checked.job_id,
        parent_key=parent_key,
        parent=parent,
        deduplication=checked.deduplication,
        has_children=has_children,
        in_flow=in_flow,
    )


def _parent_field(options: JobOptions) -> dict[str, JsonValue]:
    assert options.parent is not None  # noqa: S101 - the caller looked
    field: dict[str, JsonValue] = {"id": options.parent.id, "queueKey": options.parent.queue}
    for name, short in zip(_POLICIES, ("fpof", "cpof", "idof", "rdof"), strict=True):
        if getattr(options, name):
            field[short] = True
    return field


def _wire_deduplication(deduplication: Deduplication) -> dict[str, Any]:
    packed: dict[str, Any] = {"id": deduplication.id}
    if deduplication.ttl:
        packed["ttl"] = deduplication.ttl
    for name, key in (
        ("extend", "extend"),
        ("replace", "replace"),
        ("keep_last_if_active", "keep_last"),
        ("reschedule", "reschedule"),
    ):
        if getattr(deduplication, name):
            packed[key] = True
    return packed


def _known(overrides: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in overrides:
        if name not in _OPTION_NAMES:
            raise InvalidOptionError.unknown("job option", name, _OPTION_NAMES)
    return overrides


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _check_text(value: str, option: str) -> str:
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidOptionError(option, f"{option} holds half a surrogate pair, which UTF-8 cannot store") from None
    return value


def _check_backoff(backoff: Backoff | Duration) -> Backoff:
    if not isinstance(backoff, Backoff):
        return Backoff("fixed", to_ms(backoff, "backoff"))
    if not _is_text(backoff.type):
        raise InvalidOptionError("backoff", "the type of a backoff must be fixed, exponential or a strategy's name")
    jitter: object = backoff.jitter
    if jitter is not None and (isinstance(jitter, bool) or not isinstance(jitter, int | float) or not 0 <= jitter <= 1):
        raise InvalidOptionError("backoff", f"the jitter of a backoff must be 0 to 1, not {jitter!r}")
    return Backoff(backoff.type, to_ms(backoff.delay, "backoff"), jitter)


def _check_parent(parent: object) -> None:
    if not isinstance(parent, ParentRef) or not parent.id or ":" not in parent.queue:
        raise InvalidOptionError(
            "parent", 'parent must be ParentRef(id, queue) with the qualified queue name, such as "bull:mail"'
        )


def _check_deduplication(deduplication: object) -> Deduplication:
    if not isinstance(deduplication, Deduplication):
        raise InvalidOptionError(
            "deduplication", f"deduplication must be Deduplication(id, …), not {type(deduplication).__name__}"
        )
    for flag in ("extend", "replace", "keep_last_if_active", "reschedule"):
        if not isinstance(value := getattr(deduplication, flag), bool):
            raise InvalidOptionError("deduplication", f"deduplication.{flag} must be True or False, not {value!r}")
    if not _is_text(deduplication.id):
        raise InvalidOptionError("deduplication", "deduplication needs an id that is not empty")
    if deduplication.ttl is None:
        return deduplication
    return replace(deduplication, ttl=to_ms(deduplication.ttl, "deduplication.ttl"))
