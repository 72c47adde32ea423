"""Which Redis this board shows, and which of its queues.

Queues are found by walking the keyspace for their meta hashes with SCAN, in bounded steps and never with KEYS. A walk
may take longer than a page may: it stops when its time is up, and the next page goes on where it stopped. Until the
first walk has ended, the list says that it is not complete. A process walks at most every few seconds, and one thread
of it at a time; the others show what is known.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from board.addresses import escape, unescape
from board.config import Settings
from board.engine.calls import Call
from board.engine.commands.queues import discover
from board.engine.connection.sync import Connection
from board.engine.errors import InvalidQueueNameError
from board.engine.keys import QueueKeys
from board.errors import UnknownQueueError
from board.looking import LookingConnection

__all__ = ["MOST_QUEUES", "QueueKeys", "QueueList", "ScopedSources", "Sources", "open_connection", "slug_of"]

STEP = 1_000
"""Keys looked at in one SCAN: about half a millisecond of the server's time."""

WALK_SECONDS = 0.25
"""How long one page may spend on looking for queues."""

REST_SECONDS = 5.0
"""How long a finished walk is good for."""

MOST_QUEUES = 10_000
"""More are not listed: a keyspace with that many is most likely no set of queues."""

MOST_SCOPES = 64
"""Lists kept for people who see only some of the queues: one for each scope, not for each person."""

SEPARATOR = "~"
"""Between prefix and name in an address; ``escape`` writes it in neither."""


@dataclass(frozen=True, slots=True, eq=False)
class QueueList:
    """The queues found. The same object as before while nothing changed, so that it may be part of a key.

    Attributes:
        queues: by prefix (as configured) and name.
        is_complete: False while the first walk has not ended, or when there are more than are listed.
    """

    queues: tuple[QueueKeys, ...]
    is_complete: bool


def open_connection(settings: Settings) -> Connection:
    """Open the connection that pages use: short timeouts, and no retries that would keep a person waiting.

    That of a board for looking only refuses to send what may change a queue.
    """
    kind = LookingConnection if settings.read_only else Connection
    opened = kind.open(settings.redis_url, client_name="queue-board", timeout_s=settings.redis_timeout_seconds)
    if isinstance(opened, LookingConnection):
        opened.own_prefix = f"{settings.namespace}:"
    return opened


@lru_cache(maxsize=8_192)
def slug_of(queue: QueueKeys, default_prefix: str) -> str:
    """Spell a queue as one segment of an address: its name, after its prefix when that is not the default one."""
    name = escape(queue.name)
    return name if queue.prefix == default_prefix else f"{escape(queue.prefix)}{SEPARATOR}{name}"


class Sources:
    """The queues of one Redis, as far as the settings allow."""

    def __init__(self, connection: Connection, settings: Settings, timer: Callable[[], float] = time.monotonic) -> None:
        """Look through ``connection``; ``timer`` counts seconds."""
        self._connection = connection
        self._settings = settings
        self._timer = timer
        self._walking = threading.Lock()
        self._known: frozenset[QueueKeys] = frozenset()
        self._found: set[QueueKeys] = set()
        self._listed: tuple[frozenset[QueueKeys], QueueList] | None = None
        self._at = 0
        self._cursor = 0
        self._ended_at: float | None = None
        self._is_cut = False
        self._narrowing = threading.Lock()
        self._narrowed: dict[Hashable, tuple[QueueList, QueueList]] = {}

    @property
    def default_prefix(self) -> str:
        """The prefix that addresses leave out."""
        return self._settings.default_prefix

    def slug(self, queue: QueueKeys) -> str:
        """Spell a queue for an address."""
        return slug_of(queue, self.default_prefix)

    def list(self) -> QueueList:
        """Return the queues known, after walking on for a moment when that is due.

        Costs no round trip while the latest walk is fresh, else one for each 1,000 keys, a quarter of a second at most.
        """
        if self._is_due() and self._walking.acquire(blocking=False):
            try:
                self._walk()
            finally:
                self._walking.release()
        elif self._ended_at is None:
            with self._walking:  # the very first answer is worth the wait
                pass
        known, is_complete = self._known, self._ended_at is not None and not self._is_cut
        latest = self._listed
        if latest is None or latest[0] is not known or latest[1].is_complete != is_complete:
            latest = self._listed = known, QueueList(tuple(sorted(known, key=self._order)), is_complete)
        return latest[1]

    def limits(self) -> QueueList | None:
        """Return the queues that are all there is for this board; None when it shows whatever it finds."""
        return self.list() if self._settings.queues else None

    def list_all(self) -> QueueList:
        """Return every queue, however long it takes to find them: for commands, not for pages."""
        found = self.list()
        while self._ended_at is None:
            found = self.list()
        return found

    def find(self, slug: str) -> QueueKeys:
        """Return the queue that an address names.

        Raises:
            UnknownQueueError: there is none, or this board may not show it.
        """
        queue = self.parse(slug)
        if queue is None or not self.is_shown(queue):
            raise UnknownQueueError(queue.name if queue else slug)
        if queue not in self._known and not self._exists(queue):
            raise UnknownQueueError(queue.name)
        return queue

    def parse(self, slug: str) -> QueueKeys | None:
        """Read an address's spelling of a queue, whether or not it exists; None when it is no spelling."""
        before, separator, after = slug.rpartition(SEPARATOR)
        prefix = unescape(before) if separator else self.default_prefix
        name = unescape(after)
        if prefix is None or not name:
            return None
        try:
            return QueueKeys(prefix, name)
        except InvalidQueueNameError:
            return None

    def is_shown(self, queue: QueueKeys) -> bool:
        """Whether the settings let this board show the queue: its prefix, and its name if there is an allow-list."""
        globs = self._settings.queues
        if queue.prefix not in self._settings.prefixes:
            return False
        return not globs or any(fnmatchcase(queue.name, glob) for glob in globs)

    def shows_data(self, queue: QueueKeys) -> bool:
        """Whether what the jobs of a queue carry may be shown: here that of every queue that is."""
        return self.is_shown(queue)

    def narrowed(self, scope: Hashable, sees: Callable[[QueueKeys], bool]) -> QueueList:
        """Return the list without what is not seen; the same object while neither it nor ``scope`` changes."""
        whole = self.list()
        with self._narrowing:
            latest = self._narrowed.pop(scope, None)
            if latest is None or latest[0] is not whole:
                seen = tuple(queue for queue in whole.queues if sees(queue))
                latest = whole, whole if len(seen) == len(whole.queues) else QueueList(seen, whole.is_complete)
            self._narrowed[scope] = latest
            while len(self._narrowed) > MOST_SCOPES:
                del self._narrowed[next(iter(self._narrowed))]
        return latest[1]

    def forget(self) -> None:
        """Walk anew at the next question."""
        self._ended_at = None

    def _is_due(self) -> bool:
        return self._ended_at is None or self._timer() - self._ended_at >= REST_SECONDS

    def _walk(self) -> None:
        """Go on with the walk, prefix by prefix, until it ends or its time is up."""
        until = self._timer() + WALK_SECONDS
        prefixes = self._settings.prefixes
        while True:
            self._cursor, queues = self._connection.call(discover(prefixes[self._at], self._cursor, STEP))
            self._found.update(queue for queue in queues if self.is_shown(queue))
            if self._cursor == 0:
                self._at += 1
            self._is_cut = len(self._found) > MOST_QUEUES
            if self._at == len(prefixes) or self._is_cut:
                self._known = frozenset(sorted(self._found, key=self._order)[:MOST_QUEUES])
                self._found, self._at, self._cursor = set(), 0, 0
                self._ended_at = self._timer()
                return
            if self._timer() >= until:
                self._known |= self._found
                return

    def _exists(self, queue: QueueKeys) -> bool:
        """Ask Redis about a queue that no walk has seen yet."""
        found = self._connection.call(Call(("EXISTS", queue.key("meta")), bool, writes=False))
        if found:
            self._known |= {queue}
        return found

    def _order(self, queue: QueueKeys) -> tuple[int, str]:
        return self._settings.prefixes.index(queue.prefix), queue.name


