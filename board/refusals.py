"""Why the engine refuses an option or a schedule, as sentences that pages say in their reader's language.

The engine speaks English and knows nothing of catalogues. Its sentences stand here a second time, as messages: one that
fits is filled with what the engine put in its places, and one that is not here stays English. A test makes the engine
refuse each of them, so that none is here in words that it does not use any more.
"""

from __future__ import annotations

import re
from typing import Final

from board import words
from board.words import Sentence, begin, mark, sentence

__all__ = ["MESSAGES", "of", "stated"]

MESSAGES: Final = (
    mark("a job's name must be text that is not empty, not %(value)s"),
    mark("job id %(value)s is not allowed: %(why)s"),
    mark("ids that begin with 0: are reserved"),
    mark("whole numbers are given by the queue itself; add a letter, such as order-7"),
    mark("a colon is only allowed in ids of exactly three parts"),
    mark("the queue keeps a key of that name"),
    mark("%(option)s must be a whole number from %(low)s to %(high)s, not %(value)s"),
    mark("%(option)s must be True or False, not %(value)s"),
    mark("%(option)s must be %(low)s to %(high)s ms, not %(value)s"),
    mark("%(option)s must be milliseconds or a timedelta, not %(value)s"),
    mark("the type of a backoff must be fixed, exponential or a strategy's name"),
    mark("the jitter of a backoff must be 0 to 1, not %(value)s"),
    mark("%(option)s takes age in seconds and count, whole numbers"),
    mark("%(option)s belongs to each run; a scheduler cannot set it"),
    mark("cron pattern %(value)s matches no moment within %(years)s years"),
    mark("scheduler %(value)s would never run: its end date has passed"),
    mark("scheduler %(value)s would never run: no match before its end date"),
    mark("the next run of scheduler %(value)s in queue %(queue)s would take an id that exists already"),
    mark("scheduler %(value)s was changed meanwhile; nothing was done"),
)

LONGEST: Final = 2_000
"""Characters of a refusal that is looked up: it may quote what somebody typed."""

_PLACE: Final = re.compile(r"%\\\((\w+)\\\)s")


def _pattern(message: str) -> re.Pattern[str]:
    return re.compile(_PLACE.sub(r"(?P<\1>.+)", re.escape(message)), re.DOTALL)


_PATTERNS: Final = tuple((message, _pattern(message)) for message in MESSAGES)


def of(error: Exception) -> str:
    """Return what an error says, as a sentence where it is one of these or was one before."""
    told = words.of(error)
    return told if isinstance(told, Sentence) else _said(told)


def stated(error: Exception) -> str:
    """Return what an error says as a whole sentence, which the engine's words are not yet."""
    told = words.of(error)
    if isinstance(told, Sentence):
        return told
    return begin(_said(told) if told.endswith(".") else sentence("%(clauses)s.", clauses=_said(told)))


def _said(text: str) -> str:
    """Return the engine's words as a sentence; its own reasons within them too."""
    if len(text) > LONGEST:
        return text
    for message, pattern in _PATTERNS:
        if found := pattern.fullmatch(text):
            values = found.groupdict()
            return sentence(message, **{**values, "why": _said(values["why"])} if "why" in values else values)
    return text
