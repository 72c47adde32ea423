"""Where a request may come from, whom it may come from, and what every answer carries."""

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis
from flask import Flask
from werkzeug.test import TestResponse

from board.alerts.rules import Rule
from board.bulk import Runs, Source, Spec
from board.queries.fingerprint import cause_of
from board.service import Service
from board.web.login import OPEN
from board.web.state import EXTENSION
from tests.recorder.conftest import Process
from tests.web.site import PASSWORD, Browser, Site

FORM = {"verb": "retry", "id": "1a", "confirmed": "1", "theme": "dark", "name": "admin", "password": PASSWORD}
FORM |= {
    "data": "{}",
    "digest": hashlib.sha1(b"null", usedforsecurity=False).hexdigest(),
    "delay": "5",
    "priority": "3",
    "grave": "dead",
}
GROUP = cause_of(
    "SmtpError: no such recipient\n    at send (/srv/app/mail.js:1:1)", "no such recipient", "send"
).fingerprint
"""The cause of every job that ``Jobs.failed`` makes."""

FORM |= {
    "concurrency": "5",
    "max": "10",
    "window": "5",
    "age": "1",
    "format": "csv",
    "typed": "mail",
    "state": "failed",
    "force": "1",
}
FORM |= {"queue": "mail", "q": "name:send"}
FORM |= {"kind": "pattern", "pattern": "0 0 * * *"}
FORM |= {"token": "bot"}
FORM |= {"watch": "depth", "glob": "mail", "limit": "10", "lasts": "5min"}
FORM |= {"channel": "ops", "how": "webhook", "target": "https://hooks.example.com/in"}
FORM |= {"user": "somebody", "new_password": "another long one", "role": "operator", "days": "1"}
"""Enough for any of our forms to be carried out."""

ROLES = ("nobody", "viewer", "operator", "admin")

