"""Accept what a check of a board finds, or let it count again: the one way of pages, programs and the console."""

from __future__ import annotations

from board.acceptance import Acceptances
from board.actions import health
from board.actions.perform import Actor
from board.doctor import verdict_of
from board.service import Service

__all__ = ["accept", "reopen"]


def accept(service: Service, actor: Actor, check: str, *, until: str, reason: str) -> str:
    """Accept what a check finds now, as ``board.actions.health`` does.

    Returns:
        Why the audit log has no entry of it; empty when it has.
    """
    kept = Acceptances(service.namespace)
    return health.accept(
        service.desk, actor, kept, check, verdict=lambda: verdict_of(service, check), until=until, reason=reason
    )


def reopen(service: Service, actor: Actor, check: str) -> str:
    """Let the finding of a check count again; return why the audit log has no entry of it, as ``accept``."""
    return health.reopen(service.desk, actor, Acceptances(service.namespace), check)
