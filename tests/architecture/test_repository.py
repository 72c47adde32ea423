"""What is committed works anywhere: no host to fetch from, no path of one machine, every dependency with its reason."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE_FOLDERS = (ROOT, ROOT / "tests" / "browser", ROOT / "tests" / "interop")

# Spelled in halves, or this file would find itself.
FORBIDDEN = {
    "the host of a package registry": r"registry\.np"
    + r"mjs|pypi\."
    + r"org|pythonhosted\."
    + r"org|hub\.dock"
    + r"er\.com",
    "a path of one machine": r"(?<![\w.])/(work|root|opt/pypi|opt/wheels)" + r"/(?!\.)",
    "a home folder": r"/(home|Users)" + r"/[a-z]+/",
}


def committed() -> list[Path]:
    """Every text file git knows, or would know if it were added; every file where there is no git."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = [ROOT / name for name in listing.split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:1024]]


def faults(text: str) -> list[str]:
    """What does not belong into a file of the project."""
    return [
        f"line {text[: match.start()].count(chr(10)) + 1}: {what}: {match[0]}"
        for what, pattern in FORBIDDEN.items()
        for match in re.finditer(pattern, text)
    ]


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = {str(path.relative_to(ROOT)): faults(path.read_text(errors="replace")) for path in committed()}

    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "text",
    ["https://registry.n" + "pmjs.org/x", "https://py" + "pi.org/simple", "/wo" + "rk/main/board", "/home" + "/ada/x"],
)
def test_each_forbidden_address_is_found(text: str) -> None:
    assert faults(text) != []


@pytest.mark.parametrize("folder", PACKAGE_FOLDERS, ids=lambda folder: folder.name)
def test_a_lock_file_says_what_and_not_from_where(folder: Path) -> None:
    lock = (folder / "package-lock.json").read_text()
    packages = {name: entry for name, entry in json.loads(lock)["packages"].items() if name}

    assert '"resolved"' not in lock
    assert packages
    assert [name for name, entry in packages.items() if not entry.get("integrity")] == []


@pytest.mark.parametrize("folder", PACKAGE_FOLDERS, ids=lambda folder: folder.name)
def test_npm_is_told_to_keep_hosts_out_of_the_lock_file(folder: Path) -> None:
    assert "omit-lockfile-registry-resolved=true" in (folder / ".npmrc").read_text().splitlines()


@pytest.mark.parametrize("folder", PACKAGE_FOLDERS, ids=lambda folder: folder.name)
def test_node_packages_are_pinned_to_one_version(folder: Path) -> None:
    package = json.loads((folder / "package.json").read_text())
    wanted = {**package.get("dependencies", {}), **package.get("devDependencies", {})}

    assert wanted
    assert [text for text in wanted.values() if not re.fullmatch(r"(npm:[\w.-]+@)?\d+\.\d+\.\d+", text)] == []


def test_every_runtime_dependency_says_what_it_is_for() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    wanted = tomllib.loads(text)["project"]["dependencies"]
    reasons = dict(re.findall(r'^ +"([^"]+)", +# (.+)$', text, re.MULTILINE))

    assert [name for name in wanted if len(reasons.get(name, "")) < 10] == []


def test_every_lint_rule_left_out_has_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    rules = tomllib.loads(text)["tool"]["ruff"]["lint"]["ignore"]
    reasons = dict(re.findall(r'^ +"([A-Z]+\d*)", +# (.+)$', text, re.MULTILINE))

    assert [rule for rule in rules if len(reasons.get(rule, "")) < 10 and reasons.get(rule) != "same"] == []
