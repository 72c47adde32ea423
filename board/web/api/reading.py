"""What programs may read: the queries of the pages, as the person or token that asks may see them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import url_for
from werkzeug.exceptions import NotFound

from board import __version__
from board.auth.policy import Permission, can, everywhere
from board.errors import BadRequestError
from board.history.store import History
from board.queries.arranging import OverviewPage, arrange
from board.queries.audit import RESULTS, AuditAsked, is_cursor, read_audit
from board.queries.failures import FailuresAsked, read_failures
from board.queries.flow import ChildrenPage, FlowPage, read_children, read_flow, read_flows
from board.queries.job import read_job
from board.queries.overview import QueueRow, read_overview
from board.queries.queue import LABELS, QueueAsked, read_queue
from board.queries.schedulers import SchedulersPage, read_schedulers_page
from board.queries.value import FIELDS, ValuePage, read_value
from board.queries.worker_list import WorkersPage, read_workers
from board.sources import QueueKeys
from board.web.api import shapes
from board.web.api.description import describe
from board.web.api.operations import Field, operation, query
from board.web.state import actor, board, insist, queue_or_404

__all__ = ["attention", "audit", "failures", "job", "jobs", "me", "openapi", "queue", "queues"]

PAGE = 100
"""Queues of one answer: two of the overview's scripts."""

AFTER = Field("text", "what `next` of the answer before was")
SIZE = Field("whole", "most jobs in the answer: 20, 50 or 100; others fall back to 20", low=1, high=100)
FILTER = Field("text", "a filter, such as on the page of the queue")


@operation("GET", "/openapi.json", result=None)
def openapi() -> dict[str, Any]:
    """Describe this interface, as OpenAPI 3.1."""
    root = url_for("api.openapi").removesuffix("/api/v1/openapi.json")
    return {**describe(__version__), "servers": [{"url": root or "/"}]}


@operation("GET", "/me", result=shapes.WhoAmI)
def me() -> shapes.WhoAmI:
    """Tell who asks, and what they may do."""
    who = actor().identity
    grants = who.grants or ()
    permissions = sorted({permission.value for grant in grants for permission in grant.permissions})
    queues = sorted({glob for grant in grants for glob in grant.queues})
    return shapes.WhoAmI(who.name, str(who.role), tuple(permissions), tuple(queues), board().settings.read_only)


@operation(
    "GET",
    "/queues",
    result=shapes.QueueList,
    query={"after": AFTER, "size": Field("whole", "most queues", low=1, high=PAGE)},
)
def queues() -> shapes.QueueList:
    """List the queues by name with their counts."""
    asked, own = query(), board()
    named = sorted((own.sources.slug(keys), keys) for keys in own.sources.list().queues)
    size = asked["size"] or PAGE
    left = [(slug, keys) for slug, keys in named if slug > asked["after"]]
    page = _overview([keys for _, keys in left[:size]])
    following = left[size - 1][0] if len(left) > size else None
    return shapes.QueueList(_rows(page), following, page.measured_at_ms)


@operation("GET", "/queues/<queue>", result=shapes.QueueDetail)
def queue(queue: str) -> shapes.QueueDetail:
    """Show one queue with its counts."""
    page = _overview([queue_or_404(queue)])
    return shapes.QueueDetail(_rows(page)[0], page.attention, page.measured_at_ms)


@operation("GET", "/attention", result=shapes.AttentionList)
def attention() -> shapes.AttentionList:
    """Tell what needs attention, worst first, over all queues."""
    page = _overview(board().sources.list().queues)
    return shapes.AttentionList(page.attention, page.measured_at_ms)


@operation(
    "GET",
    "/queues/<queue>/jobs",
    result=shapes.JobList,
    query={
        "state": Field("text", "state of the jobs", choices=tuple(LABELS), needed=True),
        "q": FILTER,
        "sort": Field("text", "order; empty is the one that fits the state", choices=("", "newest", "oldest")),
        "size": SIZE,
        "after": AFTER,
    },
)
def jobs(queue: str) -> shapes.JobList:
    """List the jobs of one state of a queue."""
    keys, asked, own = queue_or_404(queue), query(), board()
    if not asked["state"]:
        raise BadRequestError(f"state must be one of {', '.join(LABELS)}.")
    wish = QueueAsked(
        state=asked["state"], q=asked["q"], sort=asked["sort"], size=asked["size"] or 20, after=asked["after"]
    )
    page = read_queue(own.connection, own.sources, keys, wish, now_ms=own.clock())
    return shapes.JobList(
        page.jobs, page.next_after, page.total, page.searched, page.problem or None, page.measured_at_ms
    )


@operation(
    "GET",
    "/queues/<queue>/jobs/<job_id:job_id>",
    result=shapes.Job,
    query={"logs": Field("whole", "index of the first line of the log; the last lines without it")},
)
def job(queue: str, job_id: str) -> shapes.Job:
    """Show one job with its data, attempts and log."""
    keys, asked, own = queue_or_404(queue), query(), board()
    return shapes.job_of(
        read_job(own.connection, own.sources, keys, job_id, now_ms=own.clock(), logs_from=asked["logs"])
    )


@operation(
    "GET",
    "/failures",
    result=shapes.JobList,
    query={
        "q": Field("text", "text in id, name, message or data"),
        "error": Field("text", "name of an error"),
        "queue": Field("text", "only this queue, as addresses spell it"),
        "size": SIZE,
        "after": AFTER,
    },
)
def failures() -> shapes.JobList:
    """List failed jobs of all queues, newest first."""
    asked, own = query(), board()
    wish = FailuresAsked(
        q=asked["q"], queue=asked["queue"], error=asked["error"], size=asked["size"] or 20, after=asked["after"]
    )
    among = (queue_or_404(wish.queue),) if wish.queue else own.sources.list().queues
    page = read_failures(own.connection, own.sources, among, wish, now_ms=own.clock())
    return shapes.JobList(page.jobs, page.next_after, page.failed_total, page.searched, None, page.measured_at_ms)


