"""A board that people watch while something happens to its Redis: pages, a bulk run, a worker, and the recorder.

All of it in one process, as `board serve` has it in one of its own: the application with its duties, a person who asks
for one page after the other, a producer and a worker. What is looked at afterwards is said in `Watched.outcome`.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from board import create_app
from board.actions.perform import Actor
from board.auth.policy import Identity
from board.bulk import Run, Runs, plan, start
from board.config import Settings
from board.engine import Worker
from board.engine.connection.sync import Connection
from board.engine.errors import StoreError
from board.engine.keys import QueueKeys
from board.history.figures import RESOLUTIONS, Figures
from board.history.store import History
from board.namespace import Namespace
from board.service import wall_clock_ms
from board.web import BACKGROUND
from board.web.problems import WORDS
from board.web.state import EXTENSION
from tests.faults.fleet import add_all, now_ms
from tests.queries.conftest import Known
from tests.queries.jobs import Filler
from tests.waiting import PATIENCE_S, wait_until
from tests.web.site import PASSWORD, Site, soup, text_of

PAGES = ("/", "/q/mail/failed", "/failures", "/bulk", "/readyz")
SENTENCES = {sentence: kind for kind, sentence, _ in WORDS.values() if kind not in ("broken", "auth")}
"""What a page may say while Redis is away; anything else is a failure of the page."""

SLOTS = 5
BATCH = 10
"""Jobs that the producer adds at a time; the next ones follow once these are acknowledged."""

WORK_SECONDS = 0.005
NAMESPACE = Namespace()
JOBS = int(os.environ.get("BOARD_FAULT_JOBS", "8000")) // 10
"""Of the bulk run."""

KEY = "kept outside of Redis, 32 letters"


@dataclass(slots=True)
class Answers:
    """What a person saw.

    Attributes:
        statuses: how many pages came with which status.
        strange: answers that nobody should get.
        said: the sentences about Redis.
        told: how many pages had one.
        slowest: seconds that the slowest page took.
        away: seconds from the first page without Redis to the last.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)
    said: set[str] = field(default_factory=set)
    told: int = 0
    slowest: float = 0.0
    away: float = 0.0
    _since: float = 0.0

    def ask(self, browser: Any, path: str) -> None:
        """Ask for a page and take down what came."""
        began = time.monotonic()
        answer = browser.get(path)
        ended = time.monotonic()
        self.statuses[answer.status_code] += 1
        self.slowest = max(self.slowest, ended - began)
        if answer.status_code == 503:
            self._since = self._since or began
            self.away = ended - self._since
            if path != "/readyz":
                said = [one for one in SENTENCES if one in text_of(soup(answer))]
                self.said.update(said)
                self.told += bool(said)
                if not said:
                    self.strange.append(f"{path} does not say what is wrong: {answer.text[:500]}")
        elif answer.status_code != 200:
            self.strange.append(f"{path}: {answer.status_code} {answer.headers.get('Location', '')}")


