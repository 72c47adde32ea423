"""Which queues are found, by how many looks at Redis, and which are not shown."""

from collections.abc import Callable

import pytest
import redis

from board import sources as module
from board.config import Settings
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.errors import UnknownQueueError
from board.sources import Sources, open_connection
from tests.web.site import Site


class Timer:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = 0.0

    def __call__(self) -> float:
        """Return the time, which then moves by a step."""
        self.now += self.step
        return self.now


@pytest.fixture
def make_sources(redis_url: str) -> Callable[..., tuple[Sources, Timer, Connection]]:
    """A function that makes sources with given settings, and their clock."""

    def make(**settings: object) -> tuple[Sources, Timer, Connection]:
        known = Settings(redis_url=redis_url, **settings)  # type: ignore[arg-type]
        connection = open_connection(known)
        timer = Timer()
        return Sources(connection, known, timer), timer, connection

    return make


def names(sources: Sources) -> list[str]:
    return [f"{queue.prefix}:{queue.name}" for queue in sources.list().queues]


def add_queue(client: redis.Redis, *keys: str) -> None:
    for key in keys:
        client.hset(f"{key}:meta", "opts.maxLenEvents", 10000)


def test_queues_are_found_by_their_meta_hash(
    redis_client: redis.Redis, make_sources: Callable[..., tuple[Sources, Timer, Connection]]
) -> None:
    add_queue(redis_client, "bull:mail", "bull:a b/c", "other:mail", "bullx:no")
    redis_client.hset("bull:mail:1", "name", "a job")
    sources, _, _ = make_sources()

    assert names(sources) == ["bull:a b/c", "bull:mail"]
    assert sources.list().is_complete


def test_several_prefixes_are_shown_in_their_order(
    redis_client: redis.Redis, make_sources: Callable[..., tuple[Sources, Timer, Connection]]
) -> None:
    add_queue(redis_client, "bull:mail", "{acme}:mail", "a*:mail", "ab:mail")
    sources, _, _ = make_sources(prefixes=("{acme}", "a*", "bull"))

    assert names(sources) == ["{acme}:mail", "a*:mail", "bull:mail"]


def test_only_allowed_queues_are_found(
    redis_client: redis.Redis, make_sources: Callable[..., tuple[Sources, Timer, Connection]]
) -> None:
    add_queue(redis_client, "bull:mail", "bull:billing.charge", "bull:Billing.x")
    sources, _, _ = make_sources(queues=("billing.*",))

    assert names(sources) == ["bull:billing.charge"]
    with pytest.raises(UnknownQueueError):
        sources.find("mail")


def test_a_fresh_list_costs_no_round_trip(
    redis_client: redis.Redis, make_sources: Callable[..., tuple[Sources, Timer, Connection]]
) -> None:
    add_queue(redis_client, "bull:mail")
    sources, timer, connection = make_sources()
    sources.list()
    before = connection.round_trips

    timer.now += module.REST_SECONDS - 0.1
    sources.list()
    fresh = connection.round_trips
    add_queue(redis_client, "bull:new")
    timer.now += 0.2

    assert fresh == before
    assert names(sources) == ["bull:mail", "bull:new"]


def test_a_removed_queue_is_forgotten_by_the_next_walk(
    redis_client: redis.Redis, make_sources: Callable[..., tuple[Sources, Timer, Connection]]
) -> None:
    add_queue(redis_client, "bull:mail", "bull:gone")
    sources, timer, _ = make_sources()
    sources.list()

    redis_client.delete("bull:gone:meta")
    timer.now += module.REST_SECONDS

    assert names(sources) == ["bull:mail"]


def test_a_long_walk_goes_on_where_it_stopped(
    redis_client: redis.Redis, make_sources: Callable[..., tuple[Sources, Timer, Connection]]
) -> None:
    """Each page does one step when time is always up, and the list grows until it is complete."""
    pipe = redis_client.pipeline()
    for number in range(6_000):
        pipe.hset(f"bull:mail:{number}", "name", "job")
    pipe.execute()
    add_queue(redis_client, *(f"bull:q{number}" for number in range(40)))
    sources, timer, connection = make_sources()
    timer.step = module.WALK_SECONDS

    steps = 0
    while not sources.list().is_complete:
        steps += 1
        assert connection.round_trips == steps
        assert steps < 100

    assert steps >= 3
    assert len(sources.list().queues) == 40


def test_a_new_queue_has_a_page_at_once(
    redis_client: redis.Redis, make_sources: Callable[..., tuple[Sources, Timer, Connection]]
) -> None:
    sources, _, _ = make_sources()
    sources.list()

    add_queue(redis_client, "bull:new")

    assert sources.find("new") == QueueKeys("bull", "new")


@pytest.mark.parametrize("slug", ["", "!", "nope", "other~mail", "a~b~c", "bull~mail~", "a:b", "%2e", "MAIL", "mail "])
def test_what_names_no_queue_is_unknown(
    redis_client: redis.Redis, make_sources: Callable[..., tuple[Sources, Timer, Connection]], slug: str
) -> None:
    add_queue(redis_client, "bull:mail", "other:mail")
    sources, _, _ = make_sources()

    with pytest.raises(UnknownQueueError):
        sources.find(slug)


def test_keys_is_never_sent(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.failed("1a")
    admin = site.signed_in()
    redis_client.config_resetstat()

    for path in ("/", "/q/mail/failed", "/q/mail/job/1a", "/failures", "/audit"):
        assert admin.get(path).status_code == 200

    used = set(redis_client.info("commandstats"))
    assert not used & {"cmdstat_keys", "cmdstat_monitor", "cmdstat_flushall", "cmdstat_flushdb"}
