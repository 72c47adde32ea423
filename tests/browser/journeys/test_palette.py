"""The palette: a job by its id in a few keys, from anywhere."""

import pytest
from playwright.sync_api import expect

from tests.browser.journeys.conftest import Person
from tests.queries.jobs import Filler

pytestmark = pytest.mark.browser


def test_a_job_is_opened_by_its_id_with_the_keyboard_alone(person: Person, mail: Filler) -> None:
    mail.failed("order-7", 1_700_000_000_000)
    person.sign_in("/")
    page = person.page

    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Search or run")
    expect(dialog.get_by_role("link", name="Failures")).to_be_visible()
    page.keyboard.type("order-7")
    expect(dialog.get_by_role("link", name="order-7")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_role("link", name="order-7")).to_be_focused()
    page.keyboard.press("Enter")

    page.wait_for_url("**/q/mail/job/order-7")
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").get_by_role("button", name="Pause mail").click()
    person.told("Paused mail")
