"""Who alerts are told to in tests: a receiver of webhooks and a mail server, on real sockets of this machine."""

from __future__ import annotations

import email
import json
import socketserver
import threading
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(slots=True)
class Received:
    """One request: path, headers by name in lower case, body."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Takes webhooks; answers with ``status``, which a test may change. It can be down and come back."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.refused = 0
        self.status = 200
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Listen, on the same port as before."""
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if owner.status < 300:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    owner.received.append(Received(self.path, headers, body))
                else:
                    owner.refused += 1
                self.send_response(owner.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def down(self) -> None:
        """Close the port."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = self._thread = None

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _one: object, _trace: TracebackType | None) -> None:
        self.down()


@dataclass(slots=True)
class Mail:
    """One mail: who it is for, as the envelope has it, and what it says."""

    people: list[str]
    message: Message = field(default_factory=Message)


class MailSink:
    """A mail server that takes everything and keeps it; without TLS.

    Attributes:
        mails: what came.
        unknown: people it does not know.
        drips: goes on with its greeting for as long as somebody listens.
    """

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.unknown: set[str] = set()
        self.drips = False
        owner = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while owner.drips:
                    try:
                        self._say("220-still here")
                    except OSError:
                        return
                self._say("220 sink")
                people: list[str] = []
                while line := self.rfile.readline().decode().strip():
                    verb = line.split(maxsplit=1)[0].upper()
                    if verb == "RCPT":
                        who = line.partition("<")[2].partition(">")[0]
                        if who in owner.unknown:
                            self._say("550 nobody here")
                            continue
                        people.append(who)
                    if verb == "DATA":
                        self._say("354 go on")
                        owner.mails.append(Mail(people, email.message_from_bytes(self._data())))
                        people = []
                    self._say("221 bye" if verb == "QUIT" else "250 ok")
                    if verb == "QUIT":
                        return

            def _data(self) -> bytes:
                lines: list[bytes] = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
                return b"".join(lines)

            def _say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _one: object, _trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
