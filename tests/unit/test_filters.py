"""Numbers and times as a person reads them."""

import pytest

from board.web import filters

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
NOON = 1_795_521_600_000  # 2026-11-24 12:00:00 UTC


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "–"),
        (0, "0 ms"),
        (0.62, "0.6 ms"),
        (18, "18 ms"),
        (9.02, "9 ms"),
        (999.7, "1 s"),
        (5_000, "5 s"),
        (6_100, "6.1 s"),
        (47_000, "47 s"),
        (59_600, "1 min"),
        (5 * MINUTE, "5 min"),
        (2.1 * MINUTE, "2.1 min"),
        (11 * MINUTE, "11 min"),
        (3 * HOUR, "3 h"),
        (1.5 * HOUR, "1.5 h"),
        (41 * DAY, "41 days"),
    ],
)
def test_a_duration_has_two_figures(ms: float | None, text: str) -> None:
    assert filters.duration(ms) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "–"),
        (480, "480 ms"),
        (48_900, "49 s"),
        (8 * MINUTE + 12 * SECOND, "8 min 12 s"),
        (3 * HOUR, "3 h"),
        (DAY + 2 * HOUR, "1 day 2 h"),
    ],
)
def test_a_long_duration_has_two_units(ms: float | None, text: str) -> None:
    assert filters.duration_long(ms) == text


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (0, "now"),
        (22 * SECOND, "22 s ago"),
        (59 * SECOND + 999, "59 s ago"),
        (5 * HOUR, "5 h ago"),
        (DAY, "yesterday 12:00"),
        (3 * DAY, "21 Nov"),
        (400 * DAY, "20 Oct 2025"),
        (-47 * MINUTE, "in 47 min"),
        (-DAY, "tomorrow 12:00"),
    ],
)
def test_a_time_is_told_from_now(age: int, text: str) -> None:
    assert filters.ago(NOON - age, NOON) == text


@pytest.mark.parametrize("at_ms", [None, -1, 10**18, float("inf"), float("nan")])
def test_a_time_beyond_the_calendar_is_unknown(at_ms: float | None) -> None:
    assert [filters.ago(at_ms, NOON), filters.clock(at_ms), filters.stamp(at_ms), filters.iso(at_ms)] == ["–"] * 3 + [
        ""
    ]


def test_a_time_is_exact_to_the_millisecond_for_machines() -> None:
    assert filters.iso(NOON + 7) == "2026-11-24T12:00:00.007Z"
    assert filters.clock_ms(NOON + 7) == "12:00:00.007"


def test_a_time_of_day_names_the_zone_it_is_in() -> None:
    filters.use_zone("Asia/Ho_Chi_Minh")
    there = filters.clock_zone(NOON), filters.zone_name()
    filters.use_zone("")

    assert there == ("19:00:00 +07", "Asia/Ho_Chi_Minh")
    assert (filters.clock_zone(NOON), filters.zone_name()) == ("12:00:00 UTC", "UTC")
    assert filters.clock_zone(None) == "–"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "–"),
        (1, "1 byte"),
        (412, "412 bytes"),
        (1_887_436, "1.8 MB"),
        (1_023_999, "1,000 KB"),
        (2**60, "1,048,576 TB"),
    ],
)
def test_a_size_is_in_binary_units(number: int | None, text: str) -> None:
    assert filters.size(number) == text


@pytest.mark.parametrize(("number", "text"), [(None, "–"), (0, "0"), (1_204_331, "1,204,331"), (2.5, "2.5")])
def test_a_count_is_exact(number: float | None, text: str) -> None:
    assert filters.count(number) == text


@pytest.mark.parametrize(
    ("name", "markup"),
    [
        ("mail", "mail"),
        ("billing.eu-west/charge_card", "billing.<wbr>eu-<wbr>west/<wbr>charge_<wbr>card"),
        ("a...b.", "a...<wbr>b."),
        ("<b>.&", "&lt;b&gt;.<wbr>&amp;"),
        ("", ""),
    ],
)
def test_a_name_breaks_between_its_words_first(name: str, markup: str) -> None:
    assert filters.breakable(name) == markup


@pytest.mark.parametrize(
    ("share", "text"), [(None, "–"), (0, "0%"), (0.01, "<0.1%"), (0.1, "0.1%"), (12.4, "12%"), (100, "100%")]
)
def test_a_percentage_shows_that_little_is_not_nothing(share: float | None, text: str) -> None:
    assert filters.percent(share) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0%"), (0.004, "0%"), (0.29, "29%"), (0.996, "99%"), (0.9999, "99%"), (1.0, "100%")]
)
def test_nothing_is_done_to_the_last_percent_before_its_end(share: float, text: str) -> None:
    assert filters.percent_done(share) == text
