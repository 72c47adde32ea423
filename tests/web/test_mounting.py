"""The board inside another application, under a prefix, behind proxies, and with the host's own sign-in."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from flask import Flask, Response, session
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, TestResponse

from board import create_app
from board.auth.policy import Identity, Role
from board.config import Settings
from tests.web.site import PASSWORD, Browser, Jobs, Site, soup

ROOT = "/admin/queues"


@pytest.fixture
def host(make_site: Callable[..., Site]) -> Client:
    """A host application with a session of its own, and the board under /admin/queues."""
    site = make_site()
    site.jobs.failed("a/b")
    site.service.users.add("root", PASSWORD, Role.ADMIN)
    app = Flask("host")
    app.secret_key = "the host's own"

    @app.get("/")
    def index() -> str:
        session["visits"] = session.get("visits", 0) + 1
        return f"visit {session['visits']}"

    return Client(DispatcherMiddleware(app.wsgi_app, {ROOT: site.app.wsgi_app}))


def sign_in(client: Client) -> TestResponse:
    """Sign in to the mounted board."""
    page = soup(client.get(f"{ROOT}/login"))
    token = page.select_one("input[name=csrf_token]")
    assert token is not None
    data = {"name": "root", "password": PASSWORD, "csrf_token": str(token["value"])}
    return client.post(f"{ROOT}/login", data=data, headers={"Sec-Fetch-Site": "same-origin"})


def test_every_address_carries_the_mount_point(host: Client) -> None:
    first = host.get(f"{ROOT}/failures?q=x")
    answer = sign_in(host)
    pages = [host.get(f"{ROOT}{path}") for path in ("/", "/failures", "/q/mail/failed", "/q/mail/job/a!2Fb", "/audit")]

    assert first.headers["Location"] == f"{ROOT}/login?next={ROOT}/failures?q%3Dx"
    assert answer.headers["Location"] == f"{ROOT}/"
    for page in pages:
        assert page.status_code == 200
        document = soup(page)
        for name in ("href", "src", "action", "formaction", "hx-get", "hx-post"):
            for element in document.select(f"[{name}]"):
                link = urlsplit(str(element[name]))
                assert link.netloc or not link.path or link.path.startswith(f"{ROOT}/"), element


def test_cookies_stay_below_the_mount_point_and_leave_the_host_alone(host: Client) -> None:
    host.get("/")
    answer = sign_in(host)
    again = host.get("/")

    assert "Path=/admin/queues/" in answer.headers["Set-Cookie"]
    assert answer.headers["Set-Cookie"].startswith("board_session=")
    assert again.text == "visit 2"
    assert host.get(f"{ROOT}/").status_code == 200


def test_the_mount_point_without_its_slash_leads_to_the_board(host: Client) -> None:
    """The cookie is sent below the mount point only, so without the slash a person would seem signed out."""
    sign_in(host)

    answer = host.get(ROOT)

    assert answer.status_code == 308
    assert answer.headers["Location"] == f"{ROOT}/"


def test_the_path_of_a_proxy_becomes_the_mount_point(make_site: Callable[..., Site]) -> None:
    site = make_site(base_path=ROOT)
    browser = site.browser()

    assert browser.get(f"{ROOT}/").headers["Location"] == f"{ROOT}/login"
    assert browser.get(f"{ROOT}/login").status_code == 200
    assert browser.get("/healthz").status_code == 200
    assert browser.get("/login").status_code == 404
    assert browser.get("/admin/queuesX/login").status_code == 404
    assert "Path=/admin/queues/" in browser.get(f"{ROOT}/login").headers.get("Set-Cookie", "Path=/admin/queues/")


def test_the_prefix_of_a_known_proxy_becomes_the_mount_point(make_site: Callable[..., Site]) -> None:
    site = make_site(trusted_proxies=1)
    browser = site.browser(HTTP_X_FORWARDED_PREFIX=ROOT)

    assert browser.get("/").headers["Location"] == f"{ROOT}/login"


@pytest.fixture
def hosted(redis_url: str) -> Iterator[Callable[[object], Browser]]:
    """A function that makes a board whose host says who is signed in, and opens a browser."""
    made: list[Flask] = []

    def make(answer: object) -> Browser:
        app = create_app(Settings(redis_url=redis_url), identify=lambda _environ: answer)  # type: ignore[arg-type, return-value]
        made.append(app)
        return Browser(app.test_client())

    yield make
    for app in made:
        app.extensions["queue-board"].close()


def test_a_host_says_who_is_signed_in(hosted: Callable[[object], Browser]) -> None:
    browser = hosted(("dana@example.com", "operator"))
    jobs = Jobs(browser.client.application.extensions["queue-board"].connection)
    jobs.failed("1a")

    page = browser.get("/")
    retried = browser.post("/q/mail/job/1a/retry")
    removed = browser.post("/q/mail/job/1a/remove", {"confirmed": "1"})

    assert "dana@example.com" in page.text
    assert retried.status_code == 303
    assert removed.status_code == 403


def test_a_forged_request_is_refused_with_a_host_too(hosted: Callable[[object], Browser]) -> None:
    browser = hosted(Identity("dana", Role.ADMIN))
    browser.get("/")

    assert browser.post("/q/mail/pause", {"csrf_token": ""}).status_code == 403
    assert browser.post("/q/mail/pause", None, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_header_that_a_hook_of_the_host_sets_too_is_sent_once(hosted: Callable[[object], Browser]) -> None:
    browser = hosted(Identity("dana", Role.ADMIN))

    @browser.client.application.after_request
    def open_up(response: Response) -> Response:
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        return response

    assert browser.get("/").headers.getlist("X-Frame-Options") == ["DENY"]


def test_whom_the_host_does_not_know_sees_nothing(hosted: Callable[[object], Browser]) -> None:
    browser = hosted(None)

    for path in ("/", "/failures", "/login", "/audit"):
        assert browser.get(path).status_code in {403, 404}
        assert "Queue Board" not in browser.get(path).text
    assert browser.get("/healthz").status_code == 200


@pytest.mark.parametrize("answer", [("dana", "root"), ("", "admin"), ("dana\n", "admin"), ("dana",), "admin", 1])
def test_a_host_that_answers_nonsense_gets_nobody_in(hosted: Callable[[object], Browser], answer: object) -> None:
    assert hosted(answer).get("/").status_code == 500


def test_a_board_with_a_host_makes_no_users(hosted: Callable[[object], Browser]) -> None:
    browser = hosted(("dana", "viewer"))
    browser.get("/")

    assert browser.client.application.extensions["queue-board"].users.all() == []
