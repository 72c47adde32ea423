"""Nothing is installed that nobody reviewed, and what a static analyser finds is known by name."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGE = (ROOT / "docs" / "dependencies.md").read_text()

OURS = {"test", "lint", "dev"}
"""Extras that nobody installs to run a board."""

EXPLAINED: dict[tuple[str, str], str] = {
    ("board/engine/sync/processes.py", "B301"): "what a worker and the child that it started itself say to each other",
    ("board/gunicorn.py", "B108"): "the folder in memory for heartbeat files, chosen by gunicorn's own advice",
}
"""Findings of medium severity and above that stay, with the reason."""


def names(wanted: list[str]) -> set[str]:
    return {re.split(r"[\[<>=;! ]", one, maxsplit=1)[0].lower() for one in wanted}


def rows(columns: int) -> list[list[str]]:
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line[:2] == "| "]
    return [row for row in found if len(row) == columns and row[0] not in {"package", "---"}]


def test_every_dependency_was_reviewed_and_no_line_is_left_over() -> None:
    assert {row[0] for row in rows(3)} == names(PROJECT["dependencies"])


def test_so_was_every_one_of_an_extra() -> None:
    wanted = {
        (name, extra)
        for extra, packages in PROJECT["optional-dependencies"].items()
        if extra not in OURS
        for name in names(packages)
    }

    assert {(row[0], row[1]) for row in rows(4)} == wanted


def test_each_says_why_it_is_there_and_what_it_touches() -> None:
    assert [row[0] for row in rows(3) + rows(4) if min(map(len, row[-2:])) < 10] == []


@pytest.fixture(scope="module")
def findings() -> set[tuple[str, str]]:
    done = subprocess.run(
        [sys.executable, "-m", "bandit", "--recursive", "--quiet", "--format", "json", "-ll", "board"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert report["errors"] == []
    return {(one["filename"].removeprefix("./"), one["test_id"]) for one in report["results"]}


def test_what_bandit_finds_is_explained_and_nothing_else_is(findings: set[tuple[str, str]]) -> None:
    assert findings == set(EXPLAINED)
