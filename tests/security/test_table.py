"""docs/security.md names a test for every line of its tables, and every test of an advisory has a line there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [line for line in DOCUMENT.splitlines() if line.startswith("|") and "`tests/" in line]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT)))

ADVISORIES = (
    *("CVE-2016-10522", "CVE-2017-12614", "CVE-2017-17835", "CVE-2017-17836", "CVE-2017-12097", "PYSEC-2018-54"),
    *("CVE-2020-13944", "CVE-2020-17515", "CVE-2021-28359", "CVE-2021-45229", "CVE-2022-43982", "CVE-2022-40754"),
    *("CVE-2022-43985", "CVE-2022-45402", "CVE-2021-30151", "CVE-2021-23727", "CVE-2022-23837", "CVE-2023-37279"),
    *("CVE-2022-30034", "CVE-2022-27949", "CVE-2023-40712", "CVE-2023-1892", "CVE-2023-26141", "CVE-2023-50724"),
    *("CVE-2023-50725", "CVE-2023-50727", "CVE-2022-44303", "CVE-2024-32887", "CVE-2024-25122", "CVE-2025-67202"),
    *("CVE-2024-56373", "CVE-2026-25917", "Oban Web 2.12.5", "seclists 2015/q3/267"),
)


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_test_that_is_named_is_there(path: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_checklist_is_whole() -> None:
    assert [int(row.split("|")[1]) for row in ROWS if row.split("|")[1].strip().isdecimal()] == list(range(1, 23))


@pytest.mark.parametrize("advisory", ADVISORIES)
def test_every_advisory_has_its_line_and_its_test(advisory: str) -> None:
    assert any(advisory in row for row in ROWS)


def test_every_test_of_an_advisory_is_named() -> None:
    source = (ROOT / "tests" / "security" / "test_advisories.py").read_text(encoding="utf-8")
    tests = set(re.findall(r"^def (test_(?:cve|pysec|sidekiq|airflow|oban)\w+)\(", source, re.MULTILINE))

    assert tests == {name for path, name in NAMED if path.endswith("test_advisories.py") and "open_mounts" not in name}
