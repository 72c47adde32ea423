"""The real BullMQ in a Node process, as a Python object: the other side of every interop test.

    def test_node_sees_our_job(node: NodeBullMQ, redis_url: str) -> None:
        ...
        assert node.counts("mail")["waiting"] == 1
        with node.worker("mail", Complete({"sent": True})) as worker:
            wait_until(lambda: worker.jobs("completed"), "Node to complete the job")

The versions this holds for stand in package.json beside this file. Names and options are BullMQ's own (camelCase):
what goes in and comes out here is exactly what a Node program sees. `call`, `call_job` and `call_flow` reach every
method of BullMQ that has no wrapper of its own.
"""

import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, ClassVar, Literal, Self

Version = Literal[5, 6]
Json = Any  # what JSON can hold; it comes from another program, and the test knows what it expects

HERE = Path(__file__).resolve().parent
ANSWER_SECONDS = 90.0

PATIENCE_MS = 80_000
"""How long Node waits for a job to end: shorter than the test waits for its answer, so that it can say so."""


class NodeError(Exception):
    """BullMQ refused or failed; `name` and `message` are those of the JavaScript error."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class NodeMissingError(Exception):
    """Node.js or the packages of this folder are not installed; the message says how to get them."""


@dataclass(frozen=True, slots=True)
class Complete:
    """Return `value` at once."""

    value: Json = "done"
    kind: ClassVar[str] = "complete"


@dataclass(frozen=True, slots=True)
class Echo:
    """Return the job's data."""

    kind: ClassVar[str] = "echo"


@dataclass(frozen=True, slots=True)
class Slow:
    """Return `value` after `ms` milliseconds."""

    ms: int
    value: Json = "done"
    kind: ClassVar[str] = "slow"


@dataclass(frozen=True, slots=True)
class Fail:
    """Throw `message` the first `times` times a job runs here (None: always), then return `value`."""

    message: str = "boom"
    times: int | None = None
    unrecoverable: bool = False
    value: Json = "done"
    kind: ClassVar[str] = "fail"


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep the job active until the test calls `NodeWorker.release`."""

    kind: ClassVar[str] = "hold"


@dataclass(frozen=True, slots=True)
class Code:
    """Run this body of an async JavaScript function, with `job`, `token` and `bullmq` in scope."""

    code: str
    kind: ClassVar[str] = "code"


Behaviour = Complete | Echo | Slow | Fail | Hold | Code


@dataclass(frozen=True, slots=True)
class NodeJob:
    """A job as BullMQ's `Job.toJSON` shows it."""

    id: str
    name: str
    data: Json
    options: Mapping[str, Json]
    progress: Json
    return_value: Json
    failed_reason: str | None
    stacktrace: tuple[str, ...]
    attempts_made: int
    attempts_started: int
    delay: int
    priority: int
    timestamp: int
    processed_on: int | None
    finished_on: int | None
    parent_key: str | None
    raw: Mapping[str, Json]

    @classmethod
    def read(cls, raw: Mapping[str, Json]) -> "NodeJob":
        """Read what the driver sent."""
        return cls(
            id=raw["id"],
            name=raw["name"],
            data=raw["data"],
            options=raw["opts"],
            progress=raw.get("progress"),
            return_value=raw.get("returnvalue"),
            failed_reason=raw.get("failedReason"),
            stacktrace=tuple(raw.get("stacktrace") or ()),
            attempts_made=raw["attemptsMade"],
            attempts_started=raw["attemptsStarted"],
            delay=raw.get("delay") or 0,
            priority=raw.get("priority") or 0,
            timestamp=raw["timestamp"],
            processed_on=raw.get("processedOn"),
            finished_on=raw.get("finishedOn"),
            parent_key=raw.get("parentKey"),
            raw=raw,
        )


@dataclass(frozen=True, slots=True)
class WorkerEvent:
    """What a worker emitted: active, completed, failed, stalled, progress, drained or error."""

    kind: str
    job: str | None
    detail: Json
    at: int


@dataclass(frozen=True, slots=True)
class NodeSpan:
    """A span that ended in the Node process; ids are lower-case hexadecimal."""

    name: str
    trace: str
    id: str
    parent: str | None
    attributes: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class QueueEvent:
    """What `QueueEvents` emitted: its name, its fields and its id in the stream."""

    kind: str
    fields: Mapping[str, Json]
    id: str


@dataclass(frozen=True, slots=True)
class Pending:
    """An answer that has not been read yet."""

    node: "NodeBullMQ"
    id: int

    def result(self, timeout: float = ANSWER_SECONDS) -> Json:
        """Return the answer, or raise what BullMQ threw."""
        return self.node._receive(self.id, timeout)


