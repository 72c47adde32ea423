"""Nothing is lost and nothing runs twice because of us: crashes, lost locks, a Redis that goes away."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from board.engine import AsyncJob, JobState
from tests.engine.fronts import (
    RENEWING,
    Front,
    Renewals,
    ThreadFront,
    behaviour,
    count_is,
    ended,
    read,
    state_is,
)
from tests.engine.test_control import Gate
from tests.waiting import PATIENCE_S, wait_until, wait_until_async

ROOT = Path(__file__).resolve().parents[2]

Launch = Callable[..., "Program"]


async def nothing(job: AsyncJob) -> None:
    """Complete at once."""


class Program:
    """A worker in a process of its own, which tells on its output what happens."""

    def __init__(self, source: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(source), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def says(self, line: str) -> None:
        """Wait until it has printed a line."""
        wait_until(lambda: line in self.lines, f"the program to say {line!r}; it said {self.lines}")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.process.pid, number)

    def ends(self) -> int:
        """Wait until it has ended; return its exit code."""
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code

    def kill(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Start programs that are gone at the end of the test."""
    programs: list[Program] = []

    def start(source: str, *arguments: str) -> Program:
        programs.append(Program(source, *arguments))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()


WORKER_OF_THREADS = """
    import json, pathlib, sys, time
    from board.engine import Worker

    def process(job):
        print("runs", job.id, flush=True)
        while not pathlib.Path(job.data["until"]).exists():
            time.sleep(0.01)
        return "done"

    options = {name: json.loads(value) for name, value in (part.split("=") for part in sys.argv[3:])}
    worker = Worker("mail", process, connection=sys.argv[1], prefix=sys.argv[2], **options)
    worker.on("ready", lambda: print("ready", flush=True))
    worker.on("closing", lambda: print("closing", flush=True))
    worker.on("completed", lambda job, result, previous: print("completed", job.id, flush=True))
    worker.run()
    print("ended", flush=True)
"""

WORKER_OF_ASYNCIO = """
    import asyncio, json, pathlib, sys
    from board.engine import AsyncWorker

    async def process(job):
        print("runs", job.id, flush=True)
        while not pathlib.Path(job.data["until"]).exists():
            await asyncio.sleep(0.01)
        return "done"

    async def main():
        options = {name: json.loads(value) for name, value in (part.split("=") for part in sys.argv[3:])}
        worker = AsyncWorker("mail", process, connection=sys.argv[1], prefix=sys.argv[2], **options)
        worker.on("ready", lambda: print("ready", flush=True))
        worker.on("closing", lambda: print("closing", flush=True))
        worker.on("completed", lambda job, result, previous: print("completed", job.id, flush=True))
        await worker.run()
        print("ended", flush=True)

    asyncio.run(main())
"""


@pytest.fixture
def source(front: Front) -> str:
    """The program of a worker, of the front under test."""
    return WORKER_OF_THREADS if isinstance(front, ThreadFront) else WORKER_OF_ASYNCIO


CHECKS = {"stalled_interval": 100}
"""Checks so often that a crash is noticed within a test."""

NEVER = "/no/such/file"
"""What a job waits for that does not end by itself."""


@behaviour
async def test_a_job_whose_worker_was_killed_runs_again_once(
    front: Front, redis_url: str, prefix: str, launch: Launch, source: str
) -> None:
    async with front:
        queue = front.queue("mail")
        job = await queue.add("x", {"until": NEVER})
        program = launch(source, redis_url, prefix, "lock_duration=200", "skip_stalled_check=true")
        program.says(f"runs {job.id}")

        program.kill()
        ran: list[str] = []

        async def process(job: AsyncJob) -> None:
            ran.append(job.id)

        worker = front.worker("mail", process, **CHECKS)
        stalled: list[str] = []
        worker.on("stalled", lambda job_id, _previous: stalled.append(job_id))
        await worker.start()
        done = await ended(queue, job.id)
        await wait_until_async(lambda: stalled, "the listener to be told")

        assert ran == stalled == [job.id]
        assert (done.attempts_made, done.attempts_started, done.info.stalled_count) == (1, 2, 1)
        assert await done.get_state() is JobState.COMPLETED


@behaviour
async def test_a_job_that_stalls_too_often_fails_instead_of_running_for_ever(front: Front, redis_client: Any) -> None:
    async with front:
        queue = front.queue("mail")
        job = await queue.add("x")
        redis_client.hset(queue.keys.job(job.id), "stc", 1)
        redis_client.lrem(queue.keys.key("wait"), 0, job.id)
        redis_client.lpush(queue.keys.key("active"), job.id)  # active without a lock: its worker is gone

        await front.worker("mail", nothing, **CHECKS).start()
        done = await ended(queue, job.id)

        assert done.failed_reason == "job stalled more than allowable limit"


