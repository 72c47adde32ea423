"""Durations of English sentences begin their units where those of pages do."""

from datetime import timedelta

import pytest

from board.spans import duration
from board.web import filters

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 ms"),
        (0.62, "0.6 ms"),
        (840, "840 ms"),
        (999.7, "1 s"),
        (5_000, "5 s"),
        (59_600, "1 min"),
        (5 * MINUTE, "5 min"),
        (5.02 * MINUTE, "5 min"),
        (2.5 * MINUTE, "2.5 min"),
        (59.7 * MINUTE, "1 h"),
        (24 * HOUR, "24 h"),
        (47.6 * HOUR, "2 days"),
        (7 * DAY, "7 days"),
        (-90 * SECOND, "1.5 min"),
        (timedelta(minutes=3), "3 min"),
    ],
)
def test_a_duration_reads_the_same_in_a_sentence_and_on_a_page(ms: float | timedelta, text: str) -> None:
    assert duration(ms) == text
    assert filters.duration(ms / timedelta(milliseconds=1) if isinstance(ms, timedelta) else ms) == text
