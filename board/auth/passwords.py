"""Hash and check passwords with argon2id."""

from __future__ import annotations

import secrets
import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from board.errors import UserError
from board.setting_values import LONGEST_PASSWORD, SHORTEST_PASSWORD
from board.words import Count, sentence

__all__ = ["check_password", "generate_password", "hash_password", "needs_new_hash"]

# OWASP's second recommendation: 19 MiB, two passes, one lane. Enough against guessing, and a burst of sign-ins on a
# server with many threads cannot take more than AT_ONCE times that.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
AT_ONCE = 4
_slots = threading.BoundedSemaphore(AT_ONCE)

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without characters that look alike: a generated password is typed from a console."""


def hash_password(password: str) -> str:
    """Return the hash to store.

    Raises:
        UserError: too short or too long.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise UserError(
            sentence(
                "A password has %(low)s to %(most)s characters.", low=SHORTEST_PASSWORD, most=Count(LONGEST_PASSWORD)
            )
        )
    with _slots:
        return _hasher.hash(password)


@cache
def _nobody() -> str:
    """Return a hash to check when there is no such user, so that the answer takes as long as a wrong password."""
    return _hasher.hash(secrets.token_hex(16))


def check_password(stored: str | None, password: str) -> bool:
    """Whether ``password`` belongs to the hash; without a hash it takes as long and is never right."""
    if len(password) > LONGEST_PASSWORD:
        return False
    against = stored or _nobody()
    with _slots:
        try:
            _hasher.verify(against, password)
        except (VerificationError, InvalidHashError):
            return False
    return bool(stored)


def needs_new_hash(stored: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def generate_password() -> str:
    """Return a password of 100 random bits in four groups of five."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(4))
