"""Where a call goes when several servers stand for one Redis, and what becomes of it when they change places."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from board.engine import AsyncJob, AsyncWorker, FlowJob, FlowProducer, Queue, Worker
from board.engine.calls import Batch, Call, raw
from board.engine.commands import jobs, queues
from board.engine.connection.aio import AsyncConnection
from board.engine.connection.sync import Connection
from board.engine.errors import ConnectionLostError, InvalidOptionError, StoreError, UsageError
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from tests.servers import Kind
from tests.topologies.cluster import Cluster
from tests.topologies.conftest import Topology
from tests.topologies.sentinels import SentinelSet
from tests.waiting import wait_until, wait_until_async

MAIL = QueueKeys("{b}", "mail")
NOW = 1_767_225_600_000


class Line(Protocol):
    """A connection of either front, called without ``await``."""

    def call(self, call: Call[Any]) -> Any: ...
    def batch(self, batch: Batch[Any]) -> Any: ...
    def close(self) -> None: ...


class AsyncLine:
    """The asyncio connection in a loop of its own."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.Runner()
        self._connection = AsyncConnection.open(url)

    def call(self, call: Call[Any]) -> Any:
        return self._loop.run(self._connection.call(call))

    def batch(self, batch: Batch[Any]) -> Any:
        return self._loop.run(self._connection.batch(batch))

    def close(self) -> None:
        self._loop.run(self._connection.close())
        self._loop.close()


Open = Callable[[str], Line]


@pytest.fixture(params=["threads", "asyncio"])
def connect(request: pytest.FixtureRequest) -> Iterator[Open]:
    made: list[Line] = []

    def open_line(url: str) -> Line:
        made.append(Connection.open(url) if request.param == "threads" else AsyncLine(url))
        return made[-1]

    yield open_line
    for line in made:
        line.close()


@pytest.fixture
def cluster(cluster_for_all: Cluster) -> Cluster:
    cluster_for_all.flush()
    return cluster_for_all


@pytest.fixture
def mortal_cluster(server_kind: Kind) -> Iterator[Cluster]:
    """A cluster that a test may break."""
    one = Cluster(server_kind)
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture
def mortal_sentinels(server_kind: Kind) -> Iterator[SentinelSet]:
    """Servers behind Sentinels that a test may break."""
    one = SentinelSet(server_kind)
    try:
        yield one.start()
    finally:
        one.destroy()


def add(queue: QueueKeys = MAIL) -> Call[str]:
    """Describe the adding of a job."""
    return jobs.add_job(queue, prepare_job("x", {}, now_ms=NOW))


def succeeds(line: Line, call: Call[Any], seen: list[StoreError]) -> bool:
    """Whether a call got through; why not is noted."""
    try:
        line.call(call)
    except StoreError as error:
        seen.append(error)
        return False
    return True


def test_the_calls_of_a_batch_find_the_nodes_of_their_keys(cluster: Cluster, connect: Open) -> None:
    many = [QueueKeys(f"{{{tag}}}", "mail") for tag in "abcdefgh"]
    line = connect(cluster.url)

    line.batch(Batch.of(add(queue) for queue in many))

    counted = line.batch(Batch.of(queues.get_counts(queue) for queue in many))
    assert [counts.waiting for counts in counted] == [1] * len(many)
    assert len({cluster.master_of(queue.base).port for queue in many}) > 1


def test_a_transaction_over_several_nodes_is_refused_and_nothing_is_done(cluster: Cluster, connect: Open) -> None:
    apart = [QueueKeys("{a}", "mail"), QueueKeys("{b}", "mail")]
    assert cluster.master_of("{a}") is not cluster.master_of("{b}")
    line = connect(cluster.url)

    with pytest.raises(UsageError, match="hash tag"):
        line.batch(Batch.of([add(queue) for queue in apart], atomic=True))

    counted = line.batch(Batch.of(queues.get_counts(queue) for queue in apart))
    assert [counts.waiting for counts in counted] == [0, 0]


def test_a_flow_over_several_nodes_is_refused_with_the_reason(cluster: Cluster) -> None:
    with FlowProducer(connection=cluster.url, prefix="{a}") as flows, pytest.raises(UsageError, match="hash tag"):
        flows.add(FlowJob("parent", "mail", children=(FlowJob("child", "mail", prefix="{b}"),)))


