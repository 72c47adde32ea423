"""Make and revoke tokens of programs."""

from __future__ import annotations

from board.actions.accounts import perform_account
from board.actions.perform import Actor, Desk
from board.auth.policy import Permission
from board.auth.tokens import Tokens

__all__ = ["make_token", "revoke_token"]


def make_token(
    desk: Desk,
    actor: Actor,
    tokens: Tokens,
    name: str,
    *,
    role: str,
    queues: tuple[str, ...],
    only_reads: bool,
    days: int,
) -> tuple[str, str]:
    """Make a token. Return it, for it is shown once, and why the audit log has no entry of it."""
    made: list[str] = []

    def change() -> str:
        made.append(
            tokens.make(name, role, queues=queues, only_reads=only_reads, days=days, made_by=actor.identity.name)
        )
        scope = ", ".join(queues) or "all queues"
        return f"{name}: {role}, {scope}{', only reads' if only_reads else ''}, {days or 'no end of'} days"

    problem = perform_account(desk, actor, "make token", change, permission=Permission.USERS, whom=name)
    return made[0], problem


def revoke_token(desk: Desk, actor: Actor, tokens: Tokens, name: str) -> str:
    """End a token."""

    def change() -> str:
        return name if tokens.revoke(name) else "it had ended already"

    return perform_account(desk, actor, "revoke token", change, permission=Permission.USERS, whom=name)
