"""The flask-login adapter: who is signed in, and what happens to those who are not.

The guard runs before every view. Addresses that need no sign-in are listed in ``OPEN``; a view that is not listed is
closed, so a forgotten one fails safe. With a host application's own sign-in (``identify``) the board has no users of
its own: it believes what the host says about each request.
"""

from __future__ import annotations

from typing import Any

import flask_login
from flask import Flask, Response, current_app, flash, g, make_response, redirect, request, session, url_for
from flask.globals import app_ctx

from board.auth.policy import Identity
from board.auth.preferences import UNSET, Preferences
from board.auth.users import User
from board.engine.errors import StoreError
from board.web import filters, htmx, programs, render, security
from board.web.identify import Identify, identity_from
from board.web.state import CONNECTION, IDENTIFY, board, signs_in
from board.words import gettext

__all__ = ["OPEN", "asking", "digest_of_sign_in", "install", "is_signed_in", "sign_in", "sign_out", "signs_in"]

OPEN = frozenset(
    {"static", "login.sign_in", "login.leave_for", "login.come_back", "health.live", "health.ready", "settings.theme"}
)
"""Endpoints anybody may ask: none of them shows a queue, a job or a user."""

WITHOUT_REDIS = frozenset({"static", "health.live", "health.ready"})
"""Endpoints that must answer while Redis is away; they know no session."""

FLASHES = "_flashes"
"""Where Flask keeps messages for the next page in a session."""


class _Account(flask_login.UserMixin):  # type: ignore[misc]  # flask-login ships no types
    """What flask-login keeps for a request: a person, under the token of the sign-in."""

    def __init__(self, token: str, identity: Identity, preferences: Preferences = UNSET) -> None:
        self.token = token
        self.identity = identity
        self.preferences = preferences

    def get_id(self) -> str:
        return self.token


def install(app: Flask, identify: Identify | None) -> None:
    """Set up sign-in for an application, the board's own or the host's."""
    app.extensions[IDENTIFY] = identify
    app.session_interface = security.BoardSessions()
    app.config.update(
        REMEMBER_COOKIE_NAME="board_remember", SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax"
    )
    manager = flask_login.LoginManager()
    manager.session_protection = None  # the sign-in lives in Redis; an address that changes (a phone) is no reason
    manager.user_loader(_load)
    manager.request_loader(_load_from_host)
    manager.init_app(app, add_context_processor=False)
    app.before_request(_guard)


def is_signed_in() -> bool:
    """Whether the person at the sign-in page has signed in already. While Redis is away nobody can tell."""
    try:
        return bool(flask_login.current_user.is_authenticated)
    except StoreError:
        return False


def sign_in(user: User) -> None:
    """Begin a sign-in under a new id, with nothing left of the session before."""
    flashes = session.get(FLASHES)
    session.clear()
    if flashes:
        session[FLASHES] = flashes
    agent = request.user_agent.string if request.user_agent.string.isprintable() else ""
    token = board().sessions.open(user, address=request.remote_addr or "", agent=agent)
    flask_login.login_user(_Account(token, user.identity))
    if board().sessions.is_short(token):
        flash(_short(), "warn")
    g.identity = user.identity


def _short() -> str:
    if board().settings.secret_key:
        return gettext(
            "Redis takes no writes, so this sign-in lasts one hour. Actions that Redis still allows can be tried."
        )
    return gettext(
        "Redis takes no writes, so this sign-in lasts one hour. "
        "It can only look; with BOARD_SECRET_KEY set it could also act."
    )


def digest_of_sign_in() -> str:
    """Return what names the sign-in of this request in the list of them."""
    token = session.get("_user_id")
    return board().sessions.digest_of(token) if isinstance(token, str) else ""


def sign_out() -> None:
    """End the sign-in here and on the server."""
    token = session.get("_user_id")
    if isinstance(token, str):
        board().sessions.close(token)
    flask_login.logout_user()
    session.clear()


