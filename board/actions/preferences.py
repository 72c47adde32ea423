"""Change what a person set for themselves, and the filters that people share.

Nobody else sees another theme or a pin, and no queue is touched, so the audit log has no entry of those; a shared
filter is seen by all, so sharing one and taking it away are recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from board.actions.accounts import perform_account
from board.actions.perform import Actor, Desk
from board.auth.policy import Permission, demand
from board.auth.preferences import MOST_FILTERS, MOST_PINS, Preferences, PreferenceStore, SavedFilter
from board.engine.connection.sync import Connection
from board.errors import BadRequestError, UnknownQueueError
from board.words import sentence

__all__ = ["Drawer", "forget_filter", "pin", "save", "save_filter", "unpin"]


class Drawer:
    """Where one person's settings lie: the store, the connection to it, and whose they are."""

    __slots__ = ("connection", "name", "store")

    def __init__(self, store: PreferenceStore, connection: Connection, name: str) -> None:
        self.store = store
        self.connection = connection
        self.name = name


def save(drawer: Drawer, fields: Mapping[str, str]) -> None:
    """Store some fields that ``checked`` returned."""
    drawer.connection.call(drawer.store.save(drawer.name, fields))


def pin(drawer: Drawer, held: Preferences, shown: Collection[str], slug: str, now_ms: int) -> None:
    """Pin a queue.

    Pins of queues that are hidden from this person take no room; of those the latest ``MOST_PINS`` are kept.

    Args:
        drawer: whose.
        held: what they set.
        shown: slugs of their pins that they are shown.
        slug: of the queue.
        now_ms: time.

    Raises:
        BadRequestError: too many are pinned.
    """
    if slug in held.pins:
        return
    if len(shown) >= MOST_PINS:
        raise BadRequestError(
            sentence("%(most)s queues are pinned, which is all there is room for. Unpin one first.", most=MOST_PINS)
        )
    hidden = [one for one in held.pins if one not in shown]
    if forgotten := hidden[:-MOST_PINS]:
        drawer.connection.call(drawer.store.unpin(drawer.name, *forgotten))
    drawer.connection.call(drawer.store.pin(drawer.name, slug, now_ms))


def unpin(drawer: Drawer, held: Preferences, slug: str) -> None:
    """Take a pin away, also that of a queue that is gone.

    Raises:
        UnknownQueueError: there is no such pin.
    """
    if slug not in held.pins:
        raise UnknownQueueError(slug)
    drawer.connection.call(drawer.store.unpin(drawer.name, slug))


def save_filter(desk: Desk, actor: Actor, drawer: Drawer, held: Preferences, saved: SavedFilter) -> None:
    """Save a filter under its name, in place of one's own of that name.

    Raises:
        BadRequestError: too many, or the name is that of a filter which somebody else shares.
    """
    alike = [one for one in held.filters if bool(one.by) == bool(saved.by)]
    same = next((one for one in alike if one.name == saved.name), None)
    if same is None and len(alike) >= MOST_FILTERS:
        raise BadRequestError(
            sentence("%(most)s filters are saved, which is all there is room for. Remove one first.", most=MOST_FILTERS)
        )
    if not saved.by:
        drawer.connection.call(drawer.store.save_filter(drawer.name, saved))
        return

    def share() -> str:
        if same is not None and same.by != saved.by:
            raise BadRequestError(sentence("%(by)s shares a filter of this name. Choose another name.", by=same.by))
        drawer.connection.call(drawer.store.save_filter(drawer.name, saved))
        return f"{saved.name}: {saved.q} in {saved.state} of {saved.queue}"

    perform_account(desk, actor, "share filter", share, permission=None)


def forget_filter(desk: Desk, actor: Actor, drawer: Drawer, saved: SavedFilter) -> None:
    """Take a filter away: one's own, or a shared one whose author or administrator one is.

    Raises:
        ForbiddenError: somebody else shares it.
    """
    if not saved.by:
        drawer.connection.call(drawer.store.forget_filter(drawer.name, saved))
        return

    def forget() -> str:
        if saved.by != actor.identity.name:
            demand(actor.identity, Permission.USERS)
        drawer.connection.call(drawer.store.forget_filter(drawer.name, saved))
        return f"{saved.name}, shared by {saved.by}"

    perform_account(desk, actor, "remove shared filter", forget, permission=None)
