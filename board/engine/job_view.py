"""What a job shows without asking Redis again; both fronts' jobs are built on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from board.engine.codec import decode_job
from board.engine.keys import QueueKeys
from board.engine.options import NewJob
from board.engine.types import JobData, JsonValue

__all__ = ["JobView", "Later", "data_of_new_job"]

T = TypeVar("T")


class Later:
    """Values of a job that are put together when somebody looks at them, which few do.

    Args:
        job_id: its id.
        make: puts them together, of the id and
        parts: what they are made of.
    """

    __slots__ = ("_make", "_parts", "id")

    def __init__(self, job_id: str, make: Callable[[str, T], JobData], parts: T) -> None:
        self.id = job_id
        self._make: Callable[[str, Any], JobData] = make
        self._parts = parts

    def values(self) -> JobData:
        """Put them together."""
        return self._make(self.id, self._parts)


class JobView:
    """A job as it was when it was read or added; ``refresh`` of the fronts reads it anew.

    Attributes:
        info: everything that was read, see ``JobData``.
        keys: the queue it belongs to.
        token: the lock token, for a job that a worker of this process has taken.
    """

    __slots__ = ("_info", "keys", "token")

    def __init__(self, info: JobData | Later, keys: QueueKeys, token: str | None = None) -> None:
        self._info = info
        self.keys = keys
        self.token = token

    @property
    def info(self) -> JobData:
        """Everything that was read."""
        info = self._info
        if isinstance(info, Later):
            info = self._info = info.values()
        return info

    @info.setter
    def info(self, info: JobData) -> None:
        self._info = info

    def show_completed(self, value: JsonValue) -> None:
        """Show from now on what the job looks like after it completed with this return value."""
        info = self._info
        if isinstance(info, Later):
            info = info.values()
        self._info = Later(info.id, _completed, (info, value))

    def show_failed(self, reason: str, stacktrace: tuple[str, ...]) -> None:
        """Show from now on what the job looks like after an attempt that failed."""
        info = self._info
        if isinstance(info, Later):
            info = info.values()
        self._info = Later(info.id, _failed, (info, reason, stacktrace))

    @property
    def id(self) -> str:
        """The job's id, text."""
        return self._info.id

    @property
    def name(self) -> str:
        """The job's name; empty when its hash has none."""
        return self.info.name or ""

    @property
    def data(self) -> JsonValue:
        """The payload."""
        return self.info.data

    @property
    def queue_name(self) -> str:
        """Name of the queue, without prefix."""
        return self.keys.name

    @property
    def options(self) -> Mapping[str, JsonValue]:
        """The options as they are stored, with long names."""
        return self.info.options

    @property
    def timestamp_ms(self) -> int | None:
        """When the job was added."""
        return self.info.timestamp_ms

    @property
    def processed_on_ms(self) -> int | None:
        """When a worker took it last."""
        return self.info.processed_on_ms

    @property
    def finished_on_ms(self) -> int | None:
        """When it ended."""
        return self.info.finished_on_ms

    @property
    def delay_ms(self) -> int:
        """Its current delay."""
        return self.info.delay_ms

    @property
    def priority(self) -> int:
        """Its current priority, 0 for none."""
        return self.info.priority

    @property
    def attempts(self) -> int:
        """How many tries it has altogether, at least 1."""
        attempts = self.info.options.get("attempts")
        return max(attempts, 1) if isinstance(attempts, int) else 1

    @property
    def attempts_made(self) -> int:
        """Attempts that ended and counted."""
        return self.info.attempts_made

    @property
    def attempts_started(self) -> int:
        """How often a worker took it."""
        return self.info.attempts_started

    @property
    def progress(self) -> JsonValue:
        """Its progress, 0 when never set."""
        return self.info.progress

    @property
    def return_value(self) -> JsonValue:
        """What its processor returned; None before."""
        return self.info.return_value

    @property
    def failed_reason(self) -> str | None:
        """Message of its latest failure."""
        return self.info.failed_reason

    @property
    def stacktrace(self) -> tuple[str, ...]:
        """One text per failed attempt, oldest first."""
        return self.info.stacktrace

    @property
    def parent_key(self) -> str | None:
        """Full key of its parent."""
        return self.info.parent_key

    @property
    def keep_logs(self) -> int | None:
        """How many log lines are kept."""
        keep = self.info.options.get("keepLogs")
        return keep if isinstance(keep, int) else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id!r} of queue {self.keys.name!r}>"


def data_of_new_job(job_id: str, job: NewJob) -> Later:
    """Return what a job looks like right after it was added."""
    return Later(job_id, _data_of_new_job, job)


def _completed(_job_id: str, parts: tuple[JobData, JsonValue]) -> JobData:
    before, value = parts
    return replace(before, return_value=value, attempts_made=before.attempts_made + 1)


def _failed(_job_id: str, parts: tuple[JobData, str, tuple[str, ...]]) -> JobData:
    before, reason, stacktrace = parts
    return replace(before, failed_reason=reason, stacktrace=stacktrace, attempts_made=before.attempts_made + 1)


def _data_of_new_job(job_id: str, job: NewJob) -> JobData:
    fields = ["name", job.name, "data", job.data, "opts", job.options, "timestamp", str(job.timestamp_ms)]
    fields += ["delay", str(job.delay_ms), "priority", str(job.priority)]
    if job.parent_key is not None:
        fields += ["parentKey", job.parent_key, "parent", job.parent or ""]
    decoded = decode_job(job_id, fields)
    return decoded if decoded is not None else JobData(job_id)
