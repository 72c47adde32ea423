"""Runs processors in processes of their own: for work that keeps a CPU busy, or that may crash.

Each slot of a worker has one child, started when its first job comes and used for the next ones. A child that dies
takes its one job down with it, and the next job gets a new child. The parent keeps the locks and decides what becomes
of the job; the child only runs the function, with a ``Job`` that has a connection of the child's own.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
import sys
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from types import FrameType
from typing import Any

from board.engine.connection.sync import Connection
from board.engine.errors import ProcessorCrashedError, message_of
from board.engine.keys import QueueKeys
from board.engine.sync.job import Job
from board.engine.targets import load_target
from board.engine.types import JobData, JsonValue
from board.engine.worker.outcome import Raised, Returned, from_the_processor

__all__ = ["Child", "RemoteError"]


class RemoteError(Exception):
    """What a processor raised in its process, when the exception itself cannot travel; ``kind`` is its class's name."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


IDLE_S = 0.5
"""How often an idle process looks whether it was asked to stop; an order that is on its way then arrives in time."""


@dataclass(frozen=True, slots=True)
class _Order:
    """A job for the child."""

    info: JobData
    token: str


@dataclass(frozen=True, slots=True)
class _Answer:
    """What became of it; ``error`` is pickled apart so that one that cannot be read spoils nothing else."""

    value: JsonValue = None
    error: bytes | None = None
    kind: str = ""
    message: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True)
class _Progress:
    """The processor told how far it is."""

    progress: JsonValue


class Child:
    """One process that runs one job at a time.

    Args:
        target: the processor, ``package.module:function``.
        url: where Redis is, for the job's methods.
        keys: the queue.
    """

    def __init__(self, target: str, url: str, keys: QueueKeys) -> None:
        self._arguments = (target, url, keys)
        self._process: Any = None
        self._pipe: Pipe | None = None

    def prepare(self) -> None:
        """Have a process ready that has imported the processor; what goes wrong here shows in ``run``."""
        with contextlib.suppress(EOFError, OSError):
            self._ready()

    def run(self, job: Job, token: str, tell_progress: Any) -> Returned | Raised:
        """Run one job and wait for it; a process that dies is an error of this job."""
        try:
            pipe = self._pipe or self._ready()  # one that died since it was made ready was killed with this job
            pipe.send(_Order(job.info, token))
            while isinstance(answer := pipe.recv(), _Progress):
                tell_progress(answer.progress)
        except (EOFError, OSError):
            return Raised(self._crash())
        return _result(answer)

    def kill(self) -> None:
        """End the process now; whoever waits in ``run`` gets ProcessorCrashedError."""
        process = self._process
        if process is not None:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                process.kill()

    def close(self) -> None:
        """End the process; it is idle."""
        if self._pipe is not None:
            self._pipe.close()  # the child reads the end of the pipe and returns
        if self._process is not None:
            self._process.join(2)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
            self._process.close()
        self._process = self._pipe = None

    def _ready(self) -> Pipe:
        if self._pipe is not None and self._process.is_alive():
            return self._pipe
        if self._process is not None:
            self.close()
        context = multiprocessing.get_context("spawn")  # fork would copy locks that other threads hold
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_main, args=(theirs, *self._arguments), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()  # it has imported the processor
        return self._pipe

    def _crash(self) -> ProcessorCrashedError:
        self._process.join(5)
        code = self._process.exitcode
        self.close()
        how = f"exit code {code}" if code is None or code >= 0 else f"signal {-code}"
        return ProcessorCrashedError(f"the process that ran the job died ({how})")


class _ChildJob(Job):
    """A job in its process; progress is told to the worker too."""

    __slots__ = ("_pipe",)

    def __init__(self, info: JobData, keys: QueueKeys, connection: Connection, token: str, pipe: Pipe) -> None:
        super().__init__(info, keys, connection, token)
        self._pipe = pipe

    def update_progress(self, progress: JsonValue) -> None:
        """Store the progress and tell the listeners, the worker's own among them."""
        super().update_progress(progress)
        self._pipe.send(_Progress(progress))


def _main(pipe: Pipe, target: str, url: str, keys: QueueKeys) -> None:
    """Run the jobs that come through the pipe until it ends."""
    is_asked_to_stop = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal is_asked_to_stop
        del number, frame
        is_asked_to_stop = True  # noticed between two jobs: one may be on its way at this very moment

    # A terminal or a supervisor signals the whole group; the worker decides what becomes of the job that runs.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    connection = Connection.open(url)
    try:
        processor = load_target(target)
        pipe.send(None)
        while True:
            if pipe.poll(IDLE_S):
                order: _Order = pipe.recv()
                pipe.send(_perform(processor, _ChildJob(order.info, keys, connection, order.token, pipe)))
            elif is_asked_to_stop:
                break
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    finally:
        connection.close()
        sys.stdout.flush()
        sys.stderr.flush()


def _perform(processor: Any, job: Job) -> _Answer:
    try:
        value = processor(job)
        pickle.dumps(value)
    except Exception as error:  # noqa: BLE001 - the edge: whatever a processor raises is its job's failure
        return _describe(error)
    return _Answer(value=value)


def _describe(error: Exception) -> _Answer:
    packed: bytes | None = None
    with contextlib.suppress(Exception):
        packed = pickle.dumps(error)
    if packed is not None and not _reads_back(packed):
        packed = None  # many exceptions can be written but not read
    return _Answer(
        error=packed,
        kind=type(error).__name__,
        message=message_of(error),
        trace="".join(traceback.format_exception(type(error), error, from_the_processor(error.__traceback__))),
    )


def _reads_back(packed: bytes) -> bool:
    try:
        pickle.loads(packed)  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - any
        return False
    return True


def _result(answer: _Answer) -> Returned | Raised:
    if not answer.kind:
        return Returned(answer.value)
    error: BaseException | None = None
    if answer.error is not None:
        with contextlib.suppress(Exception):
            error = pickle.loads(answer.error)  # noqa: S301 - from our own child, through a pipe nobody else has
    if not isinstance(error, BaseException):
        error = RemoteError(answer.kind, answer.message)
    return Raised(error, answer.trace)
