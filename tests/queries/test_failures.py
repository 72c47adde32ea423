import pytest
import redis

from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.queries import failures as failures_module
from board.queries.failures import FailuresAsked, FailuresPage, read_failures
from tests.queries.conftest import Known
from tests.queries.jobs import BROKEN, NOW, PYTHON_TRACE, Filler, fill_broken, fill_hostile

QUEUES = tuple(QueueKeys("bull", name) for name in ("a", "b", "c"))


def page_of(connection: Connection, known: Known, *queues: QueueKeys, **asked: object) -> FailuresPage:
    return read_failures(connection, known, queues or QUEUES, FailuresAsked(**asked), now_ms=NOW)  # type: ignore[arg-type]


def shown(page: FailuresPage) -> list[tuple[str, str]]:
    return [(job.queue.name, job.id) for job in page.jobs]


def walk(connection: Connection, known: Known, *queues: QueueKeys, **asked: object) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    after = ""
    for _ in range(60):
        page = page_of(connection, known, *queues, after=after, **asked)
        found += shown(page)
        if page.next_after is None:
            return found
        after = page.next_after
    raise AssertionError("the pages never end")


@pytest.fixture
def queues(redis_client: redis.Redis) -> dict[str, Filler]:
    return {queue.name: Filler(redis_client, queue.name).open() for queue in QUEUES}


def test_failures_of_all_queues_come_newest_first(
    connection: Connection, known: Known, queues: dict[str, Filler]
) -> None:
    queues["a"].failed("1", NOW - 3_000)
    queues["b"].failed("2", NOW - 1_000, PYTHON_TRACE)
    queues["c"].failed("3", NOW - 2_000)
    queues["c"].completed("4", NOW)

    page = page_of(connection, known)

    assert shown(page) == [("b", "2"), ("c", "3"), ("a", "1")]
    assert (page.failed_total, page.queue_count, page.next_after) == (3, 3, None)
    assert page.jobs[0].error_name == "ValueError"
    assert page.jobs[0].finished_at_ms == NOW - 1_000
    assert page.facets == (("GatewayTimeoutError", 2), ("ValueError", 1))


@pytest.mark.parametrize("chunk", [1, 2, 200])
def test_pages_over_queues_show_every_failure_once(
    connection: Connection, known: Known, queues: dict[str, Filler], monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Many fail in the same millisecond, in one queue and in several, merged by one script or by several.

    The order in which the queues were found has no part in it.
    """
    monkeypatch.setattr(failures_module, "QUEUES_PER_SCRIPT", chunk)
    expected = set()
    for name, queue in queues.items():
        for n in range(37):
            queue.failed(f"{n}", NOW - n // 12)
            expected.add((name, f"{n}"))

    found = walk(connection, known, *reversed(QUEUES))

    assert len(found) == len(expected) == 111
    assert set(found) == expected


@pytest.mark.parametrize("chunk", [1, 200])
def test_a_filtered_walk_finds_all_of_its_kind(
    connection: Connection, known: Known, queues: dict[str, Filler], monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Where several scripts search, one may come to its limit long before another."""
    monkeypatch.setattr(failures_module, "QUEUES_PER_SCRIPT", chunk)
    for n in range(620):
        queues["a"].listed_failed(f"other-{n:03}", NOW + n)
    queues["a"].failed("needle-a", NOW - 5, PYTHON_TRACE)
    for n in range(30):
        queues["b"].failed(f"needle-{n:02}", NOW - 10 + n, PYTHON_TRACE)

    found = walk(connection, known, error="ValueError")

    assert len(found) == len(set(found)) == 31


def test_failures_that_come_meanwhile_shift_no_page(
    connection: Connection, known: Known, queues: dict[str, Filler]
) -> None:
    for n in range(50):
        queues["abc"[n % 3]].failed(f"{n:02}", NOW + n // 10)
    first = page_of(connection, known)
    expected = shown(page_of(connection, known, after=first.next_after))

    queues["a"].failed("new", NOW + 1_000)
    for name, job_id in shown(first):
        queues[name].client.zrem(queues[name].key("failed"), job_id)

    assert shown(page_of(connection, known, after=first.next_after)) == expected


def test_a_search_looks_into_all_queues(connection: Connection, known: Known, queues: dict[str, Filler]) -> None:
    queues["a"].failed("1", NOW, name="Invoice")
    queues["b"].failed("2", NOW, failedReason="no INVOICE")
    queues["c"].failed("3", NOW)

    page = page_of(connection, known, q=" invoice ")

    assert set(shown(page)) == {("a", "1"), ("b", "2")}
    assert (page.q, page.searched, page.failed_total) == ("invoice", 3, 3)


def test_broken_jobs_and_broken_queues_break_nothing_else(
    connection: Connection, known: Known, redis_client: redis.Redis, queues: dict[str, Filler]
) -> None:
    fill_broken(redis_client)
    redis_client.set("bull:b:failed", "not a zset")
    queues["a"].failed("sound", NOW + 1)

    page = page_of(connection, known, QueueKeys("bull", "mail"), *QUEUES)

    assert shown(page)[0] == ("a", "sound")
    assert {job.id for job in page.jobs} >= set(BROKEN)
    assert all(job.problems for job in page.jobs if job.id in BROKEN)


@pytest.mark.parametrize("after", ["x", "1|2", "1||", "x|bull:a:|1", "1|no base|1", "|".join("1" * 9)])
def test_a_cursor_of_nonsense_breaks_nothing(
    connection: Connection, known: Known, queues: dict[str, Filler], after: str
) -> None:
    queues["a"].failed("1")

    page_of(connection, known, after=after)


def test_hostile_names_travel_in_the_cursor(connection: Connection, known: Known, redis_client: redis.Redis) -> None:
    filler = fill_hostile(redis_client)
    for n in range(25):
        filler.failed(f"|{n}|'\"<>", NOW - n)

    queue = QueueKeys("bull", filler.queue)
    found = walk(connection, known, queue)

    assert len(found) == len(set(found)) == 28


def test_queues_of_several_cluster_slots_are_asked_apart_and_merged(
    connection: Connection, known: Known, redis_client: redis.Redis
) -> None:
    queues = [QueueKeys(f"{{tag{n}}}", "mail") for n in range(3)]
    for n, queue in enumerate(queues):
        Filler(redis_client, "mail", queue.prefix).open().failed(f"{n}", NOW + n)
    before = connection.round_trips

    page = page_of(connection, known, *queues)

    assert [job.id for job in page.jobs] == ["2", "1", "0"]
    assert connection.round_trips - before <= 2
