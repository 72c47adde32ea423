"""Several Redis servers in one board: which one a request is about, told from its address and nowhere else.

``/c/eu/q/mail`` is ``/q/mail`` of the server ``eu``. The beginning is taken off before Flask sees the request and
becomes part of the mount point, so every link on the page leads on below it and no view knows of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable
from typing import Any

from flask import request

from board.web.state import CONNECTION

__all__ = ["Connections", "mount_point", "root_of"]

MOUNT_POINT = "queue-board.mount-point"


class Connections:
    """Takes ``/c/<name>`` off the path of a request, where there is a server of that name."""

    def __init__(self, wsgi: Callable[..., Iterable[bytes]], names: Container[str]) -> None:
        """Know the servers beside the first by ``names``."""
        self._wsgi = wsgi
        self._names = names

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        environ.pop(CONNECTION, None)
        environ[MOUNT_POINT] = environ.get("SCRIPT_NAME", "")
        found = re.match(r"/c/([^/]+)(?=/|$)", environ.get("PATH_INFO", ""))
        if found and found.group(1) in self._names:
            environ[CONNECTION] = found.group(1)
            environ["SCRIPT_NAME"] = environ[MOUNT_POINT] + found.group()
            environ["PATH_INFO"] = environ["PATH_INFO"][found.end() :]
        return self._wsgi(environ, start_response)


def mount_point() -> str:
    """Return where the board is mounted, whichever server the request is about; cookies are for all of them."""
    found: str = request.environ.get(MOUNT_POINT, request.script_root)
    return found


def root_of(name: str) -> str:
    """Return the address of the overview of a server; the first has no name."""
    return f"{mount_point()}/c/{name}/" if name else f"{mount_point()}/"
