"""``board worker``: finds a worker by its name and runs it, in this process or in several."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

__all__ = ["run", "run_many"]


def run(target: str) -> None:
    """Run the worker that ``module:name`` is, or makes, until SIGTERM or SIGINT."""
    found = _load(target)
    if inspect.iscoroutinefunction(found.run):
        asyncio.run(found.run())
    else:
        found.run()


def run_many(target: str, processes: int) -> int:
    """Run the worker in several processes, each as its own ``board worker``. Signals go to all of them.

    Returns the highest exit code. When one process ends by itself the others are told to end, so that whatever started
    us can start all anew.
    """
    _load(target)  # a wrong name is said once
    command = [sys.executable, "-m", "board", "worker", target]
    children = [subprocess.Popen(command) for _ in range(processes)]

    def pass_on(number: int, _frame: object) -> None:
        for child in children:
            if child.poll() is None:
                child.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the children as well
    codes = []
    for child in children:
        codes.append(child.wait())
        pass_on(signal.SIGTERM, None)
    return max(abs(code) for code in codes)


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
