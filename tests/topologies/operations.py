"""Everything the engine can read and write, one entry an operation, on a queue that has something of everything.

Who runs all of `READS` and `WRITES` has run every script and every command that the engine sends of its own.
"""

from collections.abc import Callable, Generator
from typing import Any

from board.engine.calls import Batch, Call
from board.engine.commands import (
    dead_letters,
    events,
    fields,
    flows,
    jobs,
    kin,
    leases,
    limits,
    pages,
    queues,
    repairs,
    scheduler_pages,
    schedulers,
    searches,
    stops,
    trees,
    worker_pages,
)
from board.engine.connection.sync import Connection
from board.engine.flow_plan import prepare_flow
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import Backoff, Deduplication, FlowJob, JobOptions, JobState, Keep, ParentRef, RateLimit, Repeat

NOW = 1_767_225_600_000
LOCK_MS = 60_000

Steps = Call[Any] | Batch[Any] | Generator[Any, Any, Any]
Operation = Callable[[QueueKeys], Steps]


def drive(connection: Connection, steps: Steps) -> Any:
    """Run a call, a batch or a plan."""
    if isinstance(steps, Call):
        return connection.call(steps)
    return connection.batch(steps) if isinstance(steps, Batch) else connection.run(steps)


def dead_of(queue: QueueKeys) -> QueueKeys:
    """Return the queue of the dead letters."""
    return QueueKeys(queue.prefix, "dead")


def prepare(connection: Connection, queue: QueueKeys) -> None:
    """Fill a queue: jobs in every state, a flow, a scheduler, a dead letter, logs, metrics."""
    for options in (
        *(JobOptions(job_id=f"waiting-{number}") for number in range(4)),
        JobOptions(job_id="later", delay=60_000),
        JobOptions(job_id="later-2", delay=60_000),
        JobOptions(job_id="urgent", priority=3),
        JobOptions(job_id="deduplicated", deduplication=Deduplication("only-one"), delay=60_000),
    ):
        connection.call(jobs.add_job(queue, prepare_job("x", {"n": 1}, options, now_ms=NOW)))
    for end in ("done", "broken", "broken-2", "buried", "running"):
        connection.call(jobs.add_job(queue, prepare_job(end, 1, JobOptions(job_id=end, lifo=True), now_ms=NOW)))
        fetched = connection.call(leases.fetch_job(queue, token=end, lock_ms=LOCK_MS, now_ms=NOW))
        assert fetched.job is not None
        if end == "done":
            call = leases.complete_job(queue, end, token=end, return_text="1", now_ms=NOW, metrics_points=10)
            connection.call(call)
        elif end != "running":
            letters = leases.DeadLetter(dead_of(queue), queue.name, queue.prefix) if end == "buried" else None
            connection.call(leases.fail_job(queue, end, token=end, reason="broken", now_ms=NOW, dead_letter=letters))
    connection.call(jobs.add_log(queue, "running", "a line"))
    tree = FlowJob(
        "top",
        queue.name,
        options=JobOptions(job_id="top"),
        children=(FlowJob("leaf", queue.name, options=JobOptions(job_id="leaf")),),
    )
    connection.run(flows.add_flow(prepare_flow(tree, prefix=queue.prefix, now_ms=NOW), NOW))
    connection.run(schedulers.upsert_scheduler(queue, "hourly", Repeat(every=3_600_000), now_ms=NOW))
    connection.call(limits.set_global_concurrency(queue, 50))


def _fetched_and(queue: QueueKeys, *ends: Callable[[str], Steps]) -> Generator[Any, Any, None]:
    """Take a job and end it, for each way to end it."""
    for number, end in enumerate(ends):
        job_id = f"taken-{number}"
        yield from jobs.add_job(queue, prepare_job("x", 1, JobOptions(job_id=job_id, lifo=True), now_ms=NOW))
        fetched = yield from leases.fetch_job(
            queue, token="t", lock_ms=LOCK_MS, now_ms=NOW, limiter=RateLimit(max=100, duration=1000), worker="w"
        )
        assert fetched.job is not None
        assert fetched.job.id == job_id
        yield from end(job_id)


def _stopped(queue: QueueKeys) -> Generator[Any, Any, None]:
    """Take a job under a token that says its worker listens, and ask for it to be stopped."""
    yield from jobs.add_job(queue, prepare_job("x", 1, JobOptions(job_id="endless", lifo=True), now_ms=NOW))
    token = f"t{stops.ENDING}"
    yield from leases.fetch_job(queue, token=token, lock_ms=LOCK_MS, now_ms=NOW, worker="w")
    yield from stops.ask_to_stop(queue, "endless", "enough")
    yield from leases.fail_job(queue, "endless", token=token, reason="enough", now_ms=NOW)


