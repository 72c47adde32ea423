"""Pages in German: the second language that is offered, and the proof that a language is one file."""

import re
from collections.abc import Callable

import pytest
import redis
from bs4 import BeautifulSoup

from tests.web.site import Browser, Site


def page(browser: Browser, path: str, language: str) -> BeautifulSoup:
    answer = browser.get(path, **{"Accept-Language": language})
    assert answer.status_code == 200
    return BeautifulSoup(answer.text, "html5lib")


@pytest.fixture
def person(site: Site) -> Browser:
    site.jobs.failed("1a")
    return site.signed_in()


@pytest.mark.parametrize(
    ("asked", "spoken", "title"),
    [
        ("de", "de", "Übersicht"),
        ("de-AT,de;q=0.9,en;q=0.8", "de", "Übersicht"),
        ("en-GB,en;q=0.9,de;q=0.8", "en", "Overview"),
        ("fr,es;q=0.9", "en", "Overview"),
    ],
)
def test_a_page_speaks_the_first_language_that_is_asked_for_and_offered(
    person: Browser, asked: str, spoken: str, title: str
) -> None:
    seen = page(person, "/", asked)

    assert seen.html is not None
    assert seen.html["lang"] == spoken
    assert seen.h1 is not None
    assert title in seen.h1.get_text()


def test_what_is_read_once_is_told_to_each_in_their_language(person: Browser) -> None:
    told = [page(person, "/", language).get_text(" ", strip=True) for language in ("en", "de", "en")]

    assert "has 1 failed job" in told[0]
    assert "hat 1 fehlgeschlagenen Job" in told[1]
    assert told[0].count("failed") == told[2].count("failed")


def test_numbers_and_times_are_written_the_german_way(site: Site, person: Browser) -> None:
    for number in range(1_000):
        site.jobs.waiting(f"n{number}")

    seen = page(person, "/q/mail/waiting", "de")

    assert "20 von 1.000 Jobs" in seen.get_text(" ", strip=True)
    assert {time.get_text().split()[0] for time in seen.select("tbody time")} <= {"jetzt", "vor"}


def test_a_board_speaks_one_language_to_all_when_it_is_told_to(make_site: Callable[..., Site]) -> None:
    seen = page(make_site(language="de").signed_in(), "/", "en")

    assert seen.html is not None
    assert seen.html["lang"] == "de"


GERMAN = {"Accept-Language": "de"}


def test_what_an_action_did_is_told_in_the_language_of_the_reader(site: Site, person: Browser) -> None:
    site.jobs.waiting("2b")
    person.post("/q/mail/job/2b/retry", {}, **GERMAN)
    left = page(person, "/q/mail/failed", "de").get_text(" ", strip=True)
    person.post("/q/mail/job/1a/retry", {}, **GERMAN)
    done = page(person, "/q/mail/failed", "de").get_text(" ", strip=True)

    assert "Job 2b ist wartend; nur fehlgeschlagene oder abgeschlossene Jobs lassen sich wiederholen." in left
    assert "Job 1a wiederholt." in done


def test_what_holds_a_flow_back_is_told_in_the_language_of_the_reader(site: Site, person: Browser) -> None:
    site.jobs.parent_of("audio", "cuts")
    site.jobs.fail_next("audio")

    flow = page(person, "/flows/mail/audio", "de").get_text(" ", strip=True)
    asked = person.post("/q/mail/job/audio/ignore", {}, **GERMAN).text

    assert "1 fehlgeschlagener Job hält send auf: send: " in flow
    assert "Eltern-Job parent von mail: Wartet auf Kinder" in asked


def test_what_is_broken_about_a_job_is_told_in_the_language_of_the_reader(
    person: Browser, redis_client: redis.Redis
) -> None:
    redis_client.hset("bull:mail:1a", "data", "{")
    redis_client.hdel("bull:mail:1a", "name")

    told = page(person, "/q/mail/failed?job=1a", "de").get_text(" ", strip=True)

    assert "der Hash hat kein Feld „name“; die Daten sind kein JSON. " in told
    assert "1 von 1" in told


def test_what_is_broken_about_the_jobs_of_a_list_is_told_in_the_language_of_the_reader(
    site: Site, person: Browser, redis_client: redis.Redis
) -> None:
    site.jobs.failed("2b")
    site.jobs.failed("3c")
    redis_client.hset("bull:mail:1a", mapping={"data": "{", "opts": "-", "timestamp": "soon"})
    redis_client.hdel("bull:mail:2b", "name")
    redis_client.delete("bull:mail:3c")
    redis_client.set("bull:mail:3c", "a text")

    for path in ("/q/mail/failed", "/failures"):
        seen = page(person, path, "de")
        told = {text.get_text(strip=True) for text in seen.select(".job-broken .truncate > .muted")}

        assert told == {
            "die Daten sind kein JSON; die Optionen sind kein JSON; der Zeitpunkt der Erstellung ist keine Zahl",
            "der Hash hat kein Feld „name“",
            "unter seinem Schlüssel liegt kein Job, sondern: string",
        }


