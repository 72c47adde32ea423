"""What the dashboard cannot do, because it does not import what it would take."""

import ast
from pathlib import Path

import pytest

BOARD = Path(__file__).parents[2] / "board"
ENGINE = BOARD / "engine"
FILES = sorted(path for path in BOARD.rglob("*.py") if ENGINE not in path.parents)

BANNED = {
    "pickle": "data are JSON and never unpickled",
    "marshal": "data are JSON",
    "shelve": "data are JSON",
    "yaml": "data are JSON",
    "xml": "nothing reads XML",
    "requests": "outbound calls need an allow-list and a checked address",
    "httpcore": "outbound calls need an allow-list and a checked address",
    "httpx": "outbound calls need an allow-list and a checked address",
    "urllib3": "outbound calls need an allow-list and a checked address",
    "urllib.request": "outbound calls need an allow-list and a checked address",
    "http.client": "outbound calls need an allow-list and a checked address",
    "telnetlib": "nothing speaks it",
    "ftplib": "nothing speaks it",
    "smtplib": "outbound calls need an allow-list and a checked address",
}
CALLS = {"eval", "exec", "compile", "__import__"}

OUTBOUND = {
    "outbound/calls.py": "tests/security/test_outbound.py",
    "outbound/mail.py": "tests/security/test_outbound_mail.py",
}
"""Files that may call out, and the tests that show that they check where."""


def imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def wrong(source: str) -> list[str]:
    tree = ast.parse(source)
    names = imported(tree)
    found = [f"{name}: {why}" for name, why in BANNED.items() if any(f"{one}.".startswith(f"{name}.") for one in names)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            found.append(f"{node.func.id}() on line {node.lineno}")
        if isinstance(node, ast.keyword) and node.arg == "shell" and getattr(node.value, "value", False):
            found.append(f"a shell on line {node.lineno}")
    return found


def test_there_is_one_way_out_and_it_is_tested() -> None:
    assert [name for name, tests in OUTBOUND.items() if not wrong((BOARD / name).read_text())] == []
    assert [tests for tests in OUTBOUND.values() if not (BOARD.parent / tests).is_file()] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(BOARD)))
def test_nothing_unpickles_evaluates_or_calls_out(path: Path) -> None:
    if str(path.relative_to(BOARD)) not in OUTBOUND:
        assert wrong(path.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from urllib import request",
        "from urllib.request import urlopen",
        "eval('1')",
        "run(x, shell=True)",
    ],
)
def test_each_is_noticed(line: str) -> None:
    assert wrong(line)
