"""A parent goes on without a child that failed: offered, asked about, done, recorded, and refused with its reason."""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from board.engine.types import JobState
from tests.web.site import PASSWORD, Browser, Jobs, Site, soup, text_of

CHILD = "/q/mail/job/audio"
FLOW = "/flows/mail/audio"


def family(site: Site, *others: str, **options: Any) -> None:
    """Make a parent whose child *audio* failed."""
    site.jobs.parent_of("audio", *others, **options)
    site.jobs.fail_next("audio")


def asked(browser: Browser, page: str = CHILD) -> list[str]:
    """Return the lines of the page that asks, as the form of a page leads there."""
    form = soup(browser.get(page)).select_one(f'form[action="{CHILD}/ignore"]')
    assert form is not None
    answer = browser.post(f"{CHILD}/ignore", {"next": page})
    assert answer.status_code == 200
    return [text_of(line) for line in soup(answer).select("#outlook > div")]


def button(page: Any, words: str = "Ignore and let the parent finish") -> str:
    """Return what the button on a page says: its words, and why it cannot be pressed."""
    (found,) = [one for one in page.select("button") if text_of(one).startswith(words) and "small" not in str(one)]
    return text_of(found)


@pytest.mark.parametrize("page", [CHILD, FLOW])
def test_the_last_open_child_is_ignored_and_the_parent_runs(site: Site, page: str) -> None:
    family(site)
    browser = site.signed_in("operator")

    lines = asked(browser, page)
    answer = browser.post(f"{CHILD}/ignore", {"next": page, "confirmed": "1", "reason": "no sound needed"})

    assert lines == ["Parent parent of mail: Waiting for children", "the parent becomes waiting at once"]
    assert answer.headers["Location"] == page
    assert browser.messages(answer) == ["Ignored the failure of job audio: its parent is in line to run."]
    assert site.jobs.state("parent") is JobState.WAITING
    (entry,) = site.audit()
    assert (entry.action, entry.result, entry.ids, entry.done) == ("ignore failure", "done", ("audio",), 1)
    assert (entry.who, entry.reason, entry.before) == ("operator", "no sound needed", "parent parent: waiting-children")


def test_other_children_are_counted_first(site: Site) -> None:
    family(site, "titles", "cuts")
    browser = site.signed_in("operator")

    lines = asked(browser)
    answer = browser.post(f"{CHILD}/ignore", {"confirmed": "1"})

    assert lines[1] == "2 of 3 children still open; the parent goes on when they have finished"
    assert browser.messages(answer) == ["Ignored the failure of job audio: its parent waits for the other children."]
    assert site.jobs.state("parent") is JobState.WAITING_CHILDREN


def test_a_parent_that_failed_with_it_is_revived(site: Site) -> None:
    family(site, "titles", fail_parent_on_failure=True)
    site.jobs.fail_next("parent", "child bull:mail:audio failed")
    browser = site.signed_in("operator")

    lines = asked(browser)
    browser.post(f"{CHILD}/ignore", {"confirmed": "1"})

    assert lines[:2] == [
        "Parent parent of mail: Failed",
        "1 of 2 children still open; the parent goes on when it has finished",
    ]
    assert "taken out of the failed jobs" in lines[2]
    assert site.jobs.state("parent") is JobState.WAITING_CHILDREN


def test_asking_changes_nothing_and_is_not_recorded(site: Site) -> None:
    family(site)

    asked(site.signed_in("operator"))

    assert site.jobs.state("parent") is JobState.WAITING_CHILDREN
    assert site.audit() == []


def ignored(site: Site, _client: redis.Redis) -> None:
    site.signed_in("operator").post(f"{CHILD}/ignore", {"confirmed": "1"})


def forgotten(_site: Site, client: redis.Redis) -> None:
    client.srem("bull:mail:parent:dependencies", "bull:mail:audio")


