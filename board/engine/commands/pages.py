"""Reads made for pages of a dashboard: bounded in work and in bytes, one script each, nothing written.

A program that processes jobs wants a job whole; a page wants the first kilobytes of fifty of them and to be told how
long the rest is. These commands give the second. They never fail because one job or one key is broken: what could not
be read is told in the reading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, TypeVar

from board.engine.calls import Arg, Call
from board.engine.codec import pack, unpack
from board.engine.commands.readings import (
    BelowReading,
    ChildReading,
    Cursor,
    Cut,
    EndReading,
    FlowNodeReading,
    FlowReading,
    JobReading,
    NewestReading,
    PageReading,
    ParentReading,
    QueueReading,
    RowReading,
)
from board.engine.errors import UsageError
from board.engine.keys import QueueKeys
from board.engine.scripts.loader import load
from board.engine.types import ChildCounts, JobCounts, QueueMeta

__all__ = [
    "PAGE_STATES",
    "UNNAMED_ERROR",
    "BelowReading",
    "ChildReading",
    "Cursor",
    "Cut",
    "EndReading",
    "FlowNodeReading",
    "FlowReading",
    "JobReading",
    "NewestReading",
    "Order",
    "PageReading",
    "ParentReading",
    "QueueReading",
    "RowReading",
    "list_client_names",
    "queue_of",
    "read_children",
    "read_ends",
    "read_flow",
    "read_job",
    "read_newest",
    "read_page",
    "read_queues",
    "read_rows",
    "unpack_row",
    "whole_number",
]

T = TypeVar("T")

Order = Literal["newest", "oldest"]

UNNAMED_ERROR = "(unnamed)"
"""Stands for the name of an error whose stack trace names none."""

MANUAL_LIMIT = "9007199254740991"
"""What BullMQ stores in the counter of a queue that is rate limited by hand."""

SEARCHED_JOBS = 500
"""Jobs that one request looks into for a text or an error: some 10 ms of the server's time at most."""

COUNTED_ERRORS = 200
"""Newest failed jobs whose errors are counted for the facets of a page."""

LARGEST = 2**63
"""Beyond it nothing is a time, a count or a duration."""

PAGE_STATES = frozenset(
    {"waiting", "active", "prioritized", "delayed", "waiting-children", "completed", "failed", "paused"}
)


def read_queues(queues: Sequence[QueueKeys]) -> Call[list[QueueReading]]:
    """Read the counts and conditions of some queues, whose keys must lie in one cluster slot if there is a cluster."""

    def decode(reply: Any) -> list[QueueReading]:
        return [_summary(queue, one) for queue, one in zip(queues, reply, strict=True)]

    return _script("read_queues", [queue.base for queue in queues], (), decode)


def read_page(
    queue: QueueKeys,
    state: str,
    *,
    order: Order,
    size: int,
    after: Cursor | None = None,
    find: str = "",
    text: str = "",
    error: str = "",
    facets: bool = True,
) -> Call[PageReading]:
    """Read one page of a state, and the job with the exact id ``find``.

    Args:
        queue: the queue.
        state: wire name, or ``paused`` for release 5's list.
        order: newest or oldest first; for waiting jobs oldest is next to run.
        size: most rows.
        after: where the page before ended. In sorted sets pages neither repeat nor skip a job when others come and go;
            in lists (waiting, active) an index is all there is, so they may.
        find: an id to look up whatever its state.
        text: only jobs with this text in id, name, failure or the beginning of their data; 500 jobs are looked into.
        error: only jobs whose newest error has this name.
        facets: count the errors of the newest failed jobs.
    """
    if state not in PAGE_STATES:
        raise UsageError(f"{state!r} is not a state of jobs")

    def decode(reply: Any) -> PageReading:
        named = _named(reply)
        found = named["found"]
        return PageReading(
            summary=_summary(queue, named["summary"]),
            rows=tuple(named["rows"]),
            start=int(named["start"]),
            last=_cursor(named["last"]) if named["more"] else None,
            searched=int(named["searched"]),
            found=_row(found) if found else None,
            error_counts=_error_counts(named["facets"]),
        )

    arguments: tuple[Arg, ...] = (
        *(state, order, size, after.score if after else "", after.member if after else ""),
        *(find, text.lower(), error, SEARCHED_JOBS, COUNTED_ERRORS if facets else 0),
    )
    return _script("read_page", [queue.base], arguments, decode)


