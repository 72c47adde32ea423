"""A job while a slot of an asyncio worker has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from board.engine.aio.job import AsyncJob
from board.engine.connection.aio import AsyncConnection
from board.engine.keys import QueueKeys
from board.engine.types import JobData, JsonValue
from board.engine.worker.messages import Lease
from board.engine.worker.outcome import outweighs

__all__ = ["RunningAsyncJob", "Stint"]


class RunningAsyncJob(AsyncJob):
    """A job while its processor runs."""

    __slots__ = ("_tell",)

    def __init__(
        self, info: JobData, keys: QueueKeys, connection: AsyncConnection, token: str, tell: Callable[..., None]
    ) -> None:
        self._info = info
        self.keys = keys
        self.token = token
        self._connection = connection
        self._tell = tell

    async def update_progress(self, progress: JsonValue) -> None:
        """Store the progress, any JSON value, and tell the listeners, the worker's own among them."""
        await super().update_progress(progress)
        self._tell("progress", self, progress)


class Stint:
    """One job in one slot."""

    __slots__ = ("_over", "error", "is_handed_back", "is_over", "job", "lease", "task")

    def __init__(self, job: RunningAsyncJob, lease: Lease) -> None:
        self.job = job
        self.lease = lease
        self.task: asyncio.Task[None] | None = None
        """The slot's, while the processor runs."""
        self.error: Exception | None = None
        """Why the processor was cancelled."""
        self.is_handed_back = False
        self.is_over = False
        """The processor has returned."""
        self._over: asyncio.Event | None = None

    def end(self) -> None:
        """Note that the processor has returned."""
        self.is_over = True
        if self._over is not None:
            self._over.set()

    async def over(self) -> None:
        """Wait until the processor has returned."""
        if not self.is_over:
            self._over = self._over or asyncio.Event()
            await self._over.wait()

    def cancel(self, error: Exception) -> None:
        """Cancel the processor, or do not let it begin; a second reason cancels it no second time."""
        if self.is_over or not outweighs(error, self.error):
            return
        is_first, self.error = self.error is None, error
        if is_first and self.task is not None:
            # In its own turn it may be about to end, and then the cancellation would reach the slot instead.
            if self.task is asyncio.current_task():
                asyncio.get_running_loop().call_soon(self._cancel)
            else:
                self._cancel()

    def _cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()
