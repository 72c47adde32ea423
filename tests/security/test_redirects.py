"""Where the board leads people: into itself, whatever an address asks for."""

import pytest

from board.web.security import inside
from tests.web.site import PASSWORD, Site

INSIDE = [
    ("/", "/"),
    ("/q/mail/failed?size=50&q=a%20b", "/q/mail/failed?size=50&q=a%20b"),
    ("/q/mail/job/a!2Fb", "/q/mail/job/a!2Fb"),
    ("/q/%C3%BC", "/q/%C3%BC"),
]
OUTSIDE = [
    None,
    "",
    "https://attacker.example/",
    "http:attacker.example",
    "http:///attacker.example",
    "//attacker.example/",
    "///attacker.example/",
    "////attacker.example/",
    "/\\attacker.example",
    "\\/attacker.example",
    "\\\\attacker.example",
    "/%5Cattacker.example",
    "/%2F/attacker.example",
    "/%2fattacker.example",
    "/\t/attacker.example",
    "/\n/attacker.example",
    " //attacker.example",
    "/ /attacker.example",
    "/%09/attacker.example",
    "/%00/attacker.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "@attacker.example",
    "attacker.example",
    "/..//attacker.example",
    "/../attacker",
    "/q/../../attacker",
    "/%2e%2e/%2e%2e/attacker",
    "/.//attacker.example",
    "?next=//attacker.example",
    "#//attacker.example",
    "http://[::1",
    "/q\x00",
    "/" + "x" * 5000,
]


@pytest.mark.parametrize(("target", "expected"), INSIDE)
def test_a_path_of_ours_is_kept(target: str, expected: str) -> None:
    assert inside(target, "", "/fallback") == expected


@pytest.mark.parametrize("target", OUTSIDE)
def test_any_other_target_is_dropped(target: str | None) -> None:
    assert inside(target, "", "/fallback") == "/fallback"


@pytest.mark.parametrize(
    "target", ["/", "/admin", "/admin/queuesX", "/admin/queues/../..", "//admin/queues/", "/login"]
)
def test_a_mounted_board_leads_only_into_itself(target: str) -> None:
    assert inside(target, "/admin/queues", "/fallback") == "/fallback"


@pytest.mark.parametrize("target", ["/admin/queues", "/admin/queues/", "/admin/queues/q/mail?size=20"])
def test_a_mounted_board_leads_to_its_own_pages(target: str) -> None:
    assert inside(target, "/admin/queues", "/fallback") == target


@pytest.mark.parametrize("target", [one for one in OUTSIDE if one])
def test_signing_in_never_leads_outside(site: Site, target: str) -> None:
    site.signed_in()
    browser = site.browser()
    browser.get("/login")

    answer = browser.post("/login", {"name": "admin", "password": PASSWORD, "next": target})

    assert answer.headers["Location"] == "/"
