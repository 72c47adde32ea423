"""Trying a rule against the recorded week before it is kept: how often it would have fired, when, and for how long.

The figures go through the very machine that decides live. Of the last eight hours every minute is kept; before that
ten minutes, and from two days back an hour, are one figure: what was over within them is not seen, and what broke the
rule in them counts for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from board.alerts.measures import NEW_MS, from_history, series
from board.alerts.rules import Rule
from board.alerts.state import Incident, Subject, advance
from board.engine.calls import Call
from board.engine.keys import QueueKeys
from board.history.figures import RESOLUTIONS, Figures, Resolution
from board.history.groups import Groups, GroupsReading
from board.history.store import History, State
from board.spans import duration
from board.words import Count, sentence, sentences

__all__ = [
    "MOST_EPISODES",
    "MOST_TRIED",
    "WEEK_MS",
    "Episode",
    "Stretch",
    "Trial",
    "calls_for",
    "groups_call",
    "replay",
    "stretches",
    "trial_of",
    "trial_of_groups",
]

_, MINUTE, TEN_MINUTES, HOUR, _ = RESOLUTIONS
WEEK_MS = 7 * 86_400_000
MOST_TRIED = 50
"""Queues that are tried: some half second of this process, and one round trip."""

MOST_EPISODES = 50
"""Times that are told one by one; all are counted."""

SPANS: tuple[tuple[Resolution, int], ...] = ((HOUR, WEEK_MS), (TEN_MINUTES, 48 * 3_600_000), (MINUTE, 7 * 3_600_000))
"""What is read, by how far it goes back; a little less than is kept, so that nothing expires meanwhile."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One time that it would have fired; ``to_ms`` is None when it would fire now."""

    queue: str
    from_ms: int
    to_ms: int | None
    words: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial showed.

    Attributes:
        problem: why it could not be tried; empty when it could.
        times: how often it would have fired.
        total_ms: for how long in all, added over the queues.
        episodes: the latest of these, newest first.
        since_ms: from when on there are records.
        queues: how many queues were tried.
        left_out: how many besides match.
    """

    problem: str = ""
    times: int = 0
    total_ms: int = 0
    episodes: tuple[Episode, ...] = ()
    since_ms: int | None = None
    queues: int = 0
    left_out: int = 0

    @property
    def sentence(self) -> str:
        """All that in one sentence."""
        if self.problem:
            return self.problem
        if not self.times:
            return sentence("It would not have fired in the last 7 days.")
        return sentences(
            "It would have fired once in the last 7 days, for %(time)s in all.",
            "It would have fired %(n)s times in the last 7 days, for %(time)s in all.",
            self.times,
            n=Count(self.times),
            time=duration(self.total_ms),
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch of the record: what was known of each series in it."""

    resolution: Resolution
    start: int
    figures: Mapping[str, Figures]

    @property
    def end(self) -> int:
        """When the next one begins."""
        return self.start + self.resolution.ms


def stretches(now_ms: int) -> Iterator[tuple[Resolution, int]]:
    """Yield the stretches of the last week, oldest first, each moment in one of them; none that is still going on."""
    at = HOUR.start(now_ms - WEEK_MS)
    for resolution, _ in SPANS:
        finer = next((span for one, span in SPANS if one.ms < resolution.ms), 0)
        until = HOUR.start(now_ms - finer) if finer else resolution.start(now_ms)
        while at < until:
            yield resolution, at
            at += resolution.ms


def calls_for(history: History, rule: Rule, queues: Sequence[QueueKeys], now_ms: int) -> list[Call[list[Figures]]]:
    """Describe the reads of a trial; they go together with that of ``history.state()``."""
    wanted = [series(rule, queue) for queue in queues]
    return [history.figures(resolution, start, wanted) for resolution, start in stretches(now_ms)] if wanted else []


