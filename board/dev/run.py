"""``board dev``: a server, demo data, busy workers and the board, in one command, gone with Ctrl-C.

The embedded server stays (its data too), and the next start adopts it. With REDIS_URL set nothing is written to that
Redis but the board's own users and sessions.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from werkzeug.serving import is_running_from_reloader, make_server, run_simple

from board.auth.passwords import generate_password
from board.auth.users import FIRST_ADMIN
from board.config import Settings, without_secrets
from board.dev.seeds import is_seeded, seed
from board.embedded import EmbeddedServer, EmbeddedServerError
from board.engine.errors import StoreError
from board.errors import BoardError
from board.service import Service, wall_clock_ms
from board.web import BACKGROUND, create_app

__all__ = ["DevError", "run"]

PASSWORD_FILE = "admin-password"  # noqa: S105 - the name of a file


class DevError(BoardError):
    """The development server cannot start; the message says what to do."""


def run(settings: Settings, *, data: Path, reload: bool) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        settings: where to listen, and REDIS_URL if it is set.
        data: folder of the embedded server, when there is no REDIS_URL.
        reload: start again when a file of the board changes.

    Raises:
        DevError: no server can be had, or the port is taken.
    """
    signal.signal(signal.SIGTERM, _end)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for every refresh of a page hides the rest
    is_demo = not settings.redis_url
    first = not is_running_from_reloader()
    with contextlib.ExitStack() as stack:
        if is_demo:
            settings = _with_demo_server(settings, data, stack)
        if first:
            _welcome(settings, is_demo=is_demo)
            if is_demo:
                stack.enter_context(_demo_workers(settings))
        app = create_app(settings, background=not (reload and first))  # first only watches its child
        if BACKGROUND in app.extensions:
            stack.callback(app.extensions[BACKGROUND].stop)  # while the server it gives its leases back to is there
        app.jinja_env.auto_reload = True
        if reload:
            run_simple(settings.host, settings.port, app, use_reloader=True, threaded=True)
            return
        try:
            server = make_server(settings.host, settings.port, app, threaded=True)
        except (OSError, SystemExit):
            raise DevError(f"Port {settings.port} is taken. Choose another one: PORT=8001 board dev") from None
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


def _end(number: int, frame: object) -> None:
    """Leave by way of every ``finally``, so that the demo workers finish what runs."""
    del frame
    signal.signal(number, signal.SIG_IGN)  # make passes on what the whole group was told already
    raise SystemExit(0)


def _with_demo_server(settings: Settings, data: Path, stack: contextlib.ExitStack) -> Settings:
    """Start or adopt the embedded server; keep one administrator's password with its data. Who started it ends it."""
    server = EmbeddedServer(data / "redis")
    try:
        url = server.ensure()
    except EmbeddedServerError as problem:
        raise DevError(str(problem)) from problem
    if server.started_here:
        stack.callback(server.stop)
    return replace(
        settings,
        redis_url=url,
        admin_password=settings.admin_password or _kept_password(data / PASSWORD_FILE),
        connection_name=settings.connection_name or "demo",
    )


def _kept_password(path: Path) -> str:
    """Return the password made at the first start, so that every start can print it."""
    if path.is_file():
        return path.read_text(encoding="utf-8").strip()
    password = generate_password()
    path.touch(mode=0o600)
    path.write_text(password + "\n", encoding="utf-8")
    return password


def _welcome(settings: Settings, *, is_demo: bool) -> None:
    """Prepare users and data, then say where to go and how to sign in."""
    service = Service(settings)
    generated = None
    try:
        generated = service.prepare(signs_in=True)
        if is_demo and not is_seeded(service.connection, service.namespace):
            done = seed(service.connection, service.namespace, settings.default_prefix, wall_clock_ms())
            _print(f"Demo data: {done.jobs} jobs in {done.queues} queues")
    except StoreError as trouble:
        _print(f"{trouble}. The board starts all the same and recovers by itself.")
    finally:
        service.close()
    if not is_demo:
        _print(f"Redis at {without_secrets(settings.redis_url)}")
    _print(f"Queue Board on http://{settings.host}:{settings.port}{settings.base_path}/")
    if is_demo:
        _print(f"Sign in as {FIRST_ADMIN} with the password {settings.admin_password}")
    elif generated:
        _print(f"Sign in as {FIRST_ADMIN} with the password {generated}")
    else:
        _print(f"Sign in as before; `board user passwd {FIRST_ADMIN}` sets a new password")


@contextlib.contextmanager
def _demo_workers(settings: Settings) -> Iterator[None]:
    """Run the demo workers in a process of their own, which ends with this one."""
    command = [sys.executable, "-m", "board.dev.workers", settings.redis_url, settings.default_prefix]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command speaks on the console
