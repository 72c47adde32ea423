"""Which places on the network the board may call: ``hooks.example.com, http://alerts:9093=private``.

Each place is a host, compared whole: no pattern, no suffix, no redirect to somewhere else. It is called over TLS unless
it is written with ``http://``, on the port of the scheme unless it names one, and at public addresses unless it says
otherwise: ``=private`` admits loopback and private networks, ``=10.0.3.0/24`` that network alone, and a place that is
written as an address admits that address. Link-local networks, where clouds hand out their credentials, are only
admitted by name of the network.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from board.errors import OutboundRefusedError

__all__ = ["Address", "Place", "check_address", "place_for", "read_places"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PORTS = {"https": 443, "http": 80}
PRIVATE: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
METADATA = frozenset(ipaddress.ip_address(text) for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200"))
"""Where clouds hand out credentials to whoever asks; two of them lie in networks that are otherwise just private."""

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
COMPATIBLE = ipaddress.IPv6Network("::/96")

_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})*")
LONGEST_URL = 2_000


@dataclass(frozen=True, slots=True)
class Place:
    """One line of the allow-list.

    Attributes:
        scheme: https, or http where that was said.
        host: name or address, in lower case.
        port: number.
        networks: networks besides the public ones in which the host may be.
        private: whether it may be in any private network.
    """

    scheme: str
    host: str
    port: int
    networks: tuple[Network, ...] = ()
    private: bool = False

    def admits(self, address: Address) -> bool:
        """True when this place may be at that address."""
        address = embedded(address)
        if any(address in network for network in self.networks):
            return True
        if address in METADATA:
            return False
        if self.private and any(address in network for network in PRIVATE):
            return True
        return address.is_global and not (address.is_multicast or address.is_reserved)


def read_places(text: str) -> tuple[Place, ...]:
    """Read the allow-list as a setting has it.

    Raises:
        ValueError: with the rest of a sentence that began with the name of the setting.
    """
    return tuple(_place(part.strip()) for part in text.split(",") if part.strip())


def place_for(url: str, places: Iterable[Place]) -> tuple[Place, str]:
    """Return the place of the allow-list that an address belongs to, and what comes after the host.

    Raises:
        OutboundRefusedError: it belongs to none. The sentence names the host and never the path, which may be a secret.
    """
    parts, port = _split(url)
    host = (parts.hostname or "").lower()
    if parts.username is not None or parts.password is not None:
        raise OutboundRefusedError("An address to call may hold no user and no password.")
    for place in places:
        if (place.scheme, place.host, place.port) == (parts.scheme, host, port):
            return place, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    where = f"{parts.scheme}://{host}" + ("" if port == PORTS.get(parts.scheme) else f":{port}")
    raise OutboundRefusedError(f"{where[:200]} is not among the places that BOARD_OUTBOUND_ALLOW names.")


def check_address(place: Place, text: str) -> str:
    """Return an address that a name resolved to, if the place may be there.

    Raises:
        OutboundRefusedError: it may not.
    """
    address = ipaddress.ip_address(text)
    if not place.admits(address):
        raise OutboundRefusedError(
            f"{place.host} is at {address}, which is no public address: BOARD_OUTBOUND_ALLOW does not admit it there."
        )
    return str(address)


def embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address leads to, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if inner is None and address in COMPATIBLE and int(address) > 1:
        inner = ipaddress.IPv4Address(int(address))
    return inner or address


def _split(url: str) -> tuple[SplitResult, int]:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise OutboundRefusedError(f"An address to call has at most {LONGEST_URL:,} plain characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise OutboundRefusedError("An address to call has a host or port that cannot be read.") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise OutboundRefusedError("An address to call begins with https:// and a host.")
    return parts, PORTS[parts.scheme] if port is None else port


def _place(text: str) -> Place:
    where, separator, nets = text.partition("=")
    scheme, found, rest = where.rpartition("://")
    scheme = scheme if found else "https"
    host, port = _host_and_port(rest)
    address = _address(host)
    if scheme not in PORTS or port == 0 or (address is None and not _HOST.fullmatch(host)):
        raise ValueError(
            f"has {text[:64]!r}; places are written like hooks.example.com, idp.example.com:8443 "
            "or http://alerts:9093=private"
        )
    networks: tuple[Network, ...] = () if address is None else (ipaddress.ip_network(address),)
    if separator and nets != "private":
        try:
            networks += (ipaddress.ip_network(nets),)
        except ValueError:
            raise ValueError(f"has {text[:64]!r}: after = stands `private` or a network such as 10.0.3.0/24") from None
    return Place(scheme, host, PORTS[scheme] if port is None else port, networks, private=nets == "private")


def _host_and_port(text: str) -> tuple[str, int | None]:
    """Return host and port of ``host:port``, and an empty host where there is anything else."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "", None
    return ("" if parts.path or parts.query or parts.fragment or "@" in text else host), port


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
