"""Secrets in what jobs carry, hidden before anything is shown, searched, exported, logged or recorded.

In JSON a value is hidden for the name of its key, or for its path. A key's words (``apiKey``, ``api_key``, ``API-KEY``
have the same two) are compared with a list; everything below such a key is hidden, and the shape stays. Elsewhere, in
messages, traces, log lines and JSON that is cut short, what follows such a name is hidden, and so is what looks like a
credential by itself: the user part of an address, a bearer token, a JWT, a private key, keys of well-known services.

The list is this process's: a board adds the names and paths of its settings, and none is ever taken away.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

__all__ = ["REDACTED", "Path", "hide_also", "hides", "is_revealing", "redact_text", "revealed", "speaks_of", "version"]

REDACTED = "[redacted]"

Path = tuple[str, ...]
"""The keys that lead to a value from the top of its document; places in lists do not count."""

_SPLIT = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


LONGEST_KEY = 200
"""Characters of a key that are read for its words."""


def _words(key: str) -> tuple[str, ...]:
    return tuple([word.lower() for word in _SPLIT.findall(key[:LONGEST_KEY])])


class _Rules:
    """What is hidden. Only ever grows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.single = frozenset(
            {
                *("password", "passwords", "passwd", "pwd", "passphrase", "secret", "secrets", "token", "jwt"),
                *("authorization", "cookie", "cookies", "credential", "credentials", "cvv", "cvc"),
                *("apikey", "otp", "ssn", "iban", "bearer"),
            }
        )
        self.several: frozenset[tuple[str, ...]] = frozenset(
            (first, "key") for first in ("api", "private", "access", "secret", "encryption", "signing", "service")
        ) | {("set", "cookie"), ("redis", "url"), ("database", "url"), ("connection", "string"), ("card", "number")}
        self.sizes: frozenset[int] = frozenset(map(len, self.several))
        self.paths: frozenset[Path] = frozenset()
        self.marks = self._marks()
        self.version = 0

    def add(self, rules: Iterable[str]) -> None:
        """Take in names and paths; a path is one with a dot in it."""
        wanted = [rule.strip() for rule in rules if rule.strip()]
        names = [_words(rule) for rule in wanted if "." not in rule]
        with self._lock:
            self.single |= {words[0] for words in names if len(words) == 1}
            self.several |= {words for words in names if len(words) > 1}
            self.sizes = frozenset(map(len, self.several))
            self.paths |= {tuple(rule.lower().split(".")) for rule in wanted if "." in rule}
            self.marks = self._marks()
            self.version += 1  # last: whoever sees it sees the rules too

    def names(self, words: tuple[str, ...]) -> bool:
        if not self.single.isdisjoint(words):
            return True
        if len(words) < 2:
            return False
        several = self.several
        return any(words[at : at + size] in several for size in self.sizes for at in range(len(words) - size + 1))

    def may_stand_in(self, small: str) -> bool:
        """Whether a name, or the end of a path, can be in this text, whose letters are small ones."""
        if any(map(small.__contains__, self.marks)):
            return True
        return any(words[-1] in small and all(map(small.__contains__, words)) for words in self.several)

    def _marks(self) -> tuple[str, ...]:
        """Return what is in every text with a name of one word or the end of a path: no word that holds another."""
        wanted = self.single | {path[-1] for path in self.paths}
        return tuple(one for one in wanted if not any(other in one for other in wanted - {one}))

    def leads(self, path: Path) -> bool:
        return any(
            len(rule) == len(path) and all(step in ("*", key.lower()) for step, key in zip(rule, path, strict=True))
            for rule in self.paths
        )

    def ends(self, key: str) -> bool:
        """Whether a path ends in this key: where the path itself is not known, too much is hidden, not too little."""
        return any(rule[-1] == key.lower() for rule in self.paths)


_rules = _Rules()
_revealing: ContextVar[bool] = ContextVar("queue-board-revealing", default=False)


def hide_also(rules: Iterable[str]) -> None:
    """Hide the values of these names (``iban``) and paths (``customer.email``, ``items.*.card``) as well."""
    _rules.add(rules)


@contextmanager
def revealed() -> Iterator[None]:
    """Hide nothing meanwhile, in this thread: for who may see it, and after that was recorded."""
    before = _revealing.set(True)
    try:
        yield
    finally:
        _revealing.reset(before)


def is_revealing() -> bool:
    """Whether secrets are shown at this moment, in this thread."""
    return _revealing.get()


def version() -> int:
    """Return what counts up whenever something more is hidden: what was written before is not to be used again."""
    return _rules.version


def hides(key: str, path: Path = ()) -> bool:
    """Tell whether the values under this key are to be hidden.

    Args:
        key: its name.
        path: the keys that lead to it, itself included; empty where that is not known.
    """
    if _revealing.get():
        return False
    if _is_named(key[:LONGEST_KEY], _rules.version):
        return True
    if not _rules.paths:
        return False
    return _rules.leads(path) if path else _rules.ends(key)


