"""Carries bulk runs out: a duty, of which one process of all has the lease.

One step of a run looks at some jobs, notes those it will act on, acts, and notes what became of them: four round trips
for a hundred jobs, between which Redis serves everybody else. Every note carries the fencing number of the lease, so a
process that was held up cannot go on beside its successor; and what it may still send acts only on jobs that are as it
saw them.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, replace
from typing import Any

from board.actions.perform import Actor, Desk, record
from board.audit import Entry
from board.background import LeaseLostError, Turn
from board.bulk.acting import LISTS, Seen, act, scores
from board.bulk.runs import Result, Run, Runs, Settled, Source
from board.engine.commands.pages import Cursor, Order
from board.engine.commands.searches import Candidates, read_candidates
from board.engine.errors import EngineError, PermissionDeniedError, StoreError
from board.errors import BoardError
from board.namespace import Namespace
from board.queries.search import Filter, fields_of, matches, parse, subject_of

__all__ = ["IDLE_SECONDS", "Runner"]

logger = logging.getLogger(__name__)

IDLE_SECONDS = 1.0
"""How soon a run begins after it was started."""

CHUNK = 100
"""Jobs acted on together: some 4 ms of the server's time, and half of them between two others' commands."""

LOOK = 500
"""Jobs looked at together where a filter leaves most of them out."""

TURN_SECONDS = 2.0
"""How long one call of ``step`` goes on before the lease and the end of the process are looked at by the caller."""


@dataclass(slots=True)
class _Place:
    """Where a run goes on.

    Attributes:
        source: index among its sources.
        score: of the last job looked at, or how many come before in a list.
        member: its id; empty in a list and at the beginning.
        looked: jobs of this source looked at.
    """

    source: int = 0
    score: str = ""
    member: str = ""
    looked: int = 0

    @classmethod
    def read(cls, text: str) -> _Place:
        return cls(*json.loads(text)) if text else cls()

    def write(self) -> str:
        return json.dumps([self.source, self.score, self.member, self.looked])

    @property
    def cursor(self) -> Cursor | None:
        return Cursor(self.score, self.member) if self.score else None

    def next_source(self) -> _Place:
        return _Place(self.source + 1)


@dataclass(frozen=True, slots=True)
class _Step:
    """Jobs that a run is to act on next: of one state of one queue, or none."""

    prefix: str
    name: str
    state: str
    seen: tuple[Seen, ...]
    place: _Place
    looked: int
    left: tuple[Result, ...] = ()

    def write(self) -> str:
        jobs = [[one.job_id, one.score, one.born] for one in self.seen]
        left = [[one.queue, one.job_id, one.outcome, one.reason] for one in self.left]
        return json.dumps([self.prefix, self.name, self.state, jobs, self.place.write(), self.looked, left])

    @classmethod
    def read(cls, text: str) -> _Step:
        prefix, name, state, jobs, place, looked, left = json.loads(text)
        seen = tuple(Seen(*one) for one in jobs)
        return cls(prefix, name, state, seen, _Place.read(place), looked, tuple(Result(*one) for one in left))


class Runner:
    """Advances all runs that are not over. One process's; not safe for several threads."""

    def __init__(self, desk: Desk, namespace: Namespace) -> None:
        """Carry out the runs kept in ``namespace``."""
        self._desk = desk
        self._runs = Runs(namespace)
        self._next_at: dict[str, float] = {}

    def step(self, turn: Turn) -> float:
        """Advance every run for a moment. Returns after how many seconds to come again.

        Raises:
            LeaseLostError: another process carries the runs out.
            StoreError: Redis is away; the next step goes on from what is stored.
        """
        until = time.monotonic() + TURN_SECONDS
        while not turn.is_ending:
            still_open: dict[str, str] = self._desk.connection.call(self._runs.open())
            ids = list(still_open)
            if not ids:
                self._next_at.clear()
                return IDLE_SECONDS
            now = time.monotonic()
            due = [run_id for run_id in ids if self._next_at.get(run_id, 0.0) <= now]
            for run_id in due:
                turn.keep()
                self._advance(run_id, turn)
            if time.monotonic() >= until:
                return 0.0
            if not due:
                soonest = min(self._next_at.get(run_id, 0.0) for run_id in ids) - now
                turn.ending.wait(max(0.0, min(soonest, 0.5)))
        return 0.0

    def _advance(self, run_id: str, turn: Turn) -> None:
        run = self._desk.connection.call(self._runs.read(run_id))
        if run is None or run.is_over:
            self._desk.connection.call(self._runs.forget_open(run_id))
            return
        try:
            self._do(run, turn)
        except PermissionDeniedError as trouble:
            self._end(run, "failed", str(trouble))
        except StoreError:
            raise
        except (EngineError, BoardError, ValueError, TypeError, KeyError) as trouble:
            logger.exception("bulk run failed", extra={"run": run_id})
            self._end(run, "failed", str(trouble) or type(trouble).__name__)

    def _do(self, run: Run, turn: Turn) -> None:
        started = time.monotonic()
        if run.claim:  # a process was killed between its note and the next
            self._settle(run, _Step.read(run.claim), turn, again=True)
            return
        if run.status == "stopping":
            self._end(run, "stopped")
            return
        step = self._look(run)
        if step is None:
            self._end(run, "done")
            return
        if step.seen:
            noted = self._desk.connection.call(self._runs.claim(run.id, turn.fence, step.write()))
            if noted < 0:
                raise LeaseLostError
            if noted == 0:
                return
            turn.keep()
        self._settle(run, step, turn, again=False)
        if run.spec.pace:
            self._next_at[run.id] = started + len(step.seen) / run.spec.pace

    def _look(self, run: Run) -> _Step | None:
        """Return what to act on next; None when nothing is left."""
        place = _Place.read(run.place)
        if run.spec.listed:
            return self._look_at_listed(run, place)
        if place.source >= len(run.spec.sources):
            return None
        source = run.spec.sources[place.source]
        wish = parse(run.spec.filter)
        order: Order = "newest" if source.state in LISTS else "oldest"
        fields = fields_of(wish, shows_data=source.shows_data) | {"timestamp"}
        found: Candidates = self._desk.connection.call(
            read_candidates(
                source.queue,
                source.state,
                order=order,
                count=LOOK if wish.terms else CHUNK,
                fields=fields,
                after=place.cursor,
            )
        )
        seen: list[Seen] = []
        looked = 0
        at = place
        is_past = not found.jobs
        bound_ms = run.spec.bound_ms if source.newest_ms is None else min(run.spec.bound_ms, source.newest_ms)
        for job in found.jobs:
            if source.state in ("completed", "failed") and _is_past(job.score, bound_ms):
                is_past = True
                break
            looked += 1
            if job.score is None:
                at = replace(place, score=str(found.start + looked), looked=place.looked + looked)
            else:
                at = replace(place, score=job.score, member=job.id, looked=place.looked + looked)
            if job.kind != "marker" and self._is_wanted(run, source, wish, job):
                seen.append(Seen(job.id, job.score, job.fields.get("timestamp", "")))
                if len(seen) == CHUNK:
                    break
        is_all = found.last is None and looked == len(found.jobs)
        is_endless = source.state in LISTS and at.looked > 2 * source.total + 10_000
        if is_past or is_all or is_endless:
            at = place.next_source()
        return _Step(source.prefix, source.name, source.state, tuple(seen), at, looked)

    def _is_wanted(self, run: Run, source: Source, wish: Filter, job: Any) -> bool:
        subject = subject_of(job, source.state)
        if subject.added_ms is not None and subject.added_ms > run.spec.bound_ms:
            return False
        return matches(wish, subject, run.spec.bound_ms)

    def _look_at_listed(self, run: Run, place: _Place) -> _Step | None:
        """Take the next of the jobs that were named, as many as follow one another in one state of one queue."""
        named = self._desk.connection.call(self._runs.listed(run.id, place.looked, CHUNK))
        if not named:
            return None
        prefix, name, state, _ = named[0]
        ids = []
        for other in named:
            if other[:3] != (prefix, name, state):
                break
            ids.append(other[3])
        source = Source(prefix, name, state)
        after = _Place(looked=place.looked + len(ids))
        found = scores(self._desk, source.queue, state, ids)
        wanted = {one: score for one, score in found.items() if score and not _is_past(score, run.spec.bound_ms)}
        seen = tuple(Seen(one, score) for one, score in wanted.items())
        reason = f"was not {state} any more, or ended later; nothing was done"
        left = tuple(Result(name, one, "left", reason) for one in found if one not in wanted)
        return _Step(prefix, name, state, seen, after, len(ids), left)

    def _settle(self, run: Run, step: _Step, turn: Turn, *, again: bool) -> None:
        """Act, and note what became of it."""
        spec = run.spec
        actor = Actor(spec.identity, spec.address, spec.request_id)
        source = Source(step.prefix, step.name, step.state)
        results = [*step.left]
        if step.seen:
            results += act(self._desk, actor, spec, source, step.seen, again=again)
        place = step.place
        if step.state in LISTS and place.score and not spec.listed:
            gone = sum(1 for result in results if result.outcome != "left")
            place = replace(place, score=str(max(0, int(place.score) - gone)))
        settled = Settled(place.write(), step.looked, results)
        after = replace(run, looked=run.looked + step.looked, done=run.done + settled.count("done"))
        call = self._runs.settle(run.id, turn.fence, settled, self._desk.clock(), _summary(after))
        if self._desk.connection.call(call) == "-1":
            raise LeaseLostError

    def _end(self, run: Run, status: str, detail: str = "") -> None:
        spec = run.spec
        changed = self._desk.connection.call(
            self._runs.set_status(run.id, status, ("running", "stopping"), self._desk.clock(), detail)
        )
        self._next_at.pop(run.id, None)
        if not changed:
            return
        counts = f"{run.done} {spec.verb}, {run.left} left alone, {run.unsure} not repeated after a restart"
        queues = spec.queues
        result = {"done": "done" if not run.left else "partly" if run.done else "nothing"}.get(status, status)
        record(
            self._desk,
            Entry(
                at_ms=self._desk.clock(),
                who=spec.who,
                role=spec.role,
                address=spec.address,
                action=f"bulk {spec.verb}",
                result=result,
                prefix=queues[0].prefix if len(queues) == 1 else "",
                queue=queues[0].name if len(queues) == 1 else "",
                count=run.looked,
                done=run.done,
                detail="; ".join(filter(None, (f"run {run.id}", counts, detail))),
                duration_ms=self._desk.clock() - run.created_ms,
                request_id=spec.request_id,
            ),
        )


def _summary(run: Run) -> str:
    """Return what the strip on every page shows of a run."""
    queues = [[queue.prefix, queue.name] for queue in run.spec.queues]
    return json.dumps({"verb": run.spec.verb, "done": run.done, "share": round(run.share, 4), "queues": queues})


def _is_past(score: str | None, bound_ms: int) -> bool:
    try:
        return score is not None and float(score) > bound_ms
    except ValueError:
        return False
