"""From the tree that a person writes to the checked nodes that are added: ids, parents, options."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace

from board.engine.commands.flows import FlowTree, NewNode
from board.engine.errors import InvalidOptionError
from board.engine.keys import QueueKeys
from board.engine.options import merge_options, prepare_job
from board.engine.telemetry import Telemetry, carrying
from board.engine.types import FlowJob, JobOptions, ParentRef

__all__ = ["check_node", "count_nodes", "prepare_flow"]

MAX_DEPTH = 100
"""Deepest tree that is taken: each level is a level of recursion here and in every reader."""


def prepare_flow(
    root: FlowJob,
    *,
    prefix: str,
    now_ms: int,
    defaults: Mapping[str, JobOptions] | None = None,
    telemetry: Telemetry | None = None,
) -> NewNode:
    """Check a tree and give every node an id and its parent.

    Args:
        root: the tree as it was written.
        prefix: prefix of nodes that name none.
        now_ms: the clock.
        defaults: default job options by queue name.
        telemetry: every node carries its current context.

    Raises:
        UsageError: a node is wrong, or the tree is deeper than 100 levels; nothing was sent.
    """
    return _node(root, (), prefix, now_ms, defaults or {}, telemetry)


def check_node(flow: object) -> None:
    """Let only nodes of flows through.

    Raises:
        InvalidOptionError: it is something else.
    """
    if not isinstance(flow, FlowJob):
        raise InvalidOptionError("flow", f"each node of a flow is a FlowJob, not {type(flow).__name__}")


def count_nodes(tree: FlowTree) -> int:
    """Return how many jobs a tree has."""
    return 1 + sum(count_nodes(child) for child in tree.children)


def _node(  # noqa: PLR0917 - one recursion, all of it needed
    flow: FlowJob,
    above: tuple[ParentRef, ...],
    prefix: str,
    now_ms: int,
    defaults: Mapping[str, JobOptions],
    telemetry: Telemetry | None,
) -> NewNode:
    check_node(flow)
    if len(above) >= MAX_DEPTH:
        raise InvalidOptionError("children", f"a flow may be {MAX_DEPTH} levels deep, this one is deeper")
    queue = QueueKeys(flow.prefix or prefix, flow.queue)
    options = carrying(telemetry, merge_options(defaults.get(flow.queue), flow.options))
    if above:
        options = replace(options, parent=above[-1])
    if options.deduplication is not None and flow.children:
        raise InvalidOptionError("deduplication", f"node {flow.name!r} has children and cannot be deduplicated")
    job = prepare_job(flow.name, flow.data, options, now_ms=now_ms, queue=queue)
    job = replace(job, job_id=job.job_id or str(uuid.uuid4()), has_children=bool(flow.children), in_flow=True)
    tie = ParentRef(job.job_id or "", queue.qualified)
    if tie in above:
        raise InvalidOptionError(
            "job_id", f"job {tie.id!r} of queue {queue.name} is below itself in this flow and would wait for ever"
        )
    children = tuple(_node(child, (*above, tie), prefix, now_ms, defaults, telemetry) for child in flow.children)
    return NewNode(queue, job, children)