def read_rows(queue: QueueKeys, state: str, jobs: Sequence[tuple[str, str | None]]) -> Call[list[bytes]]:
    """Read jobs of one state as lines of a table, for ``unpack_row``; each is its id and its score, None in a list."""
    if state not in PAGE_STATES:
        raise UsageError(f"{state!r} is not a state of jobs")
    packed = pack([[job_id, score or False] for job_id, score in jobs])
    return _script("read_rows", [queue.base], (state, packed), list)


def unpack_row(line: bytes) -> RowReading:
    """Return what a line of a page tells."""
    return _row(unpack(line))


def read_newest(
    queues: Sequence[QueueKeys],
    state: str,
    *,
    size: int,
    after: Cursor | None = None,
    text: str = "",
    error: str = "",
    facets: bool = True,
    below: int = 0,
    is_inside: bool = False,
) -> Call[NewestReading]:
    """Read the newest jobs of a sorted set (``failed``, ``waiting-children``…) over some queues of one cluster slot.

    Args:
        queues: where.
        state: wire name.
        size: most rows.
        after: where the page before ended.
        text: as in ``read_page``.
        error: as in ``read_page``.
        facets: as in ``read_page``.
        below: how many jobs below each are looked into to count all below it, 1,000 over all; 0 counts none.
        is_inside: look only into those of ``queues``.
    """
    if state not in PAGE_STATES - {"waiting", "active", "paused"}:
        raise UsageError(f"{state!r} is not a state kept in the order of time")

    def decode(reply: Any) -> NewestReading:
        named = _named(reply)
        last = named["last"]
        return NewestReading(
            total=int(named["total"]),
            rows=tuple(_row(one) for one in named["rows"]),
            last=Cursor(_text(last[0]), _text(last[2]), _text(last[1])) if named["more"] else None,
            searched=int(named["searched"]),
            error_counts=_error_counts(named["facets"]),
        )

    arguments: tuple[Arg, ...] = (
        *(state, size, after.score if after else "", after.base if after else "", after.member if after else ""),
        *(text.lower(), error, SEARCHED_JOBS, COUNTED_ERRORS if facets else 0, below, int(is_inside)),
    )
    return _script("read_newest", [queue.base for queue in queues], arguments, decode)


def read_job(
    queue: QueueKeys, job_id: str, *, logs_from: int | None = None, log_lines: int = 200, children: int = 20
) -> Call[JobReading]:
    """Read everything about one job, whatever is left of it.

    Args:
        queue: its queue.
        job_id: its id.
        logs_from: index of the first log line; None for the last ``log_lines``.
        log_lines: most log lines.
        children: most children of each kind.
    """

    def decode(reply: Any) -> JobReading:
        return _job(queue, job_id, _named(reply))

    start = -1 if logs_from is None else max(0, logs_from)
    return _script("read_job", [queue.base], (job_id, start, log_lines, children), decode)


def read_flow(
    queue: QueueKeys, job_id: str, *, depth: int = 10, nodes: int = 300, children: int = 20
) -> Call[FlowReading]:
    """Read the tree that a job belongs to, from its topmost ancestor down; at most ``nodes`` jobs are looked at."""

    def decode(reply: Any) -> FlowReading:
        climbed, found = reply
        return FlowReading(int(climbed), tuple(_flow_node(_named(one)) for one in found))

    return _script("read_flow", [queue.base], (job_id, depth, nodes, children), decode)


def read_ends(
    queue: QueueKeys, ids: Sequence[str], traced: Sequence[bool], *, most: int = 16_000
) -> Call[list[EndReading | None]]:
    """Read what jobs that ended say about themselves; None for those that are gone.

    Args:
        queue: of the jobs.
        ids: some hundred at most.
        traced: for each, whether its newest stack trace is wanted.
        most: bytes of each text.
    """

    def decode(reply: Any) -> list[EndReading | None]:
        return [_end(one) if one else None for one in reply]

    return _script("read_ends", [queue.base], (pack(list(ids)), pack(list(traced)), most), decode)


