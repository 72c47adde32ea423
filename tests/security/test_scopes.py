"""Two tenants on one board: for each, the queues of the other do not exist."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from board.auth.policy import Grant, Identity, Permission, Role, can
from board.auth.roles import read_roles
from board.errors import SettingsError
from tests.queries.jobs import NOW, Filler
from tests.security.test_requests import FORM, WHO_MAY, address, api_addresses, snapshot
from tests.web.site import PASSWORD, Browser, Site, soup, text_of

ROLES = "left: operator+remove@left* ; names: view@left* ; mixed: view@* data+retry@left* ; auditor: view+audit@left*"
MARK = "zzforeign"
"""Stands in every name, id and text of the other tenant's queue, and nowhere else."""


@pytest.fixture
def site(make_site: Callable[..., Site], redis_client: redis.Redis) -> Site:
    site = make_site(roles=ROLES)
    left, right = Filler(redis_client, "left").open(), Filler(redis_client, MARK).open()
    left.failed(
        "1a",
        NOW,
        data='{"canary":"carried-in-jobs"}',
        failedReason="message carried-in-jobs",
        returnvalue='"carried-in-jobs"',
    )
    left.completed("2", NOW, returnvalue='{"canary":"carried-in-jobs"}', progress='{"canary":"carried-in-jobs"}')
    redis_client.rpush(left.key("2:logs"), "a line carried-in-jobs")
    for one in ("failed", "completed"):
        getattr(right, one)(f"{MARK}-{one}", NOW, name=f"{MARK}-name", data=json.dumps({MARK: "1a"}))
    right.waiting(f"{MARK}-waiting")
    _join(redis_client, left, "parent", right, f"{MARK}-child")
    _join(redis_client, right, f"{MARK}-parent", left, "child")
    redis_client.hset(left.key("1a"), "failedReason", f"child bull:{MARK}:{MARK}-failed failed")
    letter = {"queue": MARK, "prefix": "bull", "id": f"{MARK}-failed", "reason": "gone", "attemptsMade": 3}
    left.waiting("letter", opts=json.dumps({"attempts": 1, "deadLetter": letter}))
    return site


def _join(client: redis.Redis, above: Filler, parent: str, below: Filler, child: str) -> None:
    above.parent(parent)
    below.waiting(child)
    reference = json.dumps({"id": parent, "queueKey": f"bull:{above.queue}"})
    client.hset(below.key(child), mapping={"parentKey": above.key(parent), "parent": reference})
    client.sadd(above.key(f"{parent}:dependencies"), below.key(child))


def member(site: Site, role: str = "left") -> Browser:
    if site.service.users.get(role) is None:
        site.service.users.add(role, PASSWORD, role)
    browser = site.browser()
    assert browser.sign_in(role).status_code == 303
    return browser


def gets(site: Site, job: str) -> Iterator[str]:
    for endpoint, method in sorted(WHO_MAY):
        if method == "GET":
            yield address(site.app, endpoint).replace("1a", job).replace("/mail", "/left")


ASKED = ("", f"?q={MARK}", f"?queue={MARK}", f"?error={MARK}", "?q=1a", "?sort=newest&size=100", "?only=trouble")


@pytest.mark.parametrize("job", ["1a", "2", "parent", "child", "letter"])
def test_no_page_tells_of_a_queue_of_somebody_else(site: Site, job: str) -> None:
    site.signed_in().post(f"/q/{MARK}/pause")
    browser = member(site)

    for path in gets(site, job):
        for query in ASKED if job == "1a" else ("",):
            answer = browser.get(path + query)
            shown = (
                re.sub(re.escape(query.partition("=")[2]) or "(?!)", "", answer.text) if MARK in query else answer.text
            )

            assert MARK not in shown, (path, query)
            assert answer.status_code < 500 or path == "/health/queues", (path, query)  # 503: it has failures