def test_a_queue_without_a_hash_tag_is_refused_before_anything_is_written(cluster: Cluster) -> None:
    with Queue("mail", connection=cluster.url) as untagged, pytest.raises(UsageError, match="hash tag"):
        untagged.add("welcome")
    with Queue("mail", connection=cluster.url, prefix="{bull}") as tagged:
        tagged.add("welcome")

    with contextlib.closing(cluster.client()) as client:
        assert not [key for key in client.scan_iter() if not key.startswith("{bull}")]


@pytest.mark.parametrize("make", [Worker, AsyncWorker])
def test_a_dead_letter_queue_that_may_lie_elsewhere_is_refused(
    cluster: Cluster, make: type[Worker] | type[AsyncWorker]
) -> None:
    async def nothing(_job: AsyncJob) -> None: ...

    processor: Any = nothing if make is AsyncWorker else len
    with pytest.raises(InvalidOptionError, match="another slot"):
        make("{mail}", processor, connection=cluster.url, dead_letter_queue="{dead}")
    make("mail", processor, connection=cluster.url, prefix="{bull}", dead_letter_queue="dead")


@pytest.mark.parametrize("tag", ["a", "b", "c", "d"])
def test_queues_of_a_prefix_are_found_on_the_node_of_its_hash_tag(cluster: Cluster, connect: Open, tag: str) -> None:
    prefix = f"{{{tag}}}"
    with Queue("mail", connection=cluster.url, prefix=prefix) as queue:
        queue.add("x")
        queue.pause()
    line = connect(cluster.url)

    cursor, found = line.call(queues.discover(prefix))

    assert (cursor, found) == (0, [QueueKeys(prefix, "mail")])


def test_a_cluster_of_which_no_node_answers_is_told_in_a_sentence(cluster: Cluster, connect: Open) -> None:
    line = connect("redis+cluster://127.0.0.1:1,127.0.0.1:2")

    with pytest.raises(ConnectionLostError, match=r"Redis at 127\.0\.0\.1:1, 127\.0\.0\.1:2 cannot be reached"):
        line.call(add())


def test_sentinels_that_do_not_answer_are_told_in_a_sentence(connect: Open) -> None:
    line = connect("redis+sentinel://127.0.0.1:1,127.0.0.1:2/main/0")

    with pytest.raises(ConnectionLostError, match=r"Redis at main of 127\.0\.0\.1:1, 127\.0\.0\.1:2 cannot be reached"):
        line.call(add())


@pytest.mark.slow
@pytest.mark.xdist_group("cluster failover")
def test_calls_find_the_replica_that_took_over_from_a_lost_node(mortal_cluster: Cluster, connect: Open) -> None:
    line = connect(mortal_cluster.url)
    line.call(add())
    seen: list[StoreError] = []

    mortal_cluster.lose(MAIL.base)

    wait_until(lambda: succeeds(line, add(), seen), "an add to succeed on the new master")
    assert seen
    assert {type(error) for error in seen} == {ConnectionLostError}
    assert line.call(queues.get_counts(MAIL)).waiting >= 2


@pytest.mark.slow
@pytest.mark.xdist_group("sentinel failover")
def test_calls_find_the_master_that_the_sentinels_chose(mortal_sentinels: SentinelSet, connect: Open) -> None:
    line = connect(mortal_sentinels.url)
    line.call(add())
    seen: list[StoreError] = []

    mortal_sentinels.lose()

    wait_until(lambda: succeeds(line, add(), seen), "an add to succeed on the new master")
    assert seen
    assert line.call(queues.get_counts(MAIL)).waiting >= 2


def test_the_prefix_of_a_topology_serves_both_fronts(topology: Topology, connect: Open) -> None:
    queue = QueueKeys(topology.prefix, "mail")
    line = connect(topology.url)

    assert [line.call(add(queue)) for _ in range(3)] == ["1", "2", "3"]


def test_a_wait_that_is_cancelled_leaves_nothing_behind_that_takes_what_comes(topology: Topology, keeper: Any) -> None:
    key = f"{topology.prefix}:list"
    pop: Call[Any] = Call(("BLPOP", key, 0), raw)

    def is_blocked() -> bool:
        return bool(keeper.info("clients")["blocked_clients"])

    async def wait_twice() -> Any:
        async with AsyncConnection.open(topology.url) as connection, connection.blocking() as waiting:
            held = asyncio.create_task(waiting.call(pop))
            await wait_until_async(is_blocked, "the wait to begin")
            held.cancel()
            await wait_until_async(lambda: not is_blocked(), "Redis to see that nobody waits")
            keeper.rpush(key, "kept")
            return await waiting.call(pop)

    assert asyncio.run(wait_twice())[1] == b"kept"