def read_children(
    queue: QueueKeys, job_id: str, *, start: int = 0, size: int = 100
) -> Call[tuple[FlowNodeReading, tuple[FlowNodeReading, ...], int]]:
    """Read some children of a job, failed ones first: the job, the children, and how many of them are in that order."""

    def decode(reply: Any) -> tuple[FlowNodeReading, tuple[FlowNodeReading, ...], int]:
        node, children, ordered = reply
        return _flow_node(_named(node)), tuple(_flow_node(_named(one)) for one in children), int(ordered)

    return _script("read_children", [queue.base], (job_id, start, size), decode)


def list_client_names() -> Call[tuple[str, ...]]:
    """Read the names of all connections of the server: workers sign theirs with the name of their queue."""

    def decode(reply: Any) -> tuple[str, ...]:
        if isinstance(reply, list):  # redis-py may have parsed it into dictionaries
            return tuple(name for client in reply if (name := client.get("name")))
        return tuple(match for match in re.findall(r"(?:^| )name=(\S+)", _text(reply), re.MULTILINE))

    return Call(("CLIENT", "LIST"), decode, writes=False)


def queue_of(base: str) -> QueueKeys | None:
    """Return the queue whose keys begin with ``base``; None when that is no queue's base."""
    prefix, colon, name = base.removesuffix(":").rpartition(":")
    return QueueKeys(prefix, name) if colon and name else None


def whole_number(text: str | None) -> int | None:
    """Read a number that some client stored: a fraction is dropped, nonsense and what no 64 bits hold is unknown."""
    if text is None:
        return None
    try:
        number = int(text) if text.isdecimal() else int(float(text))
    except (ValueError, OverflowError):
        return None
    return number if -LARGEST < number < LARGEST else None


def _script(name: str, keys: Sequence[str], arguments: tuple[Arg, ...], decode: Any) -> Call[Any]:
    return Call((*keys, *arguments), decode, script=load(name), keys=len(keys), writes=False)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _optional(value: Any) -> str | None:
    return None if value is None or value is False else _text(value)


def _named(flat: Any) -> dict[str, Any]:
    return dict(zip(map(_name, flat[::2]), flat[1::2], strict=True))


@lru_cache(maxsize=256)
def _name(written: Any) -> str:
    """Read a name that a script wrote: the same few in each line of a page."""
    return _text(written)


def _cut(text: Any, length: Any) -> Cut:
    read = _optional(text)
    return Cut(read, int(length), is_whole=read is not None and len(text) >= int(length))


def _cursor(value: Any) -> Cursor:
    return Cursor(_text(value[0]), _text(value[1]))


def _error_counts(flat: Any) -> tuple[tuple[str, int], ...]:
    counts = [(_text(name), int(count)) for name, count in zip(flat[::2], flat[1::2], strict=True)]
    return tuple(sorted(counts, key=lambda item: (-item[1], item[0])))


def _child_counts(value: Any) -> ChildCounts:
    processed, unprocessed, ignored, failed = (int(one) for one in value)
    return ChildCounts(processed=processed, unprocessed=unprocessed, ignored=ignored, failed=failed)


def _summary(queue: QueueKeys, flat: Any) -> QueueReading:
    named = _named(flat)
    waiting, active, prioritized, delayed, children, completed, failed, paused = map(int, named["counts"])
    flags = list(map(_optional, named["meta"]))
    concurrency, limit_max, duration_ms = (whole_number(one) for one in flags[2:5])
    left_ms = int(named["limiter_ms"])
    used = _optional(named["limiter"])
    limited = used is not None and (
        used == MANUAL_LIMIT or (limit_max is not None and (whole_number(used) or 0) >= limit_max)
    )
    return QueueReading(
        queue=queue,
        counts=JobCounts(
            waiting=waiting,
            active=active,
            prioritized=prioritized,
            delayed=delayed,
            waiting_children=children,
            completed=completed,
            failed=failed,
            paused=paused,
        ),
        meta=QueueMeta(
            exists=flags.count(None) < len(flags),
            paused=flags[0] is not None,
            version=flags[1],
            concurrency=concurrency,
            limit_max=limit_max,
            limit_duration_ms=duration_ms,
        ),
        limited_ms=left_ms if limited and left_ms > 0 else None,
        waiting_since_ms=whole_number(_optional(named["waiting_since"])),
        problems=tuple(_text(one) for one in named["problems"]),
    )


