"""Bulk runs on a real server: a desk, a runner, and a queue to fill."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import redis

from board.actions.perform import Actor, Desk
from board.audit import Audit, Entry
from board.auth.policy import Identity
from board.background import Turn
from board.bulk import Plan, Run, Runner, Runs, plan, start
from board.engine.connection.sync import Connection
from board.namespace import Namespace
from board.service import wall_clock_ms
from tests.queries.conftest import MAIL, Known
from tests.queries.jobs import Filler

NAMESPACE = Namespace()
ADMIN = Actor(Identity("ann", "admin"), "10.0.0.1", "req")


@dataclass
class Bench:
    """What a test of bulk runs works with."""

    connection: Connection
    client: redis.Redis
    known: Known = field(default_factory=Known)

    def __post_init__(self) -> None:
        self.audit_log = Audit(NAMESPACE, 1_000)
        self.desk = Desk(self.connection, self.audit_log, is_read_only=False, clock=wall_clock_ms)
        self.runs = Runs(NAMESPACE)
        self.mail = Filler(self.client).open()

    def plan(
        self, verb: str, *states: str, text: str = "", actor: Actor = ADMIN, grave: str = "", pace: int = 0
    ) -> Plan:
        """Plan a run over states of the queue."""
        wanted = [(MAIL, state) for state in states]
        return plan(self.desk, actor, self.known, verb, wanted, text=text, grave=grave, pace=pace)

    def begin(self, verb: str, *states: str, text: str = "", grave: str = "", pace: int = 0) -> str:
        """Plan a run and start it."""
        return start(self.desk, ADMIN, NAMESPACE, self.plan(verb, *states, text=text, grave=grave, pace=pace).spec)

    def run(self, run_id: str) -> Run:
        """Read a run."""
        found = self.connection.call(self.runs.read(run_id))
        assert found is not None
        return found

    def turn(self, fence: int = 1, keep: Callable[[], None] = lambda: None) -> Turn:
        """Return what a duty's step is given."""
        return Turn(fence, is_first=False, keep=keep, ending=threading.Event())

    def carry_out(self, run_id: str, fence: int = 1) -> Run:
        """Step a runner until the run is over."""
        runner = Runner(self.desk, NAMESPACE)
        for _ in range(200):
            runner.step(self.turn(fence))
            if (run := self.run(run_id)).is_over:
                return run
        raise AssertionError("the run never ends")

    def audit(self) -> list[Entry]:
        """Return what was recorded, oldest first."""
        stored = self.connection.call(self.audit_log.read(None, 100))
        return [one.entry for one in reversed(stored) if one.entry is not None]

    def failed_ids(self) -> set[str]:
        """Return what is among the failed now."""
        return {str(one) for one in self.client.zrange(self.mail.key("failed"), 0, -1)}

    def waiting_ids(self) -> list[str]:
        """Return what waits now."""
        return [str(one) for one in self.client.lrange(self.mail.key("wait"), 0, -1)]


@pytest.fixture
def bench(redis_url: str, redis_client: redis.Redis) -> Iterator[Bench]:
    connection = Connection.open(redis_url)
    yield Bench(connection, redis_client)
    connection.close()
