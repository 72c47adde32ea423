"""JSON of somebody else's, read without losing a digit, and folded so that a page stays a page.

Python's own reading would turn ``1e400`` into infinity, ``12345678901234567890.0`` into another number and drop the
first of two equal keys. Here numbers keep the text they were stored with, keys their order and their doubles.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from board.queries.text import display, one_line, shorten
from board.redaction import REDACTED, Path, hides, redact_text

__all__ = [
    "Node",
    "Number",
    "Pairs",
    "Payload",
    "conceal",
    "folded",
    "parse",
    "payload",
    "preview",
    "preview_of",
    "scalar_text",
    "tree",
    "without_secrets",
    "write",
]

NODE_LIMIT = 1500
"""Nodes that one tree holds; more are counted, not shown."""

CHILD_LIMIT = 200
"""Entries shown of one object or array."""

FOLDED_ABOVE = 32_768
"""Bytes above which a page shows only the beginning of a payload; the rest is read when somebody opens it."""

FOLDED_NODES = 60
"""Nodes of that beginning."""

FOLDED_TEXT = 2_000
"""Characters of it where it is no tree, for Redis was asked for its beginning alone."""

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
        more: entries behind the last of those.
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
        for key, value in reversed(self):
            if key == name:
                return value
        return None


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
    try:
        shown = conceal(value)
        hidden = text if shown is value else write(shown)
    except RecursionError:
        return Payload(display(redact_text(text)), size, None, valid=True, truncated=False)
    return Payload(display(hidden), size, tree(shown), valid=True, truncated=False)


def without_secrets(text: str) -> tuple[str, bool]:
    """Return a stored text with its secrets hidden and every other digit as it was, and whether it is JSON."""
    try:
        value = parse(text)
        shown = conceal(value)
        return (text if shown is value else write(shown)), True
    except (ValueError, RecursionError):
        return redact_text(text), False


def conceal(value: Any, path: Path = (), *, hidden: bool = False) -> Any:
    """Return a parsed value without its secrets; the very same object when it holds none.

    Args:
        value: as ``parse`` returns it.
        path: keys that lead to it.
        hidden: it stands below a key whose values are hidden.
    """
    if isinstance(value, Pairs):
        entries = []
        for key, one in value:
            here = (*path, key)
            entries.append((key, conceal(one, here, hidden=hidden or hides(key, here))))
        is_same = all(new is old for (_, new), (_, old) in zip(entries, value, strict=True))
        return value if is_same else Pairs(entries)
    if isinstance(value, list):
        items = [conceal(one, path, hidden=hidden) for one in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    if value is None or isinstance(value, bool):
        return value
    if hidden:
        return REDACTED
    if isinstance(value, str):
        plain = redact_text(value)
        return value if plain == value else plain
    return value


def preview(text: str, *, whole: bool = True, length: int = 160) -> str:
    """Write the beginning of a JSON text on one line: ``key: value, key: value`` for an object, else the value.

    Args:
        text: JSON, or its beginning.
        whole: nothing is missing at the end.
        length: most characters.
    """
    return _preview(_entries(text), text, whole=whole, length=length)


def preview_of(value: Any, text: str, *, length: int = 160) -> str:
    """Write the beginning of a JSON text as ``preview`` does, where it was read already.

    Args:
        value: as ``parse`` returns it.
        text: what was read.
        length: most characters.
    """
    return _preview(value if isinstance(value, Pairs) else [(None, value)], text, whole=True, length=length)


def _preview(entries: Iterable[tuple[str | None, Any]], text: str, *, whole: bool, length: int) -> str:
    parts: list[str] = []
    told = 0
    for key, value in entries:
        part = _shown_scalar(value, key)
        parts.append(f"{one_line(key)}: {part}" if key is not None else part)
        told += len(parts[-1]) + 2
        if told > length:
            break
    else:
        if not parts:
            parts = ["{}" if text.strip() == "{}" else one_line(redact_text(text[: length * 4]))]
        elif not whole:
            parts.append("…")
    return shorten(", ".join(parts), length)


def _shown_scalar(value: Any, key: str | None) -> str:
    hidden = key is not None and hides(key, (key,))
    return scalar_text(value if isinstance(value, list) else conceal(value, hidden=hidden))


def scalar_text(value: Any) -> str:
    """Write one value briefly: strings bare, numbers as stored, objects and arrays by their size."""
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


def write(value: Any) -> str:
    """Write a parsed value as JSON, every number as it was stored."""
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{_quote(name)}:{write(one)}" for name, one in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    return _leaf(value, None, 0, limit=sys.maxsize).text


def folded(shown: Payload) -> Payload:
    """Return the little of a large payload that a page begins with; a small one as it is."""
    if shown.size <= FOLDED_ABOVE:
        return shown
    if shown.tree is None:
        return replace(shown, text=shorten(shown.text, FOLDED_TEXT), truncated=True)
    left = FOLDED_NODES

    def cut(node: Node) -> Node:
        nonlocal left
        left -= 1
        children: list[Node] = []
        for child in node.children:
            if left <= 0 or (node.depth > 0 and len(children) >= FOLDED_NODES // 6):
                break
            children.append(cut(child))
        text = shorten(node.text, FOLDED_TEXT // 8)
        return replace(node, text=text, children=tuple(children), more=node.size - len(children))

    return replace(shown, text="", tree=cut(shown.tree), truncated=True)


def tree(value: Any, *, key: str | None = None, start: int = 0, most: int = CHILD_LIMIT) -> Node:
    """Lay a parsed value out for a page.

    Args:
        value: as ``parse`` returns it.
        key: its name in the object that holds it.
        start: entries of the value itself to leave out before the first.
        most: entries of it that are shown.
    """
    left = NODE_LIMIT

    def build(value: Any, key: str | None, depth: int) -> Node:
        nonlocal left
        left -= 1
        shown_key = None if key is None else display(key)
        if not isinstance(value, list):
            return _leaf(value, shown_key, depth)
        kind: Kind = "object" if isinstance(value, Pairs) else "array"
        entries = value if isinstance(value, Pairs) else [(None, one) for one in value]
        first, last = (start, start + most) if depth == 0 else (0, CHILD_LIMIT)
        children: list[Node] = []
        if depth < DEPTH_LIMIT:
            for child_key, child in entries[first:last]:
                if left <= 0:
                    break
                children.append(build(child, child_key, depth + 1))
        return Node(kind, shown_key, "", len(value), tuple(children), len(value) - first - len(children), depth)

    return build(value, key, 0)


def _leaf(value: Any, shown_key: str | None, depth: int, *, limit: int = STRING_LIMIT) -> Node:
    def leaf(kind: Kind, text: str) -> Node:
        return Node(kind, shown_key, text, 0, (), 0, depth)

    if value is None:
        return leaf("null", "null")
    if isinstance(value, bool):
        return leaf("bool", "true" if value else "false")
    if isinstance(value, Number):
        return leaf("number", shorten(value.text, limit))
    return leaf("string", shorten(display(_quote(value)), limit))
