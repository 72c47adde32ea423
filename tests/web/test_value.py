"""What a job carries as a person opens it: parts, places to copy, a search, a file."""

import json
from collections.abc import Callable
from urllib.parse import quote

import redis

from board.addresses import escape
from tests.web.site import PASSWORD, Site, soup, text_of

PAGE = "/q/mail/job/1a"


def test_a_large_payload_is_folded_on_the_job_page_and_opened_from_there(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.waiting("1a", {"items": [{"n": n, "text": "x" * 100} for n in range(2_000)]})
    browser = site.signed_in("viewer")

    job = soup(browser.get(PAGE))
    link = job.select_one("#data a[href*='/value']")
    assert link is not None
    whole = soup(browser.get(str(link["href"])))
    more = whole.select_one("#value-tree a[href*='from=']")
    assert more is not None
    part = soup(browser.get(str(more["href"])))

    assert len(job.select("#data li")) < 100
    assert "Open all 2" in text_of(link)
    assert text_of(whole.select_one("#value-tree summary")) == "object, 1 key"
    assert text_of(part.select_one(".foot span")) == "201 to 400 of 2,000"
    assert part.select_one("#value-tree ul")["data-first"] == "200"  # type: ignore[index] # or the test fails


def test_a_search_leads_to_the_part_without_scripts(site: Site) -> None:
    site.jobs.waiting("1a", {"customer": {"mail": "ann@example.org"}, "n": 1})
    browser = site.signed_in("viewer")
    form = soup(browser.get(PAGE)).select_one("#data form.find-within")
    assert form is not None

    found = soup(browser.get(f"{form['action']}?field=data&find=ANN@"))
    match = found.select_one(".matches a")
    assert match is not None
    part = soup(browser.get(str(match["href"])))

    assert text_of(match) == "customer.mail"
    assert [button["data-copy"] for button in part.select("#value > header [data-copy]")] == [
        "customer.mail",
        '"ann@example.org"',
    ]


def test_the_whole_is_saved_as_a_file_to_the_last_digit(site: Site, redis_client: redis.Redis) -> None:
    text = '{"z":12345678901234567890123,"a":1e400,"big":"' + "x" * 200_000 + '"}'
    site.jobs.waiting("1a")
    redis_client.hset("bull:mail:1a", "data", text)

    answer = site.signed_in("viewer").get(f"{PAGE}/save?field=data")

    assert answer.text == text
    assert answer.headers["Content-Disposition"] == 'attachment; filename="data.json"'
    assert answer.mimetype == "application/json"


def test_who_may_not_see_data_opens_none_and_that_is_recorded(make_site: Callable[..., Site]) -> None:
    site = make_site(roles="counter: view@*")
    site.jobs.waiting("1a", {"n": 1})
    site.service.users.add("counter", PASSWORD, "counter")
    browser = site.browser()
    browser.sign_in("counter")

    answers = [browser.get(f"{PAGE}/{way}").status_code for way in ("value", "value?find=n", "save", "logs")]

    assert answers == [403, 403, 403, 403]
    assert [entry.action for entry in site.audit()] == ["read data"] * 4


def test_what_is_not_there_is_told(site: Site) -> None:
    site.jobs.waiting("1a", [1])
    browser = site.signed_in("viewer")

    assert browser.get("/q/mail/job/none/value").status_code == 404
    assert browser.get(f"{PAGE}/value?at=9").status_code == 400
    assert browser.get(f"{PAGE}/value?field=opts").status_code == 400
    assert browser.get(f"{PAGE}/save?field=returnvalue").status_code == 400
    assert json.loads(browser.get(f"{PAGE}/save").text) == [1]


def test_the_raw_hash_says_when_redis_deletes_it(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.waiting("1a")
    browser = site.signed_in("viewer")
    before = text_of(soup(browser.get(PAGE)).select_one("#raw"))

    redis_client.pexpire("bull:mail:1a", 7_200_000)

    assert "It does not expire" in before
    assert (
        "Redis deletes it in 1.9" in (after := text_of(soup(browser.get(PAGE)).select_one("#raw"))) or "in 2" in after
    )


def test_a_log_is_searched_and_paged_from_the_job_page_without_scripts(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.failed("1a")
    redis_client.rpush("bull:mail:1a:logs", *(f"{'ERROR' if n == 3 else 'info'} step {n} <b>" for n in range(700)))
    browser = site.signed_in("viewer")
    job = soup(browser.get(PAGE))
    form, earlier = job.select_one("#logs form"), job.select_one("#logs a.button")
    assert form is not None
    assert earlier is not None

    found = soup(browser.get(f"{form['action']}?find=STEP&level=error"))
    before = soup(browser.get(str(earlier["href"])))

    assert [text_of(line) for line in found.select(".log li")] == ["4 error ERROR step 3 <b>"]
    assert "1 found in lines 1 to 700 of 700" in text_of(found.select_one(".foot"))
    assert "Lines 1 to 500 of 700" in text_of(before.select_one(".foot"))
    assert before.select(".foot a[rel=next]") != []
    assert browser.get("/q/mail/job/none/logs").status_code == 404


def test_a_job_that_is_gone_says_what_may_have_become_of_it_and_where_to_look(site: Site) -> None:
    site.jobs.waiting("1a")
    browser = site.signed_in("admin")

    answer = browser.get(f"/q/mail/job/{quote(escape('gone<b>'))}")
    viewer = site.signed_in("viewer").get("/q/mail/job/gone")

    page = soup(answer).select_one("#message")
    assert page is not None
    assert answer.status_code == 404
    assert "Job gone<b> is not in queue mail any more." in text_of(page)
    links = {text_of(link): str(link["href"]) for link in page.select("a.link")}
    assert set(links) == {"Look for it in every queue", "Who did what to mail", "Failures of mail"}
    assert {browser.get(address).status_code for address in links.values()} == {200}
    assert "Who did what" not in viewer.text
