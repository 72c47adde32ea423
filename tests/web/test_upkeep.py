"""A queue as a whole: what is previewed, what is done, and what is too much for one request."""

import json

import pytest
import redis

from board.actions import upkeep
from board.engine.types import JobState
from tests.web.site import Browser, Site, soup, text_of


def lines(browser: Browser, path: str, form: dict[str, str] | None = None) -> list[str]:
    """Ask for something without confirming it, and return the lines of the preview."""
    page = browser.post(path, form)
    assert page.status_code == 200
    return [text_of(line) for line in soup(page).select(".ledger > div")]


def test_a_job_is_added_with_its_data_to_the_last_digit(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.waiting("1a")
    browser = site.signed_in("operator")

    answer = browser.post(
        "/q/mail/add",
        {
            "name": "send",
            "data": '{"n": 12345678901234567890.10}',
            "priority": "4",
            "attempts": "3",
            "backoff_wait": "9",
            "backoff_wait_unit": "ms",
        },
    )

    job_id = answer.headers["Location"].rpartition("/")[2]
    assert redis_client.hget(f"bull:mail:{job_id}", "data") == '{"n":12345678901234567890.10}'
    options = json.loads(str(redis_client.hget(f"bull:mail:{job_id}", "opts")))
    assert (options["attempts"], options["backoff"]) == (3, {"type": "fixed", "delay": 9})
    assert site.jobs.state(job_id) is JobState.PRIORITIZED
    assert [(entry.action, entry.done) for entry in site.audit()] == [("add job", 1)]


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"data": "{"}, "The data are not JSON."),
        ({"name": ""}, "name must be text that is not empty"),
        ({"priority": "99999999"}, "A priority is a whole number from 0 to 2,097,151"),
        ({"job_id": "12"}, "whole numbers are given by the queue itself"),
        ({"attempts": "many"}, "A number of attempts is a whole number"),
    ],
)
def test_what_is_wrong_with_a_new_job_is_said_and_the_form_kept(site: Site, form: dict[str, str], problem: str) -> None:
    site.jobs.waiting("1a")

    answer = site.signed_in().post("/q/mail/add", {"name": "send-it", "data": "{}", **form})

    assert answer.status_code == 400
    assert problem in text_of(soup(answer))
    assert "name" in form or "send-it" in answer.text


def test_all_failed_jobs_run_again_after_asking(site: Site) -> None:
    for n in range(3):
        site.jobs.failed(f"{n}a")
    browser = site.signed_in("operator")

    assert lines(browser, "/q/mail/retry-all") == ["failed, will run again 3"]
    answer = browser.post("/q/mail/retry-all", {"confirmed": "1"})

    assert browser.messages(answer) == ["Retried 3 jobs of mail."]
    assert site.jobs.state("2a") is JobState.WAITING
    assert [(entry.action, entry.done) for entry in site.audit()] == [("retry all", 3)]


def test_all_delayed_jobs_run_now(site: Site) -> None:
    site.jobs.delayed("1a")
    browser = site.signed_in("operator")

    answer = browser.post("/q/mail/promote-all", {"confirmed": "1"})

    assert browser.messages(answer) == ["Promoted 1 job of mail."]


def test_draining_removes_what_waits_and_says_how_many(site: Site) -> None:
    site.jobs.failed("1f")
    site.jobs.waiting("1a")
    site.jobs.waiting("2a", priority=3)
    site.jobs.delayed("1d")
    browser = site.signed_in()

    kept = lines(browser, "/q/mail/drain")
    all_of_it = lines(browser, "/q/mail/drain", {"delayed": "1"})
    answer = browser.post("/q/mail/drain", {"confirmed": "1", "delayed": "1"})

    assert kept[-1] == "delayed, left alone 1"
    assert all_of_it == ["waiting, never to run 1", "prioritized, never to run 1", "delayed, never to run 1"]
    assert browser.messages(answer) == ["Removed 3 jobs from mail."]
    assert site.jobs.state("1f") is JobState.FAILED
    assert [(entry.action, entry.done) for entry in site.audit()] == [("drain with delayed", 3)]


