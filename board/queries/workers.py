"""How many workers each queue has, told from the names of the server's connections.

BullMQ's workers name one of their connections ``prefix:base64(queue)``, with ``:w:name`` when they have a name. The
Python port writes the queue's name as it is and names both its connections, so that half of those are workers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from board.engine.errors import EngineError
from board.engine.keys import QueueKeys

__all__ = ["count_workers", "name_workers"]


def count_workers(
    names: Iterable[str] | EngineError, queues: Collection[QueueKeys], *, is_cluster: bool
) -> dict[QueueKeys, int | None]:
    """Count the workers of some queues; None where that cannot be known.

    Args:
        names: of all connections of the server, or why they could not be listed.
        queues: those asked for; each has an entry in the result.
        is_cluster: the names are those of one node. A queue's workers wait on the node that holds it: none seen
            elsewhere tells nothing.
    """
    if isinstance(names, EngineError):
        return dict.fromkeys(queues)
    signed: Counter[str] = Counter()
    for name in names:
        signed[name.partition(":w:")[0]] += 1
    counts = {queue: signed[queue.client_name] + _ported(signed, queue) for queue in queues}
    return {queue: count or (None if is_cluster else 0) for queue, count in counts.items()}


def name_workers(names: Iterable[str], queues: Collection[QueueKeys]) -> dict[QueueKeys, frozenset[str]]:
    """Return the names of the workers of some queues, as far as they have any; queues without are left out."""
    signed = {queue.client_name: queue for queue in queues} | {queue.qualified: queue for queue in queues}
    found: dict[QueueKeys, set[str]] = {}
    for full in names:
        base, separator, name = full.partition(":w:")
        if separator and name and (queue := signed.get(base)) is not None:
            found.setdefault(queue, set()).add(name)
    return {queue: frozenset(some) for queue, some in found.items()}


def _ported(signed: Counter[str], queue: QueueKeys) -> int:
    """Return the workers of the Python port, which come in pairs of connections."""
    return 0 if queue.qualified == queue.client_name else -(-signed[queue.qualified] // 2)
