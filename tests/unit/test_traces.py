"""A stack trace is written as Python writes it, the first time and every other."""

import contextlib
import sys
import traceback
from collections.abc import Callable

import pytest

from board.engine.worker import traces
from board.engine.worker.traces import format_trace


def plain() -> object:
    raise RuntimeError("again")


def nested() -> None:
    (plain(), plain())


def in_two_lines() -> None:
    raise ValueError(
        "words",
        2,
    )


def with_a_note() -> None:
    error = ValueError("ä\nb")
    error.add_note("a note")
    raise error


def caused() -> None:
    try:
        plain()
    except RuntimeError as error:
        raise KeyError("caused") from error


def while_handling() -> None:
    try:
        plain()
    except RuntimeError:
        raise KeyError("meanwhile")  # noqa: B904 - the context is what is tested


def from_none() -> None:
    try:
        plain()
    except RuntimeError:
        raise KeyError("alone") from None


def several() -> None:
    raise ExceptionGroup("several", [RuntimeError("one"), ValueError("two")])


def misspelt() -> None:
    plainly = plain
    plainy()  # type: ignore[name-defined]  # noqa: F821 - misspelt on purpose
    plainly()


def misread() -> None:
    sys.versoin  # type: ignore[attr-defined]  # noqa: B018 - same


def malformed() -> None:
    compile("a = (1,\nb c", "<text>", "exec")


def recursive(depth: int = 40) -> None:
    if depth == 0:
        plain()
    recursive(depth - 1)


def within_one_another() -> None:
    (lambda: (lambda: (lambda: (lambda: (lambda: plain())())())())())()  # noqa: PLC3002, PLW0108 - many of one name in one line


def from_a_text() -> None:
    exec("def inner():\n    raise RuntimeError('no line')\ninner()", {})  # noqa: S102 - a place without a file


def beside_another() -> None:
    places: list[Callable[[], object]] = [lambda: [plain()], lambda: {plain()}]
    with contextlib.suppress(RuntimeError):
        places[0]()
    places[1]()


class OwnError(Exception):
    """An error of a program's own."""

    class WithinError(Exception):
        """One whose name has two parts."""


class MuteError(Exception):
    """One that cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class HomelessError(Exception):
    """One that tells no module."""

    __module__ = None  # type: ignore[assignment]


def of_the_program() -> None:
    raise OwnError("own\nwords")


def of_a_class_within() -> None:
    raise OwnError.WithinError("within")


def without_words() -> None:
    raise OwnError


def that_cannot_speak() -> None:
    raise MuteError


def without_a_module() -> None:
    raise HomelessError("from nowhere")


def with_no_notes_left() -> None:
    error = OwnError("noted")
    error.__notes__ = []
    raise error


def with_a_key() -> None:
    dict[str, int]()["no such key"]


RAISING = [
    *(of_the_program, of_a_class_within, without_words, that_cannot_speak, without_a_module, with_no_notes_left),
    *(with_a_key, plain, nested, in_two_lines, with_a_note, caused, while_handling, from_none, several),
    *(misspelt, misread, malformed, recursive, within_one_another, from_a_text, beside_another),
]


def raised(function: Callable[[], object]) -> BaseException:
    """Return what a function raises."""
    try:
        function()
    except BaseException as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("function", RAISING)
def test_a_trace_reads_as_python_writes_it(function: Callable[[], object]) -> None:
    for _ in range(2):
        error = raised(function)
        expected = "".join(traceback.format_exception(type(error), error, error.__traceback__))

        assert format_trace(error, error.__traceback__) == expected


def test_a_trace_begins_where_it_is_told_to() -> None:
    error = raised(nested)
    assert error.__traceback__ is not None
    below = error.__traceback__.tb_next

    assert format_trace(error, below) == "".join(traceback.format_exception(type(error), error, below))
    assert format_trace(error, None) == "".join(traceback.format_exception(type(error), error, None))


def test_a_limit_that_the_program_set_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    error = raised(nested)
    monkeypatch.setattr(sys, "tracebacklimit", 1, raising=False)

    assert format_trace(error, error.__traceback__).count("File") == 1


def test_the_places_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MOST_FRAMES", 5)
    for number in range(20):
        scope: dict[str, Callable[[], object]] = {}
        exec(f"def fail():\n    raise RuntimeError('{number}')", scope)  # noqa: S102 - a place of its own each time
        error = raised(scope["fail"])

        assert format_trace(error, error.__traceback__).endswith(f"RuntimeError: {number}\n")
        assert len(traces._texts) <= 5
