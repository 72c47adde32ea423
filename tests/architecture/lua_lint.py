"""Run luacheck over every script as Redis gets it: with its includes in place.

An include alone is a function nobody calls, and a script alone calls functions nobody defines; only the whole can be
checked. `make check` runs this as a program. Where luacheck is missing it says so; with `CI` set that is an error.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from board.engine.scripts import loader

BOARD = Path(loader.__file__).parents[2]
LUA = Path(loader.__file__).parent / "lua"

COMMAND = (
    "luacheck",
    "--no-color",
    "--codes",
    "--quiet",
    *("--std", "min"),  # what Redis gives is less than Lua 5.1: no io, os, require
    *("--max-line-length", "132"),
    *("--ignore", "43"),  # an include's parameter may be named like a local of the script it lands in
    *("--not-globals", "io", "os", "print", "require", "dofile", "loadfile", "package", "debug"),
    *("--read-globals", "redis", "cjson", "cmsgpack", "bit", "struct", "KEYS", "ARGV", "unpack"),
    "--",
)


def check(scripts: dict[str, str]) -> tuple[int, str]:
    """Run luacheck over these sources, by name; return its exit code and what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        for name, source in scripts.items():
            Path(folder, f"{name}.lua").write_text(source + "\n")
        files = [f"{name}.lua" for name in scripts]
        done = subprocess.run([*COMMAND, *files], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def sources() -> dict[str, str]:
    """Return every script by name: the engine's with their includes, and those of the board."""
    others = {path.stem: path.read_text() for path in BOARD.rglob("*.lua") if not path.is_relative_to(LUA)}
    return {name: loader.load(name).source for name in loader.names()} | others


def main() -> int:
    """Check all scripts; the exit code is luacheck's."""
    if shutil.which("luacheck") is None:
        sys.stderr.write("luacheck is not installed (Debian: apt-get install lua-check): Lua left unchecked\n")
        return 1 if os.environ.get("CI") else 0
    code, printed = check(sources())
    sys.stdout.write(printed if code else "luacheck: all scripts are clean\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
