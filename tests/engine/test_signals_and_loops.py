"""What the world around a worker does to it: signals to a whole group, workers side by side, a loop that is blocked."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from board.engine import AsyncJob, JobState, Queue
from tests.engine.fronts import AsyncioFront, behaviour, ended
from tests.waiting import PATIENCE_S, wait_until

ROOT = Path(__file__).resolve().parents[2]

PROCESS_POOL = """
    import sys
    from board.engine import Worker

    if __name__ == "__main__":
        url, prefix = sys.argv[1:]
        worker = Worker("mail", "tests.engine.processors:work", connection=url, prefix=prefix, executor="process")
        worker.on("active", lambda job, previous: print("runs", job.name, flush=True))
        worker.run()
        print("ended", flush=True)
"""

TWO_WORKERS = """
    import asyncio, sys
    from board.engine import AsyncWorker

    async def process(job):
        print("runs", job.name, flush=True)
        await asyncio.sleep(0.2)

    async def main():
        url, prefix = sys.argv[1:]
        workers = [AsyncWorker(name, process, connection=url, prefix=prefix) for name in ("mail", "letters")]
        await asyncio.gather(*(worker.run() for worker in workers))
        print("ended", flush=True)

    asyncio.run(main())
"""


class Group:
    """A program and its children, in a process group of their own."""

    def __init__(self, folder: Path, source: str, *arguments: str) -> None:
        script = folder / "program.py"
        script.write_text(textwrap.dedent(source))
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(script), *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                start_new_session=True,
            )

    def says(self, line: str) -> None:
        """Wait until it has printed a line."""
        wait_until(lambda: line in self.log.read_text().splitlines(), f"{line!r}")

    def signal(self, number: signal.Signals) -> None:
        """Signal all of them, as a terminal or a supervisor does."""
        os.killpg(self.process.pid, number)

    def end(self) -> None:
        """Kill what is left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def groups() -> Iterator[list[Group]]:
    """Programs to end."""
    started: list[Group] = []
    yield started
    for group in started:
        group.end()


@pytest.fixture
def queue(redis_url: str, prefix: str) -> Iterator[Queue]:
    with Queue("mail", connection=redis_url, prefix=prefix) as one:
        yield one


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_lets_the_process_of_a_job_finish(
    groups: list[Group], queue: Queue, redis_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    group = Group(tmp_path, PROCESS_POOL, redis_url, queue.keys.prefix)
    groups.append(group)
    job = queue.add("nap", {"seconds": 0.4})
    group.says("runs nap")

    group.signal(number)

    assert group.process.wait(PATIENCE_S) == 0
    assert job.get_state() is JobState.COMPLETED
    group.says("ended")


def test_one_signal_closes_all_workers_of_a_process(
    groups: list[Group], queue: Queue, redis_url: str, tmp_path: Path
) -> None:
    group = Group(tmp_path, TWO_WORKERS, redis_url, queue.keys.prefix)
    groups.append(group)
    with Queue("letters", connection=redis_url, prefix=queue.keys.prefix) as letters:
        jobs = [queue.add("a"), letters.add("b")]
        group.says("runs a")
        group.says("runs b")

        group.signal(signal.SIGTERM)

        assert group.process.wait(PATIENCE_S) == 0
        assert [job.get_state() for job in jobs] == [JobState.COMPLETED] * 2
    group.says("ended")


@behaviour
async def test_a_blocked_loop_is_noticed_and_the_blocking_line_named(
    redis_url: str, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    def warned() -> bool:
        return any("the event loop is blocked" in record.getMessage() for record in caplog.records)

    async def process(job: AsyncJob) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not warned() and time.monotonic() < deadline:
            pass  # what a processor must not do

    caplog.set_level(logging.WARNING)
    async with AsyncioFront(redis_url, prefix) as front:
        queue = front.queue("mail")
        job = await queue.add("x")
        await front.worker("mail", process, lock_duration=1200).start()
        await ended(queue, job.id)

        assert warned()
        assert f'File "{__file__}"' in caplog.text
