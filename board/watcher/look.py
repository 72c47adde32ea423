"""A look at everything that the rules are about, in one round trip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from board.alerts.measures import NEW_MS, from_depth, from_history, from_oldest, resolution_for, series
from board.alerts.rules import RATE_MS, Rule
from board.alerts.sentences import amount
from board.alerts.state import Measured, Subject
from board.engine.calls import Batch, Call
from board.engine.commands.pages import list_client_names, queue_of, read_queues
from board.engine.commands.readings import QueueReading
from board.engine.commands.scheduler_pages import SchedulersReading, read_schedulers
from board.engine.connection.sync import Connection
from board.engine.errors import EngineError, StoreError
from board.engine.keys import QueueKeys
from board.facts import info_fields
from board.history.figures import RESOLUTIONS, Figures, Resolution
from board.history.groups import Groups, GroupsReading
from board.history.store import History, State
from board.queries.shared import Counts, by_slot
from board.queries.text import one_line, shorten
from board.queries.workers import count_workers
from board.redaction import redact_text
from board.spans import duration
from board.words import Count, sentence, sentences

__all__ = ["Eye"]

QUEUES_PER_SCRIPT = 50
LATE_MS = 60_000
"""A history not written for this long says nothing of now."""

KEPT_MS = {RESOLUTIONS[1]: 3 * 3_600_000, RESOLUTIONS[2]: 50 * 3_600_000}
"""How long stretches that are over are kept here: a little longer than a rule looks back in them."""

MOST_LATE = 200
GROUPS = 100

_LIVE = frozenset({"depth", "oldest", "workers"})
_KEPT = frozenset({"failures", "stalls", "absent"})

Key = tuple[Resolution, int]


@dataclass(slots=True)
class _Asked:
    """What was asked, to find the replies again."""

    calls: list[Call[Any]] = field(default_factory=list)

    def add(self, call: Call[Any]) -> int:
        self.calls.append(call)
        return len(self.calls) - 1


class Eye:
    """Looks. Remembers stretches of the history that are over, so that each is read once."""

    def __init__(self, connection: Connection, history: History, groups: Groups) -> None:
        """Look through ``connection``."""
        self._connection = connection
        self._history = history
        self._groups = groups
        self._over: dict[Key, dict[str, Figures]] = {}

    def look(
        self, rules: Sequence[Rule], queues: Sequence[QueueKeys], label: str, now_ms: int
    ) -> dict[str, dict[Subject, Measured]]:
        """Return for each rule that could be looked at what it sees.

        Raises:
            StoreError: Redis is away.
        """
        matched = {rule.id: [queue for queue in queues if rule.matches(queue.name)] for rule in rules}
        of_kinds = {
            kinds: _union(matched[rule.id] for rule in rules if rule.kind in kinds)
            for kinds in (_LIVE, frozenset({"missed"}), frozenset({"new_group"}))
        }
        asked = _Asked()
        live = [(some, asked.add(read_queues(some))) for some in by_slot(of_kinds[_LIVE], QUEUES_PER_SCRIPT)]
        names_at = asked.add(list_client_names()) if any(rule.kind == "workers" for rule in rules) else None
        late_queues = of_kinds[frozenset({"missed"})]
        late = [
            asked.add(read_schedulers(some, limit=MOST_LATE, scan=1))
            for some in by_slot(late_queues, QUEUES_PER_SCRIPT)
        ]
        group_at = None
        if bases := [queue.base for queue in of_kinds[frozenset({"new_group"})]]:
            group_at = asked.add(
                self._groups.read(
                    now_ms=now_ms, sort="first", since_ms=now_ms - NEW_MS, size=GROUPS, bases=bases, bars=1
                )
            )
        memory_at = None
        if any(rule.kind == "memory" for rule in rules):
            memory_at = asked.add(Call(("INFO", "memory"), info_fields, writes=False))
        state_at = asked.add(self._history.state())
        wanted = self._wanted(rules, matched, now_ms)
        figures = [
            (key, names, asked.add(self._history.figures(key[0], key[1], names))) for key, names in wanted.items()
        ]
        replies: list[Any] = self._connection.batch(Batch.of(asked.calls, keep_errors=True))
        if all(isinstance(reply, StoreError) for reply in replies):
            raise replies[0]
        for key, names, at in figures:
            if not isinstance(replies[at], EngineError):
                self._over.setdefault(key, {}).update(zip(names, replies[at], strict=True))
        clients: tuple[str, ...] | EngineError = () if names_at is None else replies[names_at]
        seen = _Seen(
            now_ms=now_ms,
            queues={
                reading.queue: reading
                for _, at in live
                if not isinstance(replies[at], EngineError)
                for reading in replies[at]
            },
            workers=count_workers(clients, queues, is_cluster=self._connection.is_cluster),
            late=[replies[at] for at in late],
            groups=None if group_at is None else replies[group_at],
            memory=None if memory_at is None else replies[memory_at],
            state=None if isinstance(replies[state_at], EngineError) else replies[state_at],
            stretches=dict(self._over),
            label=label,
        )
        self._forget(now_ms, (seen.state.until_ms or 0) if seen.state else 0)
        found = {}
        for rule in rules:
            measured = seen.measure(rule, matched[rule.id])
            if measured is not None:
                found[rule.id] = measured
        return found

    def _wanted(
        self, rules: Iterable[Rule], matched: Mapping[str, Sequence[QueueKeys]], now_ms: int
    ) -> dict[Key, list[str]]:
        """Return which stretches to read: those not known, and those that may still grow."""
        wanted: dict[Key, dict[str, None]] = {}
        for rule in rules:
            if rule.kind not in _KEPT:
                continue
            resolution = resolution_for(rule)
            span_ms = rule.threshold if rule.kind == "absent" else RATE_MS
            names = [series(rule, queue) for queue in matched[rule.id]]
            for start in range(resolution.start(now_ms - span_ms), now_ms + 1, resolution.ms):
                known = self._over.get((resolution, start), {})
                if missing := [name for name in names if name not in known]:
                    wanted.setdefault((resolution, start), {}).update(dict.fromkeys(missing))
        return {key: list(names) for key, names in wanted.items()}

    def _forget(self, now_ms: int, recorded_ms: int) -> None:
        """Keep what is over and may be asked for again: the recorder writes no later than a minute later."""
        self._over = {
            (resolution, start): known
            for (resolution, start), known in self._over.items()
            if start + resolution.ms + LATE_MS <= min(now_ms, recorded_ms)
            and now_ms < start + resolution.ms + KEPT_MS[resolution]
        }


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the replies say."""

    now_ms: int
    queues: Mapping[QueueKeys, QueueReading]
    workers: Mapping[QueueKeys, int | None]
    late: Sequence[SchedulersReading | EngineError]
    groups: GroupsReading | EngineError | None
    memory: Mapping[str, str] | EngineError | None
    state: State | None
    stretches: Mapping[Key, Mapping[str, Figures]]
    label: str

    def measure(self, rule: Rule, queues: Sequence[QueueKeys]) -> dict[Subject, Measured] | None:
        """Return what a rule sees; None when it could not look."""
        if rule.kind == "memory":
            return self._memory()
        if rule.kind == "new_group":
            return self._new_groups(rule)
        if rule.kind == "missed":
            return self._missed(queues)
        if rule.kind in _LIVE:
            return {_subject(queue): self._live(rule, queue) for queue in queues}
        return {_subject(queue): from_history(rule, queue, self.now_ms, self._recorded(rule)) for queue in queues}

    def _live(self, rule: Rule, queue: QueueKeys) -> Measured:
        reading = self.queues.get(queue)
        if reading is None:
            return Measured(None)
        counts = Counts.read(reading.counts)
        if rule.kind == "depth":
            return from_depth(queue, counts.open)
        if rule.kind == "oldest":
            since = reading.waiting_since_ms
            return from_oldest(queue, 0 if since is None else max(0, self.now_ms - since))
        workers = self.workers.get(queue)
        if workers is None:
            return Measured(None)
        words = sentences(
            "%(queue)s has %(workers)s while %(n)s job waits",
            "%(queue)s has %(workers)s while %(n)s jobs wait",
            counts.behind,
            n=Count(counts.behind),
            queue=queue.name,
            workers=amount("workers", workers),
        )
        return Measured(
            workers, words, is_broken=rule.is_broken(workers) and counts.behind > 0 and not _paused(reading)
        )

    def _recorded(self, rule: Rule) -> Any:
        resolution, state = resolution_for(rule), self.state

        def tell(name: str, from_ms: int, to_ms: int) -> list[Figures] | None:
            if state is None or state.since_ms is None or state.since_ms > from_ms:
                return None
            if state.until_ms is None or to_ms - state.until_ms > LATE_MS:
                return None
            if any(gap.from_ms < to_ms and from_ms < gap.to_ms and name.startswith(gap.base) for gap in state.gaps):
                return None
            found = []
            for start in range(resolution.start(from_ms), to_ms + 1, resolution.ms):
                one = self.stretches.get((resolution, start), {}).get(name)
                if one is None:
                    return None
                found.append(one)
            return found

        return tell

    def _missed(self, queues: Sequence[QueueKeys]) -> dict[Subject, Measured] | None:
        if any(isinstance(reading, EngineError) for reading in self.late):
            return None
        found = {_subject(queue): Measured(0, is_broken=False) for queue in queues}
        for reading in self.late:
            for row in () if isinstance(reading, EngineError) else reading.rows:
                subject = _subject(row.queue)
                late_ms = 0 if row.next_ms is None else max(0, self.now_ms - row.next_ms)
                if subject in found and late_ms > (found[subject].value or 0):
                    words = sentence(
                        "%(queue)s: the schedule %(name)s is %(time)s late",
                        queue=row.queue.name,
                        name=shorten(one_line(row.id), 80),
                        time=duration(late_ms),
                    )
                    found[subject] = Measured(late_ms, words)
        return found

    def _new_groups(self, rule: Rule) -> dict[Subject, Measured] | None:
        if isinstance(self.groups, EngineError):
            return None
        found: dict[Subject, Measured] = {}
        for group in self.groups.groups if self.groups else ():
            first = group.number("first") or 0
            if first < max(self.now_ms - NEW_MS, rule.made_ms):
                continue
            for base, jobs in group.queues.items():
                queue = queue_of(base)
                if queue is None or not rule.matches(queue.name):
                    continue
                said = one_line(redact_text(f"{group.fields.get('error', '')}: {group.fields.get('message', '')}"))
                words = sentence(
                    "%(queue)s has a new cause of failures: %(cause)s", queue=queue.name, cause=shorten(said, 200)
                )
                found[Subject(queue.prefix, queue.name, group.name)] = Measured(jobs, words, is_broken=True)
        return found

    def _memory(self) -> dict[Subject, Measured] | None:
        if self.memory is None or isinstance(self.memory, EngineError):
            return None
        used, limit = (
            int(text) if (text := self.memory.get(name, "")).isdecimal() else 0 for name in ("used_memory", "maxmemory")
        )
        if not limit:
            return {Subject(): Measured(0, is_broken=False)}
        share = 100 * used / limit
        words = sentence("%(server)s uses %(share)s of its memory", server=self.label, share=amount("%", share))
        return {Subject(): Measured(share, words)}


def _paused(reading: QueueReading) -> bool:
    return reading.meta.paused


def _subject(queue: QueueKeys) -> Subject:
    return Subject(queue.prefix, queue.name)


def _union(groups: Iterable[Sequence[QueueKeys]]) -> list[QueueKeys]:
    return list(dict.fromkeys(queue for some in groups for queue in some))
