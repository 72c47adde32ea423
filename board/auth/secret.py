"""The key that signs cookies: given by the environment, or generated once and shared through Redis."""

from __future__ import annotations

import logging
import secrets

from board.engine.calls import Call
from board.engine.connection.sync import Connection
from board.engine.errors import OutOfMemoryError, PermissionDeniedError, ReadOnlyError
from board.namespace import Namespace

__all__ = ["shared_secret"]

logger = logging.getLogger(__name__)


def shared_secret(connection: Connection, namespace: Namespace) -> str:
    """Return the key all processes of this board use, generating it the first time.

    Where Redis takes no writes and holds no key yet, the process uses one of its own: sign-ins then end with it.

    Raises:
        StoreError: Redis is away.
    """
    own = secrets.token_hex(32)
    read: Call[str] = Call(("GET", namespace.secret), _text, writes=False)
    found = connection.call(read)
    if found:
        return found
    try:
        connection.call(Call(("SET", namespace.secret, own, "NX"), bool))
    except (ReadOnlyError, OutOfMemoryError, PermissionDeniedError) as trouble:
        logger.warning("cookies are signed for this process only", extra={"trouble": str(trouble)})
        return own
    return connection.call(read) or own


def _text(reply: object) -> str:
    return reply.decode() if isinstance(reply, bytes) else str(reply or "")
