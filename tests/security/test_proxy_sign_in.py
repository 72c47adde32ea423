"""Sign-in by the word of a proxy, and that no way of starting a board leaves it open."""

from collections.abc import Callable
from typing import Any

import pytest

from board import create_app
from board.config import Settings, from_environment
from board.errors import SettingsError
from tests.web.site import Site, soup, text_of

PROXY: dict[str, Any] = {
    "proxy_header": "X-Forwarded-User",
    "proxy_addresses": ("10.0.0.7/32", "10.1.0.0/24", "fd00::/64"),
    "proxy_roles": (("ann", "admin"), ("bob", "operator")),
}


def status(site: Site, peer: str, **headers: str) -> int:
    """Ask for the overview over a connection from ``peer``."""
    return site.browser(REMOTE_ADDR=peer).get("/", **headers).status_code


@pytest.mark.parametrize("peer", ["10.0.0.7", "10.1.0.200", "fd00::1", "::ffff:10.0.0.7"])
def test_a_named_proxy_is_believed(make_site: Callable[..., Site], peer: str) -> None:
    site = make_site(**PROXY)

    page = soup(site.browser(REMOTE_ADDR=peer).get("/", **{"X-Forwarded-User": "Ann"}))

    assert "ann admin on" in text_of(page.select_one("#account"))


@pytest.mark.parametrize("peer", ["10.0.0.8", "10.1.1.1", "127.0.0.1", "fd00:0:0:1::1", "", "unix", "::ffff:10.0.0.8"])
def test_the_header_of_anybody_else_is_nothing(make_site: Callable[..., Site], peer: str) -> None:
    assert status(make_site(**PROXY), peer, **{"X-Forwarded-User": "ann"}) == 403


def test_a_forwarded_address_makes_nobody_the_proxy(make_site: Callable[..., Site]) -> None:
    site = make_site(**PROXY, trusted_proxies=1)
    forged = {"X-Forwarded-User": "ann", "X-Forwarded-For": "10.0.0.7"}

    assert status(site, "203.0.113.9", **forged) == 403
    assert status(site, "10.0.0.7", **{**forged, "X-Forwarded-For": "203.0.113.9"}) == 200


@pytest.mark.parametrize("name", ["", "eve", "ann,eve", "ann eve", "*", "annx", "xann", "ann@example.com"])
def test_names_are_compared_whole(make_site: Callable[..., Site], name: str) -> None:
    assert status(make_site(**PROXY), "10.0.0.7", **{"X-Forwarded-User": name}) == 403


def test_everybody_else_may_be_let_in_as_something(make_site: Callable[..., Site]) -> None:
    site = make_site(**{**PROXY, "proxy_roles": (("*", "viewer"),)})
    site.jobs.failed("1a")
    browser = site.browser(REMOTE_ADDR="10.0.0.7")
    browser.get("/", **{"X-Forwarded-User": "eve"})

    assert browser.post("/q/mail/pause", None, **{"X-Forwarded-User": "eve"}).status_code == 403
    assert browser.get("/login", **{"X-Forwarded-User": "eve"}).status_code == 404


BOARD = {"REDIS_URL": "redis://127.0.0.1:1/0"}
HEADER, FROM, ROLES = "BOARD_PROXY_HEADER", "BOARD_PROXY_ADDRESSES", "BOARD_PROXY_ROLES"


@pytest.mark.parametrize(
    "told",
    [
        {HEADER: "X-User"},
        {HEADER: "X-User", ROLES: "*=viewer"},
        {HEADER: "X-User", FROM: "10.0.0.7"},
        {FROM: "10.0.0.7", ROLES: "*=viewer"},
        {HEADER: "X-User", FROM: "0.0.0.0/0", ROLES: "*=viewer"},
        {HEADER: "X-User", FROM: "::/0", ROLES: "*=viewer"},
        {HEADER: "X-User", FROM: "proxy.example", ROLES: "*=viewer"},
        {HEADER: "X-User", FROM: "10.0.0.7/24", ROLES: "*=viewer"},
        {HEADER: "X_User", FROM: "10.0.0.7", ROLES: "*=viewer"},
        {HEADER: "X-User", FROM: "10.0.0.7", ROLES: "ann"},
        {HEADER: "X-User", FROM: "10.0.0.7", ROLES: "ann=admin ANN=viewer"},
        {HEADER: "X-User", FROM: "10.0.0.7", ROLES: "ann=king"},
    ],
)
def test_half_a_proxy_does_not_start(told: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="BOARD_PROXY"):
        create_app(from_environment({**BOARD, **told}))


@pytest.mark.parametrize(
    ("settings", "host", "refused"),
    [
        ({}, None, 303),
        ({"admin_password": ""}, None, 303),
        ({"read_only": True}, None, 303),
        (PROXY, None, 403),
        ({}, lambda _environ: None, 403),
        (PROXY, lambda _environ: None, 403),
    ],
    ids=["own users", "no password given", "for looking", "proxy", "host", "host before proxy"],
)
def test_however_a_board_is_started_nobody_gets_in_unknown(
    redis_url: str, settings: dict[str, Any], host: Any, refused: int, capfd: pytest.CaptureFixture[str]
) -> None:
    app = create_app(Settings(redis_url=redis_url, **settings), identify=host)
    client = app.test_client()

    for path in ("/", "/failures", "/audit", "/settings/users", "/q/mail/failed"):
        assert client.get(path).status_code == refused, path
    assert client.get("/api/v1/queues").status_code == 401
    assert "hunter" not in capfd.readouterr().err
    app.extensions["queue-board"].close()
