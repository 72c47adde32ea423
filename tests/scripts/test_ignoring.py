"""A parent goes on without a child that failed for good: on keys, from every state that the parent can be in."""

from typing import Any

import pytest
import redis

from board.engine.commands import flows, jobs, leases
from board.engine.commands.flows import Ignored
from board.engine.connection.sync import Connection
from board.engine.errors import (
    JobLockedError,
    JobNotFoundError,
    JobNotInStateError,
    ParentNotFoundError,
    ScriptError,
)
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import JobOptions, JobState, ParentRef

NOW = 1_767_225_600_000
PARTS = QueueKeys("bull", "parts")

Texts = dict[str, str]


class Family:
    """A parent in one queue that waits for children in another, driven step by step."""

    def __init__(self, connection: Connection, client: redis.Redis, queue: QueueKeys) -> None:
        self.connection, self.client, self.queue = connection, client, queue

    def add(self, queue: QueueKeys, job_id: str, **options: Any) -> None:
        """Add a job."""
        job = prepare_job("cut", {}, JobOptions(job_id=job_id, **options), now_ms=NOW, queue=queue)
        self.connection.call(jobs.add_job(queue, job))

    def take(self, queue: QueueKeys, job_id: str) -> None:
        """Let a worker take the next job, which is this one."""
        taken = self.connection.call(leases.fetch_job(queue, token="t", lock_ms=60_000, now_ms=NOW))
        assert taken.job
        assert taken.job.id == job_id

    def parent(self, job_id: str, children: tuple[str, ...], *, within: str = "", **options: Any) -> None:
        """Add a job that waits for children of these options, itself a child of ``within``."""
        above = {"parent": ParentRef(within, self.queue.qualified), **options} if within else {}
        self.add(self.queue, job_id, **above)
        self.take(self.queue, job_id)
        for child in children:
            self.add(PARTS, child, parent=ParentRef(job_id, self.queue.qualified), **options)
        if children:
            assert self.connection.call(leases.wait_for_children(self.queue, job_id, token="t", now_ms=NOW))

    def fail(self, queue: QueueKeys, job_id: str, reason: str = "no sound", now_ms: int = NOW) -> None:
        """Let a job fail that a worker takes next."""
        self.take(queue, job_id)
        self.connection.call(leases.fail_job(queue, job_id, token="t", reason=reason, now_ms=now_ms))

    def ignore(self, child: str, parent: str = "film") -> Ignored:
        """Ignore a child's failure."""
        call = flows.ignore_failed_child(PARTS, child, self.queue.job(parent), NOW + 1)
        return self.connection.call(call)

    def state(self, job_id: str = "film") -> JobState:
        """Return where a parent is."""
        return self.connection.call(jobs.get_state(self.queue, job_id))

    def children(self, job_id: str = "film") -> tuple[set[str], Texts, Texts, set[str]]:
        """Return a parent's children: pending, completed, ignored and failed."""
        key = self.queue.job(job_id)
        failed: Any = self.client.zrange(f"{key}:unsuccessful", 0, -1)
        pending: Any = self.client.smembers(f"{key}:dependencies")
        processed: Any = self.client.hgetall(f"{key}:processed")
        ignored: Any = self.client.hgetall(f"{key}:failed")
        return pending, processed, ignored, set(failed)

    def events(self, job_id: str = "film") -> list[tuple[str, str | None]]:
        """Return what was said of a parent: event and where it was before."""
        entries: Any = self.client.xrange(self.queue.key("events"))
        return [(one["event"], one.get("prev")) for _, one in entries if one.get("jobId") == job_id]


@pytest.fixture
def family(connection: Connection, redis_client: redis.Redis, queue: QueueKeys) -> Family:
    return Family(connection, redis_client, queue)


def test_a_parent_runs_that_waited_for_nothing_else(family: Family) -> None:
    family.parent("film", ("audio",))
    family.fail(PARTS, "audio")

    assert family.ignore("audio") is Ignored.RUNS

    assert family.state() is JobState.WAITING
    assert family.children() == (set(), {}, {PARTS.job("audio"): "no sound"}, set())
    assert family.events()[-1] == ("waiting", "waiting-children")


def test_a_parent_waits_on_for_its_other_children_and_runs_after_the_last(family: Family) -> None:
    family.parent("film", ("audio", "titles"))
    family.fail(PARTS, "audio")

    assert family.ignore("audio") is Ignored.WAITS

    assert family.state() is JobState.WAITING_CHILDREN
    assert family.children() == ({PARTS.job("titles")}, {}, {PARTS.job("audio"): "no sound"}, set())
    family.take(PARTS, "titles")
    family.connection.call(leases.complete_job(PARTS, "titles", token="t", return_text="1", now_ms=NOW))
    assert family.state() is JobState.WAITING


