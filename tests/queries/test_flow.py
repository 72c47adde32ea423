import pytest
import redis

from board.engine.commands.pages import BelowReading, read_job, read_newest
from board.engine.connection.sync import Connection
from board.errors import UnknownJobError
from board.queries.family import FlowNode
from board.queries.flow import (
    LOOKED_INTO,
    FlowPage,
    read_children,
    read_flow,
    read_flows,
)
from tests.queries.conftest import MAIL, Known
from tests.queries.jobs import NOW, Filler


def page_of(connection: Connection, known: Known, job_id: str) -> FlowPage:
    return read_flow(connection, known, MAIL, job_id, now_ms=NOW)


def drawn(node: FlowNode) -> dict[str, object]:
    return {node.link.id: [drawn(child) for child in node.children]} if node.children else {node.link.id: node.state}


def asked_of(node: FlowNode) -> list[str]:
    own = [node.link.id] if node.is_asked else []
    return own + [job_id for child in node.children for job_id in asked_of(child)]


@pytest.fixture
def tree(mail: Filler, redis_client: redis.Redis) -> Filler:
    """A root with three children in two queues, one of them a parent itself."""
    mail.parent("root", name="publish-video", progress="20")
    mail.parent("middle")
    mail.child("middle", "root")
    mail.child(mail.failed("leaf-bad"), "middle", "fpof")
    redis_client.srem(mail.key("middle:dependencies"), "bull:mail:leaf-bad")
    redis_client.zadd(mail.key("middle:unsuccessful"), {"bull:mail:leaf-bad": NOW})
    mail.child(mail.waiting("leaf-open"), "middle")
    redis_client.hset(mail.key("root:processed"), mapping={"bull:mail:done": "1", "bull:other:evicted": "1"})
    mail.completed("done", parentKey="bull:mail:root", parent='{"id":"root","queueKey":"bull:mail"}')
    return mail


@pytest.mark.parametrize("asked", ["root", "middle", "leaf-bad", "done"])
def test_the_whole_flow_is_shown_whichever_of_its_jobs_is_asked_for(
    connection: Connection, known: Known, tree: Filler, asked: str
) -> None:
    page = page_of(connection, known, asked)

    assert drawn(page.root) == {
        "root": [
            {"middle": [{"leaf-bad": "failed"}, {"leaf-open": "waiting"}]},
            {"done": "completed"},
            {"evicted": "unknown"},
        ]
    }
    assert asked_of(page.root) == [asked]
    assert page.node_count == 6
    assert not page.depth_cut


def test_a_node_tells_how_its_children_stand(connection: Connection, known: Known, tree: Filler) -> None:
    page = page_of(connection, known, "root")

    root, middle = page.root, page.root.children[0]
    assert (root.name, root.progress, root.state) == ("publish-video", "20", "waiting-children")
    assert root.counts is not None
    assert (root.counts.processed, root.counts.unprocessed) == (2, 1)
    assert middle.counts is not None
    assert (middle.counts.failed, middle.counts.unprocessed) == (1, 1)
    assert middle.children[0].failed_reason == "POST /v1/charges took longer than 10000 ms"
    assert not page.root.children[2].link.url_ok


def test_a_wide_node_shows_the_first_and_counts_the_rest(connection: Connection, known: Known, mail: Filler) -> None:
    mail.parent("root")
    for n in range(2_000):
        mail.client.sadd(mail.key("root:dependencies"), f"bull:mail:{n}")

    page = page_of(connection, known, "root")

    assert len(page.root.children) == 20
    assert page.root.more == 1_980


def test_a_flow_whose_children_hide_in_a_long_line_searches_it_a_few_times_and_no_more(
    connection: Connection, known: Known, mail: Filler
) -> None:
    """Passing 100,000 ids for each of hundreds of jobs would hold the server for a second, at every refresh."""
    mail.parent("root")
    for start in range(0, 100_000, 10_000):
        mail.client.rpush(mail.key("wait"), *(f"other-{n}" for n in range(start, start + 10_000)))
    for a in range(20):
        mail.parent(f"{a}")
        mail.child(f"{a}", "root")
        for b in range(5):
            mail.child(f"{a}-{b}", f"{a}")
            mail.client.lrem(mail.key("wait"), 0, f"{a}-{b}")
    mail.client.config_resetstat()

    page = page_of(connection, known, "root")

    searches = mail.client.info("commandstats").get("cmdstat_lpos", {"calls": 0})["calls"]
    assert page.node_count == 121
    assert searches <= 30


