import base64
from collections.abc import Iterator

import pytest
import redis

from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.queries.arranging import ROW_LIMIT, OverviewPage, arrange
from board.queries.attention import OLDEST_WAITING_MS
from board.queries.overview import QueueRow, read_overview
from tests.queries.conftest import MAIL, Known
from tests.queries.jobs import NOW, Filler
from tests.servers import Server


def page_of(connection: Connection, known: Known, *queues: QueueKeys, **asked: str) -> OverviewPage:
    return arrange(read_overview(connection, known, queues or (MAIL,), now_ms=NOW), **asked)  # type: ignore[arg-type]


def row_of(page: OverviewPage, name: str = "mail") -> QueueRow:
    return next(row for group in page.groups for row in group.rows if row.queue.name == name)


def told(page: OverviewPage) -> list[tuple[str, str]]:
    return [(one.severity, one.sentence) for one in page.attention]


@pytest.fixture
def worker(server: Server, redis_url: str) -> Iterator[None]:
    """A connection that signs itself as BullMQ's worker of the queue mail does."""
    del redis_url
    client = redis.Redis.from_url(server.url, client_name=f"bull:{base64.b64encode(b'mail').decode()}:w:mailer-1")
    client.ping()
    yield
    client.close()


def test_counts_are_those_of_the_containers(connection: Connection, known: Known, mail: Filler) -> None:
    for n in range(7):
        mail.waiting(f"w{n}")
    mail.active("a")
    mail.prioritized("p", 1)
    mail.delayed("d1", NOW)
    mail.delayed("d2", NOW)
    mail.parent("c")
    for n in range(3):
        mail.completed(f"ok{n}")
    mail.failed("f")

    page = page_of(connection, known)

    counts = row_of(page).counts
    assert (counts.waiting, counts.active, counts.prioritized, counts.delayed) == (7, 1, 1, 2)
    assert (counts.waiting_children, counts.completed, counts.failed, counts.paused) == (1, 3, 1, 0)
    assert (counts.open, counts.total) == (12, 16)
    assert (page.open_count, page.failed_count, page.active_count) == (12, 1, 1)


def test_a_calm_queue_needs_no_attention(connection: Connection, known: Known, mail: Filler, worker: None) -> None:
    mail.waiting("1")
    mail.completed("2")

    page = page_of(connection, known)

    assert page.attention == ()
    assert not row_of(page).in_trouble
    assert page.workers_count == 1


def test_failed_jobs_are_told_with_their_share(connection: Connection, known: Known, mail: Filler) -> None:
    for n in range(12):
        mail.failed(f"f{n}")
    for n in range(4):
        mail.completed(f"c{n}")

    (attention,) = page_of(connection, known).attention

    assert attention.severity == "critical"
    assert attention.sentence == "has 12 failed jobs, 75% of the finished jobs kept"
    assert (attention.action_label, attention.action_state) == ("Open 12 failed", "failed")


def test_jobs_without_a_worker_are_critical(connection: Connection, known: Known, mail: Filler) -> None:
    """That they are late as well goes without saying."""
    mail.waiting("1", timestamp=NOW - 10 * OLDEST_WAITING_MS)
    mail.waiting("2")

    page = page_of(connection, known)

    assert told(page) == [("critical", "has no workers. 2 jobs waiting")]
    assert row_of(page).workers == 0


def test_workers_that_do_not_sign_are_not_called_absent(connection: Connection, known: Known, mail: Filler) -> None:
    """Behind a proxy the names of connections are lost; a job that runs proves that somebody is there."""
    mail.active("1")

    assert told(page_of(connection, known)) == [("warn", "has no worker connected by name. 1 active")]


def test_where_connections_may_not_be_listed_workers_are_unknown(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis, redis_url: str
) -> None:
    mail.waiting("1")
    redis_client.acl_setuser("reader", enabled=True, passwords=["+pw"], keys=["*"], commands=["+@all", "-client|list"])
    narrow = Connection.open(redis_url.replace("redis://", "redis://reader:pw@"))

    page = page_of(narrow, known)

    narrow.close()
    redis_client.acl_deluser("reader")
    assert page.workers_count is None
    assert row_of(page).workers is None
    assert page.attention == ()