def _ignored(queue: QueueKeys) -> Generator[Any, Any, None]:
    """Let a parent go on without a child that failed."""
    options = JobOptions(job_id="spoilt", lifo=True, parent=ParentRef("top", queue.qualified))
    yield from jobs.add_job(queue, prepare_job("x", 1, options, now_ms=NOW))
    yield from leases.fetch_job(queue, token="t", lock_ms=LOCK_MS, now_ms=NOW, worker="w")
    yield from leases.fail_job(queue, "spoilt", token="t", reason="spoilt", now_ms=NOW)
    yield from flows.ignore_failed_child(queue, "spoilt", queue.job("top"), NOW)


def _next_run(queue: QueueKeys) -> Generator[Any, Any, None]:
    """Take a scheduler's step from one run to the next."""
    job_id = yield from schedulers.upsert_scheduler(queue, "minutely", Repeat(every=60_000), now_ms=NOW)
    job = yield from jobs.get_job(queue, job_id or "")
    assert job is not None
    yield from schedulers.next_iteration(queue, job, NOW + 1)


def _remove_known_scheduler(queue: QueueKeys) -> Generator[Any, Any, None]:
    record = yield from schedulers.read_record(queue, "daily")
    yield from schedulers.remove_scheduler(queue, "daily", expected=record)


READS: dict[str, Operation] = {
    "counts": queues.get_counts,
    "meta": queues.get_meta,
    "ids": lambda q: queues.get_ids(q, JobState.WAITING),
    "page of jobs": lambda q: queues.read_page(q, "wait", 0, 9, ascending=True),
    "counts of priorities": lambda q: queues.count_per_priority(q, [0, 3]),
    "metrics": lambda q: queues.get_metrics(q, JobState.COMPLETED),
    "queues": lambda q: queues.discover(q.prefix),
    "job": lambda q: jobs.get_job(q, "running"),
    "state": lambda q: jobs.get_state(q, "running"),
    "whether it ended": lambda q: jobs.is_finished(q, "done"),
    "logs": lambda q: jobs.get_logs(q, "running"),
    "time left of a lock": lambda q: jobs.get_lock_ttl(q, "running"),
    "job of a deduplication": lambda q: jobs.get_deduplication_job(q, "only-one"),
    "results of children": lambda q: flows.get_children_values(q, "top"),
    "ignored failures": lambda q: flows.get_ignored_failures(q, "top"),
    "counts of children": lambda q: flows.get_child_counts(q, "top"),
    "pages of children": lambda q: Batch.of(
        flows.scan_children(q, "top", kind) for kind in ("processed", "unprocessed", "ignored", "failed")
    ),
    "tree": lambda q: flows.get_flow(q, "top"),
    "keys of children": lambda q: flows.child_keys(q, "top", 10),
    "events": lambda q: events.read_events(q, "0", block_ms=1),
    "last event": events.last_event_id,
    "schedulers": schedulers.list_schedulers,
    "scheduler": lambda q: schedulers.get_scheduler(q, "hourly"),
    "count of schedulers": schedulers.count_schedulers,
    "rate limit": lambda q: limits.get_rate_limit_ttl(q, 10),
    "whether it is at its concurrency": limits.is_maxed,
    "workers": queues.list_workers,
    "names of clients": lambda _: pages.list_client_names(),
    "summary of queues": lambda q: pages.read_queues([q, dead_of(q)]),
    "page of a state": lambda q: pages.read_page(q, "waiting", order="oldest", size=10, text="x"),
    "lines of jobs": lambda q: pages.read_rows(q, "waiting", [("running", None)]),
    "candidates of a search": lambda q: searches.read_candidates(
        q, "failed", order="newest", count=10, fields=searches.CANDIDATE_FIELDS
    ),
    "newest failures": lambda q: pages.read_newest([q], "failed", size=10),
    "newest flows": lambda q: pages.read_newest([q], "waiting-children", size=10, below=50),
    "ends of jobs": lambda q: pages.read_ends(q, ["done", "broken"], [False, True]),
    "all of a job": lambda q: pages.read_job(q, "running"),
    "runs of its kind": lambda q: kin.read_kin(q, "running"),
    "schedulers of queues": lambda q: scheduler_pages.read_schedulers([q, dead_of(q)], find="h"),
    "all of a scheduler": lambda q: scheduler_pages.read_schedulers([q], only="hourly"),
    "active jobs": lambda q: worker_pages.read_active([q, dead_of(q)]),
    "connections": lambda _: worker_pages.list_clients(),
    "children of a job": lambda q: pages.read_children(q, "top"),
    "all of a flow": lambda q: pages.read_flow(q, "top"),
    "a field of a job": lambda q: fields.read_field(q, "running", "data", most=100),
    "a part of a log": lambda q: fields.read_log_part(q, "running", start=0, count=5),
}

