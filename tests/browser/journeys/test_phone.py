"""A telephone at night: nothing that is needed then is out of sight or out of reach."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.journeys.conftest import Person
from tests.queries.jobs import NOW, Filler

pytestmark = pytest.mark.browser


@pytest.fixture
def caller(person: Person, mail: Filler) -> Person:
    """Somebody with a telephone, in front of three failed jobs."""
    person.page.set_viewport_size({"width": 390, "height": 844})
    for n in range(3):
        mail.failed(f"job-{n}", NOW - n)
    person.sign_in("/q/mail/failed")
    return person


def is_whole(element: Locator) -> bool:
    """Whether all of an element is within the window, and nothing lies over its middle."""
    return bool(
        element.evaluate(
            """element => {
              const { left, right, top, bottom } = element.getBoundingClientRect()
              const within = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight
              const above = document.elementFromPoint((left + right) / 2, (top + bottom) / 2)
              return within && (element.contains(above) || above?.contains(element))
            }"""
        )
    )


def test_the_open_tab_is_in_sight_and_all_else_of_the_queue_is_a_tap_away(caller: Person) -> None:
    page = caller.page
    tabs = page.get_by_role("navigation", name="Parts of this queue")
    expect(tabs.get_by_role("link", name="Failed 3")).to_be_in_viewport(ratio=0.9)

    tabs.get_by_role("button", name="More of this queue").click()
    tabs.get_by_role("link", name="Limits").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Limits")
    tabs.get_by_role("button", name="More of this queue").click()
    expect(tabs.get_by_role("link", name="Metrics")).to_be_visible()
    expect(tabs.get_by_role("link", name="Schedulers 0")).to_be_visible()


def test_the_name_of_a_queue_has_the_room_that_there_is(caller: Person, mail: Filler) -> None:
    """A long name stands on one line beside the number of failed jobs."""
    Filler(mail.client, "accounting.transactional").open().failed("x")
    caller.page.goto(caller.board.address)
    name = caller.page.locator(".queues").get_by_role("link", name="accounting.transactional")
    expect(name).to_be_visible()

    assert name.evaluate("link => link.offsetHeight < 2 * parseFloat(getComputedStyle(link).fontSize)")


def test_a_job_is_opened_by_its_id_and_a_list_is_turned_round(caller: Person) -> None:
    page = caller.page

    page.get_by_role("link", name="Newest first").click()
    expect(page).to_have_url(re.compile("sort=oldest"))
    page.get_by_role("button", name="Go to id").click()
    page.get_by_label("Exact job id").fill("job-2")
    page.get_by_role("button", name="Open job").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Job job-2")


def test_all_failed_jobs_are_retried_from_the_list(caller: Person) -> None:
    caller.page.get_by_role("link", name="Retry all 3").click()

    expect(caller.page.get_by_role("button", name="Retry 3 jobs")).to_be_visible()


@pytest.mark.parametrize("language", ["en", pytest.param("de", marks=pytest.mark.browser_context_args(locale="de-DE"))])
def test_every_button_of_the_dock_can_be_reached(caller: Person, language: str) -> None:
    page = caller.page
    page.locator("tbody input[type=checkbox]").first.check()
    buttons = page.locator(".dock > .button")
    expect(page.locator(".dock")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == language

    assert buttons.count() == 5
    assert [is_whole(button) for button in buttons.all()] == [True] * 5


def test_a_question_fits_its_dialog(caller: Person) -> None:
    page = caller.page
    page.get_by_label("Select job job-0").check()

    page.get_by_role("region", name="Selection").get_by_role("button", name="Remove").click()

    question = page.get_by_role("dialog", name="Remove 1 job of mail")
    expect(question).to_be_visible()
    parts = question.locator("h2, p, .ledger, .button").all()
    assert [is_whole(part) for part in parts] == [True] * len(parts)


def test_the_tab_bar_leads_to_workers_and_search_and_its_last_tab_to_all_else(caller: Person) -> None:
    page = caller.page
    bar = page.get_by_role("navigation", name="Main, phone")

    bar.get_by_role("link", name="Search").click()
    expect(page.get_by_role("dialog", name="Search or run")).to_be_visible()
    page.keyboard.press("Escape")
    bar.get_by_role("button", name="More").click()
    menu = page.locator("#account")
    for place in ("Flows", "Schedulers", "Metrics", "Health", "Alerts", "Audit log", "Settings"):
        expect(menu.get_by_role("link", name=place, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    bar.get_by_role("link", name="Workers").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Workers")


def test_the_head_of_a_queue_says_how_many_workers_it_has(caller: Person, mail: Filler) -> None:
    expect(caller.page.locator(".queue-facts")).to_contain_text("0 workers, 0 running")