def test_the_json_api_tells_of_no_queue_of_somebody_else(site: Site) -> None:
    admin, browser = site.signed_in(), member(site)

    def told(whom: Browser, queue: str, job: str) -> dict[str, str]:
        return {path: whom.get(path).text for path in api_addresses(site.app, queue=queue, job_id=job, state="failed")}

    for job in ("1a", "2", "parent", "child", "letter"):
        for path, text in told(browser, "left", job).items():
            assert MARK not in text, path
    for path in told(browser, MARK, f"{MARK}-failed"):
        if MARK in path:
            assert browser.get(path).status_code == 404, path
    assert sum(MARK in text for text in told(admin, "left", "1a").values()) > 1


def test_the_check_would_notice(site: Site) -> None:
    """An administrator sees on the same pages what the others must not."""
    browser = site.signed_in()

    seen = {
        path
        for job in ("1a", "parent", "child", "letter")
        for path in gets(site, job)
        if MARK in browser.get(path).text
    }

    assert len(seen) > 8


@pytest.mark.parametrize("endpoint", sorted({name for name, _ in WHO_MAY}))
def test_a_queue_of_somebody_else_and_one_that_is_not_there_look_the_same(
    site: Site, redis_url: str, endpoint: str
) -> None:
    browser = member(site)
    path = address(site.app, endpoint)
    if "/mail" not in path:
        return
    before = snapshot(redis_url)
    method = next(method for name, method in WHO_MAY if name == endpoint)

    def ask(queue: str) -> tuple[int, str]:
        to = path.replace("/mail", f"/{queue}")
        answer = browser.get(to) if method == "GET" else browser.post(to, FORM)
        return answer.status_code, text_of(soup(answer).select_one("main")).replace(queue, "…")

    assert ask(MARK) == ask("zznowhere")
    assert ask(MARK)[0] == 404
    assert snapshot(redis_url) == before


def test_a_selection_that_reaches_into_another_queue_is_not_found(site: Site, redis_url: str) -> None:
    browser, before = member(site), snapshot(redis_url)

    answer = browser.post("/failures/bulk", {**FORM, "id": ["left/1a", f"{MARK}/{MARK}-failed"]})

    assert answer.status_code == 404
    assert snapshot(redis_url) == before


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/q/left/job/parent/remove", {"confirmed": "1"}),
        ("/q/left/bulk", {"verb": "remove", "id": ["parent"], "confirmed": "1"}),
        ("/q/left/job/letter/send-back", {}),
        ("/q/left/job/1a/bury", {"grave": MARK}),
        ("/q/left/job/1a/bury", {"grave": "zznew"}),
    ],
)
def test_no_action_spreads_into_a_queue_of_somebody_else(
    site: Site, redis_url: str, path: str, form: dict[str, Any]
) -> None:
    browser, before = member(site), snapshot(redis_url)

    answer = browser.post(path, form)

    assert answer.status_code in {303, 400, 403}
    assert snapshot(redis_url) == before
    assert [entry.result for entry in site.audit()] in ([], ["nothing"], ["refused"])


def test_counts_and_lists_hold_one_s_own_queues_only(site: Site) -> None:
    browser = member(site)

    assert "1 queue," in text_of(soup(browser.get("/")).select_one("header.top"))
    assert "1 failed job in 1 queue" in text_of(soup(browser.get("/failures")).select_one("header.top"))


def test_people_who_see_different_queues_share_no_reading(site: Site) -> None:
    """The overview of a refresh is shared for a second: here both ask within it, in either order."""
    admin, browser = site.signed_in(), member(site)
    for first, second in ((admin, browser), (browser, admin)):
        pages = {who is admin: who.tick("/").text for who in (first, second)}
        assert MARK in pages[True]
        assert MARK not in pages[False]


def test_who_may_only_see_that_jobs_are_there_learns_nothing_of_what_they_carry(site: Site) -> None:
    browser = member(site, "names")

    for job in ("1a", "2", "parent"):
        for path in gets(site, job):
            for query in ("", "?q=carried", "?q=2"):
                assert "carried-in-jobs" not in browser.get(path + query).text, (path, query)
    assert "2" in text_of(soup(browser.get("/q/left/completed?q=2")).select_one("tbody"))
    assert soup(browser.get("/q/left/completed?q=carried")).select("tbody tr") == []
    assert soup(browser.get("/failures?q=carried")).select("tbody tr") == []
    assert browser.get("/q/left/job/1a/edit").status_code == 403


