"""What an action did, in the sentence a person reads afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from board.actions.perform import Outcome, Refusal

__all__ = ["audit_missing", "say"]

DONE = {"retry": "Retried", "promote": "Promoted", "remove": "Removed"}
NAMED = 3
"""Jobs named in a message that were left alone; it travels in a cookie, which holds 4 KB."""

LONGEST = 160
"""Characters of one job's part of a message."""


def say(outcomes: Sequence[Outcome], verb: str = "") -> Iterable[tuple[str, str]]:
    """Yield messages, each with its category: ok, warn or error; ``verb`` where the permission does not tell it."""
    verb = verb or DONE[outcomes[0].permission.value]
    done = [job_id for outcome in outcomes for job_id in outcome.change.done]
    refusals = [refusal for outcome in outcomes for refusal in outcome.change.refusals]
    if done:
        yield "ok", f"{verb} {_jobs(done)}." if len(done) == 1 else f"{verb} {len(done)} jobs."
    if refusals:
        yield "warn", _left_alone(refusals, anything_done=bool(done))
    problem = next((outcome.audit_problem for outcome in outcomes if outcome.audit_problem), "")
    if problem:
        yield "warn", audit_missing()


def audit_missing() -> str:
    """Say that something was done and not recorded."""
    return "This was done, but Redis refused the entry in the audit log."


def _jobs(ids: Sequence[str]) -> str:
    return f"job {_cut(ids[0])}"


def _left_alone(refusals: Sequence[Refusal], *, anything_done: bool) -> str:
    named = "; ".join(f"job {_cut(refusal.job_id)} {refusal.reason}" for refusal in refusals[:NAMED])
    more = len(refusals) - NAMED
    tail = f"; and {more} more" if more > 0 else ""
    head = f"{len(refusals)} left alone: " if anything_done or len(refusals) > 1 else ""
    text = f"{head}{named}{tail}."
    return text[0].upper() + text[1:]


def _cut(job_id: str) -> str:
    return job_id if len(job_id) <= LONGEST else f"{job_id[: LONGEST // 2]}…{job_id[-LONGEST // 2 :]}"
