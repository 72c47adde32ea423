"""How calls, batches and plans travel; what is sent again and what never is; what errors say."""

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
import redis
import redis.asyncio
import redis.exceptions as theirs

from board.engine.calls import Batch, Call, Plan, raw
from board.engine.commands.jobs import add_job, get_job
from board.engine.commands.queues import get_counts
from board.engine.commands.script_call import script_call
from board.engine.connection.aio import AsyncConnection
from board.engine.connection.sync import Connection
from board.engine.errors import (
    AuthenticationFailedError,
    ClosedError,
    ConnectionLostError,
    EngineError,
    LoadingError,
    OutOfMemoryError,
    PermissionDeniedError,
    ReadOnlyError,
    ScriptError,
    StoreError,
    UsageError,
)
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.scripts import loader
from tests.servers import Server

QUEUE = QueueKeys("bull", "mail")


class Wire(Protocol):
    """A connection of either front, driven from a plain test."""

    def call(self, call: Call[Any]) -> Any: ...
    def batch(self, batch: Batch[Any]) -> list[Any]: ...
    def run(self, plan: Plan[Any]) -> Any: ...
    def close(self) -> None: ...
    @property
    def round_trips(self) -> int: ...


class AsyncWire:
    """The asyncio connection in a loop of its own."""

    def __init__(self, url: str, client_name: str | None = None) -> None:
        self._runner = asyncio.Runner()
        self.connection = AsyncConnection.open(url, client_name=client_name)

    def call(self, call: Call[Any]) -> Any:
        """Make one round trip."""
        return self._runner.run(self.connection.call(call))

    def batch(self, batch: Batch[Any]) -> list[Any]:
        """Send a batch."""
        return self._runner.run(self.connection.batch(batch))

    def run(self, plan: Plan[Any]) -> Any:
        """Drive a plan."""
        return self._runner.run(self.connection.run(plan))

    def close(self) -> None:
        """Close connection and loop."""
        self._runner.run(self.connection.close())

    def end(self) -> None:
        """Close for good."""
        self.close()
        self._runner.close()

    @property
    def round_trips(self) -> int:
        """How often something was sent."""
        return self.connection.round_trips


Open = Callable[..., Wire]


