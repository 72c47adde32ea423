"""Before a run: what it would touch, counted now. Then starting, stopping and going on, each allowed and recorded."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from board.actions.perform import Actor, Desk, record
from board.audit import Entry
from board.auth.policy import demand
from board.bulk.acting import VERBS, reasons_against
from board.bulk.runs import MOST_LISTED, Run, Runs, Source, Spec, new_run_id
from board.engine.calls import Batch, Call
from board.engine.errors import EngineError
from board.engine.keys import STATE_CONTAINERS, QueueKeys
from board.engine.types import JobState
from board.errors import BadRequestError, BoardError, ReadOnlyBoardError, TooManyError
from board.history.store import History, Mark
from board.namespace import Namespace
from board.queries.search import in_words, parse, search
from board.queries.shared import STATES, Known
from board.words import sentence

__all__ = [
    "LARGE",
    "MOST_SOURCES",
    "PACE",
    "Plan",
    "Planned",
    "go_on",
    "plan",
    "spec_for",
    "start",
    "stop",
    "typed_word",
]

logger = logging.getLogger(__name__)

MOST_SOURCES = 50
"""Queues and states of one run."""

LARGE = 1_000
"""Jobs from which a run asks for a word to be typed."""

PACE = 2_000
"""Jobs a second, unless said otherwise: a tenth of what a small Redis does."""

SAMPLES = 5
PLAN_SEARCHED = 10_000
LISTS = ("waiting", "active", "paused")


@dataclass(frozen=True, slots=True)
class Planned:
    """What a run would do to one state of a queue.

    Attributes:
        source: which.
        matching: jobs that match, of those searched.
        searched: jobs searched; all of them where there is no filter.
        is_exact: ``matching`` is the number that the run will find.
        refused: why nothing would be done here; empty when something would.
        samples: ids of some that match.
        left_alone: why nothing would be done to others that were searched, and to how many.
    """

    source: Source
    matching: int
    searched: int
    is_exact: bool
    refused: str = ""
    samples: tuple[str, ...] = ()
    left_alone: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that was not started.

    Attributes:
        spec: what would be done, with the bound frozen.
        parts: state by state.
        words: what the filter asks for.
        listed: the jobs, named one by one by prefix, queue, state and id; empty where the filter finds them.
        subject: what they have in common, in words; empty where the filter says it.
    """

    spec: Spec
    parts: tuple[Planned, ...]
    words: str
    listed: tuple[tuple[str, str, str, str], ...] = ()
    subject: str = ""

    @property
    def matching(self) -> int:
        """Jobs found that would be acted on."""
        return sum(part.matching for part in self.parts if not part.refused)

    @property
    def is_exact(self) -> bool:
        """Whether that is all of them."""
        return all(part.is_exact for part in self.parts if not part.refused)

    @property
    def can_go(self) -> bool:
        """Whether there is, or may be, anything to do."""
        return self.matching > 0 or not self.is_exact

    @property
    def typed(self) -> str:
        """The word to be typed before it starts; empty when none is."""
        return typed_word(self.spec, self.matching if self.is_exact else self.spec.total)


def typed_word(spec: Spec, count: int) -> str:
    """Return what is typed to start a large or destructive run: the queue, or the verb where there are several."""
    if not VERBS[spec.verb].destroys and count <= LARGE:
        return ""
    return spec.queues[0].name if len(spec.queues) == 1 else spec.verb


