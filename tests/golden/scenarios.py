"""The recorded scenarios, replayed with our commands; each yields the name of a snapshot to compare."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from board.engine.commands import flows, jobs, leases, limits, queues, schedulers
from board.engine.commands.leases import FetchNext
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import (
    UNSET,
    Backoff,
    Deduplication,
    JobOptions,
    JobState,
    JsonValue,
    Keep,
    ParentRef,
    RateLimit,
    Repeat,
)
from tests.golden.bench import LOCK_MS, START, Bench, Scenario, keep_of

SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    """Register a scenario by its function's name."""
    SCENARIOS[function.__name__.replace("_", "-")] = function
    return function


# Adding


@scenario
def standard_add(bench: Bench) -> Iterator[str]:
    bench.add("send", {"to": "a@b.c", "n": 1})
    bench.now += 5
    rich = JobOptions(
        attempts=3,
        backoff=Backoff.exponential(1000),
        remove_on_complete=Keep(age=timedelta(hours=1), count=100),
        remove_on_fail=50,
        keep_logs=10,
        stack_trace_limit=5,
        size_limit=1000,
    )
    bench.add("send", {"é": "☃", "arr": [], "obj": {}, "f": 1.5, "nil": None}, rich)
    bench.now += 5
    own = JobOptions(job_id="my-id", backoff=500)
    bench.add("send", UNSET, own)
    bench.now += 5
    bench.add("send", {"other": True}, own)
    yield "standard-add"


@scenario
def bulk_add(bench: Bench) -> Iterator[str]:
    many = [
        prepare_job("a", 1, now_ms=bench.now),
        prepare_job("b", "x", JobOptions(delay=1000), now_ms=bench.now),
        prepare_job("c", None, JobOptions(priority=2), now_ms=bench.now),
    ]
    assert bench.engine.call(jobs.add_jobs(bench.queue, many)) == ["1", "2", "3"]
    yield "bulk-add"


@scenario
def delayed(bench: Bench) -> Iterator[str]:
    bench.add("d", {"k": 1}, JobOptions(delay=5000))
    bench.add("d", {"k": 2}, JobOptions(delay=5000))
    bench.add("d", {"k": 3}, JobOptions(delay=1000, priority=7))
    yield "delayed-0-added"
    bench.now += 1000
    job = bench.take("tok-1", worker="w-one")
    yield "delayed-1-due-job-activated"
    bench.complete(job, "tok-1", "null", fetch=FetchNext(LOCK_MS, worker="w-one"))
    yield "delayed-2-completed-nothing-due"


@scenario
def prioritized(bench: Bench) -> Iterator[str]:
    for priority in (5, 1, 5, 2_097_151, 1, 0):
        bench.add("p", {"p": priority}, JobOptions(priority=priority or None))
    yield "prioritized-0-added"
    bench.take("t1")
    bench.take("t2")
    yield "prioritized-1-two-active"
    bench.engine.call(jobs.change_priority(bench.queue, "1", 1, lifo=True))
    bench.engine.call(jobs.change_priority(bench.queue, "3", 0))
    yield "prioritized-2-changed"


@scenario
def lifo(bench: Bench) -> Iterator[str]:
    bench.add(data="a")
    bench.add(data="b")
    bench.add(data="c", options=JobOptions(lifo=True))
    yield "lifo"


@scenario
def custom_prefix_hashtag(bench: Bench) -> Iterator[str]:
    bench.write("FLUSHALL")
    bench.add(data=1, queue=bench.open("q1", "{app}"))
    yield "custom-prefix-hashtag"


@scenario
def telemetry(bench: Bench) -> Iterator[str]:
    context = '{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}'
    bench.add(data=1, options=JobOptions(telemetry_metadata=context))
    bench.add(data=2, options=JobOptions(omit_context=True))
    yield "telemetry"


# Processing


@scenario
def active(bench: Bench) -> Iterator[str]:
    bench.add(data={"n": 1}, options=JobOptions(attempts=2))
    bench.add(data={"n": 2})
    bench.now += 10
    bench.take("tok-1", worker="worker-A")
    yield "active"


