"""What every page may cost: one round trip, no write, bounded replies. Counted at the connection, not believed."""

import json
from collections.abc import Callable

import pytest
import redis

from board.alerts.store import Alerts
from board.engine.calls import Call
from board.engine.commands import kin, pages, scheduler_pages, searches, worker_pages
from board.engine.commands.readings import Cursor
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.history.groups import Groups
from board.history.store import History
from board.namespace import Namespace
from board.queries.failures import FailuresAsked, read_failures
from board.queries.flow import read_children, read_flow, read_flows
from board.queries.job import read_job
from board.queries.overview import read_overview
from board.queries.queue import QueueAsked, most_urgent_state, read_queue
from board.queries.schedulers import read_scheduler, read_schedulers_page
from board.queries.worker_list import read_workers
from tests.queries.conftest import MAIL, Known
from tests.queries.jobs import NOW, Filler, fill_broken

QUEUES = [QueueKeys("bull", "mail"), *(QueueKeys("bull", f"queue-{n}") for n in range(130))]

Page = Callable[[Connection, Known], object]

PAGES: dict[str, Page] = {
    "overview of 131 queues": lambda c, k: read_overview(c, k, QUEUES, now_ms=NOW),
    "overview with alerts": lambda c, k: read_overview(c, k, QUEUES, now_ms=NOW, alerts=Alerts(Namespace())),
    "queue": lambda c, k: read_queue(c, k, MAIL, QueueAsked("failed", size=100), now_ms=NOW),
    "recorded queue with panel": lambda c, k: read_queue(
        c,
        k,
        MAIL,
        QueueAsked("failed", job="sound-1"),
        now_ms=NOW,
        history=History(Namespace()),
        groups=Groups(Namespace()),
    ),
    "job of a recorded queue": lambda c, k: read_job(c, k, MAIL, "sound-1", now_ms=NOW, groups=Groups(Namespace())),
    "queue with panel": lambda c, k: read_queue(c, k, MAIL, QueueAsked("failed", job="sound-1"), now_ms=NOW),
    "way to a queue": lambda c, _: most_urgent_state(c, MAIL),
    "job": lambda c, k: read_job(c, k, MAIL, "sound-1", now_ms=NOW),
    "failures of 131 queues": lambda c, k: read_failures(c, k, QUEUES, FailuresAsked(), now_ms=NOW),
    "schedulers of 131 queues": lambda c, k: read_schedulers_page(c, k, Namespace(), QUEUES, now_ms=NOW),
    "workers of 131 queues": lambda c, k: read_workers(c, k, QUEUES, now_ms=NOW),
    "scheduler": lambda c, k: read_scheduler(c, k, Namespace(), MAIL, "tick", now_ms=NOW),
    "children": lambda c, k: read_children(c, k, MAIL, "parent", now_ms=NOW),
    "flow": lambda c, k: read_flow(c, k, MAIL, "parent", now_ms=NOW),
    "flows of 131 queues": lambda c, k: read_flows(c, k, QUEUES, now_ms=NOW),
}


@pytest.fixture
def full(redis_client: redis.Redis) -> Filler:
    mail = fill_broken(redis_client)
    mail.parent("parent")
    mail.child(mail.waiting("child"), "parent")
    for queue in QUEUES[1:]:
        one = Filler(redis_client, queue.name).open()
        one.failed("1")
        one.waiting("2")
        one.parent("3")
        one.scheduler("4")
    mail.scheduler("tick")
    return mail


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_costs_one_round_trip(connection: Connection, known: Known, full: Filler, page: Page) -> None:
    """The first time a server meets a script it has to be sent once more, hence the page before."""
    page(connection, known)
    before = connection.round_trips

    page(connection, known)

    assert connection.round_trips - before == 1


def test_a_search_costs_one_round_trip_more_for_500_jobs_and_one_for_what_it_found(
    connection: Connection, known: Known, full: Filler
) -> None:
    full.client.zadd(full.key("failed"), {f"more-{n}": NOW + n for n in range(1_200)})
    asked = QueueAsked("failed", q="name:send", size=100)
    read_queue(connection, known, MAIL, asked, now_ms=NOW)
    before = connection.round_trips

    read_queue(connection, known, MAIL, asked, now_ms=NOW)

    assert connection.round_trips - before == 1 + 3 + 1


