"""The audit log: page by page, one entry, and as a file."""

from collections.abc import Callable, Iterator, Mapping

from flask import Response, request
from werkzeug.exceptions import NotFound

from board.actions.perform import record
from board.audit import Entry
from board.audit_export import csv_lines, ndjson_lines
from board.auth.policy import Permission, can, everywhere
from board.errors import BadRequestError
from board.queries.audit import RESULTS, AuditAsked, entries_of, is_cursor, read_audit, read_entry
from board.web import render
from board.web.state import actor, board, insist
from board.web.views.blueprints import audit

__all__ = ["entry", "export", "index"]

LONGEST = 200
"""Characters of a filter."""

KINDS = {"csv": "text/csv", "ndjson": "application/x-ndjson"}


@audit.get("/audit")
def index() -> Response:
    """Show who did what, newest first."""
    own = board()
    insist(Permission.AUDIT, action="read audit log")
    page = read_audit(own.audit_connection, own.audit, own.sources, _asked(request.args), _reader())
    return render.page("audit/audit.html", page=page)


@audit.get("/audit/<entry_id>")
def entry(entry_id: str) -> Response:
    """Show everything that was recorded of one action."""
    own = board()
    insist(Permission.AUDIT, action="read audit log")
    page = (
        read_entry(own.audit_connection, own.audit, own.sources, entry_id, _reader()) if is_cursor(entry_id) else None
    )
    if page is None:
        raise NotFound
    return render.page("audit/entry.html", page=page)


@audit.post("/audit/export")
def export() -> Response:
    """Send the entries asked for as a file; that somebody took them along is recorded."""
    own, who = board(), actor()
    insist(Permission.AUDIT, action="export audit log")
    asked, kind = _asked(request.form), request.form.get("format", "csv")
    if kind not in KINDS:
        raise BadRequestError(f"There is no format {kind[:40]!r}: choose csv or ndjson.")
    told = " ".join(f"{name}={value}" for name, value in asked.filters.items())
    taken = Entry(
        at_ms=own.clock(),
        who=who.identity.name,
        role=str(who.identity.role),
        address=who.address,
        action="export audit log",
        result="done",
        detail=f"{kind} {told}".strip(),
        request_id=who.request_id,
    )
    found = entries_of(own.audit_connection, own.audit, asked, _reader())
    lines = csv_lines(found) if kind == "csv" else ndjson_lines(found)
    first = next(lines, "")  # what is asked wrongly is refused now, not within the file
    record(own.desk, taken)
    response = Response(_with(first, lines), mimetype=KINDS[kind])
    response.headers["Content-Disposition"] = f'attachment; filename="audit.{kind}"'
    return response


def _with(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _asked(values: Mapping[str, str]) -> AuditAsked:
    asked = AuditAsked(
        **{name: values.get(name, "").strip()[:LONGEST] for name in ("who", "action", "queue", "result", "after")},
        since=values.get("from", "").strip()[:LONGEST],
        until=values.get("to", "").strip()[:LONGEST],
    )
    if asked.after and not is_cursor(asked.after):
        raise BadRequestError("This is no place in the audit log.")
    if asked.result and asked.result not in RESULTS:
        raise BadRequestError(f"There is no result {asked.result[:40]!r}: choose one of {', '.join(RESULTS)}.")
    return asked


def _reader() -> Callable[[str | None], bool]:
    """Return what the person who asks may read about: queues; entries about none are for those who may read all."""
    who = actor().identity

    def may_read(queue: str | None) -> bool:
        return can(who, Permission.AUDIT, queue) if queue else everywhere(who, Permission.AUDIT)

    return may_read
