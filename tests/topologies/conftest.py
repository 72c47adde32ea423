"""Where the engine runs in the tests of this folder: a cluster, and a master that Sentinels watch.

Each is started once for a test process and emptied before each test. The marks keep all tests of one topology in the
same process, however many there are.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.engine.fronts import AsyncioFront, Front, ThreadFront
from tests.servers import Kind
from tests.topologies.cluster import Cluster
from tests.topologies.sentinels import SentinelSet

TOPOLOGIES = [
    pytest.param(name, marks=pytest.mark.xdist_group(f"topology-{name}")) for name in ("cluster", "sentinels")
]

FRONTS: dict[str, Callable[[str, str], Front]] = {"threads": ThreadFront, "asyncio": AsyncioFront}


@dataclass(frozen=True, slots=True)
class Topology:
    """Servers that stand for one Redis.

    Attributes:
        servers: to kill, and to get clients from.
        prefix: with a hash tag where the keys of a queue have to be told to stay together.
    """

    servers: Cluster | SentinelSet
    prefix: str

    @property
    def url(self) -> str:
        """The address as our engine takes it."""
        return self.servers.url


@pytest.fixture(scope="session")
def cluster_for_all(server_kind: Kind) -> Iterator[Cluster]:
    """The cluster; tests take `topology` or `redis_url`."""
    one = Cluster(server_kind)
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture(scope="session")
def sentinels_for_all(server_kind: Kind) -> Iterator[SentinelSet]:
    """The servers behind Sentinels; tests take `topology` or `redis_url`."""
    one = SentinelSet(server_kind)
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture(params=TOPOLOGIES)
def topology(request: pytest.FixtureRequest) -> Iterator[Topology]:
    """Each topology in turn, emptied, and whole again for the next test."""
    servers: Cluster | SentinelSet = request.getfixturevalue(f"{request.param}_for_all")
    servers.flush()
    yield Topology(servers, "{b}" if request.param == "cluster" else "bull")
    servers.heal()


@pytest.fixture
def redis_url(topology: Topology) -> str:
    """The address of an emptied topology, in place of the single server's."""
    return topology.url


@pytest.fixture
def prefix(topology: Topology) -> str:
    """What the keys of all queues begin with."""
    return topology.prefix


@pytest.fixture
def redis_client(topology: Topology) -> Iterator[Any]:
    """A plain client that answers in text."""
    client = topology.servers.client()
    yield client
    client.close()


@pytest.fixture
def keeper(topology: Topology) -> Iterator[Any]:
    """A client of the one server that keeps the queues' keys: to stop it, and to break its connections."""
    servers = topology.servers
    client = servers.master_of(topology.prefix).client() if isinstance(servers, Cluster) else servers.client()
    yield client
    client.close()


@pytest.fixture(params=sorted(FRONTS))
def make_front(request: pytest.FixtureRequest, topology: Topology) -> Callable[[str], Front]:
    """Make a front for a URL, with the topology's prefix."""
    front = FRONTS[request.param]
    return lambda url: front(url, topology.prefix)


@pytest.fixture
def front(make_front: Callable[[str], Front], redis_url: str) -> Front:
    """A front of an emptied topology."""
    return make_front(redis_url)
