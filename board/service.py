"""One board: what all requests of a process share, put together from the settings. Nothing here knows Flask."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from board.actions.perform import Desk
from board.actions.strangers import Strangers
from board.alerts.store import Alerts
from board.audit import Audit
from board.auth.preferences import PreferenceStore
from board.auth.roles import read_roles
from board.auth.secret import shared_secret
from board.auth.sessions import Sessions
from board.auth.throttle import Throttle
from board.auth.tokens import Tokens
from board.auth.users import Users
from board.bulk.runs import Runs
from board.config import Settings
from board.engine.calls import Call
from board.engine.connection.sync import Connection
from board.engine.errors import EngineError, OutOfMemoryError, PermissionDeniedError, ReadOnlyError, StoreError
from board.errors import SettingsError
from board.facts import ConnectionFacts, read_facts
from board.history.groups import Groups
from board.history.store import History
from board.history.windows import Windows
from board.limits import read_limits
from board.namespace import Namespace
from board.outbound.calls import Outbound
from board.outbound.mail import Mailer
from board.outbound.mail_server import read_mail_server
from board.outbound.rules import read_places
from board.redaction import hide_also
from board.schemas import Schemas, read_schemas
from board.sharing import Sharing
from board.sources import QueueKeys, Sources, open_connection
from board.watcher.courier import Courier

__all__ = ["Neighbour", "Service", "schemas_of", "wall_clock_ms"]

logger = logging.getLogger(__name__)

RECORDED_SECONDS = 5.0
"""How often to ask whether a recorder has begun, until one has."""

FACTS_SECONDS = 15.0
"""How old the facts about Redis in the sidebar may be."""

RUNS_SECONDS = 2.0
"""How old what every page shows of running bulk runs may be."""

SHARED_SECONDS = 1.0
"""How old an answer may be for those who do not wait for the next refresh of a page: scrapers, and who just acted."""


def wall_clock_ms() -> int:
    """Return milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A bulk run that is not over, for the strip on every page.

    Attributes:
        id: of the run.
        verb: what it does.
        done: jobs acted on.
        share: how much of it is done, 0 to 1.
        queues: what it is about.
    """

    id: str
    verb: str
    done: int
    share: float
    queues: tuple[QueueKeys, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One of the Redis servers of a board.

    Attributes:
        name: as addresses have it; empty for the first.
        label: what people call it.
        is_down: it did not answer the latest page of this process.
    """

    name: str
    label: str
    is_down: bool


AT_HOME = ("roles", "users", "sessions", "preferences", "tokens", "throttle", "audit")
"""What a board has once, in its first Redis, however many it shows."""


