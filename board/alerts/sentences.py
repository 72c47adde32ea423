"""Rules and figures as sentences, the same on pages, in messages and for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Final

from board.alerts.rules import Rule
from board.spans import duration, percentage
from board.words import Count, Sentence, begin, sentence, sentences

__all__ = ["amount", "sentence_of", "title_of", "typed_length", "typed_limit"]


_COUNTED: Final[Mapping[str, Callable[[Count], Sentence]]] = {
    "jobs": lambda n: sentences("%(n)s job", "%(n)s jobs", n, n=n),
    "open jobs": lambda n: sentences("%(n)s open job", "%(n)s open jobs", n, n=n),
    "workers": lambda n: sentences("%(n)s worker", "%(n)s workers", n, n=n),
    "stalls": lambda n: sentences("%(n)s stall", "%(n)s stalls", n, n=n),
    "stalled jobs": lambda n: sentences("%(n)s stalled job", "%(n)s stalled jobs", n, n=n),
}


def amount(unit: str, value: float) -> Sentence:
    """Write a figure with its unit."""
    if unit == "ms":
        return duration(value)
    if unit == "%":
        above = ceil(round(10 * value, 6)) / 10  # so what is above a limit, a whole number, reads so
        return percentage(above if value >= 100 else min(above, 99.9), is_exact=True)
    number = Count(round(value))
    return _COUNTED[unit](number) if unit else Sentence(str(number))


def sentence_of(rule: Rule) -> Sentence:
    """Write a rule as a sentence, without channels."""
    kind = rule.about
    queues = sentence("all queues") if rule.queues == "*" else rule.queues
    limit = amount(kind.unit, rule.threshold)
    if rule.job_name:
        said = sentence(
            "no job %(name)s ended in %(queues)s for %(limit)s", name=rule.job_name, queues=queues, limit=limit
        )
    else:
        said = sentence(kind.words, queues=queues, limit=limit)
    if rule.for_ms:
        said = sentence("%(rule)s for %(time)s", rule=said, time=duration(rule.for_ms))
    return begin(said)


def title_of(rule: Rule) -> str:
    """Return what people call a rule, or its sentence."""
    return rule.name or sentence_of(rule)


def typed_length(length_ms: int) -> str:
    """Write a length of time as ``rules.length_ms`` reads it; nothing for none."""
    for unit, name in ((86_400_000, "days"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")):
        if length_ms and length_ms % unit == 0:
            return f"{length_ms // unit}{name}"
    return ""


def typed_limit(rule: Rule) -> str:
    """Write the threshold of a rule as a person types it."""
    return typed_length(rule.threshold) if rule.about.unit == "ms" else str(rule.threshold)