class ScopedSources(Sources):
    """The queues as one person sees them: what no grant lets them view is not there, whatever is asked about it."""

    def __init__(
        self,
        whole: Sources,
        *,
        scope: Hashable,
        sees: Callable[[QueueKeys], bool],
        sees_data: Callable[[QueueKeys], bool],
        sees_all: bool,
    ) -> None:
        """Show of ``whole`` what these say; equal scopes say the same. ``sees_all`` holds for queues to come too."""
        self._whole = whole
        self._scope = scope
        self._sees = sees
        self._sees_data = sees_data
        self._sees_all = sees_all
        self._data_shown: dict[QueueKeys, bool] = {}
        """Answers given: a page asks for the queue of each job, and a person is looked up anew for each request."""

    @property
    def default_prefix(self) -> str:
        """The prefix that addresses leave out."""
        return self._whole.default_prefix

    def slug(self, queue: QueueKeys) -> str:
        """Spell a queue for an address."""
        return self._whole.slug(queue)

    def list(self) -> QueueList:
        """Return those of the queues known that this person sees."""
        return self._whole.narrowed(self._scope, self._sees)

    def limits(self) -> QueueList | None:
        """Return the queues that are all there is for this person or this board; None when nothing is hidden.

        Somebody who sees only some queues is limited to them also while there are no others: what is kept of a queue
        that is gone, or was not found yet, is not for them.
        """
        return self._whole.limits() if self._sees_all else self.list()

    def list_all(self) -> QueueList:
        """Return every queue that this person sees, however long it takes to find them."""
        self._whole.list_all()
        return self.list()

    def find(self, slug: str) -> QueueKeys:
        """Return the queue that an address names.

        Raises:
            UnknownQueueError: there is none, or this person does not see it: nobody can tell which.
        """
        queue = self.parse(slug)
        if queue is not None and not self._sees(queue):
            raise UnknownQueueError(queue.name)
        return self._whole.find(slug)

    def parse(self, slug: str) -> QueueKeys | None:
        """Read an address's spelling of a queue, whether or not it exists; None when it is no spelling."""
        return self._whole.parse(slug)

    def is_shown(self, queue: QueueKeys) -> bool:
        """Whether this person sees the queue, if there is one."""
        return self._sees(queue) and self._whole.is_shown(queue)

    def shows_data(self, queue: QueueKeys) -> bool:
        """Whether this person may see what the jobs of the queue carry."""
        found = self._data_shown.get(queue)
        if found is None:
            found = self._data_shown[queue] = self.is_shown(queue) and self._sees_data(queue)
        return found

    def forget(self) -> None:
        """Walk anew at the next question."""
        self._whole.forget()
