"""Stack traces as frames: whose code, which library, and the error's name and message.

Node writes the error first and its innermost frame next; Python writes the outermost frame first and the error last.
Here every attempt has its frames innermost first, so that the culprit is where the reader looks; ``raw`` keeps the
text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from board.queries.text import display, first_line, shorten
from board.redaction import redact_text

__all__ = ["Attempt", "Frame", "attempt", "attempts", "culprit", "error_of", "in_runs", "message_line"]

FRAME_LIMIT = 100
"""Frames shown of one trace; recursion repeats the rest."""

RAW_LIMIT = 32_000
"""Characters of one trace shown as it is."""

MESSAGE_LIMIT = 2_000
"""Characters of a message."""

_TRACEBACK = "Traceback (most recent call last):"
_ERRORS = (
    re.compile(r"([A-Za-z_$][\w$.]*)(?: \[\w+\])?:(?: (.*))?", re.ASCII | re.DOTALL),
    re.compile(r"([A-Za-z_$][\w$.]*)()", re.ASCII),
    re.compile(r"\*\* \(([\w.]+)\) ?(.*)", re.ASCII | re.DOTALL),
)
_NODE_FRAME = re.compile(r"\s*at (?:(?P<function>.+?) \()?(?P<file>[^()\s][^()]*?)(?::(?P<line>\d+)(?::\d+)?)?\)?\s*")
_PYTHON_FRAME = re.compile(r'\s*File "(?P<file>[^"]*)", line (?P<line>\d+)(?:, in (?P<function>.*))?')
_NODE_PACKAGE = re.compile(r".*node_modules/(?:\.pnpm/[^/]+/node_modules/)?((?:@[^/]+/)?[^/]+)")
_PYTHON_PACKAGE = re.compile(r".*(?:site|dist)-packages/([^/]+)")
_PYTHON_LIBRARY = re.compile(r".*/lib(?:64)?/python\d[\d.]*/|<frozen |<__array_function__|<string>")


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a stack trace.

    Attributes:
        function: name of the function; empty when the trace has none.
        file: path with line, and column where known.
        app: it is the application's own code, not a library's nor the language's.
        text: the source line where the trace has it (Python), else empty.
        group: the library, None for the application; consecutive frames of one group are shown as one.
    """

    function: str
    file: str
    app: bool
    text: str
    group: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One failed attempt.

    Attributes:
        number: counted from 1, the oldest; the attempts before the first trace kept are counted too.
        error_name: class of the error; None when the trace does not name it.
        error_message: its message.
        frames: innermost first.
        raw: the trace as stored.
    """

    number: int
    error_name: str | None
    error_message: str
    frames: tuple[Frame, ...]
    raw: str


def attempts(traces: Sequence[str], attempts_made: int) -> tuple[Attempt, ...]:
    """Read the traces of a job, oldest first as stored, into attempts, newest first.

    Redis keeps the last few traces only, so the newest belongs to the attempt counted last.
    """
    newest = max(attempts_made, len(traces))
    return tuple(attempt(trace, newest - age) for age, trace in enumerate(reversed(traces)))


def attempt(trace: str, number: int) -> Attempt:
    """Read one trace."""
    text = display(redact_text(trace))
    name, message = error_of(text)
    lines = text.split("\n")
    frames = _python_frames(lines) if _TRACEBACK in text else _node_frames(lines)
    return Attempt(number, name, shorten(message, MESSAGE_LIMIT), frames[:FRAME_LIMIT], shorten(text, RAW_LIMIT))


def error_of(trace: str) -> tuple[str | None, str]:
    """Return the class and the message of the error of a trace; the class is None when it is not told.

    The names are those that the script's ``error_name`` finds: lists and facets agree with the job's own page.
    """
    if _TRACEBACK in trace:
        told = _after_frames(trace.rpartition(_TRACEBACK)[2])
    else:
        head: list[str] = []
        for line in trace.split("\n"):
            if _NODE_FRAME.fullmatch(line):
                break
            head.append(line)
        told = "\n".join(head).rstrip()
    line = told.split("\n", 1)[0]
    for pattern in _ERRORS:
        if (match := pattern.match(line)) and (pattern is not _ERRORS[1] or match.end() == len(line)):
            whole = pattern.match(told) if pattern is not _ERRORS[1] else match
            message = (whole.group(2) or "") if whole else ""
            return match.group(1)[:120], message.strip()
    return None, told.strip()


def _after_frames(text: str) -> str:
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if at and re.match(r"[A-Za-z_]", line):
            return "\n".join(lines[at:]).rstrip()
    return ""


def _node_frames(lines: Sequence[str]) -> tuple[Frame, ...]:
    frames = []
    for line in lines:
        match = _NODE_FRAME.fullmatch(line)
        if match is None:
            continue
        file = match["file"].strip()
        place = line.strip().removesuffix(")").rpartition("(")[2].removeprefix("at ").removeprefix("async ")
        group = _node_group(file)
        function = (match["function"] or "").strip()
        if not function and file.startswith("async "):
            function = "async"
        frames.append(Frame(function, place, group is None, "", group))
    return tuple(frames)


def _node_group(file: str) -> str | None:
    path = file.removeprefix("async ").removeprefix("file://").replace("\\", "/")
    if match := _NODE_PACKAGE.match(path):
        return match.group(1)
    if path.startswith(("node:", "internal/")) or path in ("native", "<anonymous>") or not re.search(r"[/.]", path):
        return "node"
    return None


def _python_frames(lines: Sequence[str]) -> tuple[Frame, ...]:
    frames = []
    for at, line in enumerate(lines):
        match = _PYTHON_FRAME.fullmatch(line)
        if match is None:
            continue
        source = lines[at + 1].strip() if at + 1 < len(lines) and lines[at + 1].startswith("    ") else ""
        if _PYTHON_FRAME.fullmatch(lines[at + 1]) if at + 1 < len(lines) else False:
            source = ""
        group = _python_group(match["file"])
        frames.append(
            Frame(
                match["function"] or "", f"{match['file']}:{match['line']}", group is None, shorten(source, 300), group
            )
        )
    return tuple(reversed(frames))


def _python_group(file: str) -> str | None:
    path = file.replace("\\", "/")
    if match := _PYTHON_PACKAGE.match(path):
        return match.group(1).removesuffix(".py")
    return "python" if _PYTHON_LIBRARY.match(path) else None


def culprit(frames: Sequence[Frame]) -> Frame | None:
    """Return the innermost frame of the application, or the innermost of all."""
    return next((frame for frame in frames if frame.app), frames[0] if frames else None)


def in_runs(frames: Sequence[Frame]) -> list[tuple[Frame, ...]]:
    """Return frames that follow each other and are of one group together."""
    return [tuple(run) for _, run in groupby(frames, key=attrgetter("app", "group"))]


def message_line(text: str) -> str:
    """Return what a table shows of a message: its first line that holds anything."""
    return shorten(first_line(text), 300)
