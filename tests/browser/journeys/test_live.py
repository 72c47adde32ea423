"""A page that refreshes itself takes nothing away from the person who reads it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from board.web import filters
from tests.browser.journeys.conftest import Board, Person
from tests.queries.jobs import NOW, Filler
from tests.servers import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def reader(person: Person, mail: Filler) -> Person:
    """Somebody who reads a long list of failures."""
    for n in range(60):
        mail.failed(f"job-{n:02}", NOW - n * 1_000)
    person.sign_in("/q/mail/failed?size=50")
    return person


def test_the_browser_writes_lengths_of_time_as_the_server_does(reader: Person) -> None:
    lengths = [0, 0.62, 9.02, 18, 999.7, 5_000, 6_100, 47_000, 59_600, 300_000, 126_000, 3_600_000, 5_400_000, 2**33]

    written = reader.page.evaluate(
        """async lengths => {
          const modules = [...document.querySelectorAll("link[rel=modulepreload], script[type=module]")]
          const { duration } = await import(modules.map(one => one.href || one.src).find(url => url.includes("times")))
          return lengths.map(duration)
        }""",
        lengths,
    )

    assert written == [filters.duration(length) for length in lengths]


def test_a_refresh_keeps_what_is_being_typed_where_it_is_typed(reader: Person) -> None:
    box = reader.page.get_by_role("searchbox", name="Filter jobs")
    box.focus()
    box.press_sequentially("half a wo")
    box.press("ArrowLeft")

    reader.wait_for_tick()
    reader.wait_for_tick()

    expect(box).to_be_focused()
    expect(box).to_have_value("half a wo")
    assert box.evaluate("box => box.selectionStart") == 8


def test_a_refresh_keeps_the_selection_and_the_place_on_the_page(reader: Person) -> None:
    page = reader.page
    page.get_by_label("Select job job-40").check()
    page.get_by_label("Select job job-41").check()
    before = page.get_by_label("Select job job-41").bounding_box()

    reader.wait_for_tick()
    reader.wait_for_tick()

    expect(page.get_by_label("Select job job-40")).to_be_checked()
    expect(page.get_by_label("Select job job-41")).to_be_checked()
    expect(page.get_by_role("region", name="Selection")).to_contain_text("2 selected")
    after = page.get_by_label("Select job job-41").bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) < 1


def test_a_refresh_keeps_open_sections_open_and_closed_ones_closed(person: Person, mail: Filler) -> None:
    page = person.page
    mail.failed("1", data='{"deep":{"deeper":{"deepest":{"end":1}}}}')
    person.sign_in("/q/mail/job/1")
    page.get_by_text("Raw Redis hash").click()
    page.locator("#raw").get_by_text("failedReason").wait_for()
    page.locator(".json summary").first.click()
    closed = page.locator(".json details").first

    person.wait_for_tick()
    person.wait_for_tick()

    expect(page.locator("#raw details")).to_have_attribute("open", "")
    expect(closed).not_to_have_attribute("open", "")


def test_rows_that_left_stay_struck_through_and_new_ones_wait_behind_a_pill(reader: Person, mail: Filler) -> None:
    """Nothing jumps: what the person is about to click must not move."""
    page = reader.page
    mail.client.zrem(mail.key("failed"), "job-05")
    mail.failed("newest", NOW + 5_000)

    expect(reader.row("job-05")).to_have_class(re.compile("gone"))
    expect(page.get_by_role("link", name=re.compile("1 new failed job, show"))).to_be_visible()
    expect(reader.row("newest")).to_have_count(0)
    page.get_by_role("link", name=re.compile("1 new failed job, show")).click()

    expect(reader.row("newest")).to_have_count(1)
    expect(reader.row("job-05")).to_have_count(0)


def test_numbers_change_in_place(person: Person, mail: Filler) -> None:
    person.sign_in("/q/mail/waiting")
    tab = person.page.get_by_role("navigation", name="Parts of this queue").get_by_role(
        "link", name=re.compile("Waiting \\d")
    )
    expect(tab).to_contain_text("0")

    mail.waiting("1")

    expect(tab).to_contain_text("1")


def test_a_refresh_without_news_is_answered_with_304_and_leaves_the_page_alone(reader: Person, mail: Filler) -> None:
    page = reader.page
    page.locator("#live").evaluate("region => { region.querySelector('h1').dataset.mine = 'kept' }")

    with page.expect_response(lambda answer: answer.request.headers.get("hx-target") == "div#live") as answer:
        reader.wait_for_tick()

    assert answer.value.status == 304
    assert page.locator("#live h1").get_attribute("data-mine") == "kept"
    expect(page.locator("#live-control")).to_contain_text(re.compile(r"^Live, \d+ s$"))
    expect(page.locator("#live")).not_to_have_class(re.compile("stale"))
    mail.failed("newest", NOW + 5_000)
    expect(page.get_by_role("link", name=re.compile("1 new failed job, show"))).to_be_visible()


def test_live_updates_can_be_paused(person: Person, mail: Filler) -> None:
    """The browser's clock is moved on, so that nobody has to wait for what must not happen."""
    page = person.page
    page.clock.install()
    for n in range(3):
        mail.failed(f"{n}")
    person.sign_in("/q/mail/failed")
    page.locator("#live-control").click()
    expect(page.locator("#live-control")).to_contain_text("Paused")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    mail.failed("newest", NOW + 5_000)
    page.clock.run_for(10_000)

    assert asked == []
    page.locator("#live-control").click()
    expect(page.get_by_role("link", name=re.compile("1 new failed job, show"))).to_be_visible()


def test_a_redis_that_goes_away_is_told_over_the_last_numbers_and_comes_back(
    make_board: Callable[..., Board], fresh_server: Callable[..., Server], page: Page
) -> None:
    server = fresh_server(append_only=True)
    person = Person(page, make_board(redis_url=server.url))
    client = server.client()
    Filler(client).open().failed("1")
    client.close()
    person.sign_in("/q/mail/failed")
    expect(person.row("1")).to_have_count(1)

    server.kill()
    expect(page.get_by_role("alert")).to_contain_text("Redis does not answer")
    expect(page.get_by_text(re.compile(r"^Trying again in \d+ s$"))).to_be_visible()
    expect(person.row("1")).to_have_count(1)
    server.start()

    expect(page.get_by_role("alert")).to_have_count(0)
    expect(person.row("1")).to_have_count(1)


def test_a_job_that_vanishes_under_the_eye_says_so(person: Person, mail: Filler) -> None:
    mail.failed("1")
    person.sign_in("/q/mail/job/1")

    mail.client.delete(mail.key("1"))
    mail.client.zrem(mail.key("failed"), "1")

    expect(person.page.get_by_text("Job 1 is not in queue mail any more.")).to_be_visible()
