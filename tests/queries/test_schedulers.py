"""Schedulers as pages show them: their next runs, their last ones, and what is wrong with them."""

import json
from typing import Any

import pytest
import redis

from board.engine.commands.jobs import remove_job
from board.engine.commands.leases import complete_job, fetch_job
from board.engine.commands.schedulers import next_iteration, upsert_scheduler
from board.engine.connection.sync import Connection
from board.engine.types import JobOptions, Repeat
from board.errors import UnknownSchedulerError
from board.held import Held
from board.namespace import Namespace
from board.queries.schedule_times import Rule, clock_warnings, coming, told, zone_of
from board.queries.scheduler_edit import read_draft
from board.queries.schedulers import Scheduler, SchedulersPage, read_scheduler, read_schedulers_page
from tests.queries.conftest import MAIL, Known
from tests.queries.jobs import HOSTILE, NOW, Filler

OWN = Namespace()
HOUR = 3_600_000


def put(connection: Connection, name: str, repeat: Repeat, **given: Any) -> str | None:
    return connection.run(upsert_scheduler(MAIL, name, repeat, now_ms=NOW, **given))


def page(connection: Connection, known: Known, now_ms: int = NOW, **asked: Any) -> SchedulersPage:
    return read_schedulers_page(connection, known, OWN, (MAIL,), now_ms=now_ms, **asked)


def one(connection: Connection, known: Known, now_ms: int = NOW) -> Scheduler:
    (found,) = page(connection, known, now_ms).schedulers
    return found


def test_schedulers_stand_by_their_next_run_with_the_day_ahead(
    connection: Connection, known: Known, mail: Filler
) -> None:
    put(connection, "nightly", Repeat(pattern="0 2 * * *", tz="Europe/Oslo"))
    put(connection, "hourly", Repeat(every=HOUR, offset=60_000))

    hourly, nightly = page(connection, known).schedulers

    assert (hourly.id, hourly.words, hourly.raw, hourly.status) == ("hourly", "Every hour", "every 3600000 ms", "ok")
    assert hourly.ticks == tuple(60_000 + HOUR * n for n in range(24))
    assert (nightly.words, nightly.raw, nightly.tz) == ("Every day at 02:00", "0 2 * * *", "Europe/Oslo")
    assert nightly.next_ms == NOW + HOUR  # midnight UTC is 01:00 in Oslo
    assert nightly.ticks == (HOUR,)


def test_too_many_runs_are_a_band(connection: Connection, known: Known, mail: Filler) -> None:
    put(connection, "often", Repeat(every=60_000, offset=1_000))

    often = one(connection, known)

    assert often.is_dense
    assert often.ticks == ()


def test_a_run_nobody_looks_for_is_overdue_and_missed_ones_are_counted(
    connection: Connection, known: Known, mail: Filler
) -> None:
    put(connection, "hourly", Repeat(every=HOUR, offset=60_000))

    late = one(connection, known, NOW + 60_000 + 2 * HOUR)

    assert late.status == "overdue"
    assert late.trouble == "Overdue by 2 h: no worker looks for what is due. 3 runs missed their moment."
    assert page(connection, known, NOW + 3 * HOUR, only="trouble").counts["trouble"] == 1


