"""What happened in the queues is counted once, whoever counts and whoever is killed."""

import random
from collections.abc import Callable

import pytest
import redis

from board.background import LeaseLostError
from board.engine.calls import Call
from board.engine.commands.jobs import retry_job
from board.engine.commands.leases import complete_job
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.engine.types import JobState
from board.history import sketch, store
from board.history.figures import ALL, RESOLUTIONS, series_of
from board.history.summary import Summary
from board.recorder import follow
from board.service import wall_clock_ms
from tests.recorder.conftest import HISTORY, PREFIX, Process, groups, hour_of, trace_of, write_failed
from tests.web.site import TOKEN, Jobs

Start = Callable[..., Process]
MAIL = QueueKeys("bull", "mail")


def test_ends_are_counted_for_the_queue_the_name_and_all(start: Start, jobs: Jobs, connection: Connection) -> None:
    for number in range(5):
        jobs.completed(f"c{number}")
    jobs.failed("f1")

    start().catch_up()

    for series in (MAIL.base, series_of(MAIL.base, "send"), ALL):
        figures = hour_of(connection, series)
        assert (figures.completed, figures.failed) == (5, 1)
        assert sketch.count(figures.run) == 6
        assert sketch.count(figures.wait) == 6


def test_every_resolution_tells_the_same(start: Start, jobs: Jobs, connection: Connection) -> None:
    for number in range(4):
        jobs.completed(f"c{number}")

    start().catch_up()

    now = wall_clock_ms()
    for resolution in RESOLUTIONS:
        starts = {resolution.start(now - age) for age in range(0, 30_000, 1_000)}
        found = sum(connection.call(HISTORY.figures(resolution, at, [MAIL.base]))[0].completed for at in starts)
        assert found == 4, resolution.name


def test_nothing_is_counted_twice_when_the_next_process_takes_over(
    start: Start, jobs: Jobs, connection: Connection
) -> None:
    first = start(fence=1)
    for number in range(3):
        jobs.completed(f"a{number}")
    first.catch_up()
    for number in range(4):
        jobs.completed(f"b{number}")

    second = start(fence=2)
    second.catch_up()

    assert hour_of(connection, MAIL.base).completed == 7
    with pytest.raises(LeaseLostError):
        first.step()
    assert hour_of(connection, MAIL.base).completed == 7


