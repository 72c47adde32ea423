"""Reads the URL of a Redis: one server, a socket file, Sentinels or a cluster.

Refuses what it does not understand with a message that never holds a user, a password or the query: these messages
end up on consoles and in logs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from board.engine.errors import UsageError

__all__ = ["SCHEMES", "Address", "clean_client_name", "parse_address"]

SCHEMES = (
    "redis",
    "rediss",
    "unix",
    "redis+sentinel",
    "rediss+sentinel",
    "redis+cluster",
    "rediss+cluster",
)

_NOT_IN_A_NAME = re.compile(r"[^!-~]")


@dataclass(frozen=True, slots=True)
class Address:
    """Where Redis is.

    Attributes:
        kind: ``server``, ``unix``, ``sentinel`` or ``cluster``.
        hosts: host and port of the server, the Sentinels or the first cluster nodes.
        tls: encrypt.
        path: of the socket file.
        service: name of the master that the Sentinels watch.
        database: number of the database.
        username: ACL user.
        password: its password.
        options: the rest of the query, as redis-py's connection takes it.
    """

    kind: str
    hosts: tuple[tuple[str, int], ...] = ()
    tls: bool = False
    path: str = ""
    service: str = ""
    database: int = 0
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    options: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def place(self) -> str:
        """The address for messages: no user, no password."""
        if self.kind == "unix":
            return self.path
        hosts = ", ".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        return f"{self.service} of {hosts}" if self.kind == "sentinel" else hosts


def parse_address(url: str) -> Address:
    """Read a Redis URL.

    Forms: ``redis://[user:password@]host:6379/0``, ``rediss://`` for TLS, ``unix:///path?db=0``,
    ``redis+sentinel://host:26379,host:26379/master-name/0`` and ``redis+cluster://host:6379,host:6379``.

    Raises:
        UsageError: what is wrong with it, without the secrets in it.
    """
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in SCHEMES:
        raise UsageError(f"a Redis URL begins with {', '.join(f'{known}://' for known in SCHEMES[:3])} …")
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
    except ValueError:
        raise UsageError(f"the Redis URL is malformed: write {scheme}://host:6379/0") from None
    username, password = _login(parts)
    if scheme == "unix":
        path = unquote(parts.path)
        if not path:
            raise UsageError("the Redis URL names no socket file: write unix:///run/redis.sock")
        password = options.pop("password", None) or password
        return Address(
            "unix",
            path=path,
            database=_number(options.pop("db", "0"), "database"),
            username=options.pop("username", None) or username,
            password=password,
            options=options,
        )
    kind = scheme.partition("+")[2] or "server"
    segments = [unquote(segment) for segment in parts.path.split("/") if segment]
    service = ""
    if kind == "sentinel":
        if not segments:
            raise UsageError(f"the Redis URL names no master: write {scheme}://host:26379/master-name/0")
        service = segments.pop(0)
    database = options.pop("db", None) or (segments[0] if segments else "0")
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if kind == "server" and len(hosts) > 1:
        raise UsageError("several hosts need redis+sentinel:// or redis+cluster://")
    return Address(
        kind,
        hosts=tuple(_host(host, 26379 if kind == "sentinel" else 6379, scheme) for host in hosts),
        tls=scheme.startswith("rediss"),
        service=service,
        database=_number(database, "database"),
        username=username,
        password=password,
        options=options,
    )


def clean_client_name(name: str) -> str:
    """Return a name that CLIENT SETNAME takes: Redis refuses spaces and everything outside printable ASCII."""
    return _NOT_IN_A_NAME.sub("-", name)


def _login(parts: SplitResult) -> tuple[str | None, str | None]:
    user, colon, password = parts.netloc.rpartition("@")[0].partition(":")
    return unquote(user) or None, unquote(password) if colon and password else None


def _host(text: str, default_port: int, scheme: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise UsageError(f"the Redis URL names no host, or no valid port: write {scheme}://host:{default_port}")
    return unquote(host), port or default_port


def _number(text: str, what: str) -> int:
    if not text.isdecimal():
        raise UsageError(f"the {what} in the Redis URL is not a number")
    return int(text)
