"""Calls that the board makes: only to places of the allow-list, only at addresses that were checked, never for long."""

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import trustme

from board.config import from_environment
from board.errors import OutboundFailedError, OutboundRefusedError, SettingsError
from board.outbound.calls import Outbound, resolve
from board.outbound.rules import Place as Allowed
from board.outbound.rules import read_places
from tests.security.listening import Asked, Place, Reply, listening
from tests.waiting import PATIENCE_S

HOOK = "hook.test"


def names(*answers: list[str]) -> Callable[[str, int], list[str]]:
    """Return a resolver that gives these answers, one after the other, and then no more."""
    left = list(answers)
    return lambda _host, _port: left.pop(0)


def allowed(text: str, **more: object) -> Outbound:
    return Outbound(read_places(text), **more)  # type: ignore[arg-type] # the fields of Outbound


def url(place: Place, path: str = "/in") -> str:
    return f"http://{HOOK}:{place.port}{path}"


@contextlib.contextmanager
def raw(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen for one connection and treat it as told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as connection:
                connection.recv(65536)
                talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_a_place_on_the_list_is_called_with_all_that_was_said() -> None:
    with listening(lambda _: Reply(202, b"thanks", {"X-Seen": "yes"})) as place:
        outbound = allowed(f"http://{HOOK}:{place.port}=private", resolve=names(["127.0.0.1"]))

        answer = outbound.call("POST", url(place, "/in?a=b"), body=b"{}", headers={"Content-Type": "application/json"})

    assert (answer.status, answer.ok, answer.body, answer.headers["x-seen"]) == (202, True, b"thanks", "yes")
    (asked,) = place.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/in?a=b", b"{}")
    assert asked.headers["host"] == f"{HOOK}:{place.port}"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "address",
    [
        "https://other.test/in",
        "https://hook.test.evil.test/in",
        "https://evilhook.test/in",
        "https://a.hook.test/in",
        "https://hook.test./in",
        "https://hook.test:8443/in",
        "http://hook.test/in",
        "http://hook.test:443/in",
        "https://hook.test@evil.test/in",
        "https://evil.test#hook.test",
        "https://evil.test?hook.test",
        "https://evil.test\\@hook.test/in",
        "https://user:password@hook.test/in",
        "https://@hook.test/in",
        "https://hook.test\r\nHost: evil.test/in",
        "https://hook.test/in\nX: y",
        "https://hook.test /in",
        "https://hoo\u212a.test/in",
        "https://hook\u3002test/in",
        "https://[::1/in",
        "https://hook.test:x/in",
        "https://hook.test:99999/in",
        "//hook.test/in",
        "ftp://hook.test/in",
        "file:///etc/passwd",
        "gopher://hook.test/in",
        "javascript:alert(1)",
        "",
        "https://",
        "https://hook.test/" + "a" * 3_000,
    ],
)
def test_any_other_place_is_refused_before_its_name_is_looked_up(address: str) -> None:
    asked: list[str] = []

    def look_up(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"]

    outbound = allowed("hook.test", resolve=look_up, seconds=2)

    with pytest.raises(OutboundRefusedError):
        outbound.call("GET", address)
    with pytest.raises(OutboundRefusedError):
        outbound.check(address)

    assert asked == []


def test_without_a_list_nothing_is_called() -> None:
    with pytest.raises(OutboundRefusedError):
        Outbound(()).check("https://hook.test/")


def test_case_and_the_usual_port_are_the_same_place() -> None:
    allowed("Hook.Test").check("HTTPS://HOOK.test:443/in")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.0",  # noqa: S104 - an address that must be refused
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "169.254.0.1",
        "100.100.100.200",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%lo",
        "fd00:ec2::254",
        "fc00::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
    ],
)
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    outbound = allowed(HOOK, resolve=names([address]), seconds=2)

    with pytest.raises(OutboundRefusedError, match="no public address"):
        outbound.call("GET", f"https://{HOOK}/")