def test_a_parent_that_is_about_to_fail_stays_in_line_and_does_not_fail(family: Family, queue: QueueKeys) -> None:
    family.parent("film", ("audio",), fail_parent_on_failure=True)
    family.fail(PARTS, "audio")
    assert family.client.hget(queue.job("film"), "defa") == f"child {PARTS.job('audio')} failed"

    assert family.ignore("audio") is Ignored.RUNS

    assert family.client.hget(queue.job("film"), "defa") is None
    assert family.client.lrange(queue.key("wait"), 0, -1) == ["film"]
    assert family.children() == (set(), {}, {PARTS.job("audio"): "no sound"}, set())


@pytest.mark.parametrize("priority", [0, 3])
def test_a_parent_that_is_about_to_fail_goes_back_to_wait_for_the_others(
    family: Family, queue: QueueKeys, priority: int
) -> None:
    family.parent("film", ("audio", "titles"), fail_parent_on_failure=True)
    family.client.hset(queue.job("film"), "priority", priority)
    family.fail(PARTS, "audio")
    assert family.state() is (JobState.PRIORITIZED if priority else JobState.WAITING)

    assert family.ignore("audio") is Ignored.WAITS

    assert family.state() is JobState.WAITING_CHILDREN
    assert family.client.exists(queue.key("wait"), queue.key("prioritized")) == 0
    assert family.client.hget(queue.job("film"), "defa") is None
    assert family.events()[-1] == ("waiting-children", "prioritized" if priority else "wait")


def test_a_parent_that_failed_because_of_it_runs_again(family: Family, queue: QueueKeys) -> None:
    family.parent("film", ("audio",), fail_parent_on_failure=True)
    family.fail(PARTS, "audio")
    family.fail(queue, "film", f"child {PARTS.job('audio')} failed")

    assert family.ignore("audio") is Ignored.RUNS

    assert family.state() is JobState.WAITING
    stored: Any = family.client.hgetall(queue.job("film"))
    assert stored.keys().isdisjoint({"defa", "failedReason", "finishedOn", "processedOn"})
    assert family.events()[-1] == ("waiting", "failed")


def test_a_parent_that_failed_because_of_it_waits_again_for_the_others(family: Family, queue: QueueKeys) -> None:
    family.parent("film", ("audio", "titles"), fail_parent_on_failure=True)
    family.fail(PARTS, "audio")
    family.fail(queue, "film")

    assert family.ignore("audio") is Ignored.WAITS

    assert family.state() is JobState.WAITING_CHILDREN
    assert family.children() == ({PARTS.job("titles")}, {}, {PARTS.job("audio"): "no sound"}, set())
    assert family.events()[-1] == ("waiting-children", "failed")


def test_two_children_that_failed_a_parent_are_ignored_one_by_one(family: Family, queue: QueueKeys) -> None:
    family.parent("film", ("audio", "titles"), fail_parent_on_failure=True)
    family.fail(PARTS, "audio")
    family.fail(PARTS, "titles", "no font")

    assert family.ignore("audio") is Ignored.FAILS
    assert family.client.hget(queue.job("film"), "defa") == f"child {PARTS.job('titles')} failed"
    assert family.ignore("titles") is Ignored.RUNS

    assert family.client.hget(queue.job("film"), "defa") is None
    assert family.children()[2] == {PARTS.job("audio"): "no sound", PARTS.job("titles"): "no font"}


def test_those_above_that_failed_with_the_parent_wait_for_it_again(family: Family, queue: QueueKeys) -> None:
    family.add(queue, "series")
    family.take(queue, "series")
    family.parent("film", ("audio",), within="series", fail_parent_on_failure=True)
    assert family.connection.call(leases.wait_for_children(queue, "series", token="t", now_ms=NOW))
    family.fail(PARTS, "audio")
    family.fail(queue, "film")
    family.fail(queue, "series")

    assert family.ignore("audio") is Ignored.RUNS

    assert (family.state("film"), family.state("series")) == (JobState.WAITING, JobState.WAITING_CHILDREN)
    assert family.children("series") == ({queue.job("film")}, {}, {}, set())
    assert family.client.hget(queue.job("series"), "defa") is None


