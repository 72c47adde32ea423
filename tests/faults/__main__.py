"""Every fault in its whole size, on servers of its own, and a table of what came of it: ``python -m tests.faults``.

It starts what it needs on loopback: single servers, a master with two replicas behind three Sentinels, a cluster of
three masters and three replicas. Nothing is asked of the machine but `redis-server`, `openssl` and Node. It takes some
seven minutes; ``--quick`` takes the sizes that every change is tested with, ``--write`` puts the table into
``docs/reliability.md``, and whatever follows goes to pytest: ``-k sentinels``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from typing import Any

from tests.faults.fleet import FIGURES, ROOT

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
WHOLE = {"BOARD_FAULT_JOBS": "20000", "BOARD_FAULT_LATENCY": "2"}
PLACES = ("tests/faults", "tests/recorder/test_killing.py", "tests/bulk/test_killing.py")


def main() -> int:
    """Run the faults and tell what came of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the sizes of every change")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    asked, rest = parser.parse_known_args()
    if asked.write and (asked.quick or rest):
        parser.error("--write is for the whole run alone: leave out --quick and what follows")
    shutil.rmtree(FIGURES, ignore_errors=True)
    sizes = {} if asked.quick else WHOLE
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", *PLACES, *rest]
    code = subprocess.run(command, cwd=ROOT, env={**os.environ, **sizes}, check=False).returncode
    lines = table()
    print("\n".join(lines))  # noqa: T201 - what it is for
    if asked.write and not code:
        before, _, after = PAGE.read_text().partition(BEGIN)
        PAGE.write_text("\n".join([f"{before}{BEGIN}", *lines, f"{END}{after.partition(END)[2]}"]))
    return code


def table() -> list[str]:
    """Return the figures of the last runs: a table of those with a board at work, and a list of the others."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(FIGURES.glob("*.json"))}
    boards = {name: it for name, it in found.items() if ADDED in it}
    lines = [
        "| what happens | pages | said what is wrong | for | bulk run: jobs, not once | jobs: lost, twice | counted |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, it in boards.items():
        lines.append(
            f"| {name} | {it['pages']:,} | {it['pages that said what is wrong']:,} | {it['seconds of that']} s "
            f"| {it['jobs of the bulk run']:,}: {it['of these retried twice or not at all']} "
            f"| {it[ADDED]:,}: {it['of these lost']}, {it['of these run twice']} "
            f"| {it['completions counted by the recorder']:,} of {it['completions told by events']:,} |"
        )
    lines.append("")
    lines += [f"- {name[0].upper()}{name[1:]}: {_words(it)}." for name, it in found.items() if name not in boards]
    return lines


ADDED = "jobs added meanwhile"


def _words(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:,}" for name, value in figures.items())


if __name__ == "__main__":
    sys.exit(main())
