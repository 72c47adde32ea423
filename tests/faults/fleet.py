"""Worker processes that are killed while they work, and what they wrote down about it."""

import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from board.engine import JobOptions, JobState
from board.engine.calls import Batch, Call
from board.engine.commands import jobs, queues
from board.engine.connection.sync import Connection
from board.engine.errors import StoreError
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / ".cache" / "faults"
HERE = Path(__file__).parent
JUMPED = "jumped"
BULK = jobs.MAX_JOBS_PER_CALL

OPTIONS = {"concurrency": 10, "lock_duration": 2_000, "stalled_interval": 500, "max_stalled_count": 1_000}
"""Short locks, so that the jobs of a killed worker are soon somebody else's; a kill is never a job's fault."""


@dataclass(frozen=True, slots=True)
class Run:
    """A job begun by a process."""

    job_id: str
    began_ms: int
    member: "Member"


@dataclass(eq=False, slots=True)
class Member:
    """One worker process."""

    front: str
    process: subprocess.Popen[bytes]
    log: Path
    killed_ms: int | None = None

    def runs(self) -> list[Run]:
        """Return the runs it wrote down; a last line that was cut off is no line."""
        whole = self.log.read_text().rpartition("\n")[0] if self.log.exists() else ""
        pairs = (line.split() for line in whole.splitlines())
        return [Run(job_id, int(began), self) for job_id, began in pairs if job_id != JUMPED]

    def jump(self) -> None:
        """Set its clock forward or back, as it was told when it started."""
        wait_until(self.log.exists, "the worker to take signals")
        self.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: JUMPED in self.log.read_text(), "the clock to jump")


