"""A secret that lies in Redis never leaves the process: in no page, file, log line or entry, whoever asks.

The canary stands wherever a job can carry one, in every form that is recognisable, and in the password of REDIS_URL.
"""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from board.logs import _Json, _Line
from tests.queries.jobs import NOW, Filler
from tests.security.test_requests import FORM, WHO_MAY, address, api_addresses
from tests.web.site import Browser, Site, soup

CANARY = "c4nary-71838-x"
CODED = "eyJhbGciOiJIUzI1NiJ9.eyJjIjoiNzE4MzgifQ.c4n4ry71838"
PASSWORD_OF_REDIS = "r3dis-c4nary-71838"
MONITOR = "what a scraper shows"
PARTS = (CANARY, "c4n4ry71838", PASSWORD_OF_REDIS)

IN_DATA: dict[str, Any] = {
    "to": "ann",
    "password": CANARY,
    "deep": [{"apiKey": CANARY, "nested": {"credentials": {"user": "ann", "value": CANARY, "list": [CANARY, 5]}}}],
    "url": f"redis://ann:{CANARY}@cache.example:6379/0",
    "header": f"Authorization: Bearer {CANARY}",
    "raw": json.dumps({"client_secret": CANARY, "x": json.dumps({"token": CANARY})}),
    "shop": {"pin71838": CANARY},
    "customer71838": {"card": CANARY, "name": "ann"},
    "jwt71838": CODED,
}
TEXT = (
    f"login failed: password={CANARY} token: '{CANARY}' "
    f"at https://ann:{CANARY}@shop.example/?api_key={CANARY}&n=1 {CODED}"
)
TRACE = f"AuthError: {TEXT}\n    at send (/srv/app/mail.js:1:1)\n    at Object.<anonymous> (secret={CANARY}.js:2:2)"


@pytest.fixture
def redis_with_password(redis_client: Any, redis_url: str) -> Iterator[str]:
    rights = ("~*", "&*", "+@all")
    redis_client.execute_command("ACL", "SETUSER", "canary", "on", f">{PASSWORD_OF_REDIS}", *rights)
    yield redis_url.replace("redis://", f"redis://canary:{PASSWORD_OF_REDIS}@")
    redis_client.execute_command("ACL", "DELUSER", "canary")


@pytest.fixture
def site(make_site: Callable[..., Site], redis_with_password: str, redis_client: redis.Redis) -> Site:
    site = make_site(redis_url=redis_with_password, redact=("pin71838", "customer71838.card"), monitor_token=MONITOR)
    mail = Filler(redis_client).open()
    mail.scheduler("tick")
    whole = json.dumps(IN_DATA)
    large = json.dumps({"fill": "x" * 3_000, **IN_DATA})
    options = json.dumps({"attempts": 3, "secret": CANARY, "telemetry": {"token": CANARY}})
    mail.failed("1a", NOW, TRACE, data=whole, opts=options, failedReason=TEXT, progress=whole)
    mail.failed("large", NOW + 1, TRACE, data=large, failedReason=f'{{"password":"{CANARY}"')
    mail.failed("cut", NOW + 2, TRACE, data=whole[:-9], opts=options[:-1])
    mail.completed("done", NOW, data=whole, returnvalue=whole, progress=whole)
    mail.parent("parent", data=whole, progress=whole, defa=TEXT)
    mail.child(mail.waiting("child", data=whole), "parent")
    redis_client.hset(mail.key("child"), "failedReason", TEXT)
    redis_client.rpush(mail.key("1a:logs"), TEXT, f"\x1b[31merror\x1b[0m {TEXT}", whole)
    return site


def pages(site: Site) -> Iterator[str]:
    for job in ("1a", "large", "cut", "done", "parent", "child"):
        for endpoint, method in sorted(WHO_MAY):
            if method == "GET":
                path = address(site.app, endpoint)
                if job == "1a" or "1a" in path:
                    yield path.replace("1a", job)
        yield f"/q/mail/failed?job={job}"
        yield f"/q/mail/completed?job={job}"
    for state in ("waiting", "completed", "failed", "waiting-children"):
        yield f"/q/mail/{state}"


def leaks(text: str) -> list[str]:
    return [part for part in PARTS if part in text]


