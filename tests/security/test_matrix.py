"""Every route, for every role, on one's own queue and somebody else's, with every kind of token: what comes of it.

What is expected follows from ``WHO_MAY`` and from nothing else; a route that is not in that table fails its own test.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from board.web.login import OPEN
from tests.queries.jobs import NOW, Filler
from tests.security.test_requests import FORM, GROUP, WHO_MAY, address
from tests.web.site import PASSWORD, Browser, Site

TENANT = "tenant"
"""May do everything that an administrator may, in the queue mail; all other queues are somebody else's."""

OWN_TESTS = {"login.sign_in", "login.sign_out"} | {
    f"settings.{own}" for own in ("change_password", "end_session", "end_sessions")
}
"""They have tests of their own; here they would end the sessions of the others."""

BOARD_WIDE = {
    endpoint
    for (endpoint, _), roles in WHO_MAY.items()
    if roles == ("admin",) and endpoint.partition(".")[0] in {"settings", "alerts", "health"}
}
"""About people and not about queues: a grant for some queues does not hold them."""

THROUGH = {200, 302, 303, 304, 400, 404, 409}
"""Let through: what then becomes of it depends on the state of the job."""

TOKENS: dict[str, Callable[[Browser], tuple[dict[str, str], dict[str, str]]]] = {
    "token": lambda browser: ({"csrf_token": browser.token}, {"Sec-Fetch-Site": "same-origin"}),
    "no token": lambda _browser: ({}, {"Sec-Fetch-Site": "same-origin"}),
    "wrong token": lambda browser: ({"csrf_token": browser.token[::-1]}, {"Sec-Fetch-Site": "same-origin"}),
    "cross-site": lambda browser: ({"csrf_token": browser.token}, {"Sec-Fetch-Site": "cross-site"}),
}


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site(roles=f"{TENANT}: admin@mail")


def fill(client: redis.Redis, queue: str) -> None:
    """Put a queue back to one failed job and one scheduler."""
    for key in client.scan_iter(f"bull:{queue}:*"):
        client.delete(key)
    filler = Filler(client, queue).open()
    filler.failed("1a", NOW)
    filler.scheduler("tick")


def expected(endpoint: str, method: str, role: str, queue: str, token: str, *, about_queue: bool) -> set[int]:
    """Return the statuses that may come."""
    known = "admin" if role == TENANT else role
    if endpoint in OPEN and (method == "GET" or token == "token"):
        return THROUGH
    if method == "POST" and token == "cross-site":
        return {403}
    if endpoint in OPEN:
        return {403}
    if role == "nobody":
        return {303}
    if method == "POST" and token != "token":
        return {403}
    if role == TENANT and about_queue and queue != "mail":
        return {404}
    if role == TENANT and endpoint in BOARD_WIDE:
        return {403}
    return THROUGH if known in WHO_MAY[endpoint, method] else {403}


def attempts(site: Site, browsers: dict[str, Browser]) -> Iterator[tuple[str, str, str, str, str]]:
    for endpoint, method in sorted(WHO_MAY):
        if endpoint in OWN_TESTS:
            continue
        for role in browsers:
            for queue in ("mail", "theirs"):
                all_kinds = method == "POST" and role in {"nobody", "admin", TENANT}
                for token in TOKENS if all_kinds else ("token",):
                    yield endpoint, method, role, queue, token


def test_what_comes_of_every_attempt_is_what_is_expected(site: Site, redis_client: redis.Redis) -> None:
    browsers = {"nobody": site.browser()}
    browsers["nobody"].get("/login")
    for role in ("viewer", "operator", "admin", TENANT):
        site.service.users.add(f"a-{role}", PASSWORD, role)
        browsers[role] = site.browser()
        browsers[role].sign_in(f"a-{role}")
    wrong, tried = [], 0

    for endpoint, method, role, queue, token in attempts(site, browsers):
        path = address(site.app, endpoint)
        about_queue = "/mail" in path
        if queue != "mail" and not about_queue:
            continue
        fill(redis_client, "mail")
        fill(redis_client, "theirs")
        browser = browsers[role]
        fields, headers = TOKENS[token](browser)
        form: dict[str, Any] = {
            **FORM,
            "typed": queue,
            "id": "mail/1a" if endpoint == "failures.bulk" else "1a",
            **fields,
        }
        to = path.replace("/mail", f"/{queue}")
        answer = browser.get(to) if method == "GET" else browser.client.post(to, data=form, headers=headers)
        tried += 1
        wanted = expected(endpoint, method, role, queue, token, about_queue=about_queue)
        if endpoint == "bulk.begin" and wanted == {403}:
            wanted = {403, 400}  # a selection that makes no sense is told so before anybody is asked for a permission
        if GROUP in path and wanted == {403}:
            wanted = {403, 404}  # no group of failures was recorded here: tests/security/test_requests.py has one
        if answer.status_code not in wanted or (wanted == THROUGH and "/login?" in answer.headers.get("Location", "")):
            wrong.append((endpoint, method, role, queue, token, answer.status_code, sorted(wanted)))

    assert wrong == [], "\n".join(map(str, wrong))
    assert tried > 600