WHO_MAY: dict[tuple[str, str], tuple[str, ...]] = {
    ("overview.index", "GET"): ("viewer", "operator", "admin"),
    ("queues.show", "GET"): ("viewer", "operator", "admin"),
    ("queues.state", "GET"): ("viewer", "operator", "admin"),
    ("queues.export", "POST"): ("viewer", "operator", "admin"),
    ("queues.pause", "POST"): ("operator", "admin"),
    ("queues.resume", "POST"): ("operator", "admin"),
    ("queues.add", "GET"): ("viewer", "operator", "admin"),
    ("queues.add_job", "POST"): ("operator", "admin"),
    ("queues.manage", "GET"): ("viewer", "operator", "admin"),
    ("queues.limits", "GET"): ("viewer", "operator", "admin"),
    ("queues.jump", "GET"): ("viewer", "operator", "admin"),
    ("queues.retry_all", "POST"): ("operator", "admin"),
    ("queues.promote_all", "POST"): ("operator", "admin"),
    ("queues.concurrency", "POST"): ("operator", "admin"),
    ("queues.rate_limit", "POST"): ("operator", "admin"),
    ("queues.release_limit", "POST"): ("operator", "admin"),
    ("queues.drain", "POST"): ("admin",),
    ("queues.clean", "POST"): ("admin",),
    ("queues.obliterate", "POST"): ("admin",),
    ("jobs.show", "GET"): ("viewer", "operator", "admin"),
    ("jobs.value", "GET"): ("viewer", "operator", "admin"),
    ("jobs.save", "GET"): ("viewer", "operator", "admin"),
    ("jobs.logs", "GET"): ("viewer", "operator", "admin"),
    ("jobs.retry", "POST"): ("operator", "admin"),
    ("jobs.promote", "POST"): ("operator", "admin"),
    ("jobs.remove", "POST"): ("admin",),
    ("jobs.reveal", "POST"): ("admin",),
    ("jobs.bulk", "POST"): ("operator", "admin"),
    ("jobs.edit", "GET"): ("viewer", "operator", "admin"),
    ("jobs.edit_data", "POST"): ("operator", "admin"),
    ("jobs.change", "GET"): ("viewer", "operator", "admin"),
    ("jobs.duplicate", "POST"): ("operator", "admin"),
    ("jobs.retry_afresh", "POST"): ("operator", "admin"),
    ("jobs.delay", "POST"): ("operator", "admin"),
    ("jobs.priority", "POST"): ("operator", "admin"),
    ("jobs.stop", "POST"): ("operator", "admin"),
    ("jobs.ignore", "POST"): ("operator", "admin"),
    ("jobs.bury", "POST"): ("operator", "admin"),
    ("jobs.send_back", "POST"): ("operator", "admin"),
    ("find.index", "GET"): ("viewer", "operator", "admin"),
    ("health.index", "GET"): ("viewer", "operator", "admin"),
    ("health.queues", "GET"): ("viewer", "operator", "admin"),
    ("flows.index", "GET"): ("viewer", "operator", "admin"),
    ("flows.children", "GET"): ("viewer", "operator", "admin"),
    ("flows.show", "GET"): ("viewer", "operator", "admin"),
    ("schedulers.index", "GET"): ("viewer", "operator", "admin"),
    ("schedulers.of_queue", "GET"): ("viewer", "operator", "admin"),
    ("schedulers.show", "GET"): ("viewer", "operator", "admin"),
    ("schedulers.new", "GET"): ("viewer", "operator", "admin"),
    ("schedulers.create", "POST"): ("admin",),
    ("schedulers.edit", "GET"): ("viewer", "operator", "admin"),
    ("schedulers.save", "POST"): ("admin",),
    ("schedulers.run", "POST"): ("operator", "admin"),
    ("schedulers.pause", "POST"): ("admin",),
    ("schedulers.resume", "POST"): ("admin",),
    ("schedulers.remove", "POST"): ("admin",),
    ("workers.index", "GET"): ("viewer", "operator", "admin"),
    ("bulk.plan", "GET"): ("viewer", "operator", "admin"),
    ("bulk.begin", "POST"): ("operator", "admin"),
    ("bulk.index", "GET"): ("viewer", "operator", "admin"),
    ("bulk.show", "GET"): ("viewer", "operator", "admin"),
    ("bulk.stop", "POST"): ("operator", "admin"),
    ("bulk.go_on", "POST"): ("operator", "admin"),
    ("failures.index", "GET"): ("viewer", "operator", "admin"),
    ("failures.show", "GET"): ("viewer", "operator", "admin"),
    ("failures.bulk", "POST"): ("operator", "admin"),
    ("failures.mute", "POST"): ("operator", "admin"),
    ("failures.resolve", "POST"): ("operator", "admin"),
    ("failures.reopen", "POST"): ("operator", "admin"),
    ("metrics.index", "GET"): ("viewer", "operator", "admin"),
    ("metrics.of_queue", "GET"): ("viewer", "operator", "admin"),
    ("alerts.index", "GET"): ("viewer", "operator", "admin"),
    ("alerts.new", "GET"): ("viewer", "operator", "admin"),
    ("alerts.create", "POST"): ("admin",),
    ("alerts.show", "GET"): ("viewer", "operator", "admin"),
    ("alerts.save", "POST"): ("admin",),
    ("alerts.remove", "POST"): ("admin",),
    ("alerts.silence", "POST"): ("operator", "admin"),
    ("alerts.end_silence", "POST"): ("operator", "admin"),
    ("alerts.add_channel", "POST"): ("admin",),
    ("alerts.remove_channel", "POST"): ("admin",),
    ("alerts.test_channel", "POST"): ("admin",),
    ("audit.index", "GET"): ("operator", "admin"),
    ("audit.entry", "GET"): ("operator", "admin"),
    ("audit.export", "POST"): ("operator", "admin"),
    ("login.sign_in", "GET"): ROLES,
    ("login.sign_in", "POST"): ROLES,
    ("login.leave_for", "GET"): ROLES,
    ("login.come_back", "GET"): ROLES,
    ("login.sign_out", "POST"): ("viewer", "operator", "admin"),
    ("settings.theme", "POST"): ROLES,
    ("settings.index", "GET"): ("viewer", "operator", "admin"),
    ("settings.save", "POST"): ("viewer", "operator", "admin"),
    ("settings.keys", "POST"): ("viewer", "operator", "admin"),
    ("settings.pin", "POST"): ("viewer", "operator", "admin"),
    ("settings.unpin", "POST"): ("viewer", "operator", "admin"),
    ("settings.save_filter", "POST"): ("viewer", "operator", "admin"),
    ("settings.forget_filter", "POST"): ("viewer", "operator", "admin"),
    ("settings.tokens", "GET"): ("admin",),
    ("settings.make", "POST"): ("admin",),
    ("settings.revoke", "POST"): ("admin",),
    ("settings.users", "GET"): ("admin",),
    ("settings.add_user", "POST"): ("admin",),
    ("settings.change_role", "POST"): ("admin",),
    ("settings.reset_password", "POST"): ("admin",),
    ("settings.disable_user", "POST"): ("admin",),
    ("settings.enable_user", "POST"): ("admin",),
    ("settings.remove_user", "POST"): ("admin",),
    ("settings.sign_out_user", "POST"): ("admin",),
    ("settings.sessions", "GET"): ("viewer", "operator", "admin"),
    ("settings.change_password", "POST"): ("viewer", "operator", "admin"),
    ("settings.end_session", "POST"): ("viewer", "operator", "admin"),
    ("settings.end_sessions", "POST"): ("viewer", "operator", "admin"),
    ("health.accept", "POST"): ("admin",),
    ("health.reopen", "POST"): ("admin",),
    ("health.live", "GET"): ROLES,
    ("health.ready", "GET"): ROLES,
    ("static", "GET"): ROLES,
}
"""Who gets through to each route. A route without a line here fails the tests below: decide, then write it down."""


