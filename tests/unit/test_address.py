"""Redis URLs: what they mean, and that a wrong one is refused without showing its secrets."""

import pytest

from board.engine.connection.address import Address, clean_client_name, parse_address
from board.engine.errors import UsageError


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", Address("server", (("localhost", 6379),))),
        ("redis://localhost:7000/3", Address("server", (("localhost", 7000),), database=3)),
        ("redis://h/0?db=4", Address("server", (("h", 6379),), database=4)),
        ("rediss://:pw@h:1/0", Address("server", (("h", 1),), tls=True, password="pw")),
        ("redis://me:p%40w%2Fx@h", Address("server", (("h", 6379),), username="me", password="p@w/x")),
        ("redis://[::1]:7000", Address("server", (("::1", 7000),))),
        ("redis://h?socket_timeout=2", Address("server", (("h", 6379),), options={"socket_timeout": "2"})),
        ("unix:///run/redis.sock?db=2", Address("unix", path="/run/redis.sock", database=2)),
        (
            "redis+sentinel://:pw@a,b:27000/main/5",
            Address("sentinel", (("a", 26379), ("b", 27000)), service="main", database=5, password="pw"),
        ),
        ("rediss+sentinel://a/main", Address("sentinel", (("a", 26379),), tls=True, service="main")),
        ("redis+cluster://a:1,b:2", Address("cluster", (("a", 1), ("b", 2)))),
    ],
)
def test_what_a_url_means(url: str, address: Address) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://me:s3cret@h",
        "redis://",
        "redis://me:s3cret@",
        "redis://me:s3cret@h:port/0",
        "redis://me:s3cret@h:99999/0",
        "redis://me:s3cret@h/zero",
        "redis://me:s3/cret@h:6379/0",
        "redis://me:s3cret@a,b/0",
        "redis+sentinel://me:s3cret@a:26379",
        "unix://",
        "redis://me:s3cret@[::1/0",
    ],
)
def test_a_wrong_url_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(url)

    assert "s3" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_messages_show_the_place_only() -> None:
    places = [
        parse_address("redis://me:pw@h:7000/3?x=1").place,
        parse_address("redis+sentinel://:pw@a,b/main").place,
        parse_address("redis://[::1]").place,
        parse_address("unix:///run/redis.sock").place,
    ]

    assert places == ["h:7000", "main of a:26379, b:26379", "[::1]:6379", "/run/redis.sock"]
    assert "pw" not in repr(parse_address("redis://me:pw@h:7000/3?password=pw"))


def test_a_client_name_keeps_to_what_redis_takes() -> None:
    assert clean_client_name("mail worker\n1 é") == "mail-worker-1--"