def test_one_address_inside_among_public_ones_is_enough_to_refuse() -> None:
    outbound = allowed(HOOK, resolve=names(["93.184.216.34", "127.0.0.1"]), seconds=2)

    with pytest.raises(OutboundRefusedError):
        outbound.call("GET", f"https://{HOOK}/")


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        ("a.test", "93.184.216.34", "10.0.3.1"),
        ("a.test", "2606:2800:220:1::1", "::1"),
        ("a.test=private", "127.0.0.1", "169.254.169.254"),
        ("a.test=private", "fd12::1", "fd00:ec2::254"),
        ("a.test=private", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
        ("a.test=private", "192.168.7.7", "0.0.0.0"),  # noqa: S104 - as above
        ("a.test=10.0.3.0/24", "10.0.3.9", "10.0.4.1"),
        ("a.test=169.254.169.254", "169.254.169.254", "127.0.0.1"),
        ("10.0.3.9", "10.0.3.9", "10.0.3.8"),
        ("[fd12::1]:8443", "fd12::1", "fd12::2"),
    ],
)
def test_an_entry_admits_what_it_says_and_no_more(entry: str, inside: str, outside: str) -> None:
    (place,) = read_places(entry)

    assert place.admits(ipaddress.ip_address(inside))
    assert not place.admits(ipaddress.ip_address(outside))


def test_a_name_server_that_changes_its_mind_swaps_nothing() -> None:
    """DNS rebinding: the first answer is fine, the next one leads to a machine inside."""
    with listening() as good, listening(address="127.0.0.2", port=good.port) as inside:
        outbound = allowed(
            f"http://{HOOK}:{good.port}=127.0.0.1/32", resolve=names(["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"])
        )

        assert outbound.call("GET", url(good)).ok
        with pytest.raises(OutboundRefusedError):
            outbound.call("GET", url(good))

    assert [asked.headers["host"] for asked in good.asked] == [f"{HOOK}:{good.port}"]
    assert inside.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_not_followed(status: int) -> None:
    with listening() as inside:

        def away(_: Asked) -> Reply:
            return Reply(status, b"", {"Location": f"http://127.0.0.1:{inside.port}/admin"})

        with listening(away) as place:
            both = f"http://{HOOK}:{place.port}=private, http://127.0.0.1:{inside.port}"
            answer = allowed(both, resolve=names(["127.0.0.1"])).call("GET", url(place))

    assert (answer.status, answer.ok) == (status, False)
    assert inside.asked == []


def test_an_answer_that_is_too_large_is_given_up() -> None:
    with listening(lambda _: Reply(body=b"x" * 5_000)) as place:
        entry = f"http://{HOOK}:{place.port}=private"

        assert len(allowed(entry, resolve=names(["127.0.0.1"]), largest=5_000).call("GET", url(place)).body) == 5_000
        with pytest.raises(OutboundFailedError, match="more than 4,999 bytes"):
            allowed(entry, resolve=names(["127.0.0.1"]), largest=4_999).call("GET", url(place))


def test_an_answer_without_end_is_given_up() -> None:
    def pour(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 10_000)

    with raw(pour) as port, pytest.raises(OutboundFailedError, match="more than"):
        allowed(f"http://127.0.0.1:{port}").call("GET", f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["head", "body"])
def test_an_answer_in_drops_is_given_up_in_time(start: bytes) -> None:
    """Each drop comes in time; all of them together do not."""
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(start)
        while not stop.wait(0.02):
            connection.sendall(b"x")

    with raw(drip) as port:
        began = time.monotonic()
        with pytest.raises(OutboundFailedError, match=r"did not answer within 0\.3 s"):
            allowed(f"http://127.0.0.1:{port}", seconds=0.3).call("GET", f"http://127.0.0.1:{port}/")
        stop.set()

    assert time.monotonic() - began >= 0.3


def test_a_name_server_that_says_nothing_is_given_up_in_time() -> None:
    hang = threading.Event()

    def slow(_host: str, _port: int) -> list[str]:
        hang.wait(PATIENCE_S)
        return ["127.0.0.1"]

    with pytest.raises(OutboundFailedError, match="did not answer within"):
        allowed(HOOK, resolve=slow, seconds=0.2).call("GET", f"https://{HOOK}/")
    hang.set()


