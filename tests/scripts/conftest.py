"""Scripts alone on a real server: a connection, a queue and quick ways to fill it."""

from collections.abc import Iterator

import pytest
import redis

from board.engine.keys import QueueKeys
from tests.servers import Server


@pytest.fixture
def queue() -> QueueKeys:
    return QueueKeys("bull", "mail")


@pytest.fixture
def server_bytes(server: Server, redis_url: str) -> Iterator[redis.Redis]:
    """A client that answers in bytes, for opaque dumps."""
    del redis_url
    client = redis.Redis.from_url(server.url)
    yield client
    client.close()
