"""The reference of the filter language: what it shows can be typed, and nothing that can be typed is left out."""

import re

from board.queries.search import parse
from board.queries.search.tree import FIELDS
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/how-to/search.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)


def test_every_example_is_a_filter() -> None:
    assert len(EXAMPLES) > 25
    for text in EXAMPLES:
        assert parse(text).terms, text


def test_every_field_has_an_example() -> None:
    assert {term.field for text in EXAMPLES for term in parse(text).terms} == set(FIELDS)
