"""Reads the code blocks of our pages, and what is written above them.

A block runs unless a comment on the line above it says otherwise:

- `<!-- not run: WHY -->` the block cannot run here; it is parsed all the same.
- `<!-- file: NAME.py -->` the block is the content of a file next to the program, and importable by the blocks below.

The ```` ```text ```` block right after a ```` ```python ```` block is what that prints, to the letter.
In a ```` ```console ```` block, lines that begin with `$ ` are commands, all others what the command prints; a line of
`…` stands for any lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Block", "anchors", "blocks", "links", "pages", "without_blocks"]

ROOT = Path(__file__).parents[2]

NOT_PROGRAMS = ("protocol.md", "design.md")
"""Pages whose blocks are data and drawings."""

_FENCE = re.compile(r"^(?P<mark>```+)(?P<language>[a-z]*)[^\n]*\n(?P<text>.*?)^(?P=mark)\s*$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!-- (not run|file): (.+?) -->\s*\Z")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One code block.

    Attributes:
        language: as written after the fence; may be empty.
        text: its lines.
        line: the first of them, counted from 1.
        not_run: why it does not run; empty when it does.
        file: the name of the file it is; empty when it is none.
        output: what it is said to print; None when nothing is said.
    """

    language: str
    text: str
    line: int
    not_run: str = ""
    file: str = ""
    output: str | None = None


def pages() -> list[Path]:
    """Return the pages whose blocks are checked."""
    return [ROOT / "README.md", *(page for page in sorted(ROOT.glob("docs/**/*.md")) if page.name not in NOT_PROGRAMS)]


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order; the text after a Python block is part of that block."""
    source = page.read_text(encoding="utf-8")
    found: list[Block] = []
    end = 0
    for match in _FENCE.finditer(source):
        between = source[end : match.start()]
        end = match.end()
        text = match["text"]
        follows = not between.strip() and found and found[-1].language == "python" and found[-1].output is None
        if match["language"] == "text" and follows:
            last = found.pop()
            found.append(Block("python", last.text, last.line, last.not_run, last.file, text))
            continue
        comment = _COMMENT.search(between)
        kind, said = (comment[1], comment[2]) if comment else ("", "")
        found.append(
            Block(
                language=match["language"],
                text=text,
                line=source[: match.start("text")].count("\n") + 1,
                not_run=said if kind == "not run" else "",
                file=said if kind == "file" else "",
            )
        )
    return found


def without_blocks(page: Path) -> str:
    """Return the text of a page but its code blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Return where the links and images of a page lead, those out of the project left out."""
    prose = without_blocks(page)
    return [target for target in _LINK.findall(prose) if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """Return the names that a link may carry after `#`, made of the headings the way GitHub makes them."""
    prose = without_blocks(page)
    plain = (re.sub(r"[`*]", "", heading).strip().lower() for heading in _HEADING.findall(prose))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}
