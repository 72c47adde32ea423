"""Reading and changing groups of failures, as calls that the caller sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from board.engine.calls import Call
from board.engine.codec import pack
from board.history.store import MOST_GROUPS, split_member
from board.namespace import Namespace
from board.scripts import load

__all__ = ["SORTS", "STATUSES", "AlikeReading", "GroupReading", "Groups", "GroupsReading", "Status"]

Status = Literal["open", "muted", "resolved"]
STATUSES: tuple[Status, ...] = ("open", "muted", "resolved")
SORTS = ("last", "hour", "jobs", "first")

_FIELDS = (
    *("error", "message", "function", "file", "first", "last", "total", "status", "back", "quiet", "reopened"),
    *("retried", "succeeded", "muted_until", "changed_at", "changed_by", "sample", "sample_message"),
)


@dataclass(frozen=True, slots=True)
class GroupReading:
    """What is kept of a group.

    Attributes:
        name: the fingerprint.
        fields: as they are stored, by name; empty where there is nothing.
        members: failed jobs of it, in the queues asked for.
        queues: base of a queue to its failed jobs; of very many queues only some.
        names: name of jobs to how often they failed.
        bars: failures in each half-hour, oldest first, the one that has begun last.
        is_elsewhere: other queues than those asked for have failed jobs of it too.
    """

    name: str
    fields: Mapping[str, str]
    members: int
    queues: Mapping[str, int]
    names: Mapping[str, int]
    bars: tuple[int, ...]
    is_elsewhere: bool = False

    def number(self, field: str) -> int | None:
        """Return a field that is a number; None without one."""
        text = self.fields.get(field, "")
        return int(float(text)) if text.replace(".", "", 1).isdecimal() else None


@dataclass(frozen=True, slots=True)
class GroupsReading:
    """A page of groups.

    Attributes:
        since_ms: from when on the history is complete; None when nobody ever recorded.
        until_ms: when it was last written.
        counts: groups of each status.
        matching: groups that match what was asked for.
        groups: those of the page.
    """

    since_ms: int | None
    until_ms: int | None
    counts: Mapping[str, int]
    matching: int
    groups: tuple[GroupReading, ...]


@dataclass(frozen=True, slots=True)
class AlikeReading:
    """The group that a job is in.

    Attributes:
        group: the fingerprint.
        jobs: failed jobs of it.
        first_ms: first failure known; None where that was not to be told.
    """

    group: str
    jobs: int
    first_ms: int | None


class Groups:
    """Describes reading and changing groups."""

    def __init__(self, namespace: Namespace) -> None:
        """Read what the recorder keeps under the board's own prefix."""
        self.prefix = namespace.history

    def read(
        self,
        *,
        now_ms: int,
        status: str = "open",
        since_ms: int = 0,
        sort: str = "last",
        skip: int = 0,
        size: int = 50,
        text: str = "",
        bases: Sequence[str] | None = None,
        only: str = "",
        bars: int = 48,
    ) -> Call[GroupsReading]:
        """Describe reading a page of groups.

        Args:
            now_ms: the time.
            status: of the groups.
            since_ms: only groups whose newest failure is not older.
            sort: one of ``SORTS``: newest failure, most in the last hour, most jobs, newest group.
            skip: how many to leave out.
            size: most of the page.
            text: only groups with this in error, message, place or job names.
            bases: count only jobs of these queues, and show only groups that have some; None for all.
            only: one group, whatever its status.
            bars: half-hours.
        """
        wish = {
            "now_ms": now_ms,
            "status": status,
            "since_ms": since_ms,
            "sort": sort,
            "skip": skip,
            "size": size,
            "text": text.lower(),
            "bases": False if bases is None else list(bases),
            "most": MOST_GROUPS,  # all there are: some ten milliseconds of the server's time
            "only": only,
            "bars": bars,
        }
        return Call((self.prefix, pack(wish)), _page, script=load("read_groups"), keys=1, writes=False)

    def alike(self, base: str, job_id: str, *, own: bool) -> Call[AlikeReading | None]:
        """Describe reading the group of a failed job; None for one that is in none.

        Args:
            base: of its queue's keys.
            job_id: of the job.
            own: count the jobs of this queue alone, and tell of the first failure only where there are no others.
        """

        def decode(reply: Any) -> AlikeReading | None:
            if not reply:
                return None
            group, jobs, first = reply
            return AlikeReading(_text(group), int(jobs), int(float(first)) if first else None)

        member = f"{base}\0{job_id}"
        return Call((self.prefix, member, base, int(own)), decode, script=load("read_alike"), keys=1, writes=False)

    def members(self, name: str, *, skip: int = 0, size: int = 20) -> Call[list[tuple[str, str]]]:
        """Describe reading failed jobs of a group, newest first, as base and id."""
        return Call(
            ("ZREVRANGE", f"{self.prefix}members:{name}", skip, skip + size - 1),
            lambda reply: [split_member(_text(member)) for member in reply],
            writes=False,
        )

    def change(self, name: str, status: Status, *, now_ms: int, until_ms: int = 0, who: str) -> Call[str | None]:
        """Describe opening, muting (until) or resolving a group; returns the status before, None without a group."""
        return Call(
            (self.prefix, name, status, now_ms, until_ms, who),
            lambda reply: None if reply is None else _text(reply),
            script=load("change_group"),
            keys=1,
        )


def _page(reply: Any) -> GroupsReading:
    (since, until, _), counts, matching, groups = reply
    return GroupsReading(
        since_ms=_number(since),
        until_ms=_number(until),
        counts=dict(zip(STATUSES, map(int, counts), strict=True)),
        matching=int(matching),
        groups=tuple(map(_group, groups)),
    )


def _group(reply: Any) -> GroupReading:
    name, fields, members, queues, names, bars, everywhere = reply
    return GroupReading(
        name=_text(name),
        fields=dict(zip(_FIELDS, map(_text, fields), strict=True)),
        members=int(members),
        queues=_counts(queues),
        names=_counts(names),
        bars=tuple(map(int, bars)),
        is_elsewhere=int(everywhere) > len(queues) // 2,
    )


def _counts(flat: Sequence[Any]) -> dict[str, int]:
    turn = iter(flat)
    return {_text(name): int(number) for name, number in zip(turn, turn, strict=True)}


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
