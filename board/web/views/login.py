"""Signing in and out."""

from __future__ import annotations

import math

from flask import Response, g, make_response, redirect, render_template, request, session, url_for
from werkzeug.exceptions import NotFound

from board.actions.perform import Actor, record
from board.audit import Entry
from board.auth.passwords import check_password, needs_new_hash
from board.auth.policy import Identity
from board.auth.users import User, clean_name
from board.engine.errors import OutOfMemoryError, PermissionDeniedError, ReadOnlyError, StoreError
from board.errors import CrossSiteError, SignInError, UserError
from board.web import forms, provider, security
from board.web import login as adapter
from board.web.connections import mount_point
from board.web.state import board, current_user
from board.web.views.blueprints import login
from board.words import sentence, sentences

__all__ = ["come_back", "leave_for", "sign_in", "sign_out"]

NOBODY = "–"
"""Who tried, in an entry about a name that nobody has."""

WRONG = sentence("Name and password do not match an account that may sign in.")
"""One sentence for every cause, so that it tells nobody which names exist."""


WRONG_HERE = "The identity provider knows you, but your account on this board may not sign in."


@login.route("/login", methods=["GET", "POST"])
def sign_in() -> Response:
    """Ask for name and password, and begin a sign-in."""
    if not adapter.signs_in():
        raise NotFound
    target = security.inside(request.values.get("next"), request.script_root, url_for("overview.index"))
    if request.method == "GET":
        return make_response(redirect(target, 303)) if adapter.is_signed_in() else _form(target)
    form = forms.LoginForm.read(request.form)
    try:
        security.check_token(request, session)
    except CrossSiteError:
        return _form(target, form.name, sentence("This page was too old. Please sign in again."), 403)
    wait_ms = board().throttle.attempt(_account(form.name), _address())
    if wait_ms:
        _refused(form.name, "too many attempts")
        return _too_many(target, form.name, wait_ms)
    user = _verified(form)
    if user is None:
        _refused(form.name, "wrong name or password, or an account that may not sign in")
        return _form(target, form.name, WRONG, 401)
    board().throttle.forgive(_account(form.name), _address())
    adapter.sign_in(user)
    _record("sign-in", user.identity)
    return make_response(redirect(target, 303))


FLOW = "oidc"
"""Where a session keeps what a sign-in at the identity provider was begun with."""


@login.get("/login/oidc")
def leave_for() -> Response:
    """Send the browser to the identity provider. Changes nothing but its own cookie, so it is a link."""
    at = provider.provider()
    if at is None:
        raise NotFound
    target = security.inside(request.args.get("next"), request.script_root, url_for("overview.index"))
    try:
        url, flow = at.begin(provider.redirect_uri())
    except SignInError as trouble:
        return _form(target, "", str(trouble), trouble.status)
    session[FLOW] = {**flow, "next": target}
    return make_response(redirect(url, 303))


@login.get(provider.CALLBACK)
def come_back() -> Response:
    """Begin a sign-in for the person whom the identity provider vouches for."""
    at = provider.provider()
    if at is None:
        raise NotFound
    flow = session.pop(FLOW, None)
    kept = flow.get("next") if isinstance(flow, dict) else None
    target = security.inside(kept, mount_point(), mount_point() + "/")
    attempt = "oidc " + request.args.get("state", "")[:100]
    if wait_ms := board().throttle.attempt(attempt, _address()):
        _refused("", "too many attempts")
        return _too_many(target, "", wait_ms)
    try:
        person = at.finish(flow, request.args, provider.redirect_uri())
        user = _admitted(person.external, person.wished, person.role)
    except SignInError as refusal:
        _refused("", f"identity provider: {refusal.detail}")
        return _form(target, "", str(refusal), refusal.status)
    board().throttle.forgive(attempt, _address())
    adapter.sign_in(user)
    _record("sign-in", user.identity, f"at the identity provider, as {person.subject}")
    return make_response(redirect(target, 303))


def _too_many(target: str, name: str, wait_ms: int) -> Response:
    words = sentence("Too many attempts. Try again in %(time)s.", time=_minutes(wait_ms))
    response = _form(target, name, words, 429)
    response.headers["Retry-After"] = str(math.ceil(wait_ms / 1000))
    return response


def _admitted(external: str, wished: tuple[str, ...], role: str) -> User:
    try:
        admitted: User = board().users.admit(external, wished, role)
    except UserError as refusal:
        raise SignInError(WRONG_HERE, str(refusal), 403) from refusal
    return admitted


@login.post("/logout")
def sign_out() -> Response:
    """End the sign-in, here and on the server."""
    if not adapter.signs_in():
        raise NotFound
    identity = current_user()
    adapter.sign_out()
    if identity:
        _record("sign-out", identity)
    return make_response(redirect(url_for("login.sign_in"), 303))


def _verified(form: forms.LoginForm) -> User | None:
    """Return the user whose password this is. Takes as long when there is no such user."""
    users = board().users
    user = users.get(form.name)
    is_right = check_password(user.password_hash if user else None, form.password)
    if user is None or not is_right or user.is_disabled:
        return None
    if needs_new_hash(user.password_hash):
        try:
            users.renew_hash(user, form.password)
        except (ReadOnlyError, OutOfMemoryError, PermissionDeniedError):
            return user  # the old hash is still right
    return user


def _form(target: str, name: str = "", problem: str | None = None, status: int = 200) -> Response:
    redis_ms: float | None
    try:
        redis_ms = board().ping()
    except StoreError:
        redis_ms = None
    page = render_template(
        "login/login.html",
        next=target,
        name=name,
        problem=problem,
        redis_ok=redis_ms is not None,
        redis_ms=redis_ms,
        provider=at.name if (at := provider.provider()) else "",
        session_hours=board().home.settings.session_hours,
    )
    return make_response(page, status)


def _refused(name: str, why: str) -> None:
    """Write a refused sign-in down; the name only if somebody has it: passwords are typed into the wrong field."""
    user = board().users.get(name)
    board().strangers.record(
        Entry(
            at_ms=board().clock(),
            who=user.name if user else NOBODY,
            role=user.role if user else "",
            address=_address(),
            action="sign-in",
            result="refused",
            detail=why,
            request_id=g.request_id,
        )
    )


def _record(action: str, identity: Identity, detail: str = "") -> None:
    """Write a sign-in or sign-out down."""
    who = Actor(identity, _address(), g.request_id)
    record(
        board().desk,
        Entry(
            at_ms=board().clock(),
            who=identity.name,
            role=str(identity.role),
            address=who.address,
            action=action,
            result="done",
            detail=detail,
            request_id=who.request_id,
        ),
    )


def _account(name: str) -> str:
    """Return what attempts are counted under: the name as it is looked up, or as it was typed."""
    try:
        return clean_name(name)
    except UserError:
        return name


def _address() -> str:
    return request.remote_addr or ""


def _minutes(wait_ms: int) -> str:
    minutes = math.ceil(wait_ms / 60_000)
    return sentences("%(n)s minute", "%(n)s minutes", minutes)
