"""Requests of programs: told by their address, signed in by a token or a person's sign-in, answered in JSON."""

from __future__ import annotations

import json

from flask import Response, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from board.auth.policy import Identity
from board.web.state import board

__all__ = ["failure", "identity_of_token", "is_program", "unauthorized"]

ADDRESSES = "/api/"


def is_program() -> bool:
    """Whether a program asks: it gets JSON, whatever goes wrong."""
    return request.path.startswith(ADDRESSES)


def identity_of_token() -> Identity | None:
    """Return whose token the header of the request holds; None without such a header.

    Raises:
        Unauthorized: the header holds none, or one that has ended. A sign-in beside it does not count.
    """
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, secret = header.partition(" ")
    token = board().tokens.find(secret) if scheme.casefold() == "bearer" else None
    if token is None:
        raise unauthorized("This token is none of this board's, or has ended.")
    return token.identity(board().roles)


def unauthorized(why: str) -> Unauthorized:
    """Return the refusal of somebody who is not known."""
    return Unauthorized(why, www_authenticate=WWWAuthenticate("bearer", {"realm": "Queue Board"}))


def failure(status: int, message: str) -> Response:
    """Return the answer to what was not done: the same shape for every cause."""
    body = {"error": {"status": status, "message": message, "request_id": g.get("request_id", "")}}
    return Response(json.dumps(body) + "\n", status, mimetype="application/json")
