"""What a view works with: the service of this application, and the person who asks."""

from __future__ import annotations

from typing import cast

from flask import current_app, g, request

from board.actions.perform import Actor
from board.auth.policy import Identity
from board.service import Service
from board.sources import QueueKeys

__all__ = ["EXTENSION", "actor", "board", "current_user", "queue_or_404"]

EXTENSION = "queue-board"


def board() -> Service:
    """Return the service of the current request's application."""
    return cast("Service", current_app.extensions[EXTENSION])  # put there by create_app, and by nobody else


def current_user() -> Identity | None:
    """Return who is signed in, as found at the start of the request; None for nobody, and while Redis is away."""
    found = g.get("identity")
    return found if isinstance(found, Identity) else None


def actor() -> Actor:
    """Return who asks and from where, for actions and their audit entries. Only in views behind the sign-in."""
    identity = current_user()
    if identity is None:  # the guard of board.web.login lets nobody come this far
        raise RuntimeError("an action without a person")
    return Actor(identity, address=request.remote_addr or "", request_id=g.request_id)


def queue_or_404(slug: str) -> QueueKeys:
    """Return the queue an address names.

    Raises:
        UnknownQueueError: there is none to show; the error handler answers 404.
    """
    return board().sources.find(slug)
