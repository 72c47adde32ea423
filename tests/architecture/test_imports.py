"""The import rules hold, and each of them would notice when it is broken.

The rules stand in pyproject.toml as contracts of import-linter. Every line of `BROKEN` is a forbidden import, written
into a throw-away copy of the package; the contract it names has to refuse it.
"""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOARD = ROOT / "board"

BROKEN = (
    ("layers", "engine/keys.py", "import board.config"),
    ("layers", "engine/errors.py", "from board.errors import BoardError"),
    ("layers", "config.py", "import board.sources"),
    ("layers", "queries/shared.py", "import board.actions.jobs"),
    ("layers", "actions/jobs.py", "import board.queries.shared"),
    ("layers", "service.py", "import board.web"),
    ("layers", "service.py", "import board.duties"),
    ("layers", "background.py", "import board.service"),
    ("layers", "web/forms.py", "import board.cli"),
    ("layers", "web/forms.py", "import board.dev"),
    ("layers", "web/forms.py", "import board.dev"),
    ("layers", "dev/seeds.py", "import board.cli"),
    ("layers", "stray.py", "'''A module that no layer names.'''"),
    ("engine-layers", "engine/sync/__init__.py", "import board.engine.aio"),
    ("engine-layers", "engine/aio/__init__.py", "import board.engine.sync"),
    ("engine-layers", "engine/connection/sync.py", "import board.engine.sync"),
    ("engine-layers", "engine/worker/__init__.py", "import board.engine.connection"),
    ("engine-layers", "engine/commands/jobs.py", "import board.engine.worker"),
    ("engine-layers", "engine/calls.py", "import board.engine.commands"),
    ("engine-layers", "engine/types.py", "import board.engine.codec"),
    ("engine-alone", "engine/worker/__init__.py", "import flask"),
    ("own-ground", "config.py", "import board.engine.types"),
    ("redis", "web/forms.py", "import redis"),
    ("redis", "engine/commands/jobs.py", "import redis"),
    ("redis", "engine/sync/__init__.py", "from redis.exceptions import RedisError"),
    ("pure-core", "engine/worker/__init__.py", "import time"),
    ("pure-core", "engine/schedule.py", "import random"),
    ("pure-core", "engine/commands/jobs.py", "import asyncio"),
    ("pure-core", "engine/calls.py", "import threading"),
    ("pure-core", "engine/codec.py", "import socket"),
    ("flask", "queries/shared.py", "from flask import request"),
    ("flask", "actions/jobs.py", "import flask_login"),
    ("queries-read", "queries/shared.py", "import board.auth.policy"),
    ("web-engine", "web/forms.py", "import board.engine.connection.sync"),
    ("web-engine", "web/forms.py", "import board.engine.commands.jobs"),
)

# Nothing may slip through by being new: these may import redis, or anything; every other module is in the contract.
FREE = {"board.__main__", "board.cli", "board.dev", "board.doctor", "board.engine", "board.engine.connection"}

CORE = ("backoff", "calls", "codec", "commands", "errors", "keys", "options", "schedule", "scripts", "types", "worker")


def lint(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run import-linter on the package in `folder`; return its exit code and what it printed."""
    program = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package and of its contracts."""
    shutil.copytree(BOARD, tmp_path / "board", ignore=shutil.ignore_patterns("__pycache__", "templates", "static"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_rule_holds(copy: Path) -> None:
    code, printed = lint(copy)

    assert code == 0, printed


@pytest.mark.parametrize(("contract", "module", "line"), BROKEN)
def test_a_broken_rule_is_noticed(copy: Path, contract: str, module: str, line: str) -> None:
    with (copy / "board" / module).open("a") as source:
        source.write(f"\n{line}\n")

    code, printed = lint(copy, "--contract", contract)

    assert code == 1, printed
    assert "Contracts: 0 kept, 1 broken." in printed


def test_every_contract_has_been_seen_to_break() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

    assert {contract["id"] for contract in contracts} == {contract for contract, _, _ in BROKEN}


def test_the_redis_rule_covers_every_module() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (covered,) = (set(contract["source_modules"]) for contract in contracts if contract["id"] == "redis")

    places = [*BOARD.iterdir(), *(BOARD / "engine").iterdir()]
    modules = {
        ".".join(place.relative_to(ROOT).with_suffix("").parts)
        for place in places
        if place.suffix == ".py" or (place / "__init__.py").exists()
    }
    assert {name for name in modules if not name.endswith(".__init__")} == covered | FREE


def test_every_folder_with_code_is_a_package() -> None:
    folders = {path.parent for path in BOARD.rglob("*.py")}

    assert [str(folder.relative_to(ROOT)) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("name", CORE)
def test_the_core_asks_no_clock(name: str) -> None:
    place = BOARD / "engine" / name
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    clocks = {"now", "utcnow", "today", "time_ns", "monotonic"}

    asked = [
        f"{path.name} line {node.lineno}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in clocks
    ]

    assert files
    assert asked == []
