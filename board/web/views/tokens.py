"""Tokens of programs, for administrators."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, flash, make_response, redirect, request, url_for

from board import words
from board.actions.tokens import make_token, revoke_token
from board.auth.policy import Permission, can
from board.auth.tokens import LONGEST_DAYS, Token
from board.errors import UserError
from board.web import forms, render
from board.web.state import actor, board, insist
from board.web.views.blueprints import settings
from board.web.wording import audit_missing
from board.words import gettext, sentence

__all__ = ["ConfirmPage", "TokensPage", "asks_first", "make", "revoke", "tokens"]


@dataclass(frozen=True, slots=True)
class TokensPage:
    """Every token.

    Attributes:
        tokens: by name, each with when it was last used, ms.
        roles: what one may be.
        problem: why the last form was refused; None when it was not.
        secret: of one just made, to be shown once; empty for none.
        secret_of: its name.
    """

    tokens: tuple[tuple[Token, int | None], ...]
    roles: tuple[str, ...]
    problem: str | None = None
    secret: str = ""
    secret_of: str = ""


@dataclass(frozen=True, slots=True)
class ConfirmPage:
    """A user or a token that is about to be removed for good.

    Attributes:
        kind: ``user`` or ``token``.
        name: of the one.
        role: of the one.
        sign_ins: that would end; none for a token.
        url: where the form leads that removes it.
        back_url: the list.
    """

    kind: str
    name: str
    role: str
    sign_ins: int
    url: str
    back_url: str


def asks_first(permission: Permission) -> bool:
    """Whether the person may do it and has not seen yet what it does; who may not is refused without a question."""
    may = not board().settings.read_only and can(actor().identity, permission)
    return may and request.form.get("confirmed") != "1"


@settings.get("/settings/tokens")
def tokens() -> Response:
    """List the tokens."""
    insist(Permission.USERS, action="list tokens")
    return _page()


@settings.post("/settings/tokens")
def make() -> Response:
    """Make a token and show it, once."""
    own, name = board(), request.form.get("token", "").strip()
    queues = tuple(filter(None, (one.strip() for one in request.form.get("queues", "").split(","))))
    try:
        secret, problem = make_token(
            own.desk,
            actor(),
            own.tokens,
            name,
            role=request.form.get("role", ""),
            queues=queues,
            only_reads=request.form.get("only_reads") == "1",
            days=forms.whole(request.form, "days", sentence("A number of days"), 0, LONGEST_DAYS),
        )
    except UserError as refusal:
        return _page(words.of(refusal), status=400)
    if problem:
        flash(audit_missing(), "warn")
    return _page(secret=secret, secret_of=name)


@settings.post("/settings/tokens/<token>/revoke")
def revoke(token: str) -> Response:
    """End a token, after asking."""
    own = board()
    found = next((one for _, one, _ in own.tokens.all() if one.name == token), None)
    if found is not None and asks_first(Permission.USERS):
        urls = url_for("settings.revoke", token=token), url_for("settings.tokens")
        return render.page("settings/confirm.html", page=ConfirmPage("token", token, found.role, 0, *urls))
    problem = revoke_token(own.desk, actor(), own.tokens, token)
    flash(gettext("The token %(name)s is revoked.", name=token), "ok")
    if problem:
        flash(audit_missing(), "warn")
    return make_response(redirect(url_for("settings.tokens"), 303))


def _page(problem: str | None = None, *, secret: str = "", secret_of: str = "", status: int = 200) -> Response:
    own = board()
    listed = tuple((token, used_ms) for _, token, used_ms in own.tokens.all())
    page = TokensPage(listed, own.roles.names, problem, secret, secret_of)
    return render.page("settings/tokens.html", page=page, status=status)
