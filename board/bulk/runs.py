"""Bulk runs as they are stored, under the board's own prefix; describes the calls, the caller sends them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from board.auth.policy import Grant, Identity, Permission
from board.engine.calls import Arg, Batch, Call
from board.engine.codec import pack
from board.engine.keys import QueueKeys
from board.namespace import Namespace
from board.scripts import load

__all__ = ["MOST_RESULTS", "Result", "Run", "Runs", "Source", "Spec", "new_run_id"]

MOST_RESULTS = 10_000
"""Lines of a run's list of results; of more the oldest go. Some 600 KB."""

MOST_LISTED = 100_000
"""Jobs that a run may name one by one."""

NAMED = 2_000
"""Of these, written together: a millisecond of the server's time."""

HALF_WRITTEN_MS = 600_000
"""How long names stay whose run was never started."""

MOST_RUNS = 500
"""Runs that the list remembers."""

KEEP_MS = 14 * 86_400_000
"""How long a run that is over stays."""

OVER = ("done", "stopped", "failed")


@dataclass(frozen=True, slots=True)
class Source:
    """The jobs of one state of a queue.

    Attributes:
        prefix: of the queue's keys.
        name: of the queue.
        state: wire name, or ``paused``.
        total: jobs of that state when it was planned.
        shows_data: whether the filter may look at what the jobs carry.
        newest_ms: when the last of them ended, by the clock of whoever ended it, where they have ended: what ends
            after the plan is later than that, even where the clock of the board is ahead. None where nobody looked.
    """

    prefix: str
    name: str
    state: str
    total: int = 0
    shows_data: bool = True
    newest_ms: int | None = None

    @property
    def queue(self) -> QueueKeys:
        """The queue."""
        return QueueKeys(self.prefix, self.name)