@dataclass(slots=True)
class Watched:
    """One board and what goes on around it; leaving its ``with`` block ends it.

    Attributes:
        url: of Redis, as the board and its workers take it.
        prefix: of the queues.
        failed: jobs that the bulk run retries.
        pace: how many of them a second.
        replicas: how many have to acknowledge an added job before it counts.
        lock_ms: for how long the lock of a job that is worked on holds; longer than Redis is away.
        straight: of the same Redis where ``url`` leads through something; the test's own connection.
        settings: more of the board's settings.
    """

    url: str
    prefix: str = "bull"
    failed: int = JOBS
    pace: int = 400
    replicas: int = 0
    lock_ms: int = 8_000
    straight: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    answers: Answers = field(default_factory=Answers)
    added: list[str] = field(default_factory=list)
    ran: list[tuple[str, int]] = field(default_factory=list)
    trouble: list[BaseException] = field(default_factory=list)
    repeated_adds: int = 0
    run_id: str = ""
    site: Site = field(init=False)
    worker: Worker = field(init=False)
    _began: float = 0.0
    _connection: Connection = field(init=False)
    _ending: threading.Event = field(default_factory=threading.Event)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def mail(self) -> QueueKeys:
        """The queue of the bulk run."""
        return QueueKeys(self.prefix, "mail")

    @property
    def load(self) -> QueueKeys:
        """The queue that is worked on."""
        return QueueKeys(self.prefix, "load")

    def __enter__(self) -> Self:
        with self._stack as until_now:
            settings = Settings(
                redis_url=self.url, prefixes=(self.prefix,), admin_password=PASSWORD, secret_key=KEY, **self.settings
            )
            self._connection = until_now.enter_context(Connection.open(self.straight or self.url))
            self.site = Site(settings)
            until_now.callback(self.site.close)
            self.worker = until_now.enter_context(
                Worker(
                    "load",
                    self._work,
                    connection=self.url,
                    prefix=self.prefix,
                    concurrency=SLOTS,
                    lock_duration=self.lock_ms,
                    stalled_interval=1_000,
                )
            )
            self.worker.on("error", self.trouble.append)
            app = create_app(settings, background=True)
            until_now.callback(app.extensions[EXTENSION].close)
            until_now.callback(app.extensions[BACKGROUND].stop)
            until_now.callback(self._join)
            self._stack = until_now.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def fill(self, client: Any) -> None:
        """Let jobs have failed, and all events be kept."""
        pipeline = client.pipeline(transaction=False)
        for queue in (self.mail, self.load):
            Filler(pipeline, queue.name, self.prefix).open()
            pipeline.hset(queue.key("meta"), "opts.maxLenEvents", 1_000_000)
        mail, now = Filler(pipeline, "mail", self.prefix), wall_clock_ms() - 10_000
        for number in range(self.failed):
            mail.failed(f"failed-{number}", now - self.failed + number)
        pipeline.execute()

    def begin(self) -> None:
        """Start looking, adding and the bulk run, and return when a third of that is done."""
        self._began = time.monotonic()
        self._thread(self._look, self.site.signed_in())
        self._thread(self._add)
        actor = Actor(Identity("ann", "admin"), "10.0.0.1", "req")
        desk = self.site.service.desk
        self.run_id = start(
            desk, actor, NAMESPACE, plan(desk, actor, Known(), "retry", [(self.mail, "failed")], pace=self.pace).spec
        )
        wait_until(lambda: self.run().done >= self.failed // 3, "a third of the bulk run")

    def run(self) -> Run:
        """Read the bulk run."""
        found = self._connection.call(Runs(NAMESPACE).read(self.run_id))
        assert found is not None
        return found

    def sees_trouble(self) -> None:
        """Wait until somebody was told that Redis is away."""
        before = self.answers.told
        wait_until(lambda: self.answers.told > before, "a page to say that Redis is away")

    def recover(self) -> None:
        """Wait until pages come, the bulk run is over and every job that was added is done; then stop adding."""
        before = self.answers.statuses[200]
        wait_until(lambda: self.answers.statuses[200] >= before + len(PAGES), "pages to come", PATIENCE_S)
        wait_until(self._patiently(lambda: self.run().is_over), "the bulk run to end", PATIENCE_S)
        self._join()
        wait_until(lambda: {one for one, _ in self.ran} >= set(self.added), "every job to run", PATIENCE_S)

    def outcome(self, client: Any) -> dict[str, Any]:
        """Return the figures once nothing is under way any more: what they must be is for the tests to say.

        Whatever the fault, every page came or said what is wrong.
        """
        assert not self.answers.strange, "\n".join(self.answers.strange[:5])
        places = [self.load.key(name) for name in ("active", "wait")]
        wait_until(lambda: not any(client.llen(key) for key in places), "the queue to be empty", PATIENCE_S)
        completed = set(client.zrange(self.load.key("completed"), 0, -1))
        run = self.run()
        moved = Counter(
            fields["jobId"] for _, fields in client.xrange(self.mail.key("events")) if fields.get("prev") == "failed"
        )
        told = sum(fields["event"] == "completed" for _, fields in client.xrange(self.load.key("events")))
        wait_until(lambda: self.recorded() >= told, "the recorder to have read everything", PATIENCE_S)
        runs = Counter(job_id for job_id, _ in self.ran)
        return {
            "seconds": round(time.monotonic() - self._began, 1),
            "pages": sum(self.answers.statuses.values()),
            "pages that said what is wrong": self.answers.statuses[503],
            "seconds of that": round(self.answers.away, 1),
            "bulk run": run.status,
            "jobs of the bulk run": self.failed,
            "of these retried twice or not at all": self.failed - sum(count == 1 for count in moved.values()),
            "jobs added meanwhile": len(self.added),
            "of these lost": len(set(self.added) - completed),
            "of these run twice": sum(count > 1 for count in runs.values()),
            "completions counted by the recorder": self.recorded(),
            "completions told by events": told,
        }

    def recorded(self) -> int:
        """Return how many completions of the queue that is worked on the recorder has counted."""
        total, now, day = Figures(), wall_clock_ms(), RESOLUTIONS[3]
        for begin in {day.start(now), day.start(now - 3_600_000)}:
            total.add(self._connection.call(History(NAMESPACE).figures(day, begin, [self.load.base]))[0])
        return total.completed

    def _work(self, job: Any) -> None:
        self.ran.append((job.id, now_ms()))
        time.sleep(WORK_SECONDS)

    def _look(self, browser: Any) -> None:
        while not self._ending.is_set():
            for path in PAGES:
                self.answers.ask(browser, path)
            self._ending.wait(0.05)

    def _add(self) -> None:
        for number in _endless():
            if self._ending.is_set():
                return
            ids = [f"job-{number}-{one}" for one in range(BATCH)]
            self.repeated_adds += add_all(self.url, self.load, ids, replicas=self.replicas)
            self.added += ids
            self._ending.wait(0.05)

    def _patiently(self, ask: Callable[[], bool]) -> Callable[[], bool]:
        def asked() -> bool:
            try:
                return ask()
            except StoreError:
                return False

        return asked

    def _thread(self, body: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=body, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _join(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)


def _endless() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def hold(figures: dict[str, Any], *, twice: bool = False) -> None:
    """Check what holds after every fault.

    Args:
        figures: what came of it.
        twice: whether jobs may run again, as with a master the locks of those that ran are lost.
    """
    assert figures["bulk run"] == "done"
    assert figures["of these retried twice or not at all"] == 0
    assert figures["of these lost"] == 0
    assert twice or figures["of these run twice"] == 0
    assert figures["completions counted by the recorder"] == figures["completions told by events"]
