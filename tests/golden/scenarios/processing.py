"""Jobs are taken, end, fail, stall; what a worker writes beside it."""

from collections.abc import Iterator

from board.engine.commands import jobs, leases
from board.engine.commands.leases import FetchNext
from board.engine.types import (
    Backoff,
    JobOptions,
)
from tests.golden.bench import LOCK_MS, Bench, keep_of
from tests.golden.scenarios.registry import scenario


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
