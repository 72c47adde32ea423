"""A wheel in a clean environment has everything the pages need, and so has an editable install."""

import zipfile
from pathlib import Path

import pytest

import hatch_build
from tests.packaging.installed import ROOT, Environment

pytestmark = pytest.mark.slow

WHERE = """
import json
from board import resources
print(json.dumps({"module": resources.__file__, "templates": str(resources.TEMPLATES), "static": str(resources.STATIC),
                  "files": [str(p.relative_to(resources.STATIC)) for p in resources.STATIC.rglob("*") if p.is_file()]}))
resources.require_browser_code()
"""


def test_the_wheel_holds_the_package_and_the_two_folders_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    code = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "board").rglob("*")
        if path.suffix in {".py", ".lua", ".typed"} or path.name == "py.typed"
    }
    words = {path.with_suffix(".mo").relative_to(ROOT).as_posix() for path in (ROOT / "board").rglob("*.po")}
    assert "board/translations/de/LC_MESSAGES/messages.mo" in words
    assert names == code | words | {f"board/{name}" for name in hatch_build.shipped(ROOT)}
    assert "board/static/vendor/htmx.min.js" in names


def test_an_installed_wheel_finds_its_folders_inside_itself(from_wheel: Environment) -> None:
    found = from_wheel.ask(WHERE)

    assert Path(found["module"]).is_relative_to(from_wheel.folder)
    assert Path(found["templates"]) == Path(found["module"]).parent / "templates"
    assert "vendor/htmx.min.js" in found["files"]


def test_an_editable_install_finds_its_folders_in_the_tree(editable: Environment) -> None:
    found = editable.ask(WHERE)

    assert Path(found["templates"]) == ROOT / "templates"
    assert "vendor/htmx.min.js" in found["files"]
    assert not list(editable.folder.glob("lib/*/site-packages/board/*")), "nothing may be copied beside the link"
