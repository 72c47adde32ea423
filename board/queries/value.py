"""What a job carries or returned, opened part by part: a page of its tree, a search in it, and the whole as a file.

A part is named by the places of its entries, such as ``0.3.12``: a key may be empty, stand there twice or hold any
sign, a place is always a number. Secrets are hidden in the whole before a part of it is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from board.engine.calls import Batch
from board.engine.commands.fields import FieldReading, read_field
from board.engine.keys import QueueKeys
from board.errors import BadRequestError, UnknownJobError
from board.queries.payload import Node, Number, Pairs, conceal, parse, tree, write
from board.queries.shared import Known, QueueName, Reads, queue_name
from board.queries.text import display, one_line, shorten
from board.redaction import redact_text

__all__ = ["FIELDS", "MATCH_LIMIT", "Match", "Step", "ValueFile", "ValuePage", "read_value", "read_whole"]

FIELDS = {"data": "Data", "returnvalue": "Return value"}
"""What can be opened, under the names of the wire."""

LONGEST = 16_777_216
"""Bytes of the longest value that is read into this process; it takes ten times as much memory while it is parsed."""

MATCH_LIMIT = 100
"""Matches that a search shows; it goes on counting."""

COPY_LIMIT = 16_384
"""Characters of a part that travel a second time, to be copied."""

DEEPEST = 200
"""Steps of one place; no payload that can be read is deeper."""

_AT = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})*)?")
_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$]*")


@dataclass(frozen=True, slots=True)
class Step:
    """One step from the top to a part: its name, and the place of that part."""

    label: str
    at: str


@dataclass(frozen=True, slots=True)
class Match:
    """One value that was found.

    Attributes:
        path: where it is, as one would write it in a program: ``items[3].sku``.
        at: its place.
        text: on one line, cut.
    """

    path: str
    at: str
    text: str


@dataclass(frozen=True, slots=True)
class ValuePage:
    """A part of what a job carries.

    Attributes:
        queue: where the job is.
        id: exactly as stored.
        name: None when its hash has none.
        field: ``data`` or ``returnvalue``.
        size: bytes of the whole.
        at: place of the part; empty for the whole.
        path: the same, as one would write it in a program; empty for the whole.
        steps: from the top to the part.
        tree: None when the value is no JSON, or too large to be opened.
        text: the part as JSON; None when it is too long to be copied from here.
        start: entries before the first that is shown.
        next_start: where the next page begins; None at the end.
        find: what was looked for.
        matches: the first of what was found below the part.
        found: how many were found.
        looked_at: values that were looked at.
        problem: why there is no tree.
    """

    queue: QueueName
    id: str
    name: str | None
    field: str
    size: int
    at: str
    path: str
    steps: tuple[Step, ...]
    tree: Node | None
    text: str | None
    start: int = 0
    next_start: int | None = None
    find: str = ""
    matches: tuple[Match, ...] = ()
    found: int = 0
    looked_at: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ValueFile:
    """The whole of it for a file: secrets hidden, every other digit as it was stored."""

    text: str
    is_json: bool


def read_value(
    connection: Reads,
    known: Known,
    queue: QueueKeys,
    job_id: str,
    field: str,
    *,
    at: str = "",
    start: int = 0,
    find: str = "",
) -> ValuePage:
    """Open a part of what a job carries.

    Args:
        connection: to Redis.
        known: of the queues.
        queue: of the job.
        job_id: its id.
        field: a name of ``FIELDS``.
        at: place of the part.
        start: entries of it to leave out.
        find: text to look for in keys and values below it, whatever its case.

    Raises:
        UnknownJobError: there is no such job.
        BadRequestError: the job has no such field, or no such part any more.
    """
    if not _AT.fullmatch(at) or at.count(".") > DEEPEST:
        raise BadRequestError(f"{at[:40]!r} is no place in a value.")
    reading = _read(connection, known, queue, job_id, field)
    page = ValuePage(
        queue=queue_name(queue, known),
        id=job_id,
        name=None if reading.name is None else display(redact_text(reading.name)),
        field=field,
        size=reading.length,
        at=at,
        path="",
        steps=(),
        tree=None,
        text=None,
        find=find,
    )
    if reading.text is None:
        return replace(
            page, problem=f"It is larger than {LONGEST // 1_048_576} MB: it can neither be opened nor saved."
        )
    try:
        value = conceal(parse(reading.text))
        part, path, steps = _part(value, at)
        text = write(part)
    except (ValueError, RecursionError):
        shown = display(redact_text(reading.text)[:COPY_LIMIT])
        return replace(page, text=shown, problem="It is not JSON, or nested too deeply to be read.")
    start = min(start, max(len(part) - 1, 0)) if isinstance(part, list) else 0
    shown_tree = tree(part, start=start)
    after = start + len(shown_tree.children)
    page = replace(
        page,
        path=path,
        steps=steps,
        tree=shown_tree,
        text=display(text) if len(text) <= COPY_LIMIT else None,
        start=start,
        next_start=after if after < shown_tree.size else None,
    )
    return _searched(page, part) if find else page


def read_whole(connection: Reads, known: Known, queue: QueueKeys, job_id: str, field: str) -> ValueFile:
    """Return all of what a job carries, for a file.

    Raises:
        UnknownJobError: there is no such job.
        BadRequestError: the job has no such field, or it is too large.
    """
    reading = _read(connection, known, queue, job_id, field)
    if reading.text is None:
        raise BadRequestError(f"It is larger than {LONGEST // 1_048_576} MB: too large to be saved from here.")
    try:
        value = parse(reading.text)
        shown = conceal(value)
        return ValueFile(reading.text if shown is value else write(shown), is_json=True)
    except (ValueError, RecursionError):
        return ValueFile(redact_text(reading.text), is_json=False)


def _read(connection: Reads, known: Known, queue: QueueKeys, job_id: str, field: str) -> FieldReading:
    if field not in FIELDS:
        raise BadRequestError(f"There is no {field[:40]!r} to open; known are {', '.join(FIELDS)}.")
    reading = connection.batch(Batch.of([read_field(queue, job_id, field, most=LONGEST)]))[0]
    if reading.kind != "hash":
        raise UnknownJobError(job_id, queue=queue.name, slug=known.slug(queue))
    if reading.text is None and not reading.length:
        raise BadRequestError(f"The job has no {FIELDS[field].lower()}.")
    return reading


def _part(value: Any, at: str) -> tuple[Any, str, tuple[Step, ...]]:
    """Go down to a part; returns it, its path and the steps to it."""
    path = ""
    steps: list[Step] = []
    for place in map(int, at.split(".") if at else ()):
        if not isinstance(value, list) or place >= len(value):
            raise BadRequestError("There is no such part any more: the value has changed.")
        key, value = value[place] if isinstance(value, Pairs) else (None, value[place])
        path += _step(key, place)
        before = f"{steps[-1].at}." if steps else ""
        steps.append(Step(f"[{place}]" if key is None else display(key), f"{before}{place}"))
    return value, display(path.removeprefix(".")), tuple(steps)


def _step(key: str | None, place: int) -> str:
    if key is None:
        return f"[{place}]"
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{write(key)}]"


def _searched(page: ValuePage, part: Any) -> ValuePage:
    wanted = page.find.casefold()
    matches: list[Match] = []
    found = looked_at = 0
    for path, at, key, value in _walk(part, page.path, page.at):
        looked_at += 1
        is_leaf = not isinstance(value, list)
        if not (key and wanted in key.casefold()) and not (is_leaf and wanted in _plain(value).casefold()):
            continue
        found += 1
        if len(matches) < MATCH_LIMIT:
            told = one_line(_plain(value)[:400]) if is_leaf else f"{'{…}' if isinstance(value, Pairs) else '[…]'}"
            matches.append(Match(display(path.removeprefix(".")), at, shorten(told, 160)))
    return replace(page, matches=tuple(matches), found=found, looked_at=looked_at)


def _walk(value: Any, path: str, at: str) -> Iterator[tuple[str, str, str | None, Any]]:
    """Yield path, place, key and value of all below a value, in order; without recursion, however deep it is."""
    stack = [(path, at, None, value)]
    while stack:
        here, place, key, one = stack.pop()
        if place != at:
            yield here, place, key, one
        if isinstance(one, list):
            entries = one if isinstance(one, Pairs) else [(None, each) for each in one]
            dot = f"{place}." if place else ""
            stack.extend(
                (here + _step(name, number), f"{dot}{number}", name, each)
                for number, (name, each) in reversed(list(enumerate(entries)))
            )


def _plain(value: Any) -> str:
    if isinstance(value, Number):
        return value.text
    return value if isinstance(value, str) else {None: "null", True: "true", False: "false"}[value]