@lru_cache(maxsize=2_048)
def _is_named(key: str, _version: int) -> bool:
    """Tell whether the list has this name: a page of jobs asks for the same few keys in each line."""
    return _rules.names(_words(key))


_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
    r"|(?<=://)[^\s/?#\"'<>@]{1,400}(?:@[^\s/?#\"'<>@]{1,400}){0,3}(?=@)"
    r"|(?<=\bbearer )[\w.~+/=-]{8,8000}|(?<=\bbasic )[A-Za-z0-9+/=]{8,8000}"
    r"|\beyJ[\w-]{6,4000}\.[\w-]{6,8000}(?:\.[\w-]{0,4000})?"
    r"|\b(?:sk|pk|rk)_(?:live|test)_\w{8,200}|\bgh[pousr]_\w{20,255}|\bxox[abprs]-[\w-]{10,255}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bglpat-[\w-]{16,255}",
    re.DOTALL | re.IGNORECASE,
)
_MARKS = (
    *("private key", "://", "bearer ", "basic ", "eyj", "k_live_", "k_test_"),
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "xox", "akia", "glpat-"),
)
"""One of these is, in small letters, in whatever has one of the shapes."""

_KEY = re.compile(
    r"(?<![\w.-])((?:(?:api|access|secret|private|encryption|signing|set) )?[A-Za-z_][\w.-]{0,80})"
    r"((\\{0,4}[\"'])?\s{0,4}[:=]>?\s{0,4})",
    re.IGNORECASE,
)
_OPENED = re.compile(r"(\\{0,4})([\"'])")
_BARE = re.compile(r"[^\s\"'&,;<>{}\[\]()\\]{1,8000}")
_BRACKET = re.compile(r'[{}\[\]]|"(?:[^"\\]|\\.)*"')
_NO_SECRETS = frozenset(
    {
        "true",
        "false",
        "null",
        "none",
        "undefined",
        "expired",
        "invalid",
        "missing",
        "required",
        "is",
        "not",
        "unexpected",
    }
)


def redact_text(text: str) -> str:
    """Hide what is recognisable as a secret in a text of any kind: JSON cut short, a message, a log line."""
    if _revealing.get() or not text:
        return text
    if not _may_hold_secrets(text):
        return text
    text = _SHAPES.sub(REDACTED, text)
    parts: list[str] = []
    done = at = 0
    while match := _KEY.search(text, at):
        at = match.end()
        if not hides(match[1]):
            continue
        span, new = _value(text, at, is_json=match[3] is not None)
        if span is not None:
            parts += (text[done : span[0]], new)
            done = at = span[1]
    return "".join((*parts, text[done:])) if parts else text


def _may_hold_secrets(text: str) -> bool:
    """Whether it takes a closer look to tell: at a stack trace of 2 KB, a closer look takes half a millisecond.

    Beyond ASCII there are characters that count for one of its letters where case does not, such as the sign of Kelvin.
    """
    if not text.isascii():
        return True
    small = text.lower()
    return any(map(small.__contains__, _MARKS)) or _rules.may_stand_in(small)


def _value(text: str, at: int, *, is_json: bool) -> tuple[tuple[int, int] | None, str]:
    """Return where the value that begins here ends, and what stands for it; None when there is nothing to hide."""
    opened = _OPENED.match(text, at)
    if opened is not None:
        escapes, quote = opened.groups()
        return (opened.end(), _closing(text, opened.end(), escapes, quote)), REDACTED
    if text[at : at + 1] in ("{", "["):
        return (at, _balanced(text, at)), f'"{REDACTED}"'
    bare = _BARE.match(text, at)
    if bare is None or bare[0].lower().rstrip(".") in _NO_SECRETS or bare[0] == REDACTED:
        return None, ""
    is_number = is_json and bare[0][0] in "-0123456789"
    return bare.span(), f'"{REDACTED}"' if is_number else REDACTED


def _closing(text: str, at: int, escapes: str, quote: str) -> int:
    """Return where a quoted text ends: at a quote with as many backslashes before it as at its beginning."""
    while True:
        found = text.find(quote, at)
        if found < 0:
            return len(text)
        before = found
        while before > 0 and text[before - 1] == "\\":
            before -= 1
        backslashes = found - before
        if backslashes == len(escapes) or (not escapes and backslashes % 2 == 0):
            return before if escapes else found
        at = found + 1


def _balanced(text: str, at: int) -> int:
    """Return where the object or list that begins here ends, or the text."""
    depth = 0
    for match in _BRACKET.finditer(text, at):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    return len(text)


def speaks_of(wanted: str, texts: Iterable[str | None]) -> bool:
    """Whether what is searched for still stands in one of these texts once their secrets are hidden."""
    small = wanted.lower()
    return any(small in redact_text(text).lower() for text in texts if text)
