"""The production checklist: each fault is made, found, and told with its remedy."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from werkzeug.test import TestResponse

from board.acceptance import Acceptance, Acceptances
from board.doctor import Finding, Verdict, examine, weigh
from board.doctor.server import Patient, blocked_clients, exposed, replica_lag
from tests.servers import Server
from tests.waiting import wait_until
from tests.web.site import PASSWORD, Jobs, Site, soup, text_of


def verdicts(site: Site) -> dict[str, Verdict]:
    site.service.sources.forget()
    return {one.name: one.verdict for one in examine(site.service)}


def lone(site: Site, _: redis.Redis) -> None:
    site.jobs.waiting("one")


def unwatched(site: Site, client: redis.Redis) -> None:
    site.jobs.active("one")
    client.delete("bull:mail:stalled-check")


def stalled(site: Site, client: redis.Redis) -> None:
    site.jobs.failed("one")
    client.hset("bull:mail:one", "stc", 1)


def endless(site: Site, client: redis.Redis) -> None:
    site.jobs.completed("one")
    client.zadd("bull:mail:completed", {f"gone-{n}": 1 for n in range(1_000)})


def once(site: Site, _: redis.Redis) -> None:
    site.jobs.waiting("one")


def at_once(site: Site, _: redis.Redis) -> None:
    site.jobs.waiting("one", attempts=3)


def large(site: Site, _: redis.Redis) -> None:
    site.jobs.waiting("one", data="x" * 70_000)


def long_stream(site: Site, client: redis.Redis) -> None:
    site.jobs.waiting("one")
    with client.pipeline() as pipe:
        for _ in range(20_001):
            pipe.xadd("bull:mail:events", {"event": "waiting"})
        pipe.execute()


def forgotten(site: Site, client: redis.Redis) -> None:
    site.jobs.failed("one")
    client.zadd("bull:mail:failed", {"one": site.service.clock() - 8 * 86_400_000})


def late(site: Site, client: redis.Redis) -> None:
    site.jobs.waiting("one")
    client.zadd("bull:mail:repeat", {"report": site.service.clock() - 600_000})


def ahead(site: Site, _: redis.Redis) -> None:
    site.jobs.waiting("one", timestamp_ms=site.service.clock() + 600_000)


def mixed(site: Site, client: redis.Redis) -> None:
    site.jobs.waiting("one")
    Jobs(site.service.connection, "print").waiting("two")
    client.hset("bull:mail:meta", "version", "bullmq:5.71.0")
    client.hset("bull:print:meta", "version", "bullmq:6.7.0")


def too_often(site: Site, _: redis.Redis) -> None:
    site.jobs.failed("one", reason="HTTP 429: Too Many Requests")


def left_over(site: Site, client: redis.Redis) -> None:
    site.jobs.waiting("one")
    client.lrem("bull:mail:wait", 0, "one")


@pytest.mark.parametrize(
    ("fault", "name", "verdict"),
    [
        (lone, "workers", Verdict.FAILURE),
        (unwatched, "stalled checks", Verdict.WARNING),
        (stalled, "stalls", Verdict.WARNING),
        (endless, "retention", Verdict.WARNING),
        (once, "attempts", Verdict.WARNING),
        (at_once, "backoff", Verdict.WARNING),
        (large, "payloads", Verdict.WARNING),
        (long_stream, "events", Verdict.WARNING),
        (forgotten, "failed jobs", Verdict.WARNING),
        (late, "schedulers", Verdict.WARNING),
        (ahead, "clocks", Verdict.WARNING),
        (mixed, "releases", Verdict.WARNING),
        (too_often, "limiters", Verdict.WARNING),
        (left_over, "leftovers", Verdict.WARNING),
    ],
)
def test_each_fault_is_found_where_there_was_none(
    site: Site, redis_client: redis.Redis, fault: Callable[[Site, redis.Redis], None], name: str, verdict: Verdict
) -> None:
    before = verdicts(site)

    fault(site, redis_client)

    assert before[name] is Verdict.OK
    assert verdicts(site)[name] is verdict


def patient(site: Site, info: dict[str, str], **settings: Any) -> Patient:
    return Patient(replace(site.service.settings, **settings), site.service, info, 1.0)


@pytest.mark.parametrize(
    ("check", "info", "verdict"),
    [
        (blocked_clients, {"blocked_clients": "5100", "maxclients": "10000"}, Verdict.WARNING),
        (blocked_clients, {"blocked_clients": "510", "maxclients": "10000"}, Verdict.OK),
        (replica_lag, {"role": "master", "connected_slaves": "0"}, Verdict.OK),
        (replica_lag, {"role": "slave", "master_link_status": "down"}, Verdict.FAILURE),
        (replica_lag, {"role": "slave", "master_link_status": "up"}, Verdict.OK),
        (
            replica_lag,
            {"connected_slaves": "1", "master_repl_offset": "99000000", "slave0": "ip=h,state=online,offset=9,lag=0"},
            Verdict.WARNING,
        ),
    ],
)
def test_what_the_server_tells_of_itself(
    site: Site, check: Callable[[Patient], Finding], info: dict[str, str], verdict: Verdict
) -> None:
    assert check(patient(site, info)).verdict is verdict


def test_a_replica_that_keeps_up_and_one_that_is_stopped(site: Site, fresh_server: Callable[..., Server]) -> None:
    primary = fresh_server(arguments=("--repl-diskless-sync-delay", "0"))
    behind = fresh_server(arguments=("--replicaof", f"127.0.0.1 {primary.port}"))
    with contextlib.closing(primary.client()) as client, contextlib.closing(behind.client()) as follower:
        wait_until(lambda: follower.info("replication")["master_link_status"] == "up", "the replica to follow")
        fine = Finding("replica lag", Verdict.OK, "no replica is behind")

        def told() -> Finding:
            return replica_lag(patient(site, {name: str(value) for name, value in client.info("replication").items()}))

        wait_until(lambda: told() == fine, "the primary to hear of the replica")

        behind.freeze()
        client.set("large", "x" * 20 * 2**20)
        info = {name: str(value) for name, value in client.info("replication").items()}
        behind.thaw()

    assert replica_lag(patient(site, info)).verdict is Verdict.WARNING
    assert "127.0.0.1 is 20.0 MB behind" in replica_lag(patient(site, info)).sentence


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        ({}, Verdict.OK),
        ({"host": "0.0.0.0"}, Verdict.WARNING),  # noqa: S104 - what is warned of
        ({"host": "0.0.0.0", "trusted_proxies": 1}, Verdict.OK),  # noqa: S104
        ({"proxy_header": "X-User", "proxy_addresses": ("0.0.0.0/0",)}, Verdict.FAILURE),
    ],
)
def test_a_dashboard_that_is_exposed(site: Site, settings: dict[str, Any], verdict: Verdict) -> None:
    assert exposed(patient(site, {}, **settings)).verdict is verdict


def test_the_page_tells_what_is_wrong_first_with_its_remedy(site: Site) -> None:
    site.jobs.waiting("one")

    page = soup(site.signed_in("viewer").get("/health"))

    lines = [text_of(line) for line in page.select(".checks summary")]
    assert lines[0] == "Fail Workers mail has none, 1 waiting"
    assert "Start a worker." in text_of(page.select_one(".checks li"))
    assert sum(line.startswith("Pass") for line in lines) > 10


def test_the_page_names_no_queue_that_a_person_may_not_see(make_site: Callable[..., Site]) -> None:
    site = make_site(roles="printer: viewer@print")
    site.jobs.waiting("one")
    Jobs(site.service.connection, "print").waiting("two")
    site.service.users.add("pia", PASSWORD, "printer")
    browser = site.browser()
    browser.sign_in("pia")

    words = text_of(soup(browser.get("/health")).select_one("main"))

    assert "print has none" in words
    assert "mail" not in words


@pytest.mark.parametrize("broken", ["[]", "{", '{"attempts": "many"}', '{"attempts": 1e999}'])
def test_one_broken_job_breaks_no_check(site: Site, redis_client: redis.Redis, broken: str) -> None:
    site.jobs.waiting("one")
    redis_client.hset("bull:mail:one", mapping={"opts": broken, "timestamp": "x", "stc": "y", "name": b"\xff"})
    redis_client.set("bull:mail:repeat", "no sorted set")

    assert verdicts(site)["attempts"] is Verdict.WARNING
    assert json.dumps([str(one) for one in verdicts(site)])


DAY_MS = 86_400_000


def day(site: Site, days: int) -> str:
    return datetime.fromtimestamp(site.service.clock() / 1000 + days * 86_400, UTC).date().isoformat()


def accept(site: Site, role: str = "admin", check: str = "workers", **form: str) -> TestResponse:
    return site.signed_in(role).post(f"/health/{check}/accept", {"until": day(site, 7), "reason": "moved", **form})


def counts(site: Site) -> str:
    return text_of(soup(site.signed_in("viewer").get("/health")).select_one("main .section.cluster"))


def test_an_accepted_finding_is_told_apart_with_its_reason_until_it_is_reopened(site: Site) -> None:
    site.jobs.waiting("one")
    before = counts(site)

    accepted = accept(site, reason="the workers move on Monday")
    page = soup(site.signed_in("viewer").get("/health"))
    after = counts(site)
    reopened = site.signed_in("admin").post("/health/workers/reopen")

    assert accepted.status_code == reopened.status_code == 303
    line = page.select_one('.checks li[data-state="paused"]')
    assert text_of(line.select_one("summary")) == "Accepted Workers mail has none, 1 waiting"  # type: ignore[union-attr] # found
    assert "Accepted by admin until" in text_of(line)
    assert "the workers move on Monday" in text_of(line)
    assert ("1 fail" in before, "0 accepted" in before) == (True, True)
    assert ("0 fail" in after, "1 accepted" in after) == (True, True)
    assert counts(site) == before
    assert [(one.who, one.action, one.result) for one in site.audit()] == [
        ("admin", "accept finding", "done"),
        ("admin", "reopen finding", "done"),
    ]
    assert site.audit()[0].detail == f"workers (failure) until {day(site, 7)}"
    assert site.audit()[0].reason == "the workers move on Monday"


def test_an_operator_accepts_nothing_and_the_attempt_is_recorded(site: Site) -> None:
    site.jobs.waiting("one")

    assert accept(site, "operator").status_code == 403

    assert "1 fail" in counts(site)
    assert [(one.action, one.result) for one in site.audit()] == [("accept finding", "refused")]


@pytest.mark.parametrize(
    ("check", "form", "words"),
    [
        ("workers", {"reason": "  "}, "Say why"),
        ("workers", {"reason": "x" * 501}, "Say why"),
        ("workers", {"until": "soon"}, "is no day"),
        ("workers", {"until": "2001-01-01"}, "The day is past"),
        ("workers", {"until": "9999-01-01"}, "more than 366 days off"),
        ("payloads", {}, "there is nothing to accept"),
        ("<b>", {}, "There is no check"),
    ],
)
def test_nothing_is_accepted_without_reason_day_or_finding(
    site: Site, redis_client: redis.Redis, check: str, form: dict[str, str], words: str
) -> None:
    site.jobs.waiting("one")

    answer = accept(site, check=check, **form)

    assert answer.status_code == 400
    assert words in text_of(soup(answer).select_one("[role=alert]"))
    assert not redis_client.exists("board:accepted")


def test_a_secret_typed_into_the_wrong_field_is_not_told_back(site: Site) -> None:
    site.jobs.waiting("one")

    answer = accept(site, check="workers", until="password=c4nary", reason="password=c4nary")

    assert answer.status_code == 400
    assert "c4nary" not in answer.text


def test_what_was_typed_stays_when_it_is_refused(site: Site) -> None:
    site.jobs.waiting("one")

    page = soup(accept(site, check="workers", until="2001-01-01", reason="moved"))

    form = page.select_one('form[action="/health/workers/accept"]')
    values = {name: form.select_one(f"[name={name}]")["value"] for name in ("reason", "until")}  # type: ignore[union-attr,index] # found
    assert values == {"reason": "moved", "until": "2001-01-01"}
    others = page.select('form[action$="/accept"]:not([action*="workers"]) [name=reason]')
    assert {field["value"] for field in others} <= {""}


def test_an_acceptance_ends_with_its_day_and_when_the_finding_gets_worse(site: Site) -> None:
    now_ms = site.service.clock()
    kept = Acceptances(site.service.namespace)
    finding = Finding("memory", Verdict.WARNING, "80 %")

    def told(now: Verdict, **changes: Any) -> bool:
        one = replace(Acceptance("memory", "warning", now_ms + DAY_MS, "ann", "known", now_ms), **changes)
        site.service.connection.call(kept.put(one))
        return next(weigh(site.service, [replace(finding, verdict=now)])).accepted is not None

    assert told(Verdict.WARNING)
    assert not told(Verdict.WARNING, until_ms=now_ms)
    assert not told(Verdict.FAILURE)
    assert told(Verdict.FAILURE, verdict="failure")
    assert not told(Verdict.OK, verdict="failure")


@pytest.mark.parametrize("broken", ["[]", "{", '{"name": "workers"}', "\x00"])
def test_a_broken_acceptance_is_none(site: Site, redis_client: redis.Redis, broken: str) -> None:
    site.jobs.waiting("one")
    redis_client.hset("board:accepted", "workers", broken)

    assert "1 fail" in counts(site)


def test_who_sees_some_queues_sees_that_a_finding_is_accepted_and_not_why(make_site: Callable[..., Site]) -> None:
    site = make_site(roles="mailer: viewer@mail")
    site.jobs.waiting("one")
    accept(site, reason="see the queue print")
    site.service.users.add("pia", PASSWORD, "mailer")
    browser = site.browser()
    browser.sign_in("pia")

    words = text_of(soup(browser.get("/health")).select_one("main"))

    assert "Accepted by admin" in words
    assert "print" not in words


def test_a_program_accepts_a_finding_and_reopens_it(site: Site) -> None:
    site.jobs.waiting("one")
    made = site.service.tokens.make("ops", "admin", queues=(), only_reads=False, days=1, made_by="test")

    def ask(method: str, path: str, **body: str) -> Any:
        answer = site.app.test_client(use_cookies=False).open(
            f"/api/v1{path}", method=method, json=body or None, headers={"Authorization": f"Bearer {made}"}
        )
        assert answer.status_code == 200, answer.text
        return answer.json

    def counted() -> tuple[int, int]:
        told = ask("GET", "/health")
        return told["failing"], told["accepted"]

    before = counted()
    ask("POST", "/health/workers/accept", until=day(site, 0), reason="moved")
    after = counted()
    (one,) = [one for one in ask("GET", "/health")["findings"] if one["accepted"]]
    ask("POST", "/health/workers/reopen")
    said = {entry.reason for entry in site.audit() if entry.action == "accept finding"}

    assert said == {"moved"}
    assert (before, after, counted()) == ((1, 0), (0, 1), (1, 0))
    assert (one["name"], one["accepted"]["by"], one["accepted"]["reason"]) == ("workers", "token:ops", "moved")


def test_the_page_tells_of_the_server_and_counts_in_the_language_of_the_reader(site: Site) -> None:
    site.jobs.waiting("one")
    site.service.sources.forget()
    browser = site.signed_in()

    page = soup(browser.get("/health"))
    facts = text_of(page.select_one("section[aria-labelledby=server-title]"))
    german = text_of(soup(browser.get("/health", **{"Accept-Language": "de"})).select_one("main"))

    assert "primary, 0 replicas" in facts
    assert "In use" in text_of(page.select_one("section[aria-labelledby=memory-title]"))
    assert "1 failure" in text_of(page.select_one("main"))
    assert "1 Fehler" in german
    assert any(f"{n} Warnungen" in german for n in range(2, 9))


def test_what_passes_can_be_left_out_and_commands_are_there_to_copy(site: Site) -> None:
    site.jobs.waiting("one")
    site.service.sources.forget()
    browser = site.signed_in()

    page = soup(browser.get("/health?show=trouble"))

    assert {str(line["data-state"]) for line in page.select(".checks > li")} == {"critical", "warn"}
    copied = [str(button["data-copy"]) for button in page.select(".checks button[data-copy]")]
    assert copied == ["CONFIG SET appendonly yes\nCONFIG REWRITE"]
    assert len(soup(browser.get("/health?show=nonsense")).select('.checks > li[data-state="pass"]')) > 5
