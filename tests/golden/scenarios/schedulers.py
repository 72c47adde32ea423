"""Job schedulers make runs."""

from collections.abc import Iterator

from board.engine.commands import schedulers
from board.engine.types import (
    JobOptions,
    Repeat,
)
from tests.golden.bench import START, Bench
from tests.golden.scenarios.registry import scenario


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
