"""The web application: the only place that wires things together."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Flask, Response, current_app, request, session
from flask.globals import app_ctx
from htmx_flask import Htmx
from werkzeug.middleware.proxy_fix import ProxyFix

from board import config
from board.auth.users import FIRST_ADMIN
from board.config import Settings
from board.engine.errors import StoreError
from board.errors import SettingsError
from board.resources import TEMPLATES, require_browser_code
from board.schemas import Schemas, declared
from board.service import Service, schemas_of
from board.web import (
    assets,
    compression,
    connections,
    errors,
    language,
    login,
    monitor,
    programs,
    provider,
    render,
    security,
    templating,
    tracing,
    urls,
)
from board.web.api import api
from board.web.identify import Identify, behind_proxy
from board.web.state import ACTED, EXTENSION, IDENTIFY, board
from board.web.views import blueprints

__all__ = ["BACKGROUND", "announce", "create_app"]

BACKGROUND = "queue-board.background"
"""Where ``app.extensions`` has what runs beside the requests."""


def create_app(
    settings: Settings | None = None,
    *,
    identify: Identify | None = None,
    background: bool = False,
    schemas: Iterable[Mapping[str, Any]] = (),
) -> Flask:
    """Make the WSGI application.

    Needs no Redis to start: while it is away, pages say so and recover by themselves.

    Args:
        settings: None reads the environment.
        identify: for a host application with its own sign-in: given the WSGI environment of a request, returns the
            name and role of the person ("viewer", "operator", "admin" or one of the settings), or an ``Identity``
            with grants of its own, or None for nobody. The board then has no users and no sign-in page.
        background: also do what goes on without anybody asking, such as keeping history: in threads of this process,
            and by one process of all that share the Redis. A server wants it; a test or a script does not.
        schemas: what the data of jobs must be, for a host application that has the schemas at hand: entries as in the
            file that BOARD_SCHEMAS names, with whole schemas. They are asked before those of the file.

    Raises:
        SettingsError: the environment does not add up, or a schema is none.
        ResourceMissingError: the installation lacks its browser code.
    """
    settings = settings or config.from_environment()
    identify = identify or behind_proxy(settings)
    require_browser_code()
    app = _Application("board", static_folder=None, template_folder=str(TEMPLATES))
    app.jinja_environment = templating.Environment
    app.jinja_options = {"bytecode_cache": templating.Compiled()}
    app.config.update(
        MAX_CONTENT_LENGTH=security.MOST_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=security.MOST_BODY_BYTES,
        MAX_FORM_PARTS=500,
    )
    app.extensions[EXTENSION] = Service(settings, schemas=_schemas(settings, schemas))
    Htmx(app)
    urls.install(app)
    app.before_request(_begin)
    tracing.install(app, app.extensions[EXTENSION].asked_redis)
    language.install(app)
    monitor.install(app)
    login.install(app, identify)
    provider.install(app, settings, app.extensions[EXTENSION])
    assets.install(app)
    render.install(app)
    errors.install(app)
    for blueprint in blueprints.ALL:
        app.register_blueprint(blueprint)
    app.register_blueprint(api)
    app.after_request(_finish)
    app.wsgi_app = _Prepared(app, app.wsgi_app)  # type: ignore[method-assign]
    if settings.connections:
        app.wsgi_app = connections.Connections(app.wsgi_app, dict(settings.connections))  # type: ignore[method-assign]
    if settings.base_path:
        app.wsgi_app = urls.BasePath(app.wsgi_app, settings.base_path)  # type: ignore[method-assign]
    if proxies := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies, x_prefix=proxies
        )
    if background:
        from board.duties import start_duties  # noqa: PLC0415 - with the worker that delivers, for boards that do them

        app.extensions[BACKGROUND] = start_duties(app.extensions[EXTENSION])
    return app


def _schemas(settings: Settings, given: Iterable[Mapping[str, Any]]) -> Schemas:
    try:
        return Schemas(declared(given).entries + schemas_of(settings).entries)
    except ValueError as wrong:
        raise SettingsError([f"The argument schemas {wrong}"]) from None


def announce(password: str | None) -> None:
    """Show a generated password on the console, where only who started the board sees it."""
    if password:
        text = f"First start: sign in as {FIRST_ADMIN} with the password {password}"
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - the one thing that must reach a person, not a log


class _Application(Flask):
    """Flask without coroutines: it would look again at every request whether one of its hooks and views is one.

    So hooks and views that a host application adds must be plain functions.
    """

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is; nobody awaits what an ``async def`` returns."""
        return func


NO_COOKIE = ("/static/", "/healthz", "/readyz")
"""Addresses that need no session, and so no key that signs its cookie."""


class _Prepared:
    """Learns the key that signs cookies before the first request that needs it.

    Flask opens the session before any hook of its own runs, and a process may start before its Redis.
    """

    def __init__(self, app: Flask, wsgi: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._wsgi = wsgi

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not self._app.secret_key and not environ.get("PATH_INFO", "").startswith(NO_COOKIE):
            own: Service = self._app.extensions[EXTENSION]
            try:
                announce(own.prepare(signs_in=self._app.extensions[IDENTIFY] is None))
                self._app.secret_key = own.secret
            except StoreError as trouble:
                environ[NOT_PREPARED] = trouble
        return self._wsgi(environ, start_response)


NOT_PREPARED = "queue-board.not-prepared"


def _begin() -> None:
    if current_app.jinja_env.auto_reload:
        assets.assets().renew()
    noted = app_ctx.g
    noted.request_id = secrets.token_hex(6)
    noted.not_prepared = request.environ.get(NOT_PREPARED)


OF_ONESELF = frozenset({"login", "settings"})
"""Blueprints whose actions change people and what they prefer: nothing of the queues, which is all that is shared."""


def _acted() -> None:
    """Let nobody be shown what was read before this change; see ``board.web.views.overview`` for other processes."""
    own = board()
    own.readings.forget()
    if not programs.is_program():
        session[ACTED] = own.clock()


def _finish(response: Response) -> Response:
    noted, status = app_ctx.g, response.status_code
    is_file = request.endpoint == assets.ENDPOINT and status in {200, 304}
    if noted.get("identity") and status < 400:
        board().redis_answered()
        if request.method not in security.SAFE_METHODS and request.blueprint not in OF_ONESELF:
            _acted()
    if not is_file:
        response.headers["X-Request-Id"] = noted.get("request_id", "")
    return compression.compress(request, security.protect(response, is_static=is_file))
