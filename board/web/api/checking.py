"""The production checklist for programs: what it finds now, and what is accepted."""

from __future__ import annotations

from dataclasses import dataclass

from board.doctor import Finding, Verdict, accepting
from board.web.api.operations import Field, operation, read_body
from board.web.state import actor, board
from board.web.views.health import findings

__all__ = ["accept_finding", "checklist", "reopen_finding"]


@dataclass(frozen=True, slots=True)
class Checklist:
    """What each check finds, and how many fail, warn, are accepted and pass."""

    failing: int
    warning: int
    accepted: int
    passing: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class CheckSettled:
    """The check that was accepted or counts again."""

    check: str
    recorded: bool


@operation("GET", "/health", result=Checklist)
def checklist() -> Checklist:
    """Tell what the production checklist finds now."""
    found = findings()
    counts = {verdict: sum(one.verdict is verdict and not one.accepted for one in found) for verdict in Verdict}
    accepted = sum(one.accepted is not None for one in found)
    return Checklist(counts[Verdict.FAILURE], counts[Verdict.WARNING], accepted, counts[Verdict.OK], found)


@operation(
    "POST",
    "/health/<check>/accept",
    result=CheckSettled,
    body={
        "until": Field("text", "the last day, as 2031-12-31; at most a year off", needed=True),
        "reason": Field("text", "why, for others to read", needed=True),
    },
)
def accept_finding(check: str) -> CheckSettled:
    """Let what a check finds stay as it is until a day."""
    asked = read_body()
    problem = accepting.accept(board(), actor(), check, until=asked["until"], reason=asked["reason"])
    return CheckSettled(check, not problem)


@operation("POST", "/health/<check>/reopen", result=CheckSettled)
def reopen_finding(check: str) -> CheckSettled:
    """Let a finding count again."""
    return CheckSettled(check, not accepting.reopen(board(), actor(), check))
