"""Flows: trees of jobs over several queues, and what a parent knows of its children."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from board.engine.calls import Batch, Call, Plan
from board.engine.codec import load_json, pack, pairs, text
from board.engine.commands.jobs import MAX_JOBS_PER_CALL, get_job
from board.engine.commands.script_call import script_call, texts, unless_negative
from board.engine.errors import InvalidOptionError, JobError, JobLockedError, JobNotInStateError
from board.engine.keys import QueueKeys, child_place
from board.engine.options import NewJob
from board.engine.types import ChildCounts, JobData, JsonValue

__all__ = [
    "ChildPage",
    "FlowNode",
    "FlowTree",
    "Ignored",
    "NewNode",
    "add_flow",
    "child_keys",
    "get_child_counts",
    "get_children_values",
    "get_flow",
    "get_ignored_failures",
    "ignore_failed_child",
    "remove_child_dependency",
    "scan_children",
]


class Ignored(Enum):
    """Where a parent is once it ignores the failure of a child."""

    WAITS = 0
    """It waits for other children that have not ended."""
    RUNS = 1
    """Nothing is in its way: a worker takes it next, or after its own delay."""
    STAYS = 2
    """It had not waited at all, and is where it was: a worker holds it, or it is in line."""
    FAILS = 3
    """Another child that failed still fails it."""


@dataclass(frozen=True, slots=True)
class NewNode:
    """A node of a flow that passed every check: its queue, its job with an id, and its children."""

    queue: QueueKeys
    job: NewJob
    children: tuple[NewNode, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowTree:
    """A node of a flow that was added: its queue, its id, and its children."""

    queue: QueueKeys
    job_id: str
    children: tuple[FlowTree, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowNode:
    """A node of a flow that was read.

    Attributes:
        queue: the node's queue.
        job_id: the node's id.
        job: the node itself; None when its hash is gone.
        children: children that were read.
        more: how many children there are besides.
    """

    queue: QueueKeys
    job_id: str
    job: JobData | None
    children: tuple[FlowNode, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class ChildPage:
    """One step of listing children of one kind: full job keys to their value (empty for pending ones)."""

    items: Mapping[str, str]
    cursor: int


def add_flow(root: NewNode, now_ms: int) -> Plan[FlowTree]:
    """Add a tree in one transaction: level by level from the root, so that each parent is there before its children.

    Nodes of one queue that follow one another travel in one call, at most 50.

    Raises:
        ParentNotFoundError, ParentConflictError: the root's own parent is gone or another one has it. As in BullMQ
            the other nodes are not undone then.
    """
    nodes = list(_walk(root))
    calls: list[Call[Any]] = [
        script_call("add_jobs", (run[0].queue.base,), (pack([_wire(node) for node in run]), "0"), _first_or_code)
        for run in _runs(nodes)
    ]
    calls += [
        script_call("release_flow_parent", (node.queue.base,), (node.job.job_id or "", now_ms), int)
        for node in nodes
        if node.children
    ]
    replies: list[Any] = yield from Batch.of(calls, atomic=True)
    first = replies[0]
    if isinstance(first, int):
        unless_negative(queue=root.queue.name, job_id=root.job.job_id or "")(first)
    return _tree(root)


def get_children_values(queue: QueueKeys, job_id: str) -> Call[dict[str, JsonValue]]:
    """Read the return values of a job's children that completed, by their full keys; unreadable ones as text."""
    return Call(
        ("HGETALL", queue.children(job_id, "processed")),
        lambda reply: {key: _json_or_text(value) for key, value in pairs(reply)},
        writes=False,
    )


def get_ignored_failures(queue: QueueKeys, job_id: str) -> Call[dict[str, str]]:
    """Read the failure texts of children whose failure the parent ignores, by their full keys."""
    return Call(("HGETALL", queue.children(job_id, "failed")), lambda reply: dict(pairs(reply)), writes=False)


def get_child_counts(queue: QueueKeys, job_id: str) -> Plan[ChildCounts]:
    """Count a job's children by how they stand."""
    numbers: list[int] = yield from Batch.of(
        [
            Call((command, queue.children(job_id, kind)), int, writes=False)
            for command, kind in (
                ("HLEN", "processed"),
                ("SCARD", "dependencies"),
                ("HLEN", "failed"),
                ("ZCARD", "unsuccessful"),
            )
        ]
    )
    return ChildCounts(*numbers)


def scan_children(queue: QueueKeys, job_id: str, kind: str, cursor: int = 0, count: int = 20) -> Call[ChildPage]:
    """List about ``count`` children of one kind; a cursor of 0 comes back at the end.

    Args:
        queue: the parent's queue.
        job_id: the parent.
        kind: ``processed``, ``unprocessed``, ``ignored`` or ``failed``.
        cursor: where the last step ended.
        count: about how many.
    """
    suffix = {"processed": "processed", "unprocessed": "dependencies", "ignored": "failed", "failed": "unsuccessful"}
    if kind not in suffix:
        raise InvalidOptionError("kind", f"children are {', '.join(suffix)}, not {kind}")
    key = queue.children(job_id, suffix[kind])

    def decode(reply: Any) -> ChildPage:
        cursor, items = reply
        if kind == "unprocessed":
            return ChildPage(dict.fromkeys(texts(items), ""), int(cursor))
        if isinstance(items, Sequence) and items and isinstance(items[0], tuple | list):
            return ChildPage({text(item[0]): text(item[1]) for item in items}, int(cursor))
        return ChildPage(dict(pairs(items)), int(cursor))

    command = {"unprocessed": "SSCAN", "failed": "ZSCAN"}.get(kind, "HSCAN")
    return Call((command, key, cursor, "COUNT", count), decode, writes=False)


