"""The form that adds a job: every option it has, what is wrong beside its field, and what a schema begins it with."""

import json
from collections.abc import Callable
from hashlib import shake_256
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.web.site import Browser, Site, soup, text_of
from tests.web.test_api import write

GOOD = {"name": "send", "data": "{}"}


def wrong(browser: Browser, form: dict[str, str]) -> dict[str, str]:
    """Send the form and return by field what the page says is wrong."""
    answer = browser.post("/q/mail/add", {**GOOD, **form})
    assert answer.status_code == 400
    found = {}
    for one in soup(answer).select("[aria-invalid=true]"):
        label = one.find_parent("label")
        assert label is not None
        found[str(one["name"])] = text_of(label.select(".state")[0])
    return found


@pytest.fixture
def mail(site: Site) -> Site:
    site.jobs.waiting("1a")
    return site


def test_every_option_reaches_the_job(mail: Site, redis_client: redis.Redis) -> None:
    form = {
        "job_id": "order-7",
        "priority": "4",
        "lifo": "1",
        "delay": "2",
        "delay_unit": "min",
        "attempts": "5",
        "backoff": "exponential",
        "backoff_wait": "3",
        "jitter": "50",
        "keep_logs": "9",
        "stack_traces": "2",
        "keep_completed": "10",
        "keep_completed_for": "1",
        "keep_completed_for_unit": "h",
        "keep_failed": "0",
        "once": "debounce",
        "once_id": "user-1",
        "once_for": "8",
        "once_for_unit": "s",
    }

    mail.signed_in("operator").post("/q/mail/add", {**GOOD, **form})

    assert json.loads(str(redis_client.hget("bull:mail:order-7", "opts"))) == {
        "attempts": 5,
        "backoff": {"type": "exponential", "delay": 3_000, "jitter": 0.5},
        "de": {"id": "user-1", "ttl": 8_000, "extend": True, "replace": True},
        "delay": 120_000,
        "jobId": "order-7",
        "kl": 9,
        "lifo": True,
        "priority": 4,
        "removeOnComplete": {"count": 10, "age": 3_600},
        "removeOnFail": 0,
        "stackTraceLimit": 2,
    }


def test_an_empty_form_asks_for_nothing(mail: Site, redis_client: redis.Redis) -> None:
    answer = mail.signed_in("operator").post("/q/mail/add", {**GOOD, "backoff": "fixed", "delay_unit": "s"})

    job_id = answer.headers["Location"].rpartition("/")[2]
    assert json.loads(str(redis_client.hget(f"bull:mail:{job_id}", "opts"))) == {"attempts": 0}


@pytest.mark.parametrize(
    ("form", "problems"),
    [
        (
            {"attempts": "x", "data": "{"},
            {
                "attempts": "A number of attempts is a whole number from 0 to 1,000, not 'x'.",
                "data": "The data are not JSON.",
            },
        ),
        ({"name": ""}, {"name": "A job's name must be text that is not empty, not ''"}),
        ({"delay": "1", "delay_unit": "aeons"}, {"delay": "There is no unit of time 'aeons'."}),
        ({"jitter": "101"}, {"jitter": "A jitter, in percent, is a whole number from 0 to 100, not '101'."}),
        ({"jitter": "10"}, {"backoff_wait": "A jitter needs a wait between tries."}),
        ({"job_id": "12"}, {"job_id": "Job id '12' is not allowed: whole numbers are given by the queue itself"}),
        ({"once": "until_done"}, {"once_id": "Jobs that count as one need an id that they share."}),
        ({"once": "throttle", "once_id": "a"}, {"once_for": "This needs a length of time."}),
    ],
)
def test_what_is_wrong_stands_beside_its_field(mail: Site, form: dict[str, str], problems: dict[str, str]) -> None:
    found = wrong(mail.signed_in("operator"), form)

    assert found.keys() == problems.keys()
    assert all(found[name].startswith(told) for name, told in problems.items()), found


def test_options_are_folded_until_one_is_asked_for(mail: Site) -> None:
    browser = mail.signed_in("operator")

    asked = browser.post("/q/mail/add", {**GOOD, "data": "{", "attempts": "3"})

    assert soup(browser.get("/q/mail/add")).select("form.form > details[open]") == []
    assert len(soup(asked).select("form.form > details[open]")) == 1


def test_a_choice_that_there_is_not_is_refused(mail: Site, redis_client: redis.Redis) -> None:
    answer = mail.signed_in("operator").post("/q/mail/add", {**GOOD, "once": "twice"})

    assert answer.status_code == 400
    assert "There is no choice 'twice' here." in text_of(soup(answer))
    assert redis_client.llen("bull:mail:wait") == 1


def test_the_message_leads_to_the_job_from_where_the_form_was_opened(mail: Site) -> None:
    browser = mail.signed_in("operator")
    opened = browser.get("/q/mail/add?next=/q/mail/failed%3Fsort%3Doldest")
    back = str(soup(opened).select("form.form input[name=next]")[0]["value"])

    answer = browser.post("/q/mail/add", {**GOOD, "job_id": "<b>7", "next": back})

    assert answer.headers["Location"] == "/q/mail/failed?sort=oldest"
    toast = soup(browser.get(answer.headers["Location"])).select("[data-toast]")[0]
    assert text_of(toast).startswith("Added job <b>7")
    assert toast.select("a")[0]["href"] == "/q/mail/job/!3Cb!3E7"


