"""Host mode in the real frameworks: one callable says who is signed in, and cookies and scopes stay apart."""

import asyncio
import re
from collections.abc import Callable, Iterator
from typing import Any

import flask_login
import pytest
from a2wsgi import WSGIMiddleware
from fastapi import FastAPI
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from board import create_app
from board.auth.policy import GRANTS, Grant, Identity, Role
from board.config import Settings
from tests.web.site import Site

ROOT = "/admin/queues"


@pytest.fixture
def make_board(make_site: Callable[..., Site], redis_url: str) -> Iterator[Callable[..., Flask]]:
    """A function that makes a board for a host, over the queues mail and billing with a failed job each."""
    site = make_site()
    site.jobs.failed("1a")
    type(site.jobs)(site.jobs.connection, "billing").failed("2b")
    made: list[Flask] = []

    def make(identify: Any) -> Flask:
        made.append(create_app(Settings(redis_url=redis_url), identify=identify))
        return made[-1]

    yield make
    for app in made:
        app.extensions["queue-board"].close()


def billing_only(name: str) -> Identity:
    """Return somebody who may operate the queue billing and see no other."""
    return Identity(name, "biller", (Grant(GRANTS[Role.OPERATOR], ("billing",)),))


def holds(client: Client) -> None:
    """See that the scope of ``billing_only`` holds in the mounted board."""
    page = client.get(f"{ROOT}/q/billing/failed")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token
    form, source = {"csrf_token": token[1]}, {"Sec-Fetch-Site": "same-origin"}

    overview = client.get(f"{ROOT}/")
    assert overview.status_code == 200
    assert f"{ROOT}/q/billing" in overview.text
    assert f"{ROOT}/q/mail" not in overview.text
    assert client.get(f"{ROOT}/q/mail/failed").status_code == 404
    assert client.post(f"{ROOT}/q/mail/job/1a/retry", data=form, headers=source).status_code == 404
    assert client.post(f"{ROOT}/q/billing/job/2b/retry", headers=source).status_code == 403
    assert client.post(f"{ROOT}/q/billing/job/2b/remove", data=form, headers=source).status_code == 403
    assert client.post(f"{ROOT}/q/billing/job/2b/retry", data=form, headers=source).status_code == 303
    assert client.get(f"{ROOT}/login").status_code == 404


def test_flask_with_flask_login(make_board: Callable[..., Flask]) -> None:
    host = Flask("host")
    host.secret_key = "the host's own"
    manager = flask_login.LoginManager(host)

    class Account(flask_login.UserMixin):  # type: ignore[misc] # flask-login ships no types
        id = "kim"

    manager.user_loader(lambda name: Account() if name == "kim" else None)

    @host.get("/enter")
    def enter() -> str:
        flask_login.login_user(Account(), remember=True)
        return "in"

    @host.get("/leave")
    def leave() -> str:
        flask_login.logout_user()
        return "out"

    @host.get("/me")
    def me() -> str:
        return str(flask_login.current_user.get_id())

    def who(environ: dict[str, Any]) -> Identity | None:
        with host.request_context(environ):
            user = flask_login.current_user
            return billing_only(user.get_id()) if user.is_authenticated else None

    client = Client(DispatcherMiddleware(host.wsgi_app, {ROOT: make_board(who).wsgi_app}))

    assert client.get(f"{ROOT}/").status_code == 403
    client.get("/enter")
    holds(client)
    assert client.get("/me").text == "kim"
    names = {cookie.key for cookie in (client._cookies or {}).values()}
    assert {"session", "remember_token", "board_session"} <= names
    client.get("/leave")
    assert client.get(f"{ROOT}/").status_code == 403


def test_django_with_its_own_session(make_board: Callable[..., Flask]) -> None:
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            SECRET_KEY="the host's own",
            ROOT_URLCONF=__name__,
            ALLOWED_HOSTS=["*"],
            INSTALLED_APPS=["django.contrib.sessions"],
            SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
            MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
            USE_TZ=True,
        )
        django.setup()
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    def enter(request: HttpRequest) -> HttpResponse:
        request.session["name"] = "kim"
        return HttpResponse("in")

    def leave(request: HttpRequest) -> HttpResponse:
        request.session.flush()
        return HttpResponse("out")

    global urlpatterns  # noqa: PLW0603 - where Django looks for it
    urlpatterns = [path("enter", enter), path("leave", leave)]

    def who(environ: dict[str, Any]) -> Identity | None:
        from http.cookies import SimpleCookie

        from django.contrib.sessions.backends.signed_cookies import SessionStore

        cookie = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(settings.SESSION_COOKIE_NAME)
        name = SessionStore(cookie.value).get("name") if cookie else None
        return billing_only(name) if name else None

    client = Client(DispatcherMiddleware(get_wsgi_application(), {ROOT: make_board(who)}))

    assert client.get(f"{ROOT}/").status_code == 403
    assert client.get("/enter").text == "in"
    holds(client)
    assert {"sessionid", "board_session"} <= {cookie.key for cookie in (client._cookies or {}).values()}
    client.get("/leave")
    assert client.get(f"{ROOT}/").status_code == 403


urlpatterns: list[Any] = []


async def ask(app: Any, path: str, cookies: str) -> tuple[int, str]:
    """Send one request to an ASGI application, as a server does."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"cookie", cookies.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:]).decode()


def test_fastapi_through_a2wsgi(make_board: Callable[..., Flask]) -> None:
    def who(environ: dict[str, Any]) -> Identity | None:
        return billing_only("kim") if "host_session=kim" in environ.get("HTTP_COOKIE", "") else None

    host = FastAPI()
    board: Any = make_board(who)  # each framework has a type of its own for the same call
    middleware: Any = WSGIMiddleware(board)
    host.mount(ROOT, middleware)

    @host.get("/")
    def index() -> str:
        return "the host"

    async def visit() -> list[tuple[int, str]]:
        return [
            await ask(host, "/", ""),
            await ask(host, f"{ROOT}/", ""),
            await ask(host, f"{ROOT}/", "host_session=kim"),
            await ask(host, f"{ROOT}/q/mail/failed", "host_session=kim"),
            await ask(host, f"{ROOT}/q/billing/failed", "host_session=kim"),
        ]

    answers = asyncio.run(visit())
    middleware.executor.shutdown()

    assert [status for status, _ in answers] == [200, 403, 200, 404, 200]
    assert f"{ROOT}/q/billing" in answers[2][1]
    assert f"{ROOT}/q/mail" not in answers[2][1]
