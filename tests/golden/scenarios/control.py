"""Queues are paused, limited, cleaned; duplicates are held back."""

from collections.abc import Iterator

from board.engine.commands import leases, limits, queues
from board.engine.types import (
    Deduplication,
    JobOptions,
    JobState,
    RateLimit,
)
from tests.golden.bench import Bench
from tests.golden.scenarios.registry import scenario


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