@pytest.fixture(params=["blocking", "asyncio"])
def connect(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open connections of one front, closed at the end."""
    opened: list[Any] = []

    def one(url: str, client_name: str | None = None) -> Wire:
        if request.param == "blocking":
            opened.append(Connection.open(url, client_name=client_name))
        else:
            opened.append(AsyncWire(url, client_name))
        wire: Wire = opened[-1]
        return wire

    yield one
    for wire in opened:
        wire.end() if isinstance(wire, AsyncWire) else wire.close()


@pytest.fixture
def wire(connect: Open, redis_url: str) -> Wire:
    """A connection to an emptied server."""
    return connect(redis_url)


def new_job(name: str = "x") -> Call[str]:
    return add_job(QUEUE, prepare_job(name, {}, now_ms=1_000))


def get(key: str) -> Call[Any]:
    return Call(("GET", key), raw, writes=False)


def put(key: str, value: str) -> Call[Any]:
    return Call(("SET", key, value), raw)


# Round trips


def test_a_call_is_one_round_trip_even_when_the_server_does_not_know_its_script(wire: Wire, redis_client: Any) -> None:
    redis_client.script_flush()

    wire.call(new_job())
    wire.call(new_job())

    assert wire.round_trips == 2


def test_a_batch_is_one_round_trip_with_its_results_in_order(wire: Wire) -> None:
    results = wire.batch(Batch.of([put("a", "1"), get("a"), new_job(), get_counts(QUEUE), new_job()]))

    assert wire.round_trips == 1
    assert results[1:3] == [b"1", "1"]
    assert results[3].waiting == 1
    assert results[4] == "2"


def test_an_empty_batch_sends_nothing(wire: Wire) -> None:
    assert wire.batch(Batch.of([])) == []
    assert wire.round_trips == 0


def test_a_forgotten_script_is_sent_again_and_nothing_else(wire: Wire, redis_client: Any) -> None:
    wire.call(new_job())
    redis_client.script_flush()

    results = wire.batch(Batch.of([new_job(), Call(("INCR", "once"), int), new_job()]))

    assert results == ["2", 1, "3"]
    assert wire.round_trips == 3


def test_a_transaction_never_stops_half_way_for_a_forgotten_script(wire: Wire, redis_client: Any) -> None:
    wire.call(new_job())
    redis_client.script_flush()

    results = wire.batch(Batch.of([Call(("INCR", "once"), int), new_job(), new_job()], atomic=True))

    assert results == [1, "2", "3"]
    assert wire.round_trips == 2


def test_a_transaction_that_is_refused_does_nothing(wire: Wire, redis_client: Any) -> None:
    with pytest.raises(ScriptError, match="unknown command"):
        wire.batch(Batch.of([put("a", "1"), Call(("NO.SUCH", "b"), raw)], atomic=True))

    assert redis_client.get("a") is None


# Errors within


def test_a_batch_may_keep_errors_in_their_places(wire: Wire) -> None:
    wrong_type: Call[Any] = Call(("LLEN", "a"), int)
    calls = [put("a", "1"), wrong_type, get("a")]

    results = wire.batch(Batch.of(calls, keep_errors=True))

    assert isinstance(results[1], ScriptError)
    assert results[2] == b"1"
    with pytest.raises(ScriptError, match="WRONGTYPE"):
        wire.batch(Batch.of(calls))


def test_an_error_is_thrown_into_the_plan_which_may_handle_it(wire: Wire) -> None:
    def plan() -> Plan[str]:
        yield from put("a", "1")
        try:
            yield from Call(("LLEN", "a"), int)
        except EngineError:
            return str((yield from get("a")))
        return "no error"

    assert wire.run(plan()) == "b'1'"


def test_a_plan_that_handles_nothing_lets_the_error_through(wire: Wire) -> None:
    def plan() -> Plan[int]:
        yield from put("a", "1")
        return (yield from Call(("LLEN", "a"), int))

    with pytest.raises(ScriptError):
        wire.run(plan())


def test_after_an_error_the_connection_is_as_good_as_before(wire: Wire) -> None:
    with pytest.raises(ScriptError):
        wire.call(script_call("add_jobs", (QUEUE.base,), ("not msgpack",), raw))

    assert wire.call(new_job()) == "1"


def test_a_closed_connection_says_so(wire: Wire) -> None:
    wire.call(get("a"))
    wire.close()

    with pytest.raises(ClosedError):
        wire.call(get("a"))


# Redis is away or refuses


def test_no_server_is_told_in_a_sentence(connect: Open, fresh_server: Callable[..., Server]) -> None:
    server = fresh_server()
    server.kill()

    with pytest.raises(ConnectionLostError, match=rf"127\.0\.0\.1:{server.port} cannot be reached: connection refused"):
        connect(server.url).call(get("a"))


def test_the_next_call_finds_a_restarted_server(connect: Open, fresh_server: Callable[..., Server]) -> None:
    server = fresh_server()
    wire = connect(server.url)
    wire.call(put("a", "1"))
    server.restart()

    for _ in range(2):
        try:
            assert wire.call(new_job()) == "1"
            break
        except ConnectionLostError:  # an event loop that did not run meanwhile notices the broken socket only now
            continue
    else:
        pytest.fail("the connection did not recover")


def test_a_write_whose_reply_is_lost_is_not_sent_again(connect: Open, fresh_server: Callable[..., Server]) -> None:
    """The server ends the connection in the middle of a command; redis-py's own client would send it once more."""
    server = fresh_server()
    wire = connect(server.url)
    kill_me = Call(("EVAL", "redis.call('INCR', KEYS[1]) return redis.call('INCR', KEYS[1])", 1, "count"), raw)
    closing = Call(("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"), raw)

    with pytest.raises(ConnectionLostError):
        wire.batch(Batch.of([kill_me, closing, get("count")]))

    client = server.client()
    assert client.get("count") == "2"
    client.close()


def test_a_wrong_password_is_told_and_not_shown(connect: Open, fresh_server: Callable[..., Server]) -> None:
    server = fresh_server(arguments=("--requirepass", "right-one"), password="right-one")
    wrong = server.url.replace("right-one", "wr0ng-secret")

    for url in (wrong, server.url.replace(":right-one@", "")):
        with pytest.raises(AuthenticationFailedError) as caught:
            connect(url).call(get("a"))
        assert "wr0ng-secret" not in str(caught.value)


def test_a_forbidden_command_is_told(connect: Open, redis_client: Any, redis_url: str) -> None:
    redis_client.execute_command("ACL", "SETUSER", "reader", "on", ">pw", "~*", "+get", "-@all", "+get", "+client")
    url = redis_url.replace("redis://", "redis://reader:pw@")
    try:
        wire = connect(url, "named")
        assert wire.call(get("a")) is None
        with pytest.raises(PermissionDeniedError):
            wire.call(put("a", "1"))
    finally:
        redis_client.execute_command("ACL", "DELUSER", "reader")


def test_a_replica_refuses_writes(connect: Open, fresh_server: Callable[..., Server]) -> None:
    server = fresh_server()
    client = server.client()
    client.replicaof("127.0.0.1", 1)
    client.close()

    with pytest.raises(ReadOnlyError):
        connect(server.url).call(put("a", "1"))


def test_a_full_server_is_told_by_name_even_from_within_a_script(
    connect: Open, fresh_server: Callable[..., Server]
) -> None:
    server = fresh_server(arguments=("--maxmemory", "100kb"))

    for call in (put("a", "1"), new_job()):
        with pytest.raises(OutOfMemoryError):
            connect(server.url).call(call)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ("LOADING Redis is loading the dataset in memory", LoadingError),
        ("READONLY You can't write against a read only replica.", ReadOnlyError),
        ("MISCONF Redis is configured to save RDB snapshots", ReadOnlyError),
        ("NOAUTH Authentication required.", AuthenticationFailedError),
        ("CLUSTERDOWN The cluster is down", ConnectionLostError),
    ],
)
def test_error_replies_become_errors_of_ours(reply: str, error: type[StoreError]) -> None:
    from board.engine.connection.failures import store_error

    assert type(store_error(redis.ResponseError(reply), "here")) is error