@dataclass(slots=True)
class NodeBullMQ:
    """One Node process with one release of BullMQ, connected to one Redis.

    Attributes:
        version: 5 or 6.
        url: the Redis it works on.
        prefix: BullMQ's `prefix` for every queue named here.
    """

    version: Version
    url: str
    prefix: str = "bull"
    _process: subprocess.Popen[bytes] | None = None
    _log: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _answers: dict[int, Mapping[str, Json]] = field(default_factory=dict)
    _rest: bytes = b""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def start(self) -> Self:
        """Start the process unless it runs; returns once BullMQ is loaded.

        Raises:
            NodeMissingError: Node.js or the packages are not installed.
        """
        if not self.is_running:
            require_packages()
            node = shutil.which("node") or "node"
            self._process = subprocess.Popen(
                [node, str(HERE / "driver.mjs"), str(self.version), self.url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                cwd=HERE,
            )
            self._rest = b""
            self._answers.clear()
            self.request("version")
        return self

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """End the process in an orderly way."""
        if self.is_running:
            self.reset()
        self.kill()
        self._log.close()

    def kill(self) -> None:
        """SIGKILL: its workers are gone in the middle of their jobs. `start` brings the process back."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def reset(self) -> None:
        """Close all queues, workers and listeners; the process stays.

        Raises:
            NodeError: BullMQ reported an error meanwhile that no worker's events show.
        """
        errors = self.request("reset")
        if errors:
            raise NodeError("errors in Node", "\n".join(errors))

    # Anything BullMQ can do

    def call(self, queue: str, method: str, *arguments: Json) -> Json:
        """Call any method of `Queue`."""
        return self.request("call", queue=queue, prefix=self.prefix, method=method, arguments=arguments)

    def call_job(self, queue: str, job_id: str, method: str, *arguments: Json) -> Json:
        """Call any method of `Job`."""
        return self.request("callJob", queue=queue, prefix=self.prefix, job=job_id, method=method, arguments=arguments)

    def call_flow(self, method: str, *arguments: Json) -> Json:
        """Call any method of `FlowProducer`."""
        return self.request("callFlow", prefix=self.prefix, method=method, arguments=arguments)

    # What most tests need

    def add(self, queue: str, name: str, data: Json = None, options: Mapping[str, Json] | None = None) -> NodeJob:
        """`Queue.add`."""
        return NodeJob.read(self.call(queue, "add", name, data, options or {}))

    def add_bulk(self, queue: str, jobs: Sequence[tuple[str, Json, Mapping[str, Json]]]) -> list[NodeJob]:
        """`Queue.addBulk`, of (name, data, options)."""
        rows = [{"name": name, "data": data, "opts": options} for name, data, options in jobs]
        return [NodeJob.read(raw) for raw in self.call(queue, "addBulk", rows)]

    def add_flow(self, flow: Mapping[str, Json]) -> Json:
        """`FlowProducer.add`: {name, queueName, data, opts, children}; returns {job, children}."""
        return self.call_flow("add", flow)

    def get_job(self, queue: str, job_id: str) -> NodeJob | None:
        """`Queue.getJob`."""
        raw = self.call(queue, "getJob", job_id)
        return None if raw is None else NodeJob.read(raw)

    def get_jobs(self, queue: str, states: Sequence[str], start: int = 0, end: int = -1) -> list[NodeJob]:
        """`Queue.getJobs`."""
        return [NodeJob.read(raw) for raw in self.call(queue, "getJobs", list(states), start, end)]

    def counts(self, queue: str) -> dict[str, int]:
        """`Queue.getJobCounts` over all states."""
        counts: dict[str, int] = self.call(queue, "getJobCounts")
        return counts

    def state(self, queue: str, job_id: str) -> str:
        """`Queue.getJobState`."""
        return str(self.call(queue, "getJobState", job_id))

    def workers(self, queue: str) -> list[dict[str, str]]:
        """`Queue.getWorkers`."""
        rows: list[dict[str, str]] = self.call(queue, "getWorkers")
        return rows

    def pause(self, queue: str) -> None:
        """`Queue.pause`."""
        self.call(queue, "pause")

    def resume(self, queue: str) -> None:
        """`Queue.resume`."""
        self.call(queue, "resume")

    def is_paused(self, queue: str) -> bool:
        """`Queue.isPaused`."""
        return bool(self.call(queue, "isPaused"))

    def upsert_job_scheduler(
        self, queue: str, scheduler_id: str, repeat: Mapping[str, Json], template: Mapping[str, Json] | None = None
    ) -> Json:
        """`Queue.upsertJobScheduler`; returns the first job."""
        return self.call(queue, "upsertJobScheduler", scheduler_id, repeat, template or {})

    def wait_until_finished(self, queue: str, job_id: str) -> Json:
        """`Job.waitUntilFinished`: the return value, or NodeError with the reason of the failure."""
        return self.begin("waitUntilFinished", queue=queue, prefix=self.prefix, job=job_id, ms=PATIENCE_MS).result()

    def worker(self, queue: str, behaviour: Behaviour | None = None, **options: Json) -> "NodeWorker":
        """Start a `Worker`; `options` are BullMQ's (concurrency, lockDuration, limiter …)."""
        key = str(next(self._numbers))
        what = behaviour or Complete()
        self.request(
            "startWorker",
            key=key,
            queue=queue,
            prefix=self.prefix,
            behaviour=asdict(what) | {"kind": what.kind},
            options=options,
        )
        return NodeWorker(self, key)

    def queue_events(self, queue: str, after: str = "0") -> "NodeEvents":
        """Start a `QueueEvents` that records everything later than the stream id `after` (`$`: from now on)."""
        key = str(next(self._numbers))
        self.request("startEvents", key=key, queue=queue, prefix=self.prefix, after=after)
        return NodeEvents(self, key)

    # The line to the process

    def trace(self) -> None:
        """Trace queues and workers that are made from now on with BullMQ's own OpenTelemetry plug-in."""
        self.request("trace")

    def spans(self) -> list[NodeSpan]:
        """The spans that ended so far, in the order they ended."""
        return [NodeSpan(**raw) for raw in self.request("spans")]

    def request(self, command: str, **fields: Json) -> Json:
        """Send one command of driver.mjs and wait for its answer."""
        return self.begin(command, **fields).result()

    def begin(self, command: str, **fields: Json) -> Pending:
        """Send one command and return at once: Node works while the test does something else."""
        with self._lock:
            if self._process is None or self._process.stdin is None:
                raise RuntimeError("the Node process is not running")
            number = next(self._numbers)
            line = json.dumps({"id": number, "command": command, **fields})
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        return Pending(self, number)

    def _receive(self, number: int, timeout: float) -> Json:
        deadline = time.monotonic() + timeout
        with self._lock:
            while number not in self._answers:
                self._read(deadline, number)
            answer = self._answers.pop(number)
        if "error" in answer:
            raise NodeError(answer["error"]["name"], answer["error"]["message"])
        return answer["value"]

    def _read(self, deadline: float, number: int) -> None:
        """Take what is on stdout and file every complete line under its request."""
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("the Node process is not running")
        out = self._process.stdout.fileno()
        ready, _, _ = select.select([out], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise AssertionError(f"Node did not answer request {number} in time; it printed: {self._printed()}")
        chunk = os.read(out, 1 << 20)
        if not chunk:
            raise AssertionError(f"the Node process ended; it printed: {self._printed()}")
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            self._answers[answer["id"]] = answer

    def _printed(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-3000:] or "nothing"


@dataclass(frozen=True, slots=True)
class NodeWorker:
    """A BullMQ `Worker` in the Node process; leaving its `with` block closes it."""

    node: NodeBullMQ
    key: str

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.node.is_running:
            self.close(force=kind is not None)

    def events(self) -> list[WorkerEvent]:
        """Everything the worker emitted so far, in order."""
        return [WorkerEvent(**raw) for raw in self.node.request("workerEvents", key=self.key)]

    def jobs(self, kind: str) -> list[str]:
        """The ids of the jobs it emitted `kind` for, in order (active, completed, failed …)."""
        return [event.job for event in self.events() if event.kind == kind and event.job is not None]

    def release(self, job_id: str, value: Json = "done", error: str | None = None) -> None:
        """Let a job end that `Hold` keeps: with `value`, or with `error`."""
        self.node.request("release", key=self.key, job=job_id, value=value, error=error)

    def call(self, method: str, *arguments: Json) -> Json:
        """Call any method of `Worker`."""
        return self.node.request("callWorker", key=self.key, method=method, arguments=arguments)

    def close(self, *, force: bool = False) -> None:
        """`Worker.close`: waits for the running jobs unless `force`."""
        self.call("close", force)


@dataclass(frozen=True, slots=True)
class NodeEvents:
    """A recording BullMQ `QueueEvents` in the Node process."""

    node: NodeBullMQ
    key: str

    def all(self) -> list[QueueEvent]:
        """Everything it has seen so far, in order."""
        return [QueueEvent(**raw) for raw in self.node.request("readEvents", key=self.key)]

    def kinds(self, job_id: str) -> list[str]:
        """The names of the events of one job, in order."""
        return [event.kind for event in self.all() if event.fields.get("jobId") == job_id]


def require_packages() -> None:
    """Check that Node.js is there and that node_modules is what package-lock.json says.

    Raises:
        NodeMissingError: with the command that mends it.
    """
    if shutil.which("node") is None:
        raise NodeMissingError("no node on PATH: install Node.js 18 or later (Debian: apt-get install nodejs npm)")
    wanted = json.loads((HERE / "package-lock.json").read_text())["packages"]
    try:
        there = json.loads((HERE / "node_modules" / ".package-lock.json").read_text())["packages"]
    except (OSError, ValueError):
        there = {}
    for name in ("node_modules/bullmq5", "node_modules/bullmq6"):
        if there.get(name, {}).get("version") != wanted[name]["version"]:
            raise NodeMissingError(
                "the Node packages are missing or old: run `npm ci` in tests/interop (make test does)"
            )
