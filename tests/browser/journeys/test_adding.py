"""A job is added: in a dialog over the list, and on a page where no script runs."""

import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import redis
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.journeys.conftest import Board, Person
from tests.queries.jobs import Filler

pytestmark = pytest.mark.browser

WELCOME = {
    "type": "object",
    "properties": {
        "userId": {"type": "integer", "minimum": 1, "description": "whom to greet"},
        "language": {"enum": ["en", "de"], "default": "en"},
    },
    "required": ["userId"],
}


@pytest.fixture
def asking(make_board: Callable[..., Board], quiet_page: Page, tmp_path: Path) -> Person:
    """Somebody in front of a board that knows what the data of jobs must be."""
    path = tmp_path / "schemas.json"
    entries: list[dict[str, Any]] = [
        {"queue": "mail", "job": "welcome", "schema": WELCOME},
        {"queue": "mail", "job": "bye", "schema": {"type": "object"}},
    ]
    path.write_text(json.dumps(entries))
    return Person(quiet_page, make_board(schemas=str(path)))


def opened(person: Person) -> Locator:
    """Choose Add job on the page of the queue."""
    person.page.get_by_role("link", name="Add job").click()
    dialog = person.page.get_by_role("dialog", name="Add a job to mail")
    expect(dialog.get_by_label("Job name")).to_be_focused()
    return dialog


def test_a_job_is_added_over_the_list_which_then_tells_of_it(person: Person, mail: Filler) -> None:
    mail.waiting("1a")
    person.sign_in("/q/mail/waiting?sort=newest")

    dialog = opened(person)
    dialog.get_by_label("Job name").fill("send")
    dialog.get_by_label("Data, as JSON").fill('{"to": "ann"}')
    dialog.get_by_text("Options", exact=True).click()
    dialog.get_by_label("Job id").fill("order-7")
    dialog.get_by_role("button", name="Add job").click()

    person.told("Added job order-7.")
    expect(dialog).to_be_hidden()
    expect(person.page.get_by_text("new waiting job, show")).to_be_visible()
    assert person.page.url.endswith("/q/mail/waiting?sort=newest")
    expect(person.page.get_by_role("link", name="Add job")).to_be_focused()
    person.page.locator("[data-toast]").get_by_role("link", name="order-7").click()
    expect(person.page.get_by_role("heading", level=1)).to_contain_text("order-7")


def test_the_fields_of_a_row_begin_at_one_height(person: Person, mail: Filler) -> None:
    mail.waiting("1a")
    person.sign_in("/q/mail/waiting")

    dialog = opened(person)
    dialog.get_by_text("Options", exact=True).click()
    fields = [dialog.locator(f"[name={name}]") for name in ("delay", "priority")]
    tops = [box["y"] for field in fields if (box := field.bounding_box())]
    dialog.get_by_label("Job name").fill("send")
    fields[0].fill("999999999")
    dialog.get_by_role("button", name="Add job").click()
    expect(dialog.get_by_text("A length of time is a whole number from 0 to 31,622,400, not")).to_be_visible()
    unit = dialog.locator("[name=delay_unit]").bounding_box()
    delay = fields[0].bounding_box()

    assert len(set(tops)) == 1
    assert delay is not None
    assert unit is not None
    assert unit["x"] > delay["x"]
    assert abs(unit["y"] - delay["y"]) < 8


@pytest.mark.parametrize("width", [1440, 390])
def test_no_field_of_the_page_lies_over_another(person: Person, mail: Filler, width: int) -> None:
    mail.waiting("1a")
    person.page.set_viewport_size({"width": width, "height": 900})
    person.sign_in("/q/mail/add")
    person.page.get_by_text("Options", exact=True).click()

    boxes = [box for field in person.page.locator("fieldset .field").all() if (box := field.bounding_box())]
    assert len(boxes) > 15
    for one, other in combinations(boxes, 2):
        beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        above = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        assert beside or above, (one, other)


