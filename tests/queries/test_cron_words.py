"""Schedules in words: common shapes as people say them, every other one field by field, none refused."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from board.engine.errors import InvalidOptionError
from board.engine.schedule import check_pattern, next_run_ms
from board.queries.cron_words import cron_words, interval_words

WORDS = {
    "* * * * *": "Every minute",
    "*/5 * * * *": "Every 5 minutes",
    "5/15 * * * *": "Every 15 minutes from minute 5",
    "*/7 * * * *": "At minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour",
    "1-5 * * * *": "Every minute from 1 to 5 of every hour",
    "0 * * * *": "Every hour",
    "40 * * * *": "At minute 40 of every hour",
    "0 4 * * *": "Every day at 04:00",
    "0 0 9 * * *": "Every day at 09:00",
    "15 30 9 * * *": "Every day at 09:30:15",
    "*/10 * * * * *": "Every 10 seconds",
    "30 * * * * *": "At second 30 of every minute",
    "*/2 * 9-17 * * *": "Every 2 seconds, every minute, from 09:00 to 17:59",
    "15 6,15 * * 1-5": "Weekdays at 06:15 and 15:15",
    "30 */6 * * *": "Every day at 00:30, 06:30, 12:30 and 18:30",
    "30 */3 * * *": "Every 3 hours from 00:30",
    "0 1,3,5,7,9 * * *": "At minute 0 of the hours 1, 3, 5, 7 and 9",
    "0 9-17 * * 1-5": "Every hour from 09:00 to 17:00, on weekdays",
    "*/15 9-17 * * MON-FRI": "Every 15 minutes, from 09:00 to 17:45, on weekdays",
    "*/5 3 * * *": "Every 5 minutes, in the hour 03",
    "0 8 * * 2": "Every Tuesday at 08:00",
    "0 0 * * 0": "Every Sunday at 00:00",
    "0 0 * * 7": "Every Sunday at 00:00",
    "0 0 * * 6,0": "Weekends at 00:00",
    "0 0 * * 1,3,5": "On Monday, Wednesday and Friday at 00:00",
    "0 0 * * 2-4": "From Tuesday to Thursday at 00:00",
    "0 0 * * fri-mon": "On Monday, Friday, Saturday and Sunday at 00:00",
    "0 0 * * L5": "On the last Friday of the month at 00:00",
    "0 0 * * 1#2": "On the second Monday of the month at 00:00",
    "0 0 1 * *": "On the 1st of each month at 00:00",
    "0 0 1,15 * *": "On the 1st and 15th of each month at 00:00",
    "0 0 22 * *": "On the 22nd of each month at 00:00",
    "0 0 10-20 * *": "From the 10th to the 20th of each month at 00:00",
    "0 0 */2 * *": "Every 2 days of each month at 00:00",
    "0 0 L * *": "On the last day of each month at 00:00",
    "0 0 1 1 *": "On 1 January at 00:00",
    "0 0 29 FEB *": "On 29 February at 00:00",
    "0 12 * 7,8 *": "Every day in July and August at 12:00",
    "0 0 1 */3 *": "On the 1st in the first month of each quarter at 00:00",
    "0 0 * 2 1": "On Monday in February at 00:00",
    "0 0 13 * 5": "On the 13th of each month and every Friday at 00:00",
    "@daily": "Every day at 00:00",
    "@hourly": "Every hour",
    "@weekly": "Every Sunday at 00:00",
    "@monthly": "On the 1st of each month at 00:00",
    "@yearly": "On 1 January at 00:00",
}


@pytest.mark.parametrize(("pattern", "words"), WORDS.items(), ids=WORDS)
def test_a_pattern_reads_as_people_say_it(pattern: str, words: str) -> None:
    check_pattern(pattern)

    assert cron_words(pattern) == words


@pytest.mark.parametrize(
    ("every_ms", "words"),
    [
        (1, "Every 1 ms"),
        (250, "Every 250 ms"),
        (1_000, "Every second"),
        (1_500, "Every 1.5 s"),
        (90_000, "Every 90 seconds"),
        (300_000, "Every 5 minutes"),
        (3_600_000, "Every hour"),
        (86_400_000, "Every day"),
        (1_209_600_000, "Every 2 weeks"),
    ],
)
def test_an_interval_reads_in_its_largest_whole_unit(every_ms: int, words: str) -> None:
    assert interval_words(every_ms) == words


@pytest.mark.parametrize(
    "pattern", ["", "* * *", "what", "61 * * * *", "a b c d e", "0 0 * * 1#9", "*/0 * * * *", "\u202e" * 5]
)
def test_nonsense_is_quoted_or_told_by_field_and_never_fails(pattern: str) -> None:
    words = cron_words(pattern)

    assert words
    assert "\u202e" not in words


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high).map(str)
    spans = st.tuples(st.integers(low, high), st.integers(low, high)).map(lambda two: f"{min(two)}-{max(two)}")
    stepped = st.tuples(st.one_of(st.just("*"), spans), st.integers(1, high)).map(lambda two: f"{two[0]}/{two[1]}")
    lists = st.lists(st.one_of(number, spans), min_size=1, max_size=4).map(",".join)
    return st.one_of(st.just("*"), number, spans, stepped, lists)


@given(st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)).map(" ".join))
def test_every_pattern_of_the_engine_has_words(pattern: str) -> None:
    try:
        check_pattern(pattern)
    except InvalidOptionError:
        return

    words = cron_words(pattern)

    assert words[0].isupper()
    assert "By the pattern" not in words


@given(st.integers(0, 59), st.integers(0, 23), st.integers(0, 6))
def test_a_time_of_day_in_words_is_when_the_engine_runs(minute: int, hour: int, weekday: int) -> None:
    pattern = f"{minute} {hour} * * {weekday}"

    run = datetime.fromtimestamp(next_run_ms(pattern, 1_767_225_600_000, "UTC") / 1000, UTC)

    assert cron_words(pattern) == f"Every {run:%A} at {run:%H:%M}"
