"""One job repaired by hand: its data, its copy, its place in line, the dead letters."""

import json
from typing import Any

import redis

from board.engine.types import Backoff, JobState
from tests.queries.jobs import SECRET
from tests.web.site import Browser, Site, soup, text_of

EXACT = '{"big":12345678901234567890123,"float":1e400,"twice":1,"twice":2,"to":"ann"}'
PAGE = "/q/mail/job/1a"


def stored(client: redis.Redis, field: str = "data", key: str = "bull:mail:1a") -> Any:
    return client.hget(key, field)


def hold(site: Site, client: redis.Redis, data: str = EXACT) -> None:
    """Put a failed job with exactly these data into the queue."""
    site.jobs.failed("1a")
    client.hset("bull:mail:1a", "data", data)


def draft(browser: Browser, path: str = f"{PAGE}/edit") -> dict[str, str]:
    """Return the form as it is offered."""
    page = soup(browser.get(path))
    form = page.select_one("form.form")
    assert form is not None
    area = form.select_one("textarea")
    assert area is not None
    return {"data": area.get_text(), "digest": str(form.select("input[name=digest]")[0]["value"])}


def test_data_are_offered_and_stored_to_the_last_digit(site: Site, redis_client: redis.Redis) -> None:
    hold(site, redis_client)
    browser = site.signed_in("operator")
    form = draft(browser)
    form["data"] = form["data"].replace('"ann"', '"bob"')

    page = browser.post(f"{PAGE}/edit", form)
    answer = browser.post(f"{PAGE}/edit", {**form, "confirmed": "1"})

    changed = [text_of(line) for line in soup(page).select('.diff li[data-sign="+"], .diff li[data-sign="-"]')]
    assert changed == ['- "to": "ann"', '+ "to": "bob"']
    assert browser.messages(answer) == ["Changed the data of job 1a."]
    assert stored(redis_client) == EXACT.replace("ann", "bob")
    (entry,) = site.audit()
    assert (entry.action, entry.result, entry.ids, entry.done) == ("edit data", "done", ("1a",), 1)


def test_a_preview_stores_nothing(site: Site, redis_client: redis.Redis) -> None:
    hold(site, redis_client)
    browser = site.signed_in()

    page = browser.post(f"{PAGE}/edit", {**draft(browser), "data": "[1]"})

    assert page.status_code == 200
    assert stored(redis_client) == EXACT
    assert site.audit() == []


def test_an_edited_job_is_retried_when_asked(site: Site, redis_client: redis.Redis) -> None:
    hold(site, redis_client)
    browser = site.signed_in()

    browser.post(f"{PAGE}/edit", {**draft(browser), "data": "[1]", "confirmed": "1", "retry": "1"})

    assert stored(redis_client) == "[1]"
    assert site.jobs.state("1a") is JobState.WAITING


def test_data_that_changed_meanwhile_are_not_overwritten(site: Site, redis_client: redis.Redis) -> None:
    hold(site, redis_client)
    browser = site.signed_in()
    form = draft(browser)
    redis_client.hset("bull:mail:1a", "data", '"other"')

    answer = browser.post(f"{PAGE}/edit", {**form, "data": "[1]", "confirmed": "1"})

    assert answer.status_code == 409
    assert "changed meanwhile" in answer.text
    assert "[1]" in answer.text
    assert stored(redis_client) == '"other"'


