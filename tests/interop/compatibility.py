"""Writes docs/compatibility.md from a run of the interop and golden tests: what works between the two languages.

python -m tests.interop.compatibility                   runs the tests, some minutes, then writes the page
python -m tests.interop.compatibility --report run.xml  takes the JUnit report of a run made before
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.golden import dumps
from tests.golden.test_golden import NOT_REPLAYED
from tests.interop.test_differential import SEQUENCES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "compatibility.md"
RELEASES = ("bullmq5", "bullmq6")

DIRECTIONS = {
    "test_producing": "we add, Node works",
    "test_working": "Node adds, we work",
    "test_repairing": "Node works, we repair",
}
"""Module to who does what; all others go both ways."""

NOT_IN_TABLE = {
    "test_driver": "shows that the tool which lets tests drive Node does what it is told",
    "test_differential": "plays random sequences, see below",
}

HEAD = """\
# Compatibility

Written by `python -m tests.interop.compatibility` from a run of the tests; not to be edited by hand.

Each line is a behaviour that tests have shown with the real BullMQ in Node on the other side.
The numbers are passing tests with BullMQ {five} and {six}: \
a behaviour is tried with threads and with asyncio, or with several settings.
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One test of the run: module, function, parameters and whether it passed."""

    module: str
    function: str
    parameters: tuple[str, ...]
    passed: bool


def modules() -> list[str]:
    """Return the interop test modules."""
    return sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))


def versions() -> tuple[str, str]:
    """Return the two releases of BullMQ that the tests install."""
    wanted = json.loads((Path(__file__).parent / "package.json").read_text(encoding="utf-8"))["dependencies"]
    five, six = (str(wanted[release]).rpartition("@")[2] for release in RELEASES)
    return five, six


def read(report: Path) -> Iterator[Result]:
    """Read the tests of interest from a JUnit report of our own run."""
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it a moment ago
        function, _, parameters = case.attrib["name"].partition("[")
        module = case.attrib["classname"].rpartition(".")[2]
        passed = not [child for child in case if child.tag in {"failure", "error", "skipped"}]
        yield Result(module, function, tuple(parameters.rstrip("]").split("-")), passed)


def page(results: list[Result]) -> str:
    """Return the page."""
    five, six = versions()
    parts = [HEAD.format(five=five, six=six)]
    for module in modules():
        if module not in NOT_IN_TABLE:
            parts += [section(module, [one for one in results if one.module == module], five, six)]
    parts += [differential(results, five, six), golden(results), rest()]
    return "\n".join(parts)


def section(module: str, results: list[Result], five: str, six: str) -> str:
    """Return the table of one test module, in the order of its functions."""
    source = ast.parse((Path(__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
    about = (ast.get_docstring(source) or module).splitlines()[0].rstrip(".")
    passed = Counter(
        (one.function, release) for one in results for release in RELEASES if release in one.parameters and one.passed
    )
    either = Counter(one.function for one in results if one.passed and not set(RELEASES) & set(one.parameters))
    rows = []
    for node in source.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            counts = [passed[node.name, release] or either[node.name] for release in RELEASES]
            rows.append(f"| {sentence(node.name)} | {' | '.join(str(count or '–') for count in counts)} |")
    direction = DIRECTIONS.get(module, "both ways")
    head = f"## {about}\n\n`{module}`: {direction}.\n\n| behaviour | BullMQ {five} | BullMQ {six} |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def sentence(function: str) -> str:
    """Return a test's name as a sentence."""
    words = function.removeprefix("test_").replace("_", " ")
    return words[0].upper() + re.sub(r"\bnode\b", "Node", re.sub(r"\bbullmq\b", "BullMQ", words[1:]))


def differential(results: list[Result], five: str, six: str) -> str:
    """Return what the random sequences showed."""
    of_this = [one for one in results if one.module == "test_differential"]
    passed, failed = sum(one.passed for one in of_this), sum(not one.passed for one in of_this)
    outcome = "none differed" if passed and not failed else f"{failed} of {passed + failed} groups differed"
    return f"""\
## The same steps, the same keys

`test_differential` plays random sequences of 15 to 40 operations on two empty servers with the same \
clock, one by BullMQ, one by our engine, \
and compares every key and every event afterwards.
In this run: {SEQUENCES:,} sequences against BullMQ {five} and {SEQUENCES:,} against BullMQ {six}; {outcome}.
The generator keeps away from the corners where we differ on purpose, \
which [the protocol](protocol.md#26-where-our-engine-goes-its-own-way) lists.
"""


def golden(results: list[Result]) -> str:
    """Return what was replayed from recordings."""
    names = sorted({name for version in dumps.VERSIONS for name in dumps.scenarios(version)})
    recorded = sum(len(dumps.scenarios(version)) for version in dumps.VERSIONS)
    left = sum(name in NOT_REPLAYED for version in dumps.VERSIONS for name in dumps.scenarios(version))
    failed = sum(not one.passed for one in results if one.module == "test_golden")
    listed = ", ".join(f"`{name}`" for name in names if name not in NOT_REPLAYED)
    return f"""\
## Recordings replayed

`tests/golden` holds what BullMQ left in Redis after {len(names)} scenarios; our engine plays the same steps \
and has to leave the same, key for key.
{recorded - left} of {recorded} recordings are replayed, {failed or "none"} of the tests failed.
Not replayed: {", ".join(f"`{name}`" for name in sorted(NOT_REPLAYED))}; \
our engine reads and removes such jobs, and does not make them.

{listed}
"""


def rest() -> str:
    """Return which modules are no part of the tables."""
    lines = [f"- `{module}` {about}." for module, about in sorted(NOT_IN_TABLE.items())]
    return "## Not in the tables\n\n" + "\n".join(lines) + "\n"


def main() -> int:
    """Run the tests unless there is a report, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path, help="JUnit report of a run of tests/interop and tests/golden")
    report: Path | None = parser.parse_args().report
    code = 0
    with tempfile.TemporaryDirectory() as folder:
        if report is None:
            report = Path(folder) / "run.xml"
            tests = ["tests/interop", "tests/golden", f"--junitxml={report}"]
            code = subprocess.run([sys.executable, "-m", "pytest", "-q", *tests], cwd=ROOT, check=False).returncode
        PAGE.write_text(page(list(read(report))), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
