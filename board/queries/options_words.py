"""The options of a job as sentences: what will happen to it, not how it is spelled in JSON."""

from __future__ import annotations

from typing import Any

from board.engine.commands.pages import whole_number
from board.queries.payload import Number, Pairs, scalar_text
from board.queries.rows import option_number
from board.queries.text import count_of, display, shorten
from board.spans import duration
from board.words import Count, Sentence, sentence, sentences

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
        return sentence("%(backoff)s, of which %(share)s is random", backoff=told, share=f"{share:.0%}")
    return told


def _kept(options: Pairs) -> str:
    told = [_keep(options.get("removeOnFail"), "failing"), _keep(options.get("removeOnComplete"), "success")]
    known = [one for one in told if one]
    return f"{', '.join(known)[:1].upper()}{', '.join(known)[1:]}." if known else ""


def _keep(keep: Any, after: str) -> str:
    if keep is True:
        return f"removed at once after {after}"
    if keep is False:
        return f"kept for good after {after}"
    if isinstance(keep, Number):
        count = whole_number(keep.text)
        if count is None or count < 0:
            return ""
        return f"removed at once after {after}" if count == 0 else f"the newest {count:,} are kept after {after}"
    if not isinstance(keep, Pairs):
        return ""
    age, count = option_number(keep, "age"), option_number(keep, "count")
    told = [f"for {duration(age * 1000)}" if age else "", f"the newest {count:,}" if count is not None else ""]
    return f"kept {' or '.join(one for one in told if one)} after {after}" if any(told) else ""


def _line(options: Pairs) -> str:
    delay, priority = option_number(options, "delay") or 0, option_number(options, "priority") or 0
    told = [f"delayed by {duration(delay)}" if delay > 0 else "", f"priority {priority:,}" if priority else ""]
    if options.get("lifo") is True:
        told.append("runs before everything that waits already")
    words = ", ".join(one for one in told if one)
    return f"{words[:1].upper()}{words[1:]}." if words else sentence("No priority, no delay.")


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
    rule = f"every {duration(every)}" if every else f"“{_text(repeat.get('pattern') or repeat.get('cron'))}”"
    zone = f" in {_text(repeat.get('tz'))}" if isinstance(repeat.get("tz"), str) else ""
    run = f", run {count:,}" if count else ""
    return f"Made by a job scheduler, {rule}{zone}{run}{f' of {limit:,}' if count and limit else ''}."


def _limits(options: Pairs) -> str:
    lines = option_number(options, "kl") or option_number(options, "keepLogs")
    traces = option_number(options, "stackTraceLimit")
    told = [
        f"keeps {count_of(lines, 'log line')}" if lines else "",
        f"keeps {count_of(traces, 'stack trace')}" if traces is not None else "",
    ]
    words = ", ".join(one for one in told if one)
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _text(value: Any) -> str:
    return shorten(display(scalar_text(value)), 120)
