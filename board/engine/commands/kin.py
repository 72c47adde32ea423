"""How the jobs that are called like one job went lately."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from board.engine.calls import Call
from board.engine.commands.pages import whole_number
from board.engine.commands.script_call import script_call
from board.engine.keys import QueueKeys

__all__ = ["RunReading", "read_kin"]


@dataclass(frozen=True, slots=True)
class RunReading:
    """The latest attempt of a job that ended.

    Attributes:
        id: of the job.
        is_failed: it ended badly.
        started_at_ms: None where the hash does not tell.
        finished_at_ms: likewise.
    """

    id: str
    is_failed: bool
    started_at_ms: int | None
    finished_at_ms: int | None


def read_kin(queue: QueueKeys, job_id: str, *, most: int = 60, looked_at: int = 100) -> Call[list[RunReading]]:
    """Read the latest runs of the jobs with the name of one, newest first.

    Args:
        queue: of the job.
        job_id: of the job; nothing is read where its hash has no name.
        most: runs.
        looked_at: completed and failed jobs that are looked at, of each so many.
    """

    def decode(reply: Any) -> list[RunReading]:
        return [
            RunReading(_text(job), bool(failed), whole_number(_text(began)), whole_number(_text(ended)))
            for job, failed, began, ended in reply
        ]

    return script_call("read_kin", (queue.base,), (job_id, most, looked_at), decode, writes=False)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if not value else str(value)
