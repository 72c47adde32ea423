"""Wire and types: the one place that knows ``failedReason``, ``returnvalue`` and the short option names.

What goes out is compact JSON with UTF-8 as it is, as JavaScript writes it. What comes in is never trusted: bytes that
are no UTF-8 are shown as escapes; fields that are missing or unreadable become ``problems`` of the job, not errors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgpack

from board.engine.errors import PayloadError
from board.engine.keys import split_job_key
from board.engine.types import NO_OPTIONS, Backoff, Deduplication, JobData, JobOptions, JsonValue, Keep

__all__ = [
    "LONG_NAMES",
    "SHORT_NAMES",
    "decode_job",
    "decode_options",
    "decode_taken",
    "dump_json",
    "encode_keep",
    "encode_options",
    "flatten",
    "integer",
    "joined",
    "load_json",
    "option_map",
    "pack",
    "pairs",
    "text",
]

SHORT_NAMES = {
    "failParentOnFailure": "fpof",
    "continueParentOnFailure": "cpof",
    "ignoreDependencyOnFailure": "idof",
    "removeDependencyOnFailure": "rdof",
    "keepLogs": "kl",
    "deduplication": "de",
}
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_SCAN: Callable[[str, int], tuple[JsonValue, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]

_NEW = ("name", "data", "opts", "timestamp", "delay", "priority")
"""The fields of a job that no worker has taken; many have no others."""

_DIGITS = 13
"""Of a moment in ms, from 2001 to 2286."""

_MOST_DIGITS = 15
"""Of a job's delay and priority together: each is then a whole number that JavaScript holds, too."""

_moment = lru_cache(maxsize=64)(int)
_digits = lru_cache(maxsize=64)(str)
"""A moment in ms and its digits: jobs that come together were mostly added and taken together."""

_NO_OPTIONS = '{"attempts":0}'
LONG_NAMES = {short: long for long, short in SHORT_NAMES.items()}


def _chunker() -> Callable[[JsonValue, int], Iterable[str]]:
    """Return what ``_ENCODER.encode`` makes anew for each value."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # an interpreter without the C part
        return lambda value, _level: _ENCODER.iterencode(value)
    chunks: Callable[[JsonValue, int], Iterable[str]] = make(
        None,  # finds no circle: that ends as a RecursionError
        _ENCODER.default,
        json.encoder.encode_basestring,
        None,
        _ENCODER.key_separator,
        _ENCODER.item_separator,
        _ENCODER.sort_keys,
        _ENCODER.skipkeys,
        _ENCODER.allow_nan,
    )
    return chunks


_CHUNKS = _chunker()

MOST_KEPT = 1024 * 1024
"""A packer that held more bytes is let go: it would keep room for as many for good."""


def text(value: Any) -> str:
    """Return a reply as text; bytes that are no UTF-8 become backslash escapes."""
    if value.__class__ is str:
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def integer(value: Any) -> int | None:
    """Return a reply as a whole number, None when it is absent or no number; fractions are cut."""
    if value is None or isinstance(value, int):
        return value
    try:
        number = float(value)
        return int(number) if math.isfinite(number) else None
    except (ValueError, TypeError):
        return None


_IDLE: list[msgpack.Packer] = []
"""Packers that nobody uses: making one takes longer than packing. Each is in one thread's hands at a time."""


def pack(value: Any) -> bytes:
    """Encode a structure for ``cmsgpack.unpack`` in a script."""
    try:
        packer = _IDLE.pop()
    except IndexError:
        packer = msgpack.Packer(use_bin_type=False, unicode_errors="surrogatepass")
    packed: bytes = packer.pack(value)
    if len(packed) <= MOST_KEPT:
        _IDLE.append(packer)
    return packed


def unpack(packed: bytes) -> Any:
    """Decode what ``cmsgpack.pack`` encoded in a script: texts stay bytes."""
    return msgpack.unpackb(packed, raw=True)


