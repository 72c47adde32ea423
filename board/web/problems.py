"""Trouble with Redis, in the words a page shows. Addresses, users and passwords never appear in them."""

from __future__ import annotations

from dataclasses import dataclass

from board.engine.errors import (
    AuthenticationFailedError,
    BusyError,
    CertificateRefusedError,
    ConnectionLostError,
    LoadingError,
    NoAnswerError,
    NoMoreClientsError,
    OutOfMemoryError,
    PermissionDeniedError,
    ReadOnlyError,
    ScriptError,
    StoreError,
)
from board.words import sentence

__all__ = ["RedisProblem", "problem_of"]


@dataclass(frozen=True, slots=True)
class RedisProblem:
    """What to say about Redis being away or refusing.

    Attributes:
        sentence: what is wrong.
        remedy: what a person can do about it.
        since_ms: when it began, as far as this process saw; None when unknown.
        age_ms: age of the newest numbers this process had; None when it had none.
        kind: down, auth, readonly, oom, loading, busy or broken.
    """

    sentence: str
    remedy: str
    since_ms: int | None
    age_ms: int | None
    kind: str


WORDS: dict[type[StoreError], tuple[str, str, str]] = {
    AuthenticationFailedError: (
        "auth",
        sentence("Redis refused the user or the password."),
        sentence("Correct the user and the password in REDIS_URL and start the board again."),
    ),
    PermissionDeniedError: (
        "auth",
        sentence("The Redis user of this board may not do this."),
        sentence("Give the user the rights that the documentation lists, then try again."),
    ),
    ReadOnlyError: (
        "readonly",
        sentence("Redis takes no writes here: it is a replica, or it stopped writing to its disk."),
        sentence("Looking works, actions do not. Point REDIS_URL at the primary, or mend its persistence."),
    ),
    OutOfMemoryError: (
        "oom",
        sentence("Redis has reached its memory limit and takes no writes."),
        sentence("Raise maxmemory, or remove finished jobs that nobody needs. Looking still works."),
    ),
    LoadingError: (
        "loading",
        sentence("Redis is reading its data from disk after a start."),
        sentence("It answers when it is done; large data take a minute or two."),
    ),
    BusyError: (
        "busy",
        sentence("A long script of another program keeps Redis from answering."),
        sentence("It answers when the script ends. SLOWLOG GET names the script."),
    ),
    ScriptError: (
        "broken",
        sentence("Redis could not carry out what the board asked for."),
        sentence("A key may hold something else than a queue's data. The log of the board has the details."),
    ),
    CertificateRefusedError: (
        "down",
        sentence("The certificate of Redis is refused: it has expired, is for another name, or nobody vouches for it."),
        sentence("Give Redis a valid one; the board then goes on by itself. Its log says what is wrong with this one."),
    ),
    NoAnswerError: (
        "down",
        sentence("Redis does not answer in time."),
        sentence(
            "It hangs, has too much to do, or the network is slow: look at SLOWLOG GET and at the load of its machine."
        ),
    ),
    NoMoreClientsError: (
        "down",
        sentence("Redis takes no more connections: as many clients are connected as maxclients allows."),
        sentence("Raise maxclients, or find out who opens so many: CLIENT LIST."),
    ),
    ConnectionLostError: (
        "down",
        sentence("No connection can be made."),
        sentence("Check that Redis runs and can be reached from here."),
    ),
}


def problem_of(trouble: StoreError, *, since_ms: int | None, age_ms: int | None) -> RedisProblem:
    """Put an error of the store into words."""
    fallback = WORDS[ConnectionLostError]
    kind, sentence, remedy = next((words for known, words in WORDS.items() if isinstance(trouble, known)), fallback)
    return RedisProblem(sentence, remedy, since_ms, age_ms, kind)
