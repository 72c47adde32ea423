"""What the settings are written like: each function turns the text of a variable into its value.

What makes no sense is a ``ValueError`` with the rest of a sentence that began with the variable's name.
No sentence ever repeats a password.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from board.claims import read_rules
from board.limits import read_limits
from board.outbound.mail_server import read_mail_server
from board.outbound.rules import read_places
from board.schemas import read_schemas
from board.words import LANGUAGES

__all__ = [
    "LONGEST_PASSWORD",
    "SHORTEST_PASSWORD",
    "checked",
    "connections",
    "flag",
    "header",
    "issuer",
    "label",
    "language",
    "limits",
    "mail_address",
    "mail_server",
    "names",
    "networks",
    "outbound",
    "password",
    "path",
    "people",
    "redis_url",
    "rules",
    "schemas",
    "scopes",
    "seconds",
    "secret",
    "whole",
    "word",
]

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")
SHORTEST_SECRET = 16
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 1024
"""Longer ones only make the hash function work for an attacker."""

UNREADABLE = "has a host or port that cannot be read; in a password, %-encode / ? # @ [ ] : and all but plain letters"


def redis_url(text: str) -> str:
    """Read the address of a Redis."""
    scheme = text.partition("://")[0]
    if scheme not in SCHEMES or "://" not in text:
        known = ", ".join(f"{known}://" for known in SCHEMES)
        raise ValueError(f"must begin with one of {known}")
    try:
        parts = urlsplit(text)
    except ValueError:  # its words would repeat the password
        raise ValueError(UNREADABLE) from None
    if scheme == "unix":
        if not parts.path:
            raise ValueError("names no socket: write unix:///path/to/redis.sock")
        return text
    for place in parts.netloc.rpartition("@")[2].split(","):
        _check_place(place, scheme)
    database = parts.path.strip("/")
    if database and scheme in {"redis", "rediss"} and not database.isdecimal():
        raise ValueError("must end in the number of a database, for example /0")
    return text


def _check_place(place: str, scheme: str) -> None:
    """Check one ``host:port``; Sentinel and Cluster addresses may list several."""
    try:
        parts = urlsplit(f"//{place}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(UNREADABLE) from None
    if not host:
        raise ValueError(f"names no host: write {scheme}://host:6379/0")
    if port == 0:
        raise ValueError("has the port 0, on which nothing listens")


def connections(text: str) -> tuple[tuple[str, str], ...]:
    """Read names and addresses of further servers: ``eu=redis://eu:6379/0``."""
    found: dict[str, str] = {}
    for part in text.split():
        name, separator, address = part.partition("=")
        if not separator or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", name):
            raise ValueError(
                "must be names and addresses such as `eu=redis://eu:6379/0 us=redis://us:6379/0`; "
                "a name has letters, digits and . _ - only, 32 at most"
            )
        if name in found:
            raise ValueError(f"names {name} twice")
        try:
            found[name] = redis_url(address)
        except ValueError as wrong:
            raise ValueError(f"has an address for {name} that {wrong}") from None
    return tuple(found.items())


def checked(read: Callable[[str], object]) -> Callable[[str], str]:
    """Return a reader of text that is kept as it was written, once ``read`` has made sense of it."""

    def check(text: str) -> str:
        read(text)
        return text

    return check


limits = checked(read_limits)
"""Read the thresholds of queues."""

rules = checked(read_rules)
"""Read who may come in by a claim of the provider."""

outbound = checked(read_places)
"""Read the places that may be called."""

schemas = checked(read_schemas)
"""Read where the schemas of the data of jobs are."""

mail_server = checked(read_mail_server)
"""Read the address of a mail server."""


def issuer(text: str) -> str:
    """Read the address of an identity provider."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in {"https", "http"} or not host or port == 0 or parts.query or parts.fragment or "@" in text:
        raise ValueError("must be the address of the provider as it names itself, such as https://idp.example.com")
    return text


def scopes(text: str) -> str:
    """Read what the provider is asked to tell."""
    scopes = text.split()
    if "openid" not in scopes or not all(re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", one) for one in scopes):
        raise ValueError("must be space-separated and hold openid, such as `openid email profile`")
    return " ".join(scopes)


def mail_address(text: str) -> str:
    """Read an e-mail address."""
    if not re.fullmatch(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,190}", text):
        raise ValueError(f"must be a plain address such as board@example.com, not {text[:64]!r}")
    return text


def secret(text: str) -> str:
    """Read what signs something."""
    if len(text) < SHORTEST_SECRET:
        raise ValueError(
            f"is too short: at least {SHORTEST_SECRET} characters, for example those of `openssl rand -hex 32`"
        )
    return text


def password(text: str) -> str:
    """Read a password."""
    if not SHORTEST_PASSWORD <= len(text) <= LONGEST_PASSWORD:
        raise ValueError(f"must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD:,} characters")
    return text


def names(text: str) -> tuple[str, ...]:
    """Read names between commas."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise ValueError("holds no name between its commas")
    return names


def flag(text: str) -> bool:
    """Read yes or no."""
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    try:
        return known[text.lower()]
    except KeyError:
        raise ValueError(f"must be 1 or 0 (or true, false, yes, no, on, off), not {text!r}") from None


def path(text: str) -> str:
    """Read a path that pages lie below."""
    path = "/" + text.strip("/")
    if path == "/":
        return ""
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", path) or any(part in {".", ".."} for part in path.split("/")):
        raise ValueError("must be a plain path such as /admin/queues")
    return path


def word(text: str) -> str:
    """Read a word that can be part of a key."""
    if not re.fullmatch(r"[A-Za-z0-9._{}-]{1,64}", text):
        raise ValueError("may hold letters, digits and . _ - { } only, 64 at most")
    return text


def label(text: str) -> str:
    """Read a line that is shown."""
    if len(text) > 64 or not text.isprintable():
        raise ValueError("must be one line of at most 64 characters")
    return text


def header(text: str) -> str:
    """Read the name of a header."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,63}", text):
        raise ValueError("must be the name of a header, such as X-Forwarded-User: letters, digits and - only")
    return text


def networks(text: str) -> tuple[str, ...]:
    """Read addresses and networks."""
    found = []
    for part in names(text):
        try:
            network = ipaddress.ip_network(part)
        except ValueError:
            raise ValueError(f"has {part[:64]!r}, which is no address and no network such as 10.0.0.0/24") from None
        if not network.prefixlen:
            raise ValueError(f"has {part}, which is everybody: name the proxy")
        found.append(str(network))
    return tuple(found)


def people(text: str) -> tuple[tuple[str, str], ...]:
    """Read names and their roles: ``dana=admin``."""
    found: dict[str, str] = {}
    for part in text.split():
        name, separator, role = part.partition("=")
        if not separator or not name or not role:
            raise ValueError("must be names and roles such as `ann=admin bob=operator *=viewer`")
        if name.casefold() in found:
            raise ValueError(f"names {name[:64]} twice")
        found[name.casefold()] = role
    return tuple(found.items())


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return a reader of whole numbers within bounds."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least:,} to {most:,}, not {text[:40]!r}")
        return int(text)

    return read


def seconds(text: str) -> float:
    """Read a number of seconds."""
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", text) or not 0.1 <= float(text) <= 60:
        raise ValueError(f"must be a number from 0.1 to 60, not {text[:40]!r}")
    return float(text)


def language(text: str) -> str:
    """Read the code of a language that pages speak."""
    if text not in LANGUAGES:
        raise ValueError(f"must be one of {', '.join(LANGUAGES)}, not {text[:40]!r}")
    return text
