"""Failed jobs from before the recorder, and those that went away without an event.

The streams hold the latest events only, while failed jobs may be kept for ever: each queue's failed jobs are looked
through once, newest first, some hundred a step. And retention removes failed jobs silently: what is kept of them is
compared with the queues all the time, a thousand jobs in ten seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from board.engine.calls import Batch, Call
from board.engine.commands.pages import EndReading, read_ends
from board.engine.connection.sync import Connection
from board.engine.errors import ScriptError
from board.engine.keys import QueueKeys
from board.engine.types import JobState
from board.history.store import History, Left, Recording, split_member
from board.recorder.causes import failed_job

__all__ = ["MOST_LOOKED_AT", "Past"]

MOST_LOOKED_AT = 100_000
"""Failed jobs of a queue from before the recorder that are looked at, newest first."""

A_STEP = 500
COMPARED = 1_000
_DONE = "done"


class Past:
    """Looks through one queue after another."""

    def __init__(self, connection: Connection, history: History) -> None:
        """Read through ``connection``."""
        self._connection = connection
        self._history = history
        self._at: dict[str, str] = {}
        self._cursor = 0

    def begin(self, at: Mapping[str, str]) -> None:
        """Go on where the history says that its writer was."""
        self._at = dict(at)
        self._cursor = 0

    def stored(self, recording: Recording) -> None:
        """Take note that a step was stored."""
        self._at.update(recording.caught_up)

    def step(self, queues: Sequence[QueueKeys], recording: Recording) -> bool:
        """Look at some failed jobs of one queue, or find that some queues have none; False when all is done."""
        left = [queue for queue in queues if self._at.get(queue.base) != _DONE]
        if not left:
            return False
        budget = A_STEP
        for queue in left[:20]:
            if budget < A_STEP:
                break
            budget -= self._look(queue, recording)
        return True

    def gone(self, shown: Iterable[QueueKeys]) -> list[Left]:
        """Compare some of the jobs kept in groups with their queues; return those that are not there any more."""
        bases = {queue.base: queue for queue in shown}
        cursor, members = self._connection.call(self._history.some_jobs(self._cursor, COMPARED))
        self._cursor = cursor
        asked: list[tuple[QueueKeys, str]] = []
        calls: list[Call[Any]] = []
        for member, group in members.items():
            base, job_id = split_member(member)
            queue = bases.get(base)
            if queue is None:
                continue
            asked.append((queue, job_id))
            if group.endswith("?"):
                calls.append(Call(("EXISTS", queue.job(job_id)), bool, writes=False))
            else:
                calls.append(Call(("ZSCORE", queue.container(JobState.FAILED), job_id), _is_there, writes=False))
        replies = self._connection.batch(Batch.of(calls, keep_errors=True)) if calls else []
        return [
            Left(queue.base, job_id, "gone")
            for (queue, job_id), reply in zip(asked, replies, strict=True)
            if reply is False
        ]

    def _look(self, queue: QueueKeys, recording: Recording) -> int:
        """Look at the next failed jobs of a queue; return how many there were."""
        score, skip, seen = _place(self._at.get(queue.base, ""))
        call: Call[list[tuple[str, str]]] = Call(
            ("ZREVRANGEBYSCORE", queue.container(JobState.FAILED), score, "-inf", "WITHSCORES", "LIMIT", skip, A_STEP),
            _scored,
            writes=False,
        )
        try:
            found = self._connection.call(call)
        except ScriptError:  # no sorted set: its page says so
            found = []
        if not found:
            recording.caught_up[queue.base] = _DONE
            return 0
        ids = [job_id for job_id, _ in found]
        ends: list[EndReading | None] = []
        for at in range(0, len(ids), 100):
            some = ids[at : at + 100]
            read = self._connection.call(read_ends(queue, some, [True] * len(some)))
            ends += read
        for (job_id, at_text), end in zip(found, ends, strict=True):
            if end is not None:
                at_ms = end.finished_at_ms or int(float(at_text))
                recording.changes.append(failed_job(queue.base, job_id, at_ms, end, name=end.name, reason=end.reason))
        seen += len(found)
        last = found[-1][1]
        same = sum(1 for _, one in found if one == last)
        is_over = len(found) < A_STEP or seen >= MOST_LOOKED_AT
        recording.caught_up[queue.base] = _DONE if is_over else f"{last}|{same + (skip if last == score else 0)}|{seen}"
        return len(found)


def _place(text: str) -> tuple[str, int, int]:
    parts = text.split("|")
    return (parts[0], int(parts[1]), int(parts[2])) if len(parts) == 3 else ("+inf", 0, 0)


def _is_there(reply: Any) -> bool:
    return reply is not None


def _scored(reply: Any) -> list[tuple[str, str]]:
    if reply and isinstance(reply[0], list | tuple):
        return [(_text(member), _score(score)) for member, score in reply]
    turn = iter(reply or ())
    return [(_text(member), _score(score)) for member, score in zip(turn, turn, strict=True)]


def _score(value: Any) -> str:
    return repr(value) if isinstance(value, float) else _text(value)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