def test_one_above_that_a_worker_holds_does_not_fail_for_it_later(family: Family, queue: QueueKeys) -> None:
    family.add(queue, "series")
    family.take(queue, "series")
    family.parent("film", ("audio",), within="series", fail_parent_on_failure=True)
    family.fail(PARTS, "audio")
    family.fail(queue, "film")
    assert family.client.hget(queue.job("series"), "defa") == f"child {queue.job('film')} failed"

    assert family.ignore("audio") is Ignored.RUNS

    assert (family.state("film"), family.state("series")) == (JobState.WAITING, JobState.ACTIVE)
    assert family.client.hget(queue.job("series"), "defa") is None


@pytest.mark.parametrize(
    ("reason", "runs"),
    [
        ("out of memory", False),
        ("child bull:parts:titles failed", True),
        ("Cannot complete job film because it has at least one failed child. moveToFinished", True),
    ],
)
def test_a_parent_that_had_failed_before_its_child_stays_failed_unless_for_a_child(
    family: Family, queue: QueueKeys, *, reason: str, runs: bool
) -> None:
    """By the clock of its worker, which may be behind that of the child's."""
    family.parent("film", ())
    family.add(PARTS, "audio", parent=ParentRef("film", queue.qualified), fail_parent_on_failure=True)
    family.connection.call(leases.fail_job(queue, "film", token="t", reason=reason, now_ms=NOW))
    family.fail(PARTS, "audio", now_ms=NOW + 5)

    if runs:
        assert family.ignore("audio") is Ignored.RUNS
        return
    with pytest.raises(JobNotInStateError, match="its parent has ended"):
        family.ignore("audio")

    assert family.state() is JobState.FAILED
    assert family.children() == (set(), {}, {}, {PARTS.job("audio")})


def test_one_above_that_had_failed_before_the_parent_stays_failed(family: Family, queue: QueueKeys) -> None:
    family.add(queue, "series")
    family.take(queue, "series")
    family.parent("film", ("audio",), within="series", fail_parent_on_failure=True)
    end = leases.fail_job(queue, "series", token="t", reason="out of memory", now_ms=NOW)
    family.connection.call(end)
    family.fail(PARTS, "audio", now_ms=NOW + 5)
    family.fail(queue, "film", f"child {PARTS.job('audio')} failed", now_ms=NOW + 5)

    assert family.ignore("audio") is Ignored.RUNS

    assert (family.state("film"), family.state("series")) == (JobState.WAITING, JobState.FAILED)
    assert family.client.hget(queue.job("series"), "failedReason") == "out of memory"
    assert family.children("series") == ({queue.job("film")}, {}, {}, set())


def test_twenty_parents_wait_again_and_no_more(family: Family, queue: QueueKeys) -> None:
    """So many are looked at before, for the permission of whoever asks."""
    for level in range(22):
        key = queue.job(str(level))
        above: dict[Any, Any] = {
            "parentKey": queue.job(str(level + 1)),
            "parent": f'{{"id":"{level + 1}","queueKey":"bull:mail"}}',
        }
        family.client.hset(key, mapping={"name": "cut", "failedReason": "no sound", **above})
        family.client.zadd(queue.key("failed"), {str(level): NOW})
        family.client.zadd(f"{key}:unsuccessful", {queue.job(str(level - 1)) if level else PARTS.job("audio"): NOW})
    family.add(PARTS, "audio", parent=ParentRef("0", queue.qualified), fail_parent_on_failure=True)
    family.take(PARTS, "audio")
    family.client.srem(f"{queue.job('0')}:dependencies", PARTS.job("audio"))
    family.connection.call(leases.fail_job(PARTS, "audio", token="t", reason="no sound", now_ms=NOW))

    assert family.ignore("audio", "0") is Ignored.RUNS

    states = [family.state(str(level)) for level in range(22)]
    assert states == [JobState.WAITING, *[JobState.WAITING_CHILDREN] * 19, *[JobState.FAILED] * 2]


def test_a_parent_that_stalled_too_often_fails_all_the_same(family: Family, queue: QueueKeys) -> None:
    family.parent("film", ("audio",), fail_parent_on_failure=True)
    family.fail(PARTS, "audio")
    family.client.hset(queue.job("film"), "defa", "job stalled more than allowable limit")

    family.ignore("audio")

    assert family.client.hget(queue.job("film"), "defa") == "job stalled more than allowable limit"


@pytest.mark.parametrize(
    "broken", ["series:unsuccessful", "series:dependencies", "waiting-children", "meta", "events", "pc"]
)
def test_a_key_of_a_wrong_type_costs_no_parent_its_place(
    family: Family, queue: QueueKeys, server_bytes: redis.Redis, broken: str
) -> None:
    family.add(queue, "series")
    family.take(queue, "series")
    family.parent("film", ("audio",), within="series", fail_parent_on_failure=True)
    assert family.connection.call(leases.wait_for_children(queue, "series", token="t", now_ms=NOW))
    family.fail(PARTS, "audio")
    family.fail(queue, "film")
    family.client.delete(queue.key(broken))
    family.client.set(queue.key(broken), "text")
    before = {key: server_bytes.dump(key) for key in server_bytes.scan_iter()}

    with pytest.raises(ScriptError):
        family.ignore("audio")

    assert {key: server_bytes.dump(key) for key in server_bytes.scan_iter()} == before