def plan(
    desk: Desk,
    actor: Actor,
    known: Known,
    verb: str,
    wanted: Sequence[tuple[QueueKeys, str]],
    *,
    text: str = "",
    grave: str = "",
    pace: int = PACE,
) -> Plan:
    """Count what a run would touch.

    Args:
        desk: what to work with.
        actor: who asks.
        known: which queues they see, and of which the data.
        verb: a name of ``VERBS``.
        wanted: queues and states.
        text: a filter; empty for all jobs.
        grave: name of the dead-letter queue, for ``bury``.
        pace: most jobs a second, 0 for as many as go.

    Raises:
        BadRequestError: no such verb or state, nothing or too much wanted, or a filter that makes no sense.
    """
    if verb not in VERBS:
        raise BadRequestError(
            sentence("There is no bulk action “%(verb)s”. There are %(verbs)s.", verb=verb[:40], verbs=", ".join(VERBS))
        )
    if not 0 < len(wanted) <= MOST_SOURCES:
        raise BadRequestError(
            sentence(
                "A bulk run is about 1 to %(most)s queues and states, not %(n)s.", most=MOST_SOURCES, n=len(wanted)
            )
        )
    if unknown := [state for _, state in wanted if state not in (*STATES, "paused")]:
        raise BadRequestError(sentence("There is no state “%(state)s”.", state=unknown[0][:40]))
    if verb == "bury" and (not grave or any(queue.name == grave for queue, _ in wanted)):
        raise BadRequestError(sentence("Name a dead-letter queue that is not the queue itself."))
    wish = parse(text)
    now_ms = desk.clock()
    sources = tuple(
        Source(queue.prefix, queue.name, state, shows_data=known.shows_data(queue))
        for queue, state in dict.fromkeys(wanted)
    )
    blind = [source for source in sources if not source.shows_data]
    if blind and any(term.field in ("data", "returned") for term in wish.terms):
        raise BadRequestError(
            sentence(
                "Your role may not see what the jobs of %(queue)s carry, so they cannot be chosen by it.",
                queue=blind[0].name,
            )
        )
    spec = spec_for(actor, verb, sources, text=wish.text, bound_ms=now_ms, grave=grave, pace=pace)
    each = max(500, PLAN_SEARCHED // len(sources))
    parts = []
    for source in sources:
        counted = _count(desk, source, now_ms)
        refused = reasons_against(verb, source.state)
        if refused:
            parts.append(Planned(counted, counted.total, 0, is_exact=True, refused=refused))
            continue
        found = search(
            desk.connection,
            known,
            source.queue,
            source.state,
            wish,
            order="newest",
            size=each if wish.terms else SAMPLES,
            now_ms=now_ms,
            most=each,
        )
        samples = tuple(job_id for job_id, _ in found.found[:SAMPLES])
        if wish.terms:
            is_exact = found.last is None
            parts.append(Planned(counted, len(found.found), found.searched, is_exact=is_exact, samples=samples))
        else:
            parts.append(Planned(counted, counted.total, counted.total, is_exact=True, samples=samples))
    kept = tuple(part.source for part in parts if not part.refused)
    return Plan(replace(spec, sources=kept), tuple(parts), in_words(wish))


def spec_for(
    actor: Actor,
    verb: str,
    sources: tuple[Source, ...],
    *,
    bound_ms: int,
    text: str = "",
    grave: str = "",
    pace: int = PACE,
    group: str = "",
) -> Spec:
    """Write down what a run is to do, and what the person who asks may do now."""
    grants = actor.identity.grants
    return Spec(
        verb=verb,
        sources=sources,
        filter=text,
        bound_ms=bound_ms,
        who=actor.identity.name,
        role=str(actor.identity.role),
        grants=None
        if grants is None
        else tuple((tuple(sorted(one.value for one in grant.permissions)), tuple(grant.queues)) for grant in grants),
        address=actor.address,
        request_id=actor.request_id,
        grave=grave,
        pace=max(0, pace),
        group=group,
    )


def start(
    desk: Desk,
    actor: Actor,
    namespace: Namespace,
    spec: Spec,
    *,
    listed: Sequence[tuple[str, str, str, str]] = (),
    detail: str = "",
) -> str:
    """Start a run and return its id. It is recorded; the runner does the work.

    Args:
        desk: what to work with.
        actor: who starts it.
        namespace: where runs are kept.
        spec: as planned; whoever starts it is who it is done for.
        listed: jobs named one by one, by prefix, queue, state and id, in place of the filter: a failure group, for
            one. The sources must name their queues all the same.
        detail: what else the audit log is to say.

    Raises:
        ForbiddenError: the role does not reach.
        ReadOnlyBoardError: this board only looks.
        TooManyError: more listed than a run may name.
        BadRequestError: there is nothing to do.
    """
    verb, now_ms = VERBS[spec.verb], desk.clock()
    entry = _entry(desk, actor, spec, f"start bulk {spec.verb}", "done")
    try:
        if not spec.sources:
            raise BadRequestError(sentence("There is nothing to do."))
        for queue in spec.queues:
            demand(actor.identity, verb.permission, queue.name)
        if spec.grave:
            demand(actor.identity, verb.permission, spec.grave)
        if desk.is_read_only:
            raise ReadOnlyBoardError
        if len(listed) > MOST_LISTED:
            raise TooManyError(len(listed), MOST_LISTED)
    except BoardError as refusal:
        record(desk, replace(entry, result="refused", detail=str(refusal)))
        raise
    run_id = new_run_id()
    stored = replace(spec, listed=len(listed))
    for step in Runs(namespace).create(run_id, stored, now_ms, listed):
        desk.connection.batch(step)
    said = "; ".join(filter(None, (f"run {run_id}", spec.filter, detail)))
    record(desk, replace(entry, count=stored.total, detail=said))
    _mark(desk, namespace, [Mark(now_ms, "bulk", queue.base, spec.verb) for queue in spec.queues])
    return run_id


def stop(desk: Desk, actor: Actor, namespace: Namespace, run: Run) -> bool:
    """Let a run end before its next step; False when it was over already.

    Raises:
        ForbiddenError: neither its own run nor a role that might have started it.
        ReadOnlyBoardError: this board only looks.
    """
    return _change(desk, actor, namespace, run, ("stop", "stopping", ("running",)))


def go_on(desk: Desk, actor: Actor, namespace: Namespace, run: Run) -> bool:
    """Let a run that was stopped go on where it stopped, for whom it was started; False when it was not stopped."""
    return _change(desk, actor, namespace, run, ("go on with", "running", ("stopped", "stopping")))


def _change(desk: Desk, actor: Actor, namespace: Namespace, run: Run, change: tuple[str, str, Sequence[str]]) -> bool:
    word, wanted, allowed = change
    entry = _entry(desk, actor, run.spec, f"{word} bulk {run.spec.verb}", "done")
    entry = replace(entry, detail=f"run {run.id}", done=run.done, count=run.spec.total)
    try:
        for queue in run.spec.queues:
            demand(actor.identity, VERBS[run.spec.verb].permission, queue.name)
        if desk.is_read_only:
            raise ReadOnlyBoardError
    except BoardError as refusal:
        record(desk, replace(entry, result="refused", detail=str(refusal)))
        raise
    changed = desk.connection.call(Runs(namespace).set_status(run.id, wanted, allowed, desk.clock()))
    if changed:
        record(desk, entry)
    return changed


def _mark(desk: Desk, namespace: Namespace, marks: Sequence[Mark]) -> None:
    """Let the charts tell what moved so many jobs. The run has begun: a mark that is missing does not break it."""
    try:
        desk.connection.batch(History(namespace).say(*marks))
    except EngineError as trouble:
        logger.warning("marks not stored", extra={"trouble": str(trouble)})


def _entry(desk: Desk, actor: Actor, spec: Spec, action: str, result: str) -> Entry:
    queues = spec.queues
    return Entry(
        at_ms=desk.clock(),
        who=actor.identity.name,
        role=str(actor.identity.role),
        address=actor.address,
        action=action,
        result=result,
        prefix=queues[0].prefix if len(queues) == 1 else "",
        queue=queues[0].name if len(queues) == 1 else "",
        request_id=actor.request_id,
    )


def _count(desk: Desk, source: Source, bound_ms: int) -> Source:
    """Count the jobs of a state; of those that ended, the ones that ended until now, and when the last of them did."""
    key = source.queue.key("paused") if source.state == "paused" else source.queue.key(_container(source.state))
    calls: list[Call[Any]]
    if source.state in LISTS:
        calls = [Call(("LLEN", key), int, writes=False)]
    elif source.state in ("completed", "failed"):
        newest = ("ZREVRANGEBYSCORE", key, bound_ms, "-inf", "WITHSCORES", "LIMIT", 0, 1)
        calls = [Call(("ZCOUNT", key, "-inf", bound_ms), int, writes=False), Call(newest, _score, writes=False)]
    else:
        calls = [Call(("ZCARD", key), int, writes=False)]
    replies = desk.connection.batch(Batch.of(calls, keep_errors=True))
    if any(isinstance(reply, EngineError) for reply in replies):
        return source
    total, *newest_ms = replies
    return replace(source, total=total, newest_ms=newest_ms[0] if newest_ms else None)


def _score(reply: Any) -> int:
    """Return the score of the one member of a reply, 0 where it has none; RESP3 answers in pairs."""
    if not reply:
        return 0
    last = reply[-1]
    return math.ceil(float(last[1] if isinstance(last, list | tuple) else last))


def _container(state: str) -> str:
    return STATE_CONTAINERS[JobState(state)]
