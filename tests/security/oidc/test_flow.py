"""The way to an identity provider and back: what a forged, late, replayed or redirected answer comes to."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc import jwt

from board.web.login import OPEN
from tests.security.identity_provider import (
    CLIENT,
    KEY,
    OTHER_KEY,
    SECRET,
    Idp,
    alg_none,
    hmac_with_public_key,
)
from tests.security.oidc.conftest import SUB, come_back, is_in, sign_ins
from tests.waiting import PATIENCE_S, wait_until
from tests.web.site import Site, soup, text_of

HOUR = 3600


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
    "another audience for this party": lambda c: signed({**c, "aud": "another-client", "azp": CLIENT}),
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
