"""What an action would touch, counted in Redis now and not taken from the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from board.actions.jobs import states
from board.engine.calls import Batch, Call
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.engine.types import FINISHED_STATES, JobState
from board.words import mark, sentence

__all__ = ["Preview", "preview"]

ACTS_ON: Mapping[str, frozenset[JobState]] = {
    "retry": frozenset(FINISHED_STATES),
    "promote": frozenset({JobState.DELAYED}),
    "remove": frozenset(JobState) - {JobState.ACTIVE, JobState.UNKNOWN},
}

DONE = {
    "retry": mark("%(state)s, will be retried"),
    "promote": mark("%(state)s, will be promoted"),
    "remove": mark("%(state)s, will be removed"),
}

WARNINGS = {"remove": sentence("Removed jobs are gone for good, with their logs and the jobs below them.")}


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
    """Count where the selected jobs of each queue are, one round trip a queue; two where those below them go too."""
    found: Counter[JobState] = Counter()
    below = 0
    for queue, ids in selection:
        found.update(states(connection, queue, ids).values())
        if verb == "remove" and ids:
            below += sum(connection.batch(Batch.of(call for one in ids for call in _children(queue, one))))
    touched = [
        (sentence(DONE[verb], state=sentence(state.value)), found[state])
        for state in JobState
        if state in ACTS_ON[verb]
    ]
    left = [
        (
            sentence("gone already")
            if state is JobState.UNKNOWN
            else sentence("%(state)s, left alone", state=sentence(state.value)),
            found[state],
        )
        for state in JobState
        if state not in ACTS_ON[verb]
    ]
    hanging = [(sentence("right below them, will be removed too with all below"), below)]
    return Preview(tuple(line for line in touched + hanging + left if line[1]), WARNINGS.get(verb, ""))


def _children(queue: QueueKeys, job_id: str) -> list[Call[int]]:
    """Describe the counts of a job's children; a key of another type holds none."""
    kinds = (("HLEN", "processed"), ("SCARD", "dependencies"), ("HLEN", "failed"), ("ZCARD", "unsuccessful"))
    return [Call((command, queue.children(job_id, kind)), int, writes=False) for command, kind in kinds]
