"""What the jobs around a job tell about it."""

import pytest
import redis

from board.engine.connection.sync import Connection
from board.history.groups import Groups
from board.history.store import Failed, History, Recording
from board.namespace import Namespace
from board.queries.job import JobPage, read_job
from tests.queries.conftest import MAIL, Known
from tests.queries.jobs import NOW, Filler


class Limited(Known):
    """Somebody who sees some of the queues only."""

    def limits(self) -> object:
        return frozenset({"mail"})


def page_of(connection: Connection, job_id: str, known: Known | None = None) -> JobPage:
    return read_job(connection, known or Known(), MAIL, job_id, now_ms=NOW, groups=Groups(Namespace()))


def test_a_job_is_one_among_the_latest_of_its_name(connection: Connection, mail: Filler) -> None:
    for n, took in enumerate((100, 200, 400)):
        mail.completed(f"fine-{n}", NOW - 10_000 + n, processedOn=NOW - 10_000 + n - took)
    mail.completed("other", NOW - 5, name="receive")
    mail.failed("bad", NOW - 1, processedOn=NOW - 1 - 800)

    kin = page_of(connection, "bad").kin

    assert kin is not None
    assert [(dot.is_failed, dot.is_this) for dot in kin.dots] == [(False, False)] * 3 + [(True, True)]
    assert [dot.x for dot in kin.dots] == [0, 33.3, 66.7, 100]
    assert [dot.y for dot in kin.dots] == sorted((dot.y for dot in kin.dots), reverse=True)
    assert (kin.dots[0].y, kin.dots[-1].y) == (100, 0)
    assert (kin.runs, kin.failed, kin.usual_ms, kin.took_ms) == (4, 1, 300, 800)


def test_the_run_of_long_ago_stands_before_the_latest(connection: Connection, mail: Filler) -> None:
    mail.completed("old", NOW - 1_000_000)
    for n in range(120):
        mail.completed(f"new-{n}", NOW - n)

    kin = page_of(connection, "old").kin

    assert kin is not None
    assert kin.runs == 60
    assert [dot.is_this for dot in kin.dots] == [True] + [False] * 60


def test_a_running_job_is_held_against_those_that_ended(connection: Connection, mail: Filler) -> None:
    for n in range(3):
        mail.completed(f"fine-{n}")
    mail.active("running", processedOn=NOW - 9_000)

    kin = page_of(connection, "running").kin

    assert kin is not None
    assert kin.took_ms == 9_000
    assert kin.runs == 3


@pytest.mark.parametrize("job_id", ["waits", "nameless"])
def test_too_few_runs_and_a_job_without_a_name_tell_nothing(connection: Connection, mail: Filler, job_id: str) -> None:
    mail.completed("one")
    mail.completed("two")
    mail.waiting("waits")
    mail.client.hdel(mail.key(mail.waiting("nameless")), "name")

    assert page_of(connection, job_id).kin is None


def test_jobs_of_one_length_are_drawn_in_one_line(connection: Connection, mail: Filler) -> None:
    for n in range(3):
        mail.completed(f"fine-{n}", NOW - n)

    kin = page_of(connection, "fine-0").kin

    assert kin is not None
    assert {dot.y for dot in kin.dots} == {50}


def test_lists_of_ended_jobs_that_are_none_cost_only_the_drawing(
    connection: Connection, mail: Filler, redis_client: redis.Redis
) -> None:
    mail.waiting("waits")
    redis_client.set(mail.key("completed"), "text")

    assert page_of(connection, "waits").kin is None


@pytest.fixture
def recorded(connection: Connection, mail: Filler) -> Filler:
    """Three jobs that failed alike, one of them in another queue."""
    failures = [
        Failed(base, job_id, NOW - at, "1-abc", "E", "m", "m", "f", "x.js:1", "send")
        for base, job_id, at in ((MAIL.base, "a", 3), (MAIL.base, "b", 2), ("bull:other:", "c", 9))
    ]
    for job_id in ("a", "b"):
        mail.failed(job_id)
    history = History(Namespace())
    connection.call(history.claim(1))
    assert connection.call(history.record(1, Recording(NOW, changes=[*failures], since_ms=NOW)))
    return mail


def test_a_failed_job_leads_to_those_that_failed_alike(connection: Connection, recorded: Filler) -> None:
    alike = page_of(connection, "a").alike

    assert alike is not None
    assert (alike.group, alike.jobs, alike.first_ms) == ("1-abc", 3, NOW - 9)


def test_who_sees_some_queues_is_told_of_those_of_this_one_alone(connection: Connection, recorded: Filler) -> None:
    alike = page_of(connection, "a", Limited()).alike

    assert alike is not None
    assert (alike.group, alike.jobs, alike.first_ms) == ("1-abc", 2, None)


def test_a_job_that_is_in_no_group_leads_to_none(connection: Connection, recorded: Filler) -> None:
    recorded.failed("d")
    recorded.completed("e")

    assert page_of(connection, "d").alike is None
    assert page_of(connection, "e").alike is None