def joined(items: Sequence[bytes]) -> bytes:
    """Return one MessagePack array of what was packed apart, at most 65,535."""
    return b"\xdc" + len(items).to_bytes(2, "big") + b"".join(items)


def dump_json(value: JsonValue) -> str:
    """Encode a value as compact JSON.

    Raises:
        PayloadError: something in it is not JSON: NaN, a set, a key that is no text, half a surrogate pair.
    """
    if value is None:
        return "null"
    try:
        try:
            encoded = "".join(_CHUNKS(value, 0))
        except (TypeError, ValueError, RecursionError):
            encoded = _ENCODER.encode(value)  # which says what it was
        if not encoded.isascii():
            encoded.encode()
    except UnicodeEncodeError:
        raise PayloadError("the data holds half a surrogate pair, which UTF-8 cannot store") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadError(f"the data cannot be stored as JSON: {error}") from error
    return encoded


def load_json(encoded: str) -> JsonValue:
    """Decode JSON text.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        value, end = _SCAN(encoded, 0)
        if end == len(encoded):
            return value
    except (StopIteration, ValueError, RecursionError):
        pass  # white space around it, or an error that is to be told in json's words
    try:
        return json.loads(encoded)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def pairs(reply: Any) -> list[tuple[str, str]]:
    """Return the fields of an HGETALL reply in order, whichever shape the connection gave it."""
    return list(_field_map(reply).items())


def _field_map(reply: Any) -> dict[str, str]:
    if isinstance(reply, Mapping):
        return {text(key): text(value) for key, value in reply.items()}
    parts = iter(_texts(reply or []))
    return dict(zip(parts, parts, strict=False))


def _texts(reply: list[Any]) -> list[str]:
    if not reply or reply[0].__class__ is str:  # decoded where it was read, and so are all
        return reply
    try:
        return list(map(bytes.decode, reply))
    except (UnicodeDecodeError, TypeError):
        return list(map(text, reply))


def option_map(options: JobOptions) -> dict[str, JsonValue]:
    """Return checked options as the mapping that is stored, with short names and without what is unset."""
    out: dict[str, JsonValue] = dict(options.extra or {})
    plain = (
        ("attempts", options.attempts),
        ("delay", options.delay),
        ("priority", options.priority),
        ("lifo", options.lifo),
        ("jobId", options.job_id),
        ("timestamp", options.timestamp_ms),
        ("stackTraceLimit", options.stack_trace_limit),
        ("sizeLimit", options.size_limit),
        ("kl", options.keep_logs),
        ("fpof", options.fail_parent_on_failure),
        ("cpof", options.continue_parent_on_failure),
        ("idof", options.ignore_dependency_on_failure),
        ("rdof", options.remove_dependency_on_failure),
        ("tm", options.telemetry_metadata),
        ("omc", options.omit_context),
    )
    out |= {name: value for name, value in plain if value is not None}
    if isinstance(options.backoff, Backoff):
        out["backoff"] = {"type": options.backoff.type, "delay": options.backoff.delay}
        if options.backoff.jitter is not None:
            out["backoff"]["jitter"] = options.backoff.jitter
    for name, keep in (("removeOnComplete", options.remove_on_complete), ("removeOnFail", options.remove_on_fail)):
        if keep is not None:
            out[name] = encode_keep(keep) if isinstance(keep, Keep) else keep
    if options.deduplication is not None:
        out["de"] = _deduplication_map(options.deduplication)
    if options.parent is not None:
        out["parent"] = {"id": options.parent.id, "queue": options.parent.queue}
    return out


def encode_options(options: JobOptions) -> str:
    """Encode checked options as they are stored; `attempts` is always there, 0 by default."""
    if options is NO_OPTIONS:
        return _NO_OPTIONS
    return dump_json({"attempts": 0} | option_map(options))


def decode_options(encoded: str) -> dict[str, JsonValue]:
    """Decode stored options, with long names.

    Raises:
        ValueError: not a JSON object.
    """
    if encoded == _NO_OPTIONS:
        return {"attempts": 0}
    value = load_json(encoded)
    if not isinstance(value, dict):
        raise ValueError(f"the options are {type(value).__name__}, not an object")  # noqa: TRY004 - bad data, not bad code
    decoded: dict[str, JsonValue] = {LONG_NAMES.get(str(name), str(name)): item for name, item in value.items()}
    telemetry: dict[str, JsonValue] = {
        long: decoded.pop(short) for short, long in (("tm", "metadata"), ("omc", "omitContext")) if short in decoded
    }
    if telemetry:
        decoded["telemetry"] = telemetry
    return decoded


def encode_keep(keep: Keep) -> dict[str, JsonValue]:
    """Encode a retention rule; ages are seconds on the wire, fractions kept."""
    out: dict[str, JsonValue] = {}
    if keep.age is not None and isinstance(keep.age, int | float):
        seconds = keep.age / 1000
        out["age"] = int(seconds) if seconds == int(seconds) else seconds
    if keep.count is not None:
        out["count"] = keep.count
    if keep.limit is not None:
        out["limit"] = keep.limit
    return out


def decode_job(job_id: str, reply: Any) -> JobData | None:
    """Decode a job's hash; None when there is none. Never fails: what is wrong ends up in ``problems``."""
    fields = _field_map(reply)
    if not fields:
        return None
    problems = [f"{name} is missing" for name in ("name", "data", "opts", "timestamp") if name not in fields]
    field = fields.get
    options: Mapping[str, JsonValue] = {}
    encoded = field("opts")
    if encoded is not None:
        try:
            options = decode_options(encoded)
        except ValueError as error:
            problems.append(f"opts is not readable: {error}")
    parent_id = parent_queue = policy = None
    if "parentKey" in fields:
        parent_id, parent_queue, policy = _parent(fields, problems)
    stacktrace: Any = ()
    if "stacktrace" in fields:
        stacktrace = _decoded(fields, "stacktrace", [], problems)
        if not isinstance(stacktrace, list):
            problems.append("stacktrace is not a list")
            stacktrace = [stacktrace]
        stacktrace = tuple(
            item if isinstance(item, str) else json.dumps(item) for item in stacktrace if item is not None
        )
    made = "attemptsMade" if "attemptsMade" in fields else "atm"
    return JobData(
        id=job_id,
        name=field("name"),
        data=_decoded(fields, "data", None, problems),
        data_text=field("data", ""),
        options=options,
        timestamp_ms=_number(fields, "timestamp", problems),
        delay_ms=_number(fields, "delay", problems) or 0,
        priority=_number(fields, "priority", problems) or 0,
        attempts_started=_number(fields, "ats", problems) or 0,
        processed_on_ms=_number(fields, "processedOn", problems),
        worker=field("pb"),
        raw=fields,
        attempts_made=(_number(fields, made, problems) or 0) if made in fields else 0,
        stalled_count=(_number(fields, "stc", problems) or 0) if "stc" in fields else 0,
        finished_on_ms=_number(fields, "finishedOn", problems) if "finishedOn" in fields else None,
        return_value=_decoded(fields, "returnvalue", None, problems) if "returnvalue" in fields else None,
        return_text=field("returnvalue"),
        failed_reason=field("failedReason"),
        stacktrace=stacktrace,
        progress=_decoded(fields, "progress", fields["progress"], problems) if "progress" in fields else 0,
        deferred_failure=field("defa"),
        parent_key=field("parentKey"),
        parent_id=parent_id,
        parent_queue=parent_queue,
        parent_policy=policy,
        scheduler_id=field("rjk"),
        deduplication_id=field("deid"),
        problems=tuple(problems),
    )


