"""Starting costs what is used: counted in modules, which are the same on every machine."""

import json
import subprocess
import sys
from importlib import import_module

import click
import pytest

from board.cli import board

HEAVY = frozenset(
    {
        *("argon2", "asyncio", "croniter", "flask", "gunicorn", "jinja2", "jsonschema", "msgpack", "opentelemetry"),
        "redis",
    }
)

MOST_FOR_HELP = 140
"""Modules after `board --help`, Python's and click's own among them: 132 when this was written."""


def modules_after(program: str) -> set[str]:
    """Return what a fresh Python has imported after a program."""
    script = f"{program}\nimport json, sys\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(out.stdout.splitlines()[-1]))


def test_help_imports_nothing_that_only_a_command_needs() -> None:
    modules = modules_after(
        "import sys\nsys.argv = ['board', '--help']\nfrom board.cli import main\ntry: main()\nexcept SystemExit: pass"
    )

    assert modules & HEAVY == set()
    assert len(modules) <= MOST_FOR_HELP


@pytest.mark.parametrize(
    ("program", "spared"),
    [
        ("from board.engine import Queue, Worker", {"flask", "jinja2", "board.engine.aio.worker", "board.web"}),
        ("from board.engine import JobOptions, JobState, UnrecoverableError", {"redis", "asyncio", "flask"}),
        ("import board", {"redis", "asyncio", "flask", "board.engine", "jsonschema"}),
        (
            "import board.web\nboard.web.create_app(board.config.Settings('redis://localhost'))",
            {"jsonschema", "referencing"},
        ),
        ("import board.web", {"gunicorn", "board.engine.aio.worker", "board.engine.sync.worker", "board.dev"}),
        ("import board.web", {"prometheus_client", "authlib"}),
        ("import board.duties", {"board.engine.sync.worker", "multiprocessing"}),
    ],
)
def test_a_program_imports_what_it_uses(program: str, spared: set[str]) -> None:
    assert modules_after(program) & spared == set()


@pytest.mark.parametrize("name", ["user", "queue"])
def test_a_late_group_says_what_its_module_says(name: str) -> None:
    late, real = board.commands[name], getattr(import_module(f"board.cli.{name}s"), name)

    assert isinstance(real, click.Group)
    assert late.help == real.help
    assert late.get_short_help_str() == real.get_short_help_str()