@pytest.mark.parametrize(
    "reply",
    [
        theirs.ClusterDownError("The cluster is down"),
        theirs.MasterDownError("Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
        theirs.TryAgainError("Multiple keys request during rehashing of slot"),
        theirs.MovedError("1 127.0.0.1:6379"),
        theirs.AskError("1 127.0.0.1:6379"),
    ],
    ids=lambda reply: type(reply).__name__,
)
def test_a_cluster_that_moves_its_slots_is_no_fault_of_a_script(reply: Exception) -> None:
    """The client library keeps the text of these replies and leaves out their code."""
    from board.engine.connection.failures import store_error

    assert type(store_error(reply, "here")) is ConnectionLostError


def test_errors_of_ours_are_raised_as_they_are_and_each_caller_gets_one() -> None:
    from board.engine.connection.exchange import checked, parts_of
    from board.engine.connection.failures import store_error

    first, second = parts_of([b"one"], 2)

    assert first is not second
    with pytest.raises(ScriptError) as told:
        checked(first, "here")
    assert told.value.__cause__ is None
    first.__cause__ = first  # a chain that goes in a circle has an end
    away = OSError("away")
    away.__context__ = first
    assert isinstance(store_error(away, "here"), ConnectionLostError)


# Clients and URLs


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode", [False, True])
def test_a_client_of_redis_py_lends_its_settings(redis_url: str, protocol: int, *, decode: bool) -> None:
    client = redis.Redis.from_url(redis_url, protocol=protocol, decode_responses=decode)
    with Connection.open(client) as connection:
        job_id = connection.call(new_job("é"))
        job = connection.call(get_job(QUEUE, job_id))
    client.close()

    assert job is not None
    assert job.name == "é"


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode", [False, True])
def test_an_asyncio_client_of_redis_py_lends_its_settings(redis_url: str, protocol: int, *, decode: bool) -> None:
    async def whole() -> str | None:
        client = redis.asyncio.Redis.from_url(redis_url, protocol=protocol, decode_responses=decode)
        async with AsyncConnection.open(client) as connection:
            job = await connection.call(get_job(QUEUE, await connection.call(new_job("é"))))
        await client.aclose()
        return None if job is None else job.name

    assert asyncio.run(whole()) == "é"


def test_a_client_of_the_other_front_is_refused(redis_url: str) -> None:
    ours = redis.Redis.from_url(redis_url)
    theirs = redis.asyncio.Redis.from_url(redis_url)
    wrong: Any = theirs

    with pytest.raises(UsageError):
        Connection.open(wrong)
    wrong = ours
    with pytest.raises(UsageError):
        AsyncConnection.open(wrong)
    ours.close()


def test_a_name_that_redis_would_refuse_is_made_fit(connect: Open, redis_url: str, redis_client: Any) -> None:
    connect(redis_url, "mail worker é").call(get("a"))

    assert "mail-worker--" in [row["name"] for row in redis_client.client_list()]


def test_a_socket_file_is_an_address(fresh_server: Callable[..., Server], connect: Open) -> None:
    server = fresh_server()
    path = server.directory / "redis.sock"
    server.stop()
    server.arguments = ("--unixsocket", str(path))
    server.start()

    assert connect(f"unix://{path}?db=1").call(new_job()) == "1"


def test_a_fork_does_not_talk_over_its_parents_socket(redis_url: str) -> None:
    with Connection.open(redis_url) as connection:
        connection.call(put("a", "parent"))
        parents = connection.call(Call(("CLIENT", "ID"), raw))
        child = os.fork()
        if child == 0:
            try:
                ok = connection.call(Call(("CLIENT", "ID"), raw)) != parents
                connection.call(put("b", "child"))
                ok = ok and connection.call(get("a")) == b"parent"
                connection.close()
            except BaseException:  # noqa: BLE001 - a child of a test must end here
                os._exit(2)
            os._exit(0 if ok else 1)
        _, status = os.waitpid(child, 0)

        assert os.waitstatus_to_exitcode(status) == 0
        assert connection.call(get("b")) == b"child"
        assert connection.call(Call(("CLIENT", "ID"), raw)) == parents


def test_every_script_of_the_engine_can_be_sent(wire: Wire) -> None:
    for name in loader.names():
        script = loader.load(name)
        assert wire.call(Call(("SCRIPT", "LOAD", script.source), raw)) == script.sha.encode()