def test_the_python_port_names_both_its_connections(
    connection: Connection, known: Known, mail: Filler, redis_url: str
) -> None:
    clients = [redis.Redis.from_url(redis_url, client_name="bull:mail:w:py") for _ in range(2)]
    for client in clients:
        client.ping()

    page = page_of(connection, known)

    for client in clients:
        client.close()
    assert row_of(page).workers == 1


@pytest.mark.parametrize("version", ["bullmq:5.71.0", "bullmq:6.7.0"])
def test_a_paused_queue_says_how_many_wait_behind_it(
    connection: Connection, known: Known, mail: Filler, version: str
) -> None:
    """Release 5 moves waiting jobs into a list of its own."""
    mail.open(version, paused=1)
    (mail.paused if version.startswith("bullmq:5") else mail.waiting)("1")

    page = page_of(connection, known)

    (attention,) = page.attention
    assert (attention.severity, attention.sentence) == ("paused", "is paused. 1 job waits behind it")
    assert (attention.action_label, attention.action_url_kind) == ("Resume", "resume")
    assert row_of(page).is_paused
    assert row_of(page).release == version[7]


def test_a_job_that_waits_too_long_is_told(connection: Connection, known: Known, mail: Filler, worker: None) -> None:
    mail.waiting("late", timestamp=NOW - OLDEST_WAITING_MS - 60_000)
    mail.waiting("fresh", timestamp=NOW)

    page = page_of(connection, known)

    assert told(page) == [("warn", "next job in line waits for 11 min, limit 10 min")]
    assert page.oldest_waiting_ms == OLDEST_WAITING_MS + 60_000


def test_a_retried_job_does_not_count_as_waiting_since_it_was_added(
    connection: Connection, known: Known, mail: Filler, worker: None
) -> None:
    """Its hash keeps the day it was added and not the moment it came back."""
    mail.waiting("retried", timestamp=NOW - 86_400_000, ats=1)
    mail.waiting("delayed-before", timestamp=NOW - 90_000, opts='{"delay":60000}')

    assert row_of(page_of(connection, known)).oldest_waiting_at_ms == NOW - 30_000


def test_limits_are_named_while_jobs_wait_behind_them(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis, worker: None
) -> None:
    mail.open(max=10, duration=60_000, concurrency=1)
    redis_client.set(mail.key("limiter"), 10, px=60_000)
    mail.waiting("1")
    mail.active("2")

    page = page_of(connection, known)

    assert [severity for severity, _ in told(page)] == ["info", "info"]
    assert "is rate limited for another" in page.attention[0].sentence + page.attention[1].sentence
    assert "runs 1 of 1 job allowed at once" in page.attention[0].sentence + page.attention[1].sentence
    row = row_of(page)
    assert row.rate_limited_for_ms is not None
    assert 0 < row.rate_limited_for_ms <= 60_000
    assert not row.in_trouble


