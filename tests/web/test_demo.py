"""What somebody sees who starts the demo: nothing has to be waited for."""

import pytest

from board.dev.seeds import seed
from board.dev.workers import LINES
from board.engine.commands.schedulers import count_schedulers
from board.engine.keys import QueueKeys
from tests.web.site import Browser, Site, soup, text_of


@pytest.fixture
def demo(site: Site) -> Browser:
    own = site.service
    seed(own.connection, own.namespace, "bull", own.clock())
    own.sources.forget()
    return site.signed_in()


def rows(browser: Browser, path: str) -> list[str]:
    return [text_of(row) for row in soup(browser.get(path)).select("main tbody tr")]


def test_two_of_the_rules_of_the_demo_fire(demo: Browser) -> None:
    firing = [text_of(one) for one in soup(demo.get("/alerts")).select("main .checks summary")]

    assert [line.split(" for ")[0] for line in firing[1:]] == [
        "Warn Nobody sends the newsletter mail.newsletter has 0 workers while 40 jobs wait,"
    ]
    assert firing[0].startswith("Fires Charges fail billing.charge failed ")


def test_schedulers_of_the_demo_ran_failed_and_are_paused(demo: Browser) -> None:
    found = rows(demo, "/schedulers")

    assert len(found) == 5
    assert sum("Completed" in row for row in found) == 2
    assert sum("PuppeteerTimeoutError" in row or "Failed" in row for row in found) == 1
    assert sum("Paused" in row for row in found) == 1


def test_the_busy_workers_of_the_demo_push_no_runs_out_for_hours(demo: Browser, site: Site) -> None:
    """Completed jobs are kept by number, and those of a scheduler share it with all others of the queue."""
    scheduled = {
        line.queue for line in LINES if site.service.connection.call(count_schedulers(QueueKeys("bull", line.queue)))
    }

    hours = {line.queue: line.kept * line.every_s / 3_600 for line in LINES if line.queue in scheduled}
    assert hours.keys() == {"billing.invoice", "hooks.deliver"}
    assert min(hours.values()) > 3
