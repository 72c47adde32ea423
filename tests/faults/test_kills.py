"""Workers, and Redis itself, are killed under load: every job completes, none after it has completed.

Each test writes down what it measured, see `fleet.write_down`. On a machine with two cores:

| | idle | busy |
|---|---|---|
| 20,000 jobs, three workers, Redis killed once | 10 s | 50 s |
| worker processes killed | 8 | 39 |
| jobs run twice as their worker was killed | 1 | 13 |
| jobs begun after they had completed | 0 | 0 |
| 4,000 jobs, a master lost behind Sentinels: run twice | 0 | 0 |
| 4,000 jobs, a master of a cluster lost: run twice | 0 | 0 |

What is promised: a job that Redis has acknowledged runs at least once, and none runs after it completed.
Behind Sentinels and in a cluster this is as good as the replication, which Redis does after it has answered. Behind
Sentinels a job counts here as added once a replica has it too (WAIT; both of them in the longest run), and
`min-replicas-to-write 1` keeps a master that was cut off from taking more; in the cluster nothing of the kind is asked
for, and nothing was lost in the runs seen. A failover that begins when the old master is back already makes two masters
for a moment: what the old one answers then is taken away, and no client can help that.
A job runs twice when Redis is away, or refuses writes, for longer than its lock holds: locks of two seconds, shorter
than the failover, made the 30 jobs run twice that were running. Node's worker may also fail a job of which Redis
refuses the finish; ours tries again.
"""

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from tests.faults.fleet import OPTIONS, Fleet, add_all, completed, look_at, now_ms, pause, write_down
from tests.servers import Kind, Server
from tests.topologies.cluster import Cluster
from tests.topologies.sentinels import SentinelSet
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.node, pytest.mark.slow, pytest.mark.xdist_group("faults")]

FRONTS = ("threads", "asyncio", "node")
SECONDS = 400
ATTEMPTS = 100
"""Node's worker fails a job when Redis refuses its finish (NOREPLICAS while a new master waits for its replica)."""

CAREFUL = ("--min-replicas-to-write", "1")
"""Not a shorter --min-replicas-max-lag: replicas report once a second, and late ones would stop all writes."""
MOST_KILLS = 120
"""After that the workers may finish in peace; what they leave is lost."""
JOBS = int(os.environ.get("BOARD_FAULT_JOBS", "6000"))
"""Of the run with everything in it; 20,000 by hand."""


@pytest.mark.timeout(SECONDS)
def test_jobs_survive_killed_workers_and_a_killed_redis(fresh_server: Callable[..., Server]) -> None:
    server = fresh_server(append_only=True)
    queue, ids = QueueKeys("bull", "load"), [f"job-{number}" for number in range(20_000)]
    add_all(server.url, queue, ids)
    options = OPTIONS | {"lock_duration": 10_000}  # longer than Redis is away, on a busy machine too
    with Fleet(server.url, "load", options=options) as fleet, Connection.open(server.url) as connection:
        fleet.start(*FRONTS)
        while not pause(1, lambda: completed(connection, queue) == len(ids)):
            assert fleet.ended() == [], fleet.output
            fleet.replace_one()
            if fleet.kills == 3:
                server.kill()
                server.start()
        with contextlib.closing(server.client()) as client:
            outcome = look_at(fleet, client, queue, ids)

    write_down("killed workers and a killed Redis", outcome.figures())
    assert fleet.kills >= 3
    assert outcome.late == []
    assert [first for first, _ in outcome.unexplained if first.member.front != "node"] == []


