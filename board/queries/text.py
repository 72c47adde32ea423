"""Texts from Redis made fit to be shown: nothing invisible, nothing that reorders the line, nothing UTF-8 cannot hold.

A template escapes what HTML would misread. What it cannot know is that a terminal code, a text-direction override or
half a surrogate pair hides in a message. ``display`` makes those visible. Ids and queue names never pass through
here, since they have to lead back to the very same key.
"""

from __future__ import annotations

import re

__all__ = ["count_of", "display", "first_line", "one_line", "shorten"]

_CONTROLS = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n\r"}
"""C0 controls as their pictures: U+2400 and on."""
_REORDERING = {
    code: f"\\u{code:04x}" for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
_HIDDEN = (
    _CONTROLS
    | {0x7F: "\u2421"}
    | {code: f"\\x{code:02x}" for code in range(0x80, 0xA0)}
    | _REORDERING
    | {code: f"\\u{code:04x}" for code in (0x200B, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)}
    | {code: f"\\u{code:04x}" for code in range(0xD800, 0xE000)}
)
_SPACES = re.compile(r"\s+")


def display(text: str) -> str:
    """Make visible what a reader would not see or could not trust: controls, overrides, lone surrogates."""
    if text.isprintable():  # holds none of them
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_HIDDEN)


def one_line(text: str) -> str:
    """Fold all white space, line ends too, into single spaces."""
    if text.isprintable() and "  " not in text:  # the one space that is printable
        return text.strip()
    return _SPACES.sub(" ", display(text)).strip()


def first_line(text: str) -> str:
    """Return the first line that holds anything."""
    return next((line.strip() for line in display(text).splitlines() if line.strip()), "")


def shorten(text: str, length: int) -> str:
    """Cut a text to ``length`` characters, the last of which tells that it was cut."""
    return text if len(text) <= length else text[: length - 1] + "…"


def count_of(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun: ``1 job``, ``4,210 jobs``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
