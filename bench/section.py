"""A part of the page about performance that one of the benchmarks writes."""

from __future__ import annotations

import textwrap
from pathlib import Path

__all__ = ["replace_section", "wrapped"]


def replace_section(page: Path, name: str, command: str, text: str) -> None:
    """Replace the part between two comments; put it at the end where there is none yet."""
    begin, end = f"<!-- {name}: written by {command} -->", f"<!-- end of {name} -->"
    before = page.read_text()
    if begin not in before:
        before = f"{before.rstrip()}\n\n{begin}\n{end}\n"
    head, _, rest = before.partition(begin)
    page.write_text(f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}")


def wrapped(text: str) -> list[str]:
    """Return a paragraph in lines."""
    return textwrap.wrap(text, 118)
