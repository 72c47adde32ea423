"""What both fronts tell redis-py about an ``Address``: plain values, no sockets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from board.engine.calls import Call
from board.engine.connection.address import Address
from board.engine.errors import UsageError
from board.engine.keys import hash_tag

__all__ = ["APART", "MOVES", "WATCHDOG_S", "key_of", "place_of", "plain_url", "sentinel_options", "tagged_key_of"]

MOVES = 8
"""How often a call follows a cluster that is moving its key before giving up."""

WATCHDOG_S = 1.0
"""How long after a blocking command should have come back its socket is given up; BullMQ waits as long."""

APART = "these queues lie on different nodes of the cluster; a flow needs one hash tag in all its prefixes: {bull}"
"""What is wrong with a transaction whose keys have no slot in common."""

UNTAGGED = (
    "on a cluster the keys of a queue need one hash tag to stay together, and queue keys such as {key!r} have none; "
    "put it in the prefix of producers, workers and board alike: prefix='{{bull}}'"
)
"""Why nothing is written: a script would break off at the first key on another node, half done."""

_TAG = re.compile(r"\{[^}*?\[\\]+\}")
_SENTINEL_PREFIX = "sentinel_"


def plain_url(address: Address) -> str:
    """Return a URL that redis-py reads, for its casting of the query's options; without user and password."""
    options = {name: value for name, value in address.options.items() if not name.startswith(_SENTINEL_PREFIX)}
    query = f"?{urlencode({'db': str(address.database)} | options)}"
    if address.kind == "unix":
        return f"unix://{quote(address.path)}{query}"
    host, port = address.hosts[0]
    host = f"[{host}]" if ":" in host else host
    return f"{'rediss' if address.tls else 'redis'}://{host}:{port}{query}"


def sentinel_options(address: Address, timeout_s: float) -> dict[str, Any]:
    """Return how to talk to the Sentinels themselves: ``?sentinel_username=…&sentinel_password=…`` of the URL."""
    given = {
        name.removeprefix(_SENTINEL_PREFIX): value
        for name, value in address.options.items()
        if name in ("sentinel_username", "sentinel_password")
    }
    return {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, "protocol": 2, **given}


def place_of(options: Mapping[str, Any]) -> str:
    """Return where the connections of a redis-py client lead, for messages."""
    if options.get("path"):
        return str(options["path"])
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"


def tagged_key_of(call: Call[Any]) -> str | None:
    """Return the same as ``key_of``, for a cluster.

    Raises:
        UsageError: the call is a script that writes and builds keys of its own, and they would not stay together.
    """
    key = key_of(call)
    if key is not None and call.script is not None and call.writes and call.script.header.derived and not hash_tag(key):
        raise UsageError(UNTAGGED.format(key=key))
    return key


def key_of(call: Call[Any]) -> str | None:
    """Return a key by which a cluster routes the call, None when any node will do."""
    if call.script is not None:
        return str(call.argv[0]) if call.keys else None
    command = str(call.argv[0]).upper()
    if command == "SCAN" and "MATCH" in call.argv:  # the keys of one hash tag are on one node
        tag = _TAG.search(str(call.argv[call.argv.index("MATCH") + 1]))
        return tag.group() if tag else None
    if command in ("SCAN", "CLIENT", "INFO", "CONFIG", "PING", "TIME", "DBSIZE", "MEMORY", "COMMAND", "ACL", "SCRIPT"):
        return None
    if command in ("XREAD", "XREADGROUP"):
        position = [str(part).upper() for part in call.argv].index("STREAMS") + 1
        return str(call.argv[position])
    return str(call.argv[1]) if len(call.argv) > 1 else None
