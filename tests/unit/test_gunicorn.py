"""What `board serve` runs: gunicorn with our settings, in a process of its own."""

import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import replace

import pytest

from board.config import Settings
from board.gunicorn import _Worker, options
from tests.servers import free_port
from tests.waiting import PATIENCE_S, wait_until

PROGRAM = """
import gc
import sys
from board.config import Settings
from board.gunicorn import serve

MODULES = [[] for _ in range(10_000)]  # what stays

def application(environ, start_response):
    if environ["PATH_INFO"] == "/parts":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([b"one", b"two"])
    if environ["PATH_INFO"] == "/short":
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "7")])
        return [b"threads"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/passed-over":
        return [str(gc.get_freeze_count() - len(MODULES)).encode()]
    return [b"threads" if environ["wsgi.multithread"] else b"one thread"]

serve(Settings(host="127.0.0.1", port=int(sys.argv[1]), workers=1, threads=4), lambda: application)
"""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def process(port: int) -> Iterator["subprocess.Popen[str]"]:
    one = subprocess.Popen([sys.executable, "-c", PROGRAM, str(port)], stderr=subprocess.PIPE, text=True)
    yield one
    one.kill()
    one.communicate()


def get(port: int, path: str = "/") -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def test_the_garbage_collector_passes_over_what_stays(port: int, process: "subprocess.Popen[str]") -> None:
    wait_until(lambda: get(port), "gunicorn to answer")

    assert int(get(port, "/passed-over")) > 0


def test_the_head_of_an_answer_travels_with_its_body(port: int, process: "subprocess.Popen[str]") -> None:
    wait_until(lambda: get(port), "gunicorn to answer")
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        for _ in range(20):  # over one connection
            connection.sendall(b"GET /short HTTP/1.1\r\nHost: here\r\n\r\n")
            first = connection.recv(65_536)
            assert first.endswith(b"\r\n\r\nthreads")
        connection.sendall(b"GET /parts HTTP/1.1\r\nHost: here\r\n\r\n")
        parts = b""
        while not parts.endswith(b"0\r\n\r\n"):
            parts += connection.recv(65_536)
        assert parts.endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
        connection.sendall(b"HEAD /short HTTP/1.1\r\nHost: here\r\n\r\n")
        assert connection.recv(65_536).endswith(b"\r\n\r\n")


def test_the_parent_hears_of_its_worker_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, now, told = object.__new__(_Worker), [100.0], list[float]()
    monkeypatch.setattr("board.gunicorn.time.monotonic", lambda: now[0])
    monkeypatch.setattr("gunicorn.workers.base.Worker.notify", lambda _worker: told.append(now[0]))

    for later in (0.0, 0.25, 0.5, 0.5, 1.0):
        now[0] += later
        worker.notify()

    assert told == [100.0, 101.25, 102.25]


def test_it_serves_with_threads_and_ends_cleanly_on_sigterm(port: int, process: "subprocess.Popen[str]") -> None:
    assert wait_until(lambda: get(port), "gunicorn to answer") == "threads"

    process.send_signal(signal.SIGTERM)
    _, printed = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 0
    assert "Traceback" not in printed


def test_every_option_is_one_that_gunicorn_knows() -> None:
    from gunicorn.config import Config

    known = Config()
    for name, value in options(Settings()).items():
        known.set(name, value)


def test_an_address_of_ipv6_gets_its_brackets() -> None:
    assert options(replace(Settings(), host="::1", port=80))["bind"] == "[::1]:80"
