"""redis-py's exceptions, and error replies of Redis, as the engine's ``StoreError`` tree.

Messages say what is wrong and where, in one sentence, and hold neither passwords nor the arguments of commands.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import redis.exceptions as theirs

from board.engine.errors import (
    AuthenticationFailedError,
    BusyError,
    CertificateRefusedError,
    ClosedError,
    ConnectionLostError,
    EngineError,
    LoadingError,
    NoAnswerError,
    NoMoreClientsError,
    OutOfMemoryError,
    PermissionDeniedError,
    ReadOnlyError,
    ScriptError,
    StoreError,
)

__all__ = ["EMPTIED", "NEVER_RAN", "another", "closed_error", "store_error"]

EMPTIED = theirs.NoScriptError
"""The reply that says: the server does not know this script, and has done nothing."""

NEVER_RAN = (theirs.MovedError, theirs.AskError, theirs.TryAgainError, theirs.ClusterDownError, theirs.MasterDownError)
"""Replies of a cluster that say: not here, or not now; nothing was done."""

_NOT_ALLOWED = ("The user executing the script can't", "ACL failure in script", "No permissions to access")
"""How servers of different ages put it when a script does what its user may not; only some begin with NOPERM."""

_MORE_ROOM = "give it more, or clean finished jobs and keep fewer of them (remove_on_complete, remove_on_fail)"


def another(error: Exception) -> Exception:
    """Return an exception of its own for each of those who get the same one."""
    try:
        copy = type(error)(*error.args)
    except TypeError:  # it is made of something else than its arguments
        return error
    copy.__cause__ = error.__cause__
    return copy


def closed_error() -> ClosedError:
    """Return what a connection that was closed answers."""
    return ClosedError("the connection was closed before")


def store_error(error: BaseException, place: str) -> EngineError:
    """Return what an exception or an error reply means to the caller.

    Args:
        error: from redis-py, or an ``OSError`` it let through.
        place: where Redis is, for the message.
    """
    if isinstance(error, EngineError):
        return error
    text = str(error)
    code = text.partition(" ")[0]
    if isinstance(error, theirs.AuthenticationError | theirs.AuthorizationError) or code in ("WRONGPASS", "NOAUTH"):
        return AuthenticationFailedError(f"Redis at {place} refused the user or the password")
    if isinstance(error, theirs.NoPermissionError) or code == "NOPERM":
        return PermissionDeniedError(f"Redis at {place} does not let this user do that: {_first_line(text)}")
    if isinstance(error, theirs.ReadOnlyError) or code in ("READONLY", "MISCONF", "NOREPLICAS"):
        return ReadOnlyError(f"Redis at {place} takes no writes: {_first_line(text)}")
    if isinstance(error, theirs.OutOfMemoryError) or code == "OOM":
        return OutOfMemoryError(f"Redis at {place} has reached maxmemory: {_MORE_ROOM}")
    if isinstance(error, theirs.BusyLoadingError) or code == "LOADING":
        return LoadingError(f"Redis at {place} is still loading its data")
    if code in ("BUSY", "UNKILLABLE"):
        return BusyError(f"Redis at {place} is blocked by a long script")
    if isinstance(error, NEVER_RAN):  # redis-py leaves out the code of these
        return _moving(place)
    if isinstance(error, theirs.ResponseError):
        return _reply_error(code, text, place)
    if isinstance(error, theirs.RedisError | theirs.RedisClusterException | OSError):
        return _no_connection(error, text, place)
    return ScriptError(f"the reply of Redis at {place} makes no sense: {type(error).__name__}")


def _no_connection(error: BaseException, text: str, place: str) -> ConnectionLostError:
    if isinstance(error, theirs.TimeoutError | TimeoutError):
        return NoAnswerError(f"Redis at {place} does not answer in time")
    if "max number of clients" in text:
        return NoMoreClientsError(f"Redis at {place} takes no more connections: it has reached maxclients")
    refused = _certificate(error)
    if refused is not None:
        return CertificateRefusedError(f"the certificate of Redis at {place} is refused: {refused}")
    return ConnectionLostError(f"Redis at {place} cannot be reached: {_why(error)}")


def _moving(place: str) -> ConnectionLostError:
    return ConnectionLostError(f"Redis at {place} is changing its master or its slots")


def _reply_error(code: str, text: str, place: str) -> StoreError:
    if code in ("MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK"):
        return _moving(place)
    # An error inside a script may carry the error of the command that it ran: "… OOM command not allowed …".
    if any(phrase in text for phrase in _NOT_ALLOWED):
        return PermissionDeniedError(f"Redis at {place} does not let this user do that: {_first_line(text)}")
    if "OOM " in text:
        return OutOfMemoryError(f"Redis at {place} has reached maxmemory: {_MORE_ROOM}")
    for marker, kind in (("READONLY ", ReadOnlyError), ("MISCONF ", ReadOnlyError), ("NOREPLICAS ", ReadOnlyError)):
        if marker in text:
            return kind(f"Redis at {place} takes no writes: {_first_line(text[text.index(marker) :])}")
    return ScriptError(f"Redis at {place} answered: {_first_line(text)}")


def _certificate(error: BaseException) -> str | None:
    """Return why TLS refused the server's certificate; None when that is not what happened."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return str(cause.verify_message).rstrip(".")
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _why(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        if isinstance(cause, FileNotFoundError):
            return "no such socket file"
    return _first_line(str(error)) or type(error).__name__


def _first_line(text: str) -> str:
    return text.partition("\n")[0][:300].rstrip(".")