AT_PROVIDER = {"login.leave_for", "login.come_back"}
"""Not there for a board without an identity provider; tests/security/oidc has one."""


def routes(app: Flask) -> Iterator[tuple[str, str]]:
    """Yield every endpoint with each method that it takes."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            continue  # tests/web/test_api.py has a table of its own
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method


def address(app: Flask, endpoint: str) -> str:
    """Return an address of the endpoint, about the job 1a of the queue mail."""
    rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint)
    own: Service = app.extensions[EXTENSION]
    newest = own.connection.call(own.audit.read(None, 1))
    known = {"queue": "mail", "job_id": "1a", "state": "failed", "scheduler": "tick", "filename": "mark.svg"}
    known["run_id"] = "run"
    if "run_id" in rule.arguments:
        spec = Spec("retry", (Source("bull", "mail", "failed"),), who="ann", role="admin")
        for step in Runs(own.namespace).create("run", spec, own.clock()):
            own.connection.batch(step)
    if "rule" in rule.arguments:
        own.connection.call(own.alerts.put_rule(Rule("r1", "depth", threshold=5)))
    known |= {"check": "attempts", "rule": "r1", "silence": "none", "channel": "none"}
    known["entry_id"] = newest[0].id if newest else "1-1"
    known["group"] = GROUP
    known |= {"user": "viewer", "digest": "0" * 64, "token": "none"}
    with app.test_request_context():
        path: str = rule.build({name: known[name] for name in rule.arguments})[1]  # type: ignore[index] # always built here
    return f"{path}?verb=retry&in=mail/failed" if endpoint == "bulk.plan" else path


def api_addresses(app: Flask, **known: str) -> Iterator[str]:
    """Yield the address of everything that the JSON API tells, with these values for what addresses name."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api.") and "GET" in (rule.methods or set()):
            with app.test_request_context():
                built = rule.build({name: known.get(name, "nothing") for name in rule.arguments})
            if built is not None:
                yield built[1]


def browser_of(site: Site, role: str) -> Browser:
    """Open a browser of that role, with a form token either way."""
    if role != "nobody":
        return site.signed_in(role)
    browser = site.browser()
    browser.get("/login")
    return browser


def send(browser: Browser, path: str, method: str) -> TestResponse:
    """Ask for a page or send a form that would be carried out."""
    if method == "GET":
        return browser.get(path)
    form = {"id": "mail/1a"} if path.startswith("/failures") else {}
    if path.startswith("/health/"):
        form = {"until": (datetime.now(UTC) + timedelta(days=1)).date().isoformat(), "reason": "known"}
    if path == "/bulk":
        plan = browser.get("/bulk/plan?verb=retry&in=mail/failed").text
        form = {"token": (re.findall(r'name="token" value="([^"]+)"', plan) or [""])[0]}
    if path.startswith("/settings/pins/"):
        browser.post(path.removesuffix("/remove"), FORM)  # only what is pinned can be taken away
    return browser.post(path, {**FORM, **form})


def snapshot(url: str) -> dict[str, bytes]:
    """Return every key of the queues with its value."""
    client = redis.Redis.from_url(url)
    try:
        return {str(key): bytes(client.dump(key) or b"") for key in client.keys("bull:*")}
    finally:
        client.close()


def test_every_route_has_its_line_in_the_table(site: Site) -> None:
    assert set(routes(site.app)) == set(WHO_MAY)


