"""What a schema demands of the data of a job, for the form that adds one: an outline, and data to begin with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from board.queries.json_text import hide
from board.redaction import REDACTED, hides
from board.schemas import JobSchema, bounds
from board.words import Sentence

__all__ = ["Demand", "Outline", "outline", "skeleton"]

MOST_DEMANDS = 100
"""Lines of an outline: whoever needs more reads the schema."""

DEEPEST = 5
"""Levels of an outline, and of the data to begin with; a schema may refer to itself."""

LONGEST_TEXT = 300
"""Characters of a description, and of a default."""

MOST_BEGUN = 1_000
"""Values in the data to begin with. A schema whose parts refer to each other may ask for a hundred at each level."""

LARGEST_SKELETON = 65_536
"""Characters of the data to begin with, as much as may be edited in a browser."""


@dataclass(frozen=True, slots=True)
class Demand:
    """One value of the data.

    Attributes:
        path: where it is, such as ``items[].price``.
        types: names of the types that it may have; empty for any.
        is_needed: it must be there.
        about: its description; may be empty.
        bounds: what else is asked of it, each the rest of a sentence.
        format: what kind of text is meant; may be empty.
        default: as JSON; empty where there is none.
    """

    path: str
    types: tuple[str, ...]
    is_needed: bool
    about: str
    bounds: tuple[Sentence, ...]
    format: str
    default: str


@dataclass(frozen=True, slots=True)
class Outline:
    """One schema.

    Attributes:
        job: glob of the names of its jobs.
        names_one: there is one such name.
        about: its title and description; may be empty.
        demands: in its order, at most ``MOST_DEMANDS``.
        is_cut: there is more.
    """

    job: str
    names_one: bool
    about: str
    demands: tuple[Demand, ...]
    is_cut: bool


def outline(entry: JobSchema) -> Outline:
    """Return what a schema demands."""
    found = tuple(islice(_demands(entry, entry.schema, "", (), needed=True), MOST_DEMANDS + 1))
    whole = entry.resolved(entry.schema)
    return Outline(
        job=entry.job,
        names_one=entry.names_one,
        about=_about(whole) if isinstance(whole, Mapping) else "",
        demands=found[:MOST_DEMANDS],
        is_cut=len(found) > MOST_DEMANDS,
    )


def skeleton(entry: JobSchema) -> str:
    """Return data to begin with, as JSON laid out: what is required, and what has a default; nothing of too many."""
    try:
        begun = _begun(entry, entry.schema, (), iter(range(MOST_BEGUN)))
    except _TooManyError:
        return "{}"
    text = json.dumps(begun, indent=2, ensure_ascii=False)
    return text if len(text) <= LARGEST_SKELETON else "{}"


def _demands(
    entry: JobSchema, schema: Any, path: str, keys: tuple[str, ...], *, needed: bool, depth: int = 0
) -> Iterator[Demand]:
    parts = _parts(entry, schema)
    if path or not any(part.get("properties") for part in parts):
        yield _demand(entry, entry.resolved(schema), path, keys, needed=needed)
    if depth == DEEPEST:
        return
    for part in parts:
        required = _required(part)
        for name, below in (part.get("properties") or {}).items():
            place = f"{path}.{name}" if path else name
            yield from _demands(entry, below, place, (*keys, name), needed=name in required, depth=depth + 1)
        if isinstance(items := part.get("items"), Mapping):
            yield from _demands(entry, items, f"{path}[]", keys, needed=False, depth=depth + 1)


def _demand(entry: JobSchema, schema: Any, path: str, keys: tuple[str, ...], *, needed: bool) -> Demand:
    found: Mapping[str, Any] = schema if isinstance(schema, Mapping) else {}
    default = ""
    if "default" in found:
        default = REDACTED if _is_secret(found["default"], keys) else _shortened(_written(found["default"]))
    return Demand(
        path=path,
        types=_types(entry, found),
        is_needed=needed,
        about=_about(found),
        bounds=bounds(found),
        format=_shortened(found["format"]) if isinstance(found.get("format"), str) else "",
        default=default,
    )


def _parts(entry: JobSchema, schema: Any) -> list[Mapping[str, Any]]:
    """Return a schema and those that all have to hold beside it."""
    found = entry.resolved(schema)
    if not isinstance(found, Mapping):
        return []
    beside = found.get("allOf")
    others = [entry.resolved(one) for one in beside] if isinstance(beside, list) else []
    return [found, *(one for one in others if isinstance(one, Mapping))]


def _required(part: Mapping[str, Any]) -> list[str]:
    required = part.get("required")
    return required if isinstance(required, list) else []


def _types(entry: JobSchema, schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of types, also where each form of a choice has its own."""
    stated = schema.get("type")
    if isinstance(stated, str):
        return (stated,)
    if isinstance(stated, list):
        return tuple(one for one in stated if isinstance(one, str))
    forms = schema.get("anyOf") or schema.get("oneOf") or []
    named = [entry.resolved(one) for one in forms] if isinstance(forms, list) else []
    types = [one.get("type") for one in named if isinstance(one, Mapping)]
    return tuple(dict.fromkeys(one for one in types if isinstance(one, str)))


def _about(schema: Mapping[str, Any]) -> str:
    said = (schema.get("title"), schema.get("description"))
    return _shortened(": ".join(one.strip() for one in said if isinstance(one, str) and one.strip()))


def _is_secret(value: Any, keys: tuple[str, ...]) -> bool:
    """Whether a default is, or holds, what would be hidden in the data of a job."""
    text = _written(value)
    return any(hides(key, keys[: at + 1]) for at, key in enumerate(keys)) or hide(text) != text


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


class _TooManyError(Exception):
    """There are more values to begin with than a form shows."""


def _begun(entry: JobSchema, schema: Any, keys: tuple[str, ...], left: Iterator[int], depth: int = 0) -> Any:
    if next(left, None) is None:
        raise _TooManyError
    parts = _parts(entry, schema)
    if not parts or depth > DEEPEST:
        return None if keys else {}
    found = parts[0]
    if "default" in found and not _is_secret(found["default"], keys):
        return found["default"]
    if "const" in found:
        return found["const"]
    if isinstance(found.get("enum"), list) and found["enum"]:
        return found["enum"][0]
    forms = found.get("anyOf") or found.get("oneOf")
    if isinstance(forms, list) and forms and "type" not in found and "properties" not in found:
        return _begun(entry, forms[0], keys, left, depth + 1)
    kind = next(iter(_types(entry, found)), "object" if any("properties" in part for part in parts) else "")
    if kind == "object":
        return _object(entry, parts, keys, left, depth)
    if kind == "array":
        least = found.get("minItems", 0)
        return (
            [_begun(entry, found.get("items"), keys, left, depth + 1)] if isinstance(least, int) and least > 0 else []
        )
    if kind in ("integer", "number"):
        return found["minimum"] if isinstance(found.get("minimum"), int | float) else 0
    return {"string": "", "boolean": False}.get(kind, {} if not keys and not kind else None)


def _object(
    entry: JobSchema, parts: list[Mapping[str, Any]], keys: tuple[str, ...], left: Iterator[int], depth: int
) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for part in parts:
        properties, required = part.get("properties") or {}, _required(part)
        for name, below in properties.items():
            resolved = entry.resolved(below)
            if name in required or (isinstance(resolved, Mapping) and "default" in resolved):
                made[name] = _begun(entry, below, (*keys, name), left, depth + 1)
        for name in required:
            made.setdefault(name, None)
    return made
