"""Jobs as other jobs name them: parents, children, the nodes of a flow."""

from __future__ import annotations

from dataclasses import dataclass

from board.engine.commands.pages import ChildReading, ParentReading, queue_of
from board.engine.errors import InvalidQueueNameError
from board.engine.keys import QueueKeys
from board.engine.types import ChildCounts
from board.queries.shared import Known, QueueName, queue_name
from board.queries.text import display
from board.redaction import redact_text

__all__ = ["FlowLink", "FlowNode", "child_order", "flow_link", "queue_behind"]

KINDS = {"failed": 0, "ignored": 1, "unprocessed": 2, "processed": 3, "forgotten": 4}


@dataclass(frozen=True, slots=True)
class FlowLink:
    """A job of a flow, as another job names it.

    Attributes:
        queue: None when its key does not tell.
        id: job id.
        name: None when it is gone, or in a queue that this board does not show.
        state: wire name; None as ``name``.
        key: full key of its hash; like ``id`` empty for a queue that is not shown.
        url_ok: this board has a page for it.
        kind: ``processed``, ``unprocessed``, ``ignored`` or ``failed``; ``forgotten`` when its parent was told to drop
            it; ``parent`` or ``root``.
    """

    queue: QueueName | None
    id: str
    name: str | None
    state: str | None
    key: str
    url_ok: bool
    kind: str


@dataclass(frozen=True, slots=True)
class FlowNode:
    """One job of a flow.

    Attributes:
        link: its address; its key names no queue where that is not shown.
        name: None when it is gone, or in a queue that this board does not show.
        state: wire name; ``unknown`` where ``name`` is None for these reasons.
        progress: as text.
        counts: how its children stand; None without any.
        children: those shown; failed ones first.
        more: children that are not shown.
        failed_reason: first line of its newest failure.
        is_asked: it is the job that the address names.
        added_at_ms: creation.
        processed_at_ms: latest start.
        finished_at_ms: end.
        due_at_ms: when it may run, of one that is delayed.
        worker: that ran it last.
        attempts_made: attempts that ended.
    """

    link: FlowLink
    name: str | None
    state: str
    progress: str | None
    counts: ChildCounts | None
    children: tuple[FlowNode, ...]
    more: int
    failed_reason: str | None
    is_asked: bool
    added_at_ms: int | None
    processed_at_ms: int | None
    finished_at_ms: int | None
    due_at_ms: int | None = None
    worker: str | None = None
    attempts_made: int = 0


def flow_link(reading: ChildReading | ParentReading, known: Known, *, kind: str) -> FlowLink:
    """Name a job of a flow; of one in a queue that is not shown, nothing but what became of it for this one."""
    keys = queue_behind(reading.base)
    shown = keys is not None and known.is_shown(keys)
    return FlowLink(
        queue=None if keys is None or not shown else queue_name(keys, known),
        id=reading.id if shown else "",
        name=display(redact_text(reading.name)) if shown and reading.name is not None else None,
        state=reading.state if shown else None,
        key=reading.key if shown else "",
        url_ok=shown and reading.state is not None,
        kind=kind,
    )


def child_order(link: FlowLink) -> tuple[int, str]:
    """Sort what failed first."""
    return KINDS.get(link.kind, 9), link.key


def queue_behind(base: str) -> QueueKeys | None:
    """Return the queue of what keys begin with; None when that names none."""
    try:
        return queue_of(base)
    except InvalidQueueNameError:
        return None
