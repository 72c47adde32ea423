"""Build the project and install it into a clean environment, the way a user does."""

import json
import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Run a program and return what it printed; what it complained about is part of the failure."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BOARD_", "PYTHON", "REDIS_"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean | environment,
        text=True,
        capture_output=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, f"{command} exited {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build_wheel(folder: Path) -> None:
    """Build the wheel from the tree into `folder`."""
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT)


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment with nothing but our project and what it depends on."""

    folder: Path

    @classmethod
    def create(cls, folder: Path, *requirement: str | Path) -> None:
        """Make the environment and install `requirement` into it."""
        venv.create(folder, with_pip=False, symlinks=True)
        python = cls(folder).bin("python")
        run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *requirement)

    def bin(self, name: str) -> Path:
        """The path of a program in it."""
        return self.folder / "bin" / name

    def ask(self, script: str, **environment: str) -> Any:
        """Run `script` from `/`, where no checkout can be imported by accident, and return the JSON it prints."""
        return json.loads(run(self.bin("python"), "-c", script, cwd=Path("/"), **environment))