@scenario
def completed(bench: Bench) -> Iterator[str]:
    for n in (1, 2, 3):
        bench.add(data={"n": n})
    bench.now += 10
    first = bench.take("tok-1", worker="worker-A")
    bench.now += 90
    fetched = bench.complete(first, "tok-1", '{"ok":true}', fetch=FetchNext(LOCK_MS, worker="worker-A"))
    assert fetched is not None
    assert fetched.job is not None
    yield "completed-0-first-done-next-active"
    bench.now += 10
    third = bench.take("tok-x", worker="worker-A")
    bench.complete(fetched.job, "tok-1", "null")
    bench.now += 10
    bench.complete(third, "tok-x", '"done"')
    yield "completed-1-all-done"


@scenario
def completed_keep(bench: Bench) -> Iterator[str]:
    for n in range(4):
        bench.add(data=n, options=JobOptions(remove_on_complete=2))
    bench.add(data=4, options=JobOptions(remove_on_complete=True))
    for n in range(5):
        job = bench.take(f"t{n}")
        bench.now += 10
        bench.complete(job, f"t{n}", f'"r{n}"', keep=keep_of(job))
    yield "completed-keep"


@scenario
def failed_3_attempts(bench: Bench) -> Iterator[str]:
    bench.add(data={"n": 1}, options=JobOptions(attempts=3, backoff=Backoff.fixed(1000)))
    for attempt in (1, 2):
        bench.now += 0 if attempt == 1 else 1000
        job = bench.take(f"tok-{attempt}", worker="worker-A")
        bench.now += 10
        reason = f"boom {attempt}"
        bench.engine.call(
            leases.delay_active_job(
                bench.queue,
                job.id,
                token=f"tok-{attempt}",
                delay_ms=1000,
                now_ms=bench.now,
                count_attempt=True,
                reason=reason,
                stacktrace=bench.stack(job, reason, attempt),
            )
        )
        if attempt == 1:
            yield "failed-3-attempts-0-after-first"
    bench.now += 1000
    job = bench.take("tok-3", worker="worker-A")
    bench.now += 10
    bench.fail(job, "tok-3", "boom 3", line=3)
    yield "failed-3-attempts-1-final"
    bench.now += 5
    bench.engine.call(jobs.retry_job(bench.queue, job.id))
    yield "failed-3-attempts-2-manual-retry"


@scenario
def failed_immediate_retry(bench: Bench) -> Iterator[str]:
    bench.add(data={"n": 1}, options=JobOptions(attempts=2))
    bench.add(data={"n": 2})
    job = bench.take("t1")
    bench.engine.call(
        leases.retry_active_job(
            bench.queue, job.id, token="t1", now_ms=bench.now, reason="boom", stacktrace=bench.stack(job, "boom")
        )
    )
    yield "failed-immediate-retry"


@scenario
def failed_unrecoverable(bench: Bench) -> Iterator[str]:
    bench.add(options=JobOptions(attempts=5))
    bench.fail(bench.take("t1"), "t1", "no way", kind="UnrecoverableError")
    yield "failed-unrecoverable"


@scenario
def stalled(bench: Bench) -> Iterator[str]:
    bench.add(data=1)
    bench.add(data=2)
    for name in ("stalled-0-marked", "stalled-2-exceeded"):
        for token in ("t1", "t2"):
            bench.take(token, lock_ms=60_000)
        check_stalled(bench)
        if name == "stalled-0-marked":
            yield name
        # The locks and the check's own key run out.
        bench.write("DEL", "bull:q1:1:lock", "bull:q1:2:lock", "bull:q1:stalled-check")
        check_stalled(bench)
        yield "stalled-1-moved-back" if name == "stalled-0-marked" else name
        bench.write("DEL", "bull:q1:stalled-check")


def check_stalled(bench: Bench) -> list[str]:
    """Look for stalled jobs once."""
    recovered, left = bench.engine.call(
        leases.move_stalled(bench.queue, max_stalled_count=1, now_ms=bench.now, interval_ms=60_000)
    )
    assert left == 0
    return recovered


