"""One of many has a lease, the next one has it after, and a number tells them apart."""

import threading
from collections.abc import Iterator

import pytest
import redis

from board.engine.connection.sync import Connection
from board.lease import Holding, Leases
from board.namespace import Namespace
from tests.waiting import wait_until

LEASES = Leases(Namespace())
LONG_MS = 60_000


@pytest.fixture
def connection(redis_url: str) -> Iterator[Connection]:
    with Connection.open(redis_url) as opened:
        yield opened


def test_one_has_it_and_the_others_learn_when_it_ends(connection: Connection) -> None:
    assert connection.call(LEASES.take("bulk", "anna", LONG_MS)).fence == 1

    refused = connection.call(LEASES.take("bulk", "ben", LONG_MS))

    assert refused.fence is None
    assert 0 < refused.free_in_ms <= LONG_MS


def test_who_has_it_prolongs_it_under_the_same_number(connection: Connection, redis_client: redis.Redis) -> None:
    connection.call(LEASES.take("bulk", "anna", 5_000))

    assert connection.call(LEASES.take("bulk", "anna", LONG_MS)).fence == 1
    assert redis_client.pttl("board:lease:{bulk}:holder") > 5_000
    assert connection.call(LEASES.renew("bulk", "anna", 2 * LONG_MS))
    assert redis_client.pttl("board:lease:{bulk}:holder") > LONG_MS


def test_nobody_else_can_prolong_it_or_give_it_back(connection: Connection) -> None:
    connection.call(LEASES.take("bulk", "anna", LONG_MS))

    assert not connection.call(LEASES.renew("bulk", "ben", LONG_MS))
    assert not connection.call(LEASES.give_back("bulk", "ben"))
    assert connection.call(LEASES.take("bulk", "ben", LONG_MS)).fence is None


def test_given_back_it_is_free_at_once_and_the_number_grows(connection: Connection) -> None:
    connection.call(LEASES.take("bulk", "anna", LONG_MS))

    assert connection.call(LEASES.give_back("bulk", "anna"))

    assert connection.call(LEASES.take("bulk", "ben", LONG_MS)).fence == 2
    assert connection.call(LEASES.take("bulk", "anna", LONG_MS)).fence is None


def test_a_holder_that_stays_away_is_followed_by_another_with_a_larger_number(connection: Connection) -> None:
    connection.call(LEASES.take("bulk", "anna", 50))

    fence = wait_until(lambda: connection.call(LEASES.take("bulk", "ben", LONG_MS)).fence, "the lease to run out")

    assert fence == 2
    assert not connection.call(LEASES.renew("bulk", "anna", LONG_MS))


def test_a_lease_taken_anew_after_it_ran_out_has_a_new_number(
    connection: Connection, redis_client: redis.Redis
) -> None:
    connection.call(LEASES.take("bulk", "anna", 50))
    wait_until(lambda: not redis_client.exists("board:lease:{bulk}:holder"), "the lease to run out")

    assert connection.call(LEASES.take("bulk", "anna", LONG_MS)).fence == 2


def test_of_many_who_ask_at_once_one_gets_it(redis_url: str) -> None:
    given: list[int] = []

    def ask(holder: str) -> None:
        with Connection.open(redis_url) as mine:
            fence = mine.call(LEASES.take("bulk", holder, LONG_MS)).fence
            if fence is not None:
                given.append(fence)

    threads = [threading.Thread(target=ask, args=(f"holder-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert given == [1]


@pytest.mark.parametrize("name", ["", "a{b", "a}b"])
def test_a_name_that_would_break_the_keys_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must not be empty or hold braces"):
        LEASES.take(name, "anna")


@pytest.mark.parametrize(
    ("now", "is_due", "is_over"),
    [(100.0, False, False), (102.9, False, False), (103.0, True, False), (109.0, True, True)],
)
def test_a_holder_counts_from_before_it_asked(now: float, *, is_due: bool, is_over: bool) -> None:
    holding = Holding(1, 9_000, asked_at=100.0, timer=lambda: now)

    assert (holding.is_due, holding.is_over) == (is_due, is_over)
