"""The board by keyboard alone."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.journeys.conftest import Person
from tests.queries.jobs import NOW, Filler

pytestmark = pytest.mark.browser


@pytest.fixture
def reader(person: Person, mail: Filler) -> Person:
    for n in range(5):
        mail.failed(f"job-{n}", NOW - n)
    person.sign_in("/q/mail/failed")
    return person


def test_a_list_is_walked_opened_and_closed(reader: Person) -> None:
    page = reader.page
    keys = page.keyboard

    keys.press("j")
    expect(page.get_by_role("link", name="job-0", exact=True)).to_be_focused()
    keys.press("j")
    keys.press("Enter")
    panel = page.get_by_role("complementary", name="Job job-1")
    expect(panel.get_by_role("heading", name="send")).to_be_focused()
    expect(page).to_have_url(re.compile("job=job-1"))
    keys.press("j")
    expect(page.get_by_role("complementary", name="Job job-2")).to_be_visible()
    keys.press("Escape")

    expect(page.locator("#panel")).to_have_count(0)
    expect(page.get_by_role("link", name="job-2", exact=True)).to_be_focused()


def test_jobs_are_selected_and_retried(reader: Person, mail: Filler) -> None:
    page = reader.page
    keys = page.keyboard
    for key in "jxjjx":
        keys.press(key)
    expect(page.get_by_role("region", name="Selection")).to_contain_text("2 selected")

    page.get_by_role("region", name="Selection").get_by_role("button", name="Retry").focus()
    keys.press("Enter")
    expect(page.get_by_role("button", name="Retry 2 jobs")).to_be_focused()
    keys.press("Enter")

    reader.told("Retried 2 jobs.")
    assert set(mail.client.lrange(mail.key("wait"), 0, -1)) == {"job-0", "job-2"}


def test_the_open_job_is_acted_on_by_its_keys(reader: Person, mail: Filler) -> None:
    page = reader.page
    keys = page.keyboard
    reader.open("/q/mail/job/job-1")

    keys.press("[")
    expect(page).to_have_url(re.compile("attempt=2"))
    keys.press("]")
    expect(page.locator("#stack [aria-current]")).to_have_text("Attempt 3, last")
    keys.press("j")
    expect(page.get_by_role("heading", level=1)).to_have_text("Job job-2")
    keys.press("k")
    expect(page.get_by_role("heading", level=1)).to_have_text("Job job-1")
    keys.press("Delete")
    question = page.get_by_role("dialog", name="Remove 1 job of mail")
    expect(question.get_by_role("link", name="Cancel")).to_be_focused()
    assert mail.client.exists(mail.key("job-1"))
    keys.press("Escape")
    expect(question).to_be_hidden()
    keys.press("e")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Edit")
    page.go_back()
    keys.press("r")

    reader.told("Retried")
    assert mail.client.lrange(mail.key("wait"), 0, -1) == ["job-1"]


def test_a_row_that_is_only_pointed_at_is_not_acted_on(reader: Person, mail: Filler) -> None:
    keys = reader.page.keyboard

    for key in ("j", "r", "d", "Delete"):
        keys.press(key)
    keys.press("j")

    expect(reader.page.get_by_role("link", name="job-1", exact=True)).to_be_focused()
    assert mail.client.zcard(mail.key("failed")) == 5


def test_the_keys_for_one_job_go_to_the_selection_where_there_is_one(reader: Person) -> None:
    for key in ("j", "x", "j", "x", "Delete"):
        reader.page.keyboard.press(key)

    question = reader.page.get_by_role("dialog", name="Remove 2 jobs of mail")
    expect(question.get_by_role("button", name="Remove 2 jobs")).to_be_visible()


def test_a_range_of_rows_is_selected(reader: Person) -> None:
    for key in ("j", "x", "j", "j", "Shift+X"):
        reader.page.keyboard.press(key)

    expect(reader.page.get_by_role("region", name="Selection")).to_contain_text("3 selected")


def test_single_keys_lead_around_and_are_letters_within_a_field(reader: Person) -> None:
    page = reader.page
    keys = page.keyboard

    keys.press("/")
    box = page.get_by_role("searchbox", name="Filter jobs")
    expect(box).to_be_focused()
    keys.type("gfjx?")
    expect(box).to_have_value("gfjx?")
    box.fill("")
    box.blur()
    keys.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_be_visible()
    keys.press("Escape")
    expect(sheet).to_be_hidden()
    page.clock.set_fixed_time(NOW / 1000)  # the second key must follow soon, however slow this machine is
    keys.press("g")
    keys.press("f")

    expect(page.get_by_role("heading", level=1)).to_have_text("Failures")


def test_single_keys_can_be_switched_off(reader: Person) -> None:
    page = reader.page
    page.keyboard.press("?")
    with page.expect_response("**/settings/keys"):
        page.get_by_label("Switch single keys off").check()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()

    page.keyboard.press("g")
    page.keyboard.press("f")
    page.keyboard.press("j")

    expect(page.get_by_role("heading", level=1)).to_have_text("mail")
    expect(page.get_by_role("link", name="job-0", exact=True)).not_to_be_focused()
    page.reload()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.goto(f"{reader.board.address}/settings")
    expect(page.get_by_label("Single keys are shortcuts")).not_to_be_checked()


def test_the_first_stop_skips_to_the_content(reader: Person) -> None:
    page = reader.page
    page.reload()

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("main")).to_be_focused()
