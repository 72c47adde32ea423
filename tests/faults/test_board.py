"""The board while its Redis goes away: nothing is lost, nothing done twice, pages say what is wrong, and all goes on.

Pages are asked all the time, a bulk run goes on, a worker works, and the recorder counts; then something happens, and
nobody restarts anything. Each test writes down its figures; `python -m tests.faults` makes a table of them.
"""

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from board.engine.errors import CertificateRefusedError, OutOfMemoryError
from tests.certificates import Certificates
from tests.faults.fleet import write_down
from tests.faults.proxy import SlowProxy
from tests.faults.test_kills import CAREFUL
from tests.faults.watched import PAGES, Watched, hold
from tests.servers import Kind, Server
from tests.topologies.cluster import Cluster
from tests.topologies.sentinels import SentinelSet
from tests.waiting import wait_until
from tests.web.site import soup, text_of

LATENCY = float(os.environ.get("BOARD_FAULT_LATENCY", "0.6"))
"""Seconds that an answer of a slow Redis takes; 2 in the whole size."""

TIMEOUT = LATENCY + 2.2
"""Seconds that a page waits for one: so many more that a busy machine takes none of the slow ones for no answer, and
fewer than the five of a worker."""

EXPIRED = "The certificate of Redis is refused: it has expired, is for another name, or nobody vouches for it."

FULL = "Redis takes no more connections: as many clients are connected as maxclients allows."

STORM = 200
"""Connections that somebody opens and does nothing with."""


pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_redis_is_killed_and_comes_back(fresh_server: Callable[..., Server]) -> None:
    server = fresh_server(append_only=True)
    with contextlib.closing(server.client()) as client, Watched(server.url) as watched:
        watched.fill(client)
        watched.begin()

        server.kill()
        watched.sees_trouble()
        server.start()

        watched.recover()
        figures = watched.outcome(client)
    write_down("Redis killed and restarted", figures)
    assert "No connection can be made." in watched.answers.said
    hold(figures)


def test_a_master_is_lost_behind_sentinels(server_kind: Kind) -> None:
    servers = SentinelSet(server_kind, append_only=True, settings=CAREFUL)
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(servers.destroy)
        servers.start()
        watched = at_the_end.enter_context(Watched(servers.url, replicas=1))
        with contextlib.closing(servers.client()) as client:
            watched.fill(client)
        watched.begin()

        servers.failover().start()

        watched.recover()
        with contextlib.closing(servers.client()) as client:
            figures = watched.outcome(client)
    write_down("Sentinel failover", figures)
    assert watched.answers.said
    hold(figures, twice=True)


def test_a_master_of_a_cluster_is_lost(server_kind: Kind) -> None:
    servers = Cluster(server_kind, append_only=True)
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(servers.destroy)
        servers.start()
        watched = at_the_end.enter_context(Watched(servers.url, "{b}", replicas=1))
        with contextlib.closing(servers.client()) as client:
            watched.fill(client)
        watched.begin()

        servers.failover(watched.mail.base).start()

        watched.recover()
        with contextlib.closing(servers.client()) as client:
            figures = watched.outcome(client)
    write_down("Cluster master lost", figures)
    assert watched.answers.said
    hold(figures, twice=True)


def test_redis_is_at_maxmemory(fresh_server: Callable[..., Server]) -> None:
    server = fresh_server()
    with contextlib.closing(server.client()) as client, Watched(server.url) as watched:
        watched.fill(client)
        watched.begin()

        client.config_set("maxmemory", 1)
        wait_until(lambda: {type(one) for one in watched.trouble} == {OutOfMemoryError}, "the worker to meet it")
        looking = watched.site.signed_in()
        refused = looking.post("/q/load/pause")
        pages = [looking.get(page).status_code for page in PAGES]
        done = watched.run().done
        client.config_set("maxmemory", 0)

        watched.recover()
        figures = watched.outcome(client)
    write_down("Redis at maxmemory", figures)
    assert "Redis has reached its memory limit and takes no writes." in text_of(soup(refused))
    assert pages == [200] * len(PAGES), "looking works all the while"
    assert figures["pages that said what is wrong"] == 0
    assert done < watched.failed
    hold(figures)


def test_redis_is_slow(fresh_server: Callable[..., Server]) -> None:
    """While Redis takes less than a page waits for, pages come, late; beyond that they say so."""
    server = fresh_server()
    with (
        SlowProxy(server) as proxy,
        contextlib.closing(server.client()) as client,
        Watched(proxy.url, straight=server.url, lock_ms=30_000, settings={"redis_timeout_seconds": TIMEOUT}) as watched,
    ):
        watched.fill(client)
        watched.begin()

        proxy.delay = LATENCY
        before = watched.answers.statuses[200]
        wait_until(lambda: watched.answers.statuses[200] >= before + 2, "two late pages")
        late = watched.answers.statuses[503]
        proxy.delay = TIMEOUT + 0.4
        watched.sees_trouble()
        proxy.delay = 0.0

        watched.recover()
        figures = watched.outcome(client)
    write_down("Redis slow", figures | {"slowest page, seconds": round(watched.answers.slowest, 1)})
    assert late == 0
    assert watched.answers.slowest >= LATENCY
    assert "Redis does not answer in time." in watched.answers.said
    hold(figures)


def test_a_storm_of_connections_takes_all_there_are(fresh_server: Callable[..., Server]) -> None:
    server = fresh_server()
    with contextlib.closing(server.client()) as client, Watched(server.url) as watched:
        watched.fill(client)
        watched.begin()

        with contextlib.ExitStack() as storm:
            sockets = [storm.enter_context(_connect(server)) for _ in range(STORM)]
            client.config_set("maxclients", STORM)
            ports = {one.getsockname()[1] for one in sockets}
            _cut(client, lambda port: port not in ports)
            wait_until(lambda: FULL in watched.answers.said, "a page to say that Redis takes no more connections")
        client.config_set("maxclients", 10_000)

        watched.recover()
        figures = watched.outcome(client)
    write_down("connection storm", figures)
    hold(figures)


def test_a_certificate_expires(fresh_server: Callable[..., Server], tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    server = fresh_server(kind="redis")  # the embedded Valkey is built without TLS
    with contextlib.closing(server.client()) as client:
        port = certificates.serve(client, server.port)
        url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificates.authority}"
        with Watched(url, straight=server.url) as watched:
            watched.fill(client)
            watched.begin()

            certificates.change(client, "expired")
            _cut(client)
            wait_until(lambda: EXPIRED in watched.answers.said, "a page to say that the certificate has expired")
            with pytest.raises(CertificateRefusedError, match="is refused: certificate has expired"):
                watched.site.service.ping()
            certificates.change(client, "good")

            watched.recover()
            figures = watched.outcome(client)
    write_down("expired certificate", figures)
    hold(figures)


def _connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port))


def _cut(client: Any, is_meant: Callable[[int], bool] = lambda _port: True) -> None:
    """End the connections of everybody else, by the ports that they come from."""
    own = client.client_id()
    for one in client.client_list():
        if int(one["id"]) != own and is_meant(int(one["addr"].rpartition(":")[2])):
            client.execute_command("CLIENT", "KILL", "ID", one["id"])
