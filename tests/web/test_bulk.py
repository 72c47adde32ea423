"""Bulk runs in a browser: planned, started, watched, stopped; seen and started only by who may."""

import json
import threading

import pytest
import redis

from board.background import Turn
from board.bulk import Runner, Runs
from board.service import wall_clock_ms
from tests.queries.jobs import Filler
from tests.web.site import Browser, Site, soup, text_of


def fill(site: Site, count: int, name: str = "send") -> Filler:
    mail = Filler(redis.Redis.from_url(site.settings.redis_url, decode_responses=True)).open()
    for n in range(count):
        mail.failed(f"{name}-{n}", wall_clock_ms() - 10_000 + n, name=name)
    return mail


def token_of(page: object) -> str:
    return str(soup(page).select_one("input[name=token]")["value"])  # type: ignore[arg-type, index]


def carry_out(site: Site) -> None:
    turn = Turn(1, is_first=True, keep=lambda: None, ending=threading.Event())
    Runner(site.service.desk, site.service.namespace).step(turn)


def begin(site: Site, browser: Browser, path: str, **form: str) -> str:
    """Plan a run, start it and return where it is shown."""
    plan = browser.get(path)
    answer = browser.post("/bulk", {"token": token_of(plan), **form})
    assert answer.status_code == 303, text_of(soup(answer).select_one("main"))
    return str(answer.headers["Location"])


def test_all_that_match_run_again_after_a_plan(site: Site) -> None:
    mail = fill(site, 30)
    fill(site, 4, "other")
    browser = site.signed_in("operator")

    listed = browser.get("/q/mail/failed?q=name:send")
    link = next(a for a in soup(listed).select("a.button") if "Retry all matching" in text_of(a))
    plan = browser.get(str(link["href"]))
    assert "Retry 30 jobs of mail" in text_of(soup(plan).select_one("h2"))
    assert "name is “send”" in text_of(soup(plan).select_one("main"))
    shown = browser.post("/bulk", {"token": token_of(plan), "pace": "0"}).headers["Location"]
    carry_out(site)

    page = browser.get(shown)
    facts = text_of(soup(page).select_one("dl.facts"))
    assert "Retried 30" in facts
    assert "Looked at 34" in facts
    assert mail.client.zcard(mail.key("failed")) == 4
    assert [(entry.action, entry.done) for entry in site.audit()] == [("start bulk retry", 0), ("bulk retry", 30)]
    assert "Bulk runs" in browser.get("/bulk").text


def test_a_removal_asks_for_the_name(site: Site) -> None:
    mail = fill(site, 3)
    browser = site.signed_in("admin")
    plan = browser.get("/bulk/plan?verb=remove&in=mail/failed")

    refused = browser.post("/bulk", {"token": token_of(plan), "typed": "mial"})
    assert "type mail" in text_of(soup(refused).select_one("[role=alert]"))
    carry_out(site)
    assert mail.client.zcard(mail.key("failed")) == 3

    begin(site, browser, "/bulk/plan?verb=remove&in=mail/failed", typed="mail")
    carry_out(site)
    assert mail.client.zcard(mail.key("failed")) == 0


def test_what_changed_much_since_the_plan_is_asked_again(site: Site) -> None:
    fill(site, 5)
    browser = site.signed_in("operator")
    plan = browser.get("/bulk/plan?verb=retry&in=mail/failed")
    fill(site, 150, "more")

    answer = browser.post("/bulk", {"token": token_of(plan)})

    assert "There were 5 jobs when this was planned, and there are 155 now." in text_of(soup(answer))
    assert site.audit() == []


def test_what_came_after_the_plan_is_left_alone(site: Site) -> None:
    mail = fill(site, 5)
    browser = site.signed_in("operator")
    plan = browser.get("/bulk/plan?verb=retry&in=mail/failed")
    mail.failed("later", wall_clock_ms() + 5_000)

    browser.post("/bulk", {"token": token_of(plan)})
    carry_out(site)

    assert mail.client.zrange(mail.key("failed"), 0, -1) == ["later"]


def test_a_run_is_stopped_from_its_page_and_everybody_sees_the_strip(site: Site) -> None:
    fill(site, 500)
    browser = site.signed_in("operator")
    shown = begin(site, browser, "/bulk/plan?verb=retry&in=mail/failed", pace="100")
    carry_out(site)
    site.service.look_again()

    strip = soup(site.signed_in("viewer").get("/")).select_one(".strip a")
    assert "Retry mail" in text_of(strip)
    assert browser.messages(browser.post(f"{shown}/stop")) == ["The run stops before its next step."]
    carry_out(site)
    page = browser.get(shown)
    assert "Stopped" in text_of(soup(page).select_one("header.top"))
    assert browser.messages(browser.post(f"{shown}/go-on")) == ["The run goes on."]


def test_a_run_that_goes_on_is_nowhere_said_to_be_done(site: Site) -> None:
    mail = fill(site, 3)
    browser = site.signed_in("operator")
    shown = begin(site, browser, "/bulk/plan?verb=retry&in=mail/failed")
    namespace, run_id = site.service.namespace, shown.rpartition("/")[2]
    mail.client.hset(namespace.bulk("run", run_id), "looked", 3)
    summary = {"verb": "retry", "done": 3, "share": 0.996, "queues": [["bull", "mail"]]}
    mail.client.hset(namespace.bulk("open"), run_id, json.dumps(summary))
    site.service.look_again()

    page = soup(browser.get(shown))

    assert [bar["aria-label"] for bar in page.select("progress")] == ["99% done"] * 2
    assert "99% done" in text_of(page.title)
    assert "Running, 99%" in text_of(soup(browser.get("/bulk")).select_one("tbody"))


@pytest.mark.parametrize(
    "path", ["/bulk/plan?verb=retry", "/bulk/plan?verb=x&in=mail/failed", "/bulk/plan?verb=retry&in=mail"]
)
def test_nonsense_is_refused_in_words(site: Site, path: str) -> None:
    fill(site, 1)

    assert site.signed_in().get(path).status_code == 400


def test_a_token_of_nobody_or_somebody_else_starts_nothing(site: Site) -> None:
    fill(site, 1)
    theirs = token_of(site.signed_in("admin").get("/bulk/plan?verb=retry&in=mail/failed"))
    browser = site.signed_in("operator")

    assert browser.post("/bulk", {"token": "forged"}).status_code == 400
    assert browser.post("/bulk", {"token": theirs}).status_code == 400
    assert site.service.connection.call(Runs(site.service.namespace).open()) == {}


def test_a_viewer_starts_nothing_and_it_is_recorded(site: Site) -> None:
    fill(site, 1)
    browser = site.signed_in("viewer")
    plan = browser.get("/bulk/plan?verb=retry&in=mail/failed")

    assert browser.post("/bulk", {"token": token_of(plan)}).status_code == 403
    assert [(entry.action, entry.result) for entry in site.audit()] == [("start bulk retry", "refused")]
    assert "Retry all" not in text_of(soup(browser.get("/q/mail/failed")).select_one("main .tools"))


def test_the_list_of_runs_is_one_round_trip_however_many_there_are(site: Site) -> None:
    fill(site, 3)
    browser = site.signed_in("operator")
    for _ in range(5):
        begin(site, browser, "/bulk/plan?verb=retry&in=mail/failed")
    connection = site.service.connection
    browser.get("/bulk")  # what the sidebar shows is fresh
    before = connection.round_trips

    page = browser.get("/bulk")

    assert connection.round_trips - before == 2  # the sign-in, and the list
    assert len(soup(page).select("tbody tr")) == 5
