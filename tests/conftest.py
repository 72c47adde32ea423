"""What every test can ask for: a real server, emptied before each test, and a check that nothing is left running."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from board.engine.connection.sync import Connection
from tests import quicker
from tests.interop.node import NodeBullMQ, NodeMissingError, Version
from tests.servers import Kind, Server, ServerMissingError
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    import redis

THREADS_END_SECONDS = 30.0
"""How long a thread may take to end after its test: closing is asynchronous, hanging is a leak."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--server`, the kind of server all tests use that do not name one."""
    parser.addoption(
        "--server",
        choices=("redis", "valkey"),
        default="redis",
        help="redis: the redis-server on PATH (default); valkey: the embedded server's binary",
    )
    parser.addoption("--failures", default=1_200, type=int, help="failed jobs of the grouping proof; 100000 in full")


class _Together(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Spread the tests over the processes one by one, but each of these folders as a whole.

    The folders begin first, the one with the most tests before the others: their servers are started once, and who
    would wait for another process to install the project does something else.

    What pytest-xdist's own `--dist=loadgroup` does by marks; 3.8 of it does nothing under pytest 9.2.
    """

    FOLDERS = ("tests/faults/", "tests/topologies/", "tests/packaging/")

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in self.FOLDERS if nodeid.startswith(folder)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """Take our own schedule for `--dist=loadgroup`."""
    return _Together(config, log) if config.getoption("dist") == "loadgroup" else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Take a process more than there are cores: those with servers and programs of their own mostly wait for them."""
    told = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(told) if told else cores + 1


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs of the tests, also where these run in the background, which ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _quicker() -> Iterator[None]:
    """Make once what all boards of this process have in common."""
    with pytest.MonkeyPatch.context() as patch:
        quicker.install(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def _patient() -> Iterator[None]:
    """Let nothing be left unfinished because the machine is busy: a walk over the queues, a search over jobs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("board.sources.WALK_SECONDS", PATIENCE_S)
        patch.setattr("board.queries.search.scanning.MOST_SECONDS", PATIENCE_S)
        yield


@pytest.fixture(scope="session")
def server_kind(request: pytest.FixtureRequest) -> Kind:
    """The kind of server asked for on the command line."""
    kind: Kind = request.config.getoption("--server")
    return kind


@pytest.fixture(scope="session")
def server(server_kind: Kind) -> Iterator[Server]:
    """One server for each test process. Tests that kill or configure one take `fresh_server` instead."""
    one = Server(server_kind)
    try:
        one.start()
    except ServerMissingError as missing:
        pytest.fail(str(missing), pytrace=False)
    yield one
    one.destroy()


@pytest.fixture
def redis_url(server: Server) -> str:
    """The address of a server without a single key: a test may look at the whole keyspace."""
    server.flush()
    return server.url


@pytest.fixture
def redis_client(server: Server, redis_url: str) -> "Iterator[redis.Redis]":
    """A plain client of the emptied server that answers in text."""
    del redis_url
    client = server.client()
    yield client
    client.close()


@pytest.fixture
def connection(redis_url: str) -> Iterator[Connection]:
    """The engine's own connection to the emptied server."""
    with Connection.open(redis_url) as opened:
        yield opened


@pytest.fixture
def fresh_server(server_kind: Kind) -> Iterator[Callable[..., Server]]:
    """A function that starts a server of the test's own, to kill, freeze, restart or configure.

    It takes the fields of `Server`: `fresh_server(append_only=True)`.
    """
    started: list[Server] = []

    def start(
        *,
        kind: Kind = server_kind,
        append_only: bool = False,
        arguments: tuple[str, ...] = (),
        password: str = "",
    ) -> Server:
        one = Server(kind, append_only=append_only, arguments=arguments, password=password)
        started.append(one)
        return one.start()

    yield start
    for one in started:
        one.destroy()


@pytest.fixture(autouse=True)
def _no_loop_of_the_browser(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hide the event loop that Playwright leaves running in this thread once a test used the browser.

    It keeps its loop for the session and drives it from a greenlet of its own, so to everybody else in the thread an
    event loop seems to run, and `asyncio.run` refuses. A test without a browser never resumes that greenlet.
    """
    loop = None if "playwright" in request.fixturenames else asyncio._get_running_loop()
    if loop is None:
        yield
        return
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    """Fail the test that leaves a thread behind which would keep the program from ending."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + THREADS_END_SECONDS
    while left := [t for t in threading.enumerate() if t not in before and not t.daemon and t.is_alive()]:
        if time.monotonic() >= deadline:
            pytest.fail(f"threads left running: {', '.join(t.name for t in left)}", pytrace=False)
        left[0].join(0.01)


def _node_process(version: Version, server: Server) -> Iterator[NodeBullMQ]:
    one = NodeBullMQ(version, server.url)
    try:
        one.start()
    except NodeMissingError as missing:
        pytest.fail(str(missing), pytrace=False)
    yield one
    one.close()


@pytest.fixture(scope="session")
def node5_process(server: Server) -> Iterator[NodeBullMQ]:
    """The Node process with BullMQ 5; tests take `node5`."""
    yield from _node_process(5, server)


@pytest.fixture(scope="session")
def node6_process(server: Server) -> Iterator[NodeBullMQ]:
    """The Node process with BullMQ 6; tests take `node6`."""
    yield from _node_process(6, server)


def _node(process: NodeBullMQ) -> Iterator[NodeBullMQ]:
    """Lend the process to one test: back to running before it, nothing open after it."""
    process.start()
    yield process
    if process.is_running:
        process.reset()


@pytest.fixture
def node5(node5_process: NodeBullMQ, redis_url: str) -> Iterator[NodeBullMQ]:
    """BullMQ 5 on the emptied server."""
    yield from _node(node5_process)


@pytest.fixture
def node6(node6_process: NodeBullMQ, redis_url: str) -> Iterator[NodeBullMQ]:
    """BullMQ 6 on the emptied server."""
    yield from _node(node6_process)


@pytest.fixture(params=["bullmq5", "bullmq6"])
def node(request: pytest.FixtureRequest) -> NodeBullMQ:
    """Both releases of BullMQ, one after the other."""
    one: NodeBullMQ = request.getfixturevalue("node5" if request.param == "bullmq5" else "node6")
    return one
