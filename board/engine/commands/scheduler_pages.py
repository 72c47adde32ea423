"""Job schedulers as pages show them: over many queues, by their next run, with what became of the last ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from board.engine.calls import Call
from board.engine.codec import text
from board.engine.commands.pages import queue_of, whole_number
from board.engine.commands.readings import Cut
from board.engine.commands.script_call import script_call
from board.engine.errors import UsageError
from board.engine.keys import QueueKeys

__all__ = ["RunReading", "SchedulerReading", "SchedulersReading", "read_schedulers"]


@dataclass(frozen=True, slots=True)
class RunReading:
    """One run that is still in Redis.

    Attributes:
        job_id: its job.
        at_ms: the moment it was made for.
        state: ``active``, ``completed`` or ``failed``.
        processed_at_ms: latest start.
        finished_at_ms: end.
        failed_reason: beginning of its failure.
        number: which run of its schedule it is, counted from 1; None where its job does not tell.
        attempts: how often it was started; 0 where its job does not tell.
    """

    job_id: str
    at_ms: int | None
    state: str
    processed_at_ms: int | None
    finished_at_ms: int | None
    failed_reason: str | None
    number: int | None
    attempts: int


@dataclass(frozen=True, slots=True)
class SchedulerReading:
    """One scheduler.

    Attributes:
        queue: where it makes jobs.
        id: its id, or the key of a repeatable job of release 5.
        next_ms: moment of its next run.
        fields: short fields of its record under their names on the wire.
        has_record: it has a record; very old repeatable jobs have none.
        pending_id: id of the job that is its next run.
        pending_state: where that job is; None when it is nowhere.
        runs: the latest among the newest jobs of the queue, newest first.
        data: payload of its jobs; None where it was not asked.
        options: options of its jobs; None where they were not asked.
    """

    queue: QueueKeys
    id: str
    next_ms: int | None
    fields: Mapping[str, str]
    has_record: bool
    pending_id: str
    pending_state: str | None
    runs: tuple[RunReading, ...]
    data: Cut | None = None
    options: Cut | None = None


@dataclass(frozen=True, slots=True)
class SchedulersReading:
    """Schedulers of some queues.

    Attributes:
        total: how many the queues have.
        matched: how many of those looked through match; without a text only the first of each queue are looked at.
        searched: how many were looked through.
        rows: by their next run.
        problems: keys that could not be read, in words.
    """

    total: int
    matched: int
    searched: int
    rows: tuple[SchedulerReading, ...]
    problems: tuple[str, ...]


def read_schedulers(
    queues: Sequence[QueueKeys], *, limit: int = 100, find: str = "", only: str = "", scan: int = 100
) -> Call[SchedulersReading]:
    """Read the schedulers of some queues, whose keys must lie in one cluster slot if there is a cluster.

    Args:
        queues: those looked at.
        limit: most schedulers.
        find: only those with this text in id, name, pattern or queue; 5,000 are looked through.
        only: exactly this id, with its data and options.
        scan: newest active, completed and failed jobs of a queue among which runs are looked for.
    """

    def decode(reply: Any) -> SchedulersReading:
        named = _named(reply)
        return SchedulersReading(
            total=int(named["total"]),
            matched=int(named["matched"]),
            searched=int(named["searched"]),
            rows=tuple(_row(_named(one)) for one in named["rows"]),
            problems=tuple(text(one) for one in named["problems"]),
        )

    arguments = (limit, find.lower(), only, scan)
    return script_call("read_schedulers", tuple(queue.base for queue in queues), arguments, decode, writes=False)


_META = frozenset({"base", "id", "next", "has_record", "pending", "pending_state", "runs", "data", "opts"})


def _named(flat: Any) -> dict[str, Any]:
    return {text(name): value for name, value in zip(flat[::2], flat[1::2], strict=True)}


def _row(named: dict[str, Any]) -> SchedulerReading:
    base = text(named["base"])
    queue = queue_of(base)
    if queue is None:
        raise UsageError(f"{base!r} is not the base of a queue")
    return SchedulerReading(
        queue=queue,
        id=text(named["id"]),
        next_ms=whole_number(text(named["next"])),
        fields={name: text(value) for name, value in named.items() if name not in _META},
        has_record=bool(named["has_record"]),
        pending_id=text(named["pending"]),
        pending_state=_optional(named["pending_state"]),
        runs=tuple(_run(one) for one in named["runs"]),
        data=_cut(*named["data"]) if "data" in named else None,
        options=_cut(*named["opts"]) if "opts" in named else None,
    )


def _run(told: Any) -> RunReading:
    job_id, at, state, processed, finished, reason, number, attempts = told
    return RunReading(
        text(job_id),
        whole_number(text(at)),
        text(state),
        whole_number(_optional(processed)),
        whole_number(_optional(finished)),
        _optional(reason),
        whole_number(_optional(number)),
        whole_number(_optional(attempts)) or 0,
    )


def _optional(value: Any) -> str | None:
    return None if value is None or value is False else text(value)


def _cut(found: Any, length: Any) -> Cut | None:
    read = _optional(found)
    if read is None and not int(length):
        return None
    return Cut(read, int(length), is_whole=read is not None and len(found) >= int(length))
