"""What stands between the board and the rest of the web: headers, cookies, and where a request may come from.

A request that may change something passes two checks that do not depend on each other. Where it was made: browsers say
so in ``Sec-Fetch-Site``, older ones in ``Origin``. And a token from a page of this sign-in, which another site cannot
read. Redirects are only ever to our own addresses, rebuilt from what was asked for.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from flask import Flask, Request, Response
from flask import request as current_request
from flask.sessions import NullSession, SecureCookieSessionInterface, SessionMixin

from board.errors import CrossSiteError
from board.web.assets import ENDPOINT
from board.web.connections import mount_point

if TYPE_CHECKING:
    from itsdangerous import URLSafeTimedSerializer

__all__ = [
    "CSRF_FIELD",
    "MOST_BODY_BYTES",
    "BoardSessions",
    "check_source",
    "check_token",
    "csrf_token",
    "inside",
    "protect",
]

CSRF_FIELD = "csrf_token"
PLAIN_IN_PATH = "/%!$&'()*+,;=:@~"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

LONGEST_TARGET = 4_096
"""Characters of an address to return to; a server refuses longer ones anyway."""

MOST_BODY_BYTES = 256 * 1024
"""The largest form is a selection of 100 jobs with long ids, some 30 KB."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""On every answer that a browser could show. Filters in addresses hold job data, hence no referrer to others."""

HEADERS_OF_PARTS = {name: HEADERS[name] for name in ("X-Content-Type-Options", "Cross-Origin-Resource-Policy")}
"""On scripts and styles. The others are about documents: a browser heeds them nowhere else, and on the fifteen files of
a first view they were six kilobytes."""

PARTS = frozenset({"text/css", "text/javascript"})
"""Types of files that are no documents, not even by themselves, as an SVG is."""


class BoardSessions(SecureCookieSessionInterface):
    """A signed cookie that a host application's own cookie cannot collide with.

    It holds the sign-in's token, the form token and messages for the next page. Its path is the mount point; at the
    root of an https site its name forbids any other host of the domain to set it.
    """

    def __init__(self) -> None:
        """Know no key yet."""
        self._held: tuple[object, URLSafeTimedSerializer | None] | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return what reads and signs cookies: made once for a key, where Flask makes it at each request."""
        keys = app.secret_key, tuple(app.config["SECRET_KEY_FALLBACKS"] or ())
        held = self._held
        if held is None or held[0] != keys:
            held = self._held = keys, super().get_signing_serializer(app)
        return held[1]

    def get_cookie_name(self, app: Flask) -> str:
        """Return ``board_session``, with the ``__Host-`` prefix where a browser accepts it."""
        del app
        return "__Host-board_session" if current_request.is_secure and not mount_point() else "board_session"

    def get_cookie_path(self, app: Flask) -> str:
        """Return the mount point."""
        del app
        return mount_point() + "/"

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send the cookie with pages only. A file is the same for everybody, and kept over every change of cookie.

        Of a session that stays as it is, Flask would only say that the page depends on it, as ``htmx.vary`` has said.
        """
        is_told = "Cookie" in response.headers.get("Vary", "")
        if current_request.endpoint != ENDPOINT and (not is_told or self.should_set_cookie(app, session)):
            super().save_session(app, session, response)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Whether the browser may send it over https only: when it got it there."""
        del app
        return current_request.is_secure


def csrf_token(session: MutableMapping[str, Any]) -> str:
    """Return the token for forms of this session, made at first use and replaced at sign-in.

    It is masked: added to random bytes that stand before it, so that no two answers hold the same and the length of a
    compressed page tells nothing about it (BREACH). The same token for all forms of one answer keeps that short.
    Empty while no cookie can be signed, for Redis is away: a form sent then is asked for again.
    """
    token = session.get(CSRF_FIELD)
    if isinstance(session, NullSession):
        return ""
    if not isinstance(token, str):
        token = session[CSRF_FIELD] = secrets.token_urlsafe(24)
    return _mask(token)


def check_source(request: Request) -> None:
    """Refuse a request that may change something and was not made by a page of ours.

    Raises:
        CrossSiteError: the browser says that another site made it.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        is_ours = site in {"same-origin", "none"}
    elif origin is not None:
        is_ours = urlsplit(origin).netloc == request.host
    else:
        is_ours = True  # not a browser; the token decides
    if not is_ours:
        raise CrossSiteError("This request was made by another site, so it was not carried out.")


def check_token(request: Request, session: MutableMapping[str, Any]) -> None:
    """Refuse a form without the token of this session.

    Raises:
        CrossSiteError: the token is missing or another one.
    """
    if request.method in SAFE_METHODS:
        return
    expected = session.get(CSRF_FIELD)
    given = request.headers.get("X-CSRFToken") or request.form.get(CSRF_FIELD) or ""
    if not isinstance(expected, str) or not hmac.compare_digest(expected.encode(), _unmask(given)):
        raise CrossSiteError("This page was too old to act on. Open it again and repeat what you did.")


def _mask(token: str) -> str:
    """Hide a token behind random bytes of its length, which are sent along."""
    plain = token.encode()
    pad = secrets.token_bytes(len(plain))
    return base64.urlsafe_b64encode(pad + _added(pad, plain)).decode()


def _unmask(masked: str) -> bytes:
    """Return the token behind a mask; nothing for what was never masked here."""
    try:
        both = base64.b64decode(masked.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""
    half = len(both) // 2
    return _added(both[:half], both[half:]) if len(both) == 2 * half else b""


def _added(one: bytes, other: bytes) -> bytes:
    """Add bit by bit; doing it twice gives the first back."""
    return bytes(first ^ second for first, second in zip(one, other, strict=True))


def inside(target: str | None, root: str, fallback: str) -> str:
    """Return ``target`` rebuilt as a path of this application, or ``fallback`` when it is not one.

    Args:
        target: what a form or a query string asked for.
        root: the mount point, without trailing slash.
        fallback: an address of ours.
    """
    if not target or len(target) > LONGEST_TARGET or re.search(r"[\\\x00-\x20\x7f]", target):
        return fallback
    if not target.startswith("/") or target.startswith("//"):
        return fallback
    try:
        parts = urlsplit(target)
    except ValueError:
        return fallback
    path = unquote(parts.path)
    if parts.scheme or parts.netloc or path.startswith("//") or re.search(r"[\\\x00-\x1f\x7f]", path):
        return fallback
    if any(part in {".", ".."} for part in path.split("/")):
        return fallback
    if root and path != root and not path.startswith(root + "/"):
        return fallback
    rebuilt = quote(parts.path, safe=PLAIN_IN_PATH)
    return f"{rebuilt}?{quote(parts.query, safe=PLAIN_IN_PATH + '?')}" if parts.query else rebuilt


def protect(response: Response, *, is_static: bool) -> Response:
    """Put the headers on an answer; pages are never stored by a browser or a proxy."""
    for name, value in (HEADERS_OF_PARTS if is_static and response.mimetype in PARTS else HEADERS).items():
        response.headers[name] = value  # in place of what a hook of a host application may have put there
    if not is_static:
        response.headers["Cache-Control"] = "no-store"
    return response