def decode_taken(reply: list[Any], now_ms: int, worker: str | None) -> JobData | None:
    """Decode a job that was just taken, as `fetch_jobs` tells it.

    Args:
        reply: id and values of ``_NEW``, or hash before it was taken, id and starts.
        now_ms: when it was taken.
        worker: the name of the worker that took it.
    """
    if len(reply) > len(_NEW):
        values = reply if reply[0].__class__ is str else _texts(reply)
        if (job := _decode_new(values, now_ms, worker)) is not None:
            return job
        job_id, started = values[0], "1"
        hash_ = [part for pair in zip(_NEW, values[1:], strict=True) for part in pair]
    else:
        hash_, job_id, started = reply
    hash_ = [*hash_, "processedOn", str(now_ms), "ats", started]
    if worker is not None:
        hash_ += ["pb", worker]
    return decode_job(text(job_id), hash_)


def _decode_new(values: list[str], now_ms: int, worker: str | None) -> JobData | None:
    """Decode a job that is taken for the first time, as most are; None where a value of it is unusual."""
    job_id, name, data_text, options, stamp, delay, priority = values
    if len(stamp) != _DIGITS or len(delay) + len(priority) > _MOST_DIGITS:
        return None
    fields = {
        "name": name,
        "data": data_text,
        "opts": options,
        "timestamp": stamp,
        "delay": delay,
        "priority": priority,
        "processedOn": _digits(now_ms),
        "ats": "1",
    }
    if worker is not None:
        fields["pb"] = worker
    try:
        return JobData(
            job_id,
            name,
            load_json(data_text),
            data_text,
            {"attempts": 0} if options == _NO_OPTIONS else decode_options(options),
            _moment(stamp),
            0 if delay == "0" else int(delay),
            0 if priority == "0" else int(priority),
            1,
            now_ms,
            worker,
            fields,
        )
    except ValueError:
        return None


