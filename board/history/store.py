"""Writing and reading the history in Redis, as calls that the caller sends.

All keys lie in one slot and share a prefix (``Namespace.history``):

| key | holds |
|---|---|
| ``state`` | hash: fencing number of the one who writes; since when; how far each stream was read; gaps |
| ``b:<resolution>:<start>`` | hash: series to ``Figures`` of that stretch; expires with its resolution |
| ``now`` | hash: base of a queue to what the overview says of it |
| ``status:<status>`` | sorted set: groups of failures by their newest failure |
| ``g:<group>`` | hash: what is known of a group |
| ``members:<group>`` | sorted set: its failed jobs, base and id, by the time they failed |
| ``queues:<group>`` | hash: its failed jobs by queue |
| ``names:<group>``, ``bars:<group>`` | hashes: its failures by job name, and by half-hour |
| ``jobs`` | hash: base and id to the group of the job, with ``?`` while it is tried again |
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from board.engine.calls import Batch, Call
from board.engine.codec import pack
from board.history.figures import Figures, Resolution
from board.namespace import Namespace
from board.scripts import load

__all__ = [
    "MOST_GROUPS",
    "MOST_MEMBERS",
    "Failed",
    "Gap",
    "History",
    "Left",
    "Mark",
    "Recording",
    "State",
    "split_member",
]

MOST_MEMBERS = 100_000
"""Failed jobs that a group remembers, newest first: some 20 MB of Redis."""

MOST_GROUPS = 2_000
"""Groups that are kept; beyond, those that failed longest ago are forgotten, resolved ones first."""

KEEP_GROUPS_MS = 90 * 86_400_000
"""How long a group stays after its newest failure: as long as the figures."""

MOST_BARS = 1_440
"""Half-hours of a group: the 30 days that its page shows."""

MOST_FORGOTTEN = 2_000
"""Jobs of forgotten groups that one step takes away: two milliseconds of the server's time."""

MOST_GAPS = 100
MOST_MARKS = 2_000
_POSITION = "at:"


@dataclass(frozen=True, slots=True)
class Gap:
    """A time of which something is missing.

    Attributes:
        from_ms: begin.
        to_ms: end.
        base: the queue whose stream was cut before it was read; empty for all.
    """

    from_ms: int
    to_ms: int
    base: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """How far the history is.

    Attributes:
        since_ms: from when on it is complete; None before the first step.
        until_ms: the time of the last step that found everything read.
        positions: base of each queue to the id of the last event read.
        gaps: what was missed since.
        caught_up: base of each queue whose failed jobs from before the recorder have been put into groups.
    """

    since_ms: int | None = None
    until_ms: int | None = None
    positions: Mapping[str, str] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    caught_up: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """A job failed for good.

    Attributes:
        base: of its queue's keys.
        id: of the job.
        at_ms: when.
        group: fingerprint of the cause.
        error: class of the error.
        message: of the cause.
        told: the first line of the message of this one failure.
        function: where.
        file: where, with the line.
        job_name: name of the job.
    """

    base: str
    id: str
    at_ms: int
    group: str
    error: str
    message: str
    told: str
    function: str
    file: str
    job_name: str

    def packed(self) -> dict[str, Any]:
        """Return what the script reads."""
        return {
            "op": "failed",
            "base": self.base,
            "id": self.id,
            "at": self.at_ms,
            "group": self.group,
            "error": self.error,
            "message": self.message,
            "told": self.told,
            "func": self.function,
            "file": self.file,
            "name": self.job_name,
        }


