"""Who of those that an identity provider vouches for may come in, and as what: ``groups:oncall=operator``.

A rule names a claim, a value and a role. The value is compared whole and as it stands, in its case: no pattern, no
beginning, no ending. A claim that is a list holds each of its values. The first rule that fits decides, and nobody
comes in whom none fits. An address of electronic mail counts only where the provider says that it has verified it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

__all__ = ["ANYBODY", "Rule", "read_rules", "role_for"]

ANYBODY = "*"
"""The claim of the rule that fits everybody whom the provider signs in."""

EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the list.

    Attributes:
        claim: its name; with dots, of a claim within a claim. ``*`` needs no value.
        value: what it must be, or hold.
        role: what such a person is.
    """

    claim: str
    value: str
    role: str


def read_rules(text: str) -> tuple[Rule, ...]:
    """Read the list: ``sub:248289761001=admin, email:ann@example.com=operator, groups:staff=viewer``.

    Commas, colons and equals signs within names and values are %-encoded.

    Raises:
        ValueError: with the rest of a sentence that began with the name of the setting.
    """
    rules = tuple(_rule(part.strip()) for part in text.split(",") if part.strip())
    if not rules:
        raise ValueError("holds no rule between its commas")
    return rules


def role_for(rules: Iterable[Rule], claims: Mapping[str, Any]) -> str | None:
    """Return the role of the first rule that fits these claims; None when none does."""
    return next((rule.role for rule in rules if _fits(rule, claims)), None)


def _rule(text: str) -> Rule:
    whom, separator, role = text.rpartition("=")
    claim, colon, value = whom.partition(":")
    if separator and role.strip() and (whom == ANYBODY or (claim and colon and value)):
        if re.search(r"[*?]", value) or (ANYBODY in claim and whom != ANYBODY):
            raise ValueError(f"has {text[:64]!r}: values are compared whole, so * and ? in them are %2A and %3F")
        if whom != ANYBODY and unquote(claim) == ANYBODY:
            raise ValueError(f"has {text[:64]!r}: no claim is called *")
        return Rule(unquote(claim), unquote(value), role.strip())
    raise ValueError(
        f"has {text[:64]!r}; rules are written like sub:248289761001=admin, email:ann@example.com=operator, "
        "groups:staff=viewer or *=viewer"
    )


def _fits(rule: Rule, claims: Mapping[str, Any]) -> bool:
    if rule.claim == ANYBODY:
        return True
    if rule.claim == EMAIL and claims.get("email_verified") is not True:
        return False
    found = _claim(claims, rule.claim)
    values = found if isinstance(found, list) else [found]
    return any(isinstance(value, str) and value == rule.value for value in values)


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
