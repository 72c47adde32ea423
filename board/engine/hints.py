"""A misspelt argument of a constructor is answered with the nearest known one."""

from __future__ import annotations

import functools
import inspect
from typing import Any, TypeVar

from board.engine.errors import InvalidOptionError

__all__ = ["with_hints"]

T = TypeVar("T")


def with_hints(of: type[T]) -> type[T]:
    """Let a class refuse an unknown argument with InvalidOptionError, which names the nearest one there is."""
    plain = of.__init__
    known = [name for name in inspect.signature(plain).parameters if name != "self"]

    @functools.wraps(plain)
    def checked(self: T, *args: Any, **given: Any) -> None:
        try:
            plain(self, *args, **given)
        except TypeError:
            for name in given:
                if name not in known:
                    raise InvalidOptionError.unknown(f"option of {of.__name__}:", name, known) from None
            raise

    setattr(of, "__init__", checked)  # noqa: B010 - mypy takes no assignment of a method
    return of