def asking() -> Identity | None:
    """Return who asks, also before the guard has found out; None for nobody, and while Redis is away."""
    try:
        who = g.get("identity") or flask_login.current_user
    except StoreError:
        return None
    if isinstance(who, Identity):
        return who
    return who.identity if who.is_authenticated else None


def _guard() -> Response | None:
    """Find out who asks; turn away who may not."""
    endpoint = request.endpoint
    filters.use_zone("")
    if endpoint in WITHOUT_REDIS:
        return None
    if programs.is_program():
        _guard_program()
        return None
    security.check_source(request)
    if trouble := g.get("not_prepared"):
        if endpoint == "login.sign_in" and request.method == "GET":
            return None
        raise trouble if isinstance(trouble, StoreError) else RuntimeError("not prepared")
    if endpoint == "login.sign_in" and signs_in():
        return None  # checks its token itself, to show the form anew
    who = _signed_in()
    if who.is_authenticated:
        noted = app_ctx.g
        noted.identity = who.identity
        noted.preferences = who.preferences if signs_in() else _preferences_of(who.identity)
        filters.use_zone(noted.preferences.zone)
    elif endpoint not in OPEN or not signs_in():
        return _turn_away()
    security.check_token(request, session)
    if who.is_authenticated and not htmx.is_htmx(request):
        own = board()
        own.look_at_redis()
        own.look_at_runs()
    return None


def _signed_in() -> Any:
    """Return the account of who asks, or flask-login's of nobody.

    The account itself: ``current_user`` looks for it anew at each use.
    """
    return flask_login.current_user._get_current_object()  # noqa: SLF001 - werkzeug's documented name


def _preferences_of(who: Identity) -> Preferences:
    """Read what somebody set whom the host application signed in. Its trouble is no page's trouble."""
    home = board().home
    try:
        own, shared = home.connection.batch(home.preferences.batch(who.name))
    except StoreError:
        return UNSET
    return home.preferences.preferences(own, shared)


def _guard_program() -> None:
    """Find out which program asks, or whose browser; a token is no cookie, so no other site can use it."""
    if trouble := g.get("not_prepared"):
        raise trouble if isinstance(trouble, StoreError) else RuntimeError("not prepared")
    g.identity = programs.identity_of_token()
    if g.identity is not None:
        return
    security.check_source(request)
    who = flask_login.current_user
    if not who.is_authenticated:
        raise programs.unauthorized("Send a token of this board in the header Authorization: Bearer …")
    g.identity = who.identity
    security.check_token(request, session)


def _turn_away() -> Response:
    if not signs_in():
        return make_response("The application around this board has not signed you in.\n", 403)
    overview = url_for("overview.index")
    if request.method in {"GET", "HEAD"}:
        target = render.request_path()
    else:
        target = security.inside(request.form.get("next"), request.script_root, overview)
        flash(gettext("You were not signed in any more, so your last action was not carried out."), "warn")
    login = url_for("login.sign_in", next=target if target != overview else None)
    if htmx.is_htmx(request):
        return htmx.redirect_browser(make_response("", 401), login)
    return make_response(redirect(login, 303))


def _load(token: str) -> _Account | None:
    """Check a sign-in, as flask-login asks for each session."""
    if not signs_in():
        return None
    own = board()
    try:
        user = own.sessions.check(token)
    except StoreError:
        if not request.environ.get(CONNECTION):
            raise
        user = own.sessions.recall(token)
        if user is None:
            raise
    return _Account(token, user.identity, user.preferences) if user else None


def _load_from_host(_request: Any) -> _Account | None:
    """Ask the host application, when it is the one that signs people in."""
    identify: Identify | None = current_app.extensions[IDENTIFY]
    if identify is None:
        return None
    identity = identity_from(identify(request.environ), board().roles)
    return _Account("", identity) if identity else None
