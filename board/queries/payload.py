"""JSON of somebody else's, read without losing a digit, and folded so that a page stays a page.

Python's own reading would turn ``1e400`` into infinity, ``12345678901234567890.0`` into another number and drop the
first of two equal keys. Here numbers keep the text they were stored with, keys their order and their doubles.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from board.queries.redaction import REDACTED, hides, redact_text
from board.queries.text import display, one_line, shorten

__all__ = ["Node", "Number", "Pairs", "Payload", "parse", "payload", "preview", "scalar_text"]

NODE_LIMIT = 1500
"""Nodes that one tree holds; more are counted, not shown."""

CHILD_LIMIT = 200
"""Entries shown of one object or array."""

DEPTH_LIMIT = 24
"""Levels shown; nobody reads deeper, and every level is a nested element."""

STRING_LIMIT = 4000
"""Characters shown of one string."""

Kind = Literal["object", "array", "string", "number", "bool", "null"]


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a JSON text.

    Attributes:
        kind: of value.
        key: name in the object, or None in an array and at the top.
        text: the literal exactly as stored for numbers, with its quotes for strings; empty for objects and arrays.
        size: entries of an object or array, 0 for the rest.
        children: entries shown.
        more: entries that are there and not shown.
        depth: 0 at the top.
    """

    kind: Kind
    key: str | None
    text: str
    size: int
    children: tuple[Node, ...]
    more: int
    depth: int


@dataclass(frozen=True, slots=True)
class Payload:
    """A JSON text of a job.

    Attributes:
        text: as stored, but for secrets, which are hidden, and for what would not be visible.
        size: bytes as stored.
        tree: None when it is not JSON, was cut, or is too deeply nested to be read.
        valid: it is JSON, as far as could be told: a text that was cut counts as valid.
        truncated: ``text`` is only the beginning.
    """

    text: str
    size: int
    tree: Node | None
    valid: bool
    truncated: bool


@dataclass(frozen=True, slots=True)
class Number:
    """A number in the very words of its author."""

    text: str


class Pairs(list[tuple[str, Any]]):
    """An object with its keys in order, doubles included."""

    def get(self, name: str) -> Any:
        """Return the last value under a name, as JavaScript would; None when there is none."""
        return next((value for key, value in reversed(self) if key == name), None)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


_quote: Callable[[str], str] = json.encoder.encode_basestring

_decoder = json.JSONDecoder(object_pairs_hook=Pairs, parse_int=Number, parse_float=Number, parse_constant=_refuse)


def parse(text: str) -> Any:
    """Read JSON into None, bool, str, ``Number``, list and ``Pairs``.

    Raises:
        ValueError: it is not JSON, or nested too deeply to be read.
    """
    try:
        return _decoder.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def payload(text: str, size: int, *, truncated: bool = False) -> Payload:
    """Make a JSON text ready for a page."""
    if truncated:
        return Payload(display(redact_text(text)), size, None, valid=True, truncated=True)
    try:
        value = parse(text)
    except ValueError:
        return Payload(display(redact_text(text)), size, None, valid=False, truncated=False)
    hidden = _without_secrets(value, text) if _holds_secret(value) else text
    return Payload(display(hidden), size, _tree(value), valid=True, truncated=False)


def preview(text: str, *, whole: bool = True, length: int = 160) -> str:
    """Write the beginning of a JSON text on one line: ``key: value, key: value`` for an object, else the value.

    Args:
        text: JSON, or its beginning.
        whole: nothing is missing at the end.
        length: most characters.
    """
    parts: list[str] = []
    told = 0
    cut = not whole
    for key, value in _entries(text):
        part = scalar_text(value, key=key)
        parts.append(f"{one_line(key)}: {part}" if key is not None else part)
        told += len(parts[-1]) + 2
        if told > length:
            break
    else:
        if not parts:
            parts = ["{}" if text.strip() == "{}" else one_line(redact_text(text[: length * 4]))]
        elif cut:
            parts.append("…")
    return shorten(", ".join(parts), length)


def scalar_text(value: Any, *, key: str | None = None) -> str:
    """Write one value briefly: strings bare, numbers as stored, objects and arrays by their size."""
    if key is not None and hides(key) and not isinstance(value, (list, bool, type(None))):
        return REDACTED
    if isinstance(value, Number):
        return value.text
    if isinstance(value, str):
        return one_line(value[:400])
    if isinstance(value, Pairs):
        return "{…}" if value else "{}"
    if isinstance(value, list):
        return f"[{len(value)}]" if value else "[]"
    return {None: "null", True: "true", False: "false"}[value]


def _entries(text: str) -> Iterator[tuple[str | None, Any]]:
    """Read the entries of the object at the top one by one, as far as the text goes; anything else is one entry."""
    at = _skip(text, 0)
    if at >= len(text) or text[at] != "{":
        try:
            yield None, parse(text)
        except ValueError:
            return
        return
    at = _skip(text, at + 1)
    while at < len(text) and text[at] == '"':
        try:
            key, at = _decoder.raw_decode(text, at)
            at = _skip(text, at)
            if at >= len(text) or text[at] != ":":
                return
            value, at = _decoder.raw_decode(text, _skip(text, at + 1))
        except (ValueError, RecursionError):
            return
        at = _skip(text, at)
        if isinstance(value, Number) and at >= len(text):
            return  # the digits may go on beyond the cut
        yield key, value
        if at >= len(text) or text[at] != ",":
            return
        at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _holds_secret(value: Any) -> bool:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, Pairs):
            for key, child in one:
                if hides(key):
                    return True
                stack.append(child)
        elif isinstance(one, list):
            stack.extend(one)
    return False


def _without_secrets(value: Any, text: str) -> str:
    try:
        return _write(value, None)
    except RecursionError:
        return redact_text(text)


def _write(value: Any, key: str | None) -> str:
    """Write JSON without its secrets."""
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{_quote(name)}:{_write(one, name)}" for name, one in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_write(one, None) for one in value) + "]"
    return _leaf(value, key, None, 0, limit=sys.maxsize).text


def _tree(value: Any) -> Node:
    left = NODE_LIMIT

    def build(value: Any, key: str | None, depth: int) -> Node:
        nonlocal left
        left -= 1
        shown_key = None if key is None else display(key)
        if not isinstance(value, list):
            return _leaf(value, key, shown_key, depth)
        kind: Kind = "object" if isinstance(value, Pairs) else "array"
        entries = value if isinstance(value, Pairs) else [(None, one) for one in value]
        children: list[Node] = []
        if depth < DEPTH_LIMIT:
            for child_key, child in entries[:CHILD_LIMIT]:
                if left <= 0:
                    break
                children.append(build(child, child_key, depth + 1))
        return Node(kind, shown_key, "", len(value), tuple(children), len(value) - len(children), depth)

    return build(value, None, 0)


def _leaf(value: Any, key: str | None, shown_key: str | None, depth: int, *, limit: int = STRING_LIMIT) -> Node:
    def leaf(kind: Kind, text: str) -> Node:
        return Node(kind, shown_key, text, 0, (), 0, depth)

    if value is None:
        return leaf("null", "null")
    if isinstance(value, bool):
        return leaf("bool", "true" if value else "false")
    if key is not None and hides(key):
        return leaf("string", json.dumps(REDACTED))
    if isinstance(value, Number):
        return leaf("number", shorten(value.text, limit))
    return leaf("string", shorten(display(_quote(value)), limit))
