"""The main job of the board: something failed at night, find it, understand it, repair it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.journeys.conftest import Person
from tests.interop.node import Complete, Fail, NodeBullMQ
from tests.queries.jobs import AWKWARD_ID, NOW, Filler
from tests.waiting import wait_until

pytestmark = pytest.mark.browser


@pytest.mark.node
def test_a_job_that_node_failed_is_found_retried_and_seen_to_complete(person: Person, node: NodeBullMQ) -> None:
    page = person.page
    job = node.add("billing.charge", "charge-card", {"invoice": "in_8Q1x7", "amount": 12900}, {"attempts": 1})
    with node.worker("billing.charge", Fail("card declined")):
        wait_until(lambda: node.state("billing.charge", job.id) == "failed", "the job among the failed")

    person.sign_in()
    page.get_by_role("link", name="Open 1 failed").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("billing.charge")
    expect(person.row(job.id)).to_contain_text("card declined")
    page.get_by_role("link", name=job.id, exact=True).click()
    panel = page.get_by_role("complementary", name=f"Job {job.id}")
    expect(panel.get_by_role("heading", name="charge-card")).to_be_focused()
    expect(panel.locator(".stack")).to_be_visible()
    expect(panel).to_contain_text("in_8Q1x7")
    panel.get_by_role("link", name="Open as page").click()
    expect(page.locator("#job .state").first).to_have_text("Failed")
    page.locator("#job").get_by_role("button", name="Retry").click()
    person.told("Retried job")
    expect(page.locator("#job .state").first).to_have_text("Waiting")

    with node.worker("billing.charge", Complete({"paid": True})):
        expect(page.locator("#job .state").first).to_have_text("Completed")
    expect(page.locator("#job")).to_contain_text("paid")
    assert node.state("billing.charge", job.id) == "completed"


@pytest.mark.node
def test_the_numbers_on_the_page_are_those_that_node_counts(person: Person, node: NodeBullMQ) -> None:
    node.add_bulk("mail", [("send", {"n": n}, {}) for n in range(12)])
    with node.worker("mail", Fail("down"), concurrency=12):
        wait_until(lambda: node.counts("mail")["failed"] == 12, "twelve failures")
    node.add_bulk("mail", [("send", {"n": n}, {}) for n in range(5)])
    node.add_bulk("mail", [("later", None, {"delay": 600_000}), ("urgent", None, {"priority": 3})])
    node.add_flow({"name": "parent", "queueName": "mail", "children": [{"name": "child", "queueName": "mail"}]})

    person.sign_in("/q/mail/failed")

    counts = node.counts("mail")
    shown = {
        str(tab.get_attribute("data-state")): int((tab.locator("b").text_content() or "").replace(",", ""))
        for tab in person.page.locator("#tabs a[data-state]").all()
    }
    assert shown == {state: counts[state] for state in shown}
    assert set(shown) == {"waiting", "active", "prioritized", "delayed", "waiting-children", "completed", "failed"}
    assert (shown["failed"], shown["waiting"], shown["delayed"]) == (12, 6, 1)


def test_a_selection_is_retried_after_saying_what_will_be_touched(person: Person, mail: Filler) -> None:
    page = person.page
    for n in range(5):
        mail.failed(f"job-{n}", NOW - n)
    person.sign_in("/q/mail/failed")

    page.get_by_label("Select job job-1").check()
    page.get_by_label("Select job job-3").check()
    dock = page.get_by_role("region", name="Selection")
    expect(dock).to_contain_text("2 selected")
    dock.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("heading", name=re.compile("Retry 2 jobs of mail"))).to_be_visible()
    page.get_by_role("button", name="Retry 2 jobs").click()

    person.told("Retried 2 jobs.")
    expect(page.get_by_role("link", name=re.compile("Waiting 2"))).to_be_visible()
    assert mail.client.zcard(mail.key("failed")) == 3
    assert set(mail.client.lrange(mail.key("wait"), 0, -1)) == {"job-1", "job-3"}


def test_removing_asks_first_and_leaves_the_list(person: Person, mail: Filler) -> None:
    page = person.page
    mail.failed("keep")
    mail.failed(AWKWARD_ID)
    person.sign_in("/failures")

    person.row(AWKWARD_ID).get_by_role("button", name=f"Actions for job {AWKWARD_ID}").click()
    page.get_by_role("button", name="Remove", exact=False).locator("visible=true").first.click()
    question = page.get_by_role("dialog", name="Remove 1 job of mail")
    expect(question.get_by_role("link", name="Cancel")).to_be_focused()
    assert page.url.endswith("/failures")
    page.get_by_role("button", name="Remove 1 job").click()

    person.told(f"Removed job {AWKWARD_ID}.")
    expect(person.row(AWKWARD_ID)).to_have_count(0)
    expect(person.row("keep")).to_have_count(1)
    assert mail.client.exists(mail.key(AWKWARD_ID)) == 0


def test_a_delayed_job_is_promoted(person: Person, mail: Filler) -> None:
    mail.delayed("later", 4_000_000_000_000, delay=600_000)
    person.sign_in("/q/mail/job/later")

    person.page.get_by_role("button", name="Promote").click()

    person.told("Promoted job later.")
    expect(person.page.locator("#job .state").first).to_have_text("Waiting")
    assert mail.client.lrange(mail.key("wait"), 0, -1) == ["later"]


def test_a_job_that_moved_on_is_left_alone_and_says_so(person: Person, mail: Filler) -> None:
    """Between looking and clicking a colleague, or a worker, was faster."""
    mail.failed("1")
    person.sign_in("/q/mail/job/1")
    person.page.get_by_role("button", name="Pause live updates").or_(person.page.locator("#live-control")).first.click()
    mail.client.zrem(mail.key("failed"), "1")
    mail.client.lpush(mail.key("active"), "1")

    person.page.locator("#job").get_by_role("button", name="Retry").click()

    expect(person.page.locator(".toast")).to_be_visible()
    expect(person.page.locator(".toast")).not_to_contain_text("Retried")
    assert mail.client.lrange(mail.key("active"), 0, -1) == ["1"]


def test_a_viewer_sees_everything_and_is_told_who_may_act(person: Person, mail: Filler) -> None:
    mail.failed("1")
    person.sign_in("/q/mail/job/1", name="vera", role="viewer")

    retry = person.page.locator("#job").get_by_role("button", name=re.compile("^Retry"))

    expect(retry).to_have_attribute("aria-disabled", "true")
    retry.focus()
    retry.press("Enter")
    reason = person.page.locator("#job-retry")
    expect(reason).to_have_text("Your role is viewer. Ask an operator")
    expect(reason).to_be_visible()
    assert mail.client.zcard(mail.key("failed")) == 1


def test_an_error_is_followed_from_the_overview_in_three_clicks(person: Person, mail: Filler) -> None:
    page = person.page
    for n in range(3):
        mail.failed(f"gateway-{n}")
    mail.failed("other", NOW, "TypeError: x is not a function\n    at f (/app/src/x.js:1:1)")
    person.sign_in()

    page.get_by_role("link", name="Open 4 failed").click()
    page.get_by_role("navigation", name="Errors in this list").get_by_role("link", name=re.compile("TypeError")).click()

    expect(page.locator("tbody tr")).to_have_count(1)
    expect(person.row("other")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/q/mail/failed\?q=class:%22TypeError%22$"))
