"""What an action would touch, counted in Redis now and not taken from the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from board.actions.jobs import states
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.engine.types import FINISHED_STATES, JobState

__all__ = ["Preview", "preview"]

ACTS_ON: Mapping[str, frozenset[JobState]] = {
    "retry": frozenset(FINISHED_STATES),
    "promote": frozenset({JobState.DELAYED}),
    "remove": frozenset(JobState) - {JobState.ACTIVE, JobState.UNKNOWN},
}

DONE = {"retry": "retried", "promote": "promoted", "remove": "removed"}

WARNINGS = {"remove": "Removed jobs are gone for good, with their logs and the jobs below them."}


@dataclass(frozen=True, slots=True)
class Preview:
    """One line for each effect and each exception.

    Attributes:
        lines: words and how many jobs they are about.
        warning: what will be lost; empty when nothing is.
    """

    lines: tuple[tuple[str, int], ...]
    warning: str


def preview(connection: Connection, verb: str, selection: Sequence[tuple[QueueKeys, Sequence[str]]]) -> Preview:
    """Count where the selected jobs of each queue are, one round trip a queue."""
    found: Counter[JobState] = Counter()
    for queue, ids in selection:
        found.update(states(connection, queue, ids).values())
    touched = [(f"{state.value}, will be {DONE[verb]}", found[state]) for state in JobState if state in ACTS_ON[verb]]
    left = [
        ("gone already" if state is JobState.UNKNOWN else f"{state.value}, left alone", found[state])
        for state in JobState
        if state not in ACTS_ON[verb]
    ]
    return Preview(tuple(line for line in touched + left if line[1]), WARNINGS.get(verb, ""))
