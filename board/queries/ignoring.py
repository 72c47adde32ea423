"""Whether a parent can go on without a child that failed, and what it does then, in words.

The engine decides again when it is done, in one step (``engine.commands.flows.ignore_failed_child``).
"""

from __future__ import annotations

from dataclasses import dataclass

from board.engine.types import ChildCounts
from board.queries.family import FlowLink
from board.queries.shared import YES, Allowed
from board.words import Count, sentence, sentences

__all__ = ["NOT_FAILED", "Ignoring", "ignoring"]


@dataclass(frozen=True, slots=True)
class Ignoring:
    """What comes of ignoring a failure.

    Attributes:
        allowed: whether it can be done.
        outlook: what the parent does then, as a sentence without its full stop; empty where it cannot be done.
        revives: the parent has failed because of the child, and is taken out of the failed jobs.
    """

    allowed: Allowed
    outlook: str = ""
    revives: bool = False


def _not(reason: str) -> Ignoring:
    return Ignoring(Allowed(ok=False, reason=reason))


NOT_FAILED = _not(sentence("only a job that failed can be ignored by its parent"))

_REASONS = {
    "none": _not(sentence("it has no parent")),
    "hidden": _not(sentence("its parent is in a queue that is not shown here")),
    "gone": _not(sentence("its parent is gone")),
    "ignored": _not(sentence("its parent ignores it already")),
    "other": _not(sentence("its parent does not wait for it")),
    "done": _not(sentence("its parent is done")),
    "failed": _not(sentence("its parent has failed by itself")),
    "held": _not(sentence("a worker holds its parent and is about to fail it")),
}


def ignoring(
    state: str, parent: FlowLink | None, kind: str, counts: ChildCounts | None, *, is_apart: bool = False
) -> Ignoring:
    """Say whether the failure of a job can be ignored, and what its parent does then.

    Args:
        state: of the job.
        parent: its parent; None without one.
        kind: what became of the job for its parent, as in ``FlowLink``.
        counts: how the children of the parent stand; None where that is not told.
        is_apart: the parent had failed for a reason of its own before the job did.
    """
    if state != "failed":
        return NOT_FAILED
    if reason := _reason(parent, kind, is_apart=is_apart):
        return _REASONS[reason]
    counts = counts or ChildCounts()
    revives = parent is not None and parent.state == "failed"
    others = counts.failed - (kind == "failed")
    pending = counts.unprocessed - (kind == "unprocessed")
    whole = counts.processed + counts.unprocessed + counts.ignored + counts.failed
    is_waiting = parent is not None and parent.state == "waiting-children"
    if kind == "failed" and others > 0:
        return Ignoring(
            YES,
            sentences(
                "%(n)s other child that failed still fails the parent",
                "%(n)s other children that failed still fail the parent",
                others,
                n=Count(others),
            ),
        )
    if kind == "unprocessed" and not is_waiting:
        return Ignoring(YES, sentence("the parent stays where it is, and this child is not in its way any more"))
    if pending > 0:
        told = sentences(
            "%(n)s of %(all)s children still open; the parent goes on when it has finished",
            "%(n)s of %(all)s children still open; the parent goes on when they have finished",
            pending,
            n=Count(pending),
            all=Count(whole),
        )
        return Ignoring(YES, told, revives)
    if is_waiting or revives:
        return Ignoring(YES, sentence("the parent becomes waiting at once"), revives)
    return Ignoring(YES, sentence("the parent is in line already, and will not fail because of this child"))


def _reason(parent: FlowLink | None, kind: str, *, is_apart: bool) -> str:
    """Return the name of what stands against it; empty when nothing does."""
    if parent is None:
        return "none"
    if parent.queue is None:
        return "hidden"
    if parent.state is None:
        return "gone"
    if kind not in ("unprocessed", "failed"):
        return "ignored" if kind == "ignored" else "other"
    if parent.state == "completed":
        return "done"
    if parent.state == "failed" and (kind == "unprocessed" or is_apart):
        return "failed"
    return "held" if kind == "failed" and parent.state == "active" else ""