@pytest.mark.parametrize(("endpoint", "method"), sorted(WHO_MAY))
def test_each_role_gets_through_where_it_may_and_nowhere_else(site: Site, endpoint: str, method: str) -> None:
    jobs = {role: site.jobs.failed(f"job-of-{role}") for role in ROLES}
    Process(site.service).catch_up()
    for role in ROLES:
        browser = browser_of(site, role)
        path = address(site.app, endpoint).replace("1a", jobs[role])

        answer = send(browser, path, method)

        if role in WHO_MAY[endpoint, method]:
            through = {404} if endpoint in AT_PROVIDER else {200, 303, 304}
            assert answer.status_code in through, (role, answer.status_code)
            assert not answer.headers.get("Location", "").startswith("/login?"), role
        elif role == "nobody":
            assert answer.status_code == 303
            assert answer.headers["Location"].startswith("/login"), role
        else:
            assert answer.status_code == 403, (role, answer.status_code)


@pytest.mark.parametrize(
    "endpoint",
    sorted(
        one
        for one, method in WHO_MAY
        if method == "POST" and one.partition(".")[0] in {"queues", "jobs", "failures", "alerts"}
        if one != "alerts.test_channel"  # its message needs somebody who takes it: tests/web/test_alerts.py
    ),
)
def test_each_action_leaves_one_entry_whether_it_was_done_or_refused(site: Site, endpoint: str) -> None:
    jobs = {role: site.jobs.failed(f"job-of-{role}") for role in ROLES}
    Process(site.service).catch_up()
    expected = []
    for role in ROLES:
        path, form = address(site.app, endpoint).replace("1a", jobs[role]), {**FORM, "id": jobs[role]}
        if endpoint == "failures.bulk":
            form["id"] = f"mail/{jobs[role]}"

        browser_of(site, role).post(path, form)

        if role != "nobody":
            expected.append((role, role not in WHO_MAY[endpoint, "POST"]))

    assert [(entry.who, entry.result == "refused") for entry in site.audit()] == expected


def test_only_these_routes_are_open_to_anybody() -> None:
    assert {endpoint for (endpoint, _), roles in WHO_MAY.items() if "nobody" in roles} == OPEN


WRITES = sorted(endpoint for endpoint, method in WHO_MAY if method == "POST")


def without_token(browser: Browser, path: str) -> TestResponse:
    return browser.post(path, {**FORM, "csrf_token": ""})


def wrong_token(browser: Browser, path: str) -> TestResponse:
    return browser.post(path, {**FORM, "csrf_token": browser.token[::-1]})


def from_another_site(browser: Browser, path: str) -> TestResponse:
    return browser.post(path, FORM, **{"Sec-Fetch-Site": "cross-site"})


def from_a_neighbour_host(browser: Browser, path: str) -> TestResponse:
    return browser.post(path, FORM, **{"Sec-Fetch-Site": "same-site"})


def from_another_origin(browser: Browser, path: str) -> TestResponse:
    return browser.client.post(
        path, data={**FORM, "csrf_token": browser.token}, headers={"Origin": "https://localhost.attacker.example"}
    )


def from_no_origin(browser: Browser, path: str) -> TestResponse:
    return browser.client.post(path, data={**FORM, "csrf_token": browser.token}, headers={"Origin": "null"})


def by_get(browser: Browser, path: str) -> TestResponse:
    return browser.get(f"{path}?csrf_token={browser.token}&verb=retry&id=1a&confirmed=1&theme=dark")


@pytest.mark.parametrize(
    "forge",
    [
        without_token,
        wrong_token,
        from_another_site,
        from_a_neighbour_host,
        from_another_origin,
        from_no_origin,
        by_get,
    ],
)
@pytest.mark.parametrize("endpoint", WRITES)
def test_a_forged_request_changes_nothing(
    site: Site, redis_url: str, endpoint: str, forge: Callable[[Browser, str], TestResponse]
) -> None:
    site.jobs.failed("1a")
    browser = site.signed_in()
    before = snapshot(redis_url)

    answer = forge(browser, address(site.app, endpoint))

    if forge is not by_get:
        assert answer.status_code == 403
    assert "board_theme" not in answer.headers.get("Set-Cookie", "")
    assert snapshot(redis_url) == before
    assert browser.get("/").status_code == 200, "signed out"
    recorded = [(entry.who, entry.action, entry.result) for entry in site.audit()]
    expected = (
        []
        if forge is by_get or (answer.mimetype == "text/html" and "Please sign in again" in answer.text)
        else [("admin", f"forged request: {endpoint}", "refused")]
    )
    assert recorded == expected


def test_an_old_browser_that_only_sends_an_origin_is_let_through(site: Site) -> None:
    site.jobs.failed("1a")
    browser = site.signed_in()

    answer = browser.client.post(
        "/q/mail/job/1a/retry", data={"csrf_token": browser.token}, headers={"Origin": "http://localhost"}
    )

    assert answer.status_code == 303