def parent_done(_site: Site, client: redis.Redis) -> None:
    client.zrem("bull:mail:waiting-children", "parent")
    client.zadd("bull:mail:completed", {"parent": 1})


def parent_gone(_site: Site, client: redis.Redis) -> None:
    client.zrem("bull:mail:waiting-children", "parent")
    client.delete("bull:mail:parent")


@pytest.mark.parametrize(
    ("situation", "on_page", "said"),
    [
        (ignored, "its parent ignores it already", "is not waited for by its parent"),
        (forgotten, "its parent does not wait for it", "is not waited for by its parent"),
        (parent_done, "its parent is done", "has a parent that has ended"),
        (parent_gone, "its parent is gone", "has no parent in Redis"),
    ],
)
def test_a_failure_that_holds_nobody_back_says_so(
    site: Site, redis_client: redis.Redis, situation: Callable[..., None], on_page: str, said: str
) -> None:
    family(site)
    situation(site, redis_client)
    browser = site.signed_in("operator")

    page = soup(browser.get(CHILD))
    answer = browser.post(f"{CHILD}/ignore", {"confirmed": "1"})

    assert button(page) == f"Ignore and let the parent finish : {on_page}"
    assert browser.messages(answer) == [f"Job audio {said}; nothing was done."]


def test_a_parent_that_had_failed_by_itself_before_is_not_offered_to_finish(
    site: Site, redis_client: redis.Redis
) -> None:
    family(site, fail_parent_on_failure=True)
    site.jobs.fail_next("parent", "out of memory")
    redis_client.zadd("bull:mail:failed", {"parent": 1})
    browser = site.signed_in("operator")

    pages = [soup(browser.get(page)) for page in (CHILD, FLOW)]
    answer = browser.post(f"{CHILD}/ignore", {"confirmed": "1"})

    assert [button(page) for page in pages] == [
        "Ignore and let the parent finish : its parent has failed by itself"
    ] * 2
    assert browser.messages(answer) == ["Job audio has a parent that has ended; nothing was done."]
    assert site.jobs.state("parent") is JobState.FAILED


def test_a_viewer_is_told_whom_to_ask(site: Site) -> None:
    family(site)
    browser = site.signed_in("viewer")

    for page in (CHILD, FLOW):
        assert "Your role is viewer. Ask an operator" in button(soup(browser.get(page)))
    assert browser.post(f"{CHILD}/ignore").status_code == 403
    assert site.jobs.state("parent") is JobState.WAITING_CHILDREN
    assert [(one.action, one.result) for one in site.audit()] == [("ignore failure", "refused")]


@pytest.mark.parametrize(
    ("grants", "on_page", "said"),
    [
        ("operator@mail viewer@film", "Your role is tenant", "a parent in a queue that you may not change"),
        ("operator@mail", "its parent is in a queue that is not shown here", "a parent in a queue that you may not"),
    ],
)
def test_a_parent_in_a_queue_that_one_may_not_change_stays(
    make_site: Callable[..., Site], grants: str, on_page: str, said: str
) -> None:
    """Who may promote in the queue of the child alone does not set the parent in motion."""
    site = make_site(roles=f"tenant: {grants}")
    site.jobs.parent_of("audio", within="film")
    site.jobs.fail_next("audio")
    site.service.users.add("ann", PASSWORD, "tenant")
    browser = site.browser()
    browser.sign_in("ann")

    page = soup(browser.get(CHILD))
    answer = browser.post(f"{CHILD}/ignore", {"confirmed": "1"})

    assert on_page in button(page)
    assert said in browser.messages(answer)[0]
    assert Jobs(site.jobs.connection, "film").state("parent") is JobState.WAITING_CHILDREN


def test_a_job_without_a_parent_has_the_reason_in_its_menu(site: Site) -> None:
    site.jobs.failed("1a")

    menu = text_of(soup(site.signed_in("operator").get("/q/mail/job/1a")).select_one("#job-more"))

    assert "Ignore and let the parent finish it has no parent" in menu
