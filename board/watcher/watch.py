"""One step of the watcher: look, decide, store, and put what is to be told into its queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from board.alerts.messages import Message, messages_of
from board.alerts.rules import Rule
from board.alerts.sentences import title_of
from board.alerts.state import Incident, Transition, advance
from board.alerts.store import Alerts, Past, Standing, Step, past_of
from board.background import Turn
from board.engine.calls import Batch
from board.engine.connection.sync import Connection
from board.engine.sync.queue import Queue
from board.engine.types import Backoff, JobId, JobOptions, Keep
from board.history.groups import Groups
from board.history.store import History
from board.namespace import Namespace
from board.sources import Sources
from board.watcher.look import Eye

__all__ = ["EVERY_SECONDS", "Watcher", "post"]

EVERY_SECONDS = 10.0
"""Between two looks: as often as the recorder notes depth and age."""

ATTEMPTS = 10
BACKOFF_MS = 5_000
"""Before the second attempt; it doubles, so that the tenth comes after some 45 minutes."""


class Watcher:
    """Watches all queues shown. One process's; of two that both believe to be the one, one step wins."""

    def __init__(
        self,
        connection: Connection,
        namespace: Namespace,
        sources: Sources,
        clock: Callable[[], int],
        label: str,
        *,
        backoff_ms: int = BACKOFF_MS,
    ) -> None:
        """Watch what ``sources`` lists; ``label`` is what people call this Redis."""
        self._connection = connection
        self._alerts = Alerts(namespace)
        self._sources = sources
        self._clock = clock
        self._label = label
        self._backoff_ms = backoff_ms
        self._eye = Eye(connection, History(namespace), Groups(namespace))
        self._latest: tuple[int, dict[str, Incident]] = (0, {})

    def step(self, turn: Turn) -> None:
        """Look once.

        Raises:
            StoreError: Redis is away; nothing changes until it is back.
        """
        now_ms = self._clock()
        alerts = self._alerts
        rules, channels, silences, stored, standing, outbox = self._connection.batch(
            Batch.of(
                (
                    *(alerts.rules(), alerts.channels(), alerts.silences()),
                    *(alerts.incidents(), alerts.standing(), alerts.outbox()),
                )
            )
        )
        post(self._connection, alerts, outbox, self._backoff_ms)
        if not rules and not stored:
            return
        before, revision = self._known(stored, standing)
        queues = self._sources.list_all()  # one not found yet must not count as gone, and so as well
        measured = self._eye.look(rules, queues.queues, self._label, now_ms) if rules else {}
        after, changes = advance(rules, before, measured, silences, now_ms)
        turn.keep()
        messages = self._messages(rules, changes, [channel.id for channel in channels])
        step = Step(
            at_ms=now_ms,
            before=stored,
            incidents=after,
            history=_history(rules, changes),
            outbox=messages,
            ended=[silence.id for silence in silences if silence.until_ms <= now_ms],
        )
        if self._connection.call(alerts.record(standing.revision, revision + 1, step)):
            self._latest = revision + 1, after
            post(self._connection, alerts, messages, self._backoff_ms)

    def _known(self, stored: dict[str, Incident], standing: Standing) -> tuple[dict[str, Incident], int]:
        """Return the incidents to go on from, and the number of the latest step.

        A server that came back with an older copy of its data has forgotten steps that this process still knows.
        """
        revision, incidents = self._latest
        if revision > standing.revision:
            return incidents, revision
        return stored, standing.revision

    def _messages(self, rules: Sequence[Rule], changes: Sequence[Transition], channels: Sequence[str]) -> list[Message]:
        return [
            message
            for rule in rules
            for message in messages_of(
                rule, [one for one in changes if one.incident.rule == rule.id], self._label, channels
            )
        ]


def post(connection: Connection, alerts: Alerts, messages: Sequence[Message], backoff_ms: int = BACKOFF_MS) -> None:
    """Put messages into their queue and take them out of the outbox; one that is in the queue stays as it is."""
    if not messages:
        return
    queue = Queue(alerts.deliveries.name, connection=connection, prefix=alerts.deliveries.prefix)
    options = JobOptions(
        attempts=ATTEMPTS,
        backoff=Backoff.exponential(backoff_ms),
        remove_on_complete=Keep(count=1_000),
        remove_on_fail=Keep(count=200),
    )
    queue.add_bulk(("deliver", one.packed(), replace(options, job_id=JobId(one.id))) for one in messages)
    connection.call(alerts.posted(messages))


def _history(rules: Sequence[Rule], changes: Sequence[Transition]) -> list[Past]:
    known = {rule.id: rule for rule in rules}
    return [
        past_of(change, title_of(rule), rule.severity)
        for change in changes
        if change.is_recorded and (rule := known.get(change.incident.rule)) is not None
    ]
