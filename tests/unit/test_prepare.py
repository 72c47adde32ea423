"""`make test` never starts without what the tests need: it says what is missing, all of it, and how to get it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def prepare(path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tests.prepare"],
        cwd=ROOT,
        env={"PATH": str(path), "HOME": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_on_a_machine_without_anything_every_missing_program_is_named(tmp_path: Path) -> None:
    done = prepare(tmp_path)

    assert done.returncode == 1
    for name in ("redis-server", "Node.js 18 or later", "luacheck"):
        assert f"missing: {name}" in done.stderr
    assert "apt-get install redis-server" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_old_node_is_not_enough(tmp_path: Path) -> None:
    for name, prints in {"node": "v16.20.0", "npm": "9", "redis-server": "", "luacheck": ""}.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {prints}\n")
        program.chmod(0o755)

    assert "missing: Node.js 18 or later" in prepare(tmp_path).stderr