def test_data_of_a_job_that_runs_stay_as_they_are(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.active("1a")
    browser = site.signed_in()

    answer = browser.post(f"{PAGE}/edit", {**draft(browser), "data": "[1]", "confirmed": "1"})

    assert answer.status_code == 409
    assert stored(redis_client) == "null"


def test_what_is_not_json_is_not_stored(site: Site, redis_client: redis.Redis) -> None:
    hold(site, redis_client)
    browser = site.signed_in()

    for text in ("{", "NaN", "'a'", ""):
        page = browser.post(f"{PAGE}/edit", {**draft(browser), "data": text, "confirmed": "1"})
        assert "This is not JSON" in page.text
    assert stored(redis_client) == EXACT


def test_secrets_are_never_shown_and_survive_an_edit(site: Site, redis_client: redis.Redis) -> None:
    hold(site, redis_client, json.dumps({"a": {"password": SECRET}, "n": 1}, separators=(",", ":")))
    browser = site.signed_in()
    form = draft(browser)
    assert SECRET not in form["data"]
    form["data"] = form["data"].replace('"n": 1', '"n": 2')

    page = browser.post(f"{PAGE}/edit", form)
    browser.post(f"{PAGE}/edit", {**form, "confirmed": "1"})

    assert SECRET not in page.text
    assert json.loads(stored(redis_client)) == {"a": {"password": SECRET}, "n": 2}


def test_a_placeholder_that_stands_for_nothing_is_refused(site: Site, redis_client: redis.Redis) -> None:
    hold(site, redis_client)
    browser = site.signed_in()

    page = browser.post(f"{PAGE}/edit", {**draft(browser), "data": '{"token":"[redacted]"}', "confirmed": "1"})

    assert "write it out" in page.text
    assert stored(redis_client) == EXACT


def test_a_copy_carries_data_and_options_but_no_identity(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.waiting("1a", attempts=4, backoff=Backoff.fixed(50), priority=7)
    redis_client.hset("bull:mail:1a", "data", EXACT)
    browser = site.signed_in("operator")

    answer = browser.post(f"{PAGE}/duplicate")

    copy = answer.headers["Location"].rpartition("/")[2]
    assert stored(redis_client, "data", f"bull:mail:{copy}") == EXACT
    options = json.loads(stored(redis_client, "opts", f"bull:mail:{copy}"))
    assert options == {"attempts": 4, "backoff": {"type": "fixed", "delay": 50}, "priority": 7}
    assert site.jobs.state(copy) is JobState.PRIORITIZED


def test_attempts_are_reset_on_a_fresh_retry(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.failed("1a")
    assert stored(redis_client, "atm") == "1"

    site.signed_in().post(f"{PAGE}/retry-afresh")

    assert stored(redis_client, "atm") is None
    assert site.jobs.state("1a") is JobState.WAITING


def test_delay_and_priority_are_changed_where_the_state_allows(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.delayed("1a")
    site.jobs.waiting("2b")
    browser = site.signed_in()

    delayed = browser.post(f"{PAGE}/delay", {"delay": "2", "delay_unit": "h"})
    refused = browser.post(f"{PAGE}/priority", {"priority": "5"})
    moved = browser.post("/q/mail/job/2b/priority", {"priority": "5"})

    assert stored(redis_client, "delay") == "7200000"
    assert delayed.status_code == 303
    assert site.jobs.state("1a") is JobState.DELAYED
    assert "only waiting and prioritized" in " ".join(browser.messages(refused))
    assert moved.status_code == 303
    assert site.jobs.state("2b") is JobState.PRIORITIZED


def test_nonsense_in_a_number_is_refused(site: Site) -> None:
    site.jobs.delayed("1a")
    browser = site.signed_in()

    for number in ("", "-1", "1.5", "x", "9" * 30, "٣"):
        assert browser.post(f"{PAGE}/delay", {"delay": number}).status_code == 400
    assert browser.post(f"{PAGE}/delay", {"delay": "367", "delay_unit": "days"}).status_code == 400
    assert browser.post(f"{PAGE}/priority", {"priority": "2097152"}).status_code == 400


def test_a_job_goes_to_the_dead_letters_and_comes_back(site: Site) -> None:
    site.jobs.failed("1a", "no such recipient")
    browser = site.signed_in("operator")

    gone = browser.post(f"{PAGE}/bury", {"grave": "mail-dead"})
    letter = browser.get("/q/mail-dead/job/mail!2F1a")
    back = browser.post("/q/mail-dead/job/mail!2F1a/send-back")

    assert gone.status_code == 303
    assert "A dead letter." in text_of(soup(letter))
    assert "no such recipient" in letter.text
    assert back.status_code == 303
    assert site.jobs.state("1a") is JobState.WAITING
    assert [entry.action for entry in site.audit()] == ["move to dead letters", "send back"]


def test_a_queue_is_not_its_own_grave(site: Site) -> None:
    site.jobs.failed("1a")

    assert site.signed_in().post(f"{PAGE}/bury", {"grave": "mail"}).status_code == 400
    assert site.jobs.state("1a") is JobState.FAILED


def test_the_page_says_what_its_state_forbids(site: Site) -> None:
    site.jobs.active("1a")

    menu = soup(site.signed_in().get(PAGE)).select_one("#job-more")

    assert menu is not None
    refused = [text_of(item) for item in menu.select("[aria-disabled=true]")]
    assert "Edit data a worker holds it" in refused
    assert "Change delay only delayed jobs have a delay to change" in refused


def test_a_job_retried_by_hand_tells_its_own_attempts_from_the_others(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.failed("1a")
    redis_client.hset("bull:mail:1a", mapping={"atm": 4, "opts": '{"attempts":3}'})
    browser = site.signed_in()

    page = text_of(soup(browser.get("/q/mail/job/1a")).select_one("#job"))

    assert "4 attempts made: all 3 of its own, and 1 by hand." in page
    assert "4 of 3" not in page
    assert "4 of 3" not in text_of(soup(browser.get("/q/mail/failed")).select_one("main"))


def test_two_attempts_are_held_against_each_other(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.failed("1a")
    traces = [
        "Error: a\n    at one (/srv/a.js:1:1)",
        "Error: a\n    at one (/srv/a.js:1:1)",
        "Error: b\n    at one (/srv/a.js:1:1)",
    ]
    redis_client.hset("bull:mail:1a", mapping={"atm": 3, "stacktrace": json.dumps(traces)})
    browser = site.signed_in()

    page = soup(browser.get(PAGE))
    link = next(one for one in page.select("#stack a") if "Compare with attempt 2" in one.get_text())
    changed = soup(browser.get(str(link["href"])))
    alike = soup(browser.get(f"{PAGE}?diff=1..2"))

    assert [
        text_of(line) for line in changed.select("#stack .diff li[data-sign='-'], #stack .diff li[data-sign='+']")
    ] == [
        "- Error: a",
        "+ Error: b",
    ]
    assert "they failed alike" in text_of(alike.select_one("#stack"))
    for nonsense in ("1..9", "x", "..", "9" * 30 + "..1"):
        assert browser.get(f"{PAGE}?diff={nonsense}").status_code == 200


def test_removing_says_how_many_hang_below(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.failed("1a")
    redis_client.sadd("bull:mail:1a:dependencies", "bull:mail:2a", "bull:mail:3a")
    redis_client.hset("bull:mail:1a:processed", "bull:mail:4a", "1")

    page = soup(site.signed_in().post(f"{PAGE}/remove"))

    assert "right below them, will be removed too with all below 3" in [
        text_of(line) for line in page.select(".ledger > div")
    ]


def hold_by_ours(client: redis.Redis) -> None:
    """Make the lock of the job one of a worker that takes requests to stop."""
    client.set("bull:mail:1a:lock", "worker:0:stops", px=60_000)


def test_an_active_job_of_our_worker_is_asked_to_stop(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.active("1a")
    hold_by_ours(redis_client)
    browser = site.signed_in("operator")
    assert soup(browser.get(PAGE)).select("form[action$='/stop'] button") != []

    answer = browser.post(f"{PAGE}/stop", {"reason": "wrong customer"})

    assert browser.messages(answer) == ["Asked the worker to stop job 1a."]
    page = text_of(soup(browser.get(PAGE)).select_one("#job"))
    assert "It is being stopped: stopped by operator: wrong customer." in page
    assert "its worker was asked already" in page
    (entry,) = site.audit()
    assert (entry.action, entry.result, entry.who, entry.reason) == ("stop", "done", "operator", "wrong customer")


def test_a_job_of_another_worker_and_one_that_is_not_active_say_why_they_are_not_stopped(
    site: Site, redis_client: redis.Redis
) -> None:
    site.jobs.active("1a")
    site.jobs.waiting("1b")
    browser = site.signed_in("operator")

    page = text_of(soup(browser.get(PAGE)).select_one("#job-actions"))
    refused = [browser.messages(browser.post(f"/q/mail/job/{one}/stop")) for one in ("1a", "1b", "1c")]
    redis_client.delete("bull:mail:1a:lock")

    assert "only workers of Queue Board's engine can be asked" in page
    assert refused[0] == ["Job 1a is held by a worker that takes no requests to stop; nothing was done."]
    assert "only active jobs can be stopped" in refused[1][0]
    assert "is not in Redis any more" in refused[2][0]
    assert not redis_client.exists("bull:mail:board:stops")
    assert "its worker is gone" in text_of(soup(browser.get(PAGE)).select_one("#job-actions"))