@pytest.mark.parametrize("asked", ["0", "1999"])
def test_the_job_asked_for_is_shown_however_wide_its_parent_is(
    connection: Connection, known: Known, mail: Filler, asked: str
) -> None:
    mail.parent("root")
    for n in range(2_000):
        mail.client.sadd(mail.key("root:dependencies"), f"bull:mail:{n}")
    mail.child(mail.waiting(asked), "root")

    page = page_of(connection, known, asked)

    assert asked_of(page.root) == [asked]
    assert len(page.root.children) == 20
    assert page.root.more == 1_980


def test_the_job_asked_for_is_shown_however_deep_it_is(connection: Connection, known: Known, mail: Filler) -> None:
    mail.parent("0")
    for n in range(1, 16):
        mail.child(mail.parent(f"{n}"), f"{n - 1}")

    page = page_of(connection, known, "15")

    assert asked_of(page.root) == ["15"]
    assert page.root.link.id == "0"


def test_a_child_that_its_parent_dropped_is_shown_below_it(connection: Connection, known: Known, mail: Filler) -> None:
    mail.parent("root")
    mail.child(mail.waiting("kept"), "root")
    mail.child(mail.failed("dropped"), "root", "rdof")
    mail.client.srem(mail.key("root:dependencies"), "bull:mail:dropped")

    page = page_of(connection, known, "dropped")

    assert [(child.link.id, child.link.kind) for child in page.root.children] == [
        ("kept", "unprocessed"),
        ("dropped", "forgotten"),
    ]
    assert page.root.more == 0


def test_a_dropped_child_is_not_taken_for_one_of_those_that_are_counted(
    connection: Connection, known: Known, mail: Filler
) -> None:
    mail.parent("root")
    for n in range(100):
        mail.client.sadd(mail.key("root:dependencies"), f"bull:mail:{n}")
    mail.child(mail.failed("dropped"), "root", "rdof")
    mail.client.srem(mail.key("root:dependencies"), "bull:mail:dropped")

    page = page_of(connection, known, "dropped")

    assert len(page.root.children) == 21
    assert page.root.more == 80


def test_a_deep_flow_is_cut_and_says_so(connection: Connection, known: Known, mail: Filler) -> None:
    mail.parent("0")
    for n in range(1, 15):
        mail.parent(f"{n}")
        mail.child(f"{n}", f"{n - 1}")

    page = page_of(connection, known, "0")

    assert page.depth_cut
    assert page.node_count == 11


def test_a_flow_that_bites_its_own_tail_ends(connection: Connection, known: Known, mail: Filler) -> None:
    mail.parent("a")
    mail.parent("b")
    mail.child("a", "b")
    mail.child("b", "a")

    assert page_of(connection, known, "a").node_count == 2


def test_a_job_without_relatives_is_a_flow_of_one(connection: Connection, known: Known, mail: Filler) -> None:
    mail.waiting("alone")

    page = page_of(connection, known, "alone")

    assert (page.node_count, page.root.state, page.root.counts) == (1, "waiting", None)


def test_a_parent_that_is_gone_makes_its_child_the_root(connection: Connection, known: Known, mail: Filler) -> None:
    mail.child(mail.waiting("child"), "gone")

    assert page_of(connection, known, "child").root.link.id == "child"


def test_a_job_that_is_gone_is_unknown(connection: Connection, known: Known, mail: Filler) -> None:
    with pytest.raises(UnknownJobError):
        page_of(connection, known, "gone")


def test_jobs_of_queues_that_are_not_shown_give_nothing_away(connection: Connection, mail: Filler) -> None:
    Filler(mail.client, "secret").waiting("p", name="takeover", failedReason="of acme", progress='"at noon"')
    mail.parent("root")
    mail.client.sadd(mail.key("root:dependencies"), "bull:secret:p")

    (child,) = page_of(connection, Known(frozenset({"secret"})), "root").root.children

    assert (child.name, child.state, child.failed_reason, child.progress) == (None, "unknown", None, None)
    assert (child.link.url_ok, child.link.queue) == (False, None)