def test_the_token_may_come_in_a_header(site: Site) -> None:
    site.jobs.failed("1a")
    browser = site.signed_in()

    answer = browser.post("/q/mail/job/1a/retry", {"csrf_token": ""}, **{"X-CSRFToken": browser.token})

    assert answer.status_code == 303


def test_the_token_of_before_signing_in_is_worth_nothing_after(site: Site) -> None:
    site.signed_in()
    browser = site.browser()
    browser.get("/login")
    old = browser.token
    browser.post("/login", {"name": "admin", "password": PASSWORD})

    assert browser.post("/q/mail/pause", {"csrf_token": old}).status_code == 403


ARMOUR = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Written down here once more: a header that is weakened or left out in the board must not agree with itself."""

OF_PARTS = {name: ARMOUR[name] for name in ("X-Content-Type-Options", "Cross-Origin-Resource-Policy")}


@pytest.mark.parametrize(("endpoint", "method"), sorted(WHO_MAY))
@pytest.mark.parametrize("role", ["nobody", "viewer", "admin"])
def test_every_answer_carries_the_headers(site: Site, endpoint: str, method: str, role: str) -> None:
    site.jobs.failed("1a")

    answer = send(browser_of(site, role), address(site.app, endpoint), method)

    for name, value in ARMOUR.items():
        assert answer.headers.getlist(name) == [value]
    if endpoint != "static":
        assert answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Python" not in answer.headers.get("Server", "")


@pytest.mark.parametrize(
    ("name", "headers"),
    [("js/board.js", OF_PARTS), ("board.css", OF_PARTS), ("icons.svg", ARMOUR), ("mark.svg", ARMOUR)],
)
def test_files_carry_the_headers_a_browser_heeds_on_them(site: Site, name: str, headers: dict[str, str]) -> None:
    """A drawing can be opened by itself and is a document then; a script or a sheet of styles never is."""
    answer = site.browser().get(f"/static/{name}")

    assert answer.status_code == 200
    assert {one: answer.headers[one] for one in ARMOUR if one in answer.headers} == headers


@pytest.mark.parametrize("path", ["/nothing", "/q/mail/bulk", "/q/none/failed", "/q/mail/nonsense", "/static/../board"])
def test_errors_carry_the_headers_too(site: Site, path: str) -> None:
    answer = site.signed_in().get(path)

    assert answer.status_code >= 400
    for name, value in ARMOUR.items():
        assert answer.headers[name] == value


def test_a_form_that_is_too_large_is_refused(site: Site) -> None:
    browser = site.signed_in()

    answer = browser.post("/q/mail/bulk", {"verb": "retry", "id": "x" * 300_000})

    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("path", "field", "beyond", "others"),
    [
        ("/q/mail/concurrency", "concurrency", 1_000_001, {}),
        ("/q/mail/rate-limit", "max", 1_000_000_001, {"window": "1", "window_unit": "s"}),
        ("/q/mail/rate-limit", "window", 367, {"window_unit": "days", "max": "1"}),
        ("/q/mail/clean", "age", 367, {"age_unit": "days", "state": "failed"}),
        ("/q/mail/job/later/delay", "delay", 367, {"delay_unit": "days"}),
        ("/q/mail/job/1a/priority", "priority", 2_097_152, {}),
        ("/settings/tokens", "days", 367, {"token": "bot", "role": "viewer"}),
    ],
)
@pytest.mark.parametrize("zeros", ["", "0" * 9, "0" * 30])
def test_a_number_beyond_its_bound_is_refused_and_changes_nothing(
    site: Site, redis_url: str, path: str, field: str, *, beyond: int, others: dict[str, str], zeros: str
) -> None:
    site.jobs.waiting("1a")
    site.jobs.delayed("later")
    admin, before = site.signed_in(), snapshot(redis_url)

    answer = admin.post(path, {**others, field: f"{beyond}{zeros}", "confirmed": "1"})

    assert answer.status_code == 400
    assert snapshot(redis_url) == before
    assert site.service.tokens.all() == []


def test_a_bug_shows_an_id_and_no_inside(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> str:
        raise RuntimeError("the password is hunter2")

    site.app.view_functions["failures.index"] = broken

    answer = site.signed_in().get("/failures")

    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    request_id = answer.headers["X-Request-Id"]
    assert request_id in answer.text
    assert any(getattr(record, "request_id", None) == request_id for record in caplog.records)
