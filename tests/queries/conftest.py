"""Pages read from a real server: a connection that counts its round trips, and a queue to fill."""

from collections.abc import Iterator

import pytest
import redis

from board.engine.keys import QueueKeys
from board.sources import slug_of
from tests.queries.jobs import Filler
from tests.servers import Server


class Known:
    """What a board knows of its queues, without one."""

    default_prefix = "bull"

    def __init__(self, hidden: frozenset[str] = frozenset(), withheld: frozenset[str] = frozenset()) -> None:
        self.hidden = hidden
        self.withheld = withheld

    def slug(self, queue: QueueKeys) -> str:
        """Spell a queue as the board does."""
        return slug_of(queue, self.default_prefix)

    def is_shown(self, queue: QueueKeys) -> bool:
        """Hide the queues that were named."""
        return queue.name not in self.hidden

    def limits(self) -> object | None:
        """Return something where some queues are hidden."""
        return self.hidden or None

    def shows_data(self, queue: QueueKeys) -> bool:
        """Withhold what the jobs of the queues carry that were named."""
        return self.is_shown(queue) and queue.name not in self.withheld


@pytest.fixture
def known() -> Known:
    return Known()


@pytest.fixture
def mail(redis_client: redis.Redis) -> Filler:
    return Filler(redis_client).open()


MAIL = QueueKeys("bull", "mail")


@pytest.fixture
def server_bytes(server: Server, redis_url: str) -> Iterator[redis.Redis]:
    """A client that answers in bytes."""
    del redis_url
    client = redis.Redis.from_url(server.url)
    yield client
    client.close()
