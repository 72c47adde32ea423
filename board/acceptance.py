"""Findings of the checklist that somebody lets stay as they are: with a reason, and never without an end."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from board.engine.calls import Call
from board.namespace import Namespace
from board.scripts import load

__all__ = ["MOST_ACCEPTED", "VERDICTS", "Acceptance", "Acceptances"]

MOST_ACCEPTED = 100
"""More than there are checks; a name is kept only when a check of that name was found wanting."""

VERDICTS = ("ok", "warning", "failure")
"""How a check can come out, best first."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Somebody's word that a finding may stay as it is for a time.

    Attributes:
        name: of the check.
        verdict: as bad as it was then; when it gets worse, it is told again.
        until_ms: when it ends.
        by: who said so.
        reason: why, for others to read.
        at_ms: when.
    """

    name: str
    verdict: str
    until_ms: int
    by: str
    reason: str
    at_ms: int

    def covers(self, verdict: str, now_ms: int) -> bool:
        """Whether a finding of this verdict is let stay now."""
        return now_ms < self.until_ms and 0 < VERDICTS.index(verdict) <= VERDICTS.index(self.verdict)


class Acceptances:
    """Describes reading and writing them: a hash of the board's own, name of the check to JSON."""

    def __init__(self, namespace: Namespace) -> None:
        """Keep them under the board's own prefix."""
        self._key = namespace.accepted

    def all(self) -> Call[dict[str, Acceptance]]:
        """Describe reading all by the name of the check, those that are over included."""
        return Call(
            ("HVALS", self._key),
            lambda reply: {one.name: one for each in reply or () if (one := _read(each))},
            writes=False,
        )

    def put(self, one: Acceptance) -> Call[bool]:
        """Describe keeping one, in place of an earlier one of the check; False when there are too many."""
        text = json.dumps(asdict(one))
        return Call((self._key, one.name, text, MOST_ACCEPTED), bool, script=load("put_bounded"), keys=1)

    def remove(self, name: str) -> Call[bool]:
        """Describe forgetting one; False when there is none."""
        return Call(("HDEL", self._key, name), bool)


def _read(stored: Any) -> Acceptance | None:
    try:
        one = Acceptance(**json.loads(stored))
    except (ValueError, TypeError):
        return None
    is_whole = all(type(value) is int for value in (one.until_ms, one.at_ms))
    is_text = all(type(value) is str for value in (one.name, one.by, one.reason))
    return one if is_whole and is_text and one.verdict in VERDICTS else None
