"""``board worker``: finds workers by their names and runs them, in this process or each in several of its own."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from board.cli.worker_health import Health, HealthServer

__all__ = ["WorkerPlan", "parse_health", "run"]

WATCH_S = 0.5
"""Time between looks at the files with ``--reload``."""


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What to run and how.

    Attributes:
        targets: workers as ``module:name``.
        processes: how many of each.
        concurrency: jobs at once in each; None leaves what the worker says.
        json_logs: lines of JSON instead of readable ones, in the child processes too.
        health: address for ``GET /healthz``; None serves none.
        reload: start again when a Python file below the current folder changes.
    """

    targets: tuple[str, ...]
    processes: int = 1
    concurrency: int | None = None
    json_logs: bool = False
    health: tuple[str, int] | None = None
    reload: bool = False


def run(plan: WorkerPlan) -> int:
    """Run the workers until SIGTERM or SIGINT, and return the exit code.

    One worker runs in this process. Several run as child processes, each its own ``board worker``: signals go to all of
    them, and when one ends by itself the others are told to end, so that whatever started us can start all anew.
    """
    if plan.processes * len(plan.targets) == 1 and not plan.reload:
        return _run_here(plan)
    for target in plan.targets:
        if not plan.reload:  # while reloading a broken module is mended, not an end
            _load(target)  # a wrong name is said once
    return _Supervisor(plan).run()


def _run_here(plan: WorkerPlan) -> int:
    worker = _load(plan.targets[0])
    if plan.concurrency is not None:
        worker.concurrency = plan.concurrency

    def health() -> Health:
        is_running = bool(getattr(worker, "is_running", True))
        return Health(is_running, {"workers": [{"worker": plan.targets[0], "running": worker.running_jobs}]})

    with HealthServer(plan.health, health):
        if inspect.iscoroutinefunction(worker.run):
            asyncio.run(worker.run())
        else:
            worker.run()
    return 0


class _Supervisor:
    """Keeps the child processes."""

    def __init__(self, plan: WorkerPlan) -> None:
        self._plan = plan
        self._children: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._ending = threading.Event()
        self._is_told = False

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self._pass_on)
        # The terminal sends SIGINT to the children as well; the second one reaches them the same way.
        signal.signal(signal.SIGINT, lambda *_: self._ending.set())
        with HealthServer(self._plan.health, self._health):
            while True:
                self._start()
                changed = self._watch() if self._plan.reload else False
                if changed:
                    click.echo("a file changed: the workers start again", err=True)
                    self._tell(signal.SIGTERM)
                codes = self._wait()
                if not changed or self._ending.is_set():
                    return max(abs(code) for code in codes)

    def _start(self) -> None:
        options: list[str] = []
        if self._plan.concurrency is not None:
            options += ["--concurrency", str(self._plan.concurrency)]
        if self._plan.json_logs:
            options += ["--log", "json"]
        self._children = [
            (target, subprocess.Popen([sys.executable, "-m", "board", "worker", target, *options]))
            for target in self._plan.targets
            for _ in range(self._plan.processes)
        ]
        self._is_told = False

    def _wait(self) -> list[int]:
        codes = []
        for _, child in self._children:
            code = child.wait()
            was_told = self._is_told or self._ending.is_set()
            # One that was told before it could listen dies of the signal; it had taken nothing yet.
            codes.append(0 if was_told and code == -signal.SIGTERM else code)
            if not self._is_told and not self._ending.is_set():
                self._tell(signal.SIGTERM)
        return codes

    def _watch(self) -> bool:
        """Wait for a change of a file or for the end of a child; True for a change."""
        before = _stamps()
        while not self._ending.wait(WATCH_S):
            if _stamps() != before:
                return True
            if all(child.poll() is not None for _, child in self._children):
                # A module that cannot be imported: wait for the change that mends it.
                continue
        return False

    def _tell(self, number: int) -> None:
        self._is_told = True  # a worker takes a second signal for "now"
        for _, child in self._children:
            if child.poll() is None:
                child.send_signal(number)

    def _pass_on(self, number: int, _frame: object) -> None:
        self._ending.set()
        self._tell(number)

    def _health(self) -> Health:
        rows = [
            {"worker": target, "pid": child.pid, "running": child.poll() is None} for target, child in self._children
        ]
        return Health(all(row["running"] for row in rows) and not self._ending.is_set(), {"processes": rows})


def _stamps() -> dict[str, int]:
    """Return when each Python file below the current folder changed last."""
    hidden = {".venv", "venv", "node_modules", "__pycache__", ".git"}
    return {
        str(path): path.stat().st_mtime_ns
        for path in Path.cwd().rglob("*.py")
        if not hidden & set(path.parts) and path.is_file()
    }


def _load(target: str) -> Any:
    """Return the worker that ``module:name`` names; a function is called to make it."""
    module_name, _, name = target.partition(":")
    if not module_name or not name:
        raise click.UsageError("write MODULE:NAME, for example app.tasks:worker")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module_name), name)
    except ModuleNotFoundError as missing:
        if missing.name is None or not (module_name + ".").startswith(missing.name + "."):
            raise
        raise click.UsageError(f"there is no module {module_name}") from None
    except AttributeError:
        raise click.UsageError(f"module {module_name} has no {name}") from None
    if callable(found) and not hasattr(found, "run"):
        make: Callable[[], Any] = found
        found = make()
    if not hasattr(found, "run"):
        raise click.UsageError(f"{target} is no worker: it is a {type(found).__name__}")
    return found


def parse_health(text: str | None) -> tuple[str, int] | None:
    """Read ``PORT`` or ``HOST:PORT``; without a host only this machine can ask."""
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise click.UsageError(f"--health takes PORT or HOST:PORT, not {text!r}")
    return host or "127.0.0.1", int(port)