def test_only_what_failed_or_is_on_the_longest_path_is_shown_with_what_is_above(
    connection: Connection, known: Known, tree: Filler
) -> None:
    failed = read_flow(connection, known, MAIL, "root", now_ms=NOW, view="failed")
    path = read_flow(connection, known, MAIL, "root", now_ms=NOW, view="path")

    assert drawn(failed.root) == {"root": [{"middle": [{"leaf-bad": "failed"}]}]}
    assert drawn(path.root) == {"root": [{"middle": [{"leaf-open": "waiting"}]}]}
    assert path.path_end is not None
    assert path.path_end.link.id == "leaf-open"
    assert (failed.node_count, path.node_count) == (6, 6)


def test_a_job_is_found_by_name_or_id_with_what_is_above_it(connection: Connection, known: Known, tree: Filler) -> None:
    by_id = read_flow(connection, known, MAIL, "root", now_ms=NOW, q="LEAF-o")
    none = read_flow(connection, known, MAIL, "root", now_ms=NOW, q="nobody")

    assert drawn(by_id.root) == {"root": [{"middle": [{"leaf-open": "waiting"}]}]}
    assert drawn(none.root) == {"root": "waiting-children"}


def test_a_retried_job_is_due_when_its_place_says_and_not_when_it_was_added(
    connection: Connection, known: Known, mail: Filler
) -> None:
    mail.parent("root")
    mail.child(mail.delayed("again", NOW + 90_000, timestamp=NOW - 600_000, delay=5_000, atm=2), "root")

    assert page_of(connection, known, "root").root.children[0].due_at_ms == NOW + 90_000
    assert read_children(connection, known, MAIL, "root", now_ms=NOW).children[0].due_at_ms == NOW + 90_000


def test_the_tree_is_told_once(connection: Connection, known: Known, tree: Filler) -> None:
    page = page_of(connection, known, "middle")

    beside = [page.asked, page.path_end, *page.above, *page.failed]
    assert [node.link.id for node in beside if node] == ["middle", "leaf-open", "root", "leaf-bad"]
    assert [node.children for node in beside if node] == [()] * 4


def test_a_filter_may_leave_out_the_job_asked_for(connection: Connection, known: Known, tree: Filler) -> None:
    every = read_flow(connection, known, MAIL, "leaf-open", now_ms=NOW)
    failed = read_flow(connection, known, MAIL, "leaf-open", now_ms=NOW, view="failed")

    assert (every.shows_asked, failed.shows_asked) == (True, False)


def test_what_the_job_asked_for_holds_back_is_told(connection: Connection, known: Known, tree: Filler) -> None:
    page = page_of(connection, known, "leaf-bad")

    assert page.asked is not None
    assert page.asked.link.id == "leaf-bad"
    assert [node.link.id for node in page.above] == ["middle", "root"]


def test_a_job_holds_nothing_back_above_a_parent_that_ignores_it_or_no_longer_waits(
    connection: Connection, known: Known, tree: Filler, redis_client: redis.Redis
) -> None:
    redis_client.zrem(tree.key("middle:unsuccessful"), "bull:mail:leaf-bad")
    redis_client.hset(tree.key("middle:failed"), "bull:mail:leaf-bad", "no sound")
    assert page_of(connection, known, "leaf-bad").above == ()

    redis_client.zrem(tree.key("waiting-children"), "middle")
    redis_client.rpush(tree.key("wait"), "middle")
    assert page_of(connection, known, "leaf-open").above == ()
    assert [node.link.id for node in page_of(connection, known, "middle").above] == ["root"]


def test_bars_tell_when_the_children_of_a_wide_node_ended(connection: Connection, known: Known, mail: Filler) -> None:
    """Every tenth of 2,000 is asked; a child that failed counts beside them."""
    mail.parent("root", timestamp=NOW - 10_000)
    mail.completed("early", NOW - 9_000)
    for n in range(2_000):
        mail.client.hset(mail.key("root:processed"), mail.key(f"{n}"), "1")
        mail.client.hset(mail.key(f"{n}"), mapping={"name": "part", "finishedOn": NOW - 5_000})
    mail.child(mail.failed("bad", NOW - 1_000), "root", "fpof")
    mail.client.srem(mail.key("root:dependencies"), mail.key("bad"))
    mail.client.zadd(mail.key("root:unsuccessful"), {mail.key("bad"): NOW})

    page = page_of(connection, known, "root")

    bars = page.bars[mail.key("root")]
    assert sum(bar.done for bar in bars) == 200
    assert [bar.done for bar in bars if bar.done] == [200]
    assert sum(bar.failed for bar in bars) == 1
    assert next(at for at, bar in enumerate(bars) if bar.failed) > next(at for at, bar in enumerate(bars) if bar.done)


