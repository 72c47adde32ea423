"""Asks one address again and again from a number of keep-alive connections, in a process of its own.

    python -m bench.load '{"port": 8000, "path": "/", "headers": {…}, "clients": 8, "seconds": 2, "most": 2000}'

Loopback only, and bounded in time and in number. Prints one line of JSON: requests, seconds, the latencies in
milliseconds, and what the answers looked like.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

HOST = "127.0.0.1"


@dataclass(slots=True)
class Load:
    """What was asked and what came back.

    Attributes:
        seconds: from the first request to the last answer.
        latencies_ms: of each request.
        statuses: how many answers had which status.
        body_bytes: of the last answer.
    """

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    body_bytes: int = 0


def ask(port: int, request: bytes, load: Load, lock: threading.Lock, *, until: float, most: int) -> None:
    """Be one client: the next request goes out when the answer to the one before is complete."""
    with socket.create_connection((HOST, port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(most):
            begun = time.perf_counter()
            connection.sendall(request)
            status, length = receive(connection)
            ended = time.perf_counter()
            with lock:
                load.latencies_ms.append((ended - begun) * 1000)
                load.statuses[status] = load.statuses.get(status, 0) + 1
                load.body_bytes = length
            if ended >= until:
                return


def receive(connection: socket.socket) -> tuple[str, int]:
    """Read one answer; return its status and the length of its body on the wire."""
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(connection)
    head = bytes(received[:end]).decode("latin-1")
    status = head.split(" ", 2)[1]
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
    }
    if status in {"204", "304"}:
        return status, 0
    if "content-length" not in headers:
        return status, _chunks(connection, received, end + 4)
    length = int(headers["content-length"])
    left = length - (len(received) - end - 4)
    while left > 0:
        left -= len(_more(connection))
    return status, length


def _chunks(connection: socket.socket, received: bytearray, at: int) -> int:
    total = 0
    while True:
        while (line := received.find(b"\r\n", at)) < 0:
            received += _more(connection)
        size = int(received[at:line], 16)
        at = line + 2 + size + 2
        while len(received) < at:
            received += _more(connection)
        if size == 0:
            return total
        total += size


def _more(connection: socket.socket) -> bytes:
    piece = connection.recv(262_144)
    if not piece:
        raise ConnectionError("the server closed the connection")
    return piece


def run(port: int, path: str, headers: dict[str, str], *, clients: int, seconds: float, most: int) -> Load:
    """Ask for ``seconds``, and each client ``most`` times at most but once at least."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {HOST}:{port}", *(f"{name}: {value}" for name, value in headers.items())]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    load, lock = Load(), threading.Lock()
    begun = time.perf_counter()
    threads = [
        threading.Thread(target=ask, args=(port, request, load, lock), kwargs={"until": begun + seconds, "most": most})
        for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - begun
    return load


def main(wish: dict[str, Any]) -> None:
    """Print what came back."""
    print(json.dumps(asdict(run(**wish))))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
