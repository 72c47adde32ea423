"""What explains a change in the figures, as it is said."""

import pytest

from board.history.store import Mark
from board.queries import marks


@pytest.mark.parametrize("about", ["[Infinity, 1, 1]", "[1]", "5", "{", '[1, "x", []]'])
def test_limits_that_make_no_sense_are_told_as_they_stand(about: str) -> None:
    said = marks._said(Mark(at_ms=0, kind="limits", base="bull:mail:", about=about))

    assert about in str(said)
