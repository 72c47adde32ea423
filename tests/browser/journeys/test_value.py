"""A large payload: seen at its beginning, searched, opened, and a path copied from it."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.journeys.conftest import Person
from tests.queries.jobs import Filler

pytestmark = pytest.mark.browser

ORDER = {"customer": {"mail": "ann@example.org"}, "items": [{"sku": f"a-{n}", "note": "x" * 80} for n in range(900)]}


def test_a_line_of_the_tree_tells_its_path_and_leads_to_its_part(person: Person, mail: Filler) -> None:
    page = person.page
    mail.failed("1a", data=json.dumps(ORDER))
    person.sign_in("/q/mail/job/1a")
    page.locator("#live-control").click()

    page.locator("#data").get_by_role("link", name=re.compile("^Open all")).click()
    page.locator("#value-tree").get_by_text("array, 900 items").click()
    page.locator("#value-tree").get_by_text("object, 2 keys").nth(3).click()
    page.locator("#value-tree").get_by_text("a-2", exact=False).first.click()

    expect(page.locator("[data-pick] code")).to_have_text("items[2].sku")
    expect(page.locator("[data-pick-path]")).to_have_attribute("data-copy", "items[2].sku")
    expect(page.locator("[data-pick-value]")).to_have_attribute("data-copy", '"a-2"')
    page.locator("[data-pick-open]").click()
    expect(page.locator(".steps b")).to_have_text("sku")
