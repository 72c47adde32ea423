"""People and their sign-ins: administrators change everybody, and anybody their own account."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, flash, make_response, redirect, request, url_for
from werkzeug.exceptions import NotFound

from board import words
from board.actions import accounts
from board.auth.listing import read_sessions, read_users
from board.auth.passwords import generate_password
from board.auth.policy import Permission
from board.auth.users import User
from board.errors import UserError
from board.web import login, render
from board.web.state import actor, board, insist
from board.web.views.blueprints import settings
from board.web.views.tokens import ConfirmPage, asks_first
from board.web.wording import audit_missing
from board.words import gettext

__all__ = ["add_user", "change_password", "end_session", "end_sessions", "sessions", "users"]


@settings.get("/settings/users")
def users() -> Response:
    """List the people who may sign in."""
    _own_users()
    insist(Permission.USERS, action="list users")
    return _users()


@settings.post("/settings/users")
def add_user() -> Response:
    """Let somebody sign in; without a password one is generated and shown once."""
    _own_users()
    own, name = board(), request.form.get("user", "").strip()
    typed = request.form.get("new_password", "")
    password, role = typed or generate_password(), request.form.get("role", "")
    return _change(
        lambda: accounts.add_user(own.desk, actor(), own.users, name, password=password, role=role),
        gettext("%(name)s may sign in.", name=name),
        shown="" if typed else password,
        whose=name,
    )


@settings.post("/settings/users/<user>/role")
def change_role(user: str) -> Response:
    """Change how far somebody reaches; their sign-ins end."""
    _own_users()
    own, role = board(), request.form.get("role", "")
    return _change(
        lambda: accounts.set_role(own.desk, actor(), own.users, user, role),
        gettext("%(name)s is %(role)s now.", name=user, role=gettext(role)),
    )


@settings.post("/settings/users/<user>/password")
def reset_password(user: str) -> Response:
    """Generate a new password and show it once; their sign-ins end."""
    _own_users()
    own, password = board(), generate_password()
    return _change(
        lambda: accounts.set_password(own.desk, actor(), own.users, user, password),
        gettext("%(name)s has a new password.", name=user),
        shown=password,
        whose=user,
    )


@settings.post("/settings/users/<user>/disable")
def disable_user(user: str) -> Response:
    """Shut somebody out; their sign-ins end."""
    _own_users()
    own = board()
    return _change(
        lambda: accounts.set_disabled(own.desk, actor(), own.users, user, disabled=True),
        gettext("%(name)s may not sign in any more.", name=user),
    )


@settings.post("/settings/users/<user>/enable")
def enable_user(user: str) -> Response:
    """Let somebody in again."""
    _own_users()
    own = board()
    return _change(
        lambda: accounts.set_disabled(own.desk, actor(), own.users, user, disabled=False),
        gettext("%(name)s may sign in.", name=user),
    )


@settings.post("/settings/users/<user>/remove")
def remove_user(user: str) -> Response:
    """Remove somebody for good, after asking."""
    _own_users()
    own = board()
    if asks_first(Permission.USERS) and (found := own.users.get(user)):
        sign_ins = len(own.sessions.of([found])[0])
        urls = url_for("settings.remove_user", user=found.name), url_for("settings.users")
        return render.page("settings/confirm.html", page=ConfirmPage("user", found.name, found.role, sign_ins, *urls))
    return _change(
        lambda: accounts.remove_user(own.desk, actor(), own.users, own.sessions, user),
        gettext("%(name)s is removed.", name=user),
    )


@settings.post("/settings/users/<user>/sign-out")
def sign_out_user(user: str) -> Response:
    """End all sign-ins of somebody."""
    _own_users()
    own = board()
    return _change(
        lambda: accounts.end_sign_ins(own.desk, actor(), own.users, user),
        gettext("%(name)s is signed out everywhere.", name=user),
    )


@settings.get("/settings/sessions")
def sessions() -> Response:
    """List one's own sign-ins, beside the form for one's password."""
    return _sessions(_me())


@settings.post("/settings/sessions/password")
def change_password() -> Response:
    """Change one's own password; all other sign-ins end."""
    own, me, address = board(), _me(), request.remote_addr or ""
    if own.throttle.attempt(me.name, address):
        return _sessions(me, gettext("Too many attempts. Try again later."), 429)
    old, new = request.form.get("password", ""), request.form.get("new_password", "")
    try:
        problem = accounts.change_own_password(own.desk, actor(), own.users, old, new)
    except UserError as refusal:
        return _sessions(me, words.of(refusal), 400)
    own.throttle.forgive(me.name, address)
    login.sign_in(_me())
    return _leave(gettext("Your password is changed. All other sign-ins have ended."), problem, "settings.sessions")


@settings.post("/settings/sessions/<digest>/end")
def end_session(digest: str) -> Response:
    """End one of one's own sign-ins."""
    own, me = board(), _me()
    problem = accounts.end_own_sign_in(own.desk, actor(), own.sessions, me, digest)
    return _leave(gettext("That sign-in has ended."), problem, "settings.sessions")


@settings.post("/settings/sessions/end")
def end_sessions() -> Response:
    """End all one's sign-ins but this one."""
    own = board()
    _own_users()
    problem = accounts.end_own_sign_ins(own.desk, actor(), own.users)
    login.sign_in(_me())
    return _leave(gettext("All other sign-ins have ended."), problem, "settings.sessions")


def _own_users() -> None:
    """Insist that this board has users of its own: a host's are the host's business."""
    if not login.signs_in():
        raise NotFound


def _me() -> User:
    _own_users()
    user: User | None = board().users.get(actor().identity.name)
    if user is None:
        raise NotFound
    return user


def _change(change: Callable[[], str], text: str, *, shown: str = "", whose: str = "") -> Response:
    try:
        problem = change()
    except UserError as refusal:
        return _users(words.of(refusal), status=400)
    if shown:
        return _users(password=shown, whose=whose)
    return _leave(text, problem, "settings.users")


def _leave(text: str, problem: str, endpoint: str) -> Response:
    flash(text, "ok")
    if problem:
        flash(audit_missing(), "warn")
    return make_response(redirect(url_for(endpoint), 303))


def _users(problem: str | None = None, *, password: str = "", whose: str = "", status: int = 200) -> Response:
    own = board()
    page = read_users(
        own.sessions,
        own.roles,
        actor().identity.name,
        problem=problem,
        password=password,
        password_of=whose,
    )
    return render.page("settings/users.html", page=page, status=status)


def _sessions(me: User, problem: str | None = None, status: int = 200) -> Response:
    page = read_sessions(board().sessions, me, login.digest_of_sign_in(), problem)
    return render.page("settings/sessions.html", page=page, status=status)
