"""No template can run a script, style a page or print unescaped data: the content security policy would refuse it.

djlint checks the HTML itself (`make check`).
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*"))

HTML = {  # looked for between the Jinja tags
    "a style attribute": r"\sstyle\s*=",
    "a style element": r"<style\b",
    "an event handler": r"<[^>]*\son[a-z]+\s*=",
    "an htmx event handler": r"\s(data-)?hx-on\b",
    "an inline script": r"<script(?![^>]*\bsrc=)[^>]*>",
    "a javascript: address": r"javascript:",
    "an expression for htmx to evaluate": r"""hx-(vals|headers|confirm)\s*=\s*["']js:|hx-trigger\s*=\s*["'][^"']*\[""",
    "an absolute path instead of url_for": r"""\s(href|src|action|hx-(get|post|put|delete))\s*=\s*["']/""",
    "another host": r"""\s(src|hx-(get|post))\s*=\s*["'](https?:)?//|<link[^>]*href\s*=\s*["'](https?:)?//""",
}

JINJA = {
    "unescaped output": r"\|\s*safe\b|\{%-?\s*autoescape\s+false|\bMarkup\(",
    "a message translated twice": r"\b_\(\s*_\(",
}


def faults(text: str) -> list[str]:
    """What is wrong with this template, by line."""
    plain = blank(r"\{#.*?#\}", text)
    html = blank(r"\{\{.*?\}\}|\{%.*?%\}", plain)
    return [
        f"line {where[: match.start()].count(chr(10)) + 1}: {what}"
        for where, patterns in ((html, HTML), (plain, JINJA))
        for what, pattern in patterns.items()
        for match in re.finditer(pattern, where, re.IGNORECASE)
    ]


def blank(pattern: str, text: str) -> str:
    """Replace what matches by a letter, keeping the line numbers."""
    return re.sub(pattern, lambda found: "x" + "\n" * found[0].count("\n"), text, flags=re.DOTALL)


@pytest.mark.parametrize("path", [path for path in TEMPLATES if path.is_file()], ids=lambda path: path.name)
def test_a_template_holds_nothing_the_policy_forbids(path: Path) -> None:
    assert faults(path.read_text()) == []


def test_there_are_templates_to_check() -> None:
    assert any(path.suffix == ".html" for path in TEMPLATES)


@pytest.mark.parametrize(
    "text",
    [
        '<p style="color: red">',
        '<p>{{ _(_("Queues")) }}</p>',
        "<style>p { color: red }</style>",
        '<button onclick="go()">',
        '<div hx-on:click="go()">',
        '<div hx-on::after-swap="go()">',
        "<script>go()</script>",
        '<a href="javascript:go()">',
        "{{ job.name | safe }}",
        "{{ job.name|safe }}",
        "{% autoescape false %}",
        "<div hx-vals='js:{a: 1}'>",
        '<div hx-trigger="click[ctrlKey]">',
        '<a href="/q/mail">',
        '<img src="//elsewhere.example/pixel">',
        '<link rel="stylesheet" href="https://elsewhere.example/font.css">',
    ],
)
def test_each_forbidden_thing_is_found(text: str) -> None:
    assert faults(text) != []


@pytest.mark.parametrize(
    "text",
    [
        '{# <p style=""> and |safe are only talked about #}',
        "<script src=\"{{ url_for('static', filename='js/board.js') }}\" type=\"module\"></script>",
        '<meter value="3" max="7"></meter>',
        "<a href=\"{{ url_for('overview.index') }}\" hx-get=\"{{ url_for('overview.index') }}\">",
        '<p>on the other hand = none</p><option value="1">',
    ],
)
def test_what_is_allowed_is_not_found(text: str) -> None:
    assert faults(text) == []