def child_keys(queue: QueueKeys, job_id: str, limit: int) -> Call[dict[str, list[str]]]:
    """Read up to ``limit`` full keys of children of each kind in one read: failed, ignored, unprocessed, processed."""

    def decode(reply: Any) -> dict[str, list[str]]:
        kinds = ("failed", "ignored", "unprocessed", "processed")
        return {kind: texts(keys) for kind, keys in zip(kinds, reply, strict=True)}

    return script_call("read_child_keys", (queue.job(job_id),), (limit,), decode, writes=False)


def get_flow(queue: QueueKeys, job_id: str, *, depth: int = 10, max_children: int = 20) -> Plan[FlowNode | None]:
    """Read a flow as a tree from one of its jobs downward, two round trips a level.

    Args:
        queue: the root's queue.
        job_id: the root.
        depth: most levels.
        max_children: most children of each kind of a node.
    """
    jobs: list[JobData | None] = yield from Batch.of([get_job(queue, job_id)])
    if jobs[0] is None:
        return None
    levels: list[list[tuple[QueueKeys, str, JobData | None]]] = [[(queue, job_id, jobs[0])]]
    families: list[list[list[int]]] = []
    while len(levels) < depth and levels[-1]:
        known: list[dict[str, list[str]]] = yield from Batch.of(
            [child_keys(place, node, max_children) for place, node, _ in levels[-1]]
        )
        below: list[tuple[QueueKeys, str]] = []
        family: list[list[int]] = []
        for (parent, _, _), kinds in zip(levels[-1], known, strict=True):
            indexes = []
            for key in (key for keys in kinds.values() for key in keys):
                place = child_place(parent, key)
                if place is not None:
                    indexes.append(len(below))
                    below.append(place)
            family.append(indexes)
        families.append(family)
        if not below:
            break
        found: list[JobData | None] = yield from Batch.of([get_job(place, node) for place, node in below])
        levels.append([(place, node, job) for (place, node), job in zip(below, found, strict=True)])
    return _assemble(levels, families, 0, 0)


def remove_child_dependency(child: QueueKeys, child_id: str, parent_key: str) -> Call[bool]:
    """Let a parent stop waiting for one child, which stays; False when it did not wait for it.

    Raises:
        JobNotFoundError: the child is gone.
        ParentNotFoundError: the parent is gone.
    """
    check = unless_negative(queue=child.name, job_id=child_id)
    return script_call("detach_child", (child.job(child_id), parent_key), (), check).map(lambda code: code == 0)


def ignore_failed_child(child: QueueKeys, child_id: str, parent_key: str, now_ms: int) -> Call[Ignored]:
    """Let a parent go on without a child that failed for good; atomic.

    The failure is kept among those the parent ignores, as if the child had been added with "ignore dependency on
    failure". A parent that has failed because of the child, or is about to, waits for its other children or runs, and
    parents above that failed with it wait for it again.

    Args:
        child: queue of the failed job.
        child_id: its id.
        parent_key: full key of the parent that it is expected to have.
        now_ms: time.

    Raises:
        JobNotFoundError: the child is gone.
        ParentNotFoundError: the parent is gone.
        JobNotInStateError: the child has not failed, its parent is another, does not wait for it, or has ended.
        JobLockedError: a worker holds the parent and is about to fail it.
    """
    check = unless_negative(queue=child.name, job_id=child_id, expected="failed below that parent")
    refusals: dict[int, tuple[type[JobError], str]] = {
        -21: (JobNotInStateError, "its parent does not wait for it"),
        -22: (JobNotInStateError, "its parent has ended"),
        -23: (JobLockedError, "a worker holds its parent and fails it"),
    }

    def decode(reply: Any) -> Ignored:
        if (code := int(reply)) in refusals:
            kind, why = refusals[code]
            raise kind(f"job {child_id} of queue {child.name} cannot be ignored: {why}", queue=child.name, code=code)
        return Ignored(check(reply))

    return script_call("ignore_failed_child", (child.base,), (child_id, parent_key, now_ms), decode)


def _walk(root: NewNode) -> Iterator[NewNode]:
    level = [root]
    while level:
        yield from level
        level = [child for node in level for child in node.children]


def _runs(nodes: Sequence[NewNode]) -> Iterator[list[NewNode]]:
    """Cut nodes into runs of one queue; the first, of which the answer counts, is one of its own."""
    run: list[NewNode] = []
    for index, node in enumerate(nodes):
        if run and (index == 1 or run[0].queue.base != node.queue.base or len(run) == MAX_JOBS_PER_CALL):
            yield run
            run = []
        run.append(node)
    yield run


def _wire(node: NewNode) -> dict[str, Any]:
    return replace(node.job, has_children=bool(node.children), in_flow=True).wire()


def _first_or_code(reply: Any) -> str | int:
    item = reply[0]
    return item if isinstance(item, int) else text(item)


def _tree(node: NewNode) -> FlowTree:
    return FlowTree(node.queue, node.job.job_id or "", tuple(_tree(child) for child in node.children))


def _assemble(
    levels: Sequence[Sequence[tuple[QueueKeys, str, JobData | None]]],
    families: Sequence[Sequence[Sequence[int]]],
    level: int,
    index: int,
) -> FlowNode:
    place, job_id, job = levels[level][index]
    children: tuple[FlowNode, ...] = ()
    if level < len(families) and level + 1 < len(levels):
        children = tuple(_assemble(levels, families, level + 1, child) for child in families[level][index])
    return FlowNode(place, job_id, job, children)


def _json_or_text(value: str) -> JsonValue:
    try:
        return load_json(value)
    except ValueError:
        return value
