"""The front under test: each behaviour runs once for threads and once for asyncio."""

from collections.abc import Callable
from typing import Any

import pytest

from board.engine.keys import DEFAULT_PREFIX
from tests.engine.fronts import AsyncioFront, Front, ThreadFront

FRONTS: dict[str, Callable[[str], Front]] = {"threads": ThreadFront, "asyncio": AsyncioFront}


@pytest.fixture(params=sorted(FRONTS))
def make_front(request: pytest.FixtureRequest) -> Callable[[str], Front]:
    """Make a front for the server at a URL."""
    return FRONTS[request.param]


@pytest.fixture
def prefix() -> str:
    """What the keys of all queues begin with."""
    return DEFAULT_PREFIX


@pytest.fixture
def keeper(redis_client: Any) -> Any:
    """A client of the one server that keeps the queues' keys: to stop it, and to break its connections."""
    return redis_client


@pytest.fixture
def front(make_front: Callable[[str], Front], redis_url: str) -> Front:
    """A front of an emptied server."""
    return make_front(redis_url)
