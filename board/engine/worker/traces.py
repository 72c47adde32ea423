"""Writes the stack trace of a failed attempt as Python does, and each place of a program only once.

Of the time that a failed attempt takes, most would go into finding and marking the lines of its stack, and jobs fail in
the same few places again and again.
"""

from __future__ import annotations

import sys
import traceback
from types import CodeType, TracebackType

__all__ = ["format_trace"]

MOST_FRAMES = 1_000
"""Places whose text is kept; beyond, all are forgotten."""

_SPECIAL = (BaseExceptionGroup, SyntaxError, NameError, AttributeError, ImportError)
"""Errors of which Python tells more than their own words: others within, the place in a text, what was meant."""

_UNNAMED = ("builtins", "__main__")
"""Modules that are not told before the name of an error."""

_texts: dict[tuple[int, int], tuple[CodeType, str]] = {}
"""By code and instruction; the code is kept, for its number stands for it only as long as it lives."""


def format_trace(error: BaseException, trace: TracebackType | None) -> str:
    """Return what ``traceback.format_exception`` says of an error, beginning at ``trace``, as one text."""
    frames = None if _is_special(error) else _frames(trace)
    if not frames:
        return "".join(traceback.format_exception(type(error), error, trace))
    return "".join(["Traceback (most recent call last):\n", *frames, _words(error)])


def _is_special(error: BaseException) -> bool:
    """Whether more belongs to it than its stack and its words."""
    hidden = error.__suppress_context__ or error.__context__ is None
    return isinstance(error, _SPECIAL) or error.__cause__ is not None or not hidden or hasattr(sys, "tracebacklimit")


def _words(error: BaseException) -> str:
    """Return the last line: which error it is and what it says, as Python writes it, with its notes."""
    kind = type(error)
    if hasattr(error, "__notes__") or not isinstance(kind.__module__, str):
        return "".join(traceback.format_exception_only(kind, error))
    name = kind.__qualname__ if kind.__module__ in _UNNAMED else f"{kind.__module__}.{kind.__qualname__}"
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - an error that cannot say what it is; Python has words for that
        return "".join(traceback.format_exception_only(kind, error))
    return f"{name}: {said}\n" if said else f"{name}\n"


def _frames(trace: TracebackType | None) -> list[str] | None:
    """Return the text of each frame; None when one calls its like, for Python tells long runs of the same only once."""
    frames: list[str] = []
    before = ("", "")
    while trace is not None:
        code = trace.tb_frame.f_code
        alike = code.co_filename, code.co_name  # of lambdas within lambdas each has a code of its own
        if alike == before:
            return None
        before = alike
        place = id(code), trace.tb_lasti
        kept = _texts.get(place)
        if kept is None:
            if len(_texts) >= MOST_FRAMES:
                _texts.clear()
            kept = _texts[place] = code, "".join(traceback.format_list(traceback.extract_tb(trace, limit=1)))
        frames.append(kept[1])
        trace = trace.tb_next
    return frames
