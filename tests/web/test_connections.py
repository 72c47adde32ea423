"""Several Redis servers in one board: each page is about one of them, and says which."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from board.config import from_environment
from board.engine.types import JobState
from board.errors import SettingsError
from tests.certificates import Certificates
from tests.servers import Server
from tests.waiting import wait_until
from tests.web.site import Jobs, Site, soup, text_of

MakeServer = Callable[..., Server]
MakeSite = Callable[..., Site]


@pytest.fixture
def other(fresh_server: MakeServer) -> Server:
    """A second server."""
    return fresh_server()


@pytest.fixture
def pair(make_site: MakeSite, other: Server) -> Site:
    """A board on two servers, which have a queue of the same name."""
    site = make_site(connections=(("eu", other.url),), connection_name="home")
    site.jobs.failed("here")
    Jobs(site.service.others["eu"].connection).failed("there")
    return site


def test_each_server_has_its_own_addresses_and_its_pages_say_which(pair: Site) -> None:
    browser = pair.signed_in()

    here, there = browser.get("/q/mail/failed"), browser.get("/c/eu/q/mail/failed")

    assert "here" in here.text
    assert "there" not in text_of(soup(here).main)
    assert "/q/mail/job/here" in here.text
    assert "/c/eu/q/mail/job/there" in there.text
    assert text_of(soup(here).title).endswith("· home · Queue Board")
    assert text_of(soup(there).title).endswith("· eu · Queue Board")
    assert all(str(a["href"]).startswith("/c/eu/") for a in soup(there).select(".nav a"))
    assert [a["href"] for a in soup(there).select("#connections a")] == ["/", "/c/eu/"]


def test_an_action_reaches_the_server_of_its_page_and_the_one_audit_log_says_which(pair: Site) -> None:
    browser = pair.signed_in()
    theirs = Jobs(pair.service.others["eu"].connection)
    browser.get("/c/eu/q/mail/job/there")

    asked = browser.post("/c/eu/q/mail/job/there/remove")
    answer = browser.post("/c/eu/q/mail/job/there/retry")

    assert "eu" in text_of(soup(asked).main)
    assert answer.headers["Location"].startswith("/c/eu/")
    assert theirs.state("there") is JobState.WAITING
    assert pair.jobs.state("here") is JobState.FAILED
    assert [(entry.action, entry.queue, entry.connection) for entry in pair.audit()] == [("retry", "mail", "eu")]
    log = soup(browser.get("/audit"))
    assert log.select_one("tbody a[href='/c/eu/q/mail']") is not None


def test_a_server_with_tls_and_a_user_of_its_own(make_site: MakeSite, fresh_server: MakeServer, tmp_path: Path) -> None:
    certificates, server = Certificates(tmp_path), fresh_server(kind="redis")  # the embedded one is built without TLS
    with contextlib.closing(server.client()) as client:
        port = certificates.serve(client, server.port)
        plain: Any = client
        plain.execute_command("ACL", "SETUSER", "board", "on", ">s3cret", "~bull:*", "~board:*", "&*", "+@all")
    place = f"rediss://board:s3cret@127.0.0.1:{port}/0?ssl_ca_certs={certificates.authority}"
    site = make_site(connections=(("safe", place),))
    theirs = Jobs(site.service.others["safe"].connection)
    theirs.failed("there")
    browser = site.signed_in()

    page = browser.get("/c/safe/q/mail/failed")
    browser.post("/c/safe/q/mail/job/there/retry")

    assert "there" in page.text
    assert "s3cret" not in page.text
    assert theirs.state("there") is JobState.WAITING


def test_a_server_that_is_down_hides_no_other(pair: Site, other: Server) -> None:
    browser = pair.signed_in()
    other.stop()

    gone, here = browser.get("/c/eu/"), browser.get("/")
    other.start()
    wait_until(lambda: browser.get("/c/eu/").status_code == 200, "the second server's pages")

    assert gone.status_code == 503
    assert here.status_code == 200
    assert "did not answer" in text_of(soup(here).select_one("#connections"))
    assert "did not answer" not in text_of(soup(browser.get("/")).select_one("#connections"))


def test_the_others_can_be_looked_at_while_the_first_is_down(make_site: MakeSite, fresh_server: MakeServer) -> None:
    """Who is signed in cannot be checked then, nor an action recorded: looking goes on, acting does not."""
    first, second = fresh_server(), fresh_server()
    site = make_site(redis_url=first.url, connections=(("eu", second.url),))
    theirs = Jobs(site.service.others["eu"].connection)
    theirs.failed("there")
    browser = site.signed_in()
    stranger = site.browser()
    first.stop()

    page = browser.get("/c/eu/q/mail/failed")
    refused = browser.post("/c/eu/q/mail/job/there/retry")

    assert page.status_code == 200
    assert "there" in page.text
    assert refused.status_code == 403
    assert theirs.state("there") is JobState.FAILED
    assert browser.get("/").status_code == 503
    assert stranger.get("/c/eu/").status_code in {303, 503}
    assert "/c/eu/q/mail" not in stranger.get("/c/eu/").text


def test_one_sign_in_is_for_all_servers_and_ends_for_all(pair: Site) -> None:
    pair.signed_in()
    browser = pair.browser()
    browser.get("/c/eu/login")

    signed_in = browser.post("/c/eu/login", {"name": "admin", "password": "correct horse battery"})
    pages = [browser.get("/").status_code, browser.get("/c/eu/").status_code]
    browser.post("/logout")

    assert signed_in.headers["Location"] == "/c/eu/"
    assert pages == [200, 200]
    assert browser.get("/c/eu/").headers["Location"].startswith("/c/eu/login")


def test_below_a_base_path_too(make_site: MakeSite, other: Server) -> None:
    site = make_site(connections=(("eu", other.url),), base_path="/admin")
    browser = site.browser()
    browser.get("/admin/login")
    browser.post("/admin/login", {"name": "admin", "password": "correct horse battery"})
    site.service.prepare(signs_in=True)

    page = browser.get("/admin/c/eu/")

    assert page.status_code == 200
    assert [a["href"] for a in soup(page).select("#connections a")] == ["/admin/", "/admin/c/eu/"]
    assert browser.get("/admin/c/eu").headers["Location"] == "/admin/c/eu/"


def test_a_name_that_nobody_gave_leads_nowhere(pair: Site) -> None:
    assert pair.signed_in().get("/c/us/").status_code == 404


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("redis://eu:6379/0", "must be names and addresses"),
        ("eu=http://eu", "has an address for eu that must begin with one of"),
        ("eu=redis://a eu=redis://b", "names eu twice"),
        ("e/u=redis://a", "must be names and addresses"),
    ],
)
def test_a_list_that_makes_no_sense_stops_the_start(text: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        from_environment({"REDIS_URL": "redis://localhost", "BOARD_CONNECTIONS": text})


def test_no_password_of_another_server_is_shown() -> None:
    settings = from_environment({"REDIS_URL": "redis://localhost", "BOARD_CONNECTIONS": "eu=redis://:secret@eu:6379"})

    assert "secret" not in repr(settings)
