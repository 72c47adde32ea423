"""The asyncio connection: the same as ``sync``, with ``await``.

All tasks share one socket a server, on which what they ask in one turn of the event loop leaves as one packet; see
``connection.line``. Commands that Redis holds back go over a connection of their own, one at a time, and one that is
cancelled takes its socket along. Where redis-py opens what we cannot take over, each round trip has a socket to itself,
and closes it when it is cancelled half-way: the reply would otherwise be read by the next one. At most
``MOST_SOCKETS`` of these are under way at once, the others wait their turn.

A long file, for the reason of ``sync``.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import redis.asyncio as redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from board.engine.calls import Batch, Call, Plan
from board.engine.connection.address import Address, clean_client_name, parse_address
from board.engine.connection.answer import Answer
from board.engine.connection.exchange import Command, Exchange, batch_results, checked
from board.engine.connection.failures import closed_error, store_error
from board.engine.connection.forks import generation
from board.engine.connection.line import Line
from board.engine.connection.origin import (
    APART,
    MOVES,
    WATCHDOG_S,
    place_of,
    plain_url,
    sentinel_options,
    tagged_key_of,
)
from board.engine.connection.transport import NoTransportError, transport_of
from board.engine.errors import ConnectionLostError, EngineError, ReadOnlyError, UsageError

__all__ = ["AHEAD", "MOST_SOCKETS", "AsyncClient", "AsyncConnection"]

T = TypeVar("T")
R = TypeVar("R")

AsyncClient = redis.Redis | RedisCluster
"""What may be given instead of a URL."""

MOST_SOCKETS = 16
"""Round trips under way at once; more sockets bring no more speed from one event loop."""

AHEAD = 2
"""Calls of one caller under way at once: one in Redis, one on its way."""

_CLUSTER_OPTIONS = frozenset(inspect.signature(RedisCluster).parameters)
"""redis-py's pools hold arguments of sockets that its asyncio cluster client does not take."""

logger = logging.getLogger(__name__)


class _Socket(Protocol):
    """What we use of redis-py's asyncio connection."""

    async def connect(self) -> object: ...
    async def disconnect(self, nowait: bool = False) -> object: ...  # noqa: FBT001, FBT002 - redis-py's signature
    async def can_read(self) -> bool: ...
    def pack_commands(self, commands: Iterable[Command]) -> list[bytes]: ...
    async def send_packed_command(self, command: list[bytes]) -> object: ...
    async def read_response(self, disable_decoding: bool = False) -> Any: ...  # noqa: FBT001, FBT002 - same


class _Place:
    """One server: how to open a socket to it, the line to it, which sockets are free, and which scripts it has."""

    __slots__ = ("free", "known", "line", "make", "name")

    def __init__(self, name: str, make: Callable[[], _Socket]) -> None:
        self.name = name
        self.make = make
        self.line: Line | None = None
        self.free: deque[_Socket] = deque()
        self.known: set[str] = set()