def test_a_process_that_was_held_up_between_reading_and_writing_writes_nothing(
    start: Start, jobs: Jobs, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = start(fence=1), start(fence=2)
    first.catch_up()
    jobs.completed("a")
    claimed: list[bool] = []
    record = HISTORY.record

    def held_up(*arguments: object) -> object:
        if not claimed:
            claimed.append(True)
            second.catch_up()
        return record(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(first.recorder._history, "record", held_up)
    with pytest.raises(LeaseLostError):
        first.step()

    assert claimed
    assert hour_of(connection, MAIL.base).completed == 1


@pytest.mark.parametrize("seed", range(3))
def test_recorders_that_fight_and_die_count_every_event_once(
    start: Start, jobs: Jobs, connection: Connection, seed: int
) -> None:
    """A recorder dies after any round trip; another one begins while it may still be alive."""
    dice = random.Random(seed)
    alive = [start(fence=1)]
    done = failed = 0
    for turn in range(25):
        for _ in range(dice.randint(0, 6)):
            if dice.random() < 0.3:
                jobs.failed(f"f{failed}")
                failed += 1
            else:
                jobs.completed(f"c{done}")
                done += 1
        one = dice.choice(alive)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(one.service.connection, "batch", _dying(one, dice.randint(0, 12)))
                one.step()
        except (LeaseLostError, _KilledError):
            alive = [process for process in alive if process is not one] or [start(fence=turn + 100)]
        if dice.random() < 0.2:
            alive.append(start(fence=turn + 101))
    start(fence=1_000).catch_up()

    figures = hour_of(connection, MAIL.base)
    assert (figures.completed, figures.failed) == (done, failed)


class _KilledError(Exception):
    """The process is gone."""


def _dying(process: Process, after: int) -> Callable[..., object]:
    batch = process.service.connection.batch
    left = [after]

    def send(calls: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise _KilledError
        return batch(calls)  # type: ignore[arg-type]

    return send


def test_jobs_removed_as_they_end_are_counted_with_their_times(
    start: Start, jobs: Jobs, connection: Connection
) -> None:
    process = start()
    process.catch_up()
    jobs.completed("gone")
    connection.call(Call(("DEL", MAIL.job("gone")), int))

    process.catch_up()

    figures = hour_of(connection, series_of(MAIL.base, "send"))
    assert (figures.completed, sketch.count(figures.run)) == (1, 1)


def test_what_the_stream_let_go_unread_is_a_gap(
    start: Start, jobs: Jobs, redis_client: redis.Redis, connection: Connection
) -> None:
    start(fence=1).catch_up()
    jobs.completed("a")
    start(fence=2).catch_up()
    for number in range(10):
        jobs.completed(f"b{number}")
    redis_client.xtrim(MAIL.key("events"), maxlen=3, approximate=False)

    process = start(fence=3)
    process.catch_up()

    (gap,) = connection.call(HISTORY.state()).gaps
    assert gap.base == MAIL.base
    assert gap.from_ms <= gap.to_ms


def test_a_broken_stream_does_not_hide_the_others(
    start: Start, jobs: Jobs, connection: Connection, redis_client: redis.Redis
) -> None:
    redis_client.hset("bull:broken:meta", "version", "bullmq:6.7.0")
    redis_client.set("bull:broken:events", "no stream")
    redis_client.set("bull:broken:failed", "no set")
    jobs.completed("a")

    start().catch_up()

    assert hour_of(connection, MAIL.base).completed == 1


def test_the_summary_tells_the_last_quarter_of_an_hour(start: Start, jobs: Jobs, connection: Connection) -> None:
    for number in range(3):
        jobs.completed(f"c{number}")
    jobs.failed("f")

    start().catch_up()

    stored = connection.call(HISTORY.now())
    summary = Summary.unpack(stored[MAIL.base])
    assert summary is not None
    assert (summary.completed, summary.failed) == (3, 1)
    assert sum(summary.finished_line) == 4
    assert sum(summary.failed_line) == 1
    assert summary.run_p95_ms is not None
    assert set(stored) == {MAIL.base, ALL}


def test_names_of_jobs_have_figures_of_their_own_within_a_bound(
    start: Start, jobs: Jobs, connection: Connection, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also over recorders that follow one another: each would begin with names of its own."""
    monkeypatch.setattr(follow, "MOST_NAMED", 3)
    day, began_ms, number = RESOLUTIONS[-1], wall_clock_ms(), 0

    def end(*names: str) -> None:
        nonlocal number
        for name in names:
            number += 1
            for kind in ("added", "waiting", "active", "completed"):
                redis_client.xadd(MAIL.key("events"), {"event": kind, "jobId": f"{number}", "name": name})

    jobs.completed("known")
    end("one", "two")
    start(fence=1).catch_up()
    end("three", "four", "one")
    start(fence=2).catch_up()

    days = {day.start(began_ms), day.start(wall_clock_ms())}
    series = {name for one in days for name in connection.call(HISTORY.series(day, one))}
    assert series == {ALL, MAIL.base, *(series_of(MAIL.base, name) for name in ("send", "one", "two"))}
    assert hour_of(connection, MAIL.base).completed == 6
    assert hour_of(connection, series_of(MAIL.base, "one")).completed == 2


def test_depth_and_age_are_looked_at(start: Start, jobs: Jobs, connection: Connection) -> None:
    for number in range(3):
        jobs.waiting(f"w{number}")

    start().catch_up()

    assert hour_of(connection, MAIL.base).open_jobs == 3
    assert hour_of(connection, ALL).open_jobs == 3


def test_the_summary_tells_how_deep_and_how_late_a_queue_was_in_each_minute(
    start: Start, jobs: Jobs, connection: Connection, redis_client: redis.Redis
) -> None:
    for job_id in ("a", "b"):
        jobs.waiting(job_id)
        redis_client.hset(MAIL.job(job_id), "timestamp", wall_clock_ms() - 47 * 60_000 - 30_000)

    start().catch_up()

    summary = Summary.unpack(connection.call(HISTORY.now())[MAIL.base])
    assert summary is not None
    assert (len(summary.open_line), sum(summary.open_line)) == (30, 2)
    assert (len(summary.oldest_line), sum(summary.oldest_line)) == (30, 47)


def test_a_queue_with_nothing_open_has_no_line_of_that(start: Start, jobs: Jobs, connection: Connection) -> None:
    """Most queues are empty most of the time, and every page reads the summaries of all."""
    jobs.completed("a")

    start().catch_up()

    summary = Summary.unpack(connection.call(HISTORY.now())[MAIL.base])
    assert summary is not None
    assert summary.finished_line
    assert (summary.open_line, summary.oldest_line) == ((), ())


def test_failures_of_one_cause_make_one_group(start: Start, jobs: Jobs, redis_client: redis.Redis) -> None:
    jobs.failed("j1", "no mailbox ann@example.com")
    jobs.failed("j2", "no mailbox ben@example.com")
    jobs.failed("j3", "connection refused")

    start().catch_up()

    found = groups(redis_client)
    assert sorted(group["members"] for group in found.values()) == [1, 2]
    assert {group["error"] for group in found.values()} == {"SmtpError"}


def test_failed_jobs_from_before_are_found_and_counted_once(
    start: Start, redis_client: redis.Redis, connection: Connection
) -> None:
    redis_client.hset(MAIL.key("meta"), "version", "bullmq:6.7.0")
    now = wall_clock_ms()
    for number in range(1_200):
        write_failed(redis_client, MAIL, f"j{number}", trace_of("E", f"no {number}"), now - number // 600, event=False)

    start(fence=1).catch_up()
    start(fence=2).catch_up()

    (group,) = groups(redis_client).values()
    assert (group["members"], int(group["total"]), group["bars"]) == (1_200, 1_200, 1_200)


def test_a_retried_job_leaves_its_group_and_its_success_is_counted(
    start: Start, jobs: Jobs, connection: Connection, redis_client: redis.Redis
) -> None:
    process = start()
    for job_id in ("j1", "j2", "j3"):
        jobs.failed(job_id)
    process.catch_up()
    for job_id in ("j1", "j2"):
        connection.call(retry_job(MAIL, job_id, JobState.FAILED))
    taken = jobs.take()
    connection.call(complete_job(MAIL, taken, token="test:0", return_text="1", now_ms=wall_clock_ms()))

    process.catch_up()

    (group,) = groups(redis_client).values()
    assert (group["members"], group["retried"], group["succeeded"], group["total"]) == (1, "2", "1", "3")


def test_a_job_that_fails_again_is_back_in_its_group(
    start: Start, jobs: Jobs, connection: Connection, redis_client: redis.Redis
) -> None:
    process = start()
    jobs.failed("j1")
    process.catch_up()
    connection.call(retry_job(MAIL, "j1", JobState.FAILED))
    process.catch_up()
    jobs.failed("j2")
    process.catch_up()

    (group,) = groups(redis_client).values()
    assert group["members"] == 1
    assert int(group["total"]) == 2


def test_failed_jobs_that_retention_removed_leave_their_group(
    start: Start, jobs: Jobs, redis_client: redis.Redis
) -> None:
    process = start()
    for job_id in ("j1", "j2"):
        jobs.failed(job_id)
    process.catch_up()
    redis_client.zrem(MAIL.key("failed"), "j1")
    redis_client.delete(MAIL.job("j1"))

    process.recorder._looked_at_ms = 0
    process.catch_up()

    (group,) = groups(redis_client).values()
    assert group["members"] == 1


def test_a_resolved_group_opens_again_and_a_muted_one_when_its_time_is_over(
    start: Start, jobs: Jobs, redis_client: redis.Redis
) -> None:
    process = start()
    jobs.failed("j1")
    process.catch_up()
    (name,) = groups(redis_client)
    redis_client.hset(f"{PREFIX}g:{name}", mapping={"status": "resolved", "changed_at": wall_clock_ms() - 1})
    redis_client.rename(f"{PREFIX}status:open", f"{PREFIX}status:resolved")
    jobs.failed("j2")
    process.catch_up()
    assert groups(redis_client)[name]["status"] == "open"
    assert "reopened" in groups(redis_client)[name]
    assert redis_client.zrange(f"{PREFIX}status:open", 0, -1) == [name]

    redis_client.hset(f"{PREFIX}g:{name}", mapping={"status": "muted", "muted_until": wall_clock_ms() - 1})
    redis_client.rename(f"{PREFIX}status:open", f"{PREFIX}status:muted")
    process.catch_up()
    assert groups(redis_client)[name]["status"] == "open"


def of_causes(jobs: Jobs, causes: str) -> None:
    """Fail one job of each cause."""
    for letter in causes:
        jobs.failed(letter, f"cause {letter}{letter}{letter}")


def messages(client: redis.Redis) -> set[str]:
    """Return the last letter of each group's message."""
    return {group["message"][-1] for group in groups(client).values()}


def test_beyond_a_bound_the_groups_that_failed_longest_ago_are_forgotten(
    start: Start, jobs: Jobs, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_GROUPS", 3)
    process = start()
    for letter in "abcde":
        of_causes(jobs, letter)
        process.catch_up()

    process.step()

    assert messages(redis_client) == set("cde")
    assert len(redis_client.hgetall(f"{PREFIX}jobs")) == 3
    kept = {name for kind in ("members", "queues", "names", "bars") for name in redis_client.keys(f"{PREFIX}{kind}:*")}
    assert len(kept) == 4 * 3
    assert redis_client.zcard(f"{PREFIX}status:open") == 3


def test_resolved_groups_are_forgotten_before_open_ones(
    start: Start, jobs: Jobs, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start()
    of_causes(jobs, "abc")
    process.catch_up()
    newest = next(name for name, group in groups(redis_client).items() if group["message"].endswith("c"))
    process.service.connection.call(process.service.groups.change(newest, "resolved", now_ms=1, who="ann"))
    monkeypatch.setattr(store, "MOST_GROUPS", 2)

    process.step()

    assert messages(redis_client) == set("ab")


def test_a_group_without_failures_for_long_is_forgotten_and_its_jobs_are_no_trouble_later(
    start: Start, jobs: Jobs, connection: Connection, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start()
    of_causes(jobs, "a")
    process.catch_up()
    connection.call(retry_job(MAIL, "a", JobState.FAILED))
    process.catch_up()
    monkeypatch.setattr(store, "KEEP_GROUPS_MS", -60_000)
    process.step()
    monkeypatch.undo()
    assert groups(redis_client) == {}

    jobs.take()
    connection.call(complete_job(MAIL, "a", token=TOKEN, return_text="null", now_ms=wall_clock_ms()))
    process.catch_up()

    assert groups(redis_client) == {}
    assert redis_client.hgetall(f"{PREFIX}jobs") == {}


def test_a_large_group_is_forgotten_in_steps(
    start: Start, jobs: Jobs, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start()
    for number in range(30):
        jobs.failed(f"j{number}", "cause a")
    process.catch_up()
    monkeypatch.setattr(store, "KEEP_GROUPS_MS", -60_000)
    monkeypatch.setattr(store, "MOST_FORGOTTEN", 20)

    process.step()
    (group,) = groups(redis_client).values()
    assert group["members"] == 10

    process.step()
    assert groups(redis_client) == {}


def test_half_hours_that_no_page_shows_any_more_are_dropped(
    start: Start, jobs: Jobs, redis_client: redis.Redis
) -> None:
    process = start()
    of_causes(jobs, "a")
    process.catch_up()
    (name,) = groups(redis_client)
    redis_client.hset(f"{PREFIX}bars:{name}", mapping=dict.fromkeys(range(1_600), 1))
    redis_client.hdel(f"{PREFIX}bars:{name}", wall_clock_ms() // 1_800_000, wall_clock_ms() // 1_800_000 - 1)

    jobs.failed("a2", "cause aaa")
    process.catch_up()

    assert redis_client.hlen(f"{PREFIX}bars:{name}") <= 2


BUGS = [
    ("GatewayTimeoutError", "POST /v1/charges/{n} took longer than {n} ms", "post", "gateway/client.ts"),
    ("GatewayTimeoutError", "GET /v1/refunds/{n} took longer than {n} ms", "get", "gateway/client.ts"),
    ("CardDeclinedError", "card {uuid} was declined: insufficient_funds", "charge", "billing/charge.ts"),
    ("CardDeclinedError", "card {uuid} was declined: expired_card", "charge", "billing/charge.ts"),
    ("TypeError", "Cannot read properties of undefined (reading 'f{n}')", "format", "billing/format.ts"),
    ("SMTPError", "450 4.2.0 <user{n}@example.com>: mailbox unavailable", "send", "mail/smtp.ts"),
    ("Error", "connect ECONNREFUSED 10.0.{o}.{o}:5432", "connect", "db/pool.ts"),
    ("ReplyError", "READONLY You can't write against a read only replica", "markPaid", "billing/ledger.ts"),
    ("Error", "ENOENT: no such file or directory, open '/tmp/up-{hex}/a.png'", "read", "media/read.ts"),
    ("OutOfMemoryError", "ffmpeg exited with {o} after 0x{hex}", "run", "media/ffmpeg.ts"),
    ("FetchError", "request to https://hooks.example.com/{n}?t={uuid} failed", "deliver", "hooks/deliver.ts"),
    ("ValidationError", "order ord_{hex}{n} has no lines", "check", "orders/check.ts"),
]


def test_failures_of_twelve_bugs_make_twelve_groups(
    start: Start, redis_client: redis.Redis, request: pytest.FixtureRequest
) -> None:
    """At full size: pytest tests/recorder -k twelve --failures 100000."""
    count = int(request.config.getoption("--failures"))
    dice = random.Random(11)
    queues = [QueueKeys("bull", f"shop.{number}") for number in range(4)]
    for queue in queues:
        redis_client.hset(queue.key("meta"), "version", "bullmq:6.7.0")
    now = wall_clock_ms()
    expected = [0] * len(BUGS)
    for number in range(count):
        bug = dice.randrange(len(BUGS))
        expected[bug] += 1
        error, message, function, file = BUGS[bug]
        hexes = f"{dice.getrandbits(32):08x}"
        told = message.format(
            n=dice.randrange(10**6),
            o=dice.randrange(256),
            hex=hexes,
            uuid=f"{hexes}-1c2d-4e5f-8a9b-{dice.getrandbits(48):012x}",
        )
        trace = trace_of(error, told, function, f"/srv/{dice.choice(['a', 'b'])}/src/{file}")
        write_failed(redis_client, queues[number % 4], str(number), trace, now - number, event=number < 500)

    start().catch_up()

    found = groups(redis_client)
    assert len(found) == 12
    assert sorted(group["members"] for group in found.values()) == sorted(expected)
