"""A board on the test server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from board.config import Settings
from tests.web.site import PASSWORD, Site


@pytest.fixture
def make_site(redis_url: str) -> Iterator[Callable[..., Site]]:
    """A function that makes a board; it takes the fields of `Settings`."""
    made: list[Site] = []

    def make(**settings: Any) -> Site:
        site = Site(Settings(**{"redis_url": redis_url, "admin_password": PASSWORD, **settings}))
        made.append(site)
        return site

    yield make
    for site in made:
        site.close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A board with the default settings."""
    return make_site()
