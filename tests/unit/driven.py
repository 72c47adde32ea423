"""A worker's mind that a test drives: events in, actions out, the clock in our hands."""

from dataclasses import replace

from board.engine.types import JobData
from board.engine.worker.machine import MachineSettings, WorkerMachine
from board.engine.worker.messages import (
    Action,
    Arrived,
    Ask,
    Asked,
    Event,
    Fetch,
    Lease,
    Ticked,
)

SETTINGS = MachineSettings(
    "w", concurrency=1, lock_ms=4000, renew_ms=2000, stalled_ms=None, drain_delay_ms=5000, most_retry_ms=1000
)


class Driven:
    """A machine with its clock; ``tell`` keeps the last actions."""

    def __init__(self, **settings: object) -> None:
        self.machine = WorkerMachine(replace(SETTINGS, **settings))  # type: ignore[arg-type] # names are checked there
        self.now = 1_000_000
        self.actions: list[Action] = []

    def tell(self, event: Event, after_ms: int = 0) -> list[Action]:
        """Report an event, a while later."""
        self.now += after_ms
        self.actions = self.machine.receive(event, self.now)
        return self.actions

    def start(self) -> str:
        """Start it and return the token of its first fetch."""
        self.tell(Asked(Ask.START))
        return self.fetch.token

    @property
    def fetch(self) -> Fetch:
        """The fetch among the last actions."""
        return next(action for action in self.actions if isinstance(action, Fetch))

    def run(self, job_id: str = "1") -> Lease:
        """Start it and let a job arrive."""
        token = self.start()
        self.tell(Arrived(token, (job(job_id),)))
        return Lease(job_id, token)

    def wait_until_due(self) -> list[Action]:
        """Let the clock go on to the next moment it wants to be woken at."""
        assert self.machine.wake_at_ms is not None
        self.now = self.machine.wake_at_ms
        return self.tell(Ticked())


def job(job_id: str) -> JobData:
    return JobData(id=job_id, name="x")


def only(actions: list[Action], kind: type[Action]) -> list[Action]:
    return [action for action in actions if isinstance(action, kind)]
