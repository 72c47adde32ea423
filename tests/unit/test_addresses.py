"""Names and ids in addresses: whatever goes in comes back, and nothing in between can be misread."""

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from board.addresses import escape, unescape
from board.config import Settings
from board.engine.keys import QueueKeys
from board.sources import slug_of

TEXTS = st.text(st.characters(codec="utf-8"))


@given(TEXTS)
def test_any_text_comes_back(text: str) -> None:
    assert unescape(escape(text)) == text


@given(TEXTS)
def test_a_segment_survives_servers_that_decode_and_split(text: str) -> None:
    segment = escape(text)

    assert unquote(quote(segment)) == segment
    assert not set(segment) & set("/\\?#%~ \t\r\n;&=+\"'<>")
    assert segment not in {"", ".", ".."}
    assert not segment.startswith(".")


@given(TEXTS, TEXTS)
def test_two_texts_never_share_a_segment(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)


@pytest.mark.parametrize("segment", ["!", "!!", "!2", "!2f", "!GG", "a!", "!41", ".", "a b", "a/b", "~"])
def test_what_was_never_written_is_not_read(segment: str) -> None:
    assert unescape(segment) == ("" if segment == "!" else None)


def test_bytes_that_are_no_text_come_back() -> None:
    text = b"a\xff\xfeb".decode("utf-8", "surrogateescape")

    assert unescape(escape(text)) == text


@pytest.mark.parametrize(
    ("prefix", "name", "slug"),
    [
        ("bull", "mail", "mail"),
        ("bull", "billing.charge", "billing.charge"),
        ("acme", "billing.charge", "acme~billing.charge"),
        ("{acme}", "a~b", "!7Bacme!7D~a!7Eb"),
        ("bull", "~", "!7E"),
        ("bull", "..", "!2E."),
    ],
)
def test_a_queue_is_spelled_with_its_prefix_only_when_that_is_another_one(prefix: str, name: str, slug: str) -> None:
    assert slug_of(QueueKeys(prefix, name), Settings().default_prefix) == slug
