"""Encrypted connections and socket files, with both fronts, through the whole way of a job."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from board.engine import Queue
from board.engine.errors import ConnectionLostError
from tests.interop.our_worker import FRONTS, our_worker
from tests.servers import Server
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate authority for this test run, and a server's certificate from it for 127.0.0.1."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.fail("no openssl on PATH: install it (Debian: apt-get install openssl)", pytrace=False)
    folder = tmp_path_factory.mktemp("certificates")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=board tests")
    run("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    run(
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-days", "2", "-extfile", "names", "-out", "server.crt"),
    )
    return folder


@pytest.fixture
def encrypted(fresh_server: Callable[..., Server], certificates: Path) -> str:
    """The address of a server that speaks TLS on a port of its own, without what checks it."""
    server = fresh_server(kind="redis")  # the embedded Valkey is built without TLS
    with server.client() as client:
        for setting in ("ca-cert-file ca.crt", "cert-file server.crt", "key-file server.key"):
            name, file = setting.split()
            client.config_set(f"tls-{name}", str(certificates / file))
        client.config_set("tls-auth-clients", "no")
        port = next(port for port in range(server.port + 1, 55_000) if _takes(client, port))
    return f"rediss://127.0.0.1:{port}/0"


def _takes(client: Any, port: int) -> bool:
    try:
        client.config_set("tls-port", port)
    except redis.ResponseError:
        return False
    return True


def works(front: str, url: str) -> None:
    """Add jobs and run them."""
    with Queue("mail", connection=url) as queue, our_worker(front, "mail", lambda _: "done", url) as completed:
        jobs = [queue.add("x", number) for number in range(3)]
        wait_until(lambda: completed == [job.id for job in jobs], "the jobs to complete")


@pytest.mark.parametrize("front", FRONTS)
def test_jobs_travel_encrypted(encrypted: str, certificates: Path, front: str) -> None:
    works(front, f"{encrypted}?ssl_ca_certs={certificates / 'ca.crt'}")


def test_a_server_that_nobody_vouches_for_is_refused(encrypted: str) -> None:
    with Queue("mail", connection=encrypted) as queue, pytest.raises(ConnectionLostError, match=r"(?i)certificate"):
        queue.add("x")


@pytest.mark.parametrize("front", FRONTS)
def test_jobs_travel_through_a_socket_file(fresh_server: Callable[..., Server], tmp_path: Path, front: str) -> None:
    path = tmp_path / "r.sock"
    fresh_server(arguments=("--unixsocket", str(path), "--unixsocketperm", "700"))

    works(front, f"unix://{path}")