WRITES: dict[str, Operation] = {
    "add": lambda q: jobs.add_job(q, prepare_job("x", 1, JobOptions(delay=1000), now_ms=NOW)),
    "add unless it is there": lambda q: jobs.add_new_job(
        q,
        prepare_job(
            "x", 1, JobOptions(job_id="waiting-1", deduplication=Deduplication("only-one")), now_ms=NOW, queue=q
        ),
    ),
    "add many": lambda q: jobs.add_jobs(q, [prepare_job("x", 1, JobOptions(priority=1), now_ms=NOW)] * 3),
    "add a flow": lambda q: flows.add_flow(
        prepare_flow(FlowJob("x", q.name, children=(FlowJob("y", q.name),)), prefix=q.prefix, now_ms=NOW), NOW
    ),
    "complete, fail, retry, delay, put back": lambda q: _fetched_and(
        q,
        lambda one: leases.complete_job(
            q, one, token="t", return_text="1", now_ms=NOW, keep=Keep(count=1, age=1), metrics_points=5
        ),
        lambda one: leases.fail_job(
            q,
            one,
            token="t",
            reason="broken",
            now_ms=NOW,
            dead_letter=leases.DeadLetter(dead_of(q), q.name, q.prefix),
        ),
        lambda one: leases.retry_active_job(q, one, token="t", now_ms=NOW),
        lambda one: leases.delay_active_job(q, one, token="t", delay_ms=99, now_ms=NOW, count_attempt=True),
        lambda one: leases.return_job(q, one, token="t"),
        lambda one: leases.wait_for_children(q, one, token="t", now_ms=NOW),
    ),
    "stop": _stopped,
    "wait for a marker": lambda q: leases.wait_for_marker(q, 0.01),
    "extend a lock": lambda q: leases.extend_lock(q, "running", "running", LOCK_MS),
    "look for stalled jobs": lambda q: leases.move_stalled(q, max_stalled_count=1, now_ms=NOW, interval_ms=1000),
    "progress": lambda q: jobs.update_progress(q, "running", 50),
    "data": lambda q: jobs.update_data(q, "running", {"n": 2}),
    "data that nobody changed meanwhile": lambda q: repairs.replace_data(
        q, "later", '{"n":3}', repairs.digest_of('{"n":1}')
    ),
    "log": lambda q: jobs.add_log(q, "running", "another", 1),
    "clear logs": lambda q: jobs.clear_logs(q, "running"),
    "delete logs": lambda q: jobs.clear_logs(q, "running", 1),
    "change the delay": lambda q: jobs.change_delay(q, "later", 90_000, NOW),
    "change the priority": lambda q: jobs.change_priority(q, "urgent", 5),
    "promote": lambda q: jobs.promote_job(q, "later"),
    "promote all": queues.promote_jobs,
    "retry": lambda q: jobs.retry_job(q, "broken"),
    "retry all": lambda q: queues.retry_jobs(q, state=JobState.COMPLETED, before_ms=NOW),
    "bury": lambda q: dead_letters.bury_job(q, "broken-2", dead_of(q), NOW),
    "replay": lambda q: dead_letters.replay_all(dead_of(q), NOW),
    "remove": lambda q: jobs.remove_job(q, "waiting-0"),
    "remove several": lambda q: trees.remove_trees(q, [("waiting-0", {}), ("gone", {})]),
    "free a deduplication": lambda q: jobs.remove_job_deduplication(q, "deduplicated", "only-one"),
    "remove a deduplication": lambda q: jobs.remove_deduplication_key(q, "only-one"),
    "ignore a failed child": _ignored,
    "detach a child": lambda q: flows.remove_child_dependency(q, "leaf", q.job("top")),
    "remove pending children": lambda q: trees.remove_pending_children(q, "top"),
    "set a scheduler": lambda q: schedulers.upsert_scheduler(
        q, "daily", Repeat(pattern="0 0 * * *"), options=JobOptions(attempts=2, backoff=Backoff.fixed(10)), now_ms=NOW
    ),
    "next run of a scheduler": _next_run,
    "remove a scheduler that is the expected one": _remove_known_scheduler,
    "remove a scheduler": lambda q: schedulers.remove_scheduler(q, "hourly"),
    "concurrency": lambda q: limits.set_global_concurrency(q, 3),
    "no concurrency": limits.remove_global_concurrency,
    "limit": lambda q: limits.set_global_rate_limit(q, 3, 1000),
    "no limit": limits.remove_global_rate_limit,
    "limit now": lambda q: limits.rate_limit(q, 1000),
    "limit no more": limits.remove_rate_limit,
    "pause": queues.pause,
    "resume": queues.resume,
    "publish an event": lambda q: events.publish_event(q, "mine", {"a": "1"}),
    "trim events": lambda q: queues.trim_events(q, 1),
    "drain": lambda q: queues.drain(q, delayed=True),
    "clean": lambda q: queues.clean(q, 0, 100, JobState.FAILED, NOW + 1),
    "release a lock": lambda q: leases.release_lock(q, "running", "running"),
    "pause again": queues.pause,
    "obliterate": lambda q: queues.obliterate(q, force=True),
}