@operation(
    "GET",
    "/flows",
    result=shapes.JobList,
    query={"q": Field("text", "text in name or id"), "size": SIZE, "after": AFTER},
)
def flows() -> shapes.JobList:
    """List the parents that wait for children, over all queues, latest first."""
    asked, own = query(), board()
    page = read_flows(
        own.connection,
        own.sources,
        own.sources.list().queues,
        now_ms=own.clock(),
        q=asked["q"],
        size=asked["size"] or 20,
        after=asked["after"],
    )
    return shapes.JobList(page.jobs, page.next_after, page.total, page.searched, None, page.measured_at_ms)


@operation("GET", "/queues/<queue>/jobs/<job_id:job_id>/flow", result=FlowPage)
def flow(queue: str, job_id: str) -> FlowPage:
    """Show the flow that a job belongs to, from its root down."""
    keys, own = queue_or_404(queue), board()
    return read_flow(own.connection, own.sources, keys, job_id, now_ms=own.clock())


@operation(
    "GET",
    "/queues/<queue>/jobs/<job_id:job_id>/children",
    result=ChildrenPage,
    query={"from": Field("whole", "how many to leave out", high=1_000_000_000)},
)
def children(queue: str, job_id: str) -> ChildrenPage:
    """List the children of a job, a hundred at a time, failed ones first."""
    keys, own, start = queue_or_404(queue), board(), query()["from"] or 0
    return read_children(own.connection, own.sources, keys, job_id, now_ms=own.clock(), start=start)


@operation(
    "GET",
    "/queues/<queue>/jobs/<job_id:job_id>/value",
    result=ValuePage,
    query={
        "field": Field("text", "what to open; empty is data", choices=("", *FIELDS)),
        "at": Field("text", "place of a part, such as 0.3; empty for the whole"),
        "from": Field("whole", "entries of it to leave out", high=1_000_000_000),
        "find": Field("text", "text in keys and values below it"),
    },
)
def value(queue: str, job_id: str) -> ValuePage:
    """Show a part of what a job carries or returned, however large it is, or where a text is in it."""
    keys, own, asked = queue_or_404(queue), board(), query()
    insist(Permission.DATA, keys, action="read data")
    return read_value(
        own.connection,
        own.sources,
        keys,
        job_id,
        asked["field"] or "data",
        at=asked["at"],
        start=asked["from"] or 0,
        find=asked["find"].strip()[:200],
    )


@operation(
    "GET",
    "/workers",
    result=WorkersPage,
    query={"q": Field("text", "text in a name"), "queue": Field("text", "only of this queue, as addresses spell it")},
)
def workers() -> WorkersPage:
    """List the workers with the jobs in their hands."""
    asked, own = query(), board()
    among = (queue_or_404(asked["queue"]),) if asked["queue"] else own.sources.list().queues
    return read_workers(
        own.connection,
        own.sources,
        among,
        now_ms=own.clock(),
        history=History(own.namespace),
        q=asked["q"],
        one_queue=bool(asked["queue"]),
    )


@operation(
    "GET",
    "/schedulers",
    result=SchedulersPage,
    query={"q": Field("text", "text in a name"), "queue": Field("text", "only of this queue, as addresses spell it")},
)
def schedulers() -> SchedulersPage:
    """List the job schedulers by their next run."""
    asked, own = query(), board()
    among = (queue_or_404(asked["queue"]),) if asked["queue"] else own.sources.list().queues
    return read_schedulers_page(
        own.connection,
        own.sources,
        own.namespace,
        among,
        now_ms=own.clock(),
        q=asked["q"],
        one_queue=bool(asked["queue"]),
    )


@operation(
    "GET",
    "/audit",
    result=shapes.AuditList,
    query={
        "who": Field("text", "user name or token:name"),
        "action": Field("text", "part of the verb"),
        "queue": Field("text", "name of a queue"),
        "result": Field("text", "what came of it", choices=("", *RESULTS)),
        "after": AFTER,
    },
)
def audit() -> shapes.AuditList:
    """List who did what, newest first."""
    own, asked = board(), query()
    insist(Permission.AUDIT, action="read audit log")
    if asked["after"] and not is_cursor(asked["after"]):
        raise BadRequestError("after is no place in the audit log.")
    page = read_audit(own.audit_connection, own.audit, own.sources, AuditAsked(**asked), _may_read)
    return shapes.AuditList(page.entries, page.next_after)


def _may_read(queue: str | None) -> bool:
    who = actor().identity
    return can(who, Permission.AUDIT, queue) if queue else everywhere(who, Permission.AUDIT)


def _overview(among: Any) -> OverviewPage:
    own = board()
    chosen: tuple[QueueKeys, ...] = tuple(among)
    reading = read_overview(
        own.connection,
        own.sources,
        chosen,
        now_ms=own.clock(),
        history=History(own.namespace),
        limits=replace(own.sources.list(), queues=chosen),
        pausers=own.audit.pausers(),
    )
    return arrange(reading)


def _rows(page: OverviewPage) -> tuple[QueueRow, ...]:
    rows = [row for group in page.groups for row in group.rows]
    if not rows and page.queue_count:
        raise NotFound
    return tuple(sorted(rows, key=lambda row: row.queue.slug))