def test_a_counter_below_its_limit_limits_nothing(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    mail.open(max=10, duration=60_000)
    redis_client.set(mail.key("limiter"), 9, px=60_000)

    assert row_of(page_of(connection, known)).rate_limited_for_ms is None


def test_one_broken_queue_costs_only_its_own_row(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    mail.completed("1")
    redis_client.hset("bull:broken:meta", "version", "bullmq:6.7.0")
    redis_client.set("bull:broken:wait", "not a list")

    page = page_of(connection, known, MAIL, QueueKeys("bull", "broken"))

    assert "WRONGTYPE" in (row_of(page, "broken").error or "")
    assert row_of(page, "broken").in_trouble
    assert row_of(page).counts.completed == 1
    assert row_of(page).error is None


def test_queues_are_grouped_by_what_their_names_begin_with(connection: Connection, known: Known, mail: Filler) -> None:
    queues = [QueueKeys("bull", name) for name in ("billing.charge", "billing-dunning", "mail", "billing", ".odd")]
    queues.append(QueueKeys("acme", "billing.charge"))

    page = page_of(connection, known, *queues)

    groups = {group.name: [row.queue.name for row in group.rows] for group in page.groups}
    assert groups == {
        "billing": ["billing", "billing-dunning", "billing.charge"],
        "acme:billing": ["billing.charge"],
        "mail": ["mail"],
        ".odd": [".odd"],
    }
    assert row_of(page, "billing.charge").queue.slug in ("billing.charge", "acme~billing.charge")


def test_filters_and_orders_keep_the_totals(connection: Connection, known: Known, redis_client: redis.Redis) -> None:
    queues = [QueueKeys("bull", name) for name in ("a.calm", "b.failing", "c.paused")]
    Filler(redis_client, "a.calm").open()
    Filler(redis_client, "b.failing").open().failed("1")
    Filler(redis_client, "c.paused").open(paused=1)

    def names(**asked: str) -> list[str]:
        page = page_of(connection, known, *queues, **asked)
        assert page.queue_count == 3
        assert (page.failed_count, page.trouble_count, page.paused_count) == (1, 1, 1)
        return [row.queue.name for group in page.groups for row in group.rows]

    assert names(q="FAIL") == ["b.failing"]
    assert names(q="nothing") == []
    assert names(only="trouble") == ["b.failing"]
    assert names(only="paused") == ["c.paused"]
    assert names(only="nonsense") == ["a.calm", "b.failing", "c.paused"]
    assert names(sort="failed")[0] == "b.failing"


def test_of_too_many_queues_those_in_trouble_are_shown(
    connection: Connection, known: Known, redis_client: redis.Redis
) -> None:
    queues = [QueueKeys("bull", f"q{n:03}") for n in range(ROW_LIMIT + 30)]
    Filler(redis_client, "q129").open().failed("1")

    page = page_of(connection, known, *queues)

    assert page.truncated
    assert page.shown_count == ROW_LIMIT
    assert page.queue_count == ROW_LIMIT + 30
    assert row_of(page, "q129").in_trouble


def test_more_than_a_page_of_queues_is_paged(connection: Connection, known: Known) -> None:
    queues = [QueueKeys("bull", f"q{n:03}") for n in range(ROW_LIMIT + 30)]

    def page(number: int) -> OverviewPage:
        return arrange(read_overview(connection, known, queues, now_ms=NOW), page=number, pins=("q129",))

    first, second, beyond = page(0), page(1), page(99)
    assert [row.queue.name for group in first.groups for row in group.rows] == [
        "q129",
        *(f"q{n:03}" for n in range(100)),
    ]
    assert first.has_more
    assert [row.queue.name for group in second.groups for row in group.rows] == [f"q{n:03}" for n in range(100, 129)]
    assert not second.has_more
    assert beyond.page == 1


def test_very_many_queues_are_folded_into_groups_that_open(
    connection: Connection, known: Known, redis_client: redis.Redis
) -> None:
    queues = [QueueKeys("bull", f"team{n % 5}.q{n}") for n in range(2 * ROW_LIMIT)]
    queues.append(QueueKeys("acme", "team0.x"))
    Filler(redis_client, "team1.q1").open(paused=1).failed("1")
    Filler(redis_client, "team1.q6").open().waiting("1")

    reading = read_overview(connection, known, queues, now_ms=NOW)
    page = arrange(reading)

    assert (page.by, page.groups) == ("group", ())
    assert [(group.name, group.queues) for group in page.folded] == [
        ("acme:team0", 1),
        *((f"team{n}", 40) for n in range(5)),
    ]
    team = page.folded[2]
    assert (team.counts.failed, team.counts.waiting, team.trouble, team.paused) == (1, 1, 2, 1)
    opened = arrange(reading, within="team1")
    assert (opened.by, opened.shown_count) == ("queue", 40)
    assert arrange(reading, by="queue").shown_count == ROW_LIMIT
    assert arrange(read_overview(connection, known, queues[:3], now_ms=NOW), by="group").by == "group"


def test_an_empty_redis_is_a_page_too(connection: Connection, known: Known) -> None:
    page = arrange(read_overview(connection, known, (), now_ms=NOW), prefixes=("bull", "acme"))

    assert (page.queue_count, page.groups, page.attention) == (0, (), ())
    assert page.prefixes == ("bull", "acme")
