"""Encrypted connections and socket files, with both fronts, through the whole way of a job."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from board.engine import Queue
from board.engine.errors import CertificateRefusedError
from tests.certificates import Certificates
from tests.interop.our_worker import FRONTS, our_worker
from tests.servers import Server
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate authority for this test run, and what it signed."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def encrypted(fresh_server: Callable[..., Server], certificates: Certificates) -> str:
    """The address of a server that speaks TLS on a port of its own, without what checks it."""
    server = fresh_server(kind="redis")  # the embedded Valkey is built without TLS
    with contextlib.closing(server.client()) as client:
        return f"rediss://127.0.0.1:{certificates.serve(client, server.port)}/0"


def works(front: str, url: str) -> None:
    """Add jobs and run them."""
    with Queue("mail", connection=url) as queue, our_worker(front, "mail", lambda _: "done", url) as completed:
        jobs = [queue.add("x", number) for number in range(3)]
        wait_until(lambda: completed == [job.id for job in jobs], "the jobs to complete")


@pytest.mark.parametrize("front", FRONTS)
def test_jobs_travel_encrypted(encrypted: str, certificates: Certificates, front: str) -> None:
    works(front, f"{encrypted}?ssl_ca_certs={certificates.authority}")


def test_a_server_that_nobody_vouches_for_is_refused(encrypted: str) -> None:
    with (
        Queue("mail", connection=encrypted) as queue,
        pytest.raises(CertificateRefusedError, match=r"certificate of Redis at .* is refused"),
    ):
        queue.add("x")


@pytest.mark.parametrize("front", FRONTS)
def test_jobs_travel_through_a_socket_file(fresh_server: Callable[..., Server], tmp_path: Path, front: str) -> None:
    path = tmp_path / "r.sock"
    fresh_server(arguments=("--unixsocket", str(path), "--unixsocketperm", "700"))

    works(front, f"unix://{path}")