@scenario
def job_ops(bench: Bench) -> Iterator[str]:
    for n in (1, 2, 3, 4):
        bench.add(data=n, options=JobOptions(delay=10_000))
    bench.engine.call(jobs.promote_job(bench.queue, "1"))
    bench.engine.call(jobs.change_delay(bench.queue, "2", 500, bench.now))
    bench.engine.call(jobs.remove_job(bench.queue, "3"))
    job = bench.take("t1")
    bench.engine.call(
        leases.delay_active_job(bench.queue, job.id, token="t1", delay_ms=777, now_ms=bench.now, count_attempt=False)
    )
    yield "job-ops"


@scenario
def logs_progress(bench: Bench) -> Iterator[str]:
    job_id = bench.add(data={"n": 1}, options=JobOptions(keep_logs=2))
    for n in (1, 2, 3):
        bench.engine.call(jobs.add_log(bench.queue, job_id, f"row {n}", 2))
    bench.engine.call(jobs.update_progress(bench.queue, job_id, 50))
    bench.engine.call(jobs.update_progress(bench.queue, job_id, {"step": "x", "pct": 70}))
    bench.engine.call(jobs.update_data(bench.queue, job_id, {"n": 2}))
    yield "logs-progress"


@scenario
def metrics(bench: Bench) -> Iterator[str]:
    for n in range(1, 6):
        bench.add(data=n)
    for n, pause in ((1, 0), (2, 0), (3, 61_000), (4, 180_000)):
        bench.now += pause
        bench.complete(bench.take(f"t{n}"), f"t{n}", str(n), metrics_points=10)
    bench.fail(bench.take("t5"), "t5", "x", line=5, metrics_points=10)
    yield "metrics"


# Queue control


@scenario
def paused(bench: Bench) -> Iterator[str]:
    bench.add(data=1)
    bench.add(data=2)
    bench.add(data=3, options=JobOptions(priority=3))
    bench.pause()
    yield "paused-0-paused"
    bench.add(data=4)
    bench.add(data=5, options=JobOptions(priority=1))
    bench.add(data=6, options=JobOptions(delay=1000))
    yield "paused-1-added-while-paused"
    bench.engine.run(queues.resume(bench.queue))
    yield "paused-2-resumed"


@scenario
def rate_limited_0_worker_limiter(bench: Bench) -> Iterator[str]:
    limiter = RateLimit(max=2, duration=60_000)
    for n in (1, 2, 3, 4):
        bench.add(data=n)
    for n in (1, 2):
        bench.complete(bench.take(f"t{n}", limiter=limiter), f"t{n}", str(n))
    refused = bench.fetch("t3", limiter=limiter)
    assert refused.job is None
    assert refused.limited_ms > 0
    yield "rate-limited-0-worker-limiter"


@scenario
def rate_limited_global(bench: Bench) -> Iterator[str]:
    bench.engine.call(limits.set_global_rate_limit(bench.queue, 1, 60_000))
    bench.add(data=1)
    bench.add(data=2)
    bench.take("t1")
    assert bench.fetch("t2").limited_ms > 0
    yield "rate-limited-global"


@scenario
def rate_limited_manual(bench: Bench) -> Iterator[str]:
    bench.add(data=1)
    bench.add(data=2)
    job = bench.take("t1", limiter=RateLimit(max=1, duration=500))
    bench.engine.call(limits.rate_limit(bench.queue, 60_000))
    assert bench.engine.call(leases.return_job(bench.queue, job.id, token="t1")) > 0
    yield "rate-limited-manual"


@scenario
def global_concurrency(bench: Bench) -> Iterator[str]:
    bench.engine.call(limits.set_global_concurrency(bench.queue, 1))
    for n in (1, 2, 3):
        bench.add(data=n)
    job = bench.take("t1")
    assert bench.fetch("t2").job is None
    bench.add(data=4)
    yield "global-concurrency-0-maxed"
    bench.complete(job, "t1", "null")
    yield "global-concurrency-1-freed"