def trial_of(
    rule: Rule,
    queues: Sequence[QueueKeys],
    state: State,
    replies: Sequence[Sequence[Figures]],
    now_ms: int,
    *,
    left_out: int = 0,
) -> Trial:
    """Return what the replies to ``calls_for`` make of a rule."""
    if state.since_ms is None:
        return Trial(sentence("Nothing was recorded yet, so there is nothing to try it against."))
    names = [series(rule, queue) for queue in queues]
    read = [
        Stretch(resolution, start, dict(zip(names, reply, strict=True)))
        for (resolution, start), reply in zip(stretches(now_ms), replies, strict=True)
    ]
    found = replay(rule, queues, read, state)
    return _trial(found, now_ms, state.since_ms, len(queues), left_out)


def trial_of_groups(rule: Rule, reading: GroupsReading, now_ms: int) -> Trial:
    """Return what the causes of failures that were new in the last week make of a rule."""
    if reading.since_ms is None:
        return Trial(sentence("Nothing was recorded yet, so there is nothing to try it against."))
    found = []
    for group in reading.groups:
        first = group.number("first") or 0
        bases = [base for base in group.queues if rule.matches(base.removesuffix(":").rpartition(":")[2])]
        if first >= max(now_ms - WEEK_MS, reading.since_ms) and bases:
            queue = bases[0].removesuffix(":").rpartition(":")[2]
            end = first + NEW_MS
            found.append(Episode(queue, first, end if end < now_ms else None, group.fields.get("error", "")[:200]))
    return _trial(found, now_ms, reading.since_ms, 0, 0)


def groups_call(groups: Groups, now_ms: int, bases: Sequence[str]) -> Call[GroupsReading]:
    """Describe reading the causes that were new in the last week, the latest hundred."""
    return groups.read(now_ms=now_ms, sort="first", since_ms=now_ms - WEEK_MS, size=100, bases=bases, bars=1)


def replay(rule: Rule, queues: Sequence[QueueKeys], read: Sequence[Stretch], state: State) -> list[Episode]:
    """Let a rule go through the record with the machine that decides live; return when it would have fired."""
    open_since: dict[Subject, Episode] = {}
    over: list[Episode] = []
    incidents: dict[str, Incident] = {}
    tried = replace(rule, remind_ms=0)
    for at, stretch in enumerate(read):
        measured = {
            Subject(queue.prefix, queue.name): from_history(tried, queue, stretch.end, _Told(read, at, state))
            for queue in queues
        }
        moments = (stretch.end,) if stretch.resolution.ms <= MINUTE.ms else (stretch.start, stretch.end)
        for moment in moments:
            incidents, changes = advance([tried], incidents, {tried.id: measured}, (), moment)
            for change in changes:
                subject = change.incident.subject
                if change.what == "fired":
                    open_since[subject] = Episode(subject.queue, moment, None, change.incident.words)
                elif change.what == "resolved" and subject in open_since:
                    over.append(replace(open_since.pop(subject), to_ms=moment))
    return [*over, *open_since.values()]


class _Told:
    """Tells figures of the stretches up to one."""

    def __init__(self, read: Sequence[Stretch], at: int, state: State) -> None:
        self._read = read
        self._at = at
        self._state = state

    def __call__(self, series: str, from_ms: int, to_ms: int) -> Iterator[Figures] | None:
        since_ms = self._state.since_ms
        if since_ms is None or from_ms < since_ms:
            return None
        if any(gap.from_ms < to_ms and from_ms < gap.to_ms and series.startswith(gap.base) for gap in self._state.gaps):
            return None
        return self._back_to(from_ms, series)

    def _back_to(self, from_ms: int, series: str) -> Iterator[Figures]:
        """Yield what is known of the stretches, latest first: who asks whether anything ended needs but one."""
        for at in range(self._at, -1, -1):
            stretch = self._read[at]
            if stretch.end <= from_ms:
                return
            if (figures := stretch.figures.get(series)) is not None:
                yield figures


def _trial(found: Sequence[Episode], now_ms: int, since_ms: int, queues: int, left_out: int) -> Trial:
    latest = sorted(found, key=lambda one: -one.from_ms)
    total = sum((one.to_ms or now_ms) - one.from_ms for one in found)
    return Trial("", len(found), total, tuple(latest[:MOST_EPISODES]), since_ms, queues, left_out)
