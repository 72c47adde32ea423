"""Addresses: how a job id becomes a segment of a path, how links are built, and where the application begins."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from flask import Flask, redirect, request, url_for
from werkzeug.routing import BaseConverter, ValidationError
from werkzeug.wrappers import Response as BaseResponse

from board.addresses import escape, unescape
from board.web.assets import ENDPOINT, Assets, assets

__all__ = ["BasePath", "in_query", "install", "link", "place"]

_ANY_JOB = secrets.token_hex(12)
"""Stands for an id while an address is built once for all jobs. Nobody outside knows it, so no queue has this name."""

PLAIN_IN_QUERY = "!$'()*,/:;?@"
PLAIN_IN_SEGMENT = "!$&'()*+,/:;=@"
"""What werkzeug leaves as it is in a query string, and in a path."""

_here: ContextVar[tuple[str, Assets] | None] = ContextVar("here", default=None)
"""Where the request that is answered is mounted, and the files of its application, for the links of its page: asking
Flask for the two took longer than all the rest of a link."""

Wsgi = Callable[..., Iterable[bytes]]


class _JobId(BaseConverter):
    """Any text as one segment: see ``board.addresses``."""

    def to_python(self, value: str) -> str:
        text = unescape(value)
        if text is None:
            raise ValidationError
        return text

    def to_url(self, value: Any) -> str:
        return super().to_url(escape(str(value)))


def install(app: Flask) -> None:
    """Teach the routes about job ids and the templates to build links, and end the mount point in a slash."""
    app.url_map.converters["job_id"] = _JobId
    app.jinja_env.globals["url_for"] = link
    app.jinja_env.filters["in_query"] = in_query
    app.before_request(_begin)
    app.teardown_request(_end)


def place() -> tuple[str, str]:
    """Return what all addresses of a page depend on: where it is mounted, and the digest of the files."""
    script_root, files = _here.get() or (request.script_root, assets())
    return script_root, files.digest


def in_query(text: str) -> str:
    """Write the value at the end of an address, such as ``link`` builds with an empty one there."""
    return quote_plus(text, safe=PLAIN_IN_QUERY)


def link(endpoint: str, **values: Any) -> str:
    """Build an address as Flask's ``url_for`` does. A page holds a thousand links, most of them those of before.

    Those that name a job differ in nothing else, so they are built once for a job of no id.
    """
    script_root, files = _here.get() or (request.script_root, assets())
    digest = files.digest if endpoint == ENDPOINT else ""
    if (job_id := values.get("job_id")) is None:
        return _built(script_root, digest, endpoint, tuple(values.items()))
    values["job_id"] = _ANY_JOB
    before, _, after = _built(script_root, digest, endpoint, tuple(values.items())).partition(_ANY_JOB)
    return f"{before}{_segment(str(job_id))}{after}"


@lru_cache(maxsize=1_024)
def _segment(job_id: str) -> str:
    """Write a job id as it stands in a path. A line of a table does so four times."""
    return quote(escape(job_id), safe=PLAIN_IN_SEGMENT)


@lru_cache(maxsize=4_096)
def _built(script_root: str, digest: str, endpoint: str, values: tuple[tuple[str, Any], ...]) -> str:
    """Build an address once for a mount point and a release of our files, which are all that it depends on."""
    del script_root, digest  # part of the key
    return url_for(endpoint, **dict(values))


def _begin() -> BaseResponse | None:
    """Lead from ``/admin/queues`` to ``/admin/queues/``: the cookie's path, below which alone it is sent."""
    _here.set((request.script_root, assets()))
    if request.script_root and not request.environ.get("PATH_INFO"):
        return redirect(url_for("overview.index"), 308)
    return None


def _end(_error: BaseException | None) -> None:
    _here.set(None)


class BasePath:
    """Moves a configured path from the request's path to the mount point, for proxies that pass it on.

    What lies outside of it is not found, but for the health checks, which balancers ask without the path.
    """

    def __init__(self, wsgi: Wsgi, path: str) -> None:
        """Take requests below ``path``, which begins with a slash and does not end in one."""
        self._wsgi = wsgi
        self._path = path

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        asked = environ.get("PATH_INFO", "")
        if asked == self._path or asked.startswith(self._path + "/"):
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + self._path
            environ["PATH_INFO"] = asked[len(self._path) :]
        elif asked not in {"/healthz", "/readyz"}:
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"The board is at {self._path}/\n".encode()]
        return self._wsgi(environ, start_response)
