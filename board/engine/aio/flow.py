"""Flows for asyncio: add trees of jobs over several queues, and read them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from board.engine.aio.job import AsyncJob
from board.engine.commands import flows
from board.engine.connection.aio import AsyncClient, AsyncConnection
from board.engine.flow_plan import check_node, prepare_flow
from board.engine.hints import with_hints
from board.engine.job_view import data_of_new_job
from board.engine.keys import DEFAULT_PREFIX, QueueKeys
from board.engine.telemetry import Telemetry, traced
from board.engine.types import FlowJob, JobOptions

__all__ = ["AsyncFlowProducer", "AsyncJobNode"]


@dataclass(frozen=True, slots=True)
class AsyncJobNode:
    """A job of a flow and the jobs below it."""

    job: AsyncJob
    children: tuple[AsyncJobNode, ...] = ()


@with_hints
class AsyncFlowProducer:
    """Adds trees of jobs: every parent waits for its children, whatever queues they are in.

    Args:
        connection: URL, client of redis-py, or a connection that is shared.
        prefix: key prefix of nodes that name none; on a cluster it holds a hash tag, since a flow lies in one slot.
        telemetry: traces what is added, and carries the trace in every job; see ``engine.telemetry``.
    """

    def __init__(
        self,
        *,
        connection: str | AsyncClient | AsyncConnection = "redis://localhost:6379/0",
        prefix: str = DEFAULT_PREFIX,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.prefix = prefix
        self.telemetry = telemetry
        self._owned = not isinstance(connection, AsyncConnection)
        self._connection = connection if isinstance(connection, AsyncConnection) else AsyncConnection.open(connection)

    async def add(self, flow: FlowJob, *, default_job_options: Mapping[str, JobOptions] | None = None) -> AsyncJobNode:
        """Add a tree in one transaction.

        Args:
            flow: the tree.
            default_job_options: by queue name, below each node's own options.

        Raises:
            UsageError: a node is wrong; nothing was sent.
            ParentNotFoundError, ParentConflictError: the root was to hang below a parent that is gone or not its own.
        """
        check_node(flow)
        now_ms = time.time_ns() // 1_000_000
        with traced(self.telemetry, "addFlow", flow.queue, flow_name=flow.name):
            root = prepare_flow(
                flow, prefix=self.prefix, now_ms=now_ms, defaults=default_job_options, telemetry=self.telemetry
            )
            await self._connection.run(flows.add_flow(root, now_ms))
        return self._added(root)

    async def add_bulk(self, trees: Sequence[FlowJob]) -> list[AsyncJobNode]:
        """Add several trees, each in a transaction of its own; all are checked before the first is sent."""
        now_ms = time.time_ns() // 1_000_000
        roots = [prepare_flow(flow, prefix=self.prefix, now_ms=now_ms, telemetry=self.telemetry) for flow in trees]
        for root in roots:
            with traced(self.telemetry, "addFlow", root.queue.name, flow_name=root.job.name):
                await self._connection.run(flows.add_flow(root, now_ms))
        return [self._added(root) for root in roots]

    async def get_flow(
        self, queue: str, job_id: str, *, prefix: str | None = None, depth: int = 10, max_children: int = 20
    ) -> AsyncJobNode | None:
        """Read a flow from one of its jobs downward; None when that job is gone.

        Args:
            queue: queue of the root.
            job_id: id of the root.
            prefix: prefix of the root's queue.
            depth: most levels.
            max_children: most children of each kind (failed, ignored, pending, processed) of a node.
        """
        keys = QueueKeys(prefix or self.prefix, queue)
        plan = flows.get_flow(keys, job_id, depth=depth, max_children=max_children)
        node = await self._connection.run(plan)
        return None if node is None else self._read(node)

    async def close(self) -> None:
        """Close the connection, unless it is shared."""
        if self._owned:
            await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    def _added(self, node: flows.NewNode) -> AsyncJobNode:
        info = data_of_new_job(node.job.job_id or "", node.job)
        children = tuple(self._added(child) for child in node.children)
        return AsyncJobNode(AsyncJob(info, node.queue, self._connection), children)

    def _read(self, node: flows.FlowNode) -> AsyncJobNode | None:
        if node.job is None:
            return None
        below = (self._read(child) for child in node.children)
        children = tuple(child for child in below if child is not None)
        return AsyncJobNode(AsyncJob(node.job, node.queue, self._connection), children)
