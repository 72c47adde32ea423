"""What can be done to a queue as a whole: from its menu in dialogs, and the same dialogs where no script runs."""

import re
from collections.abc import Callable

import pytest
import redis
from playwright.sync_api import Browser, Page, expect

from tests.browser.journeys.conftest import Board, Person
from tests.queries.jobs import Filler

pytestmark = pytest.mark.browser


def choose(page: Page, words: str) -> None:
    """Open the menu of the queue and choose a line of it."""
    page.get_by_role("button", name="Actions for this queue").click()
    page.locator("#queue-menu").get_by_text(words).click()


def test_a_limit_is_set_in_a_dialog_that_a_refresh_leaves_alone(
    person: Person, mail: Filler, redis_client: redis.Redis
) -> None:
    mail.waiting("1a")
    person.sign_in("/q/mail/waiting?sort=newest")

    choose(person.page, "Global concurrency")
    field = person.page.get_by_label("Most active jobs")
    field.fill("7")
    person.wait_for_tick()
    expect(field).to_have_value("7")
    person.page.get_by_role("button", name="Set concurrency").click()

    person.told("At most 7 jobs of mail run at once now.")
    assert person.page.url.endswith("/q/mail/waiting?sort=newest")
    assert redis_client.hget("bull:mail:meta", "concurrency") == "7"


def test_a_dialog_shows_a_limit_that_somebody_else_set_meanwhile(
    person: Person, mail: Filler, redis_client: redis.Redis
) -> None:
    mail.waiting("1a")
    person.sign_in("/q/mail/waiting")
    person.wait_for_tick()

    redis_client.hset("bull:mail:meta", "concurrency", 9)
    expect(person.page.locator("#queue-menu")).to_contain_text("at most 9 at once")
    choose(person.page, "Global concurrency")

    expect(person.page.get_by_label("Most active jobs")).to_have_value("9")


def test_a_refresh_brings_the_list_and_leaves_the_dialogs(person: Person, mail: Filler) -> None:
    mail.waiting("1a")
    person.sign_in("/q/mail/waiting")
    menu = person.page.locator("#queue-menu")

    for number in range(2, 4):
        with person.page.expect_response(lambda answer: "/q/mail/waiting" in answer.url and answer.ok) as answered:
            mail.waiting(f"{number}a")
        assert '<dialog class="sheet"' not in answered.value.text()
        expect(menu).to_contain_text(f"{number} waiting and prioritized")

    choose(person.page, "Drain")
    expect(person.page.get_by_role("button", name="Drain", exact=True)).to_be_visible()


def test_draining_asks_in_a_dialog_over_the_list(person: Person, mail: Filler) -> None:
    mail.waiting("1a")
    person.sign_in("/q/mail/waiting")

    choose(person.page, "Drain")
    person.page.get_by_role("button", name="Drain", exact=True).click()
    question = person.page.get_by_role("dialog", name=re.compile("^Remove 1 job of mail"))
    expect(question.get_by_text("waiting, never to run")).to_be_visible()
    expect(question.get_by_role("link", name="Cancel")).to_be_focused()
    question.get_by_role("link", name="Cancel").click()
    expect(question).to_be_hidden()
    expect(person.row("1a")).to_be_visible()

    choose(person.page, "Drain")
    person.page.get_by_role("button", name="Drain", exact=True).click()
    question.get_by_role("button", name="Remove 1 job").click()
    person.told("Removed 1 job from mail.")


def test_what_is_refused_is_said_in_the_dialog_and_asked_once(person: Person, mail: Filler) -> None:
    mail.waiting("1a")
    person.sign_in("/q/mail/waiting")
    sent: list[str] = []
    person.page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)

    choose(person.page, "Clean by age")
    form = person.page.locator("dialog#clean")
    form.get_by_label("Older than").fill("999999999999")
    form.get_by_role("button", name="Clean").click()

    refusal = person.page.get_by_role("dialog", name=re.compile("^A length of time"))
    expect(refusal).to_contain_text("Nothing was changed.")
    assert len(sent) == 1
    refusal.get_by_role("link", name="Back").click()
    expect(refusal).to_be_hidden()
    expect(person.row("1a")).to_be_visible()


def test_who_is_signed_out_meanwhile_is_led_to_the_sign_in_and_asked_once(person: Person, mail: Filler) -> None:
    mail.waiting("1a")
    person.sign_in("/q/mail/waiting")
    choose(person.page, "Drain")
    sent: list[str] = []
    person.page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)

    person.page.context.clear_cookies()
    person.page.get_by_role("button", name="Drain", exact=True).click()

    expect(person.page.get_by_role("heading", name=re.compile("^Sign in to"))).to_be_visible()
    assert len(sent) == 1


def test_a_page_without_the_shell_is_shown_in_the_dialog(person: Person, mail: Filler) -> None:
    mail.waiting("1a")
    person.sign_in("/q/mail/waiting")
    broken = '<main class="message bare" id="main"><h1>Something broke</h1><p>Workers go on.</p></main>'
    person.page.route("**/q/mail/drain", lambda route: route.fulfill(status=500, content_type="text/html", body=broken))

    choose(person.page, "Drain")
    person.page.get_by_role("button", name="Drain", exact=True).click()

    told = person.page.get_by_role("dialog", name="Something broke")
    expect(told).to_contain_text("Workers go on.")
    expect(person.page.get_by_role("main")).to_have_count(1)
    expect(person.row("1a")).to_have_count(1)


def test_all_failed_jobs_are_retried_from_the_menu(person: Person, mail: Filler) -> None:
    mail.failed("1a")
    person.sign_in("/q/mail/failed")

    choose(person.page, "Retry all failed")

    question = person.page.get_by_role("dialog", name=re.compile("^Retry 1 job of mail"))
    expect(question.get_by_role("button", name="Retry 1 job")).to_be_focused()


def test_a_key_opens_a_job_by_its_exact_id(person: Person, mail: Filler) -> None:
    mail.waiting("1a")
    person.sign_in("/q/mail/waiting")

    person.page.keyboard.press("i")
    person.page.get_by_label("Exact job id").fill("1a")
    person.page.keyboard.press("Enter")

    expect(person.page.get_by_role("heading", level=1)).to_contain_text("1a")


def test_a_dialog_opens_and_a_queue_is_drained_without_scripts(
    browser: Browser, make_board: Callable[..., Board], mail: Filler
) -> None:
    mail.waiting("1a")
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 800})
    person = Person(context.new_page(), make_board())
    person.sign_in("/q/mail/waiting")

    choose(person.page, "Drain")
    person.page.get_by_role("button", name="Drain", exact=True).click()
    person.page.get_by_role("button", name="Remove 1 job").click()

    person.told("Removed 1 job from mail.")
    expect(person.row("1a")).to_have_count(0)
    context.close()
