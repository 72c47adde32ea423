"""What the recorder costs: a day of many queues, read at once, with its figures held against exact ones.

    python -m bench.recorder                        2,000 queues, 100 jobs each in 24 hours
    python -m bench.recorder --queues 100 --jobs 2000

The events of that day are written as workers would have written them, with their times; then one recorder reads all of
it. Told are how fast it was, what process and Redis keep of it, what a step costs when nothing happens, and how far the
percentiles are from those of the very durations.
"""

from __future__ import annotations

import argparse
import math
import random
import resource
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from board.background import Turn
from board.config import Settings
from board.engine.keys import QueueKeys
from board.history import sketch
from board.history.figures import RESOLUTIONS, Figures
from board.history.store import History
from board.namespace import Namespace
from board.recorder.recorder import Recorder
from board.service import Service, wall_clock_ms
from tests.servers import Server

DAY_MS = 86_400_000
NAMES = 3
"""Job names of a queue."""

STEPS = 10
SHARES = (0.5, 0.95, 0.99)
NAMESPACE = Namespace()


@dataclass(frozen=True, slots=True)
class Report:
    """What a day came to.

    Attributes:
        queues: how many.
        jobs: of each.
        events: read.
        seconds: that took.
        completed: jobs that the history counts.
        redis_bytes: of the history in Redis.
        series: kept for the newest day.
        rss_mb: most memory that the process had, the writing of the day included.
        idle: processor time in ms of a step that finds nothing, and commands of Redis, those inside scripts included.
        look: the same of one that also looks at depth and age, as every ten seconds.
        errors: largest error of a percentile against the exact one, by share: 0.02 is two per cent.
    """

    queues: int
    jobs: int
    events: int
    seconds: float
    completed: int
    redis_bytes: int
    series: int
    rss_mb: float
    idle: tuple[float, float]
    look: tuple[float, float]
    errors: dict[float, float]


def write_day(client: redis.Redis, queues: Sequence[QueueKeys], jobs: int, dice: random.Random) -> dict[str, list[int]]:
    """Write the events of a day; return the durations of each queue's runs."""
    now = wall_clock_ms()
    ran: dict[str, list[int]] = {}
    for queue in queues:
        pipe = client.pipeline(transaction=False)
        pipe.hset(queue.key("meta"), mapping={"version": "bullmq:6.7.0", "opts.maxLenEvents": 10_000})
        told: list[tuple[int, dict[str, str]]] = []
        durations = ran[queue.base] = []
        middle = dice.uniform(3, 9)
        for number in range(jobs):
            job, name = f"{number}", f"name-{number % NAMES}"
            added = now - dice.randrange(60_000, DAY_MS)
            began = added + int(dice.expovariate(1 / 500))
            took = int(math.exp(dice.gauss(middle, 1.0)))
            ended = min(began + took, now - 1)
            durations.append(ended - began)
            told += [
                (added, {"event": "added", "jobId": job, "name": name}),
                (added, {"event": "waiting", "jobId": job}),
                (began, {"event": "active", "jobId": job, "prev": "waiting"}),
                (ended, {"event": "completed", "jobId": job, "returnvalue": "null", "prev": "active"}),
            ]
        told.sort(key=lambda event: event[0])
        for at, (at_ms, fields) in enumerate(told):
            pipe.xadd(queue.key("events"), fields, id=f"{at_ms}-{at}")  # type: ignore[arg-type]
        pipe.execute()
    return ran