@dataclass(frozen=True, slots=True)
class Spec:
    """What a run is to do, and for whom; it never changes.

    Attributes:
        verb: a name of ``acting.VERBS``.
        sources: where to look, one after another.
        filter: which of the jobs, as ``queries.search`` reads it; empty for all.
        bound_ms: jobs that came or ended later are left alone.
        who: user name.
        role: the user's role at that time.
        grants: what it allowed, as pairs of permissions and globs; None for those of a built-in role.
        address: where the request came from.
        request_id: ties the run to the process log.
        grave: name of the dead-letter queue to move jobs to.
        pace: most jobs a second; 0 for as many as go.
        listed: how many jobs are named one by one, in place of a filter.
        group: fingerprint of the failures that they are; empty when they are none.
    """

    verb: str
    sources: tuple[Source, ...]
    filter: str = ""
    bound_ms: int = 0
    who: str = ""
    role: str = ""
    grants: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] | None = None
    address: str = ""
    request_id: str = ""
    grave: str = ""
    pace: int = 0
    listed: int = 0
    group: str = ""

    @property
    def total(self) -> int:
        """Jobs to look at."""
        return self.listed or sum(source.total for source in self.sources)

    @property
    def queues(self) -> tuple[QueueKeys, ...]:
        """The queues acted on, each once."""
        return tuple(dict.fromkeys(source.queue for source in self.sources))

    @property
    def identity(self) -> Identity:
        """Who asked for it, with what was allowed then."""
        if self.grants is None:
            return Identity(self.who, self.role)
        known = {permission.value for permission in Permission}
        grants = tuple(
            Grant(frozenset(Permission(one) for one in names if one in known), globs) for names, globs in self.grants
        )
        return Identity(self.who, self.role, grants)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one job.

    Attributes:
        queue: name of its queue.
        job_id: its id.
        outcome: ``done``, ``left`` or ``unsure``.
        reason: why it was left alone, as the rest of a sentence about it.
    """

    queue: str
    job_id: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is stored.

    Attributes:
        id: in addresses.
        spec: what it is to do.
        status: ``running``, ``stopping``, ``stopped``, ``done`` or ``failed``.
        created_ms: when it was started.
        updated_ms: when it last moved on.
        ended_ms: when it was over; None before.
        looked: jobs looked at.
        done: jobs acted on.
        left: jobs that matched and were left alone, each with its reason in the results.
        unsure: jobs that were being acted on when a process was killed: done by it, or moved on; not repeated.
        place: where it goes on, as the runner writes it.
        claim: jobs it is acting on, as the runner writes them; empty between two steps.
        detail: why it failed.
    """

    id: str
    spec: Spec
    status: str
    created_ms: int
    updated_ms: int
    ended_ms: int | None = None
    looked: int = 0
    done: int = 0
    left: int = 0
    unsure: int = 0
    place: str = ""
    claim: str = ""
    detail: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in OVER

    @property
    def rate(self) -> float | None:
        """Jobs acted on a second; None before the first step."""
        seconds = (self.updated_ms - self.created_ms) / 1000
        return (self.done + self.left) / seconds if seconds > 0 and self.looked else None

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1, which is its end: more may be found than was counted at first."""
        if self.status == "done":
            return 1.0
        return min(0.9999, self.looked / self.spec.total) if self.spec.total else 0.0


@dataclass(frozen=True, slots=True)
class Settled:
    """What a step adds to a run."""

    place: str
    looked: int
    results: Sequence[Result] = field(default=())

    def count(self, outcome: str) -> int:
        """How many jobs came out like that."""
        return sum(1 for result in self.results if result.outcome == outcome)


def new_run_id() -> str:
    """Return an id that nobody guesses."""
    return secrets.token_hex(6)


class Runs:
    """Describe writing and reading runs."""

    def __init__(self, namespace: Namespace) -> None:
        """Keep them under this prefix."""
        self._namespace = namespace

    def create(
        self, run_id: str, spec: Spec, now_ms: int, listed: Sequence[tuple[str, str, str, str]] = ()
    ) -> Iterator[Batch[Any]]:
        """Describe storing a run that is to begin, step by step; ``listed`` names jobs by prefix, queue, state and id.

        The names go first, in steps that leave Redis to others. A process killed among them has started nothing, and
        what it wrote expires.
        """
        key, ids = self._namespace.bulk("run", run_id), self._namespace.bulk("ids", run_id)
        for first in range(0, min(len(listed), MOST_LISTED), NAMED):
            named = [json.dumps(one) for one in listed[first : min(first + NAMED, MOST_LISTED)]]
            yield Batch.of([Call(("RPUSH", ids, *named), int), Call(("PEXPIRE", ids, HALF_WRITTEN_MS), int)])
        fields: dict[str, Arg] = {
            "spec": json.dumps(asdict(spec)),
            "status": "running",
            "created": now_ms,
            "updated": now_ms,
        }
        flat: list[Arg] = [part for pair in fields.items() for part in pair]
        calls: list[Call[Any]] = [
            Call(("PERSIST", ids), int),
            Call(("HSET", key, *flat), int),
            Call(("ZADD", self._namespace.bulk("all"), now_ms, run_id), int),
            Call(("ZREMRANGEBYRANK", self._namespace.bulk("all"), 0, -MOST_RUNS - 1), int),
            Call(("HSET", self._namespace.bulk("open"), run_id, ""), int),
        ]
        yield Batch.of(calls, atomic=True)

    def read(self, run_id: str) -> Call[Run | None]:
        """Describe reading a run; None when there is none (any more)."""
        return Call(
            ("HGETALL", self._namespace.bulk("run", run_id)), lambda reply: _run(run_id, _pairs(reply)), writes=False
        )

    def latest(self, count: int = 30) -> Call[list[Run]]:
        """Describe reading the latest runs, newest first, in one round trip."""
        keys = (self._namespace.bulk("all"),)

        def decode(reply: Any) -> list[Run]:
            found = [_run(_text(run_id), _pairs(fields)) for run_id, fields in reply]
            return [run for run in found if run is not None]

        args = (f"{self._namespace.bulk('run')}:", count)
        return Call((*keys, *args), decode, script=load("read_runs"), keys=1, writes=False)

    def open(self) -> Call[dict[str, str]]:
        """Describe listing the runs that are not over, each with the summary of its latest step."""
        return Call(("HGETALL", self._namespace.bulk("open")), _pairs, writes=False)

    def forget_open(self, run_id: str) -> Call[int]:
        """Describe taking a run off the list of those that are not over."""
        return Call(("HDEL", self._namespace.bulk("open"), run_id), int)

    def results(self, run_id: str, start: int, count: int) -> Call[list[Result]]:
        """Describe reading some results, newest first."""
        key = self._namespace.bulk("results", run_id)
        return Call(("LRANGE", key, -start - count, -start - 1), lambda reply: _results(reply)[::-1], writes=False)

    def listed(self, run_id: str, start: int, count: int) -> Call[list[tuple[str, str, str, str]]]:
        """Describe reading some of the jobs that a run names."""

        def decode(reply: Any) -> list[tuple[str, str, str, str]]:
            prefix_name_state_id = [json.loads(one) for one in _texts(reply)]
            return [(str(a), str(b), str(c), str(d)) for a, b, c, d in prefix_name_state_id]

        return Call(("LRANGE", self._namespace.bulk("ids", run_id), start, start + count - 1), decode, writes=False)

    def claim(self, run_id: str, fence: int, claim: str) -> Call[int]:
        """Describe noting what is about to be done: 1 noted, 0 to stop, -1 a successor runs it."""
        return Call((self._namespace.bulk("run", run_id), fence, claim), int, script=load("claim_bulk"), keys=1)

    def settle(self, run_id: str, fence: int, settled: Settled, now_ms: int, summary: str) -> Call[str]:
        """Describe noting what was done; returns the status, ``-1`` when a successor runs it."""
        lines = [json.dumps([one.queue, one.job_id, one.outcome, one.reason]) for one in settled.results]
        keys = (
            self._namespace.bulk("run", run_id),
            self._namespace.bulk("results", run_id),
            self._namespace.bulk("open"),
        )
        counts = (settled.looked, settled.count("done"), settled.count("left"), settled.count("unsure"))
        args = (fence, run_id, settled.place, now_ms, *counts, MOST_RESULTS, summary, pack(lines))
        return Call((*keys, *args), _text, script=load("settle_bulk"), keys=3)

    def set_status(self, run_id: str, wanted: str, allowed: Sequence[str], now_ms: int, detail: str = "") -> Call[bool]:
        """Describe changing a run's status, if it is one of ``allowed``."""
        keys = tuple(self._namespace.bulk(kind, run_id) for kind in ("run", "results", "ids"))
        args = (run_id, wanted, ",".join(allowed), now_ms, detail, KEEP_MS)
        return Call((*keys, self._namespace.bulk("open"), *args), bool, script=load("set_bulk_status"), keys=4)


