"""What commands about queues share: which queue is meant, and who is at the console."""

from __future__ import annotations

import getpass

from board.actions.perform import Actor
from board.auth.policy import Identity, Role
from board.engine.keys import QueueKeys
from board.errors import BadRequestError, UnknownQueueError
from board.service import Service

__all__ = ["actor_at_console", "find_connection", "find_queue"]


def find_queue(service: Service, name: str) -> QueueKeys:
    """Return the queue of a name, or of PREFIX:NAME.

    Raises:
        UnknownQueueError: there is none that this board shows.
    """
    prefix, colon, rest = name.rpartition(":")
    keys = QueueKeys(prefix if colon else service.sources.default_prefix, rest or name)
    try:
        return service.sources.find(service.sources.slug(keys))
    except UnknownQueueError:
        raise UnknownQueueError(name) from None


def find_connection(service: Service, name: str) -> Service:
    """Return the service of a Redis by the name that the board gives it; the first for no name.

    Raises:
        BadRequestError: there is none of that name.
    """
    known = {"": service, service.settings.connection_label: service, **service.others}
    if name not in known:
        raise BadRequestError(f"There is no connection {name[:40]!r}. These are: {', '.join(filter(None, known))}.")
    return known[name]


def actor_at_console() -> Actor:
    """Return the person at the console, who has the keys of Redis and so every right."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        name = "unknown"
    return Actor(Identity(f"cli:{name}", Role.ADMIN), address="console")
