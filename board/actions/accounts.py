"""Change people, their sign-ins and their tokens: what administrators do to others, and anybody to their own account.

Every change goes through ``perform_account``, as changes of queues go through ``perform``: permission, change, audit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from board.actions.perform import LONGEST_REASON, Actor, Desk, record
from board.audit import Entry
from board.auth.passwords import check_password
from board.auth.policy import Permission, demand
from board.auth.sessions import Sessions
from board.auth.users import LONGEST_NAME, User, Users
from board.engine.errors import EngineError
from board.errors import BoardError, ReadOnlyBoardError, UserError
from board.words import sentence

__all__ = [
    "add_user",
    "change_own_password",
    "end_own_sign_in",
    "end_own_sign_ins",
    "end_sign_ins",
    "perform_account",
    "remove_user",
    "set_disabled",
    "set_password",
    "set_role",
]


def perform_account(
    desk: Desk,
    actor: Actor,
    action: str,
    change: Callable[[], str],
    *,
    permission: Permission | None,
    whom: str = "",
) -> str:
    """Do one change of accounts, if it is allowed, and record it.

    Args:
        desk: what to work with.
        actor: who asks.
        action: the verb of the audit entry.
        change: does it, and says to whom, for the entry; never a secret.
        permission: what it takes; None for one's own account, which a board for looking only takes too.
        whom: whose account or which token it is about, for the entry of an attempt that is refused.

    Returns:
        Why the audit log has no entry of it; empty when it has.

    Raises:
        ForbiddenError: the role does not reach.
        ReadOnlyBoardError: this board only looks.
        BoardError: the change makes no sense.
        StoreError: Redis is away or refused.
    """
    started = time.monotonic()
    entry = Entry(
        at_ms=desk.clock(),
        who=actor.identity.name,
        role=str(actor.identity.role),
        address=actor.address,
        action=action,
        result="done",
        reason=actor.reason[:LONGEST_REASON],
        request_id=actor.request_id,
    )
    try:
        if permission is not None:
            demand(actor.identity, permission)
            if desk.is_read_only:
                raise ReadOnlyBoardError
        detail = change()
    except BoardError as refusal:
        told = f"{whom[:LONGEST_NAME]}: {refusal}" if whom else str(refusal)
        record(desk, replace(entry, result="refused", detail=told))
        raise
    except EngineError as trouble:
        record(desk, replace(entry, result="failed", detail=str(trouble)))
        raise
    took_ms = round((time.monotonic() - started) * 1000)
    return record(desk, replace(entry, detail=detail, duration_ms=took_ms))


def add_user(desk: Desk, actor: Actor, users: Users, name: str, *, password: str, role: str) -> str:
    """Let somebody sign in from now on."""

    def change() -> str:
        added = users.add(name, password, role)
        return f"{added.name}, {added.role}"

    return perform_account(desk, actor, "add user", change, permission=Permission.USERS, whom=name)


def set_role(desk: Desk, actor: Actor, users: Users, name: str, role: str) -> str:
    """Change how far somebody reaches."""

    def change() -> str:
        before = users.get(name)
        users.set_role(name, role)
        return f"{name}: {before.role if before else ''} → {role}"

    return perform_account(desk, actor, "change role", change, permission=Permission.USERS, whom=name)


def set_password(desk: Desk, actor: Actor, users: Users, name: str, password: str) -> str:
    """Give somebody a new password."""

    def change() -> str:
        users.set_password(name, password)
        return name

    return perform_account(desk, actor, "reset password", change, permission=Permission.USERS, whom=name)


def set_disabled(desk: Desk, actor: Actor, users: Users, name: str, *, disabled: bool) -> str:
    """Shut somebody out, or let them in again."""

    def change() -> str:
        users.set_disabled(name, disabled=disabled)
        return name

    action = "disable user" if disabled else "enable user"
    return perform_account(desk, actor, action, change, permission=Permission.USERS, whom=name)


def remove_user(desk: Desk, actor: Actor, users: Users, sessions: Sessions, name: str) -> str:
    """Remove somebody for good."""

    def change() -> str:
        users.remove(name)
        sessions.forget(name)
        return name

    return perform_account(desk, actor, "remove user", change, permission=Permission.USERS, whom=name)


def end_sign_ins(desk: Desk, actor: Actor, users: Users, name: str) -> str:
    """Sign somebody out everywhere."""

    def change() -> str:
        users.end_sign_ins(name)
        return name

    return perform_account(desk, actor, "sign out everywhere", change, permission=Permission.USERS, whom=name)


def end_own_sign_ins(desk: Desk, actor: Actor, users: Users) -> str:
    """End all one's own sign-ins."""

    def change() -> str:
        users.end_sign_ins(actor.identity.name)
        return actor.identity.name

    return perform_account(desk, actor, "sign out everywhere", change, permission=None)


def end_own_sign_in(desk: Desk, actor: Actor, sessions: Sessions, user: User, digest: str) -> str:
    """End one of one's own sign-ins; one that has ended already, or is somebody else's, is left alone."""

    def change() -> str:
        return user.name if sessions.end(user, digest) else "it had ended already"

    return perform_account(desk, actor, "end sign-in", change, permission=None)


def change_own_password(desk: Desk, actor: Actor, users: Users, old: str, new: str) -> str:
    """Change one's own password, which takes the one of now, and end all one's sign-ins."""

    def change() -> str:
        user = users.get(actor.identity.name)
        if not check_password(user.password_hash if user else None, old):
            raise UserError(sentence("The password of now is not right. Nothing was changed."))
        users.set_password(actor.identity.name, new)
        return actor.identity.name

    return perform_account(desk, actor, "change password", change, permission=None)
