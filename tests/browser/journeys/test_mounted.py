"""The board as a part of somebody else's application, below a path of theirs."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from board.config import Settings
from tests.browser.journeys.conftest import Board, Person
from tests.queries.jobs import AWKWARD_ID, NOW, Filler
from tests.web.site import Site

pytestmark = pytest.mark.browser


def test_a_board_below_a_path_of_a_host_is_walked_without_leaving_it(
    serve: Callable[[Any], str], quiet_page: Page, redis_url: str, mail: Filler
) -> None:
    page = quiet_page
    host = Flask("host")
    host.add_url_rule("/", "home", lambda: "<!doctype html><html lang=en><title>Host</title><h1>The host</h1>")
    site = Site(Settings(redis_url=redis_url, admin_password="not used here", live_seconds=1))
    outside: list[str] = []
    for n in range(25):
        mail.failed(f"job-{n:02}", NOW - n)
    mail.failed(AWKWARD_ID, NOW + 1)
    address = serve(DispatcherMiddleware(host, {"/admin/queues": site.app}))
    person = Person(page, Board(site, f"{address}/admin/queues"))
    page.on("request", lambda request: outside.append(request.url) if "/admin/queues/" not in request.url else None)

    person.sign_in()
    page.get_by_role("link", name="Open 26 failed").click()
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("link", name="First page").click()
    page.get_by_role("link", name=AWKWARD_ID).click()
    page.get_by_role("link", name="Open as page").click()
    page.locator("#job-actions").get_by_role("button", name="Retry").click()
    person.told(f"Retried job {AWKWARD_ID}.")
    person.wait_for_tick()
    page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name="Failures").click()
    page.get_by_role("navigation", name="Operations").get_by_role("link", name="Audit log").click()
    expect(page.get_by_role("main")).to_contain_text(AWKWARD_ID)
    page.get_by_role("button", name="dana").click()
    page.get_by_role("button", name="Sign out").click()

    expect(page).to_have_url(re.compile("/admin/queues/login"))
    assert outside == []
    site.close()
