"""Secrets in payloads, hidden before anything is shown, previewed or searched by eye.

A value is hidden for the name of its key: the key's words (``apiKey``, ``api_key``, ``API-KEY`` have the same two) are
compared with a list. Only single values are hidden, never a whole object, so that the shape of the data stays
readable. Texts that are no JSON, or only the beginning of one, are searched for ``"key": value`` instead.
"""

from __future__ import annotations

import itertools
import re

__all__ = ["REDACTED", "hides", "redact_text"]

REDACTED = "[redacted]"

_WORDS = frozenset(
    {
        *("password", "passwd", "pwd", "passphrase", "secret", "token", "jwt", "authorization", "cookie", "cvv", "cvc"),
        *("apikey", "otp", "ssn", "iban", "bearer"),
    }
)
_PAIRS = frozenset(
    {("api", "key"), ("private", "key"), ("access", "key"), ("secret", "key"), ("encryption", "key"), ("set", "cookie")}
)
_SPLIT = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PAIR = re.compile(r'"((?:[^"\\]|\\.){1,100})"(\s*:\s*)("(?:[^"\\]|\\.)*(?:"|$)|-?\d[\d.eE+-]*)')


def hides(key: str) -> bool:
    """Tell whether the value under this key is to be hidden."""
    words = [word.lower() for word in _SPLIT.findall(key[:200])]
    return any(word in _WORDS for word in words) or any(pair in _PAIRS for pair in itertools.pairwise(words))


def redact_text(text: str) -> str:
    """Hide the values of such keys in a text that looks like JSON, whole or cut short."""
    return _PAIR.sub(lambda m: f'"{m[1]}"{m[2]}"{REDACTED}"' if hides(m[1]) else m[0], text)
