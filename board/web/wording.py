"""What an action did, in the sentence a person reads afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from board.actions.perform import Outcome, Refusal
from board.queries.shared import Allowed
from board.words import Sentence, begin, clauses, gettext, mark, sentence, told

__all__ = ["audit_missing", "cut", "say", "why_not"]

DONE = {
    "retry": (mark("Retried job %(id)s."), mark("Retried %(n)s jobs.")),
    "promote": (mark("Promoted job %(id)s."), mark("Promoted %(n)s jobs.")),
    "remove": (mark("Removed job %(id)s."), mark("Removed %(n)s jobs.")),
}
"""What is said of one job and of several, by permission."""

NAMED = 3
"""Jobs named in a message that were left alone; it travels in a cookie, which holds 4 KB."""

LONGEST = 160
"""Characters of one job's part of a message."""


def say(outcomes: Sequence[Outcome], message: str = "", **values: Any) -> Iterable[tuple[str, str]]:
    """Yield messages, each with its category: ok, warn or error.

    ``message`` tells of the one job that was changed, ``%(id)s``, where the permission does not tell what was done;
    ``values`` fill what else it has.
    """
    done = [job_id for outcome in outcomes for job_id in outcome.change.done]
    refusals = [refusal for outcome in outcomes for refusal in outcome.change.refusals]
    if done:
        yield "ok", _done(message or outcomes[0].permission.value, done, values)
    if refusals:
        yield "warn", told(_left_alone(refusals, anything_done=bool(done)))
    problem = next((outcome.audit_problem for outcome in outcomes if outcome.audit_problem), "")
    if problem:
        yield "warn", audit_missing()


def audit_missing() -> str:
    """Say that something was done and not recorded."""
    return gettext("This was done, but Redis refused the entry in the audit log.")


def _done(message: str, done: Sequence[str], values: Mapping[str, Any]) -> str:
    if message not in DONE:
        return gettext(message, id=cut(done[0]), **values)
    one, many = DONE[message]
    return gettext(one, id=cut(done[0])) if len(done) == 1 else gettext(many, n=len(done))


def _left_alone(refusals: Sequence[Refusal], *, anything_done: bool) -> Sentence:
    parts = [
        sentence("job %(id)s %(reason)s", id=cut(refusal.job_id), reason=refusal.reason) for refusal in refusals[:NAMED]
    ]
    if (more := len(refusals) - NAMED) > 0:
        parts.append(sentence("and %(more)s more", more=more))
    named = sentence("%(clauses)s.", clauses=clauses(parts))
    if not anything_done and len(refusals) == 1:
        return begin(named)
    return sentence("%(n)s left alone: %(named)s", n=len(refusals), named=named)


def cut(job_id: str) -> str:
    """Return an id as a message has it: messages travel in a cookie, which takes four kilobytes."""
    return job_id if len(job_id) <= LONGEST else f"{job_id[: LONGEST // 2]}…{job_id[-LONGEST // 2 :]}"


def why_not(may: bool, allowed: Allowed | None, role: str, read_only: bool) -> str:  # noqa: FBT001 - called by templates
    """Say why a person cannot do something now; empty when they can.

    Args:
        may: their role allows it.
        allowed: whether the state of the job does; None where no job is meant.
        role: theirs.
        read_only: the board changes nothing.
    """
    if read_only:
        return gettext("This board is read-only")
    if not may:
        return gettext("Your role is %(role)s. Ask an operator", role=gettext(str(role)))
    if allowed is not None and not allowed.ok:
        return allowed.reason or gettext("not possible in this state")
    return ""
