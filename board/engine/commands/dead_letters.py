"""Dead letters: jobs that failed for good, kept in a queue of their own with the reason, and sent back from there.

A dead letter is an ordinary job of the dead-letter queue, with the id ``<origin>/<job id>`` and the option
``deadLetter`` that says where it came from, why it failed, when, and with which options. A worker with a dead-letter
queue puts it there in the same atomic step that fails the job, so it is there exactly once. Putting the same job there
again brings the letter up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from board.engine.calls import Call, Plan
from board.engine.codec import integer
from board.engine.commands.queues import read_page
from board.engine.commands.script_call import script_call, unless_negative
from board.engine.errors import JobError, JobLockedError
from board.engine.keys import QueueKeys
from board.engine.types import JobData

__all__ = ["DeadLetterInfo", "Replayed", "bury_job", "dead_letter_of", "replay", "replay_all"]

_STEP = 100


class Replayed(Enum):
    """What became of a dead letter that was sent back."""

    RETRIED = 1
    """The job was still among the failed of its queue and runs again, with all its attempts."""
    RECREATED = 2
    """The job was gone and was made anew, without its former parent."""
    IN_MOTION = 3
    """Somebody had set the job in motion already; only the letter was taken away."""


@dataclass(frozen=True, slots=True)
class DeadLetterInfo:
    """Where a dead letter came from, and why.

    Attributes:
        queue: name of the queue it failed in.
        prefix: that queue's prefix.
        job_id: its id there.
        reason: message of the final failure.
        attempts_made: attempts that counted.
        failed_on_ms: when it failed.
        added_on_ms: when it was added.
    """

    queue: str
    prefix: str
    job_id: str
    reason: str
    attempts_made: int
    failed_on_ms: int | None
    added_on_ms: int | None


def dead_letter_of(job: JobData) -> DeadLetterInfo | None:
    """Return where a job of a dead-letter queue came from; None for any other job."""
    letter = job.options.get("deadLetter")
    if not isinstance(letter, Mapping):
        return None
    return DeadLetterInfo(
        queue=str(letter.get("queue", "")),
        prefix=str(letter.get("prefix", "")),
        job_id=str(letter.get("id", "")),
        reason=str(letter.get("reason", "")),
        attempts_made=integer(letter.get("attemptsMade")) or 0,
        failed_on_ms=integer(letter.get("failedOn")),
        added_on_ms=integer(letter.get("timestamp")),
    )


def bury_job(queue: QueueKeys, job_id: str, dead_letters: QueueKeys, now_ms: int, *, seen: str = "") -> Call[None]:
    """Move a failed job into a dead-letter queue; atomic. ``seen``: only while its score among the failed is that one.

    Raises:
        JobNotFoundError: the job is gone.
        JobNotInStateError: it is not failed (any more).
    """
    check = unless_negative(queue=queue.name, job_id=job_id, expected="failed")
    args = (job_id, queue.name, queue.prefix, now_ms, seen)
    return script_call("bury_failed_job", (queue.base, dead_letters.base), args, check).map(lambda _: None)


def replay(dead_letters: QueueKeys, letter_id: str, now_ms: int, *, born: str = "") -> Call[Replayed]:
    """Send a dead letter back to its queue and take it away here; atomic, so doing it twice does it once.

    With ``born``, the moment it was added as its hash spells it, only that letter goes: not one that the same job left
    after it had failed again.

    Raises:
        JobNotFoundError: the letter is gone; somebody else may have sent it back.
        JobNotInStateError: the job is no dead letter, or another one.
        JobLockedError: a worker of the dead-letter queue holds it.
    """
    check = unless_negative(queue=dead_letters.name, job_id=letter_id, expected="a dead letter")

    def decode(reply: Any) -> Replayed:
        code = check(reply)
        if code == 0:
            raise JobLockedError(
                f"a worker of {dead_letters.name} holds the dead letter {letter_id}",
                queue=dead_letters.name,
                job_id=letter_id,
            )
        return Replayed(code)

    return script_call("replay_dead_letter", (dead_letters.base,), (letter_id, now_ms, born), decode)


def replay_all(
    dead_letters: QueueKeys, now_ms: int, wanted: Callable[[JobData, DeadLetterInfo], bool] = lambda _job, _from: True
) -> Plan[int]:
    """Send dead letters back that wait, oldest first, each atomic; jobs that are no dead letters stay.

    Args:
        dead_letters: their queue.
        now_ms: the clock.
        wanted: which of them go; all when left out.

    Returns how many went back. May be stopped between any two and run again.
    """
    sent = skipped = 0
    tried: set[str] = set()
    while True:
        rows = yield from read_page(dead_letters, "wait", skipped, skipped + _STEP - 1, ascending=True)
        for letter_id, job in rows:
            origin = None if job is None or letter_id in tried else dead_letter_of(job)
            if job is None or origin is None or not wanted(job, origin):
                skipped += 1
                continue
            tried.add(letter_id)
            try:
                yield from replay(dead_letters, letter_id, now_ms)
                sent += 1
            except JobError:
                # Somebody else sent it back or took it in the meantime.
                continue
        if len(rows) < _STEP:
            return sent
