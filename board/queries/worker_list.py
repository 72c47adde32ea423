"""Every worker that is connected, by the name of its connection, with the jobs it holds; and jobs whose worker is gone.

A worker's connection is named after its queue, and after the worker where that has a name (see ``queries.workers``). A
job tells the name of the worker that took it. So a job is put to a worker exactly where both tell a name; of a queue
whose workers have none it is known only that one of them has it. Who left lately is what the recorder noted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from board.engine.commands.worker_pages import ActiveReading, ActivesReading, Client, list_clients, read_active
from board.engine.errors import EngineError
from board.engine.keys import QueueKeys
from board.history.store import History, Mark
from board.queries.shared import Known, QueueName, Reads, by_slot, queue_name, together
from board.queries.text import display

__all__ = ["Held", "Worker", "WorkersPage", "came_from", "read_workers"]

SHOWN = 200
"""Workers on one page; a text finds the others."""

JOBS_SHOWN = 5
"""Jobs of one worker that are named."""

JOBS_PER_SCRIPT = 1_000

QUEUES_PER_SCRIPT = 500

TEXT_LIMIT = 200

LEFT_MS = 15 * 60_000
"""How long a worker that left is still shown."""

GROUPS = ("", "queue", "host")


@dataclass(frozen=True, slots=True)
class Held:
    """A job in a worker's hands.

    Attributes:
        id: job id.
        name: of the job.
        since_ms: when it was taken.
        lock_ms: time left on its lock; None without one.
        started: how often it was started.
    """

    id: str
    name: str | None
    since_ms: int | None
    lock_ms: int | None
    started: int


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker, or what is left of one.

    Attributes:
        queue: that it works for.
        name: its own; empty when it has none, or when nobody knows which worker has the jobs.
        state: ``busy``, ``idle``, ``gone`` (it holds jobs and is not connected), ``left`` (it went away lately and
            holds nothing), ``unknown`` (jobs that name no worker).
        connections: how many connections have this name; several workers may share one.
        address: where the first of them comes from: host and port, or the path of a socket on Redis' own machine.
        library: of the first, with its version.
        since_ms: when the first connected.
        idle_s: how long the liveliest has sent nothing.
        jobs: those it holds, longest first; at most some.
        job_count: how many it holds, of the jobs that were read.
        unlocked: how many of those have no lock: the next check for stalled jobs takes them back.
        left_ms: when it was noticed that it is not connected any more; None while it is, and when nobody noticed.
    """

    queue: QueueName
    name: str
    state: str
    connections: int
    address: str
    library: str
    since_ms: int | None
    idle_s: int | None
    jobs: tuple[Held, ...]
    job_count: int
    unlocked: int
    left_ms: int | None = None

    @property
    def host(self) -> str:
        """Where it comes from, without the port; empty when it is not connected."""
        return self.address if self.address.startswith("/") else self.address.rpartition(":")[0]


@dataclass(frozen=True, slots=True)
class WorkersPage:
    """Workers of all queues, or of one.

    Attributes:
        workers: trouble first, then by queue and name.
        worker_count: connected workers, those not shown too.
        queue_count: queues looked at.
        active: active jobs of them.
        active_read: of those, how many were read.
        queue: the only one looked at; None for all.
        q: text searched for.
        by: what they are grouped by, ``queue`` or ``host``; empty for one list.
        is_cut: there are more than are shown.
        unlisted: why the connections could not be listed; empty when they were.
        is_one_node: only the connections of one node of a cluster are known.
        problem: what else could not be read.
        measured_at_ms: when.
    """

    workers: tuple[Worker, ...]
    worker_count: int
    queue_count: int
    active: int
    active_read: int
    queue: QueueName | None
    q: str
    by: str
    is_cut: bool
    unlisted: str
    is_one_node: bool
    problem: str
    measured_at_ms: int


def read_workers(
    connection: Reads,
    known: Known,
    queues: Sequence[QueueKeys],
    *,
    now_ms: int,
    history: History | None = None,
    q: str = "",
    by: str = "",
    one_queue: bool = False,
) -> WorkersPage:
    """Read the page in one round trip.

    Args:
        connection: to Redis.
        known: says how queues are spelled.
        queues: those looked at.
        now_ms: the time.
        history: tells who left lately; without it nobody did.
        q: a text in name, queue, address or library.
        by: group them by ``queue`` or ``host``.
        one_queue: the only queue was asked for by name.

    Raises:
        StoreError: not a single queue could be read.
    """
    text = q.strip()[:TEXT_LIMIT]
    calls = [read_active(chunk, limit=JOBS_PER_SCRIPT) for chunk in by_slot(queues, QUEUES_PER_SCRIPT)]
    past = [] if history is None else [history.marks(now_ms - LEFT_MS, now_ms)]
    clients, *replies = connection.batch(together([list_clients(), *calls, *past]))
    marks = replies.pop() if past else []
    readings: list[ActivesReading] = [one for one in replies if not isinstance(one, EngineError)]
    if replies and not readings:
        raise replies[0]
    is_listed = not isinstance(clients, EngineError)
    jobs = [job for reading in readings for job in reading.jobs]
    groups = _groups(clients if is_listed else (), jobs, queues)
    left = _left([] if isinstance(marks, EngineError) else marks, queues) if is_listed else {}
    workers = [
        replace(
            _worker(place, found, held, known, now_ms, is_listed=is_listed),
            left_ms=None if found else left.get(place),
        )
        for place, (found, held) in groups.items()
    ]
    workers += [
        replace(_worker(place, (), (), known, now_ms, is_listed=True), state="left", left_ms=at_ms)
        for place, at_ms in left.items()
        if place not in groups
    ]
    shown = sorted((one for one in workers if _matches(one, text)), key=_place)
    problems = [problem for one in readings for problem in one.problems]
    return WorkersPage(
        workers=tuple(shown[:SHOWN]),
        worker_count=sum(one.connections for one in workers),
        queue_count=len(queues),
        active=sum(sum(one.counts.values()) for one in readings),
        active_read=len(jobs),
        queue=queue_name(queues[0], known) if one_queue and queues else None,
        q=text,
        by=by if by in GROUPS else "",
        is_cut=len(shown) > SHOWN,
        unlisted="" if is_listed else display(str(clients)),
        is_one_node=connection.is_cluster,
        problem=display("; ".join(problems[:3])),
        measured_at_ms=now_ms,
    )


