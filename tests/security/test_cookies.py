"""Cookies bound to this host, worth nothing when forged, and headers that only a known proxy may forward."""

from collections.abc import Callable

from tests.web.site import PASSWORD, Site


def test_cookies_over_https_are_bound_to_this_host(site: Site) -> None:
    site.service.users.ensure_first_admin(PASSWORD)
    browser = site.browser(**{"wsgi.url_scheme": "https", "HTTP_HOST": "board.example"})

    answer = browser.get("/login")

    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-board_session=")
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_cookies_over_http_say_so_by_their_name(site: Site) -> None:
    cookie = site.browser().get("/login").headers["Set-Cookie"]

    assert cookie.startswith("board_session=")
    assert "Secure" not in cookie
    assert "HttpOnly" in cookie


def test_a_forged_cookie_is_nobody(site: Site) -> None:
    site.signed_in()
    browser = site.browser()
    for value in ("x", ".eJwljk", "eyJfdXNlcl9pZCI6InMuMC4wLmFkbWluIn0.aaaaaa.bbbb", "\x7f"):
        browser.client.set_cookie("board_session", value)

        assert browser.get("/").headers["Location"] == "/login"


def test_a_cookie_is_good_as_long_as_the_key_that_signed_it_is_accepted(site: Site) -> None:
    browser = site.signed_in()
    cookie = browser.client.get_cookie("board_session")
    assert cookie is not None
    first = site.app.secret_key
    assert first is not None
    accepted = site.app.config["SECRET_KEY_FALLBACKS"] = list[str | bytes]()

    def is_signed_in() -> bool:
        browser.client.set_cookie("board_session", cookie.value)
        return browser.get("/").status_code == 200

    assert is_signed_in()
    site.app.secret_key = "another key"
    assert not is_signed_in()
    accepted.append(first)
    assert is_signed_in()
    accepted.clear()
    assert not is_signed_in()
    site.app.secret_key = first
    assert is_signed_in()


def test_a_forged_remember_cookie_is_nobody(site: Site) -> None:
    site.signed_in()
    browser = site.browser()
    browser.client.set_cookie("board_remember", "admin|0000")

    assert browser.get("/").headers["Location"] == "/login"


def test_forwarded_headers_are_not_believed_by_default(site: Site) -> None:
    site.signed_in()
    liar = site.browser(HTTP_X_FORWARDED_FOR="203.0.113.99", HTTP_X_FORWARDED_PROTO="https")

    liar.sign_in("admin")

    stored = site.service.connection.call(site.service.audit.read(None, 1))
    assert stored[0].entry is not None
    assert stored[0].entry.address == "127.0.0.1"


def test_forwarded_headers_of_a_known_proxy_count(make_site: Callable[..., Site]) -> None:
    site = make_site(trusted_proxies=1)
    site.service.users.ensure_first_admin(PASSWORD)
    browser = site.browser(HTTP_X_FORWARDED_FOR="198.51.100.1, 203.0.113.99", HTTP_X_FORWARDED_PROTO="https")

    browser.sign_in("admin")

    stored = site.service.connection.call(site.service.audit.read(None, 1))
    assert stored[0].entry is not None
    assert stored[0].entry.address == "203.0.113.99"
    assert browser.client.get_cookie("__Host-board_session") is not None
