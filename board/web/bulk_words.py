"""What pages call a bulk run, verb by verb. The messages wait for their values; templates say them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from board.words import mark

__all__ = ["WORDS", "VerbWords"]


@dataclass(frozen=True, slots=True)
class VerbWords:
    """The messages of one verb.

    Attributes:
        plan: heading of the page that asks.
        go: the button that starts it, with ``jobs``.
        ask: the question, with ``jobs`` and ``connection``.
        ask_of: the same about one queue, ``queue``.
        run: heading of a run, with ``queues``.
        title: the verb alone, in the list of runs.
        done: the participle, where a line begins.
        result: the same of one job.
        effect: what becomes of a job; with ``grave`` for dead letters.
    """

    plan: str
    go: str
    ask: str
    ask_of: str
    run: str
    title: str
    done: str
    result: str
    effect: str


WORDS: Final[Mapping[str, VerbWords]] = {
    "retry": VerbWords(
        plan=mark("Retry, in bulk"),
        go=mark("Retry %(jobs)s"),
        ask=mark("Retry %(jobs)s on %(connection)s?"),
        ask_of=mark("Retry %(jobs)s of %(queue)s on %(connection)s?"),
        run=mark("Retry jobs of %(queues)s"),
        title=mark("Retry"),
        done=mark("Retried"),
        result=mark("retried"),
        effect=mark("Each will run again."),
    ),
    "promote": VerbWords(
        plan=mark("Promote, in bulk"),
        go=mark("Promote %(jobs)s"),
        ask=mark("Promote %(jobs)s on %(connection)s?"),
        ask_of=mark("Promote %(jobs)s of %(queue)s on %(connection)s?"),
        run=mark("Promote jobs of %(queues)s"),
        title=mark("Promote"),
        done=mark("Promoted"),
        result=mark("promoted"),
        effect=mark("Each will run now."),
    ),
    "remove": VerbWords(
        plan=mark("Remove, in bulk"),
        go=mark("Remove %(jobs)s"),
        ask=mark("Remove %(jobs)s on %(connection)s?"),
        ask_of=mark("Remove %(jobs)s of %(queue)s on %(connection)s?"),
        run=mark("Remove jobs of %(queues)s"),
        title=mark("Remove"),
        done=mark("Removed"),
        result=mark("removed"),
        effect=mark("Each will be gone, with its logs and the jobs below it."),
    ),
    "bury": VerbWords(
        plan=mark("Move to dead letters, in bulk"),
        go=mark("Move %(jobs)s to dead letters"),
        ask=mark("Move %(jobs)s to dead letters on %(connection)s?"),
        ask_of=mark("Move %(jobs)s of %(queue)s to dead letters on %(connection)s?"),
        run=mark("Move jobs of %(queues)s to dead letters"),
        title=mark("Move to dead letters"),
        done=mark("Moved"),
        result=mark("moved"),
        effect=mark("Each will be in the dead-letter queue, %(grave)s."),
    ),
    "send-back": VerbWords(
        plan=mark("Send back, in bulk"),
        go=mark("Send back %(jobs)s"),
        ask=mark("Send back %(jobs)s on %(connection)s?"),
        ask_of=mark("Send back %(jobs)s of %(queue)s on %(connection)s?"),
        run=mark("Send back jobs of %(queues)s"),
        title=mark("Send back"),
        done=mark("Sent back"),
        result=mark("sent back"),
        effect=mark("Each will be back in the queue it came from."),
    ),
}
