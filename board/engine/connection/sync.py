"""The blocking connection: sends a Call, a Batch or a Plan over sockets of redis-py and waits for the replies.

It keeps its own free list of redis-py's connections instead of calling its client, for one reason: it must know what
was sent. redis-py's client sends a command again after a broken connection; a job could be finished, or added, twice
by that. Here nothing is sent twice unless the server said that it did nothing (see ``exchange``). Safe to use from
many threads: each round trip takes a socket of its own, and runs of one script that several threads ask for at the same
time become one (``together``). A fork leaves the parent's sockets alone.

A long file, for one reason: what a broken socket, a moved slot or a close means for a call that is under way can only
be checked where taking, using and giving back a socket stand together.
"""

from __future__ import annotations

import contextlib
import logging
import socket as system
import threading
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException, RedisError, ResponseError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from board.engine.calls import Batch, Call, Plan
from board.engine.connection.address import Address, clean_client_name, parse_address
from board.engine.connection.exchange import Command, Exchange, batch_results, checked, decoded
from board.engine.connection.failures import closed_error, store_error
from board.engine.connection.forks import generation
from board.engine.connection.origin import (
    APART,
    MOVES,
    WATCHDOG_S,
    place_of,
    plain_url,
    sentinel_options,
    tagged_key_of,
)
from board.engine.connection.together import Together
from board.engine.errors import ConnectionLostError, EngineError, ReadOnlyError, UsageError

__all__ = ["Client", "Connection"]

T = TypeVar("T")
R = TypeVar("R")

Client = redis.Redis | RedisCluster
"""What may be given instead of a URL."""

logger = logging.getLogger(__name__)


class _Socket(Protocol):
    """What we use of redis-py's connection."""

    def connect(self) -> object: ...
    def disconnect(self) -> object: ...
    def can_read(self, timeout: float = 0) -> bool: ...
    def pack_commands(self, commands: Iterable[Command]) -> list[bytes]: ...
    def send_packed_command(self, command: list[bytes]) -> object: ...
    def read_response(self, disable_decoding: bool = False) -> Any: ...  # noqa: FBT001, FBT002 - redis-py's signature


class _Place:
    """One server: how to open a socket to it, which sockets are free, and which scripts it has."""

    __slots__ = ("free", "known", "make", "name")

    def __init__(self, name: str, make: Callable[[], _Socket]) -> None:
        self.name = name
        self.make = make
        self.free: deque[_Socket] = deque()
        self.known: set[str] = set()


