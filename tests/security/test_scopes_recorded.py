"""What a board keeps of its queues (figures, causes of failures, alerts, filters, runs) is scoped like the queues."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from board.alerts.rules import Rule
from board.alerts.state import Silence
from board.background import Turn
from board.bulk import Runs, Source, Spec
from board.service import wall_clock_ms
from board.watcher.watch import Watcher
from tests.queries.jobs import Filler
from tests.recorder.conftest import Process
from tests.security.test_requests import WHO_MAY, address, api_addresses
from tests.security.test_scopes import MARK, ROLES, member
from tests.web.site import Browser, Jobs, Site, soup, text_of

CARRIED = "carried-in-jobs"
SHARED = {"state": "failed", "q": "name:send", "shared": "1"}
GONE = f"{MARK}-gone"
"""A queue of somebody else that is no more; what was recorded of it stays."""


@pytest.fixture
def site(make_site: Callable[..., Site], redis_client: redis.Redis) -> Site:
    """A board on which everything that can be kept is kept, about the queue left and about two of somebody else."""
    site, now_ms = make_site(roles=ROLES), wall_clock_ms()
    own, admin = site.service, site.signed_in()
    own.connection.call(own.alerts.put_rule(Rule("r1", "new_group", made_ms=now_ms - 60_000)))
    own.connection.call(own.alerts.put_rule(Rule("r2", "depth", queues=f"{MARK}*", name=f"of {MARK}")))
    own.connection.call(own.alerts.put_rule(Rule("r3", "depth", threshold=0)))
    own.connection.call(
        own.alerts.put_silence(Silence("s1", "r2", MARK, now_ms + 60_000, "admin", f"for {MARK}", now_ms))
    )
    own.connection.call(own.alerts.put_rule(Rule("r4", "depth", threshold=6)))
    own.connection.call(
        own.alerts.put_silence(Silence("s2", "", "*", now_ms + 60_000, "admin", f"{MARK} moves", now_ms))
    )
    for queue, says in (("left", CARRIED), (MARK, f"{MARK} {CARRIED}"), (GONE, f"{MARK} {CARRIED}")):
        filler = Filler(redis_client, queue).open()
        for number in range(3):
            filler.failed(f"{queue}-{number}", now_ms, f"{queue.title()}Error: {says}", failedReason=says)
            filler.waiting(f"{queue}-w{number}")
        for number in range(9 if queue == MARK else 0):
            filler.waiting(f"{queue}-more{number}")
        Jobs(site.jobs.connection, queue).failed(f"{queue}-now")
    Process(own).catch_up()
    turn = Turn(1, is_first=True, keep=lambda: None, ending=threading.Event())
    for _ in range(2):
        Watcher(own.connection, own.namespace, own.sources, own.clock, "production").step(turn)
    for queue in ("left", MARK):
        for path, form in (
            (f"/q/{queue}/pause", {}),
            (
                "/settings/filters",
                {"name": f"of {queue}", "queue": queue, "state": "failed", "q": f"name:{queue}", "shared": "1"},
            ),
            (f"/settings/pins/{queue}", {}),
        ):
            assert admin.post(path, form).status_code == 303, path
        spec = Spec("retry", (Source("bull", queue, "failed"),), who="admin", role="admin")
        for step in Runs(own.namespace).create(f"run-{queue}", spec, now_ms):
            own.connection.batch(step)
    for key in redis_client.scan_iter(f"bull:{GONE}:*"):
        redis_client.delete(key)
    own.sources.forget()
    return site


def paths(site: Site) -> Iterator[str]:
    for endpoint, method in sorted(WHO_MAY):
        if method == "GET":
            yield address(site.app, endpoint).replace("1a", "left-0").replace("/mail", "/left")
    yield from (
        "/failures?is=all",
        "/failures?is=muted",
        "/metrics?w=24h",
        "/metrics?format=csv",
        "/find?q=zz",
        "/bulk",
    )
    yield from api_addresses(site.app, queue="left", job_id="left-0", state="failed", rule="r2", run_id=f"run-{MARK}")


def tells(browser: Browser, site: Site, word: str) -> set[str]:
    """Return the addresses whose answer holds a word that the address does not hold."""
    return {path for path in paths(site) if word in browser.get(path).text.replace(path, "")}


def test_nothing_that_is_kept_tells_of_a_queue_of_somebody_else(site: Site) -> None:
    assert len(tells(site.signed_in(), site, MARK)) > 10, "there was nothing to tell"

    assert tells(member(site), site, MARK) == set()


def test_a_rule_tells_when_it_fired_for_queues_that_one_sees(site: Site) -> None:
    """One rule fired for a queue of somebody else alone, another for both."""

    def fired(who: Browser) -> dict[str, bool]:
        told = who.get("/api/v1/alerts").json
        assert told is not None
        return {one["rule"]["id"]: one["last_fired_ms"] is not None for one in told["rules"]}

    admin, browser = fired(site.signed_in()), fired(member(site))
    assert (admin["r3"], admin["r4"]) == (True, True)
    assert (browser["r3"], browser["r4"]) == (True, False)


def test_nothing_that_is_kept_tells_what_jobs_carry_to_who_may_not_see_that(site: Site) -> None:
    admin = tells(site.signed_in(), site, CARRIED)
    assert {"/alerts", "/api/v1/alerts"} <= admin, "there was nothing to tell"

    assert tells(member(site, "names"), site, CARRIED) == set()


def test_a_rule_a_silence_and_a_run_about_others_are_not_there(site: Site) -> None:
    browser = member(site)

    for path in ("/alerts/r2", f"/bulk/run-{MARK}"):
        assert browser.get(path).status_code == 404, path
    for path in (f"/bulk/run-{MARK}/stop", f"/settings/pins/{MARK}"):
        assert browser.post(path).status_code == 404, path
    kept = browser.post("/settings/filters", {"name": "x", "queue": MARK, **SHARED})
    assert kept.status_code == 404


@pytest.mark.parametrize("others", [True, False], ids=["beside others", "while there are no others"])
def test_figures_hold_all_of_ones_own_and_nothing_of_others(
    site: Site,
    redis_client: redis.Redis,
    others: bool,  # noqa: FBT001 - both ways are the same
) -> None:
    """With the queue of somebody else gone, one sees every queue there is, and still not what was kept of that."""
    if not others:
        for key in redis_client.scan_iter(f"bull:{MARK}:*"):
            redis_client.delete(key)
        site.service.sources.forget()
    admin, browser = site.signed_in(), member(site)

    def failed(who: Browser) -> int:
        told = who.get("/api/v1/metrics").json
        assert told is not None
        return int(told["total"]["failed"])

    assert failed(admin) == 3
    assert failed(browser) == 1
    rows = sorted(text_of(row).split()[0] for row in soup(browser.get("/failures")).select("tbody tr"))
    assert len(rows) == 2, rows
    assert MARK not in browser.get("/failures?is=all").text
    assert "LeftError" in text_of(soup(browser.get("/failures")).select_one("main"))


def test_a_cause_that_others_have_too_is_counted_in_ones_own_queues_alone(site: Site) -> None:
    def shared(who: Browser) -> dict[str, Any]:
        told = who.get("/api/v1/failure-groups").json
        assert told is not None
        found: dict[str, Any] = next(one for one in told["groups"] if one["error"] == "SmtpError")
        return found

    admin, browser = site.signed_in(), member(site)

    assert (shared(admin)["jobs"], shared(admin)["total"]) == (3, 3)
    own = shared(browser)
    assert (own["jobs"], own["total"], own["retried"], own["succeeded"], own["job_names"]) == (1, 1, 0, 0, [])
    assert (own["first_at_ms"], own["last_at_ms"]) == (None, None)
    page = text_of(soup(browser.get(f"/failures/{own['group']}")).select_one("main"))
    assert "0 failures, a bar is" in page
    assert "Failures counted 1" in page