@scenario
def clean_drain(bench: Bench) -> Iterator[str]:
    for n in (1, 2, 3):
        bench.add(data=n)
    bench.add(data=4, options=JobOptions(delay=1000))
    bench.complete(bench.take("t1"), "t1", "1")
    bench.now += 1000
    removed = bench.engine.run(queues.clean(bench.queue, 0, 10, JobState.COMPLETED, bench.now))
    assert removed == ["1"]
    yield "clean-drain-0-cleaned"
    bench.engine.run(queues.drain(bench.queue))
    yield "clean-drain-1-drained"
    bench.engine.run(queues.obliterate(bench.queue))
    yield "clean-drain-2-obliterated"


# Deduplication


@scenario
def dedup_simple(bench: Bench) -> Iterator[str]:
    options = JobOptions(deduplication=Deduplication("d1"))
    assert [bench.add(data={"n": n}, options=options) for n in (1, 2)] == ["1", "1"]
    yield "dedup-simple-0-added"
    bench.complete(bench.take("t1"), "t1", "1")
    yield "dedup-simple-1-completed"


@scenario
def dedup_throttle_ttl(bench: Bench) -> Iterator[str]:
    options = JobOptions(deduplication=Deduplication("d1", ttl=600_000))
    assert [bench.add(data={"n": n}, options=options) for n in (1, 2)] == ["1", "1"]
    yield "dedup-throttle-ttl"


@scenario
def dedup_debounce(bench: Bench) -> Iterator[str]:
    rule = Deduplication("d1", ttl=600_000, extend=True, replace=True)
    options = JobOptions(delay=600_000, deduplication=rule)
    bench.add(data={"n": 1}, options=options)
    bench.now += 1000
    assert bench.add(data={"n": 2}, options=options) == "2"
    yield "dedup-debounce"


@scenario
def dedup_keep_last(bench: Bench) -> Iterator[str]:
    options = JobOptions(deduplication=Deduplication("d1", keep_last_if_active=True))
    bench.add(data={"n": 1}, options=options)
    job = bench.take("t1")
    for n in (2, 3):
        assert bench.add(data={"n": n}, options=options) == "1"
    yield "dedup-keep-last-0-stored-next"
    bench.complete(job, "t1", "1")
    yield "dedup-keep-last-1-requeued"


# Schedulers


@scenario
def scheduler_every(bench: Bench) -> Iterator[str]:
    bench.now += 1234
    bench.engine.run(
        schedulers.upsert_scheduler(
            bench.queue,
            "every-1",
            Repeat(every=60_000, limit=5),
            name="tick",
            data={"a": 1},
            options=JobOptions(attempts=2, priority=3),
            now_ms=bench.now,
        )
    )
    yield "scheduler-every-0-created"
    bench.now += 10
    job = bench.take("t1")
    bench.engine.run(schedulers.next_iteration(bench.queue, job, bench.now))
    yield "scheduler-every-1-first-active"
    bench.now += 50
    bench.complete(job, "t1", "1")
    bench.now += 177_000
    job = bench.take("t2")
    bench.engine.run(schedulers.next_iteration(bench.queue, job, bench.now))
    yield "scheduler-every-2-after-missed-slots"
    assert bench.engine.call(schedulers.remove_scheduler(bench.queue, "every-1"))
    yield "scheduler-every-3-removed"


@scenario
def scheduler_every_startdate(bench: Bench) -> Iterator[str]:
    rule = Repeat(every=10_000, start_date_ms=START + 25_000, end_date_ms=START + 86_400_000)
    bench.engine.run(schedulers.upsert_scheduler(bench.queue, "s", rule, now_ms=bench.now))
    yield "scheduler-every-startdate"


