"""Jobs are added."""

from collections.abc import Iterator
from datetime import timedelta

from board.engine.commands import jobs
from board.engine.commands.leases import FetchNext
from board.engine.options import prepare_job
from board.engine.types import (
    UNSET,
    Backoff,
    JobOptions,
    Keep,
)
from tests.golden.bench import LOCK_MS, Bench
from tests.golden.scenarios.registry import scenario


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
