"""Ask the worker of an active job to stop it.

The request lies in a hash of ours, ``board:stops``, beside the keys of BullMQ, which know nothing of it: an id with one
colon is none that BullMQ takes for a job. It names the lock's token and the start of the attempt, so it never reaches a
later one, and it expires. The worker reads it when it renews the lock, which costs one command a renewal. Whether a
worker does so its token says: it ends in ``:stops``. Tokens are opaque to everybody else.
"""

from __future__ import annotations

from board.engine.calls import Call
from board.engine.commands.script_call import script_call, unless_negative
from board.engine.keys import QueueKeys

__all__ = ["ENDING", "KEPT_MS", "ask_to_stop"]

KEPT_MS = 600_000
"""How long a request waits for its worker: longer than any sensible time between two renewals."""

ENDING = ":stops"
"""How a token ends whose worker looks for requests."""


def ask_to_stop(queue: QueueKeys, job_id: str, reason: str) -> Call[None]:
    """Ask for an active job to be stopped; its attempt then fails with ``reason``, whatever attempts are left.

    Raises:
        JobNotFoundError: there is no such job.
        JobNotInStateError: no worker holds it.
        NotStoppableError: its worker does not look for such requests.
    """
    check = unless_negative(queue=queue.name, job_id=job_id, expected="in the hands of a worker")
    return script_call("ask_to_stop", (queue.base,), (job_id, reason, KEPT_MS), check).map(lambda _code: None)