def test_what_is_not_http_or_nobody_at_all_is_told_in_a_sentence_without_the_path() -> None:
    with (
        raw(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")) as port,
        pytest.raises(OutboundFailedError) as strange,
    ):
        allowed(f"http://127.0.0.1:{port}").call("GET", f"http://127.0.0.1:{port}/s3cret")
    with pytest.raises(OutboundFailedError) as nobody:  # nothing listens there any more
        allowed(f"http://127.0.0.1:{port}").call("GET", f"http://127.0.0.1:{port}/s3cret")
    with pytest.raises(OutboundFailedError) as nameless:
        allowed("no-such-host.invalid").call("GET", "https://no-such-host.invalid/s3cret")
    with pytest.raises(OutboundRefusedError) as refused:
        allowed(HOOK).call("GET", "https://other.test/s3cret")

    assert str(strange.value) == "127.0.0.1 broke off, or answered with something that is not HTTP."
    assert str(nobody.value) == "127.0.0.1 cannot be reached."
    assert str(nameless.value) == "no-such-host.invalid cannot be reached."
    assert str(refused.value) == "https://other.test is not among the places that BOARD_OUTBOUND_ALLOW names."


def test_no_header_smuggles_another() -> None:
    with listening() as place, pytest.raises(OutboundFailedError):
        allowed(f"http://127.0.0.1:{place.port}").call(
            "GET", f"http://127.0.0.1:{place.port}/", headers={"X-A": "b\r\nX-Evil: yes"}
        )

    assert place.asked == []


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def certified(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_a_certificate_is_checked_against_the_name_and_not_the_address(authority: trustme.CA) -> None:
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with listening(tls=certified(authority, HOOK)) as place:
        address, entry = f"https://{HOOK}:{place.port}/", f"{HOOK}:{place.port}=private"

        assert allowed(entry, resolve=names(["127.0.0.1"]), trust=trust).call("GET", address).ok
        with pytest.raises(OutboundFailedError, match="no certificate that can be trusted"):
            allowed(entry, resolve=names(["127.0.0.1"])).call("GET", address)
    with (
        listening(tls=certified(authority, "other.test")) as place,
        pytest.raises(OutboundFailedError, match="no certificate that can be trusted"),
    ):
        allowed(f"{HOOK}:{place.port}=private", resolve=names(["127.0.0.1"]), trust=trust).call(
            "GET", f"https://{HOOK}:{place.port}/"
        )

    assert place.asked == []


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as place, listening() as proxy:
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        assert allowed(f"http://127.0.0.1:{place.port}").call("GET", f"http://127.0.0.1:{place.port}/").ok

    assert proxy.asked == []


def test_the_resolver_of_the_system_is_the_usual_one() -> None:
    assert "127.0.0.1" in resolve("127.0.0.1", 80)


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "*.example.com",
        ".example.com",
        "example.com/path",
        "https://example.com/path",
        "https://example.com?x",
        "ftp://example.com",
        "user@example.com",
        "example.com:0",
        "example.com:port",
        "exa mple.com",
        "ex\u00e4mple.com",
        "example.com=",
        "example.com=everywhere",
        "example.com=10.0.0.1/8",
        "a..b",
        "[::1",
        "=private",
    ],
)
def test_a_list_that_makes_no_sense_stops_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="BOARD_OUTBOUND_ALLOW has "):
        from_environment({"BOARD_OUTBOUND_ALLOW": text}, needs_redis=False)


def test_a_list_is_read() -> None:
    text = "hooks.example.com, https://idp.test:8443, http://alerts:9093=private, 10.0.3.9"

    assert from_environment({"BOARD_OUTBOUND_ALLOW": text}, needs_redis=False).outbound_allow == text
    assert read_places(text) == (
        Allowed("https", "hooks.example.com", 443),
        Allowed("https", "idp.test", 8443),
        Allowed("http", "alerts", 9093, (), private=True),
        Allowed("https", "10.0.3.9", 443, (ipaddress.ip_network("10.0.3.9"),)),
    )
