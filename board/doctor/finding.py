"""How a check came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from board.acceptance import Acceptance
from board.words import Sentence, sentence

__all__ = ["TITLES", "Finding", "Verdict"]


TITLES: Final[Mapping[str, Sentence]] = {
    "installation": sentence("Installation"),
    "redis": sentence("Redis"),
    "jobs": sentence("Jobs"),
    "version": sentence("Version"),
    "eviction": sentence("Eviction"),
    "persistence": sentence("Persistence"),
    "memory": sentence("Memory"),
    "role": sentence("Role"),
    "replica": sentence("Replica"),
    "replica lag": sentence("Replica lag"),
    "connections": sentence("Connections"),
    "blocked clients": sentence("Blocked clients"),
    "slow commands": sentence("Slow commands"),
    "network": sentence("Network"),
    "exposure": sentence("Exposure"),
    "leftovers": sentence("Leftovers"),
    "queues": sentence("Queues"),
    "users": sentence("Users"),
    "audit": sentence("Audit"),
    "workers": sentence("Workers"),
    "stalled checks": sentence("Stalled checks"),
    "stalls": sentence("Stalls"),
    "retention": sentence("Retention"),
    "attempts": sentence("Attempts"),
    "backoff": sentence("Backoff"),
    "limiters": sentence("Limiters"),
    "payloads": sentence("Payloads"),
    "events": sentence("Events"),
    "failed jobs": sentence("Failed jobs"),
    "schedulers": sentence("Schedulers"),
    "clocks": sentence("Clocks"),
    "releases": sentence("Releases"),
}
"""What pages call each check."""


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
        commands: for a console of Redis, that do what the remedy says; to be copied, never run by the board.
    """

    name: str
    verdict: Verdict
    sentence: str
    remedy: str = ""
    rule: str = ""
    accepted: Acceptance | None = None
    commands: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What a page calls the check."""
        return TITLES.get(self.name, self.name.capitalize())