@dataclass(frozen=True, slots=True)
class Left:
    """A job is no longer among the failed ones: ``how`` is ``retry``, ``gone`` or ``ok`` (it ended well)."""

    base: str
    id: str
    how: str

    def packed(self) -> dict[str, Any]:
        """Return what the script reads."""
        return {"op": self.how, "base": self.base, "id": self.id}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that explains a change in the figures.

    Attributes:
        at_ms: when.
        kind: ``paused``, ``resumed``, ``limits`` (were changed), ``joined`` or ``lost`` (workers), ``left`` (workers by
            name), ``bulk`` (a run began) or ``said`` (by a person or a pipeline, such as a deploy).
        base: of the queue's keys; empty for all queues.
        about: more of it: figures and names as JSON, or what was said.
    """

    at_ms: int
    kind: str
    base: str
    about: str = ""


@dataclass(slots=True)
class Recording:
    """What one step stores, all of it or nothing.

    Attributes:
        now_ms: the time.
        positions: how far streams were read.
        figures: by resolution and start of the stretch, then by series: the new value of the whole stretch.
        changes: of failed jobs, in the order of their events.
        now: base of a queue to its summary.
        since_ms: set once, by the first step.
        gaps: all gaps known, if that changed.
        caught_up: how far failed jobs from before the recorder have been looked at.
        marks: what explains a change.
        is_behind: streams hold more that was not read yet, so the history does not reach to now.
    """

    now_ms: int
    positions: dict[str, str] = field(default_factory=dict)
    figures: dict[tuple[Resolution, int], dict[str, Figures]] = field(default_factory=dict)
    changes: list[Failed | Left] = field(default_factory=list)
    now: dict[str, bytes] = field(default_factory=dict)
    since_ms: int | None = None
    gaps: Sequence[Gap] | None = None
    caught_up: dict[str, str] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    is_behind: bool = False


class History:
    """Describes reading and writing the history."""

    def __init__(self, namespace: Namespace) -> None:
        """Keep it under the board's own prefix."""
        self.prefix = namespace.history

    def claim(self, fence: int) -> Call[State | None]:
        """Describe becoming the writer; None when somebody with a larger fencing number has."""

        def decode(reply: Any) -> State | None:
            return None if not reply else _state(reply)

        return Call((self.prefix, fence), decode, script=load("claim_history"), keys=1)

    def state(self) -> Call[State]:
        """Describe reading how far the history is, without the positions."""
        names = ("since", "until", "gaps")
        return Call(
            ("HMGET", f"{self.prefix}state", *names),
            lambda reply: _state([part for pair in zip(names, reply, strict=True) for part in pair]),
            writes=False,
        )

    def record(self, fence: int, recording: Recording) -> Call[bool]:
        """Describe storing one step; False when somebody with a larger fencing number writes now."""
        figures = [
            {
                "key": f"{resolution.name}:{start}",
                "left_ms": max(resolution.ms, start + resolution.ms + resolution.kept_ms - recording.now_ms),
                "fields": [part for series, one in by_series.items() for part in (series, one.pack())],
            }
            for (resolution, start), by_series in recording.figures.items()
            if by_series
        ]
        state: dict[str, Any] = {} if recording.is_behind else {"until": recording.now_ms}
        if recording.since_ms is not None:
            state["since"] = recording.since_ms
        if recording.gaps is not None:
            newest = list(recording.gaps)[-MOST_GAPS:]
            state["gaps"] = json.dumps([[gap.from_ms, gap.to_ms, gap.base] for gap in newest])
        state |= {f"{_POSITION}{base}": at for base, at in recording.positions.items()}
        state |= {f"caught:{base}": at for base, at in recording.caught_up.items()}
        payload = {
            "now_ms": recording.now_ms,
            "most_members": MOST_MEMBERS,
            "most_bars": MOST_BARS,
            "most_groups": MOST_GROUPS,
            "keep_ms": KEEP_GROUPS_MS,
            "most_forgotten": MOST_FORGOTTEN,
            "ops": [change.packed() for change in recording.changes],
            "figures": figures,
            "marks": [{"at": mark.at_ms, "text": _marked(mark)} for mark in recording.marks[-MOST_MARKS:]],
            "most_marks": MOST_MARKS,
            "state": [part for pair in state.items() for part in pair],
            "now": [part for pair in recording.now.items() for part in pair],
        }
        packed = pack(payload)
        return Call((self.prefix, fence, packed), bool, script=load("record_history"), keys=1)

    def figures(self, resolution: Resolution, start: int, series: Sequence[str]) -> Call[list[Figures]]:
        """Describe reading some series of one stretch, in their order."""
        return Call(
            ("HMGET", self.stretch(resolution, start), *series),
            lambda reply: [Figures.unpack(one) for one in reply],
            writes=False,
        )

    def series(self, resolution: Resolution, start: int) -> Call[list[str]]:
        """Describe reading the names of all series of one stretch."""
        return Call(
            ("HKEYS", self.stretch(resolution, start)), lambda reply: [_text(one) for one in reply], writes=False
        )

    def stretch_of_all(self, resolution: Resolution, start: int) -> Call[dict[str, Figures]]:
        """Describe reading every series of one stretch."""
        return Call(
            ("HGETALL", self.stretch(resolution, start)),
            lambda reply: {series: Figures.unpack(one) for series, one in _mapping(reply).items()},
            writes=False,
        )

    def marks(self, from_ms: int, to_ms: int) -> Call[list[Mark]]:
        """Describe reading the latest marks of a time, newest first, 200 at most."""
        return Call(("ZREVRANGEBYSCORE", f"{self.prefix}marks", to_ms, from_ms, "LIMIT", 0, 200), _marks, writes=False)

    def say(self, *marks: Mark) -> Batch[Any]:
        """Describe adding marks beside the recorder, which only ever adds too."""
        key = f"{self.prefix}marks"
        return Batch.of(
            [
                Call(("ZADD", key, *(part for mark in marks for part in (mark.at_ms, _marked(mark)))), int),
                Call(("ZREMRANGEBYRANK", key, 0, -MOST_MARKS - 1), int),
            ]
        )

    def some_jobs(self, cursor: int, count: int) -> Call[tuple[int, dict[str, str]]]:
        """Describe reading some of the failed jobs kept in groups: the cursor to go on from, base and id to group."""

        def decode(reply: Any) -> tuple[int, dict[str, str]]:
            return int(reply[0]), {member: _text(group) for member, group in _mapping(reply[1]).items()}

        return Call(("HSCAN", f"{self.prefix}jobs", cursor, "COUNT", count), decode, writes=False)

    def now(self, bases: Sequence[str] | None = None) -> Call[dict[str, bytes]]:
        """Describe reading the summaries of some queues, or of all."""
        if bases is None:
            return Call(("HGETALL", f"{self.prefix}now"), _mapping, writes=False)
        return Call(
            ("HMGET", f"{self.prefix}now", *bases),
            lambda reply: {base: one for base, one in zip(bases, reply, strict=True) if one is not None},
            writes=False,
        )

    def stretch(self, resolution: Resolution, start: int) -> str:
        """Return the key of one stretch."""
        return f"{self.prefix}b:{resolution.name}:{start}"