def test_cleaning_removes_only_what_is_old_enough(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.completed("1a")
    site.jobs.completed("2a")
    redis_client.zadd("bull:mail:completed", {"1a": 1000})
    browser = site.signed_in()

    assert lines(browser, "/q/mail/clean", {"state": "completed", "age": "1", "age_unit": "h"}) == [
        "completed, old enough 1"
    ]
    answer = browser.post("/q/mail/clean", {"state": "completed", "age": "1", "age_unit": "h", "confirmed": "1"})

    assert browser.messages(answer) == ["Removed 1 job from mail."]
    assert site.jobs.state("1a") is JobState.UNKNOWN
    assert site.jobs.state("2a") is JobState.COMPLETED


def test_obliterating_needs_the_name(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.failed("1a")
    browser = site.signed_in()

    wrong = browser.post("/q/mail/obliterate", {"confirmed": "1", "typed": "mial"})
    kept = site.jobs.state("1a")
    answer = browser.post("/q/mail/obliterate", {"confirmed": "1", "typed": "mail"})

    assert wrong.status_code == 400
    assert kept is JobState.FAILED
    assert answer.headers["Location"] == "/"
    assert redis_client.keys("bull:mail:*") == []
    assert [entry.result for entry in site.audit()] == ["refused", "done"]


def test_a_queue_at_work_is_only_obliterated_by_force(site: Site) -> None:
    site.jobs.active("1a")
    browser = site.signed_in()

    answer = browser.post("/q/mail/obliterate", {"confirmed": "1", "typed": "mail"})

    assert answer.status_code == 400
    assert not site.jobs.is_paused()
    assert browser.post("/q/mail/obliterate", {"confirmed": "1", "typed": "mail", "force": "1"}).status_code == 303


def test_limits_are_set_shown_lifted_and_released(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.waiting("1a")
    browser = site.signed_in("operator")

    browser.post("/q/mail/concurrency", {"concurrency": "7"})
    browser.post("/q/mail/rate-limit", {"max": "100", "window": "5", "window_unit": "s"})
    redis_client.set("bull:mail:limiter", 100, px=60_000)
    page = text_of(soup(browser.get("/q/mail/manage")))
    browser.post("/q/mail/release-limit")
    assert redis_client.exists("bull:mail:limiter") == 0
    assert redis_client.hmget("bull:mail:meta", "concurrency", "max", "duration") == ["7", "100", "5000"]
    browser.post("/q/mail/concurrency", {"concurrency": "0"})
    browser.post("/q/mail/rate-limit", {"max": "0"})

    assert "At most 7 jobs run at once" in page
    assert "At most 100 jobs start in each 5 s" in page
    assert "No job starts for another" in page
    assert redis_client.hmget("bull:mail:meta", "concurrency", "max", "duration") == [None, None, None]


def test_more_than_one_request_can_do_is_refused_and_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "LARGEST_RUN", 1)
    for n in range(2):
        site.jobs.failed(f"{n}a")
    browser = site.signed_in()

    preview = browser.post("/q/mail/retry-all")
    answer = browser.post("/q/mail/retry-all", {"confirmed": "1"})

    assert "at most 1 jobs" in text_of(soup(preview))
    assert soup(preview).select("form.message button") == []
    assert answer.status_code == 400
    assert site.jobs.state("0a") is JobState.FAILED
    assert [entry.result for entry in site.audit()] == ["refused"]


def test_the_menu_of_a_queue_holds_the_forms_of_its_page(site: Site) -> None:
    site.jobs.waiting("1a")
    browser = site.signed_in()

    menu = {str(one["action"]) for one in soup(browser.get("/q/mail/waiting")).select("dialog[popover] form")}
    page = {str(one["action"]) for one in soup(browser.get("/q/mail/manage")).select(".form form")}
    limits = {str(one["action"]) for one in soup(browser.get("/q/mail/limits")).select(".form form")}

    assert menu == {f"/q/mail/{verb}" for verb in ("rate-limit", "concurrency", "drain", "clean", "obliterate")}
    assert page == menu | {f"/q/mail/{verb}" for verb in ("retry-all", "promote-all", "release-limit")}
    assert limits == {f"/q/mail/{verb}" for verb in ("rate-limit", "concurrency", "release-limit")}


def test_a_limit_leads_back_to_the_page_it_was_set_on_and_nowhere_else(site: Site) -> None:
    site.jobs.waiting("1a")
    browser = site.signed_in()

    back = browser.post("/q/mail/concurrency", {"concurrency": "7", "next": "/q/mail/waiting?sort=newest"})
    away = browser.post("/q/mail/concurrency", {"concurrency": "7", "next": "https://elsewhere.example/"})
    cancel = soup(browser.post("/q/mail/drain", {"next": "/q/mail/failed"})).select_one("a[data-cancel]")

    assert back.headers["Location"] == "/q/mail/waiting?sort=newest"
    assert away.headers["Location"] == "/q/mail/manage"
    assert cancel is not None
    assert cancel["href"] == "/q/mail/failed"


@pytest.mark.parametrize("side", ["metrics", "schedulers", "limits"])
def test_a_side_tab_shows_the_states_with_their_counts(site: Site, side: str) -> None:
    site.jobs.waiting("1a")

    tabs = soup(site.signed_in().get(f"/q/mail/{side}")).select("#tabs > a")

    assert text_of(tabs[0]) == "Waiting 1"
    assert [text_of(tab).split()[0].lower() for tab in tabs if tab.get("aria-current")] == [side]


def test_a_job_is_opened_by_its_exact_id_or_said_not_to_be_there(site: Site) -> None:
    site.jobs.failed("1a")
    browser = site.signed_in()

    there = browser.get("/q/mail/job?job_id=+1a+")
    gone = browser.get(browser.get("/q/mail/job?job_id=1").headers["Location"])
    nothing = browser.get("/q/mail/job?job_id=")

    assert there.headers["Location"] == "/q/mail/job/1a"
    assert gone.status_code == 404
    assert "1" in text_of(soup(gone).select_one("main"))
    assert nothing.headers["Location"] == "/q/mail"
