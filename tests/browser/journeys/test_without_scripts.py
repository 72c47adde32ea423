"""Reading and the main actions work in a browser that runs no scripts."""

from collections.abc import Callable, Iterator
from threading import Event

import pytest
from playwright.sync_api import Browser, expect

from board.background import Turn
from board.bulk import Runner
from board.service import wall_clock_ms
from tests.browser.journeys.conftest import Board, Person
from tests.queries.jobs import NOW, Filler
from tests.recorder.conftest import Process

pytestmark = pytest.mark.browser


@pytest.fixture
def plain_person(browser: Browser, make_board: Callable[..., Board]) -> Iterator[Person]:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 800})
    yield Person(context.new_page(), make_board())
    context.close()


def test_every_page_can_be_reached_by_links(plain_person: Person, mail: Filler) -> None:
    page = plain_person.page
    mail.failed("broken-one")
    mail.parent("parent")
    mail.child(mail.waiting("child"), "parent")
    plain_person.sign_in()

    page.get_by_role("region", name="Queues").get_by_role("link", name="mail", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("mail")
    page.get_by_role("link", name="broken-one").first.click()
    expect(page.locator("#panel")).to_contain_text("GatewayTimeoutError")
    page.get_by_role("link", name="Close panel").click()
    page.get_by_role("navigation", name="Parts of this queue").get_by_role("link", name="Waiting for children").click()
    expect(plain_person.row("parent")).to_have_count(1)
    page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name="Failures").click()
    expect(plain_person.row("broken-one")).to_have_count(1)
    page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name="Flows").click()
    page.get_by_role("main").get_by_role("link", name="send").first.click()
    expect(page.get_by_text("child").first).to_be_visible()


def test_jobs_are_retried_removed_and_promoted(plain_person: Person, mail: Filler) -> None:
    page = plain_person.page
    for n in range(4):
        mail.failed(f"job-{n}", NOW - n)
    mail.delayed("later", 4_000_000_000_000)
    plain_person.sign_in("/q/mail/failed")

    page.get_by_label("Select job job-0").check()
    page.get_by_label("Select job job-1").check()
    page.get_by_role("region", name="Selection").get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Remove 2 jobs").click()
    plain_person.told("Removed 2 jobs.")
    plain_person.open("/q/mail/job/job-2")
    page.locator("#job-actions").get_by_role("button", name="Retry").click()
    plain_person.told("Retried job job-2.")
    plain_person.open("/q/mail/job/later")
    page.locator("#job-actions").get_by_role("button", name="Promote").click()
    plain_person.told("Promoted job later.")

    assert mail.client.zrange(mail.key("failed"), 0, -1) == ["job-3"]
    assert set(mail.client.lrange(mail.key("wait"), 0, -1)) == {"job-2", "later"}


def test_a_search_and_a_page_of_results_need_no_scripts(plain_person: Person, mail: Filler) -> None:
    page = plain_person.page
    for n in range(25):
        mail.completed(f"job-{n:02}", NOW + n)
    plain_person.sign_in("/q/mail/completed")

    expect(page.locator("tbody tr")).to_have_count(20)
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("tbody tr")).to_have_count(5)
    page.locator("#search").fill("job-07")
    page.locator("#search").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(plain_person.row("job-07")).to_have_count(1)


def test_a_failure_is_found_understood_and_mended(plain_person: Person, mail: Filler) -> None:
    """The way of somebody at 3 am: the queue that fails, the error most of it has, the job, its retry."""
    page = plain_person.page
    for n in range(3):
        mail.failed(f"job-{n}", NOW - n)
    plain_person.sign_in()

    page.get_by_role("region", name="Queues").get_by_role("link", name="mail", exact=True).click()
    page.get_by_role("navigation", name="Errors in this list").get_by_role("link", name="GatewayTimeoutError").click()
    page.get_by_role("link", name="job-1").first.click()
    expect(page.locator("#panel")).to_contain_text("POST /v1/charges took longer than 10000 ms")
    expect(page.locator("#panel #stack")).to_contain_text("charge.ts:64")
    page.locator("#panel #job-actions").get_by_role("button", name="Retry").first.click()
    plain_person.told("Retried job job-1.")

    assert mail.client.lrange(mail.key("wait"), 0, -1) == ["job-1"]


