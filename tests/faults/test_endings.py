"""SIGTERM under load: who asked gets an answer, what runs ends, and what is left goes on elsewhere, once."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from board.actions.perform import Actor, Desk
from board.audit import Audit
from board.auth.policy import Identity
from board.bulk import Runs, plan, start
from board.engine import Queue
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.namespace import Namespace
from board.service import wall_clock_ms
from tests.bulk.killing import fill
from tests.cli.conftest import Running, launch
from tests.cli.visitor import Visitor
from tests.faults.fleet import OPTIONS, Fleet, add_all, completed, look_at, now_ms, write_down
from tests.queries.conftest import Known
from tests.servers import Server
from tests.waiting import PATIENCE_S, hold, wait_until

pytestmark = pytest.mark.slow

PASSWORD = "long enough for a person"
VISITORS = 6
JOBS = 1_500
PACE = 500
NAMESPACE = Namespace()
MAIL = QueueKeys("bull", "mail")
LOAD = QueueKeys("bull", "load")


class Visits:
    """Somebody who is signed in and asks for one page after the other."""

    def __init__(self, url: str) -> None:
        """Sign in."""
        self._visitor = Visitor(url)
        self._visitor.sign_in("admin", PASSWORD)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.answers: list[tuple[float, int]] = []

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._ending.set()
        self._thread.join(PATIENCE_S)

    def _ask(self) -> None:
        while not self._ending.is_set():
            began = time.monotonic()
            status, _ = self._visitor.get("/q/mail/failed")
            if status == 0 and self._visitor.was_refused:
                began = time.monotonic()  # it reached nobody, however long ago this thread meant to ask
            self.answers.append((began, status))
            self._ending.wait(0.02)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """A function that starts `board serve` and returns once it is ready."""
    with contextlib.ExitStack() as at_the_end:

        def begin(url: str) -> Running:
            running = launch(tmp_path, "serve", REDIS_URL=url, BOARD_ADMIN_PASSWORD=PASSWORD, BOARD_WORKERS="1")
            at_the_end.callback(running.end_at_last)
            wait_until(lambda: Visitor(running.url).get("/readyz")[0] == 200, "the board to be ready")
            return running

        yield begin


def test_a_board_ends_while_pages_are_asked_and_a_bulk_run_goes_on(
    serve: Callable[..., Running], fresh_server: Callable[..., Server]
) -> None:
    server = fresh_server()
    with contextlib.closing(server.client()) as client, Connection.open(server.url) as connection:
        fill(client, JOBS)
        first = serve(server.url)
        wait_until(lambda: client.exists(NAMESPACE.lease("bulk")[0]), "the first board to have the duty")
        second = serve(server.url)
        visitors = [Visits(first.url) for _ in range(VISITORS)]
        for visitor in visitors:
            visitor.start()
        desk = Desk(connection, Audit(NAMESPACE, 100), is_read_only=False, clock=wall_clock_ms)
        actor, runs = Actor(Identity("ann", "admin")), Runs(NAMESPACE)
        run_id = start(desk, actor, NAMESPACE, plan(desk, actor, Known(), "retry", [(MAIL, "failed")], pace=PACE).spec)

        def done() -> int:
            found = connection.call(runs.read(run_id))
            assert found is not None
            return found.done

        wait_until(lambda: all(len(visitor.answers) > 3 for visitor in visitors), "all visitors to see pages")
        wait_until(lambda: done() > JOBS // 4, "the bulk run to go on")

        told_at, done_by_first = time.monotonic(), done()
        first.process.send_signal(signal.SIGTERM)
        code = first.process.wait(PATIENCE_S)
        seconds = time.monotonic() - told_at
        for visitor in visitors:
            visitor.stop()
        assert done_by_first < JOBS, "the run was over before"
        wait_until(lambda: done() == JOBS, "the other board to carry the run on")
        handed_over = time.monotonic() - told_at
        events: list[Any] = list(client.xrange(MAIL.key("events")) or ())
        moved = Counter(fields["jobId"] for _, fields in events if fields.get("prev") == "failed")
    answers = [answer for visitor in visitors for answer in visitor.answers]
    under_way = [status for began, status in answers if began < told_at]
    write_down(
        "SIGTERM of the board under load",
        {
            "pages": len(answers),
            "pages asked before it and not answered": sum(status != 200 for status in under_way),
            "answers other than the page": sum(status not in (0, 200) for _, status in answers),
            "seconds until it had ended": round(seconds, 1),
            "seconds until the run was done by another board": round(handed_over, 1),
            "jobs of the bulk run": JOBS,
            "of these retried twice or not at all": JOBS - sum(count == 1 for count in moved.values()),
        },
    )
    assert code == 0
    assert set(under_way) == {200}
    assert {status for _, status in answers} <= {0, 200}, "0 is a refused connection: nobody listens any more"
    assert (len(moved), max(moved.values())) == (JOBS, 1)
    assert "Traceback" not in first.output
    assert second.process.poll() is None


def told_to_end(pid: int) -> bool:
    """Whether SIGTERM waits for a process that is held."""
    status = Path(f"/proc/{pid}/status").read_text()
    return any(
        int(line.split()[1], 16) & 1 << signal.SIGTERM - 1 for line in status.splitlines() if line.startswith("ShdPnd")
    )


def test_who_stands_in_line_when_a_board_is_told_to_end_is_served(
    serve: Callable[..., Running], redis_url: str
) -> None:
    board = serve(redis_url)
    (worker,) = map(int, Path(f"/proc/{board.process.pid}/task/{board.process.pid}/children").read_text().split())
    place = urlsplit(board.url)
    with contextlib.ExitStack() as open_sockets:
        try:
            hold(worker)
            line = [
                open_sockets.enter_context(socket.create_connection((place.hostname, place.port), PATIENCE_S))
                for _ in range(5)
            ]
            for one in line:
                one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            board.process.send_signal(signal.SIGTERM)
            wait_until(lambda: told_to_end(worker), "the process that serves to be told")
        finally:
            os.kill(worker, signal.SIGCONT)
        answers = [one.makefile("rb").readline() for one in line]

    assert answers == [b"HTTP/1.1 200 OK\r\n"] * 5
    assert board.process.wait(PATIENCE_S) == 0


def test_workers_end_while_they_work(redis_url: str, redis_client: Any) -> None:
    ids = [f"job-{number}" for number in range(1_000)]
    options = OPTIONS | {"lock_duration": 30_000}
    with (
        Fleet(redis_url, "load", seconds=0.05, options=options) as fleet,
        Connection.open(redis_url) as connection,
        Queue("load", connection=connection) as queue,
    ):
        leaving = fleet.start("threads", "asyncio")
        wait_until(lambda: len(queue.get_workers()) == len(leaving), "both to be there, lest one does all the work")
        add_all(redis_url, LOAD, ids)
        wait_until(lambda: completed(connection, LOAD) > 100, "the workers to be busy")
        wait_until(lambda: all(one.runs() for one in leaving), "both of them to be busy")
        told_ms = now_ms()
        for one in leaving:
            one.process.send_signal(signal.SIGTERM)
        codes = [one.process.wait(PATIENCE_S) for one in leaving]
        seconds = (now_ms() - told_ms) / 1000
        begun = {run.job_id for one in leaving for run in one.runs()}
        assert completed(connection, LOAD) == len(begun) < len(ids), "what was begun has ended, and nothing else"
        fleet.start("threads", "asyncio")
        wait_until(lambda: completed(connection, LOAD) == len(ids), "others to do the rest")
        outcome = look_at(fleet, redis_client, LOAD, ids)
    write_down("SIGTERM of workers under load", outcome.figures() | {"seconds until they had ended": round(seconds, 1)})
    assert codes == [0, 0]
    assert outcome.twice == []
