"""What a page may cost on the wire, in requests and bytes: the same on every machine, unlike times."""

import gzip
import json
from collections.abc import Callable

import pytest
import redis

from tests.queries.jobs import Filler
from tests.web.site import Browser, Site, soup

GZIP = {"Accept-Encoding": "gzip"}
TICK = {"HX-Request": "true", "HX-Target": "div#live"}

FIRST_VIEW_BYTES = 60_000
FIRST_VIEW_REQUESTS = 19
"""The page, one sheet of styles, the drawings, the icon, htmx and the modules."""

REFRESH_BYTES = 12_000
HUNDRED_FAILED_BYTES = 30_000

STACK = "\n".join(
    f"    at Gateway.call{n} (/srv/app/node_modules/gateway/client.js:{100 + n}:{n + 7})" for n in range(24)
)


@pytest.fixture
def busy(site: Site, redis_client: redis.Redis) -> Browser:
    """Somebody who looks at a hundred queues, some with waiting and failed jobs."""
    for number in range(100):
        queue = Filler(redis_client, f"team-{number % 20}.queue-{number}").open()
        for job in range(number % 5):
            queue.waiting(f"waiting-{job}")
        for job in range(number % 3):
            queue.failed(f"failed-{job}")
    return site.signed_in()


def files_of(browser: Browser, page: str) -> set[str]:
    """Return the addresses of every file that a page makes a browser load."""
    document = soup(browser.get(page))
    linked = {str(one.get("href") or one.get("src")) for one in document.select("link[href], script[src]")}
    drawn = {str(one["href"]).partition("#")[0] for one in document.select("use[href]")}
    return linked | drawn


def test_the_first_view_of_the_overview(busy: Browser) -> None:
    files = files_of(busy, "/")

    answers = [busy.get("/", **GZIP), *(busy.get(address, **GZIP) for address in sorted(files))]

    assert {answer.status_code for answer in answers} == {200}
    assert len(answers) <= FIRST_VIEW_REQUESTS
    assert sum(len(answer.data) for answer in answers) <= FIRST_VIEW_BYTES


def test_the_second_view_loads_the_page_alone(busy: Browser) -> None:
    assert all("immutable" in busy.get(address).headers["Cache-Control"] for address in files_of(busy, "/"))


def test_a_refresh_of_the_overview(busy: Browser) -> None:
    answer = busy.get("/", **GZIP, **TICK)

    assert gzip.decompress(answer.data).count(b'<tr id="queue-') == 100
    assert len(answer.data) <= REFRESH_BYTES


def test_a_hundred_failed_jobs_with_stacks(site: Site, redis_client: redis.Redis) -> None:
    mail = Filler(redis_client).open()
    for number in range(100):
        trace = json.dumps([f"GatewayTimeoutError: no answer for order {number}\n{STACK}"])
        mail.failed(f"failed-{number}", trace=trace)

    answer = site.signed_in().get("/q/mail/failed?size=100", **GZIP)

    assert gzip.decompress(answer.data).count(b"GatewayTimeoutError") >= 100
    assert len(answer.data) <= HUNDRED_FAILED_BYTES


def test_a_refresh_costs_redis_two_round_trips_and_a_shared_one_costs_one(make_site: Callable[..., Site]) -> None:
    """The first asks who it is and reads the overview; the second only asks who it is."""
    site = make_site()
    site.jobs.failed("job-1")
    browser = site.signed_in()
    site.service.readings._seconds = 60
    connection = site.service.connection
    browser.get("/")
    site.service.readings._flights.clear()

    costs = []
    for _ in range(2):
        before = connection.round_trips
        assert browser.tick("/").status_code == 200
        costs.append(connection.round_trips - before)

    assert costs == [2, 1]
