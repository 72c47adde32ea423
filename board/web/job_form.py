"""The form that adds a job: what was typed as options of the job, or what is wrong, field by field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from board import words
from board.engine.errors import InvalidJobIdError, InvalidOptionError, UsageError
from board.engine.types import Backoff, Deduplication, JobOptions, Keep
from board.errors import BadRequestError
from board.queries.json_text import compact, is_json
from board.web import forms
from board.words import sentence

__all__ = ["FIELDS", "OPTIONS", "data_text", "field_of", "read_options"]

OPTIONS: Final = (
    *("delay", "delay_unit", "priority", "lifo", "job_id"),
    *("attempts", "backoff", "backoff_wait", "backoff_wait_unit", "jitter", "keep_logs", "stack_traces"),
    *("keep_completed", "keep_completed_for", "keep_completed_for_unit"),
    *("keep_failed", "keep_failed_for", "keep_failed_for_unit"),
    *("once", "once_id", "once_for", "once_for_unit"),
)
"""Fields of the form that are options."""

FIELDS: Final = ("name", "data", *OPTIONS)

LARGEST_PRIORITY: Final = 2_097_151
MOST_KEPT: Final = 2**53 - 1

ONCE: Final[Mapping[str, Mapping[str, bool]]] = {
    "until_done": {},
    "throttle": {},
    "debounce": {"extend": True, "replace": True},
    "keep_last": {"keep_last_if_active": True},
}
"""Ways in which jobs of one deduplication id count as one, and the options that make them."""

OF_THE_ENGINE: Final = {
    "name": "name",
    "attempts": "attempts",
    "priority": "priority",
    "delay": "delay",
    "backoff": "backoff_wait",
    "deduplication": "once_id",
}
"""The field of an option that the engine refuses."""

T = TypeVar("T")


def read_options(values: Mapping[str, str]) -> tuple[JobOptions, dict[str, str]]:
    """Return the options that a form asks for, and by field what is wrong with it."""
    problems: dict[str, str] = {}

    def read(field: str, reader: Callable[[], T]) -> T | None:
        if not values[field].strip():
            return None
        try:
            return reader()
        except BadRequestError as refusal:
            problems[field] = words.of(refusal)
            return None

    def number(field: str, noun: str, high: int, low: int = 0) -> int | None:
        return read(field, lambda: forms.whole(values, field, noun, low, high))

    def length(field: str) -> int | None:
        return read(field, lambda: forms.length_ms(values, field))

    kept = sentence("A number of jobs to keep")
    percent = number("jitter", sentence("A jitter, in percent,"), 100)
    wait = length("backoff_wait")
    kind = read("backoff", lambda: _choice(values["backoff"], ("fixed", "exponential")))
    once = read("once", lambda: _choice(values["once"], tuple(ONCE)))
    window, shared = length("once_for"), values["once_id"].strip()
    if percent and not wait:
        problems.setdefault("backoff_wait", sentence("A jitter needs a wait between tries."))
    if once and not shared:
        problems["once_id"] = sentence("Jobs that count as one need an id that they share.")
    if once in ("throttle", "debounce") and not window:
        problems.setdefault("once_for", sentence("This needs a length of time."))
    options = JobOptions(
        delay=length("delay"),
        priority=number("priority", sentence("A priority"), LARGEST_PRIORITY),
        lifo=True if values["lifo"] == "1" else None,
        job_id=values["job_id"].strip() or None,
        attempts=number("attempts", sentence("A number of attempts"), 1_000),
        backoff=Backoff(kind or "fixed", wait, None if percent is None else percent / 100) if wait else None,
        keep_logs=number("keep_logs", sentence("A number of log lines"), MOST_KEPT),
        stack_trace_limit=number("stack_traces", sentence("A number of stack traces"), 10_000),
        remove_on_complete=_keep(number("keep_completed", kept, MOST_KEPT), length("keep_completed_for")),
        remove_on_fail=_keep(number("keep_failed", kept, MOST_KEPT), length("keep_failed_for")),
        deduplication=_deduplication(once, shared, window),
    )
    return options, problems


def data_text(typed: str) -> str:
    """Return data as they are stored: JSON without white space between its literals.

    Raises:
        BadRequestError: they are not JSON, or hold what UTF-8 cannot store.
    """
    text = typed.replace("\r\n", "\n")
    if not is_json(text):
        raise BadRequestError(sentence("The data are not JSON."))
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRequestError(sentence("The data hold half a surrogate pair, which UTF-8 cannot store.")) from None
    return compact(text)


def field_of(refusal: UsageError) -> str:
    """Return the field that the engine's refusal is about; empty for none."""
    if isinstance(refusal, InvalidJobIdError):
        return "job_id"
    return OF_THE_ENGINE.get(refusal.option, "") if isinstance(refusal, InvalidOptionError) else ""


def _choice(value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise BadRequestError(sentence("There is no choice %(name)s here.", name=repr(value[:40])))
    return value


def _keep(count: int | None, age_ms: int | None) -> int | Keep | None:
    return count if age_ms is None else Keep(count, age_ms)


def _deduplication(once: str | None, shared: str, window_ms: int | None) -> Deduplication | None:
    if not once or not shared:
        return None
    flags: dict[str, Any] = dict(ONCE[once])
    return Deduplication(shared, window_ms if once != "until_done" else None, **flags)