@scenario
def scheduler_cron_tz(bench: Bench) -> Iterator[str]:
    bench.now += 1234
    rule = Repeat(pattern="0 30 9 * * 1-5", tz="Europe/Madrid", limit=10, end_date_ms=START + 30 * 24 * 3_600_000)
    bench.engine.run(
        schedulers.upsert_scheduler(
            bench.queue,
            "cron-1",
            rule,
            name="report",
            data={"r": 1},
            options=JobOptions(remove_on_complete=True),
            now_ms=bench.now,
        )
    )
    yield "scheduler-cron-tz-0-created"
    bench.now += 60_000
    again = Repeat(pattern="*/15 * * * *", tz="Europe/Madrid")
    bench.engine.run(schedulers.upsert_scheduler(bench.queue, "cron-1", again, now_ms=bench.now))
    yield "scheduler-cron-tz-1-updated"


@scenario
def scheduler_cron_immediately(bench: Bench) -> Iterator[str]:
    bench.now += 1234
    rule = Repeat(pattern="0 0 3 * * *", immediately=True)
    bench.engine.run(schedulers.upsert_scheduler(bench.queue, "im", rule, now_ms=bench.now))
    yield "scheduler-cron-immediately"


@scenario
def scheduler_limit(bench: Bench) -> Iterator[str]:
    rule = Repeat(every=1000, limit=2)
    bench.engine.run(schedulers.upsert_scheduler(bench.queue, "s", rule, now_ms=bench.now))
    for n in (1, 2):
        job = bench.take(f"t{n}")
        bench.engine.run(schedulers.next_iteration(bench.queue, job, bench.now))
        bench.complete(job, f"t{n}", str(n))
        bench.now += 1000 if n == 1 else 0
    yield "scheduler-limit"


# Flows


def add_family(
    bench: Bench, first: JobOptions | None = None, *, parent: JobOptions | None = None
) -> tuple[QueueKeys, QueueKeys, QueueKeys]:
    """Add the flow of one parent and three children in two queues that most scenarios use."""
    bench.write("FLUSHALL")
    places = bench.open("pq"), bench.open("cq1"), bench.open("cq2")
    above, left, right = places
    children = tuple(
        node(bench, place, "child", {"c": n}, replace(options or JobOptions(), job_id=job_id), ("par", above))
        for n, (place, job_id, options) in enumerate(
            ((left, "c-a", first), (left, "c-b", None), (right, "c-c", None)), start=1
        )
    )
    root = node(bench, above, "parent", {"p": 1}, replace(parent or JobOptions(), job_id="par"))
    bench.engine.run(flows.add_flow(replace(root, children=children), bench.now))
    return places


def node(  # noqa: PLR0917 - a line a node reads best in order
    bench: Bench,
    queue: QueueKeys,
    name: str,
    data: JsonValue,
    options: JobOptions,
    parent: tuple[str, QueueKeys] | None = None,
) -> flows.NewNode:
    """Describe one node of a flow."""
    if parent is not None:
        options = replace(options, parent=ParentRef(parent[0], parent[1].qualified))
    return flows.NewNode(queue, prepare_job(name, data, options, now_ms=bench.now))


@scenario
def flow_basic(bench: Bench) -> Iterator[str]:
    above, left, right = add_family(bench)
    yield "flow-basic-0-added"
    steps = (
        (left, '{"r":"a"}', "flow-basic-1-after-child-1"),
        (left, "2", "flow-basic-2-after-child-2"),
        (right, "null", "flow-basic-3-after-child-3"),
        (above, '"all"', "flow-basic-4-parent-completed"),
    )
    for place, value, name in steps:
        bench.now += 10
        bench.complete(bench.take("t", place), "t", value, place)
        yield name


def child_failure(bench: Bench, policy: str, options: JobOptions) -> Iterator[str]:
    """Let one child of three fail under a policy, and the family come to its end."""
    above, left, right = add_family(bench, options)
    bench.now += 10
    bench.fail(bench.take("t", left), "t", "child boom", left)
    yield f"flow-childfail-{policy}-0-child-failed"
    bench.now += 10
    for place, value in ((left, '"b"'), (right, '"c"')):
        bench.complete(bench.take("t", place), "t", value, place)
    yield f"flow-childfail-{policy}-1-others-completed"
    if policy == "none":
        return
    parent = bench.take("t", above)
    bench.now += 10
    if parent.deferred_failure is not None:
        bench.fail(parent, "t", parent.deferred_failure, above, kind="UnrecoverableError")
    else:
        bench.complete(parent, "t", '"p"', above)
    yield f"flow-childfail-{policy}-2-parent-finished"


