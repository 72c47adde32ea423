"""The production checklist: each fault is made, found, and told with its remedy."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import redis

from board.doctor import Finding, Verdict, examine
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
