"""Durations of English sentences begin their units where those of pages do."""

from datetime import timedelta

import pytest

from board import words
from board.alerts.sentences import amount
from board.spans import duration, percentage
from board.web import filters, language

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


@pytest.mark.parametrize(
    ("share", "english", "german"),
    [
        (0, "0%", "0\u00a0%"),
        (0.04, "<0.1%", "<0,1\u00a0%"),
        (2.54, "2.5%", "2,5\u00a0%"),
        (5, "5%", "5\u00a0%"),
        (9.97, "10%", "10\u00a0%"),
        (27.7, "28%", "28\u00a0%"),
        (99.6, "99.6%", "99,6\u00a0%"),
        (99.97, "99.9%", "99,9\u00a0%"),
        (100, "100%", "100\u00a0%"),
        (100.4, "100%", "100\u00a0%"),
    ],
)
def test_a_share_is_written_one_way_in_each_language_wherever_it_stands(
    share: float, english: str, german: str
) -> None:
    written = percentage(share)

    assert written == english
    words.speak(language.load("de"))
    try:
        assert [written.told(), filters.percent(share)] == [german] * 2
    finally:
        words.speak(words.ENGLISH)


@pytest.mark.parametrize(
    ("share", "text"),
    [(12, "12%"), (12.04, "12.1%"), (12.4, "12.4%"), (8.2, "8.2%"), (99.6, "99.6%"), (99.97, "99.9%"), (100, "100%")],
)
def test_a_share_that_is_above_a_limit_reads_so(share: float, text: str) -> None:
    assert amount("%", share) == text
