"""A board on the test server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from board.config import Settings
from tests.queries.jobs import Filler
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
def site(make_site: Callable[..., Site], redis_client: redis.Redis) -> Site:
    """A board with the default settings, and the job scheduler `tick` in the queue mail."""
    Filler(redis_client).scheduler("tick")
    return make_site()