class AsyncConnection:
    """Sends what commands describe.

    Opens sockets when it needs them; closing it closes those, never a client that was handed in. Belongs to the event
    loop it is first used in.
    """

    def __init__(
        self, origin: _Origin, *, client_name: str | None = None, overrides: dict[str, Any] | None = None
    ) -> None:
        self._origin = origin
        self._client_name = clean_client_name(client_name) if client_name else None
        self._overrides = overrides or {}
        self._is_shared = True
        self._places: dict[str, _Place] = {}
        self._proven: Line | None = None
        self._in_use: set[_Socket] = set()
        self._turn = asyncio.Semaphore(MOST_SOCKETS)
        self._generation = generation()
        self._closed = False
        self._round_trips = 0

    @classmethod
    def open(
        cls, source: str | AsyncClient, *, client_name: str | None = None, timeout_s: float = 5.0
    ) -> AsyncConnection:
        """Prepare a connection; the first call makes it.

        Args:
            source: a URL, see ``address.parse_address``, or a client of redis-py's asyncio, whose settings are taken
                over.
            client_name: shown in CLIENT LIST; characters that Redis refuses become hyphens.
            timeout_s: for connecting and for each reply, when ``source`` is a URL that does not say otherwise.

        Raises:
            UsageError: the URL is malformed, or the client is one of redis-py's blocking ones.
        """
        origin: _Origin
        if isinstance(source, str):
            address = parse_address(source)
            origin = _ClusterOrigin.at(address, timeout_s) if address.kind == "cluster" else _at(address, timeout_s)
        elif isinstance(source, RedisCluster):
            cluster: RedisCluster = source
            origin = _ClusterOrigin(lambda: cluster, "the cluster")
        elif isinstance(source, redis.Redis):
            pool: Any = source.connection_pool
            kwargs = dict(pool.connection_kwargs)
            origin = _Origin(pool.connection_class, kwargs, place_of(kwargs), pool)
        else:
            raise UsageError(
                "connection must be a Redis URL or a redis.asyncio.Redis or RedisCluster client, not "
                f"{type(source).__name__} of {type(source).__module__}"
            )
        return cls(origin, client_name=client_name)

    @property
    def place(self) -> str:
        """Where Redis is, without secrets."""
        return self._origin.place

    @property
    def is_cluster(self) -> bool:
        """Whether several servers share the keys; what has no key, such as CLIENT LIST, asks only one of them."""
        return self._origin.is_cluster

    @property
    def round_trips(self) -> int:
        """How often this connection sent something and waited for the answer."""
        return self._round_trips

    def blocking(self, *, client_name: str | None = None, longest_s: float = 10.0) -> AsyncConnection:
        """Return a connection with sockets of its own for commands that the server holds back.

        Args:
            client_name: shown in CLIENT LIST.
            longest_s: the longest time any command will be held back; a second later its socket is given up.
        """
        return AsyncConnection(
            self._origin,
            client_name=client_name or self._client_name,
            overrides={"socket_timeout": longest_s + WATCHDOG_S},
        )

    async def call(self, call: Call[T]) -> T:
        """Make one round trip.

        Raises:
            StoreError: Redis is away or refused; only after ConnectionLostError is it unknown whether a write took
                effect.
            EngineError: what the reply means.
        """
        return call.decode(await self._raw(call))

    def is_ready(self) -> bool:
        """Whether ``ask`` may be called: in a running event loop, on a line that is known to do."""
        line = self._proven
        try:
            return line is not None and line.is_usable(asyncio.get_running_loop())
        except RuntimeError:  # no loop runs in this thread
            return False

    def ask(self, call: Call[Any], then: Callable[[Any], T]) -> Coroutine[Any, Any, T]:
        """Make one round trip that begins now; only while the connection ``is_ready``.

        Returns a future, so that it may be gathered without a task, which is a coroutine too, so that it may become
        one. Its result is what ``then`` makes of the raw reply.
        """
        line = self._proven
        assert line is not None  # noqa: S101 - the caller looked
        answer: Answer[T] = Answer(loop=asyncio.get_running_loop())
        answer.then = then
        self._round_trips += 1
        line.ask(call, answer)
        return answer

    async def batch(self, batch: Batch[T]) -> list[T]:
        """Send calls together. Without ``keep_errors`` the first error is raised once all replies are in."""
        if not batch.calls:
            return []
        return batch_results(batch, await self._send(batch.calls, atomic=batch.atomic), self.place)

    async def stream(self, calls: Iterable[Call[T]]) -> list[T]:
        """Make calls one behind the other; while Redis works on one the next is made, at most ``AHEAD`` are under way.

        Raises:
            EngineError: the first that failed. No further call was sent; those under way have ended.
        """
        results: list[T] = []
        under_way: deque[asyncio.Task[T]] = deque()
        try:
            for call in calls:
                while len(under_way) >= self._ahead:
                    results.append(await under_way[0])
                    under_way.popleft()
                under_way.append(asyncio.create_task(self.call(call)))
                await asyncio.sleep(0)  # it asks
                await asyncio.sleep(0)  # and what it asked leaves
            while under_way:
                results.append(await under_way[0])
                under_way.popleft()
        except asyncio.CancelledError:
            for task in under_way:
                task.cancel()
            raise
        finally:
            if under_way:
                await asyncio.wait(under_way)
                for task in under_way:
                    if not task.cancelled():
                        task.exception()  # seen: the first error is the one that is told
        return results

    @property
    def _ahead(self) -> int:
        """How many calls of a stream may be under way: several only once one line is known to keep their order."""
        return 1 if self._proven is None else AHEAD

    async def run(self, plan: Plan[R]) -> R:
        """Drive a plan to its end. Errors are thrown into it, so that it may handle them."""
        reply: Any = None
        error: EngineError | None = None
        while True:
            try:
                step = plan.send(reply) if error is None else plan.throw(error)
            except StopIteration as end:
                result: R = end.value
                return result
            reply, error = None, None
            try:
                reply = await self.step(step)
            except EngineError as caught:
                error = caught

    def step(self, step: Call[Any] | Batch[Any]) -> Awaitable[Any]:
        """Make one step of a plan and return what ``plan.send`` wants: a raw reply, or the results of a batch."""
        return self.batch(step) if isinstance(step, Batch) else self._raw(step)

    def flush(self) -> None:
        """Send what was asked in this turn of the event loop now rather than at its end."""
        if self._proven is not None:
            self._proven.flush()

    async def close(self) -> None:
        """Close the sockets; tasks that wait on one get ConnectionLostError. Calling it again does nothing."""
        self._closed = True
        self._proven = None
        for place in list(self._places.values()):
            if place.line is not None:
                await place.line.close()
        free = [place.free.popleft() for place in list(self._places.values()) for _ in range(len(place.free))]
        for socket in [*free, *self._in_use]:
            await _end(socket)
        await self._origin.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncConnection to {self.place}>"

    def _raw(self, call: Call[Any]) -> Awaitable[Any]:
        """Make the round trip of one call; what it returns is awaited for the raw reply."""
        line = self._proven
        if line is None or not line.is_usable(asyncio.get_running_loop()):
            return self._first(call)
        self._round_trips += 1
        return line.ask(call)

    async def _first(self, call: Call[Any]) -> Any:
        """Make a round trip before it is known that a line will do, or where none does."""
        if self._origin.is_cluster or not self._is_shared:
            return self._sound((await self._send([call], atomic=False))[0])
        line = self._line(self._places.get("") or await self._place(None))
        self._round_trips += 1
        try:
            reply = await line.ask(call)
        except NoTransportError:
            self._is_shared = False  # redis-py opens something unknown: each task takes a socket of its own
            return self._sound((await self._send([call], atomic=False))[0])
        if not self._closed:
            self._proven = line
        return reply

    def _sound(self, reply: Any) -> Any:
        return checked(reply, self.place)

    def _line(self, place: _Place) -> Line:
        self._check_open()
        line = place.line
        if line is None or not line.is_usable(asyncio.get_running_loop()):
            line = place.line = Line(
                lambda: self._open_for_line(place),
                place.name,
                place.known,
                self._origin.lost,
                is_held=bool(self._overrides),
            )
        return line

    async def _send(self, calls: Iterable[Call[Any]], *, atomic: bool) -> list[Any]:
        calls = tuple(calls)
        if not self._origin.is_cluster:
            return await self._exchange(await self._place(None), calls, atomic=atomic)
        replies: list[Any] = [None] * len(calls)
        nodes = await self._origin.by_node(calls)
        if atomic and len(nodes) > 1:
            raise UsageError(APART)
        for key, indexes in nodes.items():
            part = await self._exchange(await self._place(key), [calls[index] for index in indexes], atomic=atomic)
            for index, reply in zip(indexes, part, strict=True):
                replies[index] = reply
        return replies

    async def _exchange(self, place: _Place, calls: Iterable[Call[Any]], *, atomic: bool) -> list[Any]:
        calls = tuple(calls)
        exchange = Exchange(calls, atomic=atomic)
        replies = await self._round_trip(place, exchange.first(place.known))
        unknown, elsewhere = exchange.receive(replies, place.known)
        while unknown:
            replies = await self._round_trip(place, exchange.again(unknown, place.known))
            unknown, more = exchange.receive(replies, place.known)
            elsewhere += more
        if atomic and elsewhere:
            return await self._follow_together(calls, exchange.replies)
        for index in elsewhere:
            exchange.replies[index] = await self._follow(calls[index], exchange.replies[index])
        return exchange.replies

    async def _follow(self, call: Call[Any], reply: Any) -> Any:
        """Send a call to where a cluster now keeps its key; nothing was done before."""
        for _ in range(MOVES):
            key, asking = await self._origin.follow(call, reply)
            place = await self._place(key)
            exchange = Exchange([call])
            commands: list[Command] = exchange.first(set())
            if asking:
                commands.insert(0, ("ASKING",))
            replies = await self._round_trip(place, commands)
            _, elsewhere = exchange.receive(replies[-1:], place.known)
            reply = exchange.replies[0]
            if not elsewhere:
                break
        return reply

    async def _follow_together(self, calls: tuple[Call[Any], ...], replies: list[Any]) -> list[Any]:
        """Send a transaction to where a cluster now keeps its keys; nothing was done before."""
        for _ in range(MOVES):
            key, asking = await self._origin.follow(calls[0], replies[0])
            if asking:  # ASKING reaches no further than MULTI: the slot has to arrive first
                break
            place = await self._place(key)
            exchange = Exchange(calls, atomic=True)
            _, elsewhere = exchange.receive(await self._round_trip(place, exchange.first(place.known)), place.known)
            replies = exchange.replies
            if not elsewhere:
                break
        return replies

    async def _round_trip(self, place: _Place, commands: list[Command]) -> list[Any]:
        if self._is_shared:
            self._round_trips += 1
            try:
                replies: list[Any] = await self._line(place).send(commands)
            except NoTransportError:
                self._is_shared = False
            else:
                return replies
        async with self._turn:
            cancels = _cancels()
            socket = await self._take(place)
            try:
                self._round_trips += 1
                await socket.send_packed_command(socket.pack_commands(commands))
                if _cancels() > cancels:
                    raise asyncio.CancelledError  # noqa: TRY301 - it was ours and got lost
                self._check_open()  # a socket that `close` has just ended would have been opened again by sending
                replies = [await _read(socket) for _ in commands]
            except (RedisError, OSError, TimeoutError) as error:
                await self._drop(socket)
                self._origin.lost()
                raise store_error(error, place.name) from error
            except BaseException:
                await self._drop(socket)
                raise
            await self._give_back(place, socket, replies)
            return replies

    async def _take(self, place: _Place) -> _Socket:
        self._check_open()
        if self._generation != generation():
            self._generation = generation()
            self._places, self._in_use = {place.name: place}, set()
            place.free.clear()
        while place.free:
            socket = place.free.pop()
            if await _is_usable(socket):
                self._in_use.add(socket)
                return socket
            await _end(socket)
        return await self._open(place)

    async def _open_for_line(self, place: _Place) -> _Socket:
        socket = await self._open(place)
        self._in_use.discard(socket)
        try:
            transport_of(socket)
        except NoTransportError:
            place.free.append(socket)
            raise
        return socket

    async def _open(self, place: _Place) -> _Socket:
        """Open a socket; until it is given back or taken over, `close` closes it."""
        socket = place.make()
        self._in_use.add(socket)
        try:
            await socket.connect()
            await self._introduce(socket)
        except (RedisError, OSError, TimeoutError) as error:
            await self._drop(socket)
            self._origin.lost()
            raise store_error(error, place.name) from error
        except BaseException:
            await self._drop(socket)
            raise
        return socket

    async def _introduce(self, socket: _Socket) -> None:
        """Name the socket. A user who may not do that still gets to work."""
        if self._client_name is None:
            return
        await socket.send_packed_command(socket.pack_commands([("CLIENT", "SETNAME", self._client_name)]))
        if isinstance(await _read(socket), Exception):
            logger.warning("Redis refuses to name the connection; worker listings will not show it")

    async def _give_back(self, place: _Place, socket: _Socket, replies: list[Any]) -> None:
        self._in_use.discard(socket)
        stale = any(isinstance(store_error(r, ""), ReadOnlyError) for r in replies if isinstance(r, ResponseError))
        if self._closed or stale:  # after a failover behind one name, the next socket leads to the new master
            await _end(socket)
        else:
            place.free.append(socket)

    def _check_open(self) -> None:
        if self._closed:
            raise closed_error()

    async def _drop(self, socket: _Socket) -> None:
        self._in_use.discard(socket)
        await _end(socket)

    async def _place(self, key: str | None) -> _Place:
        name = key or ""
        place = self._places.get(name)
        if place is None:
            make = await self._origin.maker(key, self._overrides)
            place = self._places.setdefault(name, _Place(key or self.place, make))
        return place


