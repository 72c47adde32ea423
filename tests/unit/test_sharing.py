"""One answer for many who ask the same: when it is shared, and when it must not be."""

import threading

import pytest

from board.sharing import Sharing
from tests.waiting import PATIENCE_S, wait_until


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Counts how often it is read."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self) -> int:
        self.reads += 1
        return self.reads


def test_a_young_answer_is_shared_and_an_old_one_is_not() -> None:
    clock, source = Clock(), Source()
    sharing = Sharing(1.0, timer=clock)

    values = []
    for now in (0.0, 0.9, 1.0, 1.9, 2.0):
        clock.now = now
        values.append(sharing.get("key", source).value)

    assert values == [1, 1, 2, 2, 3]


def test_another_key_is_another_answer() -> None:
    source = Source()
    sharing = Sharing(1.0, timer=Clock())

    assert sharing.get(("queues of one",), source).value == 1
    assert sharing.get(("queues of another",), source).value == 2


def test_who_asks_for_the_present_gets_it_and_shares_it() -> None:
    source = Source()
    sharing = Sharing(1.0, timer=Clock())
    sharing.get("key", source)

    assert sharing.get("key", source, fresh=True).value == 2
    assert sharing.get("key", source).value == 2


def test_what_was_made_of_an_answer_goes_with_it() -> None:
    clock, source = Clock(), Source()
    sharing = Sharing(1.0, timer=clock)
    sharing.get("key", source).made["page"] = "rendered"

    assert sharing.get("key", source).made == {"page": "rendered"}
    clock.now = 1.0
    assert sharing.get("key", source).made == {}


def test_a_failure_is_told_to_those_who_waited_and_asked_again_by_the_next() -> None:
    sharing = Sharing(1.0, timer=Clock())

    def fail() -> int:
        raise ConnectionError("away")

    for _ in range(2):
        with pytest.raises(ConnectionError):
            sharing.get("key", fail)
    assert sharing.get("key", Source()).value == 1


def test_no_more_answers_are_kept_than_was_said() -> None:
    source = Source()
    sharing = Sharing(1.0, most=2, timer=Clock())

    for key in "abca":
        sharing.get(key, source)

    assert source.reads == 4


def test_many_at_once_cost_one_read() -> None:
    sharing, source = Sharing(1.0, timer=Clock()), Source()
    begun, go_on = threading.Event(), threading.Event()
    values: list[int] = []

    def slow() -> int:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        return source()

    def ask() -> None:
        values.append(sharing.get("key", slow).value)

    first = threading.Thread(target=ask)
    first.start()
    assert begun.wait(PATIENCE_S)
    others = [threading.Thread(target=ask) for _ in range(7)]
    for thread in others:
        thread.start()
    go_on.set()
    for thread in (first, *others):
        thread.join(PATIENCE_S)

    wait_until(lambda: len(values) == 8, "everybody to be answered")
    assert (values, source.reads) == ([1] * 8, 1)


def test_who_asks_for_a_younger_answer_gets_one_and_nobody_gets_an_older_one_than_is_kept() -> None:
    clock, source = Clock(), Source()
    sharing = Sharing(5.0, timer=clock)
    sharing.get("key", source)

    clock.now = 2.0
    assert sharing.get("key", source, within=5.0).value == 1
    assert sharing.get("key", source, within=2.0).value == 2
    clock.now = 7.0
    assert sharing.get("key", source, within=60.0).value == 3


def test_after_a_change_nothing_is_shared_that_was_read_before() -> None:
    source = Source()
    sharing = Sharing(5.0, timer=Clock())
    sharing.get("key", source)

    sharing.forget()

    assert sharing.get("key", source).value == 2


def test_what_is_derived_of_an_answer_is_made_once_and_only_so_much_of_it_kept() -> None:
    source = Source()
    answer = Sharing(5.0, timer=Clock()).get("key", lambda: 0)

    assert [answer.derive(key, source, 1) for key in ("a", "a", "b", "b", "a")] == [1, 1, 2, 3, 1]
