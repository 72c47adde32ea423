"""A worker's listeners: none is forgotten, none can hurt it, no error is swallowed."""

import logging

import pytest

from board.engine.errors import UsageError
from board.engine.worker.listeners import EVENTS, Listeners


def test_listeners_are_called_in_order_with_what_there_is_to_tell() -> None:
    told: list[object] = []
    listeners = Listeners("mail")
    listeners.add("failed", lambda *args: told.append(("first", *args)))
    listeners.add("failed", lambda *args: told.append(("second", *args)))

    listeners.tell("failed", "job", "error", "active")

    assert told == [("first", "job", "error", "active"), ("second", "job", "error", "active")]


def test_a_removed_listener_hears_nothing() -> None:
    told: list[object] = []
    listeners = Listeners("mail")
    listeners.add("drained", lambda: told.append(1))
    listeners.remove("drained", print)
    listeners.add("completed", told.append)
    listeners.remove("completed", told.append)

    listeners.tell("completed", "job")
    listeners.tell("drained")

    assert told == [1]


def test_a_listener_that_raises_is_logged_and_the_next_is_called(caplog: pytest.LogCaptureFixture) -> None:
    told: list[object] = []
    listeners = Listeners("mail")
    listeners.add("drained", lambda: 1 / 0)
    listeners.add("drained", lambda: told.append(1))

    listeners.tell("drained")

    assert told == [1]
    assert "a listener of a worker failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_coroutine_is_handed_back_to_be_awaited() -> None:
    async def listener() -> None:
        """Do nothing."""

    listeners = Listeners("mail")
    listeners.add("drained", listener)

    (pending,) = listeners.tell("drained")

    pending.close()  # type: ignore[attr-defined] # a coroutine


def test_an_unknown_event_names_the_nearest_known() -> None:
    with pytest.raises(UsageError, match="did you mean completed"):
        Listeners("mail").add("complete", print)


def test_an_error_that_nobody_listens_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    Listeners("mail").tell("error", ValueError("boom"))

    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, "the worker met an error: boom")
    ]


def test_an_error_that_comes_again_and_again_is_logged_ever_less_often(caplog: pytest.LogCaptureFixture) -> None:
    listeners = Listeners("mail")
    for _ in range(100):
        listeners.tell("error", ConnectionError("away"))

    assert [vars(record)["times"] for record in caplog.records] == [1, 2, 4, 8, 16, 32, 64]


def test_after_something_went_well_the_same_error_is_news_again(caplog: pytest.LogCaptureFixture) -> None:
    listeners = Listeners("mail")
    for _ in range(3):
        listeners.tell("error", ConnectionError("away"))
        listeners.tell("completed", "job", None, "active")

    assert len(caplog.records) == 3


def test_a_listener_for_errors_takes_them_from_the_log(caplog: pytest.LogCaptureFixture) -> None:
    told: list[object] = []
    listeners = Listeners("mail")
    listeners.add("error", told.append)

    listeners.tell("error", "boom")

    assert told == ["boom"]
    assert caplog.records == []


def test_every_event_is_described() -> None:
    assert all(description.startswith("(") and ") " in description for description in EVENTS.values())
