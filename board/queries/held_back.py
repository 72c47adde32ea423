"""What holds a flow back, as one sentence: the jobs at the ends of its branches that let nothing above them go on."""

from __future__ import annotations

from collections.abc import Iterator

from board.queries.family import FlowNode
from board.spans import duration
from board.words import Count, sentence, sentences

__all__ = ["held_back"]


def held_back(root: FlowNode, now_ms: int) -> str:
    """Say what a flow that is not done waits for."""
    if root.state != "waiting-children":
        return ""
    open_leaves = [pair for pair in _leaves(root) if pair[0] is not root]
    for state in ("failed", "active", ""):
        found = [pair for pair in open_leaves if not state or pair[0].state == state]
        if not found:
            continue
        node, above = min(found, key=lambda pair: pair[0].processed_at_ms or pair[0].added_at_ms or 0)
        first: str = _title(node)
        if state == "failed" and node.failed_reason:
            first = sentence("%(job)s: %(reason)s", job=first, reason=node.failed_reason)
        elif state == "active" and node.processed_at_ms is not None:
            first = sentence("%(job)s, for %(time)s", job=first, time=duration(now_ms - node.processed_at_ms))
        held: str = _title(above[0])
        for one in above[1:4]:
            held = sentence("%(parents)s, then %(next)s", parents=held, next=_title(one))
        return _holds(state, len(found), held, first)
    if not open_leaves and root.more == 0:
        return sentence("Its children are done, or gone; it was not let go.")
    return ""


def _holds(state: str, n: int, parents: str, first: str) -> str:
    values = {"n": Count(n), "parents": parents, "first": first}
    if state == "failed":
        return sentences(
            "%(n)s failed job holds %(parents)s back; it is %(first)s.",
            "%(n)s failed jobs hold %(parents)s back; the first is %(first)s.",
            n,
            **values,
        )
    if state == "active":
        return sentences(
            "%(n)s running job holds %(parents)s back; it is %(first)s.",
            "%(n)s running jobs hold %(parents)s back; the first is %(first)s.",
            n,
            **values,
        )
    return sentences(
        "%(n)s job nobody started holds %(parents)s back; it is %(first)s.",
        "%(n)s jobs that nobody has started hold %(parents)s back; the first is %(first)s.",
        n,
        **values,
    )


def _title(node: FlowNode) -> str:
    return node.name or node.link.id or sentence("a job that is not shown here")


def _leaves(node: FlowNode, above: tuple[FlowNode, ...] = ()) -> Iterator[tuple[FlowNode, tuple[FlowNode, ...]]]:
    """Yield what is not done and waits for nothing below it, with those above it, nearest first."""
    open_below = [
        child
        for child in node.children
        if child.state not in ("completed", "unknown") and child.link.kind in ("unprocessed", "failed")
    ]
    if not open_below and node.state != "completed":
        yield node, above
    for child in open_below:
        yield from _leaves(child, (node, *above))
