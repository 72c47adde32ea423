"""Rules and figures as sentences, the same on pages, in messages and for programs."""

from __future__ import annotations

from board.alerts.rules import Rule
from board.spans import duration

__all__ = ["amount", "sentence_of", "title_of", "typed_length", "typed_limit"]


def amount(unit: str, value: float) -> str:
    """Write a figure with its unit."""
    if unit == "ms":
        return duration(value)
    if unit == "%":
        return f"{value:g} %" if value == round(value) else f"{value:.1f} %"
    return f"{value:,.0f} {unit.removesuffix('s') if round(value) == 1 else unit}".strip()


def sentence_of(rule: Rule) -> str:
    """Write a rule as a sentence, without channels."""
    kind = rule.about
    queues = "all queues" if rule.queues == "*" else rule.queues
    said = kind.words.format(queues=queues, limit=amount(kind.unit, rule.threshold))
    if rule.job_name:
        said = said.replace("no job ended", f"no job {rule.job_name} ended")
    if rule.for_ms:
        said += f" for {duration(rule.for_ms)}"
    return said[:1].upper() + said[1:]


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