class Connection:
    """Sends what commands describe.

    Opens sockets when it needs them; closing it closes those, never a client that was handed in.
    """

    def __init__(
        self, origin: _Origin, *, client_name: str | None = None, overrides: dict[str, Any] | None = None
    ) -> None:
        self._origin = origin
        self._client_name = clean_client_name(client_name) if client_name else None
        self._overrides = overrides or {}
        self._places: dict[str, _Place] = {}
        self._in_use: set[_Socket] = set()
        self._lock = threading.RLock()  # a signal handler over its own thread must not wait for that
        self._together = Together(self._alone)
        self._generation = generation()
        self._closed = False
        self._round_trips = 0
        self._here = threading.local()

    @classmethod
    def open(cls, source: str | Client, *, client_name: str | None = None, timeout_s: float = 5.0) -> Connection:
        """Prepare a connection; the first call makes it.

        Args:
            source: a URL, see ``address.parse_address``, or a client of redis-py, whose settings are taken over.
            client_name: shown in CLIENT LIST; characters that Redis refuses become hyphens.
            timeout_s: for connecting and for each reply, when ``source`` is a URL that does not say otherwise.

        Raises:
            UsageError: the URL is malformed, or the client is one of redis-py's asyncio.
        """
        origin: _Origin
        if isinstance(source, str):
            address = parse_address(source)
            origin = _ClusterOrigin.at(address, timeout_s) if address.kind == "cluster" else _at(address, timeout_s)
        elif isinstance(source, RedisCluster):
            origin = _ClusterOrigin(lambda: source, "the cluster")
        elif isinstance(source, redis.Redis):
            pool: Any = source.connection_pool
            kwargs = dict(pool.connection_kwargs)
            origin = _Origin(pool.connection_class, kwargs, place_of(kwargs), pool)
        else:
            raise UsageError(
                f"connection must be a Redis URL or a redis.Redis or RedisCluster client, not {type(source).__name__} "
                f"of {type(source).__module__}"
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

    @property
    def round_trips_here(self) -> int:
        """How often the thread that asks did so."""
        return getattr(self._here, "count", 0)

    def blocking(self, *, client_name: str | None = None, longest_s: float = 10.0) -> Connection:
        """Return a connection with sockets of its own for commands that the server holds back.

        Args:
            client_name: shown in CLIENT LIST.
            longest_s: the longest time any command will be held back; a second later its socket is given up.
        """
        return Connection(
            self._origin,
            client_name=client_name or self._client_name,
            overrides={"socket_timeout": longest_s + WATCHDOG_S},
        )

    def call(self, call: Call[T]) -> T:
        """Make one round trip.

        Raises:
            StoreError: Redis is away or refused; only after ConnectionLostError is it unknown whether a write took
            effect. EngineError: what the reply means.
        """
        result: T = decoded(call, self._ask(call), self.place)
        return result

    def batch(self, batch: Batch[T]) -> list[T]:
        """Send calls together. Without ``keep_errors`` the first error is raised once all replies are in."""
        if not batch.calls:
            return []
        return batch_results(batch, self._send(batch.calls, atomic=batch.atomic), self.place)

    def stream(self, calls: Iterable[Call[T]]) -> list[T]:
        """Make calls one after the other.

        Raises:
            EngineError: the first that failed; no further call was sent.
        """
        return [self.call(call) for call in calls]

    def run(self, plan: Plan[R]) -> R:
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
                reply = self.step(step)
            except EngineError as caught:
                error = caught

    def step(self, step: Call[Any] | Batch[Any]) -> Any:
        """Make one step of a plan and return what ``plan.send`` wants: a raw reply, or the results of a batch."""
        return self.batch(step) if isinstance(step, Batch) else self._raw(step)

    def interrupt(self) -> None:
        """Make every thread that waits for a reply on this connection raise ConnectionLostError now."""
        self._forget_parent()
        with self._lock:
            for socket in tuple(self._in_use):
                _shut(socket)

    def close(self) -> None:
        """Close the sockets; threads that wait on one get ConnectionLostError. Calling it again does nothing."""
        self._closed = True
        self.interrupt()
        for place in list(self._places.values()):
            while place.free:
                with contextlib.suppress(RedisError, OSError, IndexError):
                    place.free.pop().disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Connection to {self.place}>"

    def _raw(self, call: Call[Any]) -> Any:
        reply = self._ask(call)
        return checked(reply, self.place)

    def _ask(self, call: Call[Any]) -> Any:
        """Make the round trip of one call; returns the raw reply, an error as an exception."""
        if call.item is None or call.most < 2:
            return self._alone(call)
        self._forget_parent()
        return self._together.ask(call)

    def _alone(self, call: Call[Any]) -> Any:
        return self._send([call], atomic=False)[0]

    def _send(self, calls: Iterable[Call[Any]], *, atomic: bool) -> list[Any]:
        calls = tuple(calls)
        self._forget_parent()
        if not self._origin.is_cluster:
            return self._exchange(self._place(None), calls, atomic=atomic)
        replies: list[Any] = [None] * len(calls)
        nodes = self._origin.by_node(calls)
        if atomic and len(nodes) > 1:
            raise UsageError(APART)
        for key, indexes in nodes.items():
            part = self._exchange(self._place(key), [calls[index] for index in indexes], atomic=atomic)
            for index, reply in zip(indexes, part, strict=True):
                replies[index] = reply
        return replies

    def _exchange(self, place: _Place, calls: Iterable[Call[Any]], *, atomic: bool) -> list[Any]:
        calls = tuple(calls)
        exchange = Exchange(calls, atomic=atomic)
        unknown, elsewhere = exchange.receive(self._round_trip(place, exchange.first(place.known)), place.known)
        while unknown:
            commands = exchange.again(unknown, place.known)
            unknown, more = exchange.receive(self._round_trip(place, commands), place.known)
            elsewhere += more
        if atomic and elsewhere:
            return self._follow_together(calls, exchange.replies)
        for index in elsewhere:
            exchange.replies[index] = self._follow(calls[index], exchange.replies[index])
        return exchange.replies

    def _follow(self, call: Call[Any], reply: Any) -> Any:
        """Send a call to where a cluster now keeps its key; nothing was done before."""
        for _ in range(MOVES):
            key, asking = self._origin.follow(call, reply)
            place = self._place(key)
            exchange = Exchange([call])
            commands: list[Command] = exchange.first(set())
            if asking:
                commands.insert(0, ("ASKING",))
            _, elsewhere = exchange.receive(self._round_trip(place, commands)[-1:], place.known)
            reply = exchange.replies[0]
            if not elsewhere:
                break
        return reply

    def _follow_together(self, calls: tuple[Call[Any], ...], replies: list[Any]) -> list[Any]:
        """Send a transaction to where a cluster now keeps its keys; nothing was done before."""
        for _ in range(MOVES):
            key, asking = self._origin.follow(calls[0], replies[0])
            if asking:  # ASKING reaches no further than MULTI: the slot has to arrive first
                break
            place = self._place(key)
            exchange = Exchange(calls, atomic=True)
            _, elsewhere = exchange.receive(self._round_trip(place, exchange.first(place.known)), place.known)
            replies = exchange.replies
            if not elsewhere:
                break
        return replies

    def _round_trip(self, place: _Place, commands: list[Command]) -> list[Any]:
        socket = self._take(place)
        try:
            with self._lock:
                self._round_trips += 1
            self._here.count = self.round_trips_here + 1
            socket.send_packed_command(socket.pack_commands(commands))
            self._check_open()  # a socket that `close` has just ended would have been opened again by sending
            replies = [_read(socket) for _ in commands]
        except (RedisError, OSError) as error:
            self._drop(socket)
            self._origin.lost()
            raise store_error(error, place.name) from error
        except BaseException:
            self._drop(socket)
            raise
        self._give_back(place, socket, replies)
        return replies

    def _take(self, place: _Place) -> _Socket:
        self._check_open()
        while True:
            try:
                socket = place.free.pop()
            except IndexError:
                break
            if _is_usable(socket):
                with self._lock:
                    self._in_use.add(socket)
                return socket
            _end(socket)
        socket = place.make()
        with self._lock:
            self._in_use.add(socket)
        try:
            socket.connect()
            self._introduce(socket)
        except (RedisError, OSError) as error:
            self._drop(socket)
            self._origin.lost()
            raise store_error(error, place.name) from error
        except BaseException:
            self._drop(socket)
            raise
        return socket

    def _introduce(self, socket: _Socket) -> None:
        """Name the socket. A user who may not do that still gets to work."""
        if self._client_name is None:
            return
        socket.send_packed_command(socket.pack_commands([("CLIENT", "SETNAME", self._client_name)]))
        answer = _read(socket)
        if isinstance(answer, Exception):
            logger.warning("Redis refuses to name the connection; worker listings will not show it")

    def _give_back(self, place: _Place, socket: _Socket, replies: list[Any]) -> None:
        with self._lock:
            self._in_use.discard(socket)
        stale = any(isinstance(store_error(r, ""), ReadOnlyError) for r in replies if isinstance(r, ResponseError))
        if self._closed or stale:  # after a failover behind one name, the next socket leads to the new master
            _end(socket)
        else:
            place.free.append(socket)

    def _check_open(self) -> None:
        if self._closed:
            raise closed_error()

    def _drop(self, socket: _Socket) -> None:
        with self._lock:
            self._in_use.discard(socket)
        _end(socket)

    def _forget_parent(self) -> None:
        """Begin anew in a process that was forked: the sockets are its parent's."""
        if self._generation == generation():
            return
        self._lock = threading.RLock()
        self._together = Together(self._alone)
        self._in_use = set()
        self._places = {}
        self._generation = generation()

    def _place(self, key: str | None) -> _Place:
        name = key or ""
        place = self._places.get(name)
        if place is None:
            make = self._origin.maker(key, self._overrides)
            place = self._places.setdefault(name, _Place(key or self.place, make))
        return place


class _Origin:
    """How to open sockets to one server, or to the master that Sentinels name.

    Args:
        connection_class: of redis-py.
        kwargs: its arguments.
        place: where Redis is, for messages.
        pool: kept, as the sockets of a Sentinel's pool hold it only weakly.
    """

    is_cluster = False

    def __init__(self, connection_class: Any, kwargs: dict[str, Any], place: str, pool: object = None) -> None:
        self._class = connection_class
        self._kwargs = kwargs
        self._pool = pool
        self.place = place

    def maker(self, key: str | None, overrides: dict[str, Any]) -> Callable[[], _Socket]:
        del key
        kwargs = {**self._kwargs, **overrides}
        connection_class = self._class
        return lambda: connection_class(**kwargs)

    def by_node(self, calls: tuple[Call[Any], ...]) -> dict[str, list[int]]:
        return {"": list(range(len(calls)))}

    def follow(self, call: Call[Any], reply: Any) -> tuple[str, bool]:
        del call
        raise store_error(reply, self.place)

    def lost(self) -> None:
        """Note that a server did not answer."""


class _ClusterOrigin(_Origin):
    """How to find the node of a key. The client is made, and asks the cluster for its slots, on first use."""

    is_cluster = True

    def __init__(self, make_client: Callable[[], RedisCluster], place: str) -> None:
        self._make_client = make_client
        self._client: Any = None
        self._is_outdated = False
        self._lock = threading.RLock()
        self.place = place

    @classmethod
    def at(cls, address: Address, timeout_s: float) -> _ClusterOrigin:
        def make() -> RedisCluster:
            kwargs = _kwargs(address, timeout_s)[1]
            nodes = [ClusterNode(host, port) for host, port in address.hosts]  # type: ignore[no-untyped-call]
            for name in ("host", "port", "db"):
                kwargs.pop(name, None)
            return RedisCluster(startup_nodes=nodes, ssl=address.tls, **kwargs)

        return cls(make, address.place)

    @property
    def client(self) -> Any:
        with self._lock:
            try:
                if self._client is None:
                    self._client = self._make_client()
                elif self._is_outdated:
                    self._client.nodes_manager.initialize()
            except (RedisError, RedisClusterException, OSError) as error:
                raise store_error(error, self.place) from error
            self._is_outdated = False
            return self._client

    def lost(self) -> None:
        """Ask the cluster anew before the next call: a node that is gone cannot say who has its slots now."""
        self._is_outdated = True

    def maker(self, key: str | None, overrides: dict[str, Any]) -> Callable[[], _Socket]:
        node = self.client.get_node(node_name=key)
        if node is None:
            raise ConnectionLostError(f"the cluster node {key} is gone")
        pool = self.client.get_redis_connection(node).connection_pool
        kwargs = {**pool.connection_kwargs, **overrides, "retry": Retry(NoBackoff(), 0)}
        connection_class = pool.connection_class
        return lambda: connection_class(**kwargs)

    def by_node(self, calls: tuple[Call[Any], ...]) -> dict[str, list[int]]:
        nodes: dict[str, list[int]] = {}
        for index, call in enumerate(calls):
            nodes.setdefault(self._node_name(call), []).append(index)
        return nodes

    def follow(self, call: Call[Any], reply: Any) -> tuple[str, bool]:
        host, port = getattr(reply, "host", None), getattr(reply, "port", None)
        asking = type(reply).__name__ == "AskError"
        if asking:
            return f"{host}:{port}", True
        self.lost()
        return self._node_name(call), False

    def _node_name(self, call: Call[Any]) -> str:
        key, client = tagged_key_of(call), self.client
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
        return _Origin(pool.connection_class, dict(pool.connection_kwargs), address.place, pool)
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


def _read(socket: _Socket) -> Any:
    try:
        return socket.read_response(disable_decoding=True)
    except ResponseError as error:
        return error


def _is_usable(socket: _Socket) -> bool:
    """Whether an idle socket is still open, with nothing unread on it."""
    try:
        return not socket.can_read(timeout=0)
    except (RedisError, OSError):
        return False


def _end(socket: _Socket) -> None:
    with contextlib.suppress(Exception):
        socket.disconnect()


def _shut(socket: _Socket) -> None:
    """End what another thread waits for on a socket, which that thread then closes.

    Closed by us, its number could be given to the next socket that opens, before the other thread has begun to wait: it
    would wait for, and take, what is meant for that one.
    """
    inner = getattr(socket, "_sock", None)
    if inner is not None:
        with contextlib.suppress(OSError):
            system.socket.shutdown(inner, system.SHUT_RDWR)  # TLS would take its state from under the reader
