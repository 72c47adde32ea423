"""Rules are looked at in few round trips, fire once for each incident whoever watches, and see what they are about."""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from board.alerts.rules import MOST_RULES, Rule
from board.alerts.state import Incident, Silence
from board.alerts.store import Past
from board.config import Settings
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.engine.sync.queue import Queue
from board.engine.types import Repeat
from board.history.figures import RESOLUTIONS, Figures
from board.history.store import Failed, History, Recording
from board.namespace import Namespace
from board.service import Service, wall_clock_ms
from tests.alerts.conftest import ALERTS, Clock, Process, keep_hook, keep_rule, turn
from tests.alerts.receiving import Receiver
from tests.servers import Server
from tests.web.site import Jobs

Start = Callable[..., Process]
MAIL = QueueKeys("bull", "mail")
MINUTE = RESOLUTIONS[1]
HISTORY = History(Namespace())


def incidents(connection: Connection) -> list[Incident]:
    return list(connection.call(ALERTS.incidents()).values())


def past(connection: Connection) -> list[Past]:
    """What happened, oldest first."""
    return connection.call(ALERTS.history())[::-1]


def messages(connection: Connection) -> list[str]:
    """What the queue of messages holds, as the change each is about."""
    queue = Queue(ALERTS.deliveries.name, connection=connection, prefix=ALERTS.deliveries.prefix)
    found = [job.data for job in queue.get_jobs(["waiting"])]
    return sorted(str(data["what"]) for data in found if isinstance(data, dict))


def fill(jobs: Jobs, count: int = 3) -> None:
    for number in range(count):
        jobs.waiting(f"w{number}")


def test_a_deep_queue_fires_and_resolves(start: Start, jobs: Jobs, connection: Connection, receiver: Receiver) -> None:
    keep_rule(connection, for_ms=30_000)
    keep_hook(connection, receiver)
    fill(jobs)
    process = start()

    process.look()
    process.look(29)
    assert [(one.state, one.value) for one in incidents(connection)] == [("pending", 3)]
    process.look(1)
    assert [(one.state, one.words) for one in incidents(connection)] == [("firing", "mail has 3 open jobs")]
    Queue("mail", connection=connection).drain()
    process.look(10)

    assert incidents(connection) == []
    assert [one.what for one in past(connection)] == ["fired", "resolved"]
    assert messages(connection) == ["fired", "resolved"]


