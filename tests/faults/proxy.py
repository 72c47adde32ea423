"""TCP proxies in front of Redis: one cuts a connection at a chosen request, one lets every answer wait."""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Literal, Self

from tests.servers import Server

Moment = Literal["before", "after"]


class CuttingProxy:
    """Forwards everything, until a request holds some bytes; then it cuts that connection, once.

    Args:
        server: the Redis behind it.
        marker: which request is cut.
        moment: `before` it reaches Redis, or `after`: Redis has answered, and the answer is thrown away.
    """

    def __init__(self, server: Server, marker: Callable[[bytes], bool], moment: Moment) -> None:
        self.cuts = 0
        self._ending = threading.Event()
        self._server = server
        self._marker = marker
        self._moment = moment
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._spawn(self._accept)

    @property
    def url(self) -> str:
        """The address of the proxy."""
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ending.set()
        for one in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(5)

    def _spawn(self, body: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=body, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                upstream = socket.create_connection(("127.0.0.1", self._server.port))
                self._sockets += [client, upstream]
                self._spawn(self._requests, client, upstream)
                self._spawn(self._replies, client, upstream)

    def _requests(self, client: socket.socket, upstream: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                if not self.cuts and self._marker(data):
                    self.cuts += 1
                    if self._moment == "after":
                        client.shutdown(socket.SHUT_RDWR)  # the reply finds nobody any more
                        upstream.sendall(data)
                        return
                    break
                upstream.sendall(data)
        for one in (client, upstream):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _replies(self, client: socket.socket, upstream: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := upstream.recv(1 << 16):
                client.sendall(data)
        for one in (client, upstream):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class SlowProxy(CuttingProxy):
    """Forwards everything, and lets every answer wait.

    Attributes:
        delay: seconds that an answer waits; may be changed at any time.
    """

    def __init__(self, server: Server) -> None:
        self.delay = 0.0
        super().__init__(server, lambda _request: False, "before")

    def _replies(self, client: socket.socket, upstream: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := upstream.recv(1 << 16):
                self._ending.wait(self.delay)
                client.sendall(data)
        for one in (client, upstream):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
