"""Jobs as files: what is in them, what never is, and that taking them along is recorded."""

import csv
import io
import json

import pytest
import redis

from tests.queries.jobs import NOW, SECRET, Filler, fill_broken
from tests.web.site import Browser, Site


@pytest.fixture
def mail(redis_client: redis.Redis) -> Filler:
    mail = Filler(redis_client).open()
    mail.failed("1", NOW, data=f'{{"n":12345678901234567890.10,\n"password":"{SECRET}","x":1}}')
    mail.failed("2", NOW - 1, name="=HYPERLINK(1)", data="{oops", failedReason="+1+1")
    mail.failed("3", NOW - 2, name="-2+3")
    return mail


def exported(browser: Browser, kind: str, **form: object) -> str:
    browser.get("/q/mail/failed")
    answer = browser.post("/q/mail/failed/export", {"format": kind, **form})
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["Content-Disposition"]
    return answer.text


def test_every_format_holds_all_that_match_with_every_digit_and_no_secret(site: Site, mail: Filler) -> None:
    browser = site.signed_in("viewer")

    lines = exported(browser, "ndjson")
    whole = exported(browser, "json")
    table = exported(browser, "csv")

    assert [json.loads(line)["id"] for line in lines.splitlines()] == ["1", "2", "3"]
    assert [job["id"] for job in json.loads(whole)] == ["1", "2", "3"]
    assert '"n":12345678901234567890.10' in lines
    assert json.loads(lines.splitlines()[1])["data_text"] == "{oops"
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["id"] for row in rows] == ["1", "2", "3"]
    assert [row["name"] for row in rows[1:]] == ["'=HYPERLINK(1)", "'-2+3"]
    assert rows[1]["error"] == "'+1+1"
    assert SECRET not in lines + whole + table


def test_the_ticked_ones_and_those_that_match(site: Site, mail: Filler) -> None:
    browser = site.signed_in("viewer")

    ticked = exported(browser, "ndjson", id=["3", "1"])
    matching = exported(browser, "ndjson", q="id:2")

    assert [json.loads(line)["id"] for line in ticked.splitlines()] == ["1", "3"]
    assert [json.loads(line)["id"] for line in matching.splitlines()] == ["2"]
    entries = [(entry.action, entry.queue, entry.count, entry.detail) for entry in site.audit()]
    assert entries == [
        ("export jobs", "mail", 2, "ndjson, failed: 2 ticked"),
        ("export jobs", "mail", 0, "ndjson, failed: id:2"),
    ]


def test_broken_jobs_are_lines_like_any_other(site: Site, redis_client: redis.Redis) -> None:
    fill_broken(redis_client)

    for kind in ("ndjson", "json", "csv"):
        assert "not-json" in exported(site.signed_in("viewer"), kind)


@pytest.mark.parametrize("form", [{"format": "xml"}, {"format": "csv", "q": "attempts:many"}])
def test_nonsense_is_refused(site: Site, mail: Filler, form: dict[str, str]) -> None:
    browser = site.signed_in("viewer")

    assert browser.post("/q/mail/failed/export", form).status_code == 400