_ROW_META = frozenset(
    {"id", "base", "state", "score", "kind", "data", "returnvalue", "error_name", "lock_ms", "children", "next_run"}
    | {"long_opts", "below"}
)


def _row(flat: Any) -> RowReading:
    named = _named(flat)
    base = _text(named["base"])
    queue = queue_of(base)
    if queue is None:
        raise UsageError(f"{base!r} is not the base of a queue")
    return RowReading(
        queue=queue,
        id=_text(named["id"]),
        state=_text(named["state"]),
        kind=_text(named["kind"]),
        score=_optional(named["score"]),
        fields={
            name: value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            for name, value in named.items()
            if name not in _ROW_META
        },
        data=_cut(*named["data"]) if "data" in named else None,
        return_value=_cut(*named["returnvalue"]) if "returnvalue" in named else None,
        error_name=_optional(named.get("error_name")),
        lock_ms=int(named["lock_ms"]) if "lock_ms" in named else None,
        children=_child_counts(named["children"]) if "children" in named else None,
        below=BelowReading(int(below[0]), int(below[1]), bool(below[2])) if (below := named.get("below")) else None,
        is_next_run="next_run" in named,
        has_long_options="long_opts" in named,
    )


def _end(fields: Sequence[Any]) -> EndReading:
    name, added, delay, started, finished, reason, trace = (_text(one) for one in fields)
    times = [whole_number(one or None) for one in (added, delay, started, finished)]
    return EndReading(name, times[0], times[1], times[2], times[3], reason, trace)


def _job(queue: QueueKeys, job_id: str, named: dict[str, Any]) -> JobReading:
    rank, total, parent = named.get("rank"), named.get("total"), named.get("parent")
    return JobReading(
        queue=queue,
        id=job_id,
        kind=_text(named["kind"]),
        state=_text(named["state"]),
        rank=rank if rank is not None and rank >= 0 else None,
        total=total if total is not None and total >= 0 else None,
        score=_optional(named.get("score")),
        previous_id=_optional(named.get("previous")),
        next_id=_optional(named.get("next")),
        fields={_text(name): _cut(text, length) for name, text, length in named.get("fields", ())},
        fields_total=int(named.get("fields_total", 0)),
        lock_ms=int(named["lock_ms"]),
        is_stoppable=bool(named["stoppable"]),
        stop_reason=_optional(named.get("stop_reason")),
        ttl_ms=int(named["ttl_ms"]),
        logs=tuple(_text(line) for line in named["logs"]),
        logs_from=int(named["logs_from"]),
        logs_total=int(named["logs_total"]),
        child_counts=_child_counts(named["child_counts"]),
        children=tuple(
            ChildReading(_text(kind), _text(key), _text(base), _text(child_id), _optional(state), _optional(name))
            for kind, key, base, child_id, state, name in named.get("children", ())
        ),
        parent=None
        if parent is None
        else ParentReading(
            *(_text(parent[0]), _text(parent[1]), _text(parent[2])),
            *(_optional(parent[3]), _optional(parent[4]), _optional(parent[5])),
            *(_text(parent[6]), _child_counts(parent[7]), bool(parent[8])),
        ),
        is_next_run=bool(named.get("next_run", 0)),
    )


_NODE_META = frozenset(
    {"key", "base", "id", "state", "parent", "kind", "level", "counts", "shown", "ends", "score", "apart"}
)


def _flow_node(named: dict[str, Any]) -> FlowNodeReading:
    parent = int(named["parent"])
    return FlowNodeReading(
        key=_text(named["key"]),
        base=_text(named["base"]),
        id=_text(named["id"]),
        state=_optional(named["state"]),
        parent=parent - 1 if parent > 0 else None,
        kind=_text(named["kind"]),
        level=int(named["level"]),
        counts=_child_counts(named["counts"]),
        shown=int(named["shown"]),
        score=_optional(named.get("score")),
        fields={name: _text(value) for name, value in named.items() if name not in _NODE_META},
        ends=tuple(
            (at_ms, bool(failed))
            for text, failed in named.get("ends", ())
            if (at_ms := whole_number(_text(text))) is not None
        ),
        is_apart=bool(named.get("apart", 0)),
    )
