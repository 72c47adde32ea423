import pytest

from board.queries.log_lines import log_lines


def spans(line: str) -> tuple[tuple[str, str], ...]:
    return log_lines([line], 0)[0].spans


def test_colours_of_a_terminal_become_classes() -> None:
    line = "plain \x1b[1;31mbold red\x1b[22m red\x1b[0m plain"

    assert spans(line) == (
        ("plain ", ""),
        ("bold red", "ansi-bold ansi-red"),
        (" red", "ansi-red"),
        (" plain", ""),
    )


@pytest.mark.parametrize(
    "line",
    [
        "\x1b[2Jtext",
        "\x1b[10;20Htext",
        "\x1b]0;title\x07text",
        "\x1b]8;;javascript:x\x1b\\text",
        "\x1b[38;5;196mtext",
        "\x1bctext",
    ],
)
def test_whatever_else_a_terminal_would_obey_is_dropped(line: str) -> None:
    assert log_lines([line], 0)[0].text in ("text", "␛ctext")


def test_a_sequence_that_never_ends_stays_visible() -> None:
    assert log_lines(["\x1b[31"], 0)[0].text == "␛[31"


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("ERROR boom", "error"),
        ("[2026-01-01T00:00:00Z] WARN slow", "warn"),
        ("level=warning x", "warn"),
        ("info: started", "info"),
        ("debug x", "debug"),
        ("no terrors here", None),
        ("x" * 100 + " error", None),
    ],
)
def test_the_level_is_a_word_near_the_beginning(line: str, level: str | None) -> None:
    assert log_lines([line], 0)[0].level == level


@pytest.mark.parametrize(
    ("line", "at_ms"),
    [
        ("2026-01-01T00:00:00.500Z x", 1_767_225_600_500),
        ("[2026-01-01 01:00:00+01:00] x", 1_767_225_600_000),
        ("2026-01-01T00:00:00 no zone", None),
        ("2026-99-99T00:00:00Z", None),
    ],
)
def test_a_time_is_believed_only_with_its_zone(line: str, at_ms: int | None) -> None:
    assert log_lines([line], 0)[0].at_ms == at_ms


def test_lines_are_numbered_over_the_whole_log() -> None:
    assert [line.number for line in log_lines(["a", "b"], 198)] == [199, 200]