@pytest.mark.timeout(2 * SECONDS)
def test_jobs_survive_killed_workers_a_restart_and_a_failover_in_one_run(server_kind: Kind) -> None:
    servers = SentinelSet(server_kind, append_only=True, settings=CAREFUL)
    queue, ids = QueueKeys("bull", "load"), [f"job-{number}" for number in range(JOBS)]
    options = OPTIONS | {"lock_duration": 8_000}
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(servers.destroy)
        servers.start()
        threads = at_the_end.enter_context(ThreadPoolExecutor())
        fleet = at_the_end.enter_context(Fleet(servers.url, queue.name, queue.prefix, 0.05, options))
        connection = at_the_end.enter_context(Connection.open(servers.url))
        fleet.start(*FRONTS)
        adding = threads.submit(add_all, servers.url, queue, ids, attempts=ATTEMPTS, replicas=2)
        strokes = {2: servers.restart_master, 4: servers.lose_master}
        struck: list[tuple[int, int]] = []
        while fleet.kills < MOST_KILLS and not pause(1, lambda: completed(connection, queue) == len(ids)):
            assert fleet.ended() == [], fleet.output
            fleet.replace_one()
            if fleet.kills in strokes:
                began_ms = now_ms()
                strokes[fleet.kills]()
                struck.append((began_ms, now_ms()))
        repeated_adds = adding.result()
        pause(60, lambda: completed(connection, queue) == len(ids))
        with contextlib.closing(servers.client()) as client:
            outcome = look_at(fleet, client, queue, ids)

    write_down("killed workers, a restart and a failover", outcome.figures() | {"adds repeated": repeated_adds})
    assert len(struck) == len(strokes)
    assert outcome.late == []
    surprising = [
        (first.job_id, first.member.front, first.began_ms, again.began_ms)
        for first, again in outcome.unexplained
        if first.member.front != "node"
        and not any(first.began_ms <= ended_ms and began_ms <= again.began_ms for began_ms, ended_ms in struck)
    ]
    assert surprising == [], f"jobs ran twice without a reason; strokes: {struck}"


@pytest.mark.timeout(SECONDS)
def test_jobs_survive_the_loss_of_a_master_behind_sentinels(server_kind: Kind) -> None:
    servers = SentinelSet(server_kind, append_only=True, settings=CAREFUL)
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(servers.destroy)
        servers.start()
        figures = lose_a_master(servers, QueueKeys("bull", "load"), replicas=1)
    write_down("a master lost behind Sentinels", figures)


@pytest.mark.timeout(SECONDS)
def test_jobs_survive_the_loss_of_a_master_of_a_cluster(server_kind: Kind) -> None:
    servers = Cluster(server_kind, append_only=True)
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(servers.destroy)
        servers.start()
        figures = lose_a_master(servers, QueueKeys("{b}", "load"), replicas=0)
    write_down("a master of a cluster lost", figures)


def lose_a_master(servers: SentinelSet | Cluster, queue: QueueKeys, replicas: int) -> dict[str, int]:
    """Add jobs while three workers run them, kill the master in the midst of it, and see that every job completes."""
    ids = [f"job-{number}" for number in range(4_000)]
    with (
        ThreadPoolExecutor() as threads,
        Fleet(servers.url, queue.name, queue.prefix, 0.01, OPTIONS | {"lock_duration": 8_000}) as fleet,
        Connection.open(servers.url) as connection,
    ):
        fleet.start(*FRONTS)
        adding = threads.submit(add_all, servers.url, queue, ids, attempts=ATTEMPTS, replicas=replicas)
        wait_until(lambda: completed(connection, queue) > len(ids) // 8, "the workers to be busy")
        lost_ms = now_ms()
        lost = servers.failover() if isinstance(servers, SentinelSet) else servers.failover(queue.base)
        taken_over_ms = now_ms()
        lost.start()
        wait_until(lambda: completed(connection, queue) == len(ids), "every job to complete", 3 * PATIENCE_S)
        assert fleet.ended() == [], fleet.output
        repeated_adds = adding.result()
        with contextlib.closing(servers.client()) as client:
            outcome = look_at(fleet, client, queue, ids)
    assert outcome.late == []
    surprising = [
        (first.job_id, first.member.front, first.began_ms - lost_ms, again.member.front, again.began_ms - lost_ms)
        for first, again in outcome.unexplained
        if first.member.front != "node" and first.began_ms > taken_over_ms
    ]
    assert surprising == [], "jobs ran twice without a reason"
    return outcome.figures() | {"adds repeated": repeated_adds, "ms without a master": taken_over_ms - lost_ms}
