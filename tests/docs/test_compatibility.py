"""docs/compatibility.md is of this tree: it knows every interop test there is, the releases and the recordings."""

import ast
from pathlib import Path

import pytest

from tests.golden import dumps
from tests.interop.compatibility import NOT_IN_TABLE, PAGE, modules, page, read, sentence, versions

HINT = "python -m tests.interop.compatibility"


@pytest.mark.parametrize("module", modules())
def test_the_page_names_the_module(module: str) -> None:
    assert f"`{module}`" in PAGE.read_text(encoding="utf-8"), HINT


@pytest.mark.parametrize("module", [name for name in modules() if name not in NOT_IN_TABLE])
def test_the_page_has_a_line_for_each_behaviour_and_none_that_is_gone(module: str) -> None:
    source = ast.parse((Path(__file__).parents[1] / "interop" / f"{module}.py").read_text(encoding="utf-8"))
    tests = [node.name for node in source.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    part = PAGE.read_text(encoding="utf-8").partition(f"`{module}`")[2].partition("\n## ")[0]

    lines = [line.split(" | ")[0].removeprefix("| ") for line in part.splitlines() if line.startswith("| ")][1:]

    assert lines == [sentence(name) for name in tests], HINT


def test_the_page_names_the_releases_and_every_recording() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert [one for one in versions() if one not in text] == []
    assert [name for one in dumps.VERSIONS for name in dumps.scenarios(one) if f"`{name}`" not in text] == []


def test_a_test_that_failed_is_not_counted(tmp_path: Path) -> None:
    report = tmp_path / "run.xml"
    name = "test_a_promoted_job_runs_now"
    report.write_text(
        f"""<testsuite>
        <testcase classname="tests.interop.test_repairing" name="{name}[bullmq5]"/>
        <testcase classname="tests.interop.test_repairing" name="{name}[bullmq6]"><failure/></testcase>
        </testsuite>"""
    )

    assert f"| {sentence(name)} | 1 | – |" in page(list(read(report)))
