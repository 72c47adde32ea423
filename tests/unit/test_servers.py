"""The tests' own servers keep what the other tests rely on."""

import asyncio
import time
from collections.abc import Callable

import pytest
import redis

from tests.servers import Kind, Server
from tests.waiting import wait_until, wait_until_async


@pytest.mark.parametrize("kind", ["redis", "valkey"])
def test_data_in_the_append_only_file_outlive_a_kill(fresh_server: Callable[..., Server], kind: Kind) -> None:
    server = fresh_server(kind=kind, append_only=True)
    before = server.client()
    before.set("kept", "yes")
    before.close()

    server.kill()
    url = server.url
    server.start()

    after = server.client()
    assert server.url == url
    assert after.get("kept") == "yes"
    after.close()


def test_a_killed_server_refuses_connections(fresh_server: Callable[..., Server]) -> None:
    server = fresh_server()
    client = server.client()

    server.kill()

    with pytest.raises(redis.ConnectionError):
        client.ping()
    client.close()


def test_a_server_with_a_password_lets_its_own_client_in(fresh_server: Callable[..., Server]) -> None:
    server = fresh_server(arguments=("--requirepass", "secret"), password="secret")

    client = server.client()

    assert client.ping()
    client.close()


def test_two_servers_do_not_meet(fresh_server: Callable[..., Server]) -> None:
    one, two = fresh_server(), fresh_server()

    first, second = one.client(), two.client()
    first.set("mine", "1")

    assert second.get("mine") is None
    first.close()
    second.close()


def test_each_test_gets_an_empty_server_first(redis_client: "redis.Redis") -> None:
    assert redis_client.dbsize() == 0
    redis_client.set("left", "behind")


def test_each_test_gets_an_empty_server_second(redis_client: "redis.Redis") -> None:
    assert redis_client.dbsize() == 0
    redis_client.set("left", "behind")


def test_waiting_returns_the_first_truthy_value() -> None:
    answers = iter([0, None, "done"])

    assert wait_until(lambda: next(answers), "the third answer") == "done"


def test_waiting_in_vain_says_what_never_happened() -> None:
    with pytest.raises(AssertionError, match=r"waited 0\.05 s for rain; last seen: 0"):
        wait_until(lambda: 0, "rain", timeout=0.05)


def test_waiting_in_an_event_loop_takes_functions_and_coroutines() -> None:
    async def soon() -> bool:
        return time.monotonic() > 0

    async def both() -> tuple[bool, str]:
        return await wait_until_async(soon, "a coroutine"), await wait_until_async(lambda: "now", "a function")

    assert asyncio.run(both()) == (True, "now")
