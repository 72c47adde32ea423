"""A scheduler is made in a browser: what it would run is seen while its pattern is typed, and saved at one press."""

import pytest
from playwright.sync_api import expect

from board.engine.commands.schedulers import read_record
from tests.browser.journeys.conftest import Person
from tests.queries.conftest import MAIL
from tests.queries.jobs import Filler

pytestmark = pytest.mark.browser


def test_the_runs_are_seen_while_a_pattern_is_typed(person: Person, mail: Filler) -> None:
    mail.waiting("1")
    person.sign_in("/q/mail/schedulers/new")
    page = person.page
    preview = page.locator("#preview")
    expect(preview).to_contain_text("The next five runs are shown here")

    page.get_by_label("Id", exact=False).first.fill("weekly")
    page.get_by_label("Pattern", exact=False).last.type("0 9 * * 1")
    expect(preview).to_contain_text("It would run: Every Monday at 09:00")
    expect(preview.locator("tbody tr")).to_have_count(5)
    expect(preview.locator("time[data-local]").first).to_contain_text("UTC")
    expect(page.get_by_label("Pattern", exact=False).last).to_be_focused()

    page.get_by_label("Pattern", exact=False).last.fill("0 9 * * nonsense")
    expect(preview.locator("tbody tr")).to_have_count(0)
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    page.get_by_label("Pattern", exact=False).last.fill("30 6 * * *")
    expect(preview).to_contain_text("Every day at 06:30")

    page.get_by_role("button", name="Save").click()
    person.told("Saved scheduler weekly.")
    record = person.board.site.service.connection.call(read_record(MAIL, "weekly"))
    assert record["pattern"] == "30 6 * * *"


def test_removing_a_scheduler_is_asked_over_its_page(person: Person, mail: Filler) -> None:
    mail.waiting("1")
    person.sign_in("/q/mail/schedulers/new")
    page = person.page
    page.get_by_label("Id", exact=False).first.fill("weekly")
    page.get_by_label("Pattern", exact=False).last.type("0 9 * * 1")
    page.get_by_role("button", name="Save").click()
    person.told("Saved scheduler weekly.")

    page.get_by_role("button", name="Remove").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Remove scheduler weekly of mail")
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Remove").click()
    dialog.get_by_role("button", name="Remove").click()
    person.told("Removed scheduler weekly.")
