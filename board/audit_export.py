"""The audit log as files: CSV for spreadsheets, NDJSON for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from datetime import UTC, datetime

from board.audit import Entry, StoredEntry

__all__ = ["csv_lines", "ndjson_lines", "safe_cell"]

COLUMNS = ("id", "time", *(field.name for field in fields(Entry)), "chain")


def safe_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: one that could be is made text by an apostrophe."""
    return (
        f"'{text}"
        if text.lstrip(" \u00a0\ufeff")[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
        else text
    )


def csv_lines(entries: Iterable[StoredEntry]) -> Iterator[str]:
    """Yield the header, then a line for each entry; ids of jobs stand in one cell, separated by spaces."""
    yield _csv(COLUMNS)
    for stored in entries:
        record = _record(stored)
        record["ids"] = " ".join(stored.entry.ids) if stored.entry else ""
        yield _csv([_cell(record.get(name, "")) for name in COLUMNS])


def ndjson_lines(entries: Iterable[StoredEntry]) -> Iterator[str]:
    """Yield one JSON object a line for each entry."""
    for stored in entries:
        yield json.dumps(_record(stored), ensure_ascii=True) + "\n"


def _record(stored: StoredEntry) -> dict[str, object]:
    entry = stored.entry
    if entry is None:
        return {"id": stored.id, "detail": "This entry cannot be read.", "chain": stored.chain}
    time = datetime.fromtimestamp(entry.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return {"id": stored.id, "time": time, **asdict(entry), "chain": stored.chain}


def _cell(value: object) -> object:
    return safe_cell(value) if isinstance(value, str) else value


def _csv(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
