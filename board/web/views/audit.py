"""The audit log, page by page."""

from flask import Response, request

from board.actions.perform import refuse
from board.auth.policy import Permission, demand
from board.errors import BadRequestError, ForbiddenError
from board.queries.audit import is_cursor, read_audit
from board.web import render
from board.web.state import actor, board
from board.web.views.blueprints import audit

__all__ = ["index"]


@audit.get("/audit")
def index() -> Response:
    """Show who did what, newest first."""
    own, who = board(), actor()
    try:
        demand(who.identity, Permission.AUDIT)
    except ForbiddenError as refusal:
        refuse(own.desk, who, "read audit log", refusal)
        raise
    after = request.args.get("after")
    if after is not None and not is_cursor(after):
        raise BadRequestError("This is no place in the audit log.")
    return render.page("audit/audit.html", page=read_audit(own.connection, own.audit, own.sources, after))