def _state(flat: Iterable[Any]) -> State:
    turn = iter(flat)
    named = {_text(name): _text(value) for name, value in zip(turn, turn, strict=True) if value is not None}
    try:
        gaps = tuple(Gap(int(one[0]), int(one[1]), str(one[2])) for one in json.loads(named.get("gaps", "[]")))
    except (ValueError, TypeError, IndexError):
        gaps = ()
    return State(
        since_ms=_number(named.get("since")),
        until_ms=_number(named.get("until")),
        positions={n.removeprefix(_POSITION): value for n, value in named.items() if n.startswith(_POSITION)},
        gaps=gaps,
        caught_up={n.removeprefix("caught:"): value for n, value in named.items() if n.startswith("caught:")},
    )


def split_member(member: str) -> tuple[str, str]:
    """Split a failed job as groups name it, base and id with a zero between them, into the two."""
    base, _, job_id = member.partition(":\0")
    return f"{base}:", job_id


def _marked(mark: Mark) -> str:
    return json.dumps([mark.at_ms, mark.kind, mark.base, mark.about])


def _marks(reply: Any) -> list[Mark]:
    found = []
    for one in reply or ():
        try:
            at_ms, kind, base, about = json.loads(_text(one))
            found.append(Mark(int(at_ms), str(kind), str(base), str(about)))
        except (ValueError, TypeError):
            continue
    return found


def _mapping(reply: Any) -> dict[str, bytes]:
    if isinstance(reply, Mapping):
        return {_text(name): value for name, value in reply.items()}
    turn = iter(reply or ())
    return {_text(name): value for name, value in zip(turn, turn, strict=True)}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
