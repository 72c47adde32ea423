"""Whom the word of an identity provider lets in, and as what; and which settings make one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import redis

from board import create_app
from board.claims import read_rules, role_for
from board.config import Settings, from_environment
from board.errors import SettingsError
from tests.security.identity_provider import (
    Idp,
    identity_provider,
)
from tests.security.oidc.conftest import SUB, come_back, is_in, sign_ins
from tests.web.site import PASSWORD, Site, soup, text_of

MAIL = "email:ann@example.com=admin"


@pytest.mark.parametrize(
    ("rules", "claims"),
    [
        (MAIL, {"email": "ann@example.com", "email_verified": True}),
        (f"sub:{SUB}=admin", {}),
        ("groups:oncall=admin", {"groups": ["staff", "oncall"]}),
        ("groups:oncall=admin", {"groups": "oncall"}),
        ("realm_access.roles:board=admin", {"realm_access": {"roles": ["board"]}}),
        ("https%3A//example.com/groups:oncall=admin", {"https://example.com/groups": ["oncall"]}),
        ("groups:cn%3Doncall%2Cdc%3Dexample=admin", {"groups": ["cn=oncall,dc=example"]}),
        ("*=admin", {}),
        ("groups:nobody=viewer, groups:oncall=admin, *=viewer", {"groups": ["oncall"]}),
    ],
)
def test_a_rule_that_fits_lets_in(
    make_board: Callable[..., Site], idp: Idp, rules: str, claims: dict[str, Any]
) -> None:
    site = make_board(rules)
    idp.claims = claims
    browser = site.browser()

    assert come_back(browser, idp).status_code == 303
    assert sign_ins(site)[-1].role == "admin"


@pytest.mark.parametrize(
    ("rules", "claims"),
    [
        (MAIL, {"email": "ann@example.com"}),
        (MAIL, {"email": "ann@example.com", "email_verified": False}),
        (MAIL, {"email": "ann@example.com", "email_verified": "true"}),
        (MAIL, {"email": "ann@example.com", "email_verified": 1}),
        (MAIL, {"email": "ann@example.com.evil.example", "email_verified": True}),
        (MAIL, {"email": "joann@example.com", "email_verified": True}),
        (MAIL, {"email": "ann@evil.example", "email_verified": True}),
        (MAIL, {"email": "ann+1@example.com", "email_verified": True}),
        (MAIL, {"email": "Ann@example.com", "email_verified": True}),
        (MAIL, {"email": "ann@EXAMPLE.com", "email_verified": True}),
        (MAIL, {"email": " ann@example.com", "email_verified": True}),
        (MAIL, {"email": "ann@example.com\n", "email_verified": True}),
        (MAIL, {"email": "ann@example.com,bob@example.com", "email_verified": True}),
        (MAIL, {"email": "\u0430nn@example.com", "email_verified": True}),
        (MAIL, {"email": "ann@ex\u0430mple.com", "email_verified": True}),
        (MAIL, {"email": "ann\u200b@example.com", "email_verified": True}),
        (MAIL, {"email": "\uff41nn@example.com", "email_verified": True}),
        (MAIL, {"preferred_username": "ann@example.com", "email_verified": True}),
        (MAIL, {"name": "ann@example.com", "sub": "ann@example.com", "email_verified": True}),
        (f"sub:{SUB}=admin", {"sub": SUB + "1"}),
        (f"sub:{SUB}=admin", {"sub": "1" + SUB}),
        (f"sub:{SUB}=admin", {"sub": f" {SUB}"}),
        ("groups:oncall=admin", {"groups": ["oncall-eu", "not oncall", "ONCALL"]}),
        ("groups:oncall=admin", {"groups": "oncall,staff"}),
        ("groups:oncall=admin", {"groups": {"oncall": True}}),
        ("groups:oncall=admin", {"groups": [["oncall"]]}),
        ("groups:true=admin", {"groups": True}),
        ("realm_access.roles:board=admin", {"realm_access": "roles", "roles": ["board"]}),
    ],
)
def test_what_only_looks_like_it_does_not(
    make_board: Callable[..., Site], idp: Idp, rules: str, claims: dict[str, Any]
) -> None:
    """CVE-2022-30034, the case of Flower: names that only begin, end, or look alike."""
    site = make_board(rules)
    idp.claims = claims
    browser = site.browser()

    answer = come_back(browser, idp)

    assert answer.status_code == 403
    assert "may not sign in to this board" in text_of(soup(answer).select_one("#problem"))
    assert not is_in(browser)
    (entry,) = sign_ins(site)
    assert (entry.who, entry.result) == ("–", "refused")
    assert "no rule of BOARD_OIDC_ROLES fits" in entry.detail


@pytest.mark.parametrize("name", ["admin", "ADMIN", "admin\n", " admin "])
def test_a_name_at_the_provider_is_no_name_here(make_board: Callable[..., Site], idp: Idp, name: str) -> None:
    """Whoever calls themselves admin there becomes somebody else here, and stays a viewer."""
    site = make_board("*=viewer")
    idp.claims = {"preferred_username": name, "name": "admin"}
    browser = site.browser()

    assert come_back(browser, idp).status_code == 303

    (entry,) = sign_ins(site)
    assert entry.role == "viewer"
    assert entry.who != "admin"
    assert re.fullmatch(r"admin-[0-9a-f]{8}", entry.who)
    assert site.browser().sign_in("admin").status_code == 303


def test_a_person_is_issuer_and_subject_whatever_they_are_called(make_board: Callable[..., Site], idp: Idp) -> None:
    site = make_board("*=viewer")
    idp.claims = {"email": "ann@example.com", "email_verified": True}
    come_back(site.browser(), idp)

    idp.claims = {"email": "new-name@example.com", "email_verified": True}
    come_back(site.browser(), idp)
    idp.claims = {"email": "ann@example.com", "email_verified": True, "sub": "another person"}
    come_back(site.browser(), idp)
    with identity_provider() as another:
        another.claims = {"email": "ann@example.com", "email_verified": True}  # the subject of the first, elsewhere
        come_back(make_board("*=viewer", **another.settings).browser(), another)

    first, second, *others = (entry.who for entry in sign_ins(site))
    assert first == second == "ann@example.com"
    assert len(set(others)) == 2
    assert all(re.fullmatch(r"ann@example\.com-[0-9a-f]{8}", one) for one in others)


def test_a_role_is_the_providers_word_of_today_and_a_lesser_one_ends_the_sign_ins(
    make_board: Callable[..., Site], idp: Idp
) -> None:
    site = make_board("groups:oncall=operator, groups:staff=viewer")
    idp.claims = {"groups": ["oncall", "staff"], "preferred_username": "ann"}
    before, after = site.browser(), site.browser()
    come_back(before, idp)
    assert is_in(before)

    idp.claims = {"groups": ["staff"], "preferred_username": "ann"}
    come_back(after, idp)

    assert not is_in(before)
    assert "ann viewer on" in text_of(soup(after.get("/")).select_one("#account"))


def test_a_sign_in_is_like_any_other_listed_revocable_and_ended_on_the_server(
    make_board: Callable[..., Site], idp: Idp, redis_client: redis.Redis
) -> None:
    site = make_board(session_idle_minutes=10)
    idp.claims = {"preferred_username": "ann"}
    first, second = site.browser(), site.browser()
    come_back(first, idp)
    come_back(second, idp)
    user = site.service.users.get("ann")
    assert user is not None
    (listed,) = site.service.sessions.of([user])
    lives = [redis_client.pttl(key) for key in redis_client.scan_iter("board:session:*")]

    page = soup(first.get("/settings/sessions"))
    (end,) = page.select('form[action*="/end"][action*="/settings/sessions/"]:not([action$="sessions/end"])')
    first.post(str(end["action"]))
    second_is_in = is_in(second)
    cookie = first.client.get_cookie("board_session")
    first.get("/")
    first.post("/logout")
    assert cookie is not None
    first.client.set_cookie("board_session", cookie.value)

    assert len(listed) == 2
    assert all(0 < left <= 600_000 for left in lives)
    assert not second_is_in
    assert not is_in(first)


def test_who_is_disabled_here_does_not_come_in_again(make_board: Callable[..., Site], idp: Idp) -> None:
    site = make_board()
    idp.claims = {"preferred_username": "ann"}
    browser = site.browser()
    come_back(browser, idp)

    site.service.users.set_disabled("ann", disabled=True)

    assert not is_in(browser)
    assert come_back(site.browser(), idp).status_code == 403
    assert sign_ins(site)[-1].result == "refused"


def test_no_password_lets_somebody_of_the_provider_in(make_board: Callable[..., Site], idp: Idp) -> None:
    site = make_board("*=operator")
    idp.claims = {"preferred_username": "ann"}
    browser = site.browser()
    come_back(browser, idp)
    admin = site.signed_in()
    shown = soup(admin.get("/settings/users"))

    for password in ("", PASSWORD):
        assert site.browser().sign_in("ann", password).status_code == 401
    assert admin.post("/settings/users/ann/password").status_code == 400
    assert admin.post("/settings/users/ann/role", {"role": "admin"}).status_code == 400
    assert shown.select('[formaction$="/ann/password"], [action$="/ann/role"]') == []
    assert shown.select('[formaction$="/ann/disable"]')
    assert "identity provider" in text_of(shown.select_one('tr:has([formaction$="/ann/disable"])'))
    assert soup(browser.get("/settings/sessions")).select('[name="new_password"]') == []
    user = site.service.users.get("ann")
    assert user is not None
    assert (user.password_hash, user.role) == ("", "operator")


def test_passwords_go_on_beside_the_provider(make_board: Callable[..., Site]) -> None:
    assert make_board().browser().sign_in("admin").status_code == 303


BOARD = {"REDIS_URL": "redis://127.0.0.1:1/0", "BOARD_OUTBOUND_ALLOW": "idp.example.com"}
ISSUER, ID, ROLES = "BOARD_OIDC_ISSUER", "BOARD_OIDC_CLIENT_ID", "BOARD_OIDC_ROLES"
GOOD = {ISSUER: "https://idp.example.com/realm", ID: "board", ROLES: "*=viewer"}


@pytest.mark.parametrize(
    "told",
    [
        {ISSUER: GOOD[ISSUER]},
        {ISSUER: GOOD[ISSUER], ID: "board"},
        {ID: "board", ROLES: "*=viewer"},
        {**GOOD, ISSUER: "idp.example.com"},
        {**GOOD, ISSUER: "https://user@idp.example.com"},
        {**GOOD, ISSUER: "https://idp.example.com?x=1"},
        {**GOOD, ISSUER: "https://[idp"},
        {**GOOD, ISSUER: "http://idp.example.com"},
        {**GOOD, ISSUER: "https://other.example.com"},
        {**GOOD, "BOARD_OUTBOUND_ALLOW": ""},
        {**GOOD, ROLES: "ann@example.com"},
        {**GOOD, ROLES: "email:=admin"},
        {**GOOD, ROLES: ":x=admin"},
        {**GOOD, ROLES: "email:x="},
        {**GOOD, ROLES: ","},
        {**GOOD, ROLES: "email:*@example.com=admin"},
        {**GOOD, ROLES: "email:.*@example.com=admin"},
        {**GOOD, ROLES: "*:x=admin"},
        {**GOOD, ROLES: "%2A:x=admin"},
        {**GOOD, ROLES: "%2a:x=admin"},
        {**GOOD, ROLES: "*=king"},
        {**GOOD, "BOARD_OIDC_SCOPES": "email"},
        {**GOOD, "BOARD_OIDC_SCOPES": 'openid "x'},
        {**GOOD, "BOARD_PROXY_HEADER": "X-User", "BOARD_PROXY_ADDRESSES": "10.0.0.7", "BOARD_PROXY_ROLES": "*=viewer"},
    ],
)
def test_half_a_provider_does_not_start(told: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="BOARD_OIDC"):
        create_app(from_environment({**BOARD, **told}))


def test_without_its_library_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "board.auth.oidc", None)

    with pytest.raises(SettingsError, match=r"queue-board\[oidc\]"):
        create_app(from_environment({**BOARD, **GOOD}))


def test_a_host_application_that_knows_its_user_comes_before_the_provider(redis_url: str, idp: Idp) -> None:
    settings = Settings(redis_url=redis_url, oidc_roles="*=admin", **idp.settings)
    app = create_app(settings, identify=lambda _environ: None)

    assert app.test_client().get("/login/oidc").status_code == 403
    assert app.test_client().get("/login/oidc/callback?state=x&code=y").status_code == 403
    assert idp.place is not None
    assert idp.place.asked == []
    app.extensions["queue-board"].close()


def test_rules_are_tried_in_their_order() -> None:
    rules = read_rules("groups:staff=viewer, groups:oncall=operator")

    assert role_for(rules, {"groups": ["oncall", "staff"]}) == "viewer"
    assert role_for(rules, {"groups": ["oncall"]}) == "operator"
    assert role_for(rules, {}) is None