def test_no_page_holds_the_secret(site: Site) -> None:
    admin = site.signed_in()

    for path in pages(site):
        assert leaks(admin.get(path).text) == [], path
        assert leaks(admin.tick(path).text) == [], path


def test_no_metric_and_no_health_check_holds_it(site: Site) -> None:
    shown = {"Authorization": f"Bearer {MONITOR}"}
    answers = [site.browser().get(path, **shown) for path in ("/metrics", "/health/queues", "/healthz", "/readyz")]

    assert "mail" in answers[0].text
    for answer in answers:
        assert leaks(answer.text + str(answer.headers)) == []


def test_the_json_api_tells_no_secret_either(site: Site) -> None:
    admin, seen = site.signed_in(), 0

    for job in ("1a", "large", "cut", "done", "parent", "child"):
        for path in api_addresses(site.app, queue="mail", job_id=job, state="failed", scheduler="tick"):
            answer = admin.get(path)
            assert leaks(answer.text) == [], path
            seen += answer.status_code == 200 and "mail" in answer.text

    assert seen > 10


def test_no_answer_to_a_form_no_entry_and_no_log_line_holds_it(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    admin = site.signed_in()
    for endpoint, method in sorted(WHO_MAY):
        if method == "POST" and endpoint not in {"login.sign_in", "login.sign_out", "jobs.reveal", "queues.obliterate"}:
            for more in ({}, {"confirmed": ""}):
                form = {**FORM, "id": "mail/1a", "reason": f"password={CANARY}", **more}
                assert leaks(admin.post(address(site.app, endpoint), form).text) == [], endpoint
    _log_what_went_wrong(site, admin)

    assert leaks(admin.get("/audit").text) == []
    assert leaks(admin.post("/audit/export", {"format": "ndjson"}).text) == []
    stored = site.service.connection.call(site.service.audit.read(None, 1_000))
    assert leaks("".join(one.text for one in stored)) == []
    for formatter in (_Line(), _Json()):
        assert leaks("\n".join(map(formatter.format, caplog.records))) == []


def _log_what_went_wrong(site: Site, admin: Browser) -> None:
    def broken() -> str:
        raise RuntimeError(TEXT)

    site.app.view_functions["failures.index"] = broken
    assert leaks(admin.get("/failures").text) == []
    logging.getLogger("board").warning("password=%s", CANARY, extra={"trouble": TEXT, "entry": {"token": CANARY}})


@pytest.mark.parametrize("state", ["failed", "completed", "waiting"])
@pytest.mark.parametrize(
    "q",
    [CANARY, CANARY[:6], "data.password:*", f"data.shop.pin71838:{CANARY}", f"data.url:*{CANARY}*", f"error:{CANARY}"],
)
def test_no_search_finds_it(site: Site, state: str, q: str) -> None:
    page = soup(site.signed_in().get(f"/q/mail/{state}?q={q}"))

    assert page.select("tbody tr") == []


def test_redis_that_is_away_is_told_of_without_its_password(make_site: Callable[..., Site]) -> None:
    site = make_site(redis_url=f"redis://ann:{PASSWORD_OF_REDIS}@127.0.0.1:1/0", secret_key="k" * 32)

    for path in ("/", "/login", "/readyz", "/q/mail"):
        assert leaks(site.browser().get(path).text) == []


def test_who_may_reveal_sees_it_once_and_that_is_recorded(site: Site) -> None:
    admin, operator = site.signed_in(), site.signed_in("operator")

    shown = admin.post("/q/mail/job/1a/reveal", {"reason": "ticket 4711"})

    assert shown.status_code == 200
    assert CANARY in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    assert CANARY not in admin.get("/q/mail/job/1a").text
    assert operator.post("/q/mail/job/1a/reveal").status_code == 403
    assert [(entry.who, entry.action, entry.result, entry.reason) for entry in site.audit()] == [
        ("admin", "reveal", "done", "ticket 4711"),
        ("operator", "reveal", "refused", ""),
    ]
    assert "Reveal hidden values" not in operator.get("/q/mail/job/1a").text


def test_nothing_is_revealed_that_cannot_be_recorded(
    site: Site, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = site.signed_in()
    monkeypatch.setattr("board.actions.reveal.record", lambda *_: "the log is full")

    answer = admin.post("/q/mail/job/1a/reveal")

    assert answer.status_code == 400
    assert leaks(answer.text) == []