class _Origin:
    """How to open sockets to one server, or to the master that Sentinels name.

    Args:
        connection_class: of redis-py.
        kwargs: its arguments.
        place: where Redis is, for messages.
        pool: kept, as the sockets of a Sentinel's pool hold it only weakly.
        watchers: our own clients of the Sentinels, to close.
    """

    is_cluster = False

    def __init__(
        self,
        connection_class: Any,
        kwargs: dict[str, Any],
        place: str,
        pool: object = None,
        watchers: Iterable[redis.Redis] = (),
    ) -> None:
        self._class = connection_class
        self._kwargs = kwargs
        self._pool = pool
        self._watchers = watchers
        self.place = place

    async def maker(self, key: str | None, overrides: dict[str, Any]) -> Callable[[], _Socket]:
        del key
        kwargs = {**self._kwargs, **overrides}
        connection_class = self._class
        return lambda: connection_class(**kwargs)

    async def by_node(self, calls: tuple[Call[Any], ...]) -> dict[str, list[int]]:
        return {"": list(range(len(calls)))}

    async def follow(self, call: Call[Any], reply: Any) -> tuple[str, bool]:
        del call
        raise store_error(reply, self.place)

    def lost(self) -> None:
        """Note that a server did not answer."""

    async def close(self) -> None:
        """Close what was opened only to find the way."""
        for watcher in self._watchers:
            with contextlib.suppress(RedisError, OSError):
                await watcher.aclose()