@pytest.mark.parametrize("length_ms", [1, 999, 61_000, 3_600_000, 400 * 86_400_000])
def test_the_axis_has_a_few_round_ticks(connection: Connection, known: Known, mail: Filler, length_ms: int) -> None:
    mail.parent("root", timestamp=NOW - length_ms)

    page = page_of(connection, known, "root")

    assert 1 <= len(page.ticks) <= 7
    assert page.from_ms == NOW - length_ms
    assert all(0 <= tick < page.to_ms - page.from_ms for tick in page.ticks)


def test_wrong_types_within_a_flow_break_nothing(connection: Connection, known: Known, mail: Filler) -> None:
    mail.parent("root")
    mail.client.set(mail.key("root:processed"), "x")
    mail.client.set(mail.key("text"), "x")
    mail.client.sadd(mail.key("root:dependencies"), "bull:mail:text", "no colon at all", "")

    assert page_of(connection, known, "root").node_count == 4


def test_parents_that_wait_are_listed_over_all_queues(connection: Connection, known: Known, tree: Filler) -> None:
    page = read_flows(connection, known, [MAIL], now_ms=NOW)

    assert {job.id for job in page.jobs} == {"root", "middle"}
    assert page.total == 2
    assert {(job.children_done, job.children_total) for job in page.jobs} == {(2, 3), (1, 2)}


def below_of(connection: Connection, known: Known, job_id: str, size: int = 20) -> tuple[int, int, bool]:
    """Return done, counted and whether there may be more, below one parent of the list."""
    page = read_flows(connection, known, [MAIL], now_ms=NOW, size=size)
    (one,) = [below for job, below in zip(page.jobs, page.below, strict=True) if job.id == job_id]
    assert one is not None
    return one.done, one.total, one.is_cut


def test_the_list_counts_what_hangs_below_the_children_too(connection: Connection, known: Known, mail: Filler) -> None:
    mail.parent("root")
    for middle in ("left", "right"):
        mail.child(mail.parent(middle), "root")
        mail.child(mail.waiting(f"{middle}-open"), middle)
        mail.client.hset(mail.key(f"{middle}:processed"), "bull:mail:gone", "1")
    mail.client.hset(mail.key("left:failed"), "bull:mail:gone-too", "no sound")
    mail.client.zadd(mail.key("right:unsuccessful"), {"bull:mail:gone-too": 1})

    assert below_of(connection, known, "root") == (4, 8, False)
    assert below_of(connection, known, "left") == (2, 3, False)


def test_very_many_children_are_counted_and_not_all_looked_into(
    connection: Connection, known: Known, mail: Filler
) -> None:
    mail.parent("root")
    mail.client.hset(mail.key("root:processed"), mapping={f"bull:mail:done-{n}": "1" for n in range(1_500)})
    mail.client.sadd(mail.key("root:dependencies"), *(f"bull:mail:open-{n}" for n in range(501)))

    assert below_of(connection, known, "root") == (1_500, 2_001, True)


@pytest.mark.parametrize("children", [LOOKED_INTO, LOOKED_INTO + 1])
def test_all_is_counted_up_to_the_bound(connection: Connection, known: Known, mail: Filler, children: int) -> None:
    mail.parent("root")
    mail.client.sadd(mail.key("root:dependencies"), *(f"bull:mail:open-{n}" for n in range(children)))

    assert below_of(connection, known, "root") == (0, children, children > LOOKED_INTO)


