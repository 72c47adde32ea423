"""A master with two replicas, watched by three Sentinels."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tests.servers import Kind, Server, binary
from tests.waiting import wait_until

if TYPE_CHECKING:
    import redis

SERVICE = "board"
QUORUM = 1
DOWN_AFTER_MS = (800, 3_000, 6_000)
"""The first Sentinel notices alone, and the others vote for it. On one busy machine two that notice at the same moment
are both elected, in two epochs, and a second failover undoes the first (seen in one of four tries)."""

PATIENT_MS = (60_000,) * len(DOWN_AFTER_MS)
"""While no master is to be lost: on a busy machine one may well be silent for a second."""


@dataclass(slots=True)
class Sentinel(Server):
    """One Sentinel; its settings lie in a file, which it rewrites itself."""

    master_port: int = 0
    down_after_ms: int = 0

    def command(self, port: int) -> list[str]:
        """Return how the program is started: the server's own, in another mode."""
        settings = self.directory / "sentinel.conf"
        if not settings.exists():
            settings.write_text(
                f"port {port}\nbind 127.0.0.1\ndir {self.directory}\n"
                f"sentinel monitor {SERVICE} 127.0.0.1 {self.master_port} {QUORUM}\n"
                f"sentinel down-after-milliseconds {SERVICE} {self.down_after_ms}\n"
                f"sentinel failover-timeout {SERVICE} 3000\n"
            )
        return [binary(self.kind), str(settings), "--sentinel", "--port", str(port)]


class SentinelSet:
    """Three servers and three Sentinels.

    Attributes:
        servers: the first begins as the master.
        sentinels: all of them watch it.
    """

    def __init__(self, kind: Kind = "redis", *, append_only: bool = False, settings: tuple[str, ...] = ()) -> None:
        quick = ("--repl-diskless-sync-delay", "0", *settings)
        self.servers = [Server(kind, append_only=append_only, arguments=quick) for _ in range(3)]
        self.sentinels = [Sentinel(kind, down_after_ms=down_after_ms) for down_after_ms in PATIENT_MS]

    @property
    def url(self) -> str:
        """The address as our engine takes it."""
        return f"redis+sentinel://{','.join(f'127.0.0.1:{one.port}' for one in self.sentinels)}/{SERVICE}/0"

    def start(self) -> Self:
        """Start everything; the Sentinels last, or they would learn of the replicas only ten seconds later."""
        master = self.servers[0].start()
        for replica in self.servers[1:]:
            replica.arguments += ("--replicaof", f"127.0.0.1 {master.port}")
            replica.start()
        with contextlib.closing(master.client()) as client:
            wait_until(lambda: online(client) == 2, "the replicas to be online")
        for sentinel in self.sentinels:
            sentinel.master_port = master.port
            sentinel.start()
        wait_until(lambda: all(self._sees_all(one) for one in self.sentinels), "the Sentinels to agree")
        return self

    def heal(self) -> None:
        """Start again what a test has killed, and wait until the Sentinels have made it a replica."""
        everyone = [*self.servers, *self.sentinels]
        if all(server.is_running for server in everyone):
            return
        for server in everyone:
            server.start()

        def is_whole() -> bool:
            with contextlib.closing(self.client()) as client:
                return client.info("replication")["role"] == "master" and online(client) == 2

        wait_until(is_whole, "the replicas to be online again")
        self._look_after(PATIENT_MS)

    def destroy(self) -> None:
        """Kill everything and delete its data."""
        for server in [*self.sentinels, *self.servers]:
            server.destroy()

    def master(self) -> Server:
        """Return the server that most Sentinels call the master."""
        ports = self._masters()
        port = max(ports, key=ports.count)
        return next(server for server in self.servers if server.port == port)

    def client(self) -> "redis.Redis":
        """Return a client of the master, which answers in text; the caller closes it."""
        return self.master().client()

    def flush(self) -> None:
        """Delete every key."""
        self.master().flush()

    def failover(self) -> Server:
        """Kill the master; return it once another server takes writes.

        All Sentinels have to agree by then: one that still believes in the old master, were it restarted earlier, can
        make it the master again, and what the other has taken meanwhile is gone.
        """
        lost = self.lose()

        def taken_over() -> bool:
            ports = set(self._masters())
            if len(ports) > 1 or lost.port in ports:
                return False
            with contextlib.closing(self.client()) as client:
                return client.info("replication")["role"] == "master" and online(client) > 0

        wait_until(taken_over, "another server to become master, with a replica")
        self._look_after(PATIENT_MS)
        return lost

    def lose(self) -> Server:
        """Kill the master, and let the Sentinels notice soon."""
        self._look_after(DOWN_AFTER_MS)
        lost = self.master()
        wait_for_replicas(lost)
        lost.kill()
        return lost

    def lose_master(self) -> None:
        """Kill the master, wait until another server takes writes, and start the lost one again as its replica."""
        self.failover().start()

    def restart_master(self) -> None:
        """Kill the master and start it again from its append-only file, while the Sentinels are patient.

        On a busy machine a restart takes longer than they would wait, and a failover that begins when the old master is
        back makes two masters for a moment: what the old one answers meanwhile is taken away.
        """
        master = self.master()
        master.kill()
        master.start()

        def is_back() -> bool:
            with contextlib.closing(self.client()) as client:
                return client.info("replication")["role"] == "master" and online(client) == len(self.servers) - 1

        wait_until(is_back, "the replicas to be online again")
        began = time.monotonic()

        def is_seen() -> bool:
            states = [self._state(sentinel) for sentinel in self.sentinels]
            since_ms = (time.monotonic() - began) * 1000
            return all(one["last-ping-sent"] == 0 and one["last-ok-ping-reply"] < since_ms for one in states)

        wait_until(is_seen, "the Sentinels to have an answer from it")

    def _look_after(self, down_after_ms: Sequence[int]) -> None:
        for sentinel, milliseconds in zip(self.sentinels, down_after_ms, strict=True):
            with contextlib.closing(sentinel.client()) as client:
                client.sentinel_set(SERVICE, "down-after-milliseconds", milliseconds)

    def _state(self, sentinel: Sentinel) -> Any:
        with contextlib.closing(sentinel.client()) as client:
            return client.sentinel_master(SERVICE)

    def _masters(self) -> list[int]:
        ports = []
        for sentinel in self.sentinels:
            with contextlib.closing(sentinel.client()) as client:
                address: Any = client.sentinel_get_master_addr_by_name(SERVICE)
            ports.append(int(address[1]))
        return ports

    def _sees_all(self, sentinel: Sentinel) -> bool:
        state = self._state(sentinel)
        return bool(state["num-slaves"] == 2 and state["num-other-sentinels"] == 2)


def online(client: Any) -> int:
    """Count the replicas that have caught up with a master."""
    information = client.info("replication")
    return sum(information[f"slave{number}"]["state"] == "online" for number in range(information["connected_slaves"]))


def wait_for_replicas(master: Server) -> None:
    """Wait until every replica has what was written so far: what it lacks is lost with the master."""
    with contextlib.closing(master.client()) as client:
        written: int = client.info("replication")["master_repl_offset"]

        def have_all() -> bool:
            told = client.info("replication")
            offsets = [told[f"slave{one}"]["offset"] for one in range(told["connected_slaves"])]
            return bool(offsets) and min(offsets) >= written

        wait_until(have_all, "the replicas to have everything")
