"""How a check came out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from board.acceptance import Acceptance

__all__ = ["Finding", "Verdict"]


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        name: of the check.
        verdict: how it came out.
        sentence: what was measured.
        remedy: what to do; empty when nothing is.
        rule: what was looked at, and so why it matters.
        accepted: who lets it stay as it is; None when nobody does, or no longer.
    """

    name: str
    verdict: Verdict
    sentence: str
    remedy: str = ""
    rule: str = ""
    accepted: Acceptance | None = None
