"""The recorded scenarios on a cluster: a key that a script does not declare, or that lies elsewhere, is an error there.

One server takes such a key without a word, so only here it shows.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.engine.scripts import loader
from tests.golden import dumps
from tests.golden.bench import Bench, Engine
from tests.golden.scenarios import SCENARIOS
from tests.golden.test_golden import SIBLINGS_IN_ANY_ORDER, compare, sorted_events, with_names_for_uuids
from tests.topologies.cluster import Cluster
from tests.topologies.operations import READS, WRITES, drive, prepare

pytestmark = pytest.mark.xdist_group("topology-cluster")

TAGGED = "{bull}"


class TaggedBench(Bench):
    """The bench with a hash tag around the prefix that the recordings have."""

    def __init__(self, engine: Engine, write: Callable[..., Any], version: str) -> None:
        def tagged(command: str, *arguments: Any) -> Any:
            return write(
                command, *(one.replace("bull:", f"{TAGGED}:", 1) if _is_key(one) else one for one in arguments)
            )

        super().__init__(engine, tagged, version)

    def open(self, name: str, prefix: str = TAGGED) -> QueueKeys:
        """Open a queue as Node's constructor does."""
        return super().open(name, prefix)


def _is_key(argument: object) -> bool:
    return isinstance(argument, str) and argument.startswith("bull:")


@pytest.fixture
def engine(cluster_for_all: Cluster) -> Iterator[Connection]:
    cluster_for_all.flush()
    with Connection.open(cluster_for_all.url) as connection:
        yield connection


@pytest.fixture(scope="module")
def client(cluster_for_all: Cluster) -> Iterator[Any]:
    one = cluster_for_all.client()
    yield one
    one.close()


@pytest.mark.parametrize("version", dumps.VERSIONS)
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_cluster_holds_the_keys_that_node_leaves_on_one_server(
    name: str, version: str, engine: Connection, client: Any
) -> None:
    bench = TaggedBench(engine, client.execute_command, version)

    for snapshot in SCENARIOS[name](bench):
        expected = with_names_for_uuids(dumps.load(version, snapshot).keys)
        actual = json.loads(json.dumps(dumps.capture(client)).replace(f"{TAGGED}:", "bull:"))
        if snapshot in SIBLINGS_IN_ANY_ORDER:
            expected, actual = sorted_events(expected), sorted_events(actual)
        assert compare(expected, actual) == [], f"{snapshot} of {version}"


def test_every_script_runs_on_a_cluster(engine: Connection) -> None:
    queue = QueueKeys("{b}", "mail")
    prepare(engine, queue)

    for operation in [*READS.values(), *WRITES.values()]:
        drive(engine, operation(queue))

    known = set().union(*(place.known for place in engine._places.values()))
    assert [name for name in loader.names() if loader.load(name).sha not in known] == []
