"""The audit log, page by page."""

from flask import Response, request

from board.auth.policy import Permission, can, everywhere
from board.errors import BadRequestError
from board.queries.audit import is_cursor, read_audit
from board.web import render
from board.web.state import actor, board, insist
from board.web.views.blueprints import audit

__all__ = ["index"]


@audit.get("/audit")
def index() -> Response:
    """Show who did what, newest first."""
    own = board()
    insist(Permission.AUDIT, action="read audit log")
    after = request.args.get("after")
    if after is not None and not is_cursor(after):
        raise BadRequestError("This is no place in the audit log.")
    return render.page(
        "audit/audit.html", page=read_audit(own.audit_connection, own.audit, own.sources, after, _may_read)
    )


def _may_read(queue: str | None) -> bool:
    """Whether the person who asks may read about that queue; entries about no queue are for those who may read all."""
    who = actor().identity
    return can(who, Permission.AUDIT, queue) if queue else everywhere(who, Permission.AUDIT)
