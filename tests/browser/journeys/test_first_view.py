"""What a browser that has never been here receives for a page: all of it, as the browser itself counts it."""

from collections.abc import Callable, Iterator

import pytest
import redis
from playwright.sync_api import CDPSession, Page

from tests.browser.journeys.conftest import Board, Person
from tests.browser.journeys.test_quality import PATHS
from tests.queries.jobs import Filler, fill_broken, fill_hostile

pytestmark = pytest.mark.browser

MOST_BYTES = 60 * 1024


@pytest.fixture
def full(redis_client: redis.Redis) -> Filler:
    """What every page has something to show of, among a hundred queues."""
    for number in range(97):
        queue = Filler(redis_client, f"team-{number % 20}.queue-{number}").open()
        for job in range(number % 5):
            queue.waiting(f"waiting-{job}")
        for job in range(number % 3):
            queue.failed(f"failed-{job}")
    fill_hostile(redis_client)
    mail = fill_broken(redis_client)
    mail.parent("parent")
    mail.child(mail.waiting("child"), "parent")
    mail.active("running", progress="40")
    mail.scheduler("tick", tz="Europe/Madrid")
    for number in range(100):
        mail.failed(f"failed-{number}")
    return mail


@pytest.fixture
def person(make_board: Callable[..., Board], quiet_page: Page) -> Person:
    """Somebody whose pages do not refresh while they are looked at."""
    return Person(quiet_page, make_board(live_seconds=60))


@pytest.fixture
def session(person: Person) -> Iterator[CDPSession]:
    """The browser's own account of the page in front of the person, who keeps no file."""
    session = person.page.context.new_cdp_session(person.page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    yield session
    session.detach()


def test_the_first_view_of_every_page(person: Person, full: Filler, session: CDPSession) -> None:
    person.sign_in()
    received: list[float] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    sizes = {}

    for name, path in PATHS.items():
        received.clear()
        person.page.goto(f"{person.board.address}{path}", wait_until="networkidle")
        sizes[name] = sum(received)

    assert all(size > 0 for size in sizes.values())
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES} == {}
