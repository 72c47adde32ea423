"""What is remembered from one page to the next is never that of another mount point, another role or another time."""

from collections.abc import Callable

import pytest
from flask import url_for

from board.engine.commands.leases import fail_job
from board.service import wall_clock_ms
from board.web import render
from board.web.remembered import Remembered
from board.web.urls import in_query, link
from tests.web.site import TOKEN, Site, soup


def test_links_follow_the_mount_point(make_site: Callable[..., Site]) -> None:
    site = make_site()
    site.jobs.failed("job-1")
    viewer = site.signed_in()
    at_root = soup(viewer.get("/")).select_one("#queue-mail a")

    viewer.environ["SCRIPT_NAME"] = "/mounted"
    viewer.sign_in("admin")
    below = soup(viewer.get("/")).select_one("#queue-mail a")

    assert at_root is not None
    assert below is not None
    assert (at_root["href"], below["href"]) == ("/q/mail", "/mounted/q/mail")


def test_a_line_shows_what_its_reader_may_do(site: Site) -> None:
    site.jobs.failed("job-1")

    lines = {role: soup(site.signed_in(role).get("/")).select_one("#queue-mail") for role in ("admin", "viewer")}

    assert "Your role is viewer" in str(lines["viewer"])
    assert "Your role" not in str(lines["admin"])


def test_a_line_changes_with_its_queue(site: Site) -> None:
    site.jobs.failed("job-1")
    browser = site.signed_in()
    browser.get("/")

    browser.post("/q/mail/pause")

    line = soup(browser.get("/")).select_one("#queue-mail")
    assert "Paused" in str(line)


def test_the_menus_around_a_page_are_remembered_for_each_reader_and_place(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = Remembered()
    monkeypatch.setattr(render, "_PIECES", pieces)
    menus, tabs = {}, {}
    for role in ("admin", "viewer", "admin"):
        browser = site.signed_in(role)
        browser.get("/workers")
        before = len(pieces)
        page = soup(browser.get("/workers"))
        assert len(pieces) == before >= 7, "head, two parts of the sidebar, the tab bar, two of the account, keys"
        menus[role] = [one.get_text(strip=True) for one in page.select("#account a")]
        for path in ("/failures", "/workers"):
            tabs[path] = [str(one["data-place"]) for one in soup(browser.get(path)).select(".tab-bar [aria-current]")]

    assert {"Users", "API tokens", "Audit log"} <= set(menus["admin"])
    assert not {"Users", "API tokens", "Audit log"} & set(menus["viewer"])
    assert tabs == {"/failures": ["failures"], "/workers": ["workers"]}


@pytest.mark.parametrize(
    "job_id", ["7", "a/b", "..", "", "50% & more?=#1", "käse", "(a),[b]", "repeat:x:1'\"", "a b+c"]
)
def test_the_address_of_any_job_is_the_one_that_flask_builds(site: Site, job_id: str) -> None:
    """Those of all jobs are built once, with a place for the id: in a path it is spelled otherwise than in a query."""
    with site.app.test_request_context("/"):
        found = [link("jobs.retry", queue="mail", job_id=one) for one in ("1", job_id)]
        beside = link("queues.state", queue="mail", state="failed", q="x", job="") + in_query(job_id)

        assert found == [url_for("jobs.retry", queue="mail", job_id=one) for one in ("1", job_id)]
        assert beside == url_for("queues.state", queue="mail", state="failed", q="x", job=job_id)


def test_a_line_of_a_job_shows_what_its_reader_may_do(site: Site) -> None:
    site.jobs.failed("job-1")

    lines = {
        role: soup(site.signed_in(role).get("/q/mail/failed")).select_one("#job-mail-job-1")
        for role in ("admin", "viewer")
    }

    assert "Your role is viewer" in str(lines["viewer"])
    assert "Your role" not in str(lines["admin"])


def test_a_line_of_a_job_changes_with_it(site: Site) -> None:
    site.jobs.failed("job-1", reason="no such recipient")
    browser = site.signed_in()
    browser.get("/q/mail/failed")
    browser.post("/q/mail/job/job-1/retry")

    site.jobs.take()
    site.service.connection.call(
        fail_job(
            site.jobs.queue,
            "job-1",
            token=TOKEN,
            reason="mailbox full",
            stacktrace=[],
            now_ms=wall_clock_ms(),
            attempts=1,
        )
    )

    line = soup(browser.get("/q/mail/failed")).select_one("#job-mail-job-1")
    assert "mailbox full" in str(line)
    assert "no such recipient" not in str(line)


def test_a_line_that_is_very_long_is_shown_and_not_remembered(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing bounds the length of an id."""
    pieces = Remembered()
    monkeypatch.setattr(render, "_PIECES", pieces)
    site.jobs.failed("job-1")
    browser = site.signed_in()
    browser.get("/q/mail/waiting")  # the shell and the dialogs are remembered
    site.jobs.waiting("x" * 5_000)
    before = len(pieces)

    lines = [soup(browser.get("/q/mail/waiting")).select("tbody tr") for _ in range(2)]

    assert [len(one) for one in lines] == [1, 1]
    assert "x" * 5_000 in str(lines[1][0])
    assert len(pieces) == before > 0
