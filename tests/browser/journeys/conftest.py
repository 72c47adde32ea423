"""A board served on loopback, and a person who sits in front of it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from playwright.sync_api import Locator, Page, expect

from board.auth.policy import Role
from board.config import Settings
from tests.queries.jobs import Filler
from tests.web.site import PASSWORD, Site


@dataclass(frozen=True, slots=True)
class Board:
    """A board that is being served.

    Attributes:
        site: the board behind it.
        address: where it is, without a slash at the end.
    """

    site: Site
    address: str


@dataclass(frozen=True, slots=True)
class Person:
    """What a person does, in the words on the screen."""

    page: Page
    board: Board

    def open(self, path: str = "/") -> None:
        """Type an address."""
        self.page.goto(f"{self.board.address}{path}")

    def sign_in(self, path: str = "/", name: str = "dana", role: str = "admin") -> None:
        """Open a page, be asked who one is, and come to the page."""
        if self.board.site.service.users.get(name) is None:
            self.board.site.service.users.add(name, PASSWORD, Role(role))
        self.open(path)
        self.page.get_by_label(re.compile("^Name$")).fill(name)
        self.page.get_by_label(re.compile("^(Password|Passwort)$")).fill(PASSWORD)
        self.page.get_by_role("button", name=re.compile("^(Sign in|Anmelden)$")).click()
        self.page.wait_for_url(lambda url: "/login" not in url)  # loaded, its scripts too

    def row(self, job_id: str) -> Locator:
        """The row of a job in a list."""
        box = self.page.get_by_label(re.compile(f"^Select job {re.escape(job_id)}( of .+)?$"))
        return self.page.locator("tbody tr").filter(has=box)

    def told(self, text: str) -> None:
        """Be told something after an action."""
        expect(self.page.locator(".toast", has_text=text)).to_be_visible()

    def wait_for_tick(self) -> None:
        """Let the page refresh itself once."""
        self.page.evaluate(
            """() => new Promise(done => addEventListener("htmx:finally:request", function heard({ detail: { ctx } }) {
              if (ctx.sourceElement?.id !== "live") return
              removeEventListener("htmx:finally:request", heard)
              done()
            }))"""
        )


@pytest.fixture
def make_board(redis_url: str, serve: Callable[[Any], str]) -> Iterator[Callable[..., Board]]:
    """A function that serves a board which refreshes every second; it takes the fields of `Settings`."""
    sites: list[Site] = []

    def make(**settings: Any) -> Board:
        usual = {"redis_url": redis_url, "admin_password": "not used here", "live_seconds": 1}
        sites.append(Site(Settings(**{**usual, **settings})))
        return Board(sites[-1], serve(sites[-1].app))

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def person(make_board: Callable[..., Board], quiet_page: Page) -> Person:
    """Somebody in front of a board whose page may not complain."""
    return Person(quiet_page, make_board())


@pytest.fixture
def mail(redis_client: redis.Redis) -> Filler:
    """A queue to fill."""
    return Filler(redis_client).open()