@dataclass(slots=True)
class Fleet:
    """Worker processes of one queue; leaving its ``with`` block kills them, and what they wrote down is gone.

    Attributes:
        url: where they work, as our engine takes it.
        queue: their queue.
        prefix: its prefix.
        seconds: how long each job takes.
        options: of each worker, in our words.
    """

    url: str
    queue: str
    prefix: str = "bull"
    seconds: float = 0.0
    options: dict[str, Any] = field(default_factory=lambda: dict(OPTIONS))
    directory: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="board-fleet-")))
    members: list[Member] = field(default_factory=list)
    kills: int = 0

    def start(self, *fronts: str, jump_ms: int = 0) -> list[Member]:
        """Start a process for each name: `threads`, `asyncio` or `node`."""
        started = []
        for front in fronts:
            log = self.directory / f"{len(self.members)}.log"
            order = {
                "front": front,
                "url": self.url,
                "queue": self.queue,
                "prefix": self.prefix,
                "log": str(log),
                "seconds": self.seconds,
                "options": self.options,
                "jump_ms": jump_ms,
            }
            program = (
                ["node", str(HERE / "worker.mjs")] if front == "node" else [sys.executable, "-m", "tests.faults.worker"]
            )
            with (self.directory / "output").open("ab") as output:
                process = subprocess.Popen([*program, json.dumps(order)], cwd=ROOT, stdout=output, stderr=output)
            member = Member(front, process, log)
            self.members.append(member)
            started.append(member)
        return started

    def kill(self, member: Member) -> None:
        """SIGKILL; the process is gone when this returns."""
        member.process.kill()
        member.process.wait()
        member.killed_ms = now_ms()
        self.kills += 1

    def replace_one(self) -> None:
        """Kill a process, any, and start another of its kind."""
        member = random.choice([one for one in self.members if one.killed_ms is None])
        self.kill(member)
        self.start(member.front)

    def runs(self) -> dict[str, list[Run]]:
        """Return the runs of each job, in order."""
        found: dict[str, list[Run]] = defaultdict(list)
        for run in sorted((run for member in self.members for run in member.runs()), key=lambda run: run.began_ms):
            found[run.job_id].append(run)
        return found

    def ended(self) -> list[str]:
        """Name the processes that ended without having been killed."""
        return [one.front for one in self.members if one.killed_ms is None and one.process.poll() is not None]

    @property
    def output(self) -> str:
        """What they printed."""
        return (self.directory / "output").read_text(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for member in self.members:
            if member.process.poll() is None:
                member.process.kill()
            member.process.wait()
        shutil.rmtree(self.directory)


def now_ms() -> int:
    """Return the time as the workers write it down."""
    return time.time_ns() // 1_000_000


def pause(seconds: float, unless: Any) -> bool:
    """Let time pass between two strokes of bad luck, or stop early; return whether it was stopped."""
    until = time.monotonic() + seconds
    wait_until(lambda: unless() or time.monotonic() >= until, "the next kill", seconds + 30)
    return bool(unless())


def add_all(url: str, queue: QueueKeys, ids: list[str], *, attempts: int = 1, replicas: int = 0) -> int:
    """Add a job for each id and return how often that had to be tried again.

    The ids are our own, so an add of which the answer was lost can be repeated: a job that is there is not added again.
    A job counts as added once Redis has said so, with `replicas` once as many replicas have said so too.
    """
    again = 0
    with Connection.open(url) as connection:
        for start in range(0, len(ids), BULK):
            now = now_ms()
            some = [
                prepare_job("load", {}, JobOptions(job_id=one, attempts=attempts), now_ms=now)
                for one in ids[start : start + BULK]
            ]
            calls: list[Call[Any]] = [jobs.add_jobs(queue, some)]
            if replicas:
                calls.append(Call(("WAIT", replicas, 1000), int))

            def is_added(calls: list[Call[Any]] = calls) -> bool:
                nonlocal again
                try:
                    replies = connection.batch(Batch.of(calls))
                except StoreError:
                    again += 1
                    return False
                return not replicas or replies[-1] >= replicas

            wait_until(is_added, "an add to be acknowledged")
    return again


def completed(connection: Connection, queue: QueueKeys) -> int:
    """Count the completed jobs; 0 while Redis is away."""
    try:
        return connection.call(queues.get_counts(queue)).completed
    except StoreError:
        return 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a load came to.

    Attributes:
        jobs: how many there were.
        runs: how many were begun.
        kills: of worker processes.
        twice: ids of jobs that were begun more than once.
        unexplained: pairs of runs of which the earlier one's process still lived when the later one began.
        late: runs that began after their job had completed.
    """

    jobs: int
    runs: int
    kills: int
    twice: list[str]
    unexplained: list[tuple[Run, Run]]
    late: list[Run]

    def figures(self) -> dict[str, int]:
        """Return what is worth writing down."""
        return {
            "jobs": self.jobs,
            "runs": self.runs,
            "worker processes killed": self.kills,
            "jobs run more than once": len(self.twice),
            "of these with the first worker still alive": len(self.unexplained),
            "of these by Node at first": sum(first.member.front == "node" for first, _ in self.unexplained),
            "runs begun after completion": len(self.late),
        }


def look_at(fleet: Fleet, client: Any, queue: QueueKeys, ids: list[str]) -> Outcome:
    """Check that every job has completed and nothing is left over, and return what became of the runs."""
    completed = dict(client.zrange(queue.container(JobState.COMPLETED), 0, -1, withscores=True))
    assert completed.keys() == set(ids), f"lost or not completed: {sorted(set(ids) - completed.keys())[:10]}"
    for state in (JobState.WAITING, JobState.ACTIVE):
        assert not client.llen(queue.container(state)), f"jobs left {state}"
    for state in (JobState.DELAYED, JobState.FAILED, JobState.PRIORITIZED):
        assert not client.zcard(queue.container(state)), f"jobs left {state}"
    locks = list(client.scan_iter(match=f"{queue.base}*:lock", count=10_000))
    assert locks == []
    runs = fleet.runs()
    assert runs.keys() == set(ids)
    pairs = [pair for several in runs.values() for pair in pairwise(several)]
    return Outcome(
        jobs=len(ids),
        runs=sum(map(len, runs.values())),
        kills=fleet.kills,
        twice=[job_id for job_id, several in runs.items() if len(several) > 1],
        unexplained=[
            (first, again)
            for first, again in pairs
            if first.member.killed_ms is None or first.member.killed_ms > again.began_ms
        ],
        late=[run for job_id, several in runs.items() for run in several if run.began_ms > completed[job_id]],
    )


def write_down(name: str, figures: dict[str, Any]) -> None:
    """Keep the figures of a run in `.cache/faults/`, and print them for ``pytest -s``."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    (FIGURES / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(f"\n{name}: {json.dumps(figures)}")  # noqa: T201 - shown with -s
