"""A bulk run over a group of failures: its jobs named one by one, each looked up before anybody is asked to confirm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from board.actions.perform import Actor, Desk
from board.auth.policy import can
from board.bulk.acting import VERBS, text_of_score
from board.bulk.planning import MOST_SOURCES, PACE, SAMPLES, Plan, Planned, spec_for
from board.bulk.runs import Source
from board.engine.calls import Batch, Call
from board.engine.codec import pack
from board.engine.keys import QueueKeys
from board.errors import BadRequestError
from board.history.groups import Groups
from board.history.store import MOST_MEMBERS
from board.queries.groups import queue_at
from board.queries.shared import Known
from board.scripts import load
from board.words import sentence

__all__ = ["GROUP_VERBS", "GroupWish", "plan_group"]

GROUP_VERBS = ("retry", "remove", "bury")
"""What can be done to failed jobs."""

ASKED = 1_000
"""Jobs that one command looks up: a third of a millisecond of the server's time."""

CALLS = 10
"""Such commands of one round trip."""

_MOVED = sentence("not failed any more: retried, removed, or running again")
_MAY_NOT = {
    "retry": sentence("your role may not retry jobs of this queue"),
    "remove": sentence("your role may not remove jobs of this queue"),
    "bury": sentence("your role may not change jobs of this queue"),
}
_LATER = sentence("failed again after the plan was made")


@dataclass(frozen=True, slots=True)
class GroupWish:
    """What is asked of a group.

    Attributes:
        name: its fingerprint.
        words: its error and message, for the audit log and the page.
        verb: one of ``GROUP_VERBS``.
        grave: name of the dead-letter queue, for ``bury``.
        pace: most jobs a second, 0 for as many as go.
        bound_ms: jobs that failed later are left alone; None for now.
    """

    name: str
    words: str
    verb: str
    grave: str = ""
    pace: int = PACE
    bound_ms: int | None = None


def plan_group(desk: Desk, actor: Actor, known: Known, groups: Groups, wish: GroupWish) -> Plan:
    """Name the jobs of a group that a run would touch, and say of the others why not.

    The group is as the recorder knows it; where each job is now, its queue says.

    Raises:
        BadRequestError: no such verb, no dead-letter queue, or jobs in more queues than a run is about.
    """
    if wish.verb not in GROUP_VERBS:
        raise BadRequestError(
            sentence(
                "There is no bulk action “%(verb)s” for failures: %(verbs)s.",
                verb=wish.verb[:40],
                verbs=", ".join(GROUP_VERBS),
            )
        )
    if wish.verb == "bury" and not wish.grave:
        raise BadRequestError(sentence("Name a dead-letter queue."))
    bound_ms = desk.clock() if wish.bound_ms is None else wish.bound_ms
    by_queue = _members(desk, known, groups, wish.name)
    if len(by_queue) > MOST_SOURCES:
        raise BadRequestError(
            sentence(
                "The jobs of this group are in %(n)s queues, and a run is about %(most)s at most. "
                "Act on them queue by queue.",
                n=len(by_queue),
                most=MOST_SOURCES,
            )
        )
    parts: list[Planned] = []
    listed: list[tuple[str, str, str, str]] = []
    for queue, ids in by_queue.items():
        refused = _refusal(actor, wish, queue)
        source = Source(queue.prefix, queue.name, "failed", total=len(ids), shows_data=known.shows_data(queue))
        if refused:
            parts.append(Planned(source, len(ids), 0, is_exact=True, refused=refused))
            continue
        fits, left = _look(desk, queue, ids, bound_ms)
        listed += [(queue.prefix, queue.name, "failed", job_id) for job_id in fits]
        parts.append(
            Planned(source, len(fits), len(ids), is_exact=True, samples=tuple(fits[:SAMPLES]), left_alone=left)
        )
    sources = tuple(part.source for part in parts if part.matching and not part.refused)
    spec = spec_for(actor, wish.verb, sources, bound_ms=bound_ms, grave=wish.grave, pace=wish.pace, group=wish.name)
    return Plan(spec, tuple(parts), "", listed=tuple(listed), subject=wish.words)


def _members(desk: Desk, known: Known, groups: Groups, name: str) -> dict[QueueKeys, list[str]]:
    """Return the failed jobs of a group in the queues shown, newest first, the queue with the newest first."""
    size = 10_000
    calls = [groups.members(name, skip=at, size=size) for at in range(0, MOST_MEMBERS, size)]
    found: dict[QueueKeys, dict[str, None]] = {}
    for some in desk.connection.batch(Batch.of(calls)):
        for base, job_id in some:
            queue = queue_at(base)
            if known.is_shown(queue):
                found.setdefault(queue, {})[job_id] = None
    return {queue: list(ids) for queue, ids in found.items()}


def _refusal(actor: Actor, wish: GroupWish, queue: QueueKeys) -> str:
    if not can(actor.identity, VERBS[wish.verb].permission, queue.name):
        return _MAY_NOT[wish.verb]
    if queue.name == wish.grave:
        return sentence("this is the dead-letter queue itself")
    return ""


def _look(
    desk: Desk, queue: QueueKeys, ids: Sequence[str], bound_ms: int
) -> tuple[list[str], tuple[tuple[str, int], ...]]:
    """Return the jobs that are still as the group says, and how many are not for which reason."""
    fits: list[str] = []
    moved = later = 0
    for job_id, score in _scores(desk, queue, ids):
        if score is None:
            moved += 1
        elif float(score) > bound_ms:
            later += 1
        else:
            fits.append(job_id)
    return fits, tuple((reason, count) for reason, count in ((_MOVED, moved), (_LATER, later)) if count)


def _scores(desk: Desk, queue: QueueKeys, ids: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    key = queue.key("failed")
    for first in range(0, len(ids), ASKED * CALLS):
        some = list(ids[first : first + ASKED * CALLS])
        calls: list[Call[list[str | None]]] = [
            Call((key, pack(some[at : at + ASKED])), _texts, script=load("read_scores"), keys=1, writes=False)
            for at in range(0, len(some), ASKED)
        ]
        scores = [one for reply in desk.connection.batch(Batch.of(calls)) for one in reply]
        yield from zip(some, scores, strict=True)


def _texts(reply: Any) -> list[str | None]:
    return [text_of_score(one) for one in reply]
