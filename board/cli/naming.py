"""What commands about queues share: which queue is meant, and who is at the console."""

from __future__ import annotations

import getpass

from board.actions.perform import Actor
from board.auth.policy import Identity, Role
from board.engine.keys import QueueKeys
from board.errors import UnknownQueueError
from board.service import Service

__all__ = ["actor_at_console", "find_queue"]


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


def actor_at_console() -> Actor:
    """Return the person at the console, who has the keys of Redis and so every right."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        name = "unknown"
    return Actor(Identity(f"cli:{name}", Role.ADMIN), address="console")