class _ClusterOrigin(_Origin):
    """How to find the node of a key. The client is made, and asks the cluster for its slots, on first use."""

    is_cluster = True

    def __init__(self, make_client: Callable[[], RedisCluster], place: str, *, owned: bool = False) -> None:
        self._make_client = make_client
        self._owned = owned
        self._client: Any = None
        self._is_outdated = False
        self._lock = asyncio.Lock()
        self.place = place

    @classmethod
    def at(cls, address: Address, timeout_s: float) -> _ClusterOrigin:
        def make() -> RedisCluster:
            known = _CLUSTER_OPTIONS - {"host", "port", "db"}
            kwargs = {name: value for name, value in _kwargs(address, timeout_s)[1].items() if name in known}
            nodes = [ClusterNode(host, port) for host, port in address.hosts]
            return RedisCluster(startup_nodes=nodes, ssl=address.tls, **kwargs)

        return cls(make, address.place, owned=True)

    async def maker(self, key: str | None, overrides: dict[str, Any]) -> Callable[[], _Socket]:
        client = await self._ready()
        node = client.get_node(node_name=key)
        if node is None:
            raise ConnectionLostError(f"the cluster node {key} is gone")
        kwargs = {**node.connection_kwargs, **overrides, "retry": Retry(NoBackoff(), 0)}
        connection_class = node.connection_class
        return lambda: connection_class(**kwargs)

    async def by_node(self, calls: tuple[Call[Any], ...]) -> dict[str, list[int]]:
        nodes: dict[str, list[int]] = {}
        for index, call in enumerate(calls):
            nodes.setdefault(await self._node_name(call), []).append(index)
        return nodes

    async def follow(self, call: Call[Any], reply: Any) -> tuple[str, bool]:
        if type(reply).__name__ == "AskError":
            return f"{reply.host}:{reply.port}", True
        self.lost()
        return await self._node_name(call), False

    async def close(self) -> None:
        if self._owned and self._client is not None:
            client, self._client = self._client, None
            with contextlib.suppress(RedisError, OSError):
                await client.aclose()

    def lost(self) -> None:
        """Ask the cluster anew before the next call: a node that is gone cannot say who has its slots now."""
        self._is_outdated = True

    async def _ready(self) -> Any:
        async with self._lock:
            client = self._client or self._make_client()
            try:
                if self._client is None:
                    await client.initialize()
                elif self._is_outdated:
                    await client.nodes_manager.initialize()
            except (RedisError, RedisClusterException, OSError) as error:
                if self._client is None:
                    with contextlib.suppress(RedisError, OSError):
                        await client.aclose()
                raise store_error(error, self.place) from error
            self._client = client
            self._is_outdated = False
            return client

    async def _node_name(self, call: Call[Any]) -> str:
        client = await self._ready()
        key = tagged_key_of(call)
        try:
            node = client.get_default_node() if key is None else client.get_node_from_key(key)
        except RedisClusterException:
            node = None
        if node is None:
            self.lost()
            raise ConnectionLostError(f"no node of {self.place} serves this key now")
        name: str = node.name
        return name


