"""The queues as one person sees them."""

from __future__ import annotations

from board.auth.policy import Identity, Permission, can, everywhere, scope_of
from board.sources import ScopedSources, Sources

__all__ = ["seen_by"]


def seen_by(who: Identity | None, whole: Sources) -> ScopedSources:
    """Return of ``whole`` what ``who`` may view; nobody sees nothing."""
    return ScopedSources(
        whole,
        scope=scope_of(who),
        sees=lambda queue: can(who, Permission.VIEW, queue.name),
        sees_data=lambda queue: can(who, Permission.DATA, queue.name),
        sees_all=who is not None and everywhere(who, Permission.VIEW),
    )
