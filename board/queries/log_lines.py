"""Lines of a job's log: level, time and the colours of a terminal, as data.

Escape sequences become class names out of a fixed set; whatever else a terminal would obey (titles, cursor moves,
links) is dropped, and control characters are made visible.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from board.queries.text import display
from board.redaction import redact_text

__all__ = ["LogLine", "log_lines"]

_COLOURS = ("", "red", "green", "yellow", "blue", "magenta", "cyan", "")
_STYLES = {1: "bold", 2: "dim", 3: "italic", 4: "underline"}
_ENDS = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",)}
_SEQUENCE = re.compile(
    r"\x1b\[(?P<style>[\d;]{0,60})m"
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # cursor, erase
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # title, link
    r"|\x1b[@-Z\\^_=>]"
)
_LEVEL = re.compile(r"(?<![\w.])(error|err|fatal|critical|warning|warn|info|debug|trace)(?![\w.])", re.IGNORECASE)
_LEVELS = {
    "err": "error",
    "fatal": "error",
    "critical": "error",
    "warning": "warn",
    "trace": "debug",
}
_TIME = re.compile(r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:?\d\d))")
_HEAD = 60
"""Characters in which a level is looked for: further on the word belongs to the message."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line.

    Attributes:
        number: counted from 1 over the whole log.
        text: without colours.
        level: ``error``, ``warn``, ``info``, ``debug`` or None.
        at_ms: time that the line begins with, when it has a zone.
        spans: pieces of the text with their classes, separated by spaces; empty for none.
    """

    number: int
    text: str
    level: str | None
    at_ms: int | None
    spans: tuple[tuple[str, str], ...]


def log_lines(lines: Sequence[str], first: int) -> tuple[LogLine, ...]:
    """Read lines of a log, the first of which is at index ``first``."""
    return tuple(_line(line, first + at + 1) for at, line in enumerate(lines))


def _line(line: str, number: int) -> LogLine:
    spans = tuple(_spans(redact_text(line)))
    text = "".join(piece for piece, _ in spans)
    level = _LEVEL.search(text[:_HEAD])
    found = level.group(1).lower() if level else None
    return LogLine(number, text, _LEVELS.get(found, found) if found else None, _time(text), spans)


def _spans(line: str) -> list[tuple[str, str]]:
    spans: list[tuple[str, str]] = []
    styles: dict[str, str] = {}
    at = 0
    for match in (*_SEQUENCE.finditer(line), None):
        stop = match.start() if match else len(line)
        if stop > at:
            spans.append((display(line[at:stop]), " ".join(f"ansi-{name}" for name in styles.values())))
        if match is None:
            break
        at = match.end()
        if match["style"] is not None:
            _apply(match["style"], styles)
    return spans


def _apply(codes: str, styles: dict[str, str]) -> None:
    """Change the styles in force as one sequence says; colours of the background are left out."""
    numbers = [int(code) if code else 0 for code in codes[:60].split(";") if len(code) < 4]
    if any(number in (38, 48) for number in numbers):  # 256 colours, RGB: their arguments are no codes
        return
    for number in numbers:
        if number == 0:
            styles.clear()
        elif number in _STYLES:
            styles[_STYLES[number]] = _STYLES[number]
        elif number in _ENDS:
            for name in _ENDS[number]:
                styles.pop(name, None)
        elif 30 <= number <= 37 or 90 <= number <= 97:
            styles.pop("colour", None)
            if colour := _COLOURS[number % 10]:
                styles["colour"] = colour
        elif number == 39:
            styles.pop("colour", None)


def _time(text: str) -> int | None:
    match = _TIME.match(text)
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(match.group(1).replace(",", "."))
    except ValueError:
        return None
    return int(moment.astimezone(UTC).timestamp() * 1000)
