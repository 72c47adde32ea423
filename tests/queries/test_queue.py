import json

import pytest
import redis

from board.engine.connection.sync import Connection
from board.queries.queue import QueueAsked, QueuePage, most_urgent_state, read_queue
from tests.queries.conftest import MAIL, Known
from tests.queries.jobs import AWKWARD_ID, BROKEN, NOW, PYTHON_TRACE, Filler, fill_broken


def page_of(connection: Connection, known: Known, state: str, **asked: object) -> QueuePage:
    return read_queue(connection, known, MAIL, QueueAsked(state, **asked), now_ms=NOW)  # type: ignore[arg-type]


def ids(page: QueuePage) -> list[str]:
    return [job.id for job in page.jobs]


def walk(connection: Connection, known: Known, state: str, **asked: object) -> list[str]:
    """Read page after page and return all ids."""
    found: list[str] = []
    after = asked.pop("after", "")
    for _ in range(50):
        page = page_of(connection, known, state, after=after, **asked)
        found += ids(page)
        if page.next_after is None:
            return found
        after = page.next_after
    raise AssertionError("the pages never end")


def test_waiting_jobs_come_in_the_order_they_will_run(connection: Connection, known: Known, mail: Filler) -> None:
    for n in range(5):
        mail.waiting(f"{n}")

    assert ids(page_of(connection, known, "waiting")) == ["0", "1", "2", "3", "4"]
    assert ids(page_of(connection, known, "waiting", sort="newest")) == ["4", "3", "2", "1", "0"]


def test_finished_jobs_come_newest_first(connection: Connection, known: Known, mail: Filler) -> None:
    for n in range(5):
        mail.completed(f"{n}", NOW + n)

    page = page_of(connection, known, "completed")

    assert ids(page) == ["4", "3", "2", "1", "0"]
    assert (page.sort, page.default_sort) == ("newest", "newest")
    assert ids(page_of(connection, known, "completed", sort="oldest")) == ["0", "1", "2", "3", "4"]


def test_delayed_and_prioritized_jobs_come_in_the_order_they_will_run(
    connection: Connection, known: Known, mail: Filler
) -> None:
    mail.delayed("late", NOW + 9_000)
    mail.delayed("soon", NOW + 1_000)
    mail.prioritized("second", 9)
    mail.prioritized("first", 1)

    assert ids(page_of(connection, known, "delayed")) == ["soon", "late"]
    assert ids(page_of(connection, known, "prioritized")) == ["first", "second"]


