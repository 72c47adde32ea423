"""What is remembered of pages takes a number of bytes at most, whatever is in them."""

import sys

from markupsafe import Markup

from board.web.remembered import Remembered

MOST = 1_000_000


def piece(text: str) -> Markup:
    return Markup(text)  # noqa: S704 - no page shows it


def held(pieces: Remembered) -> int:
    """Return the bytes of what is remembered, each piece once."""
    each = {id(one): one for half in (pieces._new, pieces._old) for one in half.values()}
    return sum(sys.getsizeof(one) for one in each.values())


def test_all_pieces_take_a_number_of_bytes_at_most_whatever_their_characters() -> None:
    """One emoji makes four bytes of every character of a text."""
    for text in ("a", "ä", "č", "😀"):
        pieces = Remembered(MOST, longest=50_000)
        for number in range(500):
            pieces.keep(number, piece(text + "a" * 10_000))
            assert held(pieces) <= MOST
        assert held(pieces) > MOST / 3


def test_very_many_small_pieces_are_bounded_by_what_is_kept_beside_them() -> None:
    pieces = Remembered(MOST)

    for number in range(5_000):
        pieces.keep(number, Markup())

    assert len(pieces) < 1_000
    assert pieces.get(4_999) == ""


def test_a_piece_is_too_long_by_its_bytes() -> None:
    pieces = Remembered(MOST, longest=20_000)

    pieces.keep("plain", piece("a" * 10_000))
    pieces.keep("emoji", piece("😀" + "a" * 10_000))

    assert pieces.get("plain") is not None
    assert pieces.get("emoji") is None


def test_what_is_asked_for_stays_and_the_rest_goes() -> None:
    pieces = Remembered(MOST)
    pieces.keep("menu", Markup("menu"))
    pieces.keep("line", Markup("line"))

    for number in range(500):
        pieces.keep(number, piece("a" * 10_000))
        assert pieces.get("menu") == "menu"

    assert pieces.get("line") is None