def test_a_run_that_waits_in_line_is_due_and_one_that_runs_says_so(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    job = put(connection, "tick", Repeat(every=HOUR))

    assert one(connection, known).status == "due"
    redis_client.rename(mail.key("wait"), mail.key("active"))
    running = one(connection, known)

    assert running.status == "running"
    assert running.next_job_id == job


def test_a_scheduler_whose_next_run_was_removed_will_not_run(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    job = put(connection, "tick", Repeat(pattern="0 0 * * *", tz="UTC"))
    redis_client.zrem(mail.key("delayed"), str(job))
    redis_client.delete(mail.key(str(job)))

    lost = one(connection, known)

    assert lost.status == "lost"
    assert "will not run" in lost.trouble


def test_last_runs_are_found_among_the_newest_jobs(connection: Connection, known: Known, mail: Filler) -> None:
    put(connection, "tick", Repeat(every=HOUR, offset=60_000))
    for n in range(1, 4):
        mail.completed(f"repeat:tick:{NOW - n * HOUR}", NOW - n * HOUR, processedOn=NOW - n * HOUR - 1_000 * n)
    mail.failed(f"repeat:tick:{NOW - HOUR // 2}", NOW - HOUR // 2)
    mail.completed(f"repeat:tick:tock:{NOW}", NOW)

    tick = one(connection, known)

    assert [run.state for run in tick.runs] == ["failed", "completed", "completed", "completed"]
    assert tick.last is not None
    assert tick.last.reason == "POST /v1/charges took longer than 10000 ms"
    assert tick.usual_ms == 2_000


def test_a_limit_counts_runs_and_ends_them(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    job = put(connection, "twice", Repeat(every=HOUR, limit=2, offset=60_000))
    first = one(connection, known)
    redis_client.zrem(mail.key("delayed"), str(job))
    redis_client.zadd(mail.key("completed"), {str(job): NOW})

    ended = one(connection, known)

    assert (first.made, first.limit, len(first.ticks)) == (0, 2, 2)
    assert (ended.status, ended.made, ended.trouble) == ("ended", 1, "")


def test_repeatable_jobs_of_release_5_are_read(
    connection: Connection, known: Known, mail: Filler, redis_client: Any
) -> None:
    redis_client.zadd(mail.key("repeat"), {"report::::0 9 * * 1": NOW + HOUR, "abc": NOW + 2 * HOUR})
    redis_client.hset(mail.key("repeat:abc"), mapping={"name": "digest", "every": "60000"})

    old, newer = page(connection, known).schedulers

    assert (old.name, old.words, old.is_legacy, old.status) == ("report", "Every Monday at 09:00", True, "ok")
    assert (newer.name, newer.words, newer.is_legacy) == ("digest", "Every minute", True)


def test_what_is_held_back_stands_last_unless_it_is_there_again(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    put(connection, "tick", Repeat(every=HOUR))
    for name in ("tick", "kept"):
        held = Held(MAIL, name, {"name": name, "pattern": "0 0 * * *", "ic": "4", "limit": "9"}, NOW, "ann")
        redis_client.hset(OWN.held_schedulers, f"{MAIL.base}{name}", held.written())
    redis_client.hset(OWN.held_schedulers, "nonsense", "{")

    found = page(connection, known)

    assert [(row.id, row.status) for row in found.schedulers] == [("tick", "due"), ("kept", "paused")]
    assert found.total == 2
    assert [row.id for row in page(connection, known, only="paused").schedulers] == ["kept"]


def test_a_search_finds_what_the_first_page_leaves_out(connection: Connection, known: Known, mail: Filler) -> None:
    for n in range(120):
        put(connection, f"one-{n}", Repeat(every=HOUR, offset=60_000 + n))

    first, found = page(connection, known), page(connection, known, q="ONE-119")

    assert (len(first.schedulers), first.total, first.shown_all) == (100, 120, False)
    assert [row.id for row in found.schedulers] == ["one-119"]
    assert found.shown_all


def test_one_scheduler_is_shown_with_its_template(connection: Connection, known: Known, mail: Filler) -> None:
    put(
        connection,
        "report",
        Repeat(pattern="30 2 * * *", tz="Europe/Madrid", limit=3),
        data={"to": "ann", "password": "x"},
        options=JobOptions(attempts=3),
    )

    found = read_scheduler(connection, known, OWN, MAIL, "report", now_ms=NOW)

    assert len(found.moments) == 3
    assert found.moments[0].local == "Thu 01 Jan 2026 02:30:00 CET"
    assert found.moments[0].utc == "Thu 01 Jan 2026 01:30:00"
    assert found.options_words[0].startswith("Up to 3 attempts")
    assert found.data is not None
    assert json.loads(found.data.text) == {"to": "ann", "password": "[redacted]"}
    with pytest.raises(UnknownSchedulerError):
        read_scheduler(connection, known, OWN, MAIL, "other", now_ms=NOW)


def test_hostile_and_broken_records_cost_only_their_own_line(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    put(connection, HOSTILE, Repeat(every=HOUR))
    redis_client.zadd(mail.key("repeat"), {"text": NOW, "odd": "inf"})
    redis_client.set(mail.key("repeat:text"), "no hash")
    redis_client.hset(
        mail.key("repeat:odd"), mapping={"pattern": HOSTILE, "tz": HOSTILE, "every": "-3", "ic": "x", "endDate": "1e99"}
    )

    found = page(connection, known)

    assert {row.id for row in found.schedulers} == {HOSTILE, "text", "odd"}
    assert "repeat:text" in found.problem


def test_runs_across_a_change_of_the_clocks_are_told() -> None:
    rule = Rule(pattern="30 2 * * *", tz="Europe/Madrid")
    march = 1_774_000_000_000  # 20 March 2026

    (warning,) = clock_warnings(rule, march)

    assert "go forward by 1 h on 29 March 2026" in warning
    assert "do not exist" in warning
    assert clock_warnings(rule, NOW) == ()
    assert clock_warnings(Rule(pattern="30 2 * * *", tz="UTC"), march) == ()


def test_coming_runs_stop_at_the_end_and_at_the_limit() -> None:
    assert coming(Rule(every_ms=10, end_ms=35), 10, 9) == (10, 20, 30)
    assert coming(Rule(every_ms=10, left=2), 10, 9) == (10, 20)
    assert coming(Rule(pattern="0 0 31 2 *", tz="UTC"), NOW, 3) == (NOW,)
    assert coming(Rule(every_ms=10), None, 3) == ()
    assert told((NOW,), zone_of("Nowhere/Land"))[0].local == ""


def ran(connection: Connection, name: str, repeat: Repeat, lags_ms: list[int], run_ms: int = 1_000) -> None:
    """Let a scheduler run: each run begins so long after its moment, and makes the next one."""
    moment = int(str(put(connection, name, repeat)).rpartition(":")[2])
    for lag_ms in lags_ms:
        at_ms = moment + lag_ms
        job = connection.call(fetch_job(MAIL, token="t:0", lock_ms=60_000, now_ms=at_ms, worker="w")).job
        assert job is not None
        moment = int(str(connection.run(next_iteration(MAIL, job, at_ms))).rpartition(":")[2])
        connection.call(complete_job(MAIL, job.id, token="t:0", return_text="1", now_ms=at_ms + run_ms))


def test_the_history_names_runs_that_began_late_and_moments_without_one(
    connection: Connection, known: Known, mail: Filler
) -> None:
    ran(connection, "hourly", Repeat(pattern="0 * * * *", tz="UTC"), [1_000, 20 * 60_000, 3 * HOUR + 60_001, 500])

    history = read_scheduler(connection, known, OWN, MAIL, "hourly", now_ms=NOW + 9 * HOUR).history

    told = [(past.missed, past.run.late_ms if past.run else None, (past.from_ms - NOW) // HOUR) for past in history]
    assert told == [
        (0, 0, 1),
        (0, 20 * 60_000, 2),
        (0, 3 * HOUR + 60_001, 3),
        (3, None, 4),
        (0, 0, 7),
    ]
    assert (history[3].to_ms - NOW) // HOUR == 6


def test_of_runs_that_are_removed_nothing_is_claimed(connection: Connection, known: Known, mail: Filler) -> None:
    ran(connection, "hourly", Repeat(every=HOUR, offset=60_000), [0] * 5)
    connection.call(remove_job(MAIL, f"repeat:hourly:{NOW + 60_000 + 2 * HOUR}"))

    history = read_scheduler(connection, known, OWN, MAIL, "hourly", now_ms=NOW + 5 * HOUR).history

    assert [past.run.number if past.run else None for past in history] == [1, 2, 4, 5]


def test_a_run_that_was_tried_again_is_not_late(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    ran(connection, "hourly", Repeat(every=HOUR, offset=60_000), [2 * 60_000])
    redis_client.hset(mail.key(f"repeat:hourly:{NOW + 60_000}"), "ats", "2")

    (past,) = read_scheduler(connection, known, OWN, MAIL, "hourly", now_ms=NOW + HOUR).history

    assert past.run is not None
    assert past.run.late_ms == 0


def test_an_interval_shorter_than_the_usual_run_is_warned_of(
    connection: Connection, known: Known, mail: Filler
) -> None:
    ran(connection, "often", Repeat(every=HOUR, offset=60_000), [0, 0], run_ms=8 * 60_000)

    def warned(every: str) -> tuple[str, ...]:
        typed = {"kind": "every", "every": every, "every_unit": "min", "data": "{}", "options": ""}
        return read_draft(connection, known, OWN, MAIL, "often", now_ms=NOW + 3 * HOUR, typed=typed).warnings

    assert warned("10") == ()
    assert warned("5") == ("A run usually takes 8 min, and the next one follows after 5 min: runs overlap or pile up.",)