def test_a_look_takes_two_round_trips_to_read_and_one_to_store(
    start: Start, jobs: Jobs, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, kind in enumerate(("depth", "oldest", "failures", "stalls", "absent", "missed", "workers", "memory")):
        keep_rule(connection, id=f"r{number}", kind=kind, threshold=60_000, channels=())
    keep_rule(connection, id="r9", kind="new_group", channels=())
    for number in range(30):
        Jobs(connection, f"q{number}").waiting("w1")
    process = start()
    process.look()
    trips: list[str] = []
    own = process.service.connection
    for name in ("call", "batch"):
        really = getattr(own, name)

        def count(*arguments: Any, name: str = name, really: Any = really) -> Any:
            trips.append(name)
            return really(*arguments)

        monkeypatch.setattr(own, name, count)

    process.watcher.step(turn())

    assert trips == ["batch", "batch", "call"]


def test_the_next_process_goes_on_and_fires_nothing_again(
    start: Start, jobs: Jobs, connection: Connection, receiver: Receiver
) -> None:
    keep_rule(connection, for_ms=60_000)
    keep_hook(connection, receiver)
    fill(jobs)
    first, second = start(), start()

    first.look()
    second.look(60)
    first.look(10)
    second.look(10)

    assert [one.what for one in past(connection)] == ["fired"]
    assert messages(connection) == ["fired"]


def test_a_process_that_has_not_found_all_queues_yet_resolves_nothing(
    start: Start, jobs: Jobs, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_rule(connection, channels=())
    fill(jobs)
    for number in range(40):
        Jobs(connection, f"other{number}").waiting("w1")
    start().look()
    monkeypatch.setattr("board.sources.WALK_SECONDS", 0)
    monkeypatch.setattr("board.sources.STEP", 1)

    start().look(10)

    assert [one.what for one in past(connection)] == ["fired"]


def test_of_two_that_look_at_the_same_moment_one_fires(
    start: Start, jobs: Jobs, connection: Connection, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_rule(connection)
    keep_hook(connection, receiver)
    fill(jobs)
    held, quick = start(), start()
    really = held.watcher._eye.look

    def look_while_the_other_stores(*arguments: Any) -> Any:
        seen = really(*arguments)
        quick.look()
        return seen

    monkeypatch.setattr(held.watcher._eye, "look", look_while_the_other_stores)
    held.look()

    assert [one.what for one in past(connection)] == ["fired"]
    assert messages(connection) == ["fired"]


def test_what_a_killed_process_stored_and_did_not_queue_is_queued_by_the_next(
    start: Start, jobs: Jobs, connection: Connection, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_rule(connection)
    keep_hook(connection, receiver)
    fill(jobs)
    killed = start()
    monkeypatch.setattr("board.watcher.watch.post", lambda *_arguments: None)
    killed.look()
    assert messages(connection) == []
    monkeypatch.undo()

    start().look(10)
    start().look(10)

    assert messages(connection) == ["fired"]
    assert connection.call(ALERTS.outbox()) == []


def test_a_server_that_comes_back_with_older_data_makes_nothing_fire_again(
    fresh_server: Callable[..., Server], clock: Clock
) -> None:
    server = fresh_server(append_only=False)
    client = server.client()
    service = Service(Settings(redis_url=server.url), clock)
    process = Process(service, clock)
    with Connection.open(server.url) as connection:
        keep_rule(connection, channels=())
        fill(Jobs(connection))
        client.save()
        process.look()
        assert [one.what for one in past(connection)] == ["fired"]

        server.kill()
        server.start()
        process.look(10)
        process.look(10)

        assert [(one.state, one.fired_ms) for one in incidents(connection)] == [("firing", clock.now_ms - 20_000)]
        assert past(connection) == []
    client.close()
    service.close()


def test_a_silenced_queue_is_noted_and_nothing_is_sent(
    start: Start, jobs: Jobs, connection: Connection, receiver: Receiver, clock: Clock
) -> None:
    keep_rule(connection)
    keep_hook(connection, receiver)
    connection.call(ALERTS.put_silence(Silence("s1", "", "mail", clock.now_ms + 60_000, "ann", "moving house")))
    fill(jobs)
    process = start()

    process.look()
    assert [(one.state, one.silenced) for one in incidents(connection)] == [("firing", True)]
    assert messages(connection) == []
    process.look(60)

    assert messages(connection) == ["fired"]
    assert connection.call(ALERTS.silences()) == []
    assert [(one.what, one.told) for one in past(connection)] == [("fired", False)]


def record(
    connection: Connection, clock: Clock, *minutes: Figures, base: str = MAIL.base, age_minutes: int = 0
) -> None:
    """Write minutes of history, the last of which has begun; it is complete since long ago."""
    fence = 1
    connection.call(HISTORY.claim(fence))
    newest = MINUTE.start(clock.now_ms) - age_minutes * MINUTE.ms
    recording = Recording(clock.now_ms, since_ms=clock.now_ms - 5 * 86_400_000)
    for age, figures in enumerate(reversed(minutes)):
        recording.figures[MINUTE, newest - age * MINUTE.ms] = {base: figures}
    assert connection.call(HISTORY.record(fence, recording))


def test_a_share_of_failures_counts_from_ten_jobs_on(
    start: Start, jobs: Jobs, connection: Connection, clock: Clock
) -> None:
    keep_rule(connection, kind="failures", threshold=20, channels=())
    jobs.completed("c1")
    process = start()
    record(connection, clock, Figures(completed=4, failed=4))

    process.look()
    assert incidents(connection) == []
    record(connection, clock, Figures(completed=6, failed=2), Figures(completed=4, failed=4))
    process = start()
    process.look()

    assert [one.words for one in incidents(connection)] == ["mail failed 37.5% of its jobs in 5 min, 6 of 16"]


def test_stalls_are_counted_over_five_minutes(start: Start, jobs: Jobs, connection: Connection, clock: Clock) -> None:
    keep_rule(connection, kind="stalls", threshold=2, channels=())
    jobs.completed("c1")
    record(connection, clock, Figures(stalled=2), Figures(stalled=1))

    start().look()

    assert [one.words for one in incidents(connection)] == ["mail had 3 stalled jobs in 5 min"]


def test_a_producer_that_falls_silent_fires_and_heals_with_its_next_job(
    start: Start, jobs: Jobs, connection: Connection, clock: Clock
) -> None:
    """A job every five minutes, and an alert at the latest ten minutes after the last one."""
    keep_rule(connection, kind="absent", threshold=480_000, channels=())
    jobs.completed("c1")
    process = start()
    quiet = Figures()
    record(connection, clock, Figures(completed=1), *[quiet] * 5)
    process.look()
    assert incidents(connection) == []

    clock.on(300)
    record(connection, clock, quiet)
    process.look()
    assert [one.words for one in incidents(connection)] == ["mail ended no job for 8 min"]
    record(connection, clock, Figures(completed=1))
    process.look()

    assert incidents(connection) == []


def test_a_history_that_is_not_written_tells_nothing(
    start: Start, jobs: Jobs, connection: Connection, clock: Clock
) -> None:
    keep_rule(connection, kind="absent", threshold=480_000, channels=())
    jobs.completed("c1")
    record(connection, clock, Figures())
    clock.on(600)

    start().look()

    assert incidents(connection) == []


def test_minutes_looked_at_before_they_were_recorded_are_looked_at_again(
    start: Start, jobs: Jobs, connection: Connection, clock: Clock
) -> None:
    """The recorder is five minutes behind, then writes that jobs ended in the second of them and the third."""
    keep_rule(connection, kind="absent", threshold=480_000, channels=())
    jobs.completed("c1")
    process, quiet = start(), Figures()
    record(connection, clock, *[quiet] * 8)
    clock.on(300)
    process.look()
    assert incidents(connection) == []

    record(connection, clock, *[Figures(completed=1)] * 2, *[quiet] * 3)
    process.look()

    assert incidents(connection) == []


def test_missing_workers_matter_while_jobs_wait_and_the_queue_runs(
    start: Start, jobs: Jobs, connection: Connection
) -> None:
    keep_rule(connection, kind="workers", threshold=1, channels=())
    process = start()
    jobs.completed("c1")
    process.look()
    assert incidents(connection) == []

    jobs.waiting("w1")
    process.look()
    assert [one.words for one in incidents(connection)] == ["mail has 0 workers while 1 job waits"]
    Queue("mail", connection=connection).pause()
    process.look()

    assert incidents(connection) == []


def test_a_job_that_waits_too_long_fires(start: Start, jobs: Jobs, connection: Connection, clock: Clock) -> None:
    keep_rule(connection, kind="oldest", threshold=60_000, channels=())
    clock.now_ms = wall_clock_ms()
    jobs.waiting("w1")
    process = start()
    process.look()
    assert incidents(connection) == []

    process.look(90)

    assert [one.state for one in incidents(connection)] == ["firing"]


def test_a_late_schedule_fires_with_its_name(start: Start, connection: Connection, clock: Clock) -> None:
    keep_rule(connection, kind="missed", threshold=60_000, channels=())
    clock.now_ms = wall_clock_ms()
    queue = Queue("mail", connection=connection)
    queue.upsert_job_scheduler("tick", Repeat(every=10_000), name="tick")
    process = start()
    process.look()
    assert incidents(connection) == []

    process.look(120)

    (one,) = incidents(connection)
    assert one.words.startswith("mail: the schedule tick is ")


def test_memory_over_the_limit_fires_for_the_server(
    start: Start, connection: Connection, redis_client: redis.Redis
) -> None:
    keep_rule(connection, kind="memory", threshold=1, channels=())
    process = start()
    process.look()
    assert incidents(connection) == []

    used = int(redis_client.info("memory")["used_memory"])
    redis_client.config_set("maxmemory", used * 10)
    try:
        process.look()
    finally:
        redis_client.config_set("maxmemory", 0)

    (one,) = incidents(connection)
    assert one.subject.queue == ""
    assert one.words.startswith("production uses ")


def test_a_new_cause_of_failures_fires_once_and_without_its_secret(
    start: Start, jobs: Jobs, connection: Connection, clock: Clock
) -> None:
    keep_rule(connection, kind="new_group", channels=(), made_ms=clock.now_ms - 10_000)
    jobs.completed("c1")

    def failed(group: str, at_ms: int) -> Failed:
        told = "password=hunter2 refused"
        return Failed(MAIL.base, f"j-{group}", at_ms, group, "AuthError", told, told, "f", "a.py:1", "send")

    connection.call(HISTORY.claim(1))
    recording = Recording(clock.now_ms, since_ms=1)
    recording.changes = [failed("old", clock.now_ms - 20_000), failed("new", clock.now_ms)]
    assert connection.call(HISTORY.record(1, recording))
    process = start()

    process.look()
    process.look(10)

    (one,) = incidents(connection)
    assert one.subject.group == "new"
    assert "AuthError" in one.words
    assert "hunter2" not in one.words
    assert [found.what for found in past(connection)] == ["fired"]


def test_rules_are_bounded(connection: Connection) -> None:
    for number in range(MOST_RULES):
        assert connection.call(ALERTS.put_rule(Rule(f"r{number}", "depth")))

    assert not connection.call(ALERTS.put_rule(Rule("more", "depth")))
    assert connection.call(ALERTS.put_rule(Rule("r1", "depth", threshold=7)))
    assert len(connection.call(ALERTS.rules())) == MOST_RULES
