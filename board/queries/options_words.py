"""The options of a job as sentences: what will happen to it, not how it is spelled in JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from board.engine.commands.pages import whole_number
from board.queries.payload import Number, Pairs, scalar_text
from board.queries.rows import option_number
from board.queries.text import display, shorten
from board.spans import duration, percentage
from board.words import Count, Sentence, begin, row, sentence, sentences

__all__ = ["options_in_words"]

_POLICIES = {
    "fpof": sentence("If it fails, its parent fails."),
    "cpof": sentence("If it fails, its parent runs at once."),
    "idof": sentence("If it fails, its parent does not wait for it."),
    "rdof": sentence("If it fails, its parent forgets it."),
}
_LONG_POLICIES = {
    "failParentOnFailure": "fpof",
    "continueParentOnFailure": "cpof",
    "ignoreDependencyOnFailure": "idof",
    "removeDependencyOnFailure": "rdof",
}


def options_in_words(options: Any) -> tuple[str, ...]:
    """Write the options that were read as JSON; nothing for defaults, nothing for what is not understood."""
    if not isinstance(options, Pairs):
        return ()
    told = [_attempts(options), _kept(options), _line(options), _deduplication(options), _schedule(options)]
    told += [words for short, words in _POLICIES.items() if _is_on(options, short)]
    told.append(_limits(options))
    return tuple(one for one in told if one)


def _is_on(options: Pairs, short: str) -> bool:
    names = [short, *(name for name, code in _LONG_POLICIES.items() if code == short)]
    return any(options.get(name) is True for name in names)


def _attempts(options: Pairs) -> str:
    attempts = option_number(options, "attempts") or 1
    if attempts <= 1:
        return sentence("One attempt only.")
    return sentences(
        "Up to %(n)s attempt, %(backoff)s.",
        "Up to %(n)s attempts, %(backoff)s.",
        attempts,
        n=Count(attempts),
        backoff=_backoff(options.get("backoff")),
    )


def _backoff(backoff: Any) -> Sentence:
    if isinstance(backoff, Number):
        delay, kind, jitter = whole_number(backoff.text), "fixed", None
    elif isinstance(backoff, Pairs):
        delay, kind, jitter = option_number(backoff, "delay"), backoff.get("type"), backoff.get("jitter")
    else:
        return sentence("retried at once")
    if kind not in ("fixed", "exponential"):
        return sentence("waiting as its worker's strategy “%(kind)s” says", kind=_text(kind))
    if not delay:
        return sentence("retried at once")
    told = sentence("waiting %(time)s before each retry", time=duration(delay))
    if kind == "exponential":
        told = sentence("waiting %(time)s and then twice as long each time", time=duration(delay))
    try:
        share = float(jitter.text) if isinstance(jitter, Number) else 0.0
    except ValueError:
        share = 0.0
    if 0 < share <= 1:
        return sentence("%(backoff)s, of which %(share)s is random", backoff=told, share=percentage(100 * share))
    return told


def _kept(options: Pairs) -> str:
    told = (_keep(options.get("removeOnFail"), _FAILING), _keep(options.get("removeOnComplete"), _SUCCESS))
    return _whole([one for one in told if one])


def _whole(parts: Sequence[Sentence]) -> str:
    """Make one sentence of parts; nothing of none."""
    return begin(sentence("%(words)s.", words=row(parts))) if parts else ""


@dataclass(frozen=True, slots=True)
class _After:
    """What becomes of a job after its end."""

    removed: Sentence
    kept: Sentence
    newest: Callable[[Count], Sentence]
    aged: Callable[[Sentence], Sentence]
    aged_or: Callable[[Sentence, Count], Sentence]
    counted: Callable[[Count], Sentence]


_FAILING = _After(
    sentence("removed at once after failing"),
    sentence("kept for good after failing"),
    lambda n: sentences("the newest %(n)s is kept after failing", "the newest %(n)s are kept after failing", n, n=n),
    lambda time: sentence("kept for %(time)s after failing", time=time),
    lambda time, n: sentence("kept for %(time)s or the newest %(n)s after failing", time=time, n=n),
    lambda n: sentence("kept the newest %(n)s after failing", n=n),
)
_SUCCESS = _After(
    sentence("removed at once after success"),
    sentence("kept for good after success"),
    lambda n: sentences("the newest %(n)s is kept after success", "the newest %(n)s are kept after success", n, n=n),
    lambda time: sentence("kept for %(time)s after success", time=time),
    lambda time, n: sentence("kept for %(time)s or the newest %(n)s after success", time=time, n=n),
    lambda n: sentence("kept the newest %(n)s after success", n=n),
)


def _keep(keep: Any, after: _After) -> Sentence | None:
    if keep is True:
        return after.removed
    if keep is False:
        return after.kept
    if isinstance(keep, Number):
        count = whole_number(keep.text)
        if count is None or count < 0:
            return None
        return after.removed if count == 0 else after.newest(Count(count))
    if not isinstance(keep, Pairs):
        return None
    age, count = option_number(keep, "age"), option_number(keep, "count")
    if age:
        time = duration(age * 1000)
        return after.aged(time) if count is None else after.aged_or(time, Count(count))
    return None if count is None else after.counted(Count(count))


def _line(options: Pairs) -> str:
    delay, priority = option_number(options, "delay") or 0, option_number(options, "priority") or 0
    told = []
    if delay > 0:
        told.append(sentence("delayed by %(time)s", time=duration(delay)))
    if priority:
        told.append(sentence("priority %(priority)s", priority=Count(priority)))
    if options.get("lifo") is True:
        told.append(sentence("runs before everything that waits already"))
    return _whole(told) or sentence("No priority, no delay.")


def _deduplication(options: Pairs) -> str:
    told = next((options.get(name) for name in ("de", "deduplication", "debounce") if options.get(name)), None)
    if not isinstance(told, Pairs) or told.get("id") is None:
        return ""
    ttl = option_number(told, "ttl")
    if told.get("replace") is True:
        return sentence(
            "A later job with the deduplication id “%(id)s” replaces it while it is delayed.", id=_text(told.get("id"))
        )
    if ttl:
        return sentence(
            "Other jobs with the deduplication id “%(id)s” are ignored for %(time)s.",
            id=_text(told.get("id")),
            time=duration(ttl),
        )
    return sentence(
        "Other jobs with the deduplication id “%(id)s” are ignored until it has finished.", id=_text(told.get("id"))
    )


def _schedule(options: Pairs) -> str:
    repeat = options.get("repeat")
    if not isinstance(repeat, Pairs):
        return ""
    count, limit = option_number(repeat, "count"), option_number(repeat, "limit")
    every = option_number(repeat, "every")
    pattern = f"“{_text(repeat.get('pattern') or repeat.get('cron'))}”"
    rule: str = sentence("every %(time)s", time=duration(every)) if every else pattern
    if isinstance(repeat.get("tz"), str):
        rule = sentence("%(rule)s in %(zone)s", rule=rule, zone=_text(repeat.get("tz")))
    if count and limit:
        return sentence(
            "Made by a job scheduler, %(rule)s, run %(n)s of %(limit)s.", rule=rule, n=Count(count), limit=Count(limit)
        )
    if count:
        return sentence("Made by a job scheduler, %(rule)s, run %(n)s.", rule=rule, n=Count(count))
    return sentence("Made by a job scheduler, %(rule)s.", rule=rule)


def _limits(options: Pairs) -> str:
    lines = option_number(options, "kl") or option_number(options, "keepLogs")
    traces = option_number(options, "stackTraceLimit")
    told = []
    if lines:
        told.append(sentences("keeps %(n)s log line", "keeps %(n)s log lines", lines, n=Count(lines)))
    if traces is not None:
        told.append(sentences("keeps %(n)s stack trace", "keeps %(n)s stack traces", traces, n=Count(traces)))
    return _whole(told)


def _text(value: Any) -> str:
    return shorten(display(scalar_text(value)), 120)
