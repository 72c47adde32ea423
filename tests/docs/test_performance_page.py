"""The pages about performance have what the last runs measured, in the words of the programs that measure."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bench import engine_report, pages_report, report
from tests.docs.pages import ROOT

PERFORMANCE = "performance.md"


@pytest.mark.parametrize(
    ("page", "name", "command", "told"),
    [
        (PERFORMANCE, "dashboard", "python -m bench.dashboard", report.dashboard),
        (PERFORMANCE, "engine", "python -m bench.engine --save", engine_report.engine),
        ("comparison.md", "pages", "python -m bench.pages --save", pages_report.pages),
    ],
)
def test_a_part_of_a_page_is_what_was_measured(page: str, name: str, command: str, told: Callable[[Any], str]) -> None:
    """When this fails: give the result in ``bench/results`` to ``write_report`` of that part."""
    result = json.loads((ROOT / "bench" / "results" / f"{name}.json").read_text(encoding="utf-8"))

    part = f"<!-- {name}: written by {command} -->\n{told(result)}\n<!-- end of {name} -->\n"

    assert part in (ROOT / "docs" / page).read_text(encoding="utf-8")
