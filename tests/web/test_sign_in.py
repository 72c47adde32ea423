"""Signing in, staying signed in, and how that ends."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from board.auth import passwords
from board.auth.passwords import check_password, hash_password
from board.auth.policy import Role
from board.auth.sessions import Sessions
from board.auth.throttle import LIMITS, WINDOW_MS
from board.auth.users import User, Users
from board.engine.types import JobState
from board.errors import UserError
from board.namespace import Namespace
from tests.quicker import REAL_HASHER
from tests.web.site import PASSWORD, Site, soup, text_of


def test_nothing_is_shown_without_signing_in(site: Site) -> None:
    answer = site.browser().get("/failures?q=boom&size=50")

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=/failures?q%3Dboom%26size%3D50"


@pytest.mark.parametrize(
    "path",
    [
        "/q/mail/job/%E6%B3%A8%E6%96%87-%F0%9F%9A%80",
        "/q/mail/failed?q=100%25&size=50",
        "/failures?q=a%20b&q=%3Cx%3E&error=%22",
        "/q/%25/failed",
        "/q/mail/job/a!2Fb?attempt=2",
    ],
)
def test_the_address_asked_for_is_kept_as_it_is(site: Site, path: str) -> None:
    login = site.browser().get(path).headers["Location"]

    target = soup(site.browser().get(login)).select_one("input[name=next]")

    assert target is not None
    assert target["value"] == path


def test_the_page_says_how_long_a_session_lasts(make_site: Callable[..., Site]) -> None:
    assert "Sessions end after 12 hours." in text_of(soup(make_site().browser().get("/login")).select_one("form"))
    page = make_site(session_hours=1).browser().get("/login")
    assert "Sessions end after 1 hour." in text_of(soup(page).select_one("form"))


def test_signing_in_leads_to_the_page_asked_for(site: Site) -> None:
    site.signed_in()
    browser = site.browser()
    login = browser.get(browser.get("/failures?q=boom").headers["Location"])
    target = soup(login).select_one("input[name=next]")
    assert target is not None

    answer = browser.post("/login", {"name": "admin", "password": PASSWORD, "next": str(target["value"])})

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/failures?q=boom"
    assert browser.get("/failures?q=boom").status_code == 200


@pytest.mark.parametrize(
    ("name", "password"),
    [("admin", "wrong"), ("nobody", PASSWORD), ("", ""), ("admin", ""), ("a b", "x"), ("admin", "x" * 5000)],
)
def test_every_wrong_pair_gets_the_same_answer(site: Site, name: str, password: str) -> None:
    site.signed_in()

    answer = site.browser().sign_in(name, password)

    assert answer.status_code == 401
    alert = soup(answer).select_one("[role=alert]")
    assert alert is not None
    assert text_of(alert) == "Name and password do not match an account that may sign in."


def test_a_name_is_known_in_any_case(site: Site) -> None:
    site.signed_in()

    assert site.browser().sign_in("  ADMIN ").status_code == 303


def test_an_htmx_request_without_sign_in_makes_the_browser_leave(site: Site) -> None:
    answer = site.browser().tick("/failures")

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login?next=/failures"
    assert answer.text == ""


def test_who_is_signed_in_is_not_asked_again(site: Site) -> None:
    browser = site.signed_in()

    assert browser.get("/login?next=/failures").headers["Location"] == "/failures"


def test_an_action_after_the_session_ended_is_not_carried_out_and_said_so(site: Site) -> None:
    site.jobs.failed("1a")
    browser = site.signed_in()
    _change_password(site)

    answer = browser.post("/q/mail/job/1a/retry", {"next": "/q/mail/failed"})
    browser.get(answer.headers["Location"])
    signed_in = browser.post("/login", {"name": "admin", "password": "another password", "next": "/q/mail/failed"})

    assert answer.headers["Location"] == "/login?next=/q/mail/failed"
    assert site.jobs.state("1a") is JobState.FAILED
    assert browser.messages(signed_in) == ["You were not signed in any more, so your last action was not carried out."]


def test_signing_out_ends_the_session_on_the_server(site: Site) -> None:
    browser = site.signed_in()
    cookie = browser.client.get_cookie("board_session")
    assert cookie is not None

    answer = browser.post("/logout")
    thief = site.browser()
    thief.client.set_cookie("board_session", cookie.value)

    assert answer.status_code == 303
    assert browser.get("/").status_code == 303
    assert thief.get("/").headers["Location"] == "/login"


def test_signing_in_makes_a_new_session(site: Site, redis_client: redis.Redis) -> None:
    """Nothing that was known of the session before, and may have been planted, is good for anything after."""
    browser = site.signed_in()
    planted, keys = browser.token, set(redis_client.keys("board:session:*"))
    theme = {"theme": "dark"}
    assert browser.post("/settings/theme", {"csrf_token": planted, **theme}).status_code == 303

    browser.sign_in("admin")

    assert browser.post("/settings/theme", {"csrf_token": planted, **theme}).status_code == 403
    assert browser.post("/settings/theme", theme).status_code == 303
    assert len(set(redis_client.keys("board:session:*")) - keys) == 1


def test_redis_never_holds_what_a_cookie_holds(site: Site, redis_client: redis.Redis) -> None:
    browser = site.signed_in()
    cookie = browser.client.get_cookie("board_session")
    assert cookie is not None
    with site.app.test_request_context():
        serializer = site.app.session_interface.get_signing_serializer(site.app)  # type: ignore[attr-defined]
        token = serializer.loads(cookie.value)["_user_id"]

    secret = token.split(".")[1]

    assert len(secret) >= 43
    sessions = [str(redis_client.get(key)) for key in redis_client.keys("board:session:*")]
    everything = " ".join([*map(str, redis_client.keys("*")), *sessions])
    assert secret not in everything


def _change_password(site: Site) -> None:
    site.service.users.set_password("admin", "another password")


def _disable(site: Site) -> None:
    site.service.users.add("second", PASSWORD, Role.ADMIN)
    site.service.users.set_disabled("admin", disabled=True)


def _change_role(site: Site) -> None:
    site.service.users.add("second", PASSWORD, Role.ADMIN)
    site.service.users.set_role("admin", Role.VIEWER)


def _remove(site: Site) -> None:
    site.service.users.add("second", PASSWORD, Role.ADMIN)
    site.service.users.remove("admin")


@pytest.mark.parametrize("change", [_change_password, _disable, _change_role, _remove])
def test_a_changed_user_is_signed_out_everywhere(site: Site, change: Callable[[Site], None]) -> None:
    browser, other = site.signed_in(), site.signed_in()
    assert browser.get("/").status_code == 200

    change(site)

    assert browser.get("/").headers["Location"] == "/login"
    assert other.tick("/").status_code == 401


def test_a_disabled_user_cannot_sign_in(site: Site) -> None:
    site.signed_in()
    _disable(site)

    assert site.browser().sign_in("admin").status_code == 401


def test_a_session_ends_without_use(make_site: Callable[..., Site], redis_client: redis.Redis) -> None:
    site = make_site(session_idle_minutes=30)
    site.signed_in()

    (key,) = redis_client.keys("board:session:*")

    assert 29 * 60_000 < redis_client.pttl(key) <= 30 * 60_000


def test_use_prolongs_a_session_but_not_beyond_its_longest_time(site: Site, redis_client: redis.Redis) -> None:
    now = [1_000_000_000_000]
    users = Users(site.service.connection, Namespace("t"), lambda: now[0])
    sessions = Sessions(
        site.service.connection,
        Namespace("t"),
        users,
        lambda: now[0],
        idle_ms=600_000,
        longest_ms=3_600_000,
        is_key_secret=False,
    )
    user = users.add("ann", PASSWORD, Role.VIEWER)
    token = sessions.open(user)
    (key,) = redis_client.keys("t:session:*")

    redis_client.pexpire(key, 300_000)
    assert sessions.check(token) == user
    after_use = redis_client.pttl(key)
    now[0] += 3_500_000
    redis_client.pexpire(key, 20_000)
    assert sessions.check(token) == user
    near_the_end = redis_client.pttl(key)
    now[0] += 100_000

    assert after_use > 590_000
    assert near_the_end <= 100_000
    assert sessions.check(token) is None


@pytest.mark.parametrize("token", ["", "r", "r.", "r..admin", "r.guess.admin", "s.0.0.admin", "s.x.y.admin", "x.1.2"])
def test_a_made_up_token_is_nobody(site: Site, token: str) -> None:
    site.signed_in()

    assert site.service.sessions.check(token) is None


def test_guessing_is_slowed_down_for_an_account_from_an_address(site: Site) -> None:
    site.signed_in()
    guesser = site.browser(REMOTE_ADDR="203.0.113.7")
    answers = [guesser.sign_in("admin", f"guess {number}").status_code for number in range(LIMITS["pair"])]

    stopped = guesser.sign_in("admin", PASSWORD)
    elsewhere = site.browser(REMOTE_ADDR="203.0.113.8").sign_in("admin")

    assert answers == [401] * LIMITS["pair"]
    assert stopped.status_code == 429
    assert 0 < int(stopped.headers["Retry-After"]) <= WINDOW_MS // 1000
    assert "Too many attempts. Try again in 15 minutes." in soup(stopped).get_text()
    assert elsewhere.status_code == 303


def test_a_burst_of_guesses_gets_no_more_than_the_limit(site: Site) -> None:
    site.signed_in()
    guessers = [site.browser(REMOTE_ADDR="203.0.113.11") for _ in range(12)]
    for guesser in guessers:
        guesser.get("/login")

    with ThreadPoolExecutor(len(guessers)) as threads:
        answers = list(
            threads.map(lambda one: one.post("/login", {"name": "admin", "password": "guess"}).status_code, guessers)
        )

    assert sorted(answers) == [401] * LIMITS["pair"] + [429] * (len(guessers) - LIMITS["pair"])


def test_the_right_password_clears_the_count(site: Site) -> None:
    site.signed_in()
    person = site.browser(REMOTE_ADDR="203.0.113.9")
    for round_number in range(3):
        for guess in range(LIMITS["pair"] - 1):
            assert person.sign_in("admin", f"typo {round_number} {guess}").status_code == 401
        assert person.sign_in("admin").status_code == 303


def test_an_address_cannot_try_many_accounts(site: Site) -> None:
    site.signed_in()
    guesser = site.browser(REMOTE_ADDR="203.0.113.10")

    answers = [guesser.sign_in(f"user{number}", "x").status_code for number in range(LIMITS["address"] + 1)]

    assert answers == [401] * LIMITS["address"] + [429]


def test_counters_of_attempts_expire(site: Site, redis_client: redis.Redis) -> None:
    site.browser().sign_in("somebody " * 20, "wrong")

    keys = [key for kind in LIMITS for key in redis_client.keys(f"board:failures:{kind}:*")]

    assert len(keys) == len(LIMITS)
    assert all(0 < redis_client.pttl(key) <= WINDOW_MS for key in keys)
    assert max(len(key) for key in keys) < 80


def test_sign_in_and_sign_out_are_recorded(site: Site) -> None:
    site.signed_in().post("/logout")

    stored = site.service.connection.call(site.service.audit.read(None, 10))

    assert [(one.entry.action, one.entry.who) for one in reversed(stored) if one.entry] == [
        ("sign-in", "admin"),
        ("sign-out", "admin"),
    ]


def test_the_first_start_makes_one_administrator(
    make_site: Callable[..., Site], capsys: pytest.CaptureFixture[str]
) -> None:
    site = make_site(admin_password="")
    site.browser().get("/login")
    make_site(admin_password="").browser().get("/login")

    printed = capsys.readouterr().err

    found = re.findall(r"sign in as admin with the password (\S+)", printed)
    assert len(found) == 1, printed
    assert site.browser().sign_in("admin", found[0]).status_code == 303


def test_a_given_first_password_is_used_and_not_printed(
    make_site: Callable[..., Site], capsys: pytest.CaptureFixture[str]
) -> None:
    site = make_site(admin_password="given by hand")

    assert site.browser().sign_in("admin", "given by hand").status_code == 303
    assert "given by hand" not in "".join(capsys.readouterr())


def test_all_processes_sign_cookies_alike(make_site: Callable[..., Site]) -> None:
    first, second = make_site(), make_site()
    cookie = first.signed_in().client.get_cookie("board_session")
    assert cookie is not None
    browser = second.browser()
    browser.client.set_cookie("board_session", cookie.value)

    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("name", ["", " ", "a b", "a\u202eb", "x" * 65, "a/b", "a\n"])
def test_a_name_that_could_pass_for_another_is_refused(site: Site, name: str) -> None:
    if name == "a\n":
        assert site.service.users.add(name, PASSWORD, Role.VIEWER).name == "a"
        return
    with pytest.raises(UserError):
        site.service.users.add(name, PASSWORD, Role.VIEWER)


def test_the_last_administrator_stays(site: Site) -> None:
    site.service.users.add("root", PASSWORD, Role.ADMIN)

    with pytest.raises(UserError, match="last administrator"):
        site.service.users.remove("root")
    with pytest.raises(UserError, match="last administrator"):
        site.service.users.set_role("root", Role.VIEWER)
    with pytest.raises(UserError, match="last administrator"):
        site.service.users.set_disabled("root", disabled=True)


def test_a_damaged_user_record_lets_nobody_in(site: Site, redis_client: redis.Redis) -> None:
    browser = site.signed_in()
    for record in ("", "{}", "[]", '{"role": "god"}', '"admin"', "\x00"):
        redis_client.hset("board:users", "admin", record)

        assert browser.get("/").headers["Location"] == "/login"
        assert site.service.users.get("admin") is None


def test_passwords_are_hashed_with_argon2id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", REAL_HASHER)  # the other tests are in a hurry
    stored = hash_password(PASSWORD)

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert check_password(stored, PASSWORD)
    assert not check_password(stored, PASSWORD + " ")
    assert not check_password("not a hash", PASSWORD)
    assert not check_password(None, PASSWORD)


@pytest.mark.parametrize("password", ["short", "x" * 1025])
def test_a_password_has_a_sensible_length(password: str) -> None:
    with pytest.raises(UserError, match="8 to 1,024"):
        hash_password(password)


def test_a_user_never_shows_its_hash_in_a_message() -> None:
    user = User("ann", "$argon2id$secret", Role.VIEWER, 0)

    assert "secret" not in str(user.identity)