def _decoded(fields: Mapping[str, str], name: str, default: JsonValue, problems: list[str]) -> JsonValue:
    stored = fields.get(name)
    if stored is None:
        return default
    try:
        return load_json(stored)
    except ValueError as error:
        problems.append(f"{name} is not JSON: {error}")
        return default


def _number(fields: Mapping[str, str], name: str, problems: list[str]) -> int | None:
    stored = fields.get(name)
    if stored is None:
        return None
    if len(stored) < 16 and stored.isdecimal():
        return int(stored)
    number = integer(stored)
    if number is None:
        problems.append(f"{name} is not a number: {stored[:40]!r}")
    return number


def _parent(fields: Mapping[str, str], problems: list[str]) -> tuple[str | None, str | None, str | None]:
    parent_key = fields.get("parentKey")
    if parent_key is None:
        return None, None, None
    base, job_id = split_job_key(parent_key)
    queue = base.removesuffix(":")
    policy = None
    if "parent" in fields:
        try:
            parent = load_json(fields["parent"])
        except ValueError as error:
            problems.append(f"parent is not JSON: {error}")
            parent = None
        if isinstance(parent, dict):
            if isinstance(parent.get("id"), str) and isinstance(parent.get("queueKey"), str):
                job_id, queue = parent["id"], parent["queueKey"]
            policy = next((name for name in ("fpof", "cpof", "idof", "rdof") if parent.get(name)), None)
    return job_id, queue, policy


def _deduplication_map(deduplication: Deduplication) -> dict[str, JsonValue]:
    out: dict[str, JsonValue] = {"id": deduplication.id}
    if deduplication.ttl is not None:
        out["ttl"] = deduplication.ttl
    for name, key in (
        ("extend", "extend"),
        ("replace", "replace"),
        ("keep_last_if_active", "keepLastIfActive"),
        ("reschedule", "reschedule"),
    ):
        if getattr(deduplication, name):
            out[key] = True
    return out


def flatten(fields: Mapping[str, str] | Iterable[tuple[str, str]]) -> Sequence[str]:
    """Return field and value in turn, as HSET wants them."""
    items = fields.items() if isinstance(fields, Mapping) else fields
    return [part for pair in items for part in pair]