def test_permissions_differ_from_queue_to_queue(site: Site) -> None:
    browser = member(site, "mixed")

    assert browser.post("/q/left/job/1a/retry").status_code == 303
    assert browser.get(f"/q/{MARK}/failed").status_code == 200
    assert browser.post(f"/q/{MARK}/job/{MARK}-failed/retry").status_code == 403
    assert browser.post("/q/left/pause").status_code == 403


def test_readers_of_the_log_see_entries_about_their_queues_only(site: Site) -> None:
    admin = site.signed_in()
    admin.post("/q/left/pause")
    admin.post(f"/q/{MARK}/pause")

    page = member(site, "auditor").get("/audit").text

    assert "pause" in page
    assert "left" in page
    assert MARK not in page
    assert "sign-in" not in page


def test_a_role_that_is_no_longer_defined_allows_nothing(site: Site, make_site: Callable[..., Site]) -> None:
    site.service.users.add("ann", PASSWORD, "left")
    later = make_site(roles="")
    browser = later.browser()

    browser.sign_in("ann")

    assert "No queues" in browser.get("/").text
    assert browser.get("/q/left/failed").status_code == 404


def test_a_host_application_may_bring_grants_of_its_own() -> None:
    from board.web.identify import identity_from

    grants = (Grant(frozenset({Permission.VIEW}), ("left*",)),)

    assert identity_from(Identity("ann", "team", grants)) == Identity("ann", "team", grants)
    narrowed = identity_from(Identity("ann", "viewer", grants))
    assert narrowed is not None
    assert narrowed.grants == grants
    known = identity_from(("ann", "left"), read_roles(ROLES))
    assert known is not None
    assert can(known, Permission.RETRY, "left-2")
    with pytest.raises(ValueError, match="a role that there is"):
        identity_from(("ann", "right"), read_roles(ROLES))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("left", "write NAME: GRANT"),
        ("admin: view@*", "none of a built-in role"),
        ("a: view@*; a: view@*", "each name once"),
        ("Left: view@*", "lower-case"),
        ("left:", "1 to 50 grants"),
        ("left: view", "names no queues"),
        ("left: view@", "names no queues"),
        ("left: viewed@*", "neither a role nor a permission"),
        ("left: " + "view@* " * 51, "1 to 50 grants"),
    ],
)
def test_a_role_that_makes_no_sense_stops_the_start(make_site: Callable[..., Site], text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(words)):
        make_site(roles=text)


PERMISSIONS = st.frozensets(st.sampled_from(Permission), max_size=4)
GLOBS = st.sampled_from(["*", "left*", "right.*", "right.?", "left.a"])
GRANT = st.builds(Grant, PERMISSIONS, st.lists(GLOBS, min_size=1, max_size=3).map(tuple))
NAMES = st.sampled_from(["left", "left.a", "right.b", "right.long", "other"])


@given(grants=st.lists(GRANT, max_size=4).map(tuple), permission=st.sampled_from(Permission), queue=NAMES)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_permission_holds_where_a_grant_gives_it_and_nowhere_else(
    grants: tuple[Grant, ...], permission: Permission, queue: str
) -> None:
    """Against a second, plainer way to say it; and more grants never allow less."""
    import fnmatch

    def given_by(one: Permission) -> bool:
        return any(
            one in grant.permissions and any(fnmatch.fnmatchcase(queue, g) for g in grant.queues) for grant in grants
        )

    who = Identity("ann", "some", grants)

    assert can(who, permission, queue) == (given_by(permission) and given_by(Permission.VIEW))
    more = replace(who, grants=(*grants, Grant(frozenset(Permission), ("*",))))
    assert can(more, permission, queue)
    assert not can(None, permission, queue)
    assert not can(Identity("ann", "nobody-defined-this"), permission, queue)
    assert can(Identity("ann", Role.ADMIN), permission, queue)
