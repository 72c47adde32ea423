"""The queue engine: BullMQ's queues from Python, beside Node or alone.

Two fronts with the same names, over one core that makes no round trip itself::

    from board.engine import Queue, JobOptions

    queue = Queue("email", connection="redis://localhost:6379/0")
    job = queue.add("welcome", {"user": 7}, attempts=3)

``Queue``, ``Worker``, ``QueueEvents``, ``FlowProducer`` are for threads, ``AsyncQueue`` and its kin for asyncio.
"""

from board.engine.aio.events import AsyncQueueEvents
from board.engine.aio.flow import AsyncFlowProducer, AsyncJobNode
from board.engine.aio.job import AsyncJob
from board.engine.aio.queue import AsyncQueue
from board.engine.aio.worker import AsyncWorker
from board.engine.commands.dead_letters import Replayed
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