def _at(address: Address, timeout_s: float) -> _Origin:
    connection_class, kwargs = _kwargs(address, timeout_s)
    if address.kind == "sentinel":
        for name in ("host", "port"):
            kwargs.pop(name, None)
        once: Any = {"retry": Retry(NoBackoff(), 0), **sentinel_options(address, timeout_s)}
        watchers: Any = Sentinel(list(address.hosts), sentinel_kwargs=once)  # type: ignore[no-untyped-call]
        pool: Any = SentinelConnectionPool(  # type: ignore[no-untyped-call]
            address.service, watchers, ssl=address.tls, **kwargs
        )
        return _Origin(pool.connection_class, dict(pool.connection_kwargs), address.place, pool, watchers.sentinels)
    return _Origin(connection_class, kwargs, address.place)


def _kwargs(address: Address, timeout_s: float) -> tuple[Any, dict[str, Any]]:
    try:
        pool: Any = redis.ConnectionPool.from_url(
            plain_url(address),
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
    except (ValueError, RedisError):
        raise UsageError("an option in the query of the Redis URL has a wrong value") from None
    kwargs = dict(pool.connection_kwargs)
    if address.username is not None:
        kwargs["username"] = address.username
    if address.password is not None:
        kwargs["password"] = address.password
    return pool.connection_class, kwargs


def _cancels() -> int:
    """Count how often the running task was cancelled.

    redis-py sends inside ``asyncio.wait_for``, which before Python 3.12 swallows a cancellation that comes as the
    sending ends. A worker's wait that was to end would then go on; so the count is compared before and after.
    """
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


async def _read(socket: _Socket) -> Any:
    try:
        return await socket.read_response(disable_decoding=True)
    except ResponseError as error:
        return error


async def _is_usable(socket: _Socket) -> bool:
    """Whether an idle socket is still open, with nothing unread on it."""
    try:
        return not await socket.can_read()
    except (RedisError, OSError):
        return False


async def _end(socket: _Socket) -> None:
    with contextlib.suppress(Exception):
        await socket.disconnect(nowait=True)
