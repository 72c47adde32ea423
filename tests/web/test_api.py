"""The JSON API: the pages' queries and actions for programs."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import redis

from board.web.api.operations import OPERATIONS
from tests.recorder.conftest import Process
from tests.web.site import Browser, Site


def read(browser: Browser, path: str) -> Any:
    """Ask and return the answer, which must be a good one."""
    answer = browser.get("/api/v1" + path)
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/json"
    return json.loads(answer.text)


def write(browser: Browser, path: str, body: Any = None) -> Any:
    """Do something with the form token in its header and return status and answer."""
    answer = browser.client.post(
        "/api/v1" + path,
        data=json.dumps(body) if body is not None else None,
        headers={"X-CSRFToken": browser.token, "Sec-Fetch-Site": "same-origin"},
    )
    return answer.status_code, json.loads(answer.text)


def test_every_operation_is_described_and_everything_described_is_a_route(site: Site) -> None:
    described = read(site.signed_in(), "/openapi.json")

    routes = {
        (_template(rule.rule), method.lower())
        for rule in site.app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, each in described["paths"].items() for method in each} == routes
    assert len(routes) == len(OPERATIONS) > 15
    assert described["openapi"] == "3.1.0"


def _template(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def test_queues_come_in_pages_by_name(site: Site) -> None:
    for number in range(5):
        site.jobs.queue = type(site.jobs.queue)("bull", f"q{number}")
        site.jobs.waiting("a")
    browser = site.signed_in()

    found, after = [], ""
    for _ in range(3):
        page = read(browser, f"/queues?size=2&after={after}")
        found += [row["queue"]["name"] for row in page["queues"]]
        after = page["next"]

    assert found == [f"q{number}" for number in range(5)]
    assert after is None


def test_queues_tell_what_the_recorder_and_the_audit_log_know(site: Site) -> None:
    site.jobs.failed("1a")
    site.jobs.waiting("1b")
    Process(site.service).catch_up()
    browser = site.signed_in()
    write(browser, "/queues/mail/pause")

    rows = [read(browser, "/queues")["queues"][0], read(browser, "/queues/mail")["queue"]]
    sentences = [one["sentence"] for one in read(browser, "/attention")["attention"]]

    assert [(row["summary"]["failed"], len(row["summary"]["failed_line"])) for row in rows] == [(1, 30)] * 2
    assert any("admin" in sentence for sentence in sentences), sentences


def test_a_job_is_told_to_the_last_digit(site: Site) -> None:
    text = '{"n": 12345678901234567890.10, "big": 9007199254740993, "a": 1, "a": 2}'
    browser = site.signed_in()

    answer = browser.client.post(
        "/api/v1/queues/mail/jobs",
        data='{"name": "send", "job_id": "x1", "data": ' + text + "}",
        headers={"X-CSRFToken": browser.token},
    )
    site.jobs.waiting("warm-up")

    assert answer.status_code == 404, "there is no queue of that name yet"
    answer = browser.client.post(
        "/api/v1/queues/mail/jobs",
        data='{"name": "send", "job_id": "x1", "data": ' + text + "}",
        headers={"X-CSRFToken": browser.token},
    )
    assert answer.status_code == 200, answer.text
    shown = browser.get("/api/v1/queues/mail/jobs/x1").text.replace(" ", "")
    assert text.replace(" ", "") in shown


def test_secrets_are_hidden(site: Site) -> None:
    site.jobs.waiting("1a", {"password": "hunter2", "user": "ann"})

    answer = site.signed_in().get("/api/v1/queues/mail/jobs/1a")

    assert "hunter2" not in answer.text
    assert "ann" in answer.text


def test_a_failed_job_is_found_read_and_repaired(site: Site) -> None:
    site.jobs.failed("1a", "no such recipient")
    browser = site.signed_in("operator")

    listed = read(browser, "/queues/mail/jobs?state=failed")
    failures = read(browser, "/failures")
    one = read(browser, "/queues/mail/jobs/1a")
    status, done = write(browser, "/queues/mail/retry", {"ids": ["1a", "nothing"]})

    assert [job["id"] for job in listed["jobs"]] == [job["id"] for job in failures["jobs"]] == ["1a"]
    assert one["failed_reason"] == "no such recipient"
    assert one["attempts"][0]["frames"]
    assert status == 200
    assert done["done"] == ["1a"]
    assert [one["job_id"] for one in done["refused"]] == ["nothing"]
    assert site.audit()[-1].who == "operator"


def test_what_was_done_is_in_the_log(site: Site) -> None:
    site.jobs.waiting("1a")
    browser = site.signed_in()
    write(browser, "/queues/mail/pause")

    entries = read(browser, "/audit?action=pause")["entries"]

    assert [(entry["who"], entry["action"], entry["queue"]["name"]) for entry in entries] == [
        ("admin", "pause", "mail")
    ]


WRONG: list[tuple[str, Any, int, str]] = [
    ("/queues/mail/retry", {}, 400, "lacks ids"),
    ("/queues/mail/retry", {"ids": []}, 400, "ids must be a list of 1 to 100 texts"),
    ("/queues/mail/retry", {"ids": "1a"}, 400, "ids must be a list"),
    ("/queues/mail/retry", [], 400, "must be a JSON object"),
    ("/queues/mail/pause", {"why": 1}, 400, "There is no field 'why'"),
    ("/queues/mail/clean", {"state": "failed", "older_ms": 1.5}, 400, "older_ms must be a whole number"),
    ("/queues/mail/jobs", {"name": ""}, 400, "name must be a text, not empty"),
    ("/queues/nothing/pause", None, 404, "nothing"),
    ("/queues/mail/obliterate", {"name": "other"}, 400, "not the queue's"),
]


@pytest.mark.parametrize(("path", "body", "status", "words"), WRONG)
def test_what_is_asked_wrongly_is_refused_in_words(site: Site, path: str, body: Any, status: int, words: str) -> None:
    site.jobs.failed("1a")

    got, answer = write(site.signed_in(), path, body)

    assert got == answer["error"]["status"] == status
    assert words in answer["error"]["message"]
    assert answer["error"]["request_id"]


def test_without_sign_in_the_answer_is_401_in_json(site: Site) -> None:
    answer = site.browser().get("/api/v1/queues")

    assert answer.status_code == 401
    assert json.loads(answer.text)["error"]["status"] == 401
    assert "Location" not in answer.headers


def test_a_sign_in_writes_only_with_the_token_of_a_page(site: Site) -> None:
    site.jobs.waiting("1a")
    browser = site.signed_in()

    answer = browser.client.post("/api/v1/queues/mail/pause")

    assert answer.status_code == 403
    assert not site.jobs.is_paused()


def test_unknown_addresses_and_methods_are_answered_in_json(site: Site) -> None:
    browser = site.signed_in()

    for answer, status in (
        (browser.get("/api/v1/nothing"), 404),
        (browser.client.post("/api/v1/queues", headers={"X-CSRFToken": browser.token}), 405),
        (browser.get("/api/v1/queues?size=none"), 400),
        (browser.get("/api/v1/queues?colour=red"), 400),
    ):
        assert answer.status_code == status
        assert json.loads(answer.text)["error"]["status"] == status


def test_a_board_for_looking_refuses_every_action(make_site: Callable[..., Site]) -> None:
    site = make_site(read_only=True)
    site.jobs.waiting("1a")

    status, answer = write(site.signed_in(), "/queues/mail/pause")

    assert status == 403
    assert "read-only" in answer["error"]["message"]


def test_workers_schedulers_and_flows_are_told_too(site: Site) -> None:
    site.jobs.active("1a")
    browser = site.signed_in()
    status, added = write(browser, "/queues/mail/jobs", {"name": "send", "job_id": "late", "delay_ms": 60_000})
    moved = write(browser, "/queues/mail/jobs/late/delay", {"delay_ms": 120_000})

    assert (status, added["done"]) == (200, ["late"])
    assert moved[0] == 200, moved
    assert read(browser, "/workers")["active"] == 1
    assert read(browser, "/schedulers")["schedulers"] == []
    assert read(browser, "/queues/mail/jobs/late/flow")["root"]["link"]["id"] == "late"
    assert read(browser, "/flows")["total"] == 0


def test_data_are_edited_to_the_last_digit_with_hidden_values_kept(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.failed("1a")
    redis_client.hset("bull:mail:1a", "data", '{"password":"hunter2","n":1}')
    browser = site.signed_in()

    status, answer = write(
        browser,
        "/queues/mail/jobs/1a/data",
        {"data": {"password": "[redacted]", "n": 12345678901234567890123}, "retry": True},
    )

    assert (status, answer["done"], answer["action"]) == (200, ["1a"], "edit data")
    assert redis_client.hget("bull:mail:1a", "data") == '{"password":"hunter2","n":12345678901234567890123}'
    assert read(browser, "/queues/mail/jobs/1a")["state"] == "waiting"
    refused = write(browser, "/queues/mail/jobs/1a/data", {"data": {"pin": "[redacted]"}})
    assert refused[0] == 400
    assert "hidden value" in refused[1]["error"]["message"]


def test_a_failed_job_is_buried_and_another_retried_afresh(site: Site) -> None:
    site.jobs.failed("1a")
    site.jobs.failed("1b")
    browser = site.signed_in()

    own = write(browser, "/queues/mail/jobs/1a/bury", {"grave": "mail"})
    status, buried = write(browser, "/queues/mail/jobs/1a/bury", {"grave": "mail-dlq"})
    _, afresh = write(browser, "/queues/mail/jobs/1b/retry-afresh")
    _, stopped = write(browser, "/queues/mail/jobs/1b/stop")

    assert own[0] == 400
    assert (status, buried["done"], afresh["done"]) == (200, ["1a"], ["1b"])
    assert read(browser, "/queues/mail/jobs/1b")["attempts_made"] == 0
    assert stopped["refused"][0]["reason"].startswith("is in no worker's hands")


def test_a_scheduler_is_made_and_changed(site: Site) -> None:
    site.jobs.waiting("1a")
    browser = site.signed_in()
    path = "/queues/mail/schedulers/report/save"

    made = write(browser, path, {"pattern": "0 9 * * 1", "tz": "Asia/Saigon", "data": {"n": 1}})
    first = read(browser, "/schedulers")["schedulers"][0]
    changed = write(browser, path, {"every_ms": 60_000, "name": "tick", "options": {"attempts": 3}})
    second = read(browser, "/schedulers")["schedulers"][0]

    assert (made[0], changed[0]) == (200, 200), (made, changed)
    assert (first["raw"], first["tz"]) == ("0 9 * * 1", "Asia/Saigon")
    assert (second["words"], second["name"]) == ("Every minute", "tick")
    for wrong in ({}, {"pattern": "nonsense"}, {"pattern": "* * * * *", "every_ms": 5}, {"every_ms": 5, "options": []}):
        status, answer = write(browser, path, wrong)
        assert (status, bool(answer["error"]["message"])) == (400, True), wrong


def test_a_large_payload_is_read_by_parts_and_flows_are_listed(site: Site) -> None:
    site.jobs.waiting("1a", {"items": [{"n": n} for n in range(500)]})
    browser = site.signed_in()

    part = read(browser, "/queues/mail/jobs/1a/value?at=0&from=400")
    found = read(browser, "/queues/mail/jobs/1a/value?find=499")

    assert (part["path"], part["start"], len(part["tree"]["children"]), part["next_start"]) == ("items", 400, 100, None)
    assert [match["path"] for match in found["matches"]] == ["items[499].n"]
    assert read(browser, "/flows")["jobs"] == []
