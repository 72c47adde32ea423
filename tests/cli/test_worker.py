"""``board worker`` as the one who runs it sees it: many workers, probes, logs for machines, reload."""

import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from board.engine import Queue
from tests.cli.conftest import Running
from tests.servers import free_port
from tests.waiting import PATIENCE_S, wait_until

Start = Callable[..., Running]

TASKS = """
from board.engine import Worker

def process(job):
    return {answer!r}

def letters():
    return Worker("letters", process, connection={url!r}, name="w-letters")

def parcels():
    return Worker("parcels", process, connection={url!r}, name="w-parcels")
"""


@pytest.fixture
def tasks(tmp_path: Path, redis_url: str) -> Path:
    """A module with two workers in the folder that commands are started in."""
    path = tmp_path / "tasks.py"
    path.write_text(TASKS.format(answer="first", url=redis_url))
    return path


def ask(port: int) -> tuple[int, Any]:
    """GET /healthz; (0, None) while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)
    except OSError:
        return 0, None


def wait_for(port: int, status: int) -> Any:
    """Wait until the probe gets this status; returns the answer."""

    def answer() -> Any:
        told, body = ask(port)
        return body if told == status else None

    return wait_until(answer, f"an answer of {status}")


def workers(client: redis.Redis) -> set[str]:
    """Return the names of the workers that are connected."""
    return {str(row["name"]).partition(":w:")[2] for row in client.client_list() if ":w:" in str(row["name"])}


def test_one_command_runs_several_workers(start: Start, tasks: Path, redis_client: redis.Redis) -> None:
    running = start("worker", "tasks:letters", "tasks:parcels", "--processes", "2")

    wait_until(lambda: workers(redis_client) == {"w-letters", "w-parcels"}, "both workers")

    assert running.end() == 0
    wait_until(lambda: workers(redis_client) == set(), "Redis to notice that they are gone")


@pytest.mark.parametrize("processes", [1, 2])
def test_a_probe_is_told_that_the_worker_works(
    start: Start, tasks: Path, redis_client: redis.Redis, processes: int
) -> None:
    port = free_port()
    running = start("worker", "tasks:letters", "--processes", str(processes), "--health", str(port))
    wait_until(lambda: workers(redis_client), "the worker")

    assert wait_for(port, 200)["ok"] is True
    assert running.end() == 0
    assert ask(port) == (0, None)


def test_a_probe_is_told_when_a_process_died(start: Start, tasks: Path, redis_client: redis.Redis) -> None:
    port = free_port()
    start("worker", "tasks:letters", "--processes", "2", "--health", str(port))
    wait_until(lambda: workers(redis_client), "the workers")

    os.kill(wait_for(port, 200)["processes"][1]["pid"], signal.SIGKILL)

    after = wait_for(port, 503)
    assert after["ok"] is False
    assert [row["running"] for row in after["processes"]] == [True, False]


def test_the_log_is_lines_of_json_for_machines(start: Start, tasks: Path, redis_client: redis.Redis) -> None:
    tasks.write_text(
        tasks.read_text() + "\nimport logging\nlogging.getLogger('tasks').info('loaded', extra={'n': 7})\n"
    )
    running = start("worker", "tasks:letters", "--log", "json")
    wait_until(lambda: workers(redis_client), "the worker")

    assert running.end() == 0
    lines = [json.loads(line) for line in running.output.splitlines() if line.startswith("{")]
    (ours,) = [line for line in lines if line["logger"] == "tasks"]
    assert (ours["message"], ours["level"], ours["n"]) == ("loaded", "info", 7)


def test_a_changed_file_starts_the_workers_again(
    start: Start, tasks: Path, redis_client: redis.Redis, redis_url: str
) -> None:
    running = start("worker", "tasks:letters", "--reload")
    with Queue("letters", connection=redis_url) as queue:
        first = queue.add("one")
        wait_until(lambda: queue.get_job_state(first.id) == "completed", "the first job")

        tasks.write_text(TASKS.format(answer="second", url=redis_url))
        wait_until(lambda: "a file changed" in running.output, "the change to be seen")
        second = queue.add("two")
        wait_until(lambda: queue.get_job_state(second.id) == "completed", "the second job")

        first.refresh()
        second.refresh()
        assert first.return_value == "first"
        assert second.return_value in ("first", "second")
        wait_until(lambda: answers(queue) == "second", "the new code at work")
    assert running.end() == 0


def answers(queue: Queue) -> Any:
    """Add a job and return what it gave."""
    job = queue.add("again")
    wait_until(lambda: queue.get_job_state(job.id) == "completed", "a job")
    job.refresh()
    return job.return_value


def test_a_wrong_address_for_the_probe_is_one_sentence(start: Start, tasks: Path) -> None:
    running = start("worker", "tasks:letters", "--health", "here:now")

    assert running.process.wait(PATIENCE_S) == 2
    assert "--health takes PORT or HOST:PORT, not 'here:now'" in running.output
