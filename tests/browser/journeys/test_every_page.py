"""No page is left out of the checks of accessibility and width: what there is comes from the board, not from a list."""

from urllib.parse import unquote

import redis
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.routing.exceptions import RequestRedirect

from board.config import Settings
from tests.browser.journeys import test_quality, test_quality_recorded
from tests.web.site import PASSWORD, Site

NO_PAGES = {
    "static": "files",
    "jobs.save": "a file",
    "health.queues": "JSON",
    "health.live": "a word",
    "health.ready": "a word",
    "login.leave_for": "leads to the identity provider",
    "login.come_back": "leads on to a page",
    "queues.show": "leads on to a state",
    "queues.jump": "leads on to a job",
}
"""What is asked for by GET and is no page of ours to look at, and why."""


def pages(app: Flask) -> set[str]:
    """Return the endpoint of every page."""
    rules = (rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()))
    return {rule.endpoint for rule in rules if not rule.endpoint.startswith("api.")} - set(NO_PAGES)


def looked_at(app: Flask) -> set[str]:
    """Return the endpoints of what the tests of quality open."""
    matcher = app.url_map.bind("localhost")
    lists = (test_quality.SIGNED_OUT, test_quality.PATHS, test_quality_recorded.PATHS)
    found = set()
    for path in (path for one in lists for path in one.values()):
        known = path.format(group="0" * 16, run="/bulk/run", entry="1-1")
        try:
            found.add(matcher.match(unquote(known.partition("?")[0]))[0])
        except RequestRedirect as led:
            found.add(led.new_url)
    return found


def test_every_page_is_looked_at_in_every_dress(redis_url: str, redis_client: redis.Redis) -> None:
    """When this fails: add an address of the new page to ``PATHS`` of one of the two tests of quality."""
    site = Site(Settings(redis_url=redis_url, admin_password=PASSWORD))
    try:
        assert pages(site.app) - looked_at(site.app) == set()
        assert set(NO_PAGES) <= {rule.endpoint for rule in site.app.url_map.iter_rules()}

        site.app.url_map.add(Rule("/new-page", endpoint="new.page", methods=["GET"]))
        assert pages(site.app) - looked_at(site.app) == {"new.page"}
    finally:
        site.close()
