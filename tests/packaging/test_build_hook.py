"""The build hook takes exactly what package-lock.json pins, and says so when it cannot."""

import json
import shutil
from pathlib import Path

import pytest

import hatch_build

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout as git gives it: the pins and no vendor folder."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("templates", "static"):
        (tmp_path / name).mkdir()
    return tmp_path


def change_lock(tree: Path, integrity: str | None) -> None:
    lock = tree / "package-lock.json"
    content = json.loads(lock.read_text())
    entry = content["packages"]["node_modules/htmx.org"]
    if integrity is None:
        del entry["integrity"]
    else:
        entry["integrity"] = integrity
    lock.write_text(json.dumps(content))


@pytest.mark.node
def test_the_hook_fetches_the_files_once(tree: Path) -> None:
    assert not hatch_build.is_complete(tree)

    hatch_build.fetch(tree)

    vendor = tree / "static" / "vendor"
    assert "htmx" in (vendor / "htmx.min.js").read_text()[:500]
    assert "permission" in (vendor / "htmx.LICENSE").read_text().lower()
    assert hatch_build.is_complete(tree)


@pytest.mark.node
def test_another_pin_makes_the_files_stale(tree: Path) -> None:
    hatch_build.fetch(tree)

    change_lock(tree, "sha512-AAAA")

    assert not hatch_build.is_complete(tree)


@pytest.mark.node
def test_a_package_that_does_not_match_its_checksum_is_refused(tree: Path) -> None:
    change_lock(tree, "sha512-" + "A" * 86 + "==")

    with pytest.raises(hatch_build.VendorError, match="EINTEGRITY"):
        hatch_build.fetch(tree)

    assert not (tree / "static" / "vendor").exists()


def test_a_lock_without_a_checksum_is_refused(tree: Path) -> None:
    change_lock(tree, None)

    with pytest.raises(hatch_build.VendorError, match=r"no integrity for htmx\.org"):
        hatch_build.is_complete(tree)


def test_without_any_npm_the_message_says_what_to_install(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARD_NPM", "none")

    with pytest.raises(hatch_build.VendorError, match=r"Install Node\.js with npm") as caught:
        hatch_build.fetch(tree)

    assert "npm on PATH: not there" in str(caught.value)


def test_editor_droppings_are_not_shipped(tree: Path) -> None:
    for name in ("page.html", "page.html~", ".page.html.swp", "page.html.orig"):
        (tree / "templates" / name).touch()

    assert list(hatch_build.shipped(tree)) == ["templates/page.html"]
