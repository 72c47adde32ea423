"""Tokens of programs: what they may, how they end, and where they are not taken."""

import re
from typing import Any

import redis
from werkzeug.test import TestResponse

from tests.web.site import Browser, Site, soup, text_of


def make(site: Site, **form: Any) -> str:
    """Make a token on the page and return it."""
    admin = site.signed_in()
    admin.get("/settings/tokens")
    answer = admin.post("/settings/tokens", {"token": "bot", "role": "operator", "days": "30", **form})
    found = re.search(r"qb_[A-Za-z0-9_-]{43}", answer.text)
    assert found is not None, text_of(soup(answer))
    return found[0]


def call(site: Site, secret: str, path: str, *, method: str = "GET", json: Any = None) -> TestResponse:
    """Ask as a program does: no cookie, no form token, no header of a browser."""
    client = site.app.test_client(use_cookies=False)
    return client.open("/api/v1" + path, method=method, json=json, headers={"Authorization": f"Bearer {secret}"})


def test_a_token_acts_as_its_role_and_is_recorded_by_its_name(site: Site) -> None:
    site.jobs.failed("1a")
    secret = make(site)

    answer = call(site, secret, "/queues/mail/retry", method="POST", json={"ids": ["1a"]})

    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    assert answer.json["done"] == ["1a"]
    assert "Set-Cookie" not in answer.headers
    entry = site.audit()[-1]
    assert (entry.who, entry.role, entry.action, entry.ids) == ("token:bot", "operator", "retry", ("1a",))
    assert call(site, secret, "/queues/mail/remove", method="POST", json={"ids": ["1a"]}).status_code == 403
    assert site.audit()[-1].result == "refused"


def test_redis_never_holds_a_token(site: Site, redis_client: redis.Redis) -> None:
    secret = make(site)
    call(site, secret, "/me")

    dumps = b"".join(bytes(redis_client.dump(key) or b"") for key in redis_client.keys("*"))

    assert secret.encode() not in dumps
    assert secret not in site.signed_in().get("/settings/tokens").text


def test_a_token_for_some_queues_knows_of_no_other(site: Site) -> None:
    site.jobs.failed("1a")
    secret = make(site, queues="billing.*")

    listed = call(site, secret, "/queues").json
    assert listed is not None
    assert listed["queues"] == []
    assert call(site, secret, "/queues/mail").status_code == 404
    assert call(site, secret, "/queues/mail/pause", method="POST").status_code == 404


def test_a_token_that_only_reads_does_nothing(site: Site) -> None:
    site.jobs.failed("1a")
    secret = make(site, role="admin", only_reads="1")

    assert call(site, secret, "/queues/mail/jobs/1a").status_code == 200
    assert call(site, secret, "/queues/mail/pause", method="POST").status_code == 403


def test_a_token_ends_with_its_day_and_when_it_is_revoked(site: Site, monkeypatch: Any) -> None:
    secret = make(site, days="1")
    assert call(site, secret, "/me").status_code == 200

    now = site.service.clock()
    monkeypatch.setattr(site.service.tokens, "_clock", lambda: now + 86_400_000)
    assert call(site, secret, "/me").status_code == 401
    monkeypatch.undo()
    assert call(site, secret, "/me").status_code == 200

    site.signed_in().post("/settings/tokens/bot/revoke", {"confirmed": "1"})
    assert call(site, secret, "/me").status_code == 401


def test_revoking_a_token_asks_first(site: Site) -> None:
    secret = make(site)
    admin = site.signed_in()

    asked = soup(admin.post("/settings/tokens/bot/revoke")).select_one("main form.message")

    assert asked is not None
    assert "Revoke the token bot?" in text_of(asked)
    assert call(site, secret, "/me").status_code == 200
    fields = {str(one["name"]): str(one.get("value", "")) for one in asked.select("input")}
    assert admin.post(str(asked["action"]), {**fields, "reason": "leaked"}).status_code == 303
    assert call(site, secret, "/me").status_code == 401
    assert (site.audit()[-1].action, site.audit()[-1].reason) == ("revoke token", "leaked")
    assert site.signed_in("operator").post("/settings/tokens/bot/revoke").status_code == 403


def test_the_page_tells_when_a_token_was_last_used(site: Site) -> None:
    secret = make(site)
    admin = site.signed_in()
    before = text_of(soup(admin.get("/settings/tokens")).select_one("tbody"))
    call(site, secret, "/me")

    after = text_of(soup(admin.get("/settings/tokens")).select_one("tbody"))

    assert "all queues – in" in before
    assert "all queues now in" in after


def test_a_token_is_taken_from_the_header_of_the_api_and_nowhere_else(site: Site) -> None:
    secret = make(site)
    client = site.app.test_client(use_cookies=False)

    for name in ("token", "access_token", "authorization", "bearer"):
        assert client.get(f"/api/v1/me?{name}={secret}").status_code == 401
    for header in (f"Basic {secret}", secret, f"Bearer {secret}x", "Bearer ", "Bearer qb_", f"Bearer {secret} x"):
        assert client.get("/api/v1/me", headers={"Authorization": header}).status_code == 401
    assert client.get("/", headers={"Authorization": f"Bearer {secret}"}).status_code == 303
    assert client.post("/q/mail/pause", headers={"Authorization": f"Bearer {secret}"}).status_code in {303, 403}


def test_a_wrong_token_is_not_made_good_by_a_cookie(site: Site) -> None:
    admin: Browser = site.signed_in()

    answer = admin.get("/api/v1/me", Authorization="Bearer qb_wrong")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_never_manages_people(site: Site) -> None:
    secret = make(site, role="admin")

    answer = call(site, secret, "/me")

    assert answer.json is not None
    assert "users" not in answer.json["permissions"]
    assert "obliterate" in answer.json["permissions"]


def test_a_token_that_makes_no_sense_is_refused_in_words(site: Site) -> None:
    admin = site.signed_in()
    for form, words in (
        ({"token": "a b"}, "name has 1 to 48"),
        ({"token": "bot", "role": "king"}, "There is no role"),
        ({"token": "bot", "queues": "a b"}, "Queues are 1 to 20"),
    ):
        answer = admin.post("/settings/tokens", {"role": "viewer", "days": "1", **form})
        assert answer.status_code == 400
        assert words in answer.text
    assert {entry.result for entry in site.audit()} == {"refused"}