def test_the_message_about_a_job_with_a_very_long_id_is_told_too(mail: Site) -> None:
    """A browser drops a cookie of more than four kilobytes, and with it the message."""
    browser = mail.signed_in("operator")
    job_id = f"<{shake_256(b'').hexdigest(4_000)}>"  # which compresses badly

    answer = browser.post("/q/mail/add", {**GOOD, "job_id": job_id, "next": "/q/mail/failed"})

    assert len(answer.headers["Set-Cookie"]) < 4_000
    (told,) = browser.messages(answer)
    assert told.startswith(f"Added job {job_id[:80]}…")


@pytest.mark.parametrize(
    "form", [{"job_id": "order-7"}, {"once": "until_done", "once_id": "user-1"}], ids=["its id", "deduplication"]
)
def test_a_job_that_is_there_already_is_not_said_to_be_added(
    mail: Site, redis_client: redis.Redis, form: dict[str, str]
) -> None:
    browser = mail.signed_in("operator")

    first = browser.messages(browser.post("/q/mail/add", {**GOOD, **form}))
    again = browser.messages(browser.post("/q/mail/add", {**GOOD, **form}))

    assert first[0].startswith("Added job ")
    assert again[0].endswith("is there already; nothing was added.")
    assert redis_client.llen("bull:mail:wait") == 2
    assert [(entry.result, entry.done) for entry in mail.audit()] == [("done", 1), ("nothing", 0)]


def test_the_form_leads_nowhere_outside(mail: Site) -> None:
    browser = mail.signed_in("operator")

    page = soup(browser.get("/q/mail/add?next=//evil.example/"))
    answer = browser.post("/q/mail/add", {**GOOD, "job_id": "x1", "next": "//evil.example/"})

    assert page.select("form.form input[name=next]") == []
    assert answer.headers["Location"] == "/q/mail/job/x1"


def test_programs_give_the_same_options(mail: Site, redis_client: redis.Redis) -> None:
    browser = mail.signed_in("operator")
    body = {
        "name": "send",
        "job_id": "order-8",
        "attempts": 4,
        "backoff": "exponential",
        "backoff_ms": 1_000,
        "jitter_percent": 25,
        "keep_completed": 5,
        "keep_failed": 0,
        "deduplication_id": "user-1",
        "deduplication_ms": 60_000,
    }

    added = write(browser, "/queues/mail/jobs", body)
    alone = [write(browser, "/queues/mail/jobs", {"name": "send", **one})[0] for one in HALVES]

    options = json.loads(str(redis_client.hget("bull:mail:order-8", "opts")))
    assert added[0] == 200
    assert options["backoff"] == {"type": "exponential", "delay": 1_000, "jitter": 0.25}
    assert options["de"] == {"id": "user-1", "ttl": 60_000}
    assert (options["removeOnComplete"], options["removeOnFail"]) == (5, 0)
    assert alone == [400] * len(HALVES)
    assert redis_client.llen("bull:mail:wait") == 2


HALVES = ({"backoff": "fixed"}, {"jitter_percent": 5}, {"deduplication_ms": 5})
"""Options that belong to another one."""


@pytest.fixture
def asking(make_site: Callable[..., Site], tmp_path: Path) -> Callable[[list[dict[str, Any]]], Browser]:
    """A function that declares schemas and returns somebody before that board."""

    def make(entries: list[dict[str, Any]]) -> Browser:
        path = tmp_path / "schemas.json"
        path.write_text(json.dumps(entries))
        site = make_site(schemas=str(path))
        site.jobs.waiting("1a")
        return site.signed_in("operator")

    return make


def begun(browser: Browser, query: str = "") -> tuple[str, Any]:
    form = soup(browser.get(f"/q/mail/add{query}"))
    return str(form.select("input[name=name]")[0]["value"]), json.loads(form.select("textarea")[0].get_text())


WELCOME = {"properties": {"userId": {"type": "integer"}}, "required": ["userId"]}


def test_the_only_schema_of_a_queue_begins_the_form(asking: Callable[[list[dict[str, Any]]], Browser]) -> None:
    browser = asking(
        [{"queue": "mail", "job": "welcome", "schema": WELCOME}, {"queue": "sms", "schema": {"type": "array"}}]
    )

    assert begun(browser) == ("welcome", {"userId": 0})
    assert begun(browser, "?name=other") == ("other", {})


def test_of_several_schemas_one_is_chosen(asking: Callable[[list[dict[str, Any]]], Browser]) -> None:
    browser = asking(
        [{"queue": "mail", "job": "welcome", "schema": WELCOME}, {"queue": "m*", "schema": {"type": "array"}}]
    )

    page = soup(browser.get("/q/mail/add"))
    link = page.select_one('a[href*="name=welcome"]')

    assert begun(browser) == ("", {})
    assert link is not None
    assert begun(browser, "?name=welcome") == ("welcome", {"userId": 0})
    assert begun(browser, "?name=bye") == ("bye", [])
    assert [one["value"] for one in page.select("datalist#name-choices option")] == ["welcome"]
    assert [text_of(one) for one in page.select("summary")][:2] == [
        "What the data of jobs named welcome must be",
        "What the data must be",
    ]


def test_a_hostile_schema_is_shown_as_text(asking: Callable[[list[dict[str, Any]]], Browser]) -> None:
    evil = "<img src=x onerror=alert(1)>"
    browser = asking(
        [{"queue": "mail", "schema": {"title": evil, "properties": {evil: {"const": evil, "default": evil}}}}]
    )

    page = soup(browser.get("/q/mail/add"))

    assert page.select("img") == []
    assert evil in text_of(page)
