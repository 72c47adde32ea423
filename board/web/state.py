"""What a view works with: the service of this application as the person who asks may use it.

``board()`` is the one way to it. Its ``sources`` hold only the queues that this person sees and its ``readings`` are
shared only with people who see the same, so a view cannot forget to ask. What is about no person (health checks, the
errors page) takes ``whole_board()``; ``tests/architecture`` lists who may.
"""

from __future__ import annotations

from typing import Any, cast

from flask import current_app, g, request
from flask.globals import app_ctx

from board.actions.perform import Actor, refuse
from board.auth.policy import Identity, Permission, demand, scope_of
from board.auth.preferences import UNSET, Preferences
from board.auth.scope import seen_by
from board.errors import ForbiddenError
from board.service import Service
from board.sharing import ScopedSharing
from board.sources import QueueKeys

__all__ = [
    "ACTED",
    "CONNECTION",
    "EXTENSION",
    "IDENTIFY",
    "PROVIDER",
    "actor",
    "board",
    "current_user",
    "insist",
    "preferences",
    "queue_or_404",
    "signs_in",
    "whole_board",
]

ACTED = "acted"
"""Where the session has when this person last changed something, ms."""

EXTENSION = "queue-board"
IDENTIFY = "queue-board.identify"
"""Where ``app.extensions`` has the host's way of saying who asks; None for a board with users of its own."""

PROVIDER = "queue-board.provider"
"""Where ``app.extensions`` has the identity provider of a board; None for one without."""

CONNECTION = "queue-board.connection"
"""Where the environment of a request has the name of its Redis; nothing for the first. See ``web.connections``."""


class _Scoped:
    """A service as one person may use it: everything is the service's own but what would show too much."""

    __slots__ = ("_service", "readings", "sources")

    def __init__(self, service: Service, who: Identity | None) -> None:
        self._service = service
        self.sources = seen_by(who, service.sources)
        self.readings = ScopedSharing(service.readings, scope_of(who))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)


def whole_board() -> Service:
    """Return the service of the Redis that the request is about, with all its queues, whoever asks."""
    home = cast("Service", current_app.extensions[EXTENSION])  # put there by create_app, and by nobody else
    return home.others[name] if (name := request.environ.get(CONNECTION)) else home


def board() -> Service:
    """Return the service as the person who asks may use it. Nobody, and whoever is not known yet, sees no queue."""
    noted = app_ctx.g  # itself: g looks for it at each use
    who = noted.get("identity")
    held = noted.get("scoped_board")
    if held is None or held[0] is not who:
        held = noted.scoped_board = who, _Scoped(whole_board(), who)
    return cast("Service", held[1])


def current_user() -> Identity | None:
    """Return who is signed in, as found at the start of the request; None for nobody, and while Redis is away."""
    found = g.get("identity")
    return found if isinstance(found, Identity) else None


def preferences() -> Preferences:
    """Return what the person who asks set for themselves."""
    found = g.get("preferences")
    return found if isinstance(found, Preferences) else UNSET


def signs_in() -> bool:
    """Whether this board has users of its own."""
    return current_app.extensions[IDENTIFY] is None


def actor() -> Actor:
    """Return who asks and from where, for actions and their audit entries. Only in views behind the sign-in."""
    identity = current_user()
    if identity is None:  # the guard of board.web.login lets nobody come this far
        raise RuntimeError("an action without a person")
    reason = " ".join(request.form.get("reason", "").split()) if request.method == "POST" else ""
    return Actor(identity, address=request.remote_addr or "", request_id=g.request_id, reason=reason)


def insist(permission: Permission, queue: QueueKeys | None = None, *, action: str) -> None:
    """Go on only if the person who asks may: for reading, as actions ask by themselves.

    A refusal is recorded as ``action``.

    Raises:
        ForbiddenError: they may not.
    """
    who = actor()
    try:
        demand(who.identity, permission, queue.name if queue else None)
    except ForbiddenError as refusal:
        refuse(board().desk, who, action, refusal, queue)
        raise


def queue_or_404(slug: str) -> QueueKeys:
    """Return the queue an address names.

    Raises:
        UnknownQueueError: there is none to show; the error handler answers 404.
    """
    return board().sources.find(slug)