def test_the_failures_of_a_queue_are_retried_by_their_cause(plain_person: Person, mail: Filler) -> None:
    """Sign in, find the failing queue, open the group, read the error, retry it."""
    page, site = plain_person.page, plain_person.board.site
    for n in range(12):
        mail.failed(f"job-{n}", wall_clock_ms() - n)
    recorder = Process(site.service)
    recorder.catch_up()
    plain_person.sign_in()

    page.get_by_role("region", name="Queues").get_by_role("link", name="mail", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("mail")
    page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name="Failures").click()
    page.get_by_role("link", name="GatewayTimeoutError", exact=True).click()
    expect(page.get_by_role("region", name="Cause")).to_contain_text("POST <path> took longer than")
    expect(page.get_by_role("region", name="Newest stack trace")).to_contain_text("charge.ts:64")
    page.get_by_role("link", name="Retry 12").click()
    page.get_by_role("button", name="Retry 12 jobs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Retry jobs of mail")
    Runner(site.service.desk, site.service.namespace).step(Turn(1, is_first=True, keep=lambda: None, ending=Event()))
    page.reload()
    expect(page.locator("dl.facts")).to_contain_text("Retried12")

    assert len(set(mail.client.lrange(mail.key("wait"), 0, -1))) == 12
    assert mail.client.zcard(mail.key("failed")) == 0


def test_settings_pins_and_filters_are_kept(plain_person: Person, mail: Filler) -> None:
    page = plain_person.page
    mail.failed("job-0")
    plain_person.sign_in("/settings")

    page.get_by_label("Theme").select_option("dark")
    page.get_by_label("Density").select_option("compact")
    page.get_by_label("Time zone").fill("Europe/Madrid")
    page.get_by_role("button", name="Save").click()
    plain_person.told("Saved your settings.")
    expect(page.locator("html[data-theme=dark][data-density=compact]")).to_have_count(1)
    plain_person.open("/q/mail/failed?q=name:send")
    page.get_by_role("button", name="Save filter").click()
    page.get_by_label("Name of the filter").fill("Sent")
    page.get_by_role("button", name="Save", exact=True).click()
    plain_person.told("Saved the filter Sent.")
    page.get_by_role("button", name="Actions for this queue").click()
    page.get_by_role("button", name="Pin to overview and sidebar").click()
    plain_person.told("Pinned mail.")

    pinned = page.get_by_role("navigation", name="Pinned")
    expect(pinned.get_by_role("link", name="mail")).to_have_count(1)
    pinned.get_by_role("link", name="Sent").click()
    expect(plain_person.row("job-0")).to_have_count(1)


def test_a_scheduler_is_made_paused_and_resumed(plain_person: Person, mail: Filler) -> None:
    page = plain_person.page
    mail.waiting("one")
    plain_person.sign_in("/q/mail/schedulers/new")

    page.locator("input[name=id]").fill("tick")
    page.locator("input[name=pattern]").fill("0 9 * * 1-5")
    page.get_by_role("button", name="Preview the runs").click()
    expect(page.get_by_role("heading", name="It would run: Weekdays at 09:00")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    plain_person.told("Saved scheduler tick.")
    page.get_by_role("button", name="Pause").click()
    plain_person.told("Paused scheduler tick.")
    assert mail.client.exists(mail.key("repeat")) == 0
    page.get_by_role("button", name="Resume").click()
    plain_person.told("Resumed scheduler tick.")

    assert mail.client.zrange(mail.key("repeat"), 0, -1) == ["tick"]


def test_a_text_is_found_in_the_data_of_a_job(plain_person: Person, mail: Filler) -> None:
    page = plain_person.page
    mail.failed("1a", data='{"customer": {"mail": "ann@example.org"}, "n": 1}')
    plain_person.sign_in("/q/mail/job/1a")

    field = page.get_by_role("search", name="Find in the data").get_by_label("Find in the data")
    field.fill("ANN@")
    field.press("Enter")
    page.get_by_role("link", name="customer.mail").click()

    expect(page.locator("#value-tree")).to_contain_text("ann@example.org")
