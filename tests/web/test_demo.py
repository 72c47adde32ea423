"""What somebody sees who starts the demo: nothing has to be waited for."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from board.dev.seeds import seed
from board.dev.workers import LINES
from board.engine.commands.schedulers import count_schedulers
from board.engine.keys import QueueKeys
from tests.web.site import Browser, Site, soup, text_of


def sweep_before(now_ms: int) -> int:
    """Return when the sweep of dead endpoints ran last: a minute past every quarter."""
    return (now_ms - 60_000) // 900_000 * 900_000 + 60_000


def night_before(now_ms: int) -> int:
    """Return when the nightly report ran last: at half past two in Berlin."""
    now = datetime.fromtimestamp(now_ms / 1_000, ZoneInfo("Europe/Berlin"))
    night = now.replace(hour=2, minute=30, second=0, microsecond=0)
    return int((night if night <= now else night - timedelta(days=1)).timestamp() * 1_000)


@pytest.fixture
def demo(site: Site) -> Browser:
    own = site.service
    seed(own.connection, own.namespace, "bull", own.clock())
    own.sources.forget()
    return site.signed_in()


@pytest.mark.parametrize("after_ms", [-1, 0, 1, 999, 1_000, 1_001])
@pytest.mark.parametrize("last_moment_ms", [sweep_before, night_before])
def test_the_demo_is_planted_at_any_moment(site: Site, last_moment_ms: Callable[[int], int], after_ms: int) -> None:
    """Also in the second after a moment of a scheduler, in which no run has begun yet."""
    own = site.service

    planted = seed(own.connection, own.namespace, "bull", last_moment_ms(own.clock()) + after_ms)

    assert planted.queues == 11


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