Place = tuple[QueueKeys, str | None]
"""A queue and the name of a worker; None stands for those without one."""


def _groups(
    clients: Sequence[Client], jobs: Sequence[ActiveReading], queues: Sequence[QueueKeys]
) -> dict[Place, tuple[list[Client], list[ActiveReading]]]:
    """Put connections and jobs together by queue and name."""
    groups: dict[Place, tuple[list[Client], list[ActiveReading]]] = {}
    signed = {queue.client_name: queue for queue in queues}
    ported = {queue.qualified: queue for queue in queues}
    for client in clients:
        base, separator, name = client.name.partition(":w:")
        queue = signed.get(base)
        if queue is None and (queue := ported.get(base)) is not None and client.command not in _BLOCKING:
            continue  # the Python port names both its connections; the one that waits stands for the worker
        if queue is not None:
            groups.setdefault((queue, name if separator else None), ([], []))[0].append(client)
    connected = frozenset(groups)
    for job in jobs:
        # A worker without a name has a random one in its jobs: they belong to the nameless ones of the queue, if any.
        place: Place = (job.queue, job.worker)
        if place not in connected and (job.queue, None) in connected:
            place = (job.queue, None)
        groups.setdefault(place, ([], []))[1].append(job)
    return groups


def _left(marks: Sequence[Mark], queues: Sequence[QueueKeys]) -> Mapping[Place, int]:
    """Return when workers were last seen to have left, by queue and name."""
    there = {queue.base: queue for queue in queues}
    found: dict[Place, int] = {}
    for mark in marks:
        queue = there.get(mark.base)
        if mark.kind != "left" or queue is None:
            continue
        try:
            names = [str(name) for name in json.loads(mark.about)]
        except (ValueError, TypeError):
            continue
        for name in names:
            found.setdefault((queue, name), mark.at_ms)
    return found


_BLOCKING = frozenset({"bzpopmin", "brpoplpush", "blmove"})


def _worker(
    place: Place,
    clients: Sequence[Client],
    jobs: Sequence[ActiveReading],
    known: Known,
    now_ms: int,
    *,
    is_listed: bool,
) -> Worker:
    queue, name = place
    first = max(clients, key=lambda one: one.age_s, default=None)
    ordered = sorted(jobs, key=lambda one: one.processed_at_ms if one.processed_at_ms is not None else 0)
    if clients:
        state = "busy" if jobs else "idle"
    elif name is None or not is_listed:
        state = "unknown"
    else:
        state = "gone"
    return Worker(
        queue=queue_name(queue, known),
        name=display(name or ""),
        state=state,
        connections=len(clients),
        address=display(came_from(first.address)) if first else "",
        library=display(" ".join(filter(None, (first.library, first.library_version)))) if first else "",
        since_ms=now_ms - first.age_s * 1000 if first else None,
        idle_s=min((one.idle_s for one in clients), default=None),
        jobs=tuple(_held(one) for one in ordered[:JOBS_SHOWN]),
        job_count=len(jobs),
        unlocked=sum(one.lock_ms < 0 and one.lock_ms != -1 for one in jobs),
    )


def came_from(told: str) -> str:
    """Return where a connection comes from; Redis tells ``/path:0`` of a socket, Valkey ``[/path:0]:0``."""
    if told.startswith(("/", "[/")):
        return told.removesuffix("]:0").removeprefix("[").removesuffix(":0")
    return told


def _held(job: ActiveReading) -> Held:
    return Held(
        id=job.id,
        name=None if job.name is None else display(job.name),
        since_ms=job.processed_at_ms,
        lock_ms=job.lock_ms if job.lock_ms >= 0 else None,
        started=job.attempts_started,
    )


def _matches(worker: Worker, text: str) -> bool:
    where = f"{worker.queue.prefix}:{worker.queue.name} {worker.name} {worker.address} {worker.library}"
    return text.lower() in where.lower()


def _place(worker: Worker) -> tuple[Any, ...]:
    trouble = 0 if worker.state == "gone" else 1 if worker.unlocked else 3 if worker.state == "left" else 2
    return trouble, worker.queue.prefix, worker.queue.name, worker.name