class Service:
    """Everything a request may need; safe to share between threads.

    Attributes:
        settings: as the process was started with.
        connection: to Redis; it connects when it is first used.
        namespace: the board's own keys.
        sources: the queues.
        roles: what people may do.
        limits: what a queue may come to before it counts as degraded.
        schemas: what the data of jobs must be.
        users: who may sign in.
        sessions: who has.
        tokens: of programs.
        throttle: who tries too often.
        audit: who did what.
        groups: failures by cause, as the recorder keeps them.
        alerts: rules, channels and what is broken.
        courier: sends the messages of alerts.
        desk: what actions work with.
        strangers: what is recorded of people who are not known.
        clock: ms since the epoch.
        secret: what signs cookies; empty until ``prepare`` has been through.
        readings: of pages, shared by people who watch the same.
        windows: what was added up of the longer windows of the overview.
        trouble_since_ms: when Redis began to fail; None while it answers.
        answered_at_ms: when Redis last answered a page; None before the first.
        facts: of the latest look at Redis; None before the first.
        under_way: bulk runs that are not over, as of the latest look.
        home: the service of the first Redis, which has what the board has once; itself, where there is no other.
        others: the services of further servers by name; only home has them.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], int] = wall_clock_ms,
        *,
        home: Service | None = None,
        schemas: Schemas | None = None,
    ) -> None:
        """Put a board together. Makes no connection yet, so a process can start before its Redis.

        With ``home`` it is that of a further server, which shares with it what a board has once. Without ``schemas``
        they are read from where the settings say.

        Raises:
            SettingsError: the file of schemas is not what it should be.
        """
        self.settings = settings
        self.clock = clock
        self.connection = open_connection(settings)
        self.namespace = Namespace(settings.namespace)
        self.sources = Sources(self.connection, settings)
        hide_also(settings.redact)
        self.roles = read_roles(settings.roles)
        self.limits = read_limits(settings.queue_limits)
        self.schemas: Schemas = schemas if schemas is not None else home.schemas if home else schemas_of(settings)
        self.alerts = Alerts(self.namespace)
        mail = read_mail_server(settings.smtp_url) if settings.smtp_url else None
        self.courier = Courier(Outbound(read_places(settings.outbound_allow)), Mailer(mail, settings.mail_from), clock)
        self.users = Users(self.connection, self.namespace, clock, self.roles)
        self.sessions = Sessions(
            self.connection,
            self.namespace,
            self.users,
            clock,
            idle_ms=settings.session_idle_minutes * 60_000,
            longest_ms=settings.session_hours * 3_600_000,
            is_key_secret=bool(settings.secret_key),
        )
        self.preferences = PreferenceStore(self.namespace)
        self.tokens = Tokens(self.connection, self.namespace, clock, self.roles)
        self.throttle = Throttle(self.connection, self.namespace, clock)
        self.audit = Audit(self.namespace, settings.audit_entries)
        self.groups = Groups(self.namespace)
        self.desk = Desk(
            self.connection,
            self.audit,
            settings.read_only,
            clock,
            is_shown=self.sources.is_shown,
            shows_all=not settings.queues,
            schemas=self.schemas,
        )
        self.strangers = Strangers(self.desk, self.namespace)
        self.secret = ""
        self.readings = Sharing(max(SHARED_SECONDS, settings.live_seconds))
        self.windows = Windows()
        self.trouble_since_ms: int | None = None
        self.answered_at_ms: int | None = None
        self.facts: ConnectionFacts | None = None
        self.under_way: tuple[UnderWay, ...] = ()
        self._facts_at = self._runs_at = float("-inf")
        self._is_recorded = False
        self._asked_at = float("-inf")
        self._preparing = threading.Lock()
        self._unprepared: tuple[float, StoreError] | None = None
        self.home = home or self
        if home is not None:
            for shared in AT_HOME:
                setattr(self, shared, getattr(home, shared))
            self.desk = replace(
                self.desk, audit=self.audit, audit_connection=home.connection, connection_name=settings.connection_name
            )
        self.others = {name: Service(own, clock, home=self) for name, own in settings.elsewhere().items()}

    @property
    def audit_connection(self) -> Connection:
        """The connection to the Redis that holds the audit log."""
        return self.home.connection

    @property
    def neighbours(self) -> tuple[Neighbour, ...]:
        """All Redis servers of the board, the first one first."""
        every = {"": self.home, **self.home.others}
        return tuple(
            Neighbour(name, one.settings.connection_label, one.trouble_since_ms is not None)
            for name, one in every.items()
        )

    def prepare(self, *, signs_in: bool) -> str | None:
        """Get ready for requests, once: learn the key that signs cookies, make the first administrator.

        Args:
            signs_in: whether this board has users of its own, so that somebody must be able to sign in.

        Returns:
            The generated password of the first administrator, to be shown once; None when there is nothing to show.

        Raises:
            StoreError: Redis is away; the next call tries again. Calls that waited for one that failed fail with it:
            a server that does not answer costs each of them one time-out, not one for every call before it.
        """
        asked_at = time.monotonic()
        with self._preparing:
            if self.secret:
                return None
            if self._unprepared is not None and self._unprepared[0] >= asked_at:
                raise self._unprepared[1]
            try:
                generated = self._ensure_admin() if signs_in else None
                self.secret = self.settings.secret_key or shared_secret(self.connection, self.namespace)
            except StoreError as trouble:
                self._unprepared = (time.monotonic(), trouble)
                raise
            return generated

    def ping(self) -> float:
        """Return how long Redis takes to answer, ms.

        Raises:
            StoreError: it does not.
        """
        started = time.perf_counter()
        self.connection.call(Call(("PING",), bool, writes=False))
        return (time.perf_counter() - started) * 1000

    def asked_redis(self) -> int:
        """Return how often the thread that asks has asked Redis so far, any of them."""
        return sum(one.connection.round_trips_here for one in (self, *self.others.values()))

    def redis_answered(self) -> None:
        """Note that Redis is well."""
        self.trouble_since_ms = None
        self.answered_at_ms = self.clock()

    def redis_failed(self, trouble: StoreError) -> None:
        """Note that Redis is not, and since when."""
        if self.trouble_since_ms is None:
            self.trouble_since_ms = self.clock()
            logger.warning("Redis trouble", extra={"trouble": str(trouble), "kind": type(trouble).__name__})

    def is_recorded(self) -> bool:
        """Whether a recorder ever wrote history here; asks Redis until it is so, every few seconds at most."""
        if not self._is_recorded and time.monotonic() - self._asked_at >= RECORDED_SECONDS:
            self._asked_at = time.monotonic()
            self._is_recorded = self.connection.call(History(self.namespace).state()).since_ms is not None
        return self._is_recorded

    def look_at_redis(self) -> None:
        """Renew the facts for the sidebar when they are old. Its trouble is no page's trouble."""
        if time.monotonic() - self._facts_at < FACTS_SECONDS:
            return
        self._facts_at = time.monotonic()
        try:
            self.facts = read_facts(self.connection, self.settings.connection_label)
        except StoreError:
            self.facts = None

    def look_at_runs(self) -> None:
        """Renew what is known of bulk runs: often while there are some. Its trouble is no page's trouble."""
        if time.monotonic() - self._runs_at < (RUNS_SECONDS if self.under_way else FACTS_SECONDS):
            return
        self._runs_at = time.monotonic()
        try:
            found = self.connection.call(Runs(self.namespace).open())
        except StoreError:
            return
        self.under_way = tuple(one for run_id, text in found.items() if (one := _under_way(run_id, text)))

    def look_again(self) -> None:
        """Let the next page look at bulk runs anew."""
        self._runs_at = float("-inf")

    def close(self) -> None:
        """Close the connections."""
        for other in self.others.values():
            other.close()
        self.connection.close()

    def _ensure_admin(self) -> str | None:
        try:
            return self.users.ensure_first_admin(self.settings.admin_password)
        except (ReadOnlyError, OutOfMemoryError, PermissionDeniedError) as trouble:
            logger.warning("the first administrator cannot be stored", extra={"trouble": str(trouble)})
            return None


def schemas_of(settings: Settings) -> Schemas:
    """Read the schemas that the settings name.

    Raises:
        SettingsError: the file is not what it should be.
    """
    try:
        return read_schemas(settings.schemas)
    except ValueError as wrong:
        raise SettingsError([f"BOARD_SCHEMAS {wrong}"]) from None


def _under_way(run_id: str, text: str) -> UnderWay | None:
    """Read what the runner wrote; None before its first step."""
    try:
        found = json.loads(text)
        queues = tuple(QueueKeys(prefix, name) for prefix, name in found["queues"])
        return UnderWay(run_id, str(found["verb"]), int(found["done"]), float(found["share"]), queues)
    except (ValueError, KeyError, TypeError, EngineError):
        return None
