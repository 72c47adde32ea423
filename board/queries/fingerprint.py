"""Which failures have one cause: a fingerprint of the error, its message, where it was thrown, and the job's name.

Two failures of one bug differ in what varies from job to job: ids, numbers, addresses, times, names of files, quoted
values. Those are taken out of the message. Where it was thrown is the innermost frame of the application, by function
and file without the line, so that a change elsewhere in the file starts no new group; folders that depend on where the
application was installed are left out. Without a frame of the application, the innermost of all.

The fingerprint carries a version. When these rules change, the version does, and groups of the old rules end rather
than mix with the new ones.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from board.queries.stack import attempt, culprit
from board.queries.text import display, first_line

__all__ = ["VERSION", "Cause", "cause_of", "newest_trace", "normalise", "place_of", "short_place"]

VERSION = 1
"""Of the rules below."""

LONGEST_MESSAGE = 300
"""Characters of a message that count; what follows is mostly a dump of data."""

READ = 16_000
"""Characters of a trace that are looked at."""

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"), "<email>"),
    (re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s'\"<>)\],;]+", re.IGNORECASE), "<url>"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<address>"),
    (re.compile(r"\[?\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{0,4}\b\]?(?::\d+)?", re.IGNORECASE), "<address>"),
    (re.compile(r"""(?<![\w])(["'`‘“]).{0,200}?["'`’”](?!\w)"""), "<text>"),
    (re.compile(r"(?<![\w<])(?:[A-Za-z]:)?(?:[\\/][\w.@+~%-]+){2,}[\\/]?"), "<path>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<n>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE), "<n>"),
    # Ids such as cus_Nf84Kd02, job-17-a, 01ARZ3NDEK…: letters and digits in one word. utf8, http2 and E11000 stay.
    (re.compile(r"\b(?=[\w-]*\d[\w-]*)(?=[\w-]*[A-Za-z])[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)+\b"), "<id>"),
    (re.compile(r"\b(?=(?:[A-Za-z]*\d){4})(?=\w*[A-Za-z])[A-Za-z0-9]{10,}\b"), "<id>"),
    (re.compile(r"(?<![A-Za-z_<\d])[-+]?\d[\d.,_]*(?<![.,])(?:[eE][-+]?\d+)?"), "<n>"),
)
_SPACE = re.compile(r"\s+")
_LINE = re.compile(r":\d+(?::\d+)?$")
_INSTALLED = re.compile(r"^(?:file://)?(?:[A-Za-z]:)?/?.*?/(?=(?:src|app|lib|dist|build|workers?|jobs|tasks)/)")


@dataclass(frozen=True, slots=True)
class Cause:
    """What a group of failures has in common.

    Attributes:
        fingerprint: version and hash; what addresses and keys name the group by.
        error: class of the error; empty when the trace names none.
        message: with everything that varies taken out.
        function: where it was thrown; empty without a frame.
        file: its file with the line of this one failure; empty without a frame.
        job_name: name of the jobs.
    """

    fingerprint: str
    error: str
    message: str
    function: str
    file: str
    job_name: str


def cause_of(trace: str, reason: str, job_name: str) -> Cause:
    """Say what made a job fail.

    Args:
        trace: its newest stack trace; empty when none was kept.
        reason: its failedReason, used where the trace has no message.
        job_name: its name.
    """
    read = attempt(trace[:READ], 1)
    error, told = read.error_name or "", read.error_message
    if not told and not error:
        told = display(reason[:READ])
    message = normalise(told)
    frame = culprit(read.frames)
    function = "" if frame is None else frame.function.removeprefix("async ").removeprefix("new ")
    file = "" if frame is None else frame.file
    text = "\0".join((error, message, function, place_of(file), job_name))
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
    return Cause(f"{VERSION}-{digest}", error, message, function, file, job_name)


def normalise(message: str) -> str:
    """Take out of a message what varies from one failure of a bug to the next."""
    text = first_line(message)[: 2 * LONGEST_MESSAGE]
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return _SPACE.sub(" ", text).strip()[:LONGEST_MESSAGE]


def place_of(file: str) -> str:
    """Return a file of a frame without its line and without the folders that depend on the installation."""
    path = _LINE.sub("", file.replace("\\", "/"))
    return _INSTALLED.sub("", path) if _INSTALLED.match(path) else path.rpartition("/")[2]


def short_place(file: str) -> str:
    """Return a file of a frame with its line, without the folders that depend on the installation."""
    line = _LINE.search(file)
    return place_of(file) + (":" + line.group().split(":")[1] if line else "")


def newest_trace(stored: str | None) -> str:
    """Return the newest trace of a job's field ``stacktrace``; empty when there is none that can be read."""
    if not stored:
        return ""
    try:
        traces: Sequence[object] = json.loads(stored)
    except (ValueError, RecursionError):
        return ""
    newest = traces[-1] if isinstance(traces, list) and traces else ""
    return newest if isinstance(newest, str) else ""
