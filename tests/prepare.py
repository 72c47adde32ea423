"""See that the programs the tests drive are on this machine: install them as root on Debian, else say how to get them.

`make test` runs this first. It never leaves a test to be skipped: what is missing and cannot be installed ends the run
here, all of it in one list.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.browser.finding import find_browser


@dataclass(frozen=True, slots=True)
class Program:
    """Something the tests need that pip does not bring.

    Attributes:
        name: what it is, for the list.
        is_there: whether this machine has it.
        packages: the Debian packages that bring it; the first that can be installed is enough when `any_of`.
        advice: how to get it elsewhere.
    """

    name: str
    is_there: Callable[[], bool]
    packages: tuple[str, ...]
    advice: str
    any_of: bool = False


def _on_path(*names: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(name) for name in names)


def _node() -> bool:
    if not _on_path("node", "npm")():
        return False
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    return int(version.strip().removeprefix("v").partition(".")[0] or 0) >= 18


def _browser() -> bool:
    downloaded = Path.home() / ".cache" / "ms-playwright"
    return find_browser() is not None or any(downloaded.glob("chromium*"))


PROGRAMS = (
    Program("redis-server", _on_path("redis-server"), ("redis-server",), "brew install redis, or your package manager"),
    Program(
        "Node.js 18 or later, with npm",
        _node,
        ("nodejs", "npm"),
        "install it from your package manager",
    ),
    Program(
        "a Chromium",
        _browser,
        ("chromium-headless-shell", "chromium"),
        ".venv/bin/playwright install chromium, or set BOARD_CHROMIUM to the path of one",
        any_of=True,
    ),
    Program("luacheck", _on_path("luacheck"), ("lua-check",), "brew install luacheck, or luarocks install luacheck"),
)


def install(programs: list[Program]) -> None:
    """Install the Debian packages of these programs; what fails is found missing afterwards."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    subprocess.run([*apt, "update"], env=environment, check=False)
    for program in programs:
        choices = [[name] for name in program.packages] if program.any_of else [list(program.packages)]
        for packages in choices:
            print(f"installing {' '.join(packages)}", flush=True)
            command = [*apt, "install", "-y", "--no-install-recommends", *packages]
            if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode == 0:
                break


def missing() -> list[Program]:
    """Return what is not there."""
    return [program for program in PROGRAMS if not program.is_there()]


def main() -> int:
    """Install or complain; the exit code says whether the tests can run."""
    absent = missing()
    if absent and os.geteuid() == 0 and shutil.which("apt-get"):
        install(absent)
        absent = missing()
    for program in absent:
        print(f"missing: {program.name}", file=sys.stderr)
        packages = program.packages[0] if program.any_of else " ".join(program.packages)
        print(f"  Debian: apt-get install {packages}; elsewhere: {program.advice}", file=sys.stderr)
    if absent:
        print("The tests need the programs above; none of them is skipped.", file=sys.stderr)
    return 1 if absent else 0


if __name__ == "__main__":
    sys.exit(main())
