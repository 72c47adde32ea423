"""The queue engine: BullMQ's queues from Python, beside Node or alone.

Two fronts with the same names, over one core that makes no round trip itself::

    from board.engine import Queue, JobOptions

    queue = Queue("email", connection="redis://localhost:6379/0")
    job = queue.add("welcome", {"user": 7}, attempts=3)

``Queue``, ``Worker``, ``QueueEvents``, ``FlowProducer`` are for threads, ``AsyncQueue`` and its kin for asyncio.

Each name is loaded when it is first asked for: a program with threads loads no asyncio front, and one that only needs
a key or an error no connection.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from board.engine.aio.events import AsyncQueueEvents
    from board.engine.aio.flow import AsyncFlowProducer, AsyncJobNode
    from board.engine.aio.job import AsyncJob
    from board.engine.aio.queue import AsyncQueue
    from board.engine.aio.worker import AsyncWorker
    from board.engine.commands.dead_letters import Replayed
    from board.engine.commands.flows import Ignored
    from board.engine.errors import (
        DelayedError,
        EngineError,
        RateLimitError,
        UnrecoverableError,
        UsageError,
        WaitingChildrenError,
        WaitingError,
    )
    from board.engine.sync.events import QueueEvents
    from board.engine.sync.flow import FlowProducer, JobNode
    from board.engine.sync.job import Job
    from board.engine.sync.queue import Queue
    from board.engine.sync.worker import Worker
    from board.engine.types import (
        Backoff,
        Deduplication,
        FlowJob,
        JobOptions,
        JobState,
        Keep,
        ParentRef,
        RateLimit,
        Repeat,
    )

__all__ = [
    "AsyncFlowProducer",
    "AsyncJob",
    "AsyncJobNode",
    "AsyncQueue",
    "AsyncQueueEvents",
    "AsyncWorker",
    "Backoff",
    "Deduplication",
    "DelayedError",
    "EngineError",
    "FlowJob",
    "FlowProducer",
    "Ignored",
    "Job",
    "JobNode",
    "JobOptions",
    "JobState",
    "Keep",
    "ParentRef",
    "Queue",
    "QueueEvents",
    "RateLimit",
    "RateLimitError",
    "Repeat",
    "Replayed",
    "UnrecoverableError",
    "UsageError",
    "WaitingChildrenError",
    "WaitingError",
    "Worker",
]

_PLACES = {
    "AsyncQueueEvents": "board.engine.aio.events",
    "AsyncFlowProducer": "board.engine.aio.flow",
    "AsyncJobNode": "board.engine.aio.flow",
    "AsyncJob": "board.engine.aio.job",
    "AsyncQueue": "board.engine.aio.queue",
    "AsyncWorker": "board.engine.aio.worker",
    "Replayed": "board.engine.commands.dead_letters",
    "Ignored": "board.engine.commands.flows",
    "DelayedError": "board.engine.errors",
    "EngineError": "board.engine.errors",
    "RateLimitError": "board.engine.errors",
    "UnrecoverableError": "board.engine.errors",
    "UsageError": "board.engine.errors",
    "WaitingChildrenError": "board.engine.errors",
    "WaitingError": "board.engine.errors",
    "QueueEvents": "board.engine.sync.events",
    "FlowProducer": "board.engine.sync.flow",
    "JobNode": "board.engine.sync.flow",
    "Job": "board.engine.sync.job",
    "Queue": "board.engine.sync.queue",
    "Worker": "board.engine.sync.worker",
    "Backoff": "board.engine.types",
    "Deduplication": "board.engine.types",
    "FlowJob": "board.engine.types",
    "JobOptions": "board.engine.types",
    "JobState": "board.engine.types",
    "Keep": "board.engine.types",
    "ParentRef": "board.engine.types",
    "RateLimit": "board.engine.types",
    "Repeat": "board.engine.types",
}
"""Where each public name lives."""


if not TYPE_CHECKING:  # a type checker reads the imports above, and says what is misspelt

    def __getattr__(name: str) -> Any:
        """Load a public name."""
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_PLACES[name]), name)
        return found


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