def _run(run_id: str, fields: dict[str, str]) -> Run | None:
    try:
        stored = json.loads(fields["spec"])
        sources = tuple(Source(**one) for one in stored.pop("sources"))
        grants = stored.pop("grants")
        held = None if grants is None else tuple((tuple(names), tuple(globs)) for names, globs in grants)
        spec = Spec(sources=sources, grants=held, **stored)
    except (KeyError, ValueError, TypeError):
        return None
    return Run(
        id=run_id,
        spec=spec,
        status=fields.get("status", "failed"),
        created_ms=int(fields.get("created", 0)),
        updated_ms=int(fields.get("updated", 0)),
        ended_ms=int(fields["ended"]) if "ended" in fields else None,
        looked=int(fields.get("looked", 0)),
        done=int(fields.get("done", 0)),
        left=int(fields.get("left", 0)),
        unsure=int(fields.get("unsure", 0)),
        place=fields.get("place", ""),
        claim=fields.get("claim", ""),
        detail=fields.get("detail", ""),
    )


def _results(reply: Any) -> list[Result]:
    return [Result(*(str(part) for part in json.loads(one))) for one in _texts(reply)]


def _pairs(reply: Any) -> dict[str, str]:
    pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)
    return {_text(name): _text(value) for name, value in pairs}


def _texts(reply: Any) -> list[str]:
    return [_text(one) for one in reply or ()]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