@behaviour
async def test_a_long_job_keeps_its_lock(front: Front, redis_client: Any) -> None:
    gate = Gate()
    async with front:
        queue = front.queue("mail")
        job = await queue.add("x")
        watcher = front.worker("mail", nothing, **CHECKS)
        stalled: list[str] = []
        watcher.on("stalled", lambda job_id, _previous: stalled.append(job_id))
        await front.worker("mail", gate, skip_stalled_check=True, **RENEWING).start()
        await gate.holds()
        await watcher.start()
        await wait_until_async(Renewals(redis_client, queue.keys.lock(job.id)), "the lock to be renewed")
        checks: set[str] = set()

        def checked() -> int:
            checks.add(redis_client.get(queue.keys.key("stalled-check")))
            return len(checks) > 6  # four would have taken the job of a worker that is gone

        await wait_until_async(checked, "many checks for stalled jobs")
        gate.opened.set()
        done = await ended(queue, job.id)

        assert stalled == []
        assert (done.attempts_started, done.info.stalled_count) == (1, 0)


@behaviour
async def test_a_job_whose_lock_was_taken_is_dropped_and_told(front: Front, redis_client: Any) -> None:
    gate = Gate()
    async with front:
        queue = front.queue("mail")
        job = await queue.add("x")
        worker = front.worker("mail", gate, skip_stalled_check=True, **RENEWING)
        told: list[str] = []
        errors: list[Exception] = []
        worker.on("lock_lost", told.append)
        worker.on("error", errors.append)
        await worker.start()
        await gate.holds()
        redis_client.set(queue.keys.lock(job.id), "somebody else")
        await wait_until_async(lambda: told, "the loss to be noticed")

        gate.opened.set()
        await wait_until_async(lambda: worker.running_jobs == [], "the job to be dropped")

        assert told == [job.id]
        assert [type(error).__name__ for error in errors] == ["LockLostError"]
        assert await queue.get_job_state(job.id) is JobState.ACTIVE
        assert redis_client.get(queue.keys.lock(job.id)) == "somebody else"


@behaviour
async def test_sigterm_lets_the_running_job_finish_and_takes_no_other(
    front: Front, redis_url: str, launch: Launch, source: str, tmp_path: Path
) -> None:
    go_on = tmp_path / "go on"
    async with front:
        queue = front.queue("mail")
        running, waiting = await queue.add("x", {"until": str(go_on)}), await queue.add("x", {"until": str(go_on)})
        program = launch(source, redis_url, queue.keys.prefix)
        program.says(f"runs {running.id}")

        program.signal(signal.SIGTERM)
        program.says("closing")
        go_on.touch()

        assert program.ends() == 0
        assert program.lines == ["ready", f"runs {running.id}", "closing", f"completed {running.id}", "ended"]
        assert await queue.get_job_state(waiting.id) is JobState.WAITING


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@behaviour
async def test_a_second_signal_hands_the_running_job_back_at_once(
    front: Front, redis_url: str, prefix: str, launch: Launch, source: str, *, number: signal.Signals
) -> None:
    async with front:
        queue = front.queue("mail")
        job = await queue.add("x", {"until": NEVER})
        program = launch(source, redis_url, prefix)
        program.says(f"runs {job.id}")

        program.signal(number)
        program.says("closing")
        program.signal(number)

        assert program.ends() == 0
        assert await queue.get_job_state(job.id) is JobState.WAITING
        assert (await read(queue, job.id)).attempts_made == 0


@behaviour
async def test_the_grace_period_bounds_a_shutdown(
    front: Front, redis_url: str, prefix: str, launch: Launch, source: str
) -> None:
    async with front:
        queue = front.queue("mail")
        job = await queue.add("x", {"until": NEVER})
        program = launch(source, redis_url, prefix, "grace=100")
        program.says(f"runs {job.id}")

        program.signal(signal.SIGTERM)

        assert program.ends() == 0
        assert await queue.get_job_state(job.id) is JobState.WAITING


@behaviour
async def test_a_job_fetched_by_a_call_whose_reply_was_lost_is_given_back(front: Front, redis_client: Any) -> None:
    """Such a job is active under a token nobody works with; it must not have to wait until it counts as stalled."""
    async with front:
        queue = front.queue("mail")
        job = await queue.add("x")
        ran: list[str] = []

        async def process(job: AsyncJob) -> None:
            ran.append(job.id)

        worker = front.worker("mail", process, skip_stalled_check=True, drain_delay=50)
        machine = worker._machine
        redis_client.lrem(queue.keys.key("wait"), 0, job.id)
        redis_client.lpush(queue.keys.key("active"), job.id)
        redis_client.set(queue.keys.lock(job.id), "lost token", px=60_000)
        machine._doubtful.add("lost token")

        await worker.start()
        done = await ended(queue, job.id)

        assert ran == [job.id]
        assert done.info.stalled_count == 0


@behaviour
async def test_scripts_forgotten_by_the_server_are_sent_again(front: Front, redis_client: Any) -> None:
    async with front:
        queue = front.queue("mail")
        await front.worker("mail", nothing).start()
        first = await queue.add("x")
        await ended(queue, first.id)

        redis_client.script_flush()

        second = await queue.add("x")
        await ended(queue, second.id)
        await count_is(queue, JobState.COMPLETED, 2)
        await state_is(queue, second.id, JobState.COMPLETED)