def test_a_parent_that_runs_is_left_to_its_worker(family: Family, queue: QueueKeys) -> None:
    """Its worker finds nothing pending when it ends; without this it would be refused."""
    family.parent("film", ())
    family.add(PARTS, "audio", parent=ParentRef("film", queue.qualified))
    family.fail(PARTS, "audio")

    assert family.ignore("audio") is Ignored.STAYS

    assert family.state() is JobState.ACTIVE
    family.connection.call(leases.complete_job(queue, "film", token="t", return_text="1", now_ms=NOW))
    assert family.state() is JobState.COMPLETED


def test_a_paused_queue_of_release_5_keeps_the_parent_aside(family: Family, queue: QueueKeys) -> None:
    family.parent("film", ("audio",))
    family.fail(PARTS, "audio")
    family.client.hset(queue.key("meta"), mapping={"version": "bullmq:5.71.0", "paused": 1})

    assert family.ignore("audio") is Ignored.RUNS

    assert family.client.lrange(queue.key("paused"), 0, -1) == ["film"]


def test_a_child_that_was_ignored_and_is_retried_is_waited_for_again(family: Family) -> None:
    family.parent("film", ("audio", "titles"))
    family.fail(PARTS, "audio")
    family.ignore("audio")

    family.connection.call(jobs.retry_job(PARTS, "audio"))

    assert family.children() == ({PARTS.job("audio"), PARTS.job("titles")}, {}, {}, set())


def gone(family: Family) -> None:
    family.client.delete(PARTS.job("audio"))


def parent_gone(family: Family) -> None:
    family.client.delete(family.queue.job("film"))


def retried(family: Family) -> None:
    family.connection.call(jobs.retry_job(PARTS, "audio"))


def of_another(family: Family) -> None:
    family.client.hset(PARTS.job("audio"), "parentKey", family.queue.job("other"))


def forgotten(family: Family) -> None:
    family.client.srem(f"{family.queue.job('film')}:dependencies", PARTS.job("audio"))


def ignored(family: Family) -> None:
    family.ignore("audio")


def ended(family: Family) -> None:
    family.client.zrem(family.queue.key("waiting-children"), "film")
    family.client.zadd(family.queue.key("completed"), {"film": NOW})


def failed_itself(family: Family) -> None:
    family.client.zrem(family.queue.key("waiting-children"), "film")
    family.client.zadd(family.queue.key("failed"), {"film": NOW})


def held(family: Family) -> None:
    """A worker has taken the parent and is about to fail it, for the child was to fail it."""
    key = family.queue.job("film")
    family.client.smove(f"{key}:dependencies", f"{key}:moved", PARTS.job("audio"))
    family.client.zadd(f"{key}:unsuccessful", {PARTS.job("audio"): NOW})
    family.client.zrem(family.queue.key("waiting-children"), "film")
    family.client.lpush(family.queue.key("active"), "film")


@pytest.mark.parametrize(
    ("situation", "error", "words"),
    [
        (gone, JobNotFoundError, "not in queue parts any more"),
        (parent_gone, ParentNotFoundError, "parent"),
        (retried, JobNotInStateError, "failed below that parent"),
        (of_another, JobNotInStateError, "failed below that parent"),
        (forgotten, JobNotInStateError, "does not wait for it"),
        (ignored, JobNotInStateError, "does not wait for it"),
        (ended, JobNotInStateError, "its parent has ended"),
        (failed_itself, JobNotInStateError, "its parent has ended"),
        (held, JobLockedError, "a worker holds its parent"),
    ],
    ids=lambda item: getattr(item, "__name__", ""),
)
def test_a_failure_that_holds_nobody_back_is_refused_and_nothing_changes(
    family: Family, server_bytes: redis.Redis, situation: Any, error: type[Exception], words: str
) -> None:
    family.parent("film", ("audio",))
    family.fail(PARTS, "audio")
    situation(family)
    before = {key: server_bytes.dump(key) for key in server_bytes.scan_iter()}

    with pytest.raises(error, match=words):
        family.ignore("audio")

    assert {key: server_bytes.dump(key) for key in server_bytes.scan_iter()} == before
