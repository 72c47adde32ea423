"""Let a finding of the checklist stay as it is, with a reason and until a day; or ask for it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from board.acceptance import MOST_ACCEPTED, VERDICTS, Acceptance, Acceptances
from board.actions.accounts import perform_account
from board.actions.perform import LONGEST_REASON, Actor, Desk
from board.auth.policy import Permission
from board.errors import BadRequestError
from board.redaction import redact_text
from board.words import sentence

__all__ = ["LONGEST_DAYS", "accept", "reopen"]

LONGEST_DAYS = 366
"""A year: what was fine once is looked at again."""


def accept(
    desk: Desk, actor: Actor, kept: Acceptances, check: str, *, verdict: Callable[[], str], until: str, reason: str
) -> str:
    """Accept what a check finds, to the end of a day (UTC), as bad as it is now and no worse.

    Args:
        desk: what to work with.
        actor: who asks.
        kept: where it is kept.
        check: name of the check.
        verdict: looks how it comes out now; asked only of who may.
        until: the day, as 2031-12-31.
        reason: why.

    Returns:
        Why the audit log has no entry of it; empty when it has.

    Raises:
        ForbiddenError: the role does not reach.
        ReadOnlyBoardError: this board only looks.
        BadRequestError: no reason, no such day, or nothing to accept.
    """
    words = " ".join(reason.split())

    def change() -> str:
        now_ms = desk.clock()
        if not 0 < len(words) <= LONGEST_REASON:
            raise BadRequestError(
                sentence("Say why, in 1 to %(most)s characters. Nothing was changed.", most=LONGEST_REASON)
            )
        day = _day(until)
        today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
        if not today <= day <= today + timedelta(days=LONGEST_DAYS):
            raise BadRequestError(
                sentence("The day is past, or more than %(most)s days off. Nothing was changed.", most=LONGEST_DAYS)
            )
        now = verdict()
        if now == VERDICTS[0]:
            raise BadRequestError(
                sentence("The check %(check)s passes: there is nothing to accept. Nothing was changed.", check=check)
            )
        ends = datetime.combine(day + timedelta(days=1), time(), UTC)
        one = Acceptance(check, now, int(ends.timestamp()) * 1000, actor.identity.name, words, now_ms)
        if not desk.connection.call(kept.put(one)):
            raise BadRequestError(
                sentence("%(most)s findings are accepted already. Nothing was changed.", most=MOST_ACCEPTED)
            )
        return f"{check} ({now}) until {day.isoformat()}"

    return perform_account(desk, replace(actor, reason=words), "accept finding", change, permission=Permission.ACCEPT)


def reopen(desk: Desk, actor: Actor, kept: Acceptances, check: str) -> str:
    """Take the acceptance back: the finding counts again."""

    def change() -> str:
        is_gone = desk.connection.call(kept.remove(check))
        return check if is_gone else f"{check}: it was not accepted"

    return perform_account(desk, actor, "reopen finding", change, permission=Permission.ACCEPT)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise BadRequestError(
            sentence(
                "%(text)s is no day; write it as 2031-12-31. Nothing was changed.", text=repr(redact_text(text)[:40])
            )
        ) from None