@pytest.mark.parametrize(("state", "each"), [("failed", 3), ("completed", 3), ("waiting", 2)])
def test_a_line_costs_redis_few_commands_and_its_error_is_read_once(
    connection: Connection, known: Known, redis_client: redis.Redis, state: str, each: int
) -> None:
    """The lengths of its long texts, then all its fields; the counts above the list take the errors from the lines."""
    mail = Filler(redis_client).open()
    for number in range(20):
        getattr(mail, state)(f"job-{number}")
    asked = QueueAsked(state, size=100)
    read_queue(connection, known, MAIL, asked, now_ms=NOW)
    redis_client.config_resetstat()

    page = read_queue(connection, known, MAIL, asked, now_ms=NOW)

    stats = redis_client.info("commandstats")
    of_jobs = sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("hstrlen", "hget"))
    others = 1 + (state == "waiting")  # the conditions of the queue, and since when its next job waits
    assert of_jobs + stats["cmdstat_hmget"]["calls"] - others == 20 * each
    assert len(page.jobs) == 20
    assert sum(count for _, count in page.facets) == 20 * (state == "failed")


def test_errors_are_not_counted_beside_a_job(connection: Connection, known: Known, redis_client: redis.Redis) -> None:
    mail = Filler(redis_client).open()
    for number in range(100):
        mail.failed(f"job-{number}")
    costs = []
    for asked in (QueueAsked("failed"), QueueAsked("failed", job="job-1")):
        read_queue(connection, known, MAIL, asked, now_ms=NOW)
        redis_client.config_resetstat()
        page = read_queue(connection, known, MAIL, asked, now_ms=NOW)
        stats = redis_client.info("commandstats")
        costs.append((stats["cmdstat_hget"]["calls"], bool(page.facets)))

    assert [is_counted for _, is_counted in costs] == [True, False]
    assert costs[0][0] >= 80 > 3 * costs[1][0]


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_changes_nothing(
    connection: Connection, known: Known, full: Filler, redis_client: redis.Redis, page: Page
) -> None:
    changes = _changes(redis_client)

    page(connection, known)

    assert _changes(redis_client) == changes


@pytest.mark.parametrize(
    "call",
    [
        pages.read_queues([MAIL]),
        pages.read_page(MAIL, "failed", order="newest", size=100, find="sound-1", text="sound"),
        pages.read_page(MAIL, "waiting", order="oldest", size=20),
        pages.read_newest([MAIL], "failed", size=20, error="GatewayTimeoutError"),
        pages.read_newest([MAIL], "waiting-children", size=20, below=50),
        pages.read_rows(MAIL, "failed", [("sound-1", "1"), ("gone", "1")]),
        searches.read_candidates(MAIL, "failed", order="oldest", count=100, fields=searches.CANDIDATE_FIELDS),
        searches.read_candidates(MAIL, "waiting", order="newest", count=100, after=Cursor("1")),
        pages.read_job(MAIL, "sound-1"),
        kin.read_kin(MAIL, "sound-1"),
        pages.read_job(MAIL, "parent"),
        pages.read_flow(MAIL, "parent"),
        pages.read_children(MAIL, "parent"),
        scheduler_pages.read_schedulers([MAIL], find="tick"),
        worker_pages.read_active([MAIL]),
    ],
    ids=lambda call: call.script.name,
)
def test_the_server_itself_refuses_the_scripts_no_command(
    full: Filler, server_bytes: redis.Redis, call: Call[object]
) -> None:
    """EVAL_RO fails at the first command that writes, or that could."""
    assert call.script is not None

    server_bytes.execute_command("EVAL_RO", call.script.source, call.keys, *call.argv)  # type: ignore[no-untyped-call]

    assert not call.writes


def test_a_page_of_enormous_jobs_stays_small(connection: Connection, mail: Filler, server_bytes: redis.Redis) -> None:
    """A hundred payloads of a megabyte: neither the network nor the page carries them."""
    data = json.dumps({"blob": "x" * 1_000_000})
    for n in range(100):
        mail.failed(f"{n}", data=data, failedReason="y" * 100_000)
    call = pages.read_page(MAIL, "failed", order="newest", size=100)
    assert call.script is not None

    reply = server_bytes.execute_command("EVAL_RO", call.script.source, call.keys, *call.argv)  # type: ignore[no-untyped-call]

    assert _bytes(reply) < 400_000
    lengths = [row.data.length for row in map(pages.unpack_row, connection.call(call).rows) if row.data]
    assert lengths == [len(data)] * 100


def _bytes(reply: object) -> int:
    if isinstance(reply, list):
        return sum(_bytes(one) for one in reply)
    return len(reply) if isinstance(reply, bytes) else 8


def _changes(client: redis.Redis) -> int:
    info = client.info("persistence")
    assert isinstance(info, dict)
    return int(info["rdb_changes_since_last_save"])