def test_what_is_wrong_comes_back_inside_the_dialog_with_all_that_was_typed(
    asking: Person, mail: Filler, redis_client: redis.Redis
) -> None:
    mail.waiting("1a")
    asking.sign_in("/q/mail/waiting")

    dialog = opened(asking)
    dialog.get_by_text("What the data of jobs named welcome must be").click()
    expect(dialog.get_by_text("whom to greet")).to_be_visible()
    dialog.get_by_role("link", name="Begin with the data of welcome").click()
    data = dialog.get_by_label("Data, as JSON")
    expect(data).to_have_value('{\n  "userId": 1,\n  "language": "en"\n}')
    expect(dialog.get_by_label("Job name")).to_have_value("welcome")
    data.fill('{"language": "fr"}')
    dialog.get_by_role("button", name="Add job").click()

    faults = dialog.locator("#data-faults li")
    expect(faults).to_have_text(['language must be one of "en", "de"', "userId is missing"])
    expect(data).to_be_focused()
    expect(data).to_have_value('{"language": "fr"}')
    assert redis_client.llen("bull:mail:wait") == 1

    data.fill('{"userId": 7}')
    dialog.get_by_role("button", name="Add job").click()
    asking.told("Added job")
    expect(dialog).to_be_hidden()
    assert redis_client.llen("bull:mail:wait") == 2


@pytest.mark.parametrize("answer", [None, "<title>502 Bad Gateway</title>"])
def test_a_job_whose_answer_is_lost_is_not_added_twice(
    person: Person, mail: Filler, redis_client: redis.Redis, answer: str | None
) -> None:
    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)
        if answer is None:
            route.abort()
        else:
            route.fulfill(status=502, content_type="text/html", body=answer)

    mail.waiting("1a")
    person.sign_in("/q/mail/waiting")
    dialog = opened(person)
    dialog.get_by_label("Job name").fill("send")
    person.page.route("**/q/mail/add", lose)

    dialog.get_by_role("button", name="Add job").click()

    expect(dialog.get_by_role("alert")).to_have_text(
        "No answer came. The job may have been added: look before you send this again."
    )
    expect(dialog.get_by_label("Job name")).to_have_value("send")
    assert redis_client.llen("bull:mail:wait") == 2


def test_the_dialog_is_left_with_escape_and_with_cancel(person: Person, mail: Filler) -> None:
    mail.waiting("1a")
    person.sign_in("/q/mail/waiting")

    opened(person).press("Escape")
    expect(person.page.get_by_role("link", name="Add job")).to_be_focused()
    dialog = opened(person)
    dialog.get_by_role("link", name="Cancel").click()

    expect(dialog).to_be_hidden()
    expect(person.row("1a")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_open_dialog_is_accessible_and_fits(
    asking: Person, mail: Filler, axe: Callable[[Page], list[str]], width: int
) -> None:
    page = asking.page
    page.set_viewport_size({"width": width, "height": 844})
    mail.waiting("1a")
    asking.sign_in("/q/mail/waiting")
    page.locator("#live-control").click()

    if width == 1280:
        dialog = opened(asking)
    else:
        page.get_by_role("button", name="Actions for this queue").click()
        page.locator("#queue-menu").get_by_text("Add job").click()
        dialog = page.get_by_role("dialog", name="Add a job to mail")
    dialog.get_by_text("What the data of jobs named welcome must be").click()
    dialog.get_by_text("Options", exact=True).click()
    dialog.get_by_label("Attempts").fill("99999")
    dialog.get_by_label("Job name").fill("welcome")
    dialog.get_by_role("button", name="Add job").click()
    expect(dialog.get_by_text("A number of attempts is a whole number")).to_be_visible()

    assert axe(page) == []
    box = dialog.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert dialog.evaluate("one => one.scrollWidth <= one.clientWidth")
    page.keyboard.press("Escape")
    opener = "Actions for this queue" if width == 390 else "Add job"
    expect(page.get_by_role("button" if width == 390 else "link", name=opener)).to_be_focused()


def test_a_job_is_added_without_scripts(
    browser: Browser, make_board: Callable[..., Board], mail: Filler, redis_client: redis.Redis
) -> None:
    mail.waiting("1a")
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 800})
    person = Person(context.new_page(), make_board())
    person.sign_in("/q/mail/waiting")

    person.page.get_by_role("link", name="Add job").click()
    person.page.get_by_label("Job name").fill("send")
    person.page.get_by_label("Data, as JSON").fill("{")
    person.page.get_by_role("button", name="Add job").click()
    expect(person.page.get_by_text("The data are not JSON.")).to_be_visible()
    person.page.get_by_label("Data, as JSON").fill("{}")
    person.page.get_by_role("button", name="Add job").click()

    person.told("Added job")
    assert person.page.url.endswith("/q/mail/waiting")
    assert redis_client.llen("bull:mail:wait") == 2
    context.close()
