"""A flow in front of somebody: walked by keys, folded, and one of its jobs looked at and retried."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.journeys.conftest import Person
from tests.queries.jobs import NOW, Filler

pytestmark = pytest.mark.browser


@pytest.fixture
def reader(person: Person, mail: Filler) -> Person:
    mail.parent("root", name="publish")
    mail.parent("middle", name="render")
    mail.child("middle", "root")
    mail.child(mail.failed("bad", NOW, name="segment"), "middle")
    mail.child(mail.waiting("open", name="upload"), "root")
    person.sign_in("/flows/mail/root")
    return person


def test_arrow_keys_move_fold_and_unfold(reader: Person) -> None:
    page = reader.page
    keys = page.keyboard
    row = {name: page.get_by_role("row").filter(has_text=name) for name in ("publish", "render", "segment", "upload")}

    row["publish"].focus()
    keys.press("ArrowDown")
    expect(row["render"]).to_be_focused()
    keys.press("ArrowLeft")
    expect(row["render"]).to_have_attribute("aria-expanded", "false")
    expect(row["segment"]).to_be_hidden()
    reader.wait_for_tick()
    expect(row["segment"]).to_be_hidden()
    keys.press("ArrowDown")
    expect(row["upload"]).to_be_focused()
    keys.press("ArrowUp")
    keys.press("ArrowRight")
    expect(row["segment"]).to_be_visible()
    keys.press("ArrowRight")
    expect(row["segment"]).to_be_focused()
    keys.press("ArrowLeft")
    expect(row["render"]).to_be_focused()
    keys.press("End")
    expect(row["upload"]).to_be_focused()


def test_a_job_is_selected_explained_and_retried(reader: Person, mail: Filler) -> None:
    page = reader.page
    page.get_by_role("link", name="segment", exact=True).click()

    expect(page).to_have_url(re.compile("/flows/mail/bad$"))
    inspector = page.get_by_role("region", name="segment")
    expect(inspector).to_contain_text("render, then publish. They wait until this job completes")
    inspector.get_by_role("button", name="Retry").click()

    reader.told("Retried job bad.")
    assert "bad" in mail.client.lrange(mail.key("wait"), 0, -1)


def test_only_the_failed_ones_are_shown(reader: Person) -> None:
    page = reader.page
    page.get_by_role("link", name="Failed 1").click()

    expect(page.get_by_role("row").filter(has_text="upload")).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text="segment")).to_have_count(1)


def test_a_failure_is_ignored_after_asking_and_its_parent_goes_on(
    reader: Person, mail: Filler, axe: Callable[[Page], list[str]]
) -> None:
    page = reader.page
    page.get_by_role("link", name="segment", exact=True).click()
    inspector = page.get_by_role("region", name="segment")
    inspector.get_by_role("button", name="Ignore and let the parent finish").click()

    expect(page.get_by_role("heading", level=2)).to_contain_text("Ignore the failure of segment and let render finish")
    expect(page.locator("#outlook")).to_contain_text("the parent becomes waiting at once")
    expect(page.get_by_role("link", name="Cancel")).to_be_focused()
    assert axe(page) == []
    page.get_by_role("textbox", name="Reason").fill("not needed")
    page.get_by_role("button", name="Ignore the failure").click()

    reader.told("Ignored the failure of job bad: its parent is in line to run.")
    expect(page).to_have_url(re.compile("/flows/mail/bad$"))
    refused = page.get_by_role("region", name="segment").get_by_role("button", name="Ignore and let the parent finish")
    expect(refused).to_have_attribute("title", "its parent ignores it already")
    assert mail.client.lrange(mail.key("wait"), 0, -1)[-1] == "middle"