@pytest.mark.parametrize("sort", ["newest", "oldest"])
@pytest.mark.parametrize("state", ["failed", "waiting"])
def test_pages_show_every_job_once(connection: Connection, known: Known, mail: Filler, state: str, sort: str) -> None:
    """Half of the failed jobs share one score, as jobs that fail in the same millisecond do."""
    add = mail.failed if state == "failed" else mail.waiting
    for n in range(47):
        mail.failed(f"{n}", NOW + n // 24) if state == "failed" else add(f"{n}")

    found = walk(connection, known, state, size=20, sort=sort)

    assert len(found) == 47
    assert set(found) == {f"{n}" for n in range(47)}


@pytest.mark.parametrize("sort", ["newest", "oldest"])
def test_jobs_that_come_or_go_meanwhile_shift_no_page_of_a_sorted_set(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis, sort: str
) -> None:
    for n in range(60):
        mail.failed(f"{n:02}", NOW + n // 30)
    first = page_of(connection, known, "failed", sort=sort)
    rest = walk(connection, known, "failed", sort=sort, after=first.next_after)

    mail.failed("newer", NOW + 1_000)
    mail.failed("older", NOW - 1_000)
    redis_client.zrem(mail.key("failed"), *ids(first)[5:])
    second = page_of(connection, known, "failed", sort=sort, after=first.next_after)

    assert ids(second) == rest[:20]
    assert second.prev


def test_a_cursor_of_nonsense_is_the_first_page(connection: Connection, known: Known, mail: Filler) -> None:
    mail.failed("1")
    mail.waiting("2")

    for after in ("x", "|", "|1", "nan|1", "-1", "1e999999|x", "9" * 50, "'; DROP", "\x00|\x00"):
        assert ids(page_of(connection, known, "failed", after=after)) == ["1"]
        assert ids(page_of(connection, known, "waiting", after=after)) == ["2"]


def test_a_size_is_one_of_those_offered(connection: Connection, known: Known, mail: Filler) -> None:
    sizes = [page_of(connection, known, "failed", size=size).size for size in (-5, 0, 20, 49, 100, 10**9)]

    assert sizes == [20, 20, 20, 50, 100, 100]


def test_an_exact_id_is_found_in_whatever_state(connection: Connection, known: Known, mail: Filler) -> None:
    for n in range(30):
        mail.failed(f"f{n}", NOW + n)
    mail.completed("done")

    elsewhere = page_of(connection, known, "failed", q="done")
    here = page_of(connection, known, "failed", q=" f3 ")

    assert elsewhere.found is not None
    assert (elsewhere.found.id, elsewhere.found.state) == ("done", "completed")
    assert elsewhere.jobs == ()
    assert here.found is not None
    assert ids(here)[0] == "f3"
    assert page_of(connection, known, "failed", q="no such id").found is None


def test_an_exact_id_comes_first_however_deep_in_the_list_it_is(
    connection: Connection, known: Known, mail: Filler
) -> None:
    for n in range(700):
        mail.client.zadd(mail.key("failed"), {f"{n}-deep": NOW + n})
    mail.failed("deep", NOW - 1)

    page = page_of(connection, known, "failed", q="deep")

    assert ids(page)[0] == "deep"
    assert len(ids(page)) == len(set(ids(page))) == 20


def test_a_text_is_found_in_name_message_and_data(connection: Connection, known: Known, mail: Filler) -> None:
    mail.failed("by-name", name="Weekly-Report")
    mail.failed("by-message", failedReason="no REPORT today")
    mail.failed("by-data", data='{"kind":"report"}')
    mail.failed("not", name="send")

    page = page_of(connection, known, "failed", q="report")

    assert set(ids(page)) == {"by-name", "by-message", "by-data"}
    assert page.searched == 4
    assert page.total == 4


def test_a_search_goes_on_page_by_page(connection: Connection, known: Known, mail: Filler) -> None:
    """Only so many jobs are looked into at once; the cursor goes on behind them, found or not."""
    mail.client.zadd(mail.key("failed"), {f"{n:05}": NOW + n for n in range(10_700)})
    mail.failed("00003", NOW, name="needle")

    first = page_of(connection, known, "failed", q="needle")
    found = walk(connection, known, "failed", q="needle")

    assert first.jobs == ()
    assert 0 < first.searched <= 10_000
    assert first.explained == f"Searched the newest {first.searched:,} of 10,700 failed jobs: 0 found."
    assert first.next_after is not None
    assert found == ["00003"]


def test_errors_are_counted_and_a_click_filters(connection: Connection, known: Known, mail: Filler) -> None:
    for n in range(3):
        mail.failed(f"node-{n}")
    mail.failed("python", NOW, PYTHON_TRACE)
    mail.failed("silent", stacktrace="[]")

    page = page_of(connection, known, "failed")
    filtered = page_of(connection, known, "failed", error="ValueError")
    unnamed = page_of(connection, known, "failed", error="(unnamed)")

    assert page.facets == (("GatewayTimeoutError", 3), ("(unnamed)", 1), ("ValueError", 1))
    assert ids(filtered) == ["python"]
    assert [chip.text for chip in filtered.chips] == ['class:"ValueError"']
    assert ids(unnamed) == ["silent"]


@pytest.mark.parametrize(("job_id", "problem"), BROKEN.items())
def test_a_broken_job_is_marked_and_its_neighbours_suffer_nothing(
    connection: Connection, known: Known, redis_client: redis.Redis, job_id: str, problem: str
) -> None:
    fill_broken(redis_client)

    page = page_of(connection, known, "failed")

    row = next(job for job in page.jobs if job.id == job_id)
    assert problem in row.problems
    assert not row.retryable.ok or job_id in ("bare", "not-json")
    sound = [job for job in page.jobs if job.id.startswith("sound")]
    assert [(job.name, job.problems, job.error_name) for job in sound] == [("send", (), "GatewayTimeoutError")] * 2


def test_options_too_long_for_a_table_are_not_called_broken(connection: Connection, known: Known, mail: Filler) -> None:
    mail.failed("1", opts=json.dumps({"attempts": 3, "tm": "x" * 20_000}))

    (job,) = page_of(connection, known, "failed").jobs

    assert job.problems == ()


def test_scores_that_are_no_times_break_no_page(connection: Connection, known: Known, mail: Filler) -> None:
    for score in ("inf", "-inf", "1e300", "0.5", "-7"):
        for n in range(15):
            mail.client.zadd(mail.key("failed"), {f"{score}-{n}": float(score)})

    for sort in ("newest", "oldest"):
        found = walk(connection, known, "failed", sort=sort)
        assert len(found) == len(set(found)) == 75


def test_a_payload_of_a_megabyte_is_a_preview_and_a_size(
    connection: Connection, known: Known, redis_client: redis.Redis
) -> None:
    fill_broken(redis_client)

    huge = next(job for job in page_of(connection, known, "failed").jobs if job.id == "huge")

    assert huge.data_size > 1_000_000
    assert len(huge.data_preview) <= 160
    assert huge.problems == ()


def test_an_id_is_kept_exactly(connection: Connection, known: Known, redis_client: redis.Redis) -> None:
    fill_broken(redis_client)

    assert AWKWARD_ID in ids(page_of(connection, known, "failed"))


def test_a_list_of_the_wrong_type_is_told_and_empty(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    redis_client.set(mail.key("wait"), "not a list")
    redis_client.rpush(mail.key("failed"), "not", "a", "zset")
    mail.completed("1")

    for state in ("waiting", "failed"):
        page = page_of(connection, known, state, q="x", after="5|y")
        assert page.jobs == ()
        assert "WRONGTYPE" in (page.error_of_queue or "")
    assert ids(page_of(connection, known, "completed")) == ["1"]


def test_pseudo_ids_of_old_releases_are_no_jobs(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    mail.waiting("1")
    redis_client.rpush(mail.key("wait"), "0:1767225600000")

    assert ids(page_of(connection, known, "waiting")) == ["1"]


def test_what_a_row_tells_of_a_delayed_job(connection: Connection, known: Known, mail: Filler) -> None:
    mail.delayed("asked", NOW + 5_000, delay=65_000, opts='{"delay":65000}')
    mail.delayed("failed-once", NOW + 6_000, atm=1, ats=1, delay=6_000)

    asked, backoff = page_of(connection, known, "delayed").jobs

    assert (asked.due_at_ms, asked.delay_reason) == (NOW + 5_000, "delay")
    assert (backoff.due_at_ms, backoff.delay_reason) == (NOW + 6_000, "backoff")
    assert asked.promotable.ok
    assert not asked.retryable.ok


def test_what_a_row_tells_of_a_running_job(connection: Connection, known: Known, mail: Filler) -> None:
    mail.active("locked", progress='{"done":3,"of":9}')
    mail.active("unlocked", 0, progress="42.5")

    locked, unlocked = page_of(connection, known, "active").jobs

    assert (locked.worker, locked.progress) == ("mailer-1", "done: 3, of: 9")
    assert "locked by mailer-1, lock ends in" in locked.removable.reason
    assert unlocked.progress == "42.5"
    assert not unlocked.removable.ok


def test_what_a_row_tells_of_a_finished_job(connection: Connection, known: Known, mail: Filler) -> None:
    mail.completed("1", NOW, timestamp=NOW - 9_500, opts='{"attempts":3,"delay":8000}', returnvalue='{"a":1}')

    (job,) = page_of(connection, known, "completed").jobs

    assert (job.attempts_made, job.attempts_max) == (1, 3)
    assert (job.ran_ms, job.waited_ms, job.finished_at_ms) == (500, 1_000, NOW)
    assert job.return_preview == "a: 1"


def test_what_a_row_tells_of_a_parent(connection: Connection, known: Known, mail: Filler) -> None:
    mail.parent("parent")
    for n in range(3):
        mail.child(mail.waiting(f"child-{n}"), "parent")
    mail.client.hset(mail.key("parent:processed"), "bull:mail:done", "1")

    (job,) = page_of(connection, known, "waiting-children").jobs

    assert (job.children_done, job.children_total) == (1, 4)


def test_the_next_run_of_a_scheduler_cannot_be_removed(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    redis_client.zadd(mail.key("repeat"), {"weekly": NOW})
    mail.delayed(f"repeat:weekly:{NOW}", NOW, rjk="weekly")
    mail.delayed("repeat:weekly:5", NOW + 1, rjk="weekly")

    pending, older = page_of(connection, known, "delayed").jobs

    assert pending.removable.reason == "the next run of a job scheduler; remove the scheduler instead"
    assert older.removable.ok


def test_release_5_keeps_the_jobs_of_a_paused_queue_in_a_tab_of_its_own(
    connection: Connection, known: Known, mail: Filler
) -> None:
    mail.open("bullmq:5.71.0", paused=1)
    mail.paused("1")
    mail.paused("2")

    page = page_of(connection, known, "paused")

    assert ids(page) == ["1", "2"]
    assert [tab.state for tab in page.tabs][:2] == ["paused", "active"]
    assert page.tabs[0].current
    assert page.is_paused
    assert page.paused_list
    assert page.total == 2
    assert page.jobs[0].state == "waiting"


def test_a_panel_shows_one_job_beside_the_list(connection: Connection, known: Known, mail: Filler) -> None:
    mail.failed("1")
    mail.failed("2", NOW)

    page = page_of(connection, known, "failed", job="1", attempt=2)
    without = page_of(connection, known, "failed", job="gone")

    assert page.panel is not None
    assert (page.panel.id, page.panel.position, page.panel.prev_id) == ("1", "2 of 2", "2")
    assert page.panel.attempt_shown == 2
    assert without.panel is None


@pytest.mark.parametrize(
    ("fill", "state"),
    [
        (["completed"], "completed"),
        (["completed", "active"], "active"),
        (["active", "waiting"], "waiting"),
        (["waiting", "failed"], "failed"),
        ([], "waiting"),
    ],
)
def test_a_queue_opens_where_it_is_most_urgent(
    connection: Connection, mail: Filler, fill: list[str], state: str
) -> None:
    for name in fill:
        getattr(mail, name)(f"1-{name}")

    assert most_urgent_state(connection, MAIL) == state


def test_secrets_show_in_no_row(connection: Connection, known: Known, mail: Filler) -> None:
    data = json.dumps({"to": "ann", "password": "s3cret-canary"})
    mail.completed("1", data=data, returnvalue=data)

    page = page_of(connection, known, "completed", job="1")

    assert "s3cret-canary" not in repr(page)
    assert "to: ann" in page.jobs[0].data_preview


@pytest.mark.parametrize(
    ("state", "sort", "told"),
    [
        ("waiting", "", "next"),
        ("delayed", "oldest", "next"),
        ("waiting", "newest", "newest"),
        ("active", "", "oldest"),
        ("waiting-children", "", "oldest"),
        ("failed", "", "newest"),
        ("failed", "oldest", "oldest"),
    ],
)
def test_only_what_stands_in_line_is_told_to_be_next(
    connection: Connection, known: Known, state: str, sort: str, told: str
) -> None:
    page = read_queue(connection, known, MAIL, QueueAsked(state, sort=sort), now_ms=NOW)

    assert page.order == told
