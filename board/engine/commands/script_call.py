"""How a command describes the run of a script, and reads its reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from board.engine.calls import Arg, Call
from board.engine.codec import text
from board.engine.errors import job_error
from board.engine.scripts import loader

__all__ = ["MOST_TOGETHER", "item_call", "script_call", "texts", "unless_negative"]

T = TypeVar("T")

MOST_TOGETHER = 50
"""Most runs of a script that become one: bounds for how long Redis is held."""


def script_call(
    name: str, keys: tuple[str, ...], args: tuple[Arg, ...], decode: Callable[[Any], T], *, writes: bool = True
) -> Call[T]:
    """Describe the run of one script with its keys and arguments, in the order of its header."""
    return Call((*keys, *args), decode, script=loader.load(name), keys=len(keys), writes=writes)


def item_call(name: str, key: str, item: bytes, decode: Callable[[Any], T], most: int = MOST_TOGETHER) -> Call[T]:
    """Describe the run of a script on an array of one, which may travel in one run with others; see ``Call.item``."""
    return Call((key, b"\x91" + item, "0"), decode, loader.load(name), 1, True, None, item, most)  # noqa: FBT003 - each job has one


def unless_negative(
    *, queue: str, job_id: str, expected: str = "there", action: str = "it ran"
) -> Callable[[Any], int]:
    """Return a decoder that raises what a code below zero stands for and passes other numbers on."""

    def decode(reply: Any) -> int:
        code = int(reply)
        if code < 0:
            raise job_error(code, queue=queue, job_id=job_id, expected=expected, action=action)
        return code

    return decode


def texts(reply: Any) -> list[str]:
    """Decode a list of texts."""
    return [text(item) for item in reply or ()]
