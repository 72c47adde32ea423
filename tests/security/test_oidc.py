"""Sign-in by OpenID Connect, against a provider on loopback: who comes in, who does not, and what is left of it."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from joserfc import jwt
from werkzeug.test import TestResponse

from board import create_app
from board.audit import Entry
from board.claims import read_rules, role_for
from board.config import Settings, from_environment
from board.errors import SettingsError
from board.web.login import OPEN
from tests.security.identity_provider import (
    CLIENT,
    KEY,
    OTHER_KEY,
    SECRET,
    Idp,
    alg_none,
    hmac_with_public_key,
    identity_provider,
)
from tests.waiting import PATIENCE_S, wait_until
from tests.web.site import PASSWORD, Browser, Site, soup, text_of

SUB = "248289761001"
HOUR = 3600


@pytest.fixture
def idp() -> Iterator[Idp]:
    with identity_provider() as provider:
        yield provider


@pytest.fixture
def make_board(make_site: Callable[..., Site], idp: Idp) -> Callable[..., Site]:
    """A function that makes a board with that provider; it takes the rules and fields of `Settings`."""

    def make(rules: str = f"sub:{SUB}=operator", **settings: Any) -> Site:
        return make_site(**{**idp.settings, "oidc_roles": rules, **settings})

    return make


def come_back(browser: Browser, idp: Idp, path: str = "/login/oidc") -> TestResponse:
    """Press the button, sign in at the provider, and return the answer to coming back."""
    gone = browser.get(path)
    assert gone.status_code == 303, gone.text
    back, _ = idp.authorize(gone.headers["Location"])
    return browser.get(back.removeprefix("http://localhost"))


def is_in(browser: Browser) -> bool:
    return browser.get("/").status_code == 200


def sign_ins(site: Site) -> list[Entry]:
    stored = site.service.connection.call(site.service.audit.read(None, 100))
    return [one.entry for one in reversed(stored) if one.entry and one.entry.action == "sign-in"]


def test_the_button_leads_to_the_provider_and_back_in(make_board: Callable[..., Site], idp: Idp) -> None:
    site = make_board()
    idp.claims = {"preferred_username": "Ann", "email": "ann@example.com", "email_verified": True}
    browser = site.browser(REMOTE_ADDR="203.0.113.9")
    link = soup(browser.get("/login?next=/failures")).select_one('a[href*="/login/oidc"]')
    assert link is not None

    gone = browser.get(str(link["href"]))
    back, asked = idp.authorize(gone.headers["Location"])
    answer = browser.get(back.removeprefix("http://localhost"))

    assert text_of(link) == "Sign in with Example ID"
    assert gone.headers["Location"].startswith(f"{idp.issuer}/authorize?")
    assert (asked["response_type"], asked["client_id"], asked["scope"]) == ("code", CLIENT, "openid email profile")
    assert asked["redirect_uri"] == "http://localhost/login/oidc/callback"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 32
    assert len(asked["nonce"]) >= 32
    assert answer.headers["Location"] == "/failures"
    assert "ann@example.com operator on" in text_of(soup(browser.get("/")).select_one("#account"))
    (entry,) = sign_ins(site)
    assert (entry.who, entry.role, entry.result, entry.address) == (
        "ann@example.com",
        "operator",
        "done",
        "203.0.113.9",
    )
    assert SUB in entry.detail


def test_the_code_is_redeemed_with_the_clients_secret_and_nothing_secret_is_sent_to_the_browser(
    make_board: Callable[..., Site], idp: Idp
) -> None:
    site = make_board()
    browser = site.browser()

    answer = come_back(browser, idp)

    (headers,) = idp.token_headers
    assert headers["authorization"] == "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
    assert SECRET not in answer.text + str(answer.headers)
    assert SECRET not in repr(site.settings)


@pytest.mark.parametrize(
    ("secret", "methods", "shown"),
    [
        (SECRET, ["client_secret_post"], f"client_secret={'client+s3cret%2F%2B%3A'}"),
        ("", None, "client_id=queue-board"),
    ],
    ids=["in the form", "a public client"],
)
def test_other_ways_to_show_who_the_board_is(
    make_board: Callable[..., Site], idp: Idp, secret: str, methods: list[str] | None, shown: str
) -> None:
    idp.about = {"token_endpoint_auth_methods_supported": methods}
    site = make_board(oidc_client_secret=secret)

    assert come_back(site.browser(), idp).status_code == 303
    assert "authorization" not in idp.token_headers[0]
    assert idp.place is not None
    assert shown in idp.place.asked[-1].body.decode()


def now_and(seconds: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: {**claims, "exp": claims["iat"] + seconds, "iat": claims["iat"] + seconds - 300}


def signed(claims: dict[str, Any], key: Any = KEY, **header: Any) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one", **header}, claims, key)


FORGERIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another issuer": lambda claims: signed({**claims, "iss": "https://evil.example"}),
    "an issuer that begins alike": lambda claims: signed({**claims, "iss": claims["iss"] + "/"}),
    "no issuer": lambda claims: signed({**claims, "iss": None}),
    "another audience": lambda claims: signed({**claims, "aud": "another-client"}),
    "an audience that begins alike": lambda claims: signed({**claims, "aud": CLIENT + "-2"}),
    "several audiences without the party": lambda claims: signed({**claims, "aud": [CLIENT, "another"]}),
    "several audiences for another party": lambda c: signed({**c, "aud": [CLIENT, "another"], "azp": "another"}),
    "another party": lambda claims: signed({**claims, "azp": "another"}),
    "no audience": lambda claims: signed({k: v for k, v in claims.items() if k != "aud"}),
    "expired": lambda claims: signed(now_and(-61)(claims)),
    "no end": lambda claims: signed({k: v for k, v in claims.items() if k != "exp"}),
    "an end that is no number": lambda claims: signed({**claims, "exp": "never"}),
    "from the future": lambda claims: signed({**claims, "iat": claims["iat"] + 600, "exp": claims["exp"] + 600}),
    "not before later": lambda claims: signed({**claims, "nbf": claims["iat"] + 600}),
    "no nonce": lambda claims: signed({k: v for k, v in claims.items() if k != "nonce"}),
    "another nonce": lambda claims: signed({**claims, "nonce": claims["nonce"][::-1]}),
    "no subject": lambda claims: signed({k: v for k, v in claims.items() if k != "sub"}),
    "an empty subject": lambda claims: signed({**claims, "sub": ""}),
    "a subject that is a number": lambda claims: signed({**claims, "sub": int(SUB)}),
    "a subject that is a list": lambda claims: signed({**claims, "sub": [SUB]}),
    "the key of somebody else": lambda claims: signed(claims, OTHER_KEY),
    "the key in the token": lambda claims: signed(claims, OTHER_KEY, jwk=OTHER_KEY.as_dict(private=False)),
    "a changed byte": lambda claims: re.sub(
        r"\.[^.]", lambda m: m[0][0] + ("f" if m[0][1] != "f" else "e"), signed(claims), count=1
    ),
    "no signature": lambda claims: signed(claims).rpartition(".")[0] + ".",
    "alg none": alg_none,
    "HMAC with the public key": hmac_with_public_key,
    "an access token of another": lambda claims: signed({**claims, "at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
    "no token": lambda _: None,
    "not a token": lambda _: "hello",
    "a list": lambda _: [],
    "nothing": lambda _: "",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_is_wrong_in_any_way_lets_nobody_in(
    make_board: Callable[..., Site], idp: Idp, forgery: str
) -> None:
    """With a rule that lets everybody in whom the provider vouches for: it is the token that is not good enough."""
    site = make_board("*=admin")
    idp.forge = FORGERIES[forgery]
    browser = site.browser()

    answer = come_back(browser, idp)

    assert answer.status_code == 401
    assert "cannot be trusted" in text_of(soup(answer).select_one("#problem"))
    assert not is_in(browser)
    assert [(one.result, one.who) for one in sign_ins(site)] == [("refused", "–")]
    assert [user.name for user in site.service.users.all()] == ["admin"]


def test_the_forgeries_are_refused_for_what_is_wrong_with_them(make_board: Callable[..., Site], idp: Idp) -> None:
    """The same way of making a token, with nothing wrong, lets in: the refusals above are not for another reason."""
    site = make_board("*=admin")
    idp.forge = signed

    assert come_back(site.browser(), idp).status_code == 303


def test_several_audiences_are_fine_when_this_board_is_the_party(make_board: Callable[..., Site], idp: Idp) -> None:
    idp.claims = {"aud": [CLIENT, "another"], "azp": CLIENT}

    assert come_back(make_board().browser(), idp).status_code == 303


@pytest.mark.parametrize("change", ["another", "missing", "empty", "of another browser"])
def test_a_state_that_is_not_this_browsers_ends_it(make_board: Callable[..., Site], idp: Idp, change: str) -> None:
    site = make_board()
    browser, other = site.browser(), site.browser()
    back, asked = idp.authorize(browser.get("/login/oidc").headers["Location"])
    _, others = idp.authorize(other.get("/login/oidc").headers["Location"])
    state = {"another": "x" * 43, "missing": None, "empty": "", "of another browser": others["state"]}[change]
    query = re.sub(r"state=[^&]*", f"state={state}" if state is not None else "", urlsplit(back).query)

    answer = browser.get(f"/login/oidc/callback?{query}")

    assert answer.status_code == 401
    assert not is_in(browser)
    assert idp.token_headers == []
    assert asked["state"] not in answer.text


def test_a_link_from_somebody_elses_sign_in_signs_nobody_in(make_board: Callable[..., Site], idp: Idp) -> None:
    """Login CSRF: a victim is sent the attacker's way back, to work in the attacker's account."""
    site = make_board()
    back, _ = idp.authorize(site.browser().get("/login/oidc").headers["Location"])
    victim = site.browser()

    assert victim.get(back.removeprefix("http://localhost")).status_code == 401
    assert not is_in(victim)


def test_a_sign_in_cannot_be_replayed(make_board: Callable[..., Site], idp: Idp) -> None:
    """With a copy of the cookie, and even with a provider that redeems a code twice."""
    site = make_board()
    browser, thief = site.browser(), site.browser()
    back, asked = idp.authorize(browser.get("/login/oidc").headers["Location"])
    cookie = browser.client.get_cookie("board_session")
    assert cookie is not None
    thief.client.set_cookie("board_session", cookie.value)

    first = browser.get(back.removeprefix("http://localhost"))
    code = re.search(r"code=([^&]+)", back)
    assert code
    idp.codes[code[1]] = asked
    second = thief.get(back.removeprefix("http://localhost"))

    assert (first.status_code, second.status_code) == (303, 401)
    assert len(idp.token_headers) == 2
    assert is_in(browser)
    assert not is_in(thief)
    assert "replayed" in sign_ins(site)[-1].detail


def test_coming_back_too_late_is_too_late(
    make_board: Callable[..., Site], idp: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_board()
    browser = site.browser()
    back, _ = idp.authorize(browser.get("/login/oidc").headers["Location"])
    provider = site.app.extensions["queue-board.provider"]
    clock = provider._clock
    monkeypatch.setattr(provider, "_clock", lambda: clock() + 601_000)

    assert browser.get(back.removeprefix("http://localhost")).status_code == 401
    assert not is_in(browser)


def test_another_issuer_in_the_answer_ends_it(make_board: Callable[..., Site], idp: Idp) -> None:
    """Mix-up of providers (RFC 9207)."""
    browser = make_board().browser()
    back, _ = idp.authorize(browser.get("/login/oidc").headers["Location"])

    assert browser.get(back.removeprefix("http://localhost") + "&iss=https://evil.example").status_code == 401
    assert idp.token_headers == []


@pytest.mark.parametrize("query", ["error=access_denied", "error=<script>alert(1)</script>", "", "code="])
def test_a_provider_that_says_no_is_told_in_our_own_words(
    make_board: Callable[..., Site], idp: Idp, query: str
) -> None:
    site = make_board()
    browser = site.browser()
    _, asked = idp.authorize(browser.get("/login/oidc").headers["Location"])

    answer = browser.get(f"/login/oidc/callback?{query}&state={asked['state']}&error_description=<b>x</b>")

    assert answer.status_code == 401
    assert text_of(soup(answer).select_one("#problem")) == "The identity provider did not sign you in."
    assert "<script>alert" not in answer.text
    assert not is_in(browser)


def test_a_code_that_is_not_redeemed_lets_nobody_in(make_board: Callable[..., Site], idp: Idp) -> None:
    idp.refuse = "invalid_client"
    site = make_board()

    assert come_back(site.browser(), idp).status_code == 401
    assert "invalid_client" in sign_ins(site)[-1].detail


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

    first, second, third = (entry.who for entry in sign_ins(site))
    assert first == second == "ann@example.com"
    assert re.fullmatch(r"ann@example\.com-[0-9a-f]{8}", third)


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


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/%2F/evil.example",
        "http:///x",
    ],
)
def test_the_way_back_never_leads_outside(make_board: Callable[..., Site], idp: Idp, target: str) -> None:
    answer = come_back(make_board().browser(), idp, f"/login/oidc?next={target}")

    assert answer.headers["Location"] == "/"


def test_a_provider_that_is_away_is_told_and_asked_once(make_board: Callable[..., Site], idp: Idp) -> None:
    site = make_board()
    idp.about = {"issuer": "https://evil.example"}
    browser = site.browser()

    answers = [browser.get("/login/oidc") for _ in range(3)]

    assert {answer.status_code for answer in answers} == {502}
    assert "cannot be reached" in text_of(soup(answers[0]).select_one("#problem"))
    assert idp.place is not None
    assert len(idp.place.asked) == 1
    assert browser.sign_in("admin").status_code == 303


def test_a_provider_that_hangs_holds_one_sign_in_and_no_other(make_board: Callable[..., Site], idp: Idp) -> None:
    site = make_board()
    idp.held = threading.Event()
    assert idp.place is not None
    place, held = idp.place, idp.held
    asking = threading.Thread(target=lambda: site.browser().get("/login/oidc"))
    asking.start()
    try:
        wait_until(lambda: place.asked, "the first sign-in to ask")

        answer = site.browser().get("/login/oidc")

        assert answer.status_code == 502
        assert "cannot be reached" in text_of(soup(answer).select_one("#problem"))
        assert asking.is_alive()
        assert len(place.asked) == 1
    finally:
        held.set()
        asking.join(PATIENCE_S)
    assert site.browser().get("/login/oidc").status_code == 303


@pytest.mark.parametrize(
    "about",
    [
        {"token_endpoint": "https://evil.example/token"},
        {"token_endpoint": "http://127.0.0.1:1/token"},
        {"jwks_uri": "http://169.254.169.254/latest"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "file:///etc/passwd"},
    ],
)
def test_a_provider_leads_the_board_nowhere_else(
    make_board: Callable[..., Site], idp: Idp, about: dict[str, Any]
) -> None:
    idp.about = about
    browser = make_board().browser()
    gone = browser.get("/login/oidc")
    if gone.status_code == 303:  # the place of the code is only called later
        back, _ = idp.authorize(gone.headers["Location"])
        gone = browser.get(back.removeprefix("http://localhost"))

    assert gone.status_code == 502
    assert not is_in(browser)


def test_a_new_key_of_the_provider_is_learnt_and_looked_for_only_so_often(
    make_board: Callable[..., Site], idp: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_board()
    assert come_back(site.browser(), idp).status_code == 303
    provider = site.app.extensions["queue-board.provider"]
    clock, ahead = provider._clock, [0]
    monkeypatch.setattr(provider, "_clock", lambda: clock() + ahead[0])
    idp.key, idp.published = OTHER_KEY, [OTHER_KEY]

    soon = come_back(site.browser(), idp).status_code
    ahead[0] = 11_000
    later = come_back(site.browser(), idp).status_code

    assert (soon, later) == (401, 303)


def test_guesses_at_the_way_back_are_counted(make_board: Callable[..., Site], idp: Idp) -> None:
    browser = make_board().browser()

    statuses = [browser.get(f"/login/oidc/callback?code=x&state={at}").status_code for at in range(31)]

    assert statuses == [401] * 30 + [429]


def test_without_a_provider_there_is_no_such_address(site: Site) -> None:
    browser = site.browser()

    assert browser.get("/login/oidc").status_code == 404
    assert browser.get("/login/oidc/callback").status_code == 404
    assert soup(browser.get("/login")).select('a[href*="oidc"]') == []
    assert {"login.leave_for", "login.come_back"} <= OPEN


def test_the_way_back_is_the_same_below_another_server(
    make_board: Callable[..., Site], idp: Idp, redis_url: str
) -> None:
    browser = make_board(connections=(("eu", redis_url),)).browser()
    gone = browser.get("/c/eu/login/oidc?next=/c/eu/failures")
    back, asked = idp.authorize(gone.headers["Location"])

    assert asked["redirect_uri"] == "http://localhost/login/oidc/callback"
    assert browser.get(back.removeprefix("http://localhost")).headers["Location"] == "/c/eu/failures"


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
