"""One call to a place of the allow-list, to an address that was checked, in bounded time.

The name is resolved once. What it resolved to is checked, and the connection goes to that address and to no other, so a
name server that answers differently a moment later changes nothing. TLS is checked against the name. Redirects are
answers like any other: nobody follows them. Proxies of the environment are not used, as they would resolve anew.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore

from board.errors import OutboundFailedError
from board.outbound.rules import Place, check_address, place_for

__all__ = ["Answer", "Outbound", "resolve"]

LONGEST_SECONDS = 10.0
"""For all of a call: name, connection, question and answer."""
LARGEST_ANSWER = 256 * 1024
"""Bytes. A key set of an identity provider has some ten thousand, the answer to a webhook next to none."""

HEADERS = {"User-Agent": "queue-board", "Accept-Encoding": "identity"}
"""Only plain answers: what is packed could unpack to any size."""

Resolve = Callable[[str, int], list[str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: number; one of 300 to 399 was not followed.
        headers: by name in lower case.
        body: bytes, LARGEST_ANSWER at most.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """True for a status from 200 to 299."""
        return 200 <= self.status < 300


def resolve(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a host.

    Raises:
        OSError: there are none.
    """
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


@dataclass(frozen=True, slots=True)
class Outbound:
    """Makes calls to the places of an allow-list. Any number of threads may share one.

    Attributes:
        places: the allow-list, as ``read_places`` reads it.
        seconds: longest time for all of a call.
        largest: most bytes of an answer.
        resolve: how names become addresses.
        trust: the authorities that certificates are checked against; None is those of the system.
    """

    places: tuple[Place, ...]
    seconds: float = LONGEST_SECONDS
    largest: int = LARGEST_ANSWER
    resolve: Resolve = resolve
    trust: ssl.SSLContext | None = field(default=None, repr=False)

    def check(self, url: str) -> None:
        """See whether an address is on the allow-list, without calling anybody.

        Raises:
            OutboundRefusedError: it is not.
        """
        place_for(url, self.places)

    def call(self, method: str, url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request and read the whole answer.

        Raises:
            OutboundRefusedError: the place, or the address it is at, is not allowed.
            OutboundFailedError: no answer came in time, or one that is too large. Neither sentence tells the path.
        """
        place, target = place_for(url, self.places)
        deadline = time.monotonic() + self.seconds
        sent = {**HEADERS, **(headers or {})}
        if body or method == "POST":
            sent["Content-Length"] = str(len(body))
        origin = httpcore.URL(scheme=place.scheme, host=place.host, port=place.port, target=target)
        with httpcore.ConnectionPool(
            ssl_context=self.trust or ssl.create_default_context(),
            network_backend=_Checked(place, self.resolve, deadline),
        ) as pool:
            try:
                with pool.stream(method, origin, headers=_host_first(place, sent), content=body) as response:
                    return Answer(
                        response.status,
                        {_text(name).lower(): _text(value) for name, value in response.headers},
                        self._read(place, response.iter_stream()),
                    )
            except httpcore.TimeoutException as late:
                raise OutboundFailedError(place.host, f"did not answer within {self.seconds:g} s") from late
            except (httpcore.NetworkError, httpcore.ProtocolError) as broken:
                raise OutboundFailedError(place.host, _why(broken)) from broken

    def _read(self, place: Place, chunks: Iterable[bytes]) -> bytes:
        body = bytearray()
        for chunk in chunks:
            body += chunk
            if len(body) > self.largest:
                raise OutboundFailedError(place.host, f"answered with more than {self.largest:,} bytes")
        return bytes(body)


class _Checked(httpcore.NetworkBackend):
    """Connects to the checked addresses of one place, whatever it is asked for."""

    def __init__(self, place: Place, resolve: Resolve, deadline: float) -> None:
        self._place = place
        self._resolve = resolve
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        del host, port, timeout  # those of the place and of the deadline
        addresses = [check_address(self._place, text) for text in self._resolved()]
        trouble: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for address in addresses:
            try:
                stream = self._sockets.connect_tcp(
                    address, self._place.port, _left(self._deadline), local_address, socket_options
                )
            except (httpcore.NetworkError, httpcore.ConnectTimeout) as failed:
                trouble = failed
            else:
                return _Timed(stream, self._deadline)
        raise trouble or httpcore.ConnectError("the name has no address")

    def _resolved(self) -> list[str]:
        """Resolve the name, in a thread of its own: the system's resolver knows no deadline."""
        answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._resolve(self._place.host, self._place.port))
            except OSError as failed:
                answers.put(failed)
            except UnicodeError:  # a label that is too long for a name
                answers.put(OSError("the name cannot be resolved"))

        threading.Thread(target=ask, name="outbound-resolve", daemon=True).start()
        try:
            found = answers.get(timeout=_left(self._deadline))
        except queue.Empty:
            raise httpcore.ConnectTimeout("the name was not resolved in time") from None
        if isinstance(found, OSError):
            raise httpcore.ConnectError("the name cannot be resolved") from found
        return found


class _Timed(httpcore.NetworkStream):
    """A connection whose every step ends by one deadline, so that an answer in drops does not last for ever."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        del timeout
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        del timeout
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time for this call is over")
    return left


def _host_first(place: Place, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    host = f"[{place.host}]" if ":" in place.host else place.host
    usual = {"https": 443, "http": 80}[place.scheme] == place.port
    return [("Host", host if usual else f"{host}:{place.port}"), *headers.items()]


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _why(broken: Exception) -> str:
    """Say what went wrong, by kind: the words of a library may repeat what was sent."""
    if "CERTIFICATE_VERIFY_FAILED" in str(broken) or isinstance(broken.__cause__, ssl.SSLError):
        return "has no certificate that can be trusted"
    if isinstance(broken, httpcore.ConnectError):
        return "cannot be reached"
    return "broke off, or answered with something that is not HTTP"
