"""Styles and scripts hold what the pages use, and nothing else."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STYLES = sorted((ROOT / "static" / "css").glob("*.css"))
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
LAYERS = ("reset", "tokens", "base", "layout", "components", "pages", "utilities")
LONGEST_SCRIPT = 60
"""Lines: one behaviour a file."""

DRAWN_BY_DATA = frozenset({"ansi", "depth"})
"""Prefixes of classes whose end comes from a value: the colours of log lines, the depth of a tree."""

LEVELS = frozenset({"info", "warn", "error", "debug"})
"""Levels of log lines, which a query module names."""


def without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/|\{#.*?#\}|(?m:^\s*//[^\n]*$)", "", text, flags=re.DOTALL)


def styled() -> set[str]:
    """Classes that some style sheet selects."""
    sheets = "".join(without_comments(path.read_text()) for path in STYLES)
    selectors = re.findall(r"[^{};]+(?=\{)", sheets)
    return {name for selector in selectors for name in re.findall(r"\.([a-z][a-z0-9-]*)", selector)}


def used() -> set[str]:
    """Words in class attributes, in what macros put into them, and in scripts."""
    words: set[str] = set()
    for path in TEMPLATES:
        text = without_comments(path.read_text())
        for value in re.findall(r'class="((?:[^"{]|\{\{.*?\}\}|\{%.*?%\})*)"', text):
            words |= set(re.findall(r"[a-z][a-z0-9-]*", value))
        for value in re.findall(r'"([a-z0-9 -]+)"', text):
            words |= set(value.split())
    for path in SCRIPTS:
        words |= set(re.findall(r"[a-z][a-z0-9-]*", without_comments(path.read_text())))
    return words


def test_every_style_is_used() -> None:
    unused = styled() - used() - LEVELS

    assert {name for name in unused if name.split("-")[0] not in DRAWN_BY_DATA} == set()


def test_every_class_of_a_template_has_a_style() -> None:
    classes = {
        word
        for path in TEMPLATES
        for value in re.findall(r'class="([^"{}]*)"', without_comments(path.read_text()))
        for word in value.split()
    }

    assert classes - styled() == set()


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_a_style_sheet_fills_one_layer(path: Path) -> None:
    text = without_comments(path.read_text())
    layers = re.findall(r"@layer ([a-z]+) \{", text)
    outside = re.sub(r"\{(?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*\}", "{}", text)

    assert len(layers) == 1
    assert layers[0] in LAYERS
    assert re.sub(r"@layer [a-z, ]+(;|\{\})", "", outside).strip() == ""


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_no_style_shouts_or_selects_an_id(path: Path) -> None:
    text = without_comments(path.read_text())
    selectors = "".join(re.findall(r"[^{};]+(?=\{)", text))
    shouts = [line for line in text.splitlines() if "!important" in line and "prefers-reduced-motion" not in line]

    assert "#" not in selectors
    assert path.name == "utilities.css" or shouts == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_one_short_behaviour(path: Path) -> None:
    text = path.read_text()

    assert text.startswith("// ")
    assert len(text.splitlines()) <= LONGEST_SCRIPT
    assert not re.search(r"\b(eval|innerHTML|outerHTML|insertAdjacentHTML|document\.write)\b", text)


def test_the_entry_loads_every_script() -> None:
    entry = (ROOT / "static" / "js" / "board.js").read_text()

    assert {f"{name}.js" for name in re.findall(r'import "\./([a-z]+)\.js"', entry)} | {"board.js"} == {
        path.name for path in SCRIPTS
    }
