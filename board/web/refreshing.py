"""A refresh of the live region: told by a tag whether anything changed, and rendered once for all who may see the same.

The tag is weak. It stands for what a person would notice: ages that the browser counts on by itself (``times.js``) and
the moment of the answer are left out of it, and so is the mask over the form token. It does depend on the token itself:
after signing in anew, the forms on the page are renewed. A whole page carries the tag of its region, so that already
its first refresh can be told that nothing changed, by whichever process answers it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final

from flask import Response, g, make_response, render_template, request, session
from markupsafe import Markup

from board.web import filters, htmx, security
from board.web.assets import assets
from board.web.state import board, current_user, preferences
from board.words import spoken

__all__ = ["REGION_PLACE", "TOKEN_PLACE", "keep", "refresh", "region", "token_placeholder"]

MOST_MADE: Final = 8
"""Regions kept of one shared reading: one for each person and address that asks within its time."""

TOKEN_PLACE: Final = secrets.token_hex(24)
"""Stands for the form token in what is written for more than one answer. Nobody outside knows it, so nothing shown can
hold it."""

REGION_PLACE: Final = f"{TOKEN_PLACE}-region"
"""Stands for the region in the page around it."""

KEPT_PLACE: Final = f"{TOKEN_PLACE}-kept"
"""Stands for the part that a refresh may leave out, until the tag is known: it is the same with and without it."""


@dataclass(frozen=True, slots=True)
class _Region:
    """What was rendered, as it is sent: to encode 250 KB takes as long as all else that is done with them here."""

    html: bytes
    digest: str


def token_placeholder() -> str | None:
    """Return what stands for the form token in the region being rendered; None while a whole page is."""
    return TOKEN_PLACE if g.get("is_region") else None


_MOMENT: Final = re.compile(rb' data-now="\d+"')
"""The server's clock as a region tells it. A browser sets its ages by it, so a shared region tells the time anew."""


def keep(element_id: str, html: Markup) -> Markup:
    """Return a part of the region that a refresh leaves out as long as the page has it as it is now.

    The page tells which one it has (``unchanged.js``), and keeps it where the answer has an element with ``data-keep``
    in its place. A page has one such part at most.

    Args:
        element_id: of the element around it.
        html: what is in it, with ``TOKEN_PLACE`` where its forms have their token.
    """
    told = str(html).replace(TOKEN_PLACE, "")  # each process has its own place
    tag = _digest(told.encode(), _token())
    place = Markup('<div id="{}" data-kept="{}">{}</div>').format(element_id, tag, KEPT_PLACE)
    if htmx.kept_of(request) == tag:
        g.kept = place, Markup('<div id="{}" data-keep></div>').format(element_id)
    else:
        g.kept = KEPT_PLACE, html
    return place


def refresh(template: str, context: dict[str, Any], made: dict[Hashable, Any] | None, status: int) -> Response:
    """Answer a refresh: the region, or 304 when the page shows it already.

    Args:
        template: of the page.
        context: of the page.
        made: regions rendered from the same reading, when it is shared; those of other people are never taken.
        status: of the answer; only 200 may become 304.
    """
    found = _made(template, context, made)
    tag = _tag(found)
    if status == HTTPStatus.OK and request.if_none_match.contains_weak(tag):
        response = Response(status=HTTPStatus.NOT_MODIFIED)  # without a region made ready only to be left out again
    else:
        token = security.csrf_token(session) if TOKEN_PLACE.encode() in found.html else ""
        response = make_response(_ready(found.html, token), status)
    response.set_etag(tag, weak=True)
    return response


def region(
    template: str, context: dict[str, Any], made: dict[Hashable, Any] | None, token: Callable[[], str]
) -> tuple[bytes, str]:
    """Return the region for ``REGION_PLACE``, with ``token()`` in its forms, and its tag; else as ``refresh``."""
    own = token()  # first: tags depend on it, and a new sign-in has none yet
    found = _made(template, context, made)
    _, _, html = found.html.partition(b"</title>")
    return _ready(html, own), f'W/"{_tag(found)}"'


def _made(template: str, context: dict[str, Any], made: dict[Hashable, Any] | None) -> _Region:
    """Return the region, with its title before it: as it was rendered from the same reading, or anew."""
    who = (current_user(), preferences(), spoken().code)
    asked = (request.path, request.query_string, request.script_root, htmx.kept_of(request))
    key = (template, asked, who, assets().digest)
    found: _Region | None = None if made is None else made.get(key)
    if found is None:
        found = _render(template, context)
        if made is not None and len(made) < MOST_MADE:
            made[key] = found
    return found


def _ready(html: bytes, token: str) -> bytes:
    """Return what was rendered for more than one answer as this one tells it."""
    moment = f' data-now="{board().clock()}"'.encode()
    return _MOMENT.sub(moment, html, count=1).replace(TOKEN_PLACE.encode(), token.encode())


def _render(template: str, context: dict[str, Any]) -> _Region:
    g.is_region, g.kept = True, (KEPT_PLACE, "")
    try:
        html = render_template(template, layout="live.html", **context).encode()
    finally:
        g.is_region = False
    told = filters.counted_on().sub(b"", html).replace(TOKEN_PLACE.encode(), b"")  # each process has its own place
    place, part = g.pop("kept")
    return _Region(html.replace(place.encode(), part.encode(), 1), _digest(told))


def _tag(region: _Region) -> str:
    return _digest(region.digest.encode(), _token())


def _token() -> bytes:
    """Return the form token of the session without its mask; nothing where there is none."""
    return str(session.get(security.CSRF_FIELD, "")).encode()


def _digest(*parts: bytes) -> str:
    """Return what stands for these parts in a tag.

    SHA-256, as most processors have instructions for it: with them it takes half as long as BLAKE2b.
    """
    whole = sha256()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()[:24]
