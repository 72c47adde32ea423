"""The production checklist: each fault is made, found, and told with its remedy."""

import json
from collections.abc import Callable

import pytest
import redis

from board.doctor import Verdict, examine
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
    ],
)
def test_each_fault_is_found_where_there_was_none(
    site: Site, redis_client: redis.Redis, fault: Callable[[Site, redis.Redis], None], name: str, verdict: Verdict
) -> None:
    before = verdicts(site)

    fault(site, redis_client)

    assert before[name] is Verdict.OK
    assert verdicts(site)[name] is verdict


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
