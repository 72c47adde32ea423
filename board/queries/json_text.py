"""JSON as the text it is: laid out and folded again without touching a literal, its secrets hidden and put back."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from board.queries.payload import parse
from board.redaction import REDACTED, hides, redact_text

__all__ = ["DiffLine", "compact", "difference", "hide", "is_json", "lay_out", "restore"]

_TOKEN = re.compile(r'\s+|"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_PLACEHOLDER = json.dumps(REDACTED)
_STAYS = ("true", "false", "null")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a difference; ``sign`` is ``+``, ``-`` or a space, or ``@`` where lines were left out."""

    sign: str
    text: str


@dataclass(slots=True)
class _Frame:
    is_object: bool
    key: str | None = None
    index: int = 0


def is_json(text: str) -> bool:
    """Tell whether a text is JSON."""
    try:
        parse(text)
    except ValueError:
        return False
    return True


def lay_out(text: str) -> str:
    """Return valid JSON with a line for each value; every literal stays as it is."""
    parts: list[str] = []
    depth = 0
    pieces = [piece for piece in _TOKEN.findall(text) if not piece.isspace()]
    for at, piece in enumerate(pieces):
        if piece in "}]":
            depth -= 1
            if pieces[at - 1] not in "{[":
                parts.append("\n" + "  " * depth)
        elif at and pieces[at - 1] in "{[,":
            parts.append("\n" + "  " * depth)
        parts.append(": " if piece == ":" else piece)
        if piece in "{[":
            depth += 1
    return "".join(parts)


def compact(text: str) -> str:
    """Return valid JSON without white space between its literals."""
    return "".join(piece for piece in _TOKEN.findall(text) if not piece.isspace())


def hide(text: str) -> str:
    """Replace the values of secret keys by a placeholder."""
    if not is_json(text):
        return redact_text(text)
    return _replaced(text, {(start, end): _PLACEHOLDER for _, start, end in _secrets(text)})


def restore(text: str, stored: str) -> str:
    """Put the secrets of ``stored`` back where ``text`` still has their placeholder.

    Raises:
        ValueError: a placeholder has nothing to stand for; the message says where.
    """
    known = {path: stored[start:end] for path, start, end in _secrets(stored)} if is_json(stored) else {}
    found: dict[tuple[int, int], str] = {}
    for path, start, end in _secrets(text):
        if text[start:end] == _PLACEHOLDER:
            if path not in known:
                where = ".".join(str(step) for step in path)
                raise ValueError(
                    f"{where} is {REDACTED}, and there is no hidden value of that name to keep: write it out"
                )
            found[start, end] = known[path]
    return _replaced(text, found)


def difference(old: str, new: str) -> tuple[DiffLine, ...]:
    """Return what changed between two JSON texts, by line, with three lines around each change."""
    before, after = ((lay_out(text) if is_json(text) else text).splitlines() for text in (old, new))
    lines = list(difflib.unified_diff(list(before), list(after), lineterm="", n=3))[2:]
    return tuple(DiffLine("@", "…") if line.startswith("@@") else DiffLine(line[0], line[1:]) for line in lines)


def _secrets(text: str) -> Iterator[tuple[Path, int, int]]:
    """Yield path, start and end of each single value whose key tells that it is secret."""
    stack: list[_Frame] = []
    for match in _TOKEN.finditer(text):
        piece = match[0]
        if piece.isspace() or piece == ":":
            continue
        top = stack[-1] if stack else None
        if piece in "{[":
            stack.append(_Frame(is_object=piece == "{"))
        elif piece in "}]":
            stack.pop()
        elif piece == ",":
            if top and top.is_object:
                top.key = None
            elif top:
                top.index += 1
        elif top and top.is_object and top.key is None:
            top.key = str(json.loads(piece))
        elif piece not in _STAYS and _is_secret(piece, stack):
            path = tuple((frame.key or "") if frame.is_object else frame.index for frame in stack)
            yield path, match.start(), match.end()


def _is_secret(literal: str, stack: Sequence[_Frame]) -> bool:
    """Whether a value is hidden: for a key above it, for its path, or for what it looks like."""
    names = tuple(frame.key or "" for frame in stack if frame.is_object)
    if any(hides(name, names[: at + 1]) for at, name in enumerate(names)):
        return True
    if literal == _PLACEHOLDER:
        return True
    text = json.loads(literal) if literal.startswith('"') else ""
    return bool(text) and redact_text(text) != text


def _replaced(text: str, spans: dict[tuple[int, int], str]) -> str:
    parts: list[str] = []
    at = 0
    for (start, end), new in spans.items():
        parts += (text[at:start], new)
        at = end
    return "".join((*parts, text[at:]))