def measure(server: Server, queue_count: int, jobs: int, seed: int = 1) -> Report:
    """Write a day and record it."""
    queues = [QueueKeys("bull", f"team-{number % 20}.queue-{number}") for number in range(queue_count)]
    client = server.client()
    ran = write_day(client, queues, jobs, random.Random(seed))
    service = Service(Settings(redis_url=server.url))
    recorder = Recorder(service.connection, service.namespace, service.sources, service.clock)
    ending = threading.Event()
    while not service.sources.list().is_complete:
        time.sleep(0.01)
    began, is_first = time.monotonic(), True
    while recorder.step(Turn(1, is_first, lambda: None, ending)) == 0:
        is_first = False
    seconds = time.monotonic() - began
    costs = []
    for looks in (False, True):
        spent, commands = time.process_time(), _commands(client)
        for _ in range(STEPS):
            recorder._looked_at_ms = 0 if looks else wall_clock_ms()  # noqa: SLF001 - ten seconds pass here
            recorder.step(Turn(1, is_first=False, keep=lambda: None, ending=ending))
        costs.append(((time.process_time() - spent) * 1000 / STEPS, (_commands(client) - commands) / STEPS))
    history, day = History(NAMESPACE), RESOLUTIONS[3]
    figures = {queue.base: Figures() for queue in queues}
    now, bases = wall_clock_ms(), [queue.base for queue in queues]
    for start in range(day.start(now - DAY_MS), now + 1, day.ms):
        told = service.connection.call(history.figures(day, start, bases))
        for base, one in zip(bases, told, strict=True):
            figures[base].add(one)
    errors = dict.fromkeys(SHARES, 0.0)
    for base, durations in ran.items():
        durations.sort()
        for share in SHARES:
            errors[share] = max(errors[share], error_of(sketch.quantile(figures[base].run, share), durations, share))
    keys = list(client.scan_iter(f"{NAMESPACE.history}*", count=1_000))
    report = Report(
        queues=queue_count,
        jobs=jobs,
        events=4 * queue_count * jobs,
        seconds=seconds,
        completed=sum(one.completed for one in figures.values()),
        redis_bytes=sum(client.memory_usage(key, samples=0) or 0 for key in keys),
        series=sum(client.hlen(key) for key in keys if ":b:1h:" in key and key.endswith(f":{day.start(now)}")),
        rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        idle=costs[0],
        look=costs[1],
        errors=errors,
    )
    service.close()
    client.close()
    return report


def error_of(told: float | None, durations: Sequence[int], share: float) -> float:
    """Return how far a percentile is from the exact one, which lies between two durations at most."""
    if told is None:
        return math.inf
    place = share * (len(durations) - 1)
    low, high = durations[math.floor(place)], durations[math.ceil(place)]
    if low <= told <= high:
        return 0.0
    near = low if told < low else high
    return abs(told - near) / max(1, near)


def _commands(client: redis.Redis) -> int:
    return sum(int(one["calls"]) for name, one in client.info("commandstats").items() if name != "cmdstat_info")


def main(arguments: Sequence[str] = ()) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.recorder", description=__doc__)
    parser.add_argument("--queues", type=int, default=2_000)
    parser.add_argument("--jobs", type=int, default=100)
    asked = parser.parse_args(arguments)
    server = Server().start()
    try:
        found = measure(server, asked.queues, asked.jobs)
    finally:
        server.destroy()
    print(f"{found.queues:,} queues with {found.jobs:,} jobs each in a day, {NAMES} job names a queue")
    print(f"read {found.events:,} events in {found.seconds:.0f} s, {found.events / found.seconds:,.0f} a second")
    print(f"counted {found.completed:,} of {found.queues * found.jobs:,} jobs")
    each, whole = found.redis_bytes / found.queues / 1024, found.redis_bytes / 2**20
    print(f"Redis keeps {each:.1f} KB for a queue and day, {whole:.0f} MB in all")
    print(f"the process took {found.rss_mb:.0f} MB at most")
    for name, (ms, commands) in (
        ("finds nothing, once a second", found.idle),
        ("looks at depth, every 10 s", found.look),
    ):
        print(f"a step that {name}: {ms:.1f} ms of processor time, {commands:,.0f} commands of Redis")
    for share, error in found.errors.items():
        print(f"p{share * 100:g} of a queue: at most {error:.1%} from the exact value")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
