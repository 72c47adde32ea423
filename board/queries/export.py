"""Jobs as files: JSON, NDJSON or CSV, written while they are read, in steps that leave the server to others.

Secrets are hidden as on the pages, numbers keep every digit, and no cell is a formula. A job that a step finds broken
is a line like any other.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterator
from typing import Any

from board.audit_export import safe_cell
from board.engine.commands.searches import Candidate, read_candidates
from board.engine.keys import QueueKeys
from board.queries.payload import without_secrets
from board.queries.queue import default_sort
from board.queries.search import Filter, matches, subject_of
from board.queries.search.subject import CARRIED
from board.queries.shared import Known, Reads, together
from board.redaction import redact_text

__all__ = ["FORMATS", "export_lines"]

FORMATS = {"json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv"}

STEP = 200
LONGEST = 1_048_576
"""Bytes of the longest data or result that is exported; of a longer one only that it is there."""

COLUMNS = ("id", "name", "state", "added_ms", "started_ms", "finished_ms", "attempts", "priority", "worker")
TEXTS = ("error_class", "error", "data", "returned")
FIELDS = frozenset(
    {"timestamp", "processedOn", "finishedOn", "atm", "attemptsMade", "priority", "pb", "error", "failedReason", "data"}
) | {"returnvalue"}


def export_lines(
    connection: Reads,
    known: Known,
    queue: QueueKeys,
    state: str,
    wish: Filter,
    *,
    kind: str,
    now_ms: int,
    ids: Collection[str] = (),
) -> Iterator[bytes]:
    """Yield a file of the jobs of a state that match, part by part.

    Args:
        connection: to Redis.
        known: whether what the jobs carry may be shown.
        queue: the queue.
        state: wire name.
        wish: the filter.
        kind: a name of ``FORMATS``.
        now_ms: what ages count from.
        ids: only these, if any.
    """
    fields = FIELDS if known.shows_data(queue) else FIELDS - CARRIED
    chosen = frozenset(ids)
    left = set(chosen)
    after = None
    if kind == "csv":
        yield _csv((*COLUMNS, *TEXTS)).encode()
    elif kind == "json":
        yield b"["
    is_first = True
    while True:
        order = default_sort(state)
        call = read_candidates(queue, state, order=order, count=STEP, fields=fields, after=after, longest=LONGEST)
        step = connection.batch(together([call]))[0]
        if isinstance(step, Exception):
            raise step
        for job in step.jobs:
            if job.kind == "marker" or (chosen and job.id not in chosen):
                continue
            left.discard(job.id)
            if not chosen and not matches(wish, subject_of(job, state), now_ms):
                continue
            text = _csv(_cells(job, state)) if kind == "csv" else _object(job, state)
            if kind == "json":
                text = ("\n" if is_first else ",\n") + text
            yield (text + "\n" if kind == "ndjson" else text).encode("utf-8", "replace")
            is_first = False
        after = step.last
        if after is None or (chosen and not left):
            break
    if kind == "json":
        yield b"\n]\n"


def _plain(job: Candidate, state: str) -> dict[str, Any]:
    subject = subject_of(job, state)
    found = {name: getattr(subject, name) for name in COLUMNS}
    reason = job.fields.get("failedReason")
    return {**found, "error_class": subject.error_class, "error": None if reason is None else redact_text(reason)}


def _object(job: Candidate, state: str) -> str:
    """Write a job as an object on one line; its data and result are JSON in it, or texts where they are none."""
    parts = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in _plain(job, state).items()]
    for name, wire in (("data", "data"), ("returned", "returnvalue")):
        if wire in job.too_long:
            parts.append(f'"{name}_too_long":true')
        elif wire in job.fields:
            text, is_json = without_secrets(job.fields[wire])
            on_one_line = text.replace("\r", " ").replace("\n", " ")
            parts.append(f'"{name}":{on_one_line}' if is_json else f'"{name}_text":{json.dumps(text)}')
    return "{" + ",".join(parts) + "}"


def _cells(job: Candidate, state: str) -> list[object]:
    found = _plain(job, state)
    for name, wire in (("data", "data"), ("returned", "returnvalue")):
        found[name] = without_secrets(job.fields[wire])[0] if wire in job.fields else None
    return ["" if value is None else safe_cell(value) if isinstance(value, str) else value for value in found.values()]


def _csv(cells: Any) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