def test_the_audit_log_keeps_english_whatever_the_person_reads(site: Site, person: Browser) -> None:
    site.jobs.waiting("2b")
    person.post("/q/mail/job/2b/retry", {}, **GERMAN)

    (entry, *_) = site.service.connection.call(site.service.audit.read(None, 1))
    assert entry.entry is not None
    assert entry.entry.detail == "2b is waiting; only failed or completed jobs can be retried"


@pytest.mark.parametrize(
    ("path", "form", "told"),
    [
        ("/q/mail/add", {"name": "send", "data": "{"}, "Die Daten sind kein JSON."),
        ("/q/mail/add", {"name": "send", "data": "{}", "priority": "x"}, "Eine Priorität ist eine ganze Zahl von 0"),
        (
            "/q/mail/schedulers/new",
            {"id": "", "pattern": "* * * * *", "confirmed": "1"},
            "Ein Scheduler braucht eine ID mit höchstens",
        ),
        ("/q/mail/add", {"name": "send", "data": "{}", "job_id": "12"}, "Job-ID '12' ist nicht erlaubt: ganze Zahlen"),
        (
            "/q/mail/add",
            {"name": "send", "data": "{}", "job_id": "7"},
            "fügen Sie einen Buchstaben hinzu, etwa order-7",
        ),
        (
            "/q/mail/schedulers/new",
            {"id": "a", "pattern": "* * * * *", "options": '{"attempts": -1}'},
            "Attempts muss eine ganze Zahl von 0 bis",
        ),
        ("/q/mail/schedulers/new", {"id": "a", "pattern": ""}, "Es fehlt ein Cron-Muster"),
        ("/q/mail/schedulers/new", {"id": "a", "pattern": "* *"}, "Das Cron-Muster '* *' hat 2 Felder"),
        ("/q/mail/schedulers/new", {"id": "a", "pattern": "61 * * * *"}, "'61 * * * *' ist nicht lesbar"),
        ("/q/mail/schedulers/new", {"id": "a", "pattern": "0 0 30 2 *"}, "Er liefe nie"),
        ("/q/mail/schedulers/new", {"id": "a", "pattern": "* * * * *", "tz": "X"}, "Unbekannte Zeitzone 'X'"),
        ("/q/mail/schedulers/new", {"id": "a", "kind": "every", "every": "x"}, "Das Intervall ist eine ganze Zahl"),
        ("/settings/users", {"user": "a b", "role": "viewer"}, "Ein Benutzername hat 1 bis"),
        ("/settings/tokens", {"token": "A B", "role": "viewer", "days": "1"}, "Der Name eines Tokens hat 1 bis 48"),
        ("/health/history/accept", {"until": "2031-12-31"}, "Den Grund in 1 bis 500 Zeichen angeben."),
    ],
)
def test_a_form_that_is_refused_says_why_in_the_language_of_the_reader(
    person: Browser, path: str, form: dict[str, str], told: str
) -> None:
    answer = person.post(path, form, **GERMAN)

    assert answer.status_code == 400
    assert told in BeautifulSoup(answer.text, "html5lib").get_text(" ", strip=True)


@pytest.mark.parametrize(
    ("path", "form", "told"),
    [
        ("/q/mail/retry-all", {}, "1 Job von mail auf"),
        ("/q/mail/obliterate", {}, "Zum Fortfahren mail eingeben"),
        ("/q/mail/job/1a/remove", {}, "fehlgeschlagen, wird entfernt"),
    ],
)
def test_what_is_asked_before_an_action_is_asked_in_german(
    person: Browser, path: str, form: dict[str, str], told: str
) -> None:
    answer = person.post(path, form, **GERMAN)

    assert answer.status_code == 200
    assert told in BeautifulSoup(answer.text, "html5lib").get_text(" ", strip=True)


def test_amounts_within_sentences_are_written_the_german_way_too(person: Browser) -> None:
    seen = page(person, "/health", "de").get_text(" ", strip=True)

    assert re.search(r"Redis antwortet in \d+,\d ms", seen)
    assert re.search(r"Redis answers in \d+\.\d ms", page(person, "/health", "en").get_text(" ", strip=True))
