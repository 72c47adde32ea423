"""``GET /healthz`` of a running ``board worker``: 200 while it works, 503 while it does not, JSON either way.

For the probe of a container or a load balancer. It tells which jobs run and nothing about them; without
a host in ``--health`` it listens on this machine only.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

__all__ = ["Health", "HealthServer"]


@dataclass(frozen=True, slots=True)
class Health:
    """Whether all is well, and the rest of the answer."""

    is_well: bool
    details: dict[str, Any]


class HealthServer:
    """Serves ``/healthz`` from a thread of its own while its block runs; without an address it does nothing."""

    def __init__(self, address: tuple[str, int] | None, health: Callable[[], Health]) -> None:
        self._server: ThreadingHTTPServer | None = None
        if address is not None:
            self._server = ThreadingHTTPServer(address, _handler(health))
            self._server.daemon_threads = True

    def __enter__(self) -> Self:
        if self._server is not None:
            threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _handler(health: Callable[[], Health]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5
        server_version = "board"
        sys_version = ""

        def do_GET(self) -> None:
            if self.path != "/healthz":
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            found = health()
            body = json.dumps({"ok": found.is_well, **found.details}).encode()
            self.send_response(HTTPStatus.OK if found.is_well else HTTPStatus.SERVICE_UNAVAILABLE)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Say nothing: a probe asks every few seconds."""

    return Handler
