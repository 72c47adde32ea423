"""Runs the command as a person does: a process of its own, its output, its exit code."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import free_port
from tests.waiting import PATIENCE_S

HIDDEN = ("REDIS_URL", "BOARD_", "PORT")
"""Variables of whoever runs the tests that the command must not see."""


@dataclass(slots=True)
class Running:
    """A command that serves until it is told to end."""

    process: "subprocess.Popen[str]"
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """What it printed so far."""
        return self.log.read_text()

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end and return its exit code."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)

    def end_at_last(self) -> None:
        """End it if it has not ended, by force if need be."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def environment(**settings: str) -> dict[str, str]:
    """Return the environment of the tests with these settings and no others of the board's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(HIDDEN)} | settings


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """A function that runs `board …` to its end."""

    def run_board(*arguments: str, stdin: str = "", **settings: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "board", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=environment(PYTHONPATH=str(Path.cwd()), **settings),
            cwd=tmp_path,
            timeout=PATIENCE_S,
            check=False,
        )

    return run_board


def launch(folder: Path, *arguments: str, **settings: str) -> Running:
    """Start `board …` on a free port; its output goes to a file in the folder."""
    port = free_port()
    log = folder / f"board-{port}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "board", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(PYTHONPATH=str(Path.cwd()), PORT=str(port), **settings),
            cwd=folder,
        )
    return Running(process, port, log)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """A function that starts `board …` on a free port."""
    started: list[Running] = []

    def start_board(*arguments: str, **settings: str) -> Running:
        started.append(launch(tmp_path, *arguments, **settings))
        return started[-1]

    yield start_board
    for running in started:
        running.end_at_last()
