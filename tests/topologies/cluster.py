"""A Redis Cluster of three masters and three replicas, formed with the server's own commands."""

import contextlib
from collections.abc import Iterator
from typing import Any, Self

from redis.cluster import ClusterNode, RedisCluster

from tests.servers import Kind, Server
from tests.topologies.sentinels import wait_for_replicas
from tests.waiting import wait_until

MASTERS = 3
SLOTS = 16_384

QUICK_MS = 1_000
PATIENT_MS = 60_000
"""How long a node may be silent before it counts as lost; on a busy machine one may well be for a second."""

SETTINGS = (
    *("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"),
    *("--cluster-node-timeout", str(PATIENT_MS)),
    *("--cluster-replica-validity-factor", "0"),  # any replica may take over, however long it was cut off
    *("--repl-diskless-sync-delay", "0"),
)


class Cluster:
    """Six servers that know each other.

    Attributes:
        servers: the first three begin as masters, the others as their replicas.
    """

    def __init__(self, kind: Kind = "redis", *, append_only: bool = False) -> None:
        self.servers = [Server(kind, append_only=append_only, arguments=SETTINGS) for _ in range(2 * MASTERS)]

    @property
    def url(self) -> str:
        """The address as our engine takes it."""
        return f"redis+cluster://{','.join(f'127.0.0.1:{server.port}' for server in self.servers)}"

    def start(self) -> Self:
        """Start the servers, give out the slots, introduce the nodes to each other, and wait until all is well."""
        for server in self.servers:
            server.start()
        with self._clients() as nodes:
            ids = [node.cluster("MYID") for node in nodes]
            for number, master in enumerate(nodes[:MASTERS]):
                first, last = number * SLOTS // MASTERS, (number + 1) * SLOTS // MASTERS - 1
                master.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            for number, node in enumerate(nodes):
                node.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            for server in self.servers[1:]:
                nodes[0].execute_command("CLUSTER", "MEET", "127.0.0.1", server.port)
            wait_until(lambda: all(known(node, len(nodes)) for node in nodes), "the nodes to know each other")
            for number, replica in enumerate(nodes[MASTERS:]):
                replica.execute_command("CLUSTER", "REPLICATE", ids[number])
            wait_until(lambda: all(is_ready(node) for node in nodes), "the cluster to be ready")
        return self

    def heal(self) -> None:
        """Start again what a test has killed, and wait until all is well."""
        if all(server.is_running for server in self.servers):
            return
        for server in self.servers:
            server.start()
        with self._clients() as nodes:
            wait_until(lambda: all(is_ready(node) for node in nodes), "the cluster to be whole again")
        self._look_after(PATIENT_MS)

    def destroy(self) -> None:
        """Kill the servers and delete their data."""
        for server in self.servers:
            server.destroy()

    def client(self) -> RedisCluster:
        """Return a client of redis-py that answers in text; the caller closes it."""
        nodes = [ClusterNode("127.0.0.1", server.port) for server in self.servers]  # type: ignore[no-untyped-call]
        return RedisCluster(startup_nodes=nodes, decode_responses=True)

    def flush(self) -> None:
        """Delete every key."""
        with self._clients() as nodes:
            for node in nodes:
                if node.info("replication")["role"] == "master":
                    node.flushall()

    def master_of(self, key: str) -> Server:
        """Return the server that keeps a key now."""
        client = self.client()
        try:
            node: Any = client.get_node_from_key(key)  # type: ignore[no-untyped-call]
        finally:
            client.close()
        return next(server for server in self.servers if server.port == node.port)

    def failover(self, key: str) -> Server:
        """Kill the master that keeps a key; return it once a replica has its place."""
        lost = self.lose(key)
        survivors = [server for server in self.servers if server is not lost]

        def moved() -> bool:
            with contextlib.ExitStack() as open_clients:
                for server in survivors:
                    node = open_clients.enter_context(contextlib.closing(server.client()))
                    if node.cluster("INFO")["cluster_state"] != "ok":
                        return False
            return self.master_of(key) is not lost

        wait_until(moved, "a replica to take over")
        self._look_after(PATIENT_MS)
        return lost

    def lose(self, key: str) -> Server:
        """Kill the master that keeps a key, and let the others notice soon."""
        self._look_after(QUICK_MS)
        lost = self.master_of(key)
        wait_for_replicas(lost)
        lost.kill()
        return lost

    def _look_after(self, milliseconds: int) -> None:
        for server in self.servers:
            if server.is_running:
                with contextlib.closing(server.client()) as node:
                    node.config_set("cluster-node-timeout", milliseconds)

    @contextlib.contextmanager
    def _clients(self) -> Iterator[list[Any]]:
        clients: list[Any] = [server.client() for server in self.servers]
        try:
            yield clients
        finally:
            for client in clients:
                client.close()


def known(node: Any, count: int) -> bool:
    """Whether a node knows so many nodes, all of them by hand shake."""
    met = "handshake" not in str(node.execute_command("CLUSTER", "NODES"))
    return met and int(node.cluster("INFO")["cluster_known_nodes"]) == count


def is_ready(node: Any) -> bool:
    """Whether a node sees the whole cluster and, as a replica, has its master's data."""
    information = node.info("replication")
    linked = information["role"] == "master" or information["master_link_status"] == "up"
    replicas = information["role"] == "slave" or information["connected_slaves"] == 1
    return bool(node.cluster("INFO")["cluster_state"] == "ok" and linked and replicas)