def test_a_page_of_wide_flows_costs_the_server_a_bounded_number_of_looks(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    """Fifty flows of a thousand children each: what is done for each does not grow with its children."""
    for flow in range(50):
        mail.parent(f"root-{flow}")
        redis_client.sadd(mail.key(f"root-{flow}:dependencies"), *(f"bull:mail:{flow}-{n}" for n in range(1_000)))
    connection.call(read_newest([MAIL], "waiting-children", size=1))  # the script is there
    redis_client.config_resetstat()

    page = read_flows(connection, known, [MAIL], now_ms=NOW, size=50)

    looks = redis_client.info("commandstats")["cmdstat_exists"]["calls"]
    assert len(page.jobs) == 50
    assert all(below == BelowReading(0, 1_000, is_cut=True) for below in page.below)
    assert looks <= 1_000


def test_results_of_children_are_not_read_however_long_they_are(
    connection: Connection, known: Known, mail: Filler, redis_client: redis.Redis
) -> None:
    """Redis would stand still for as long as it takes to copy them, whenever somebody looks at the list or the job."""
    mail.parent("root")
    mail.child(mail.waiting("open"), "root")
    redis_client.hset(mail.key("root:processed"), mapping={f"bull:mail:{n}": "x" * 1_000 for n in range(20)})
    redis_client.hset(mail.key("root:failed"), mapping={f"bull:mail:{n}": "x" * 1_000 for n in range(20, 40)})
    redis_client.config_resetstat()

    assert below_of(connection, known, "root") == (40, 41, False)
    assert len(connection.call(read_job(MAIL, "root")).children) == 41

    assert {"cmdstat_hscan", "cmdstat_hgetall", "cmdstat_hvals"}.isdisjoint(redis_client.info("commandstats"))


def test_a_tree_that_bites_its_own_tail_is_counted_once(connection: Connection, known: Known, mail: Filler) -> None:
    mail.parent("root")
    mail.child(mail.parent("middle"), "root")
    mail.client.sadd(mail.key("middle:dependencies"), mail.key("root"))

    assert below_of(connection, known, "root") == (0, 2, False)


def test_who_sees_some_queues_is_told_nothing_of_what_hangs_below_a_job_of_another(
    connection: Connection, mail: Filler
) -> None:
    mail.parent("root")
    mail.client.sadd(mail.key("root:dependencies"), "bull:theirs:one")
    mail.client.sadd("bull:theirs:one:dependencies", "bull:theirs:two", "bull:theirs:three")

    assert below_of(connection, Known(hidden=frozenset({"theirs"})), "root") == (0, 1, True)


def test_the_flow_says_what_holds_its_parents_back(connection: Connection, known: Known, tree: Filler) -> None:
    page = page_of(connection, known, "root")

    assert page.blocked == (
        "1 failed job holds send, then publish-video back; it is send: POST /v1/charges took longer than 10000 ms."
    )
    assert [node.link.id for node in page.failed] == ["leaf-bad"]
    assert {"bull:mail:root", "bull:mail:middle"} <= page.path


@pytest.mark.parametrize(
    ("state", "words"), [("active", "1 running job holds"), ("waiting", "1 job nobody started holds")]
)
def test_a_flow_that_goes_on_says_for_whom_it_waits(
    connection: Connection, known: Known, mail: Filler, state: str, words: str
) -> None:
    mail.parent("root", name="publish")
    mail.child(getattr(mail, state)("one", name="render"), "root")

    page = page_of(connection, known, "root")

    assert page.blocked.startswith(f"{words} publish back; it is render")
    assert page.failed == ()


def test_failed_children_come_first_however_many_there_are(connection: Connection, known: Known, mail: Filler) -> None:
    """A child that failed without a policy still counts as unprocessed; it hides among thousands of others."""
    mail.parent("root")
    pipe = mail.client.pipeline()
    for n in range(10_000):
        pipe.sadd(mail.key("root:dependencies"), mail.key(f"{n}"))
    pipe.execute()
    for one in ("77", "4242", "9999"):
        mail.failed(one)
    mail.active("5")

    first = read_children(connection, known, MAIL, "root", now_ms=NOW)
    last = read_children(connection, known, MAIL, "root", now_ms=NOW, start=9_900)
    flow = page_of(connection, known, "root")

    assert {child.link.id for child in first.children[:3]} == {"77", "4242", "9999"}
    assert first.children[3].link.id == "5"
    assert (len(first.children), first.total, first.next_start) == (100, 10_000, 100)
    assert (len(last.children), last.next_start) == (100, None)
    assert [child.state for child in flow.root.children[:4]] == ["failed", "failed", "failed", "active"]
    assert len(flow.failed) == 3