@scenario
def flow_childfail_none(bench: Bench) -> Iterator[str]:
    yield from child_failure(bench, "none", JobOptions())


@scenario
def flow_childfail_fpof(bench: Bench) -> Iterator[str]:
    yield from child_failure(bench, "fpof", JobOptions(fail_parent_on_failure=True))


@scenario
def flow_childfail_cpof(bench: Bench) -> Iterator[str]:
    yield from child_failure(bench, "cpof", JobOptions(continue_parent_on_failure=True))


@scenario
def flow_childfail_idof(bench: Bench) -> Iterator[str]:
    yield from child_failure(bench, "idof", JobOptions(ignore_dependency_on_failure=True))


@scenario
def flow_childfail_rdof(bench: Bench) -> Iterator[str]:
    yield from child_failure(bench, "rdof", JobOptions(remove_dependency_on_failure=True))


@scenario
def flow_child_removed_on_complete(bench: Bench) -> Iterator[str]:
    _, left, _ = add_family(bench, JobOptions(remove_on_complete=True))
    bench.complete(bench.take("t", left), "t", '"x"', left, keep=Keep(count=0))
    yield "flow-child-removed-on-complete"


@scenario
def flow_remove_parent(bench: Bench) -> Iterator[str]:
    above, _, _ = add_family(bench)
    bench.engine.call(jobs.remove_job(above, "par"))
    yield "flow-remove-parent"


@scenario
def flow_generated_ids(bench: Bench) -> Iterator[str]:
    bench.write("FLUSHALL")
    place = bench.open("pq")

    def named(job_id: str, name: str, data: JsonValue, options: JobOptions, parent: str | None = None) -> flows.NewNode:
        tie = (parent, place) if parent else None
        one = node(bench, place, name, data, options, tie)
        return replace(one, job=replace(one.job, job_id=job_id))

    leaf = named("<uuid-leaf>", "leaf", 1, JobOptions(), "<uuid-mid>")
    middle = named("<uuid-mid>", "mid", UNSET, JobOptions(), "<uuid-root>")
    root = named("<uuid-root>", "root", UNSET, JobOptions(delay=1000, priority=2))
    tree = replace(root, children=(replace(middle, children=(leaf,)),))
    bench.engine.run(flows.add_flow(tree, bench.now))
    yield "flow-generated-ids"


@scenario
def flow_dynamic_children(bench: Bench) -> Iterator[str]:
    bench.write("FLUSHALL")
    above, left = bench.open("pq"), bench.open("cq1")
    bench.add("p", UNSET, JobOptions(job_id="par"), above)
    bench.take("t1", above)
    tie = JobOptions(job_id="c-1", parent=ParentRef("par", above.qualified), fail_parent_on_failure=True)
    bench.add("child", {"c": 1}, tie, left)
    assert bench.engine.call(leases.wait_for_children(above, "par", token="t1", now_ms=bench.now))
    yield "flow-dynamic-children-0-waiting"
    bench.complete(bench.take("t", left), "t", '"v"', left)
    yield "flow-dynamic-children-1-child-done"


@scenario
def deferred_failure_parent_active(bench: Bench) -> Iterator[str]:
    bench.write("FLUSHALL")
    above, left = bench.open("pq"), bench.open("cq1")
    bench.add("p", UNSET, JobOptions(job_id="par"), above)
    bench.take("t1", above)
    tie = JobOptions(job_id="c-1", parent=ParentRef("par", above.qualified), fail_parent_on_failure=True)
    bench.add("child", UNSET, tie, left)
    bench.fail(bench.take("t", left), "t", "bad", left)
    yield "deferred-failure-parent-active"
