"""The production server's settings, as Python and taken from `Settings`: what `board serve` runs.

Threads, not processes, carry the load: a page waits for Redis most of its time. No file and no environment variable of
gunicorn's own is read, so there is one place to configure the board.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.http import wsgi
from gunicorn.workers.gthread import ThreadWorker

from board.config import Settings

__all__ = ["options", "serve"]

Wsgi = Callable[..., Any]

MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - gunicorn's heartbeat files; a disk under load would look like a hang
REQUEST_SECONDS = 60
ARENA_MAX, TRIM_THRESHOLD, MMAP_THRESHOLD = -8, -1, -3
"""M_ARENA_MAX, M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of ``mallopt``."""

LARGE_BYTES = 256 * 1024
"""From here on a block of memory is asked of the system and given back as soon as it is free: no page has many."""

SPARE_BYTES = 128 * 1024
"""Free memory at the end that is kept; this is glibc's own number, until it adapts it."""

YOUNG_OBJECTS = 5_000
"""New objects that make the garbage collector look among them: those of some pages, where Python's 700 are of one."""

GRACE_SECONDS = 10
"""After SIGTERM, what still runs may take this long; orchestrators usually kill after 30 s."""

KEEP_ALIVE_SECONDS = 5


def options(settings: Settings) -> dict[str, Any]:
    """Return gunicorn's settings, by gunicorn's names."""
    return {
        "bind": f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}",
        "worker_class": _Worker,
        "workers": settings.workers,
        "threads": settings.threads,
        "timeout": REQUEST_SECONDS,
        "graceful_timeout": GRACE_SECONDS,
        "keepalive": KEEP_ALIVE_SECONDS,
        "worker_tmp_dir": str(MEMORY_FOLDER) if MEMORY_FOLDER.is_dir() else None,
        "max_requests": 0,  # nothing leaks that would need recycling
        "control_socket_disable": True,  # a file in the home folder, which a container may not have
        "forwarded_allow_ips": "",  # the board decides itself whom to believe, by trusted_proxies
        "accesslog": None,
        "errorlog": "-",
        "proc_name": "queue-board",
    }


class _Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Ends without dropping who already stood in line, and tells its parent each second that it is alive.

    Gunicorn's own accepts nobody any more once it is told to end, keeps the line open for as long as the last page
    takes, and then resets all who stand in it. It tells its parent twice a request, in the thread that takes requests.
    """

    _told_at = float("-inf")

    def notify(self) -> None:
        """Tell the parent, unless it was told less than a second ago; it waits for ``REQUEST_SECONDS``."""
        now = time.monotonic()
        if now - self._told_at >= 1:
            self._told_at = now
            super().notify()

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - gunicorn's signature
        """Begin or stop to accept connections; to stop for good, take those that wait and refuse the next at once."""
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            taken = -1
            while taken < self.nr_conns < self.worker_connections:
                taken = self.nr_conns
                self.accept(listener)
            listener.close()


class _Together:
    """A connection that sends the head of an answer together with what follows: one call of the system, one packet."""

    __slots__ = ("_head", "_socket")

    def __init__(self, connection: Any) -> None:
        self._socket = connection
        self._head: bytes | None = None

    def sendall(self, data: bytes) -> None:
        """Keep what comes first, send it with what comes next."""
        if self._head is None:
            self._head = data
        else:
            head, self._head = self._head, b""
            self._socket.sendall(head + data if head else data)

    def flush(self) -> None:
        """Send what was kept."""
        if self._head:
            self.sendall(b"")

    def __getattr__(self, name: str) -> Any:
        self.flush()
        return getattr(self._socket, name)


class _Response(wsgi.Response):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn's answer, which sends its head and its body apart."""

    def __init__(self, req: Any, sock: Any, *rest: Any) -> None:
        super().__init__(req, _Together(sock), *rest)

    def close(self) -> None:
        """End the answer."""
        super().close()
        self.sock.flush()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn without its command line."""

    def __init__(self, settings: Settings, make: Callable[[], Wsgi]) -> None:
        self._options = options(settings)
        self._make = make
        super().__init__()

    def load_config(self) -> None:
        """Set what we were given, and nothing from files or the environment."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Wsgi:
        """Make the application, once in each worker process: connections are not shared over a fork."""
        _keep_little_memory()
        application = self._make()
        _pass_over_what_stays()
        return application


def _keep_little_memory() -> None:
    """Let all threads take memory from one place, and give back what is free, where the C library is glibc.

    It keeps a pool for each thread otherwise, and each keeps what its largest page took: with eight people asking for
    large pages 90 MB, where 74 are enough. Threads wait for each other anyway, as Python runs one at a time. And once
    a block as large as the 19 MB of argon2 was freed, it takes such blocks for usual: after the first sign-in a
    process kept 90 MB, where 76 are enough.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(ARENA_MAX, 1)
        mallopt(MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(TRIM_THRESHOLD, SPARE_BYTES)


def _pass_over_what_stays() -> None:
    """Let the garbage collector pass over modules, routes and scripts, which stay, and look for rings less often.

    A full pass over them takes some 50 ms, in which nobody gets a page, and came once in 150 large pages.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def serve(settings: Settings, make: Callable[[], Wsgi]) -> None:
    """Serve until SIGTERM or SIGINT; ends the process.

    Args:
        settings: where to listen and with how many processes and threads.
        make: makes the WSGI application, usually `lambda: create_app(settings)`.
    """
    wsgi.Response = _Response  # it takes its class from there
    _Server(settings, make).run()
