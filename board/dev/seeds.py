"""Believable data: every state, a flow, a large payload, hostile names, an empty queue. The same every time.

The jobs are not written key by key: they are added, taken, failed and finished with the engine's own commands under an
invented clock, so what lies in Redis is what workers would have left there; ``yesterday`` adds the figures of a day,
``alarms`` rules that fire.
Refuses a Redis that holds keys it did not write.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from board.dev.alarms import raise_alarms
from board.dev.stories import FAILURES, HOSTILE_JOBS, HOSTILE_QUEUE, Failure
from board.dev.yesterday import remember
from board.engine.calls import Batch, Call
from board.engine.commands.flows import NewNode, add_flow
from board.engine.commands.jobs import add_jobs, add_log, update_progress
from board.engine.commands.leases import complete_job, delay_active_job, fail_job, fetch_job
from board.engine.commands.queues import pause
from board.engine.commands.schedulers import next_iteration, read_record, remove_scheduler, upsert_scheduler
from board.engine.connection.sync import Connection
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import Backoff, JobOptions, ParentRef, Repeat
from board.errors import BoardError
from board.held import Held, held_field
from board.namespace import Namespace

__all__ = ["QUEUES", "ForeignKeysError", "Seeded", "is_seeded", "seed"]

QUEUES = (
    "mail.transactional",
    "mail.newsletter",
    "billing.charge",
    "billing.invoice",
    "media.publish",
    "media.transcode",
    "search.reindex",
    "hooks.deliver",
    "reports.nightly",
    HOSTILE_QUEUE,
    "archive.cold",
)
"""The queues, the last one empty."""

MINUTE = 60_000
LOCK_MS = 10 * MINUTE
TOKEN = "seed:0"  # noqa: S105 - the name of a lock's owner
STEP = 500
"""Keys looked at in one step of looking for foreign ones."""


class ForeignKeysError(BoardError):
    """The Redis holds keys that the seeds did not write."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """What was written: how many jobs, besides the runs of schedulers, in how many queues."""

    jobs: int
    queues: int


def is_seeded(connection: Connection, namespace: Namespace) -> bool:
    """Whether the seeds were written before."""
    return connection.call(Call(("EXISTS", namespace.seeded), bool, writes=False))


def seed(connection: Connection, namespace: Namespace, prefix: str, now_ms: int) -> Seeded:
    """Write the data, as if they had grown over the last day.

    Raises:
        ForeignKeysError: there are keys that are neither the board's own nor of earlier seeds.
    """
    _refuse_foreign(connection, namespace, prefix)
    own = {name: QueueKeys(prefix, name) for name in QUEUES}
    for queue in own.values():
        _delete(connection, queue)
    garden = _Garden(connection, namespace, prefix, now_ms)
    garden.grow()
    for queue in own.values():  # the entries are from just now, and what they tell of is not
        connection.call(Call(("XTRIM", queue.key("events"), "MAXLEN", 0), int))
    remember(connection, namespace, prefix, now_ms)
    raise_alarms(connection, namespace, prefix, now_ms)
    connection.call(Call(("HSET", namespace.seeded, "prefix", prefix, "at_ms", now_ms), int))
    return Seeded(garden.jobs, len(QUEUES))


def _refuse_foreign(connection: Connection, namespace: Namespace, prefix: str) -> None:
    ours = (f"{namespace.prefix}:", *(f"{prefix}:{name}:" for name in QUEUES))
    cursor = 0
    while True:
        step: Call[tuple[int, list[str]]] = Call(("SCAN", cursor, "COUNT", STEP), _scanned, writes=False)
        cursor, keys = connection.call(step)
        foreign = next((key for key in keys if not key.startswith(ours)), None)
        if foreign is not None:
            raise ForeignKeysError(
                f"This Redis holds keys that are not demo data, such as {foreign!r}. Nothing was written."
            )
        if cursor == 0:
            return


def _delete(connection: Connection, queue: QueueKeys) -> None:
    """Delete every key of a queue of ours, in steps."""
    cursor = 0
    pattern = "".join(f"\\{char}" if char in "*?[]\\^" else char for char in queue.base) + "*"
    while True:
        step: Call[tuple[int, list[str]]] = Call(
            ("SCAN", cursor, "MATCH", pattern, "COUNT", STEP), _scanned, writes=False
        )
        cursor, keys = connection.call(step)
        if keys:
            connection.batch(Batch.of(Call(("UNLINK", key), int) for key in keys))
        if cursor == 0:
            return


def _scanned(reply: Any) -> tuple[int, list[str]]:
    return int(reply[0]), [key.decode("utf-8", "surrogateescape") for key in reply[1]]


@dataclass(slots=True)
class _Garden:
    """Lets jobs grow in their queues. ``at`` is the invented clock."""

    connection: Connection
    namespace: Namespace
    prefix: str
    now_ms: int
    jobs: int = 0
    dice: random.Random = field(default_factory=lambda: random.Random(20))

    def grow(self) -> None:
        """Fill every queue but the empty one."""
        mail = self._queue("mail.transactional")
        for number in range(60):
            self._finish(mail, "welcome", {"orderId": 1000 + number, "to": f"customer-{number}@example.com"}, number)
        for number in range(6):
            self._fail(mail, "password-reset", {"to": f"customer-{number}@example.invalid"}, FAILURES["smtp"], number)
        self._wait(mail, "order-confirmation", [{"orderId": 2000 + number} for number in range(14)])
        self._delay(mail, "follow-up", 5, 6 * 60 * MINUTE)

        newsletter = self._queue("mail.newsletter")
        for number in range(20):
            self._finish(newsletter, "issue", {"issue": 41, "chunk": number}, number)
        self._wait(newsletter, "issue", [{"issue": 42, "chunk": number} for number in range(40)])

        charge = self._queue("billing.charge")
        for number in range(35):
            self._finish(charge, "charge-card", {"invoice": 3000 + number, "amountCents": 100 * number + 99}, number)
        for number in range(19):
            data = {"invoice": 4000 + number, "amountCents": 4_990, "customer": {"id": 41_900 + number, "tier": "pro"}}
            self._fail(charge, "charge-card", data, FAILURES["gateway"], number, every_ms=MINUTE)
        for number in range(4):
            self._fail(charge, "refund", {"invoice": 4100 + number}, FAILURES["declined"], number)
        self._take(charge, "charge-card", [{"invoice": 4200 + number} for number in range(2)])
        self._prioritize(charge, "charge-card", 8)
        self._wait(charge, "charge-card", [{"invoice": 4300 + number} for number in range(31)])
        self._back_off(charge, "charge-card", {"invoice": 4400}, FAILURES["gateway"])

        invoice = self._queue("billing.invoice")
        close = Repeat(pattern="0 7 * * *", tz="Europe/Oslo")
        self._ran(invoice, "close-books", close, days=12, run_ms=126_000)
        for number in range(25):
            self._finish(invoice, "render-pdf", {"invoice": 3000 + number}, number)
        self._fail(invoice, "render-pdf", _large_payload(), FAILURES["memory"], 3)

        self._flow(self._queue("media.publish"), self._queue("media.transcode"))

        reindex = self._queue("search.reindex")
        self._wait(reindex, "reindex-shard", [{"shard": number} for number in range(23)])
        self.connection.run(pause(reindex))
        self._schedule(reindex, "reindex-nightly", Repeat(pattern="0 2 * * *"))
        self._hold(reindex, "reindex-nightly")

        hooks = self._queue("hooks.deliver")
        sweep = Repeat(every=15 * MINUTE, offset=MINUTE)
        self._ran(hooks, "sweep-dead-endpoints", sweep, days=0.35, run_ms=48_000, late=(9,), missed=(20,))
        for number in range(9):
            self._fail(
                hooks, "deliver", {"url": f"https://example.org/hooks/{number}", "attempt": 5}, FAILURES["hook"], number
            )
        for number in range(12):
            self._finish(hooks, "deliver", {"url": f"https://example.com/hooks/{number}"}, number)

        reports = self._queue("reports.nightly")
        nightly = Repeat(pattern="30 2 * * *", tz="Europe/Berlin")
        self._ran(reports, "nightly-report", nightly, days=24, run_ms=17 * MINUTE, late=(6,), missed=(12,), failed=True)
        self._delay(reports, "nightly-report", 3, 9 * 60 * MINUTE)
        self._schedule(self._queue("mail.newsletter"), "weekly-digest", Repeat(pattern="0 9 * * 1", tz="Asia/Saigon"))
        self._hostile(self._queue(HOSTILE_QUEUE))
        empty = self._queue("archive.cold")
        self.connection.call(Call(("HSET", empty.key("meta"), "opts.maxLenEvents", 10_000), int))

    def _queue(self, name: str) -> QueueKeys:
        return QueueKeys(self.prefix, name)

    def _add(self, queue: QueueKeys, name: str, data: Any, options: JobOptions, at_ms: int) -> str:
        job = prepare_job(name, data, options, now_ms=at_ms, queue=queue)
        added = self.connection.call(add_jobs(queue, [job]))[0]
        if isinstance(added, Exception):
            raise added
        self.jobs += 1
        return added

    def _schedule(self, queue: QueueKeys, scheduler_id: str, repeat: Repeat) -> None:
        self.connection.run(upsert_scheduler(queue, scheduler_id, repeat, data={"seeded": True}, now_ms=self.now_ms))

    def _ran(
        self,
        queue: QueueKeys,
        scheduler_id: str,
        repeat: Repeat,
        *,
        days: float,
        run_ms: int,
        late: Sequence[int] = (),
        missed: Sequence[int] = (),
        failed: bool = False,
    ) -> None:
        """Make a scheduler some days ago and let it run until now.

        Args:
            queue: where, while nothing else in it is due.
            scheduler_id: its id.
            repeat: when it runs.
            days: how long ago it was made.
            run_ms: how long a run takes, about.
            late: runs, counted from 0, that begin when half of the time to the next one is over.
            missed: runs that begin so late that two moments pass without a run.
            failed: the latest run fails.
        """
        made_ms = self.now_ms - round(days * 24 * 60 * MINUTE)
        next_id = self.connection.run(
            upsert_scheduler(queue, scheduler_id, repeat, data={"seeded": True}, now_ms=made_ms)
        )
        number, moments = 0, [_moment_of(next_id)]
        until_ms = self.now_ms - 1_000
        while moments[-1] < until_ms:
            step_ms = repeat.every if isinstance(repeat.every, int) else 24 * 60 * MINUTE
            lag_ms = 2 * step_ms + step_ms // 4 if number in missed else step_ms // 2 if number in late else 400
            began_ms = min(moments[-1] + lag_ms, until_ms)
            fetched = self.connection.call(
                fetch_job(queue, token=TOKEN, lock_ms=LOCK_MS, now_ms=began_ms, worker="demo-1")
            )
            if fetched.job is None:
                raise RuntimeError(f"{queue.name} gave no run of {scheduler_id}")  # a slip in the order of the seeds
            moments.append(_moment_of(self.connection.run(next_iteration(queue, fetched.job, began_ms))))
            ended_ms = min(began_ms + round(run_ms * self.dice.uniform(0.8, 1.3)), self.now_ms)
            number += 1
            if failed and moments[-1] >= until_ms:
                failure = FAILURES["render"]
                self.connection.call(
                    fail_job(
                        queue,
                        fetched.job.id,
                        token=TOKEN,
                        reason=failure.message.format(number=number, attempt=1),
                        stacktrace=[failure.stack(number, 1)],
                        now_ms=ended_ms,
                    )
                )
            else:
                self.connection.call(
                    complete_job(queue, fetched.job.id, token=TOKEN, return_text='{"ok": true}', now_ms=ended_ms)
                )

    def _hold(self, queue: QueueKeys, scheduler_id: str) -> None:
        """Pause a scheduler as the board does: out of its queue, and into the board's own key."""
        fields = self.connection.call(read_record(queue, scheduler_id))
        held = Held(queue, scheduler_id, fields, self.now_ms - 3 * 24 * 60 * MINUTE, "admin")
        field = held_field(queue, scheduler_id)
        self.connection.call(Call(("HSET", self.namespace.held_schedulers, field, held.written()), int))
        self.connection.call(remove_scheduler(queue, scheduler_id))

    def _taken(self, queue: QueueKeys, at_ms: int) -> str:
        fetched = self.connection.call(fetch_job(queue, token=TOKEN, lock_ms=LOCK_MS, now_ms=at_ms, worker="demo-1"))
        if fetched.job is None:
            raise RuntimeError(f"{queue.name} gave no job")  # a slip in the order of the seeds
        return fetched.job.id

    def _finish(self, queue: QueueKeys, name: str, data: Any, number: int) -> None:
        added_at = self.now_ms - (60 - number) * 7 * MINUTE
        started_at = added_at + self.dice.randint(40, 9_000)
        ended_at = started_at + self.dice.randint(20, 2_500)
        self._add(queue, name, data, JobOptions(attempts=3), added_at)
        job_id = self._taken(queue, started_at)
        if number % 5 == 0:
            self.connection.batch(
                Batch.of([add_log(queue, job_id, "connected"), add_log(queue, job_id, "done, 1 message accepted")])
            )
        self.connection.call(
            complete_job(
                queue,
                job_id,
                token=TOKEN,
                return_text=json.dumps({"ok": True, "ms": 20 + number}),
                now_ms=ended_at,
            )
        )

    def _fail(
        self,
        queue: QueueKeys,
        name: str,
        data: Any,
        failure: Failure,
        number: int,
        *,
        every_ms: int = 4 * MINUTE,
    ) -> None:
        added_at = self.now_ms - (30 - number) * every_ms
        self._add(queue, name, data, JobOptions(attempts=3, backoff=Backoff.exponential(5_000)), added_at)
        at_ms = added_at + 300
        stack: list[str] = []
        for attempt in (1, 2, 3):
            job_id = self._taken(queue, at_ms)
            at_ms += 800 + self.dice.randint(0, 4_000)
            reason = failure.message.format(number=number, attempt=attempt)
            stack = [*stack, failure.stack(number, attempt)]
            self.connection.call(add_log(queue, job_id, f"attempt {attempt}: {reason}"))
            if attempt == 3:
                self.connection.call(
                    fail_job(queue, job_id, token=TOKEN, reason=reason, stacktrace=stack, now_ms=at_ms, attempts=3)
                )
            else:
                wait_ms = 5_000 * 2 ** (attempt - 1)
                self.connection.call(
                    delay_active_job(
                        queue,
                        job_id,
                        token=TOKEN,
                        delay_ms=wait_ms,
                        now_ms=at_ms,
                        count_attempt=True,
                        reason=reason,
                        stacktrace=stack,
                    )
                )
                at_ms += wait_ms

    def _back_off(self, queue: QueueKeys, name: str, data: Any, failure: Failure) -> None:
        """Leave a job between two attempts. It runs before all that waits, else another job would be taken."""
        options = JobOptions(attempts=5, backoff=Backoff.fixed(15 * MINUTE), lifo=True)
        self._add(queue, name, data, options, self.now_ms - MINUTE)
        job_id = self._taken(queue, self.now_ms - 50_000)
        self.connection.call(
            delay_active_job(
                queue,
                job_id,
                token=TOKEN,
                delay_ms=15 * MINUTE,
                now_ms=self.now_ms - 40_000,
                count_attempt=True,
                reason=failure.message.format(number=0, attempt=1),
                stacktrace=[failure.stack(0, 1)],
            )
        )

    def _wait(self, queue: QueueKeys, name: str, payloads: Sequence[Any]) -> None:
        for at, data in enumerate(payloads):
            self._add(queue, name, data, JobOptions(attempts=3), self.now_ms - (len(payloads) - at) * 20_000)

    def _take(self, queue: QueueKeys, name: str, payloads: Sequence[Any]) -> None:
        for at, data in enumerate(payloads):
            self._add(queue, name, data, JobOptions(attempts=3), self.now_ms - 30_000)
            job_id = self._taken(queue, self.now_ms - 20_000 + at * 1_000)
            self.connection.call(update_progress(queue, job_id, 20 + 30 * at))

    def _prioritize(self, queue: QueueKeys, name: str, count: int) -> None:
        for number in range(count):
            options = JobOptions(priority=1 + number % 3, attempts=3)
            self._add(queue, name, {"invoice": 4500 + number}, options, self.now_ms - number * 9_000)

    def _delay(self, queue: QueueKeys, name: str, count: int, delay_ms: int) -> None:
        for number in range(count):
            options = JobOptions(delay=delay_ms + number * 10 * MINUTE)
            self._add(queue, name, {"number": number}, options, self.now_ms - number * 1_000)

    def _flow(self, parents: QueueKeys, children: QueueKeys) -> None:
        """Two flows: one waits for its children, one of which failed; of the other all is still to do."""
        for number in range(2):
            root_id = f"video-{7 + number}"
            nodes = [
                self._node(children, f"{root_id}-audio", "extract-audio", parent=(parents, root_id)),
                self._node(children, f"{root_id}-thumbnails", "generate-thumbnails", parent=(parents, root_id)),
                self._node(children, f"{root_id}-segments", "transcode", parent=(parents, root_id), parts=4),
            ]
            job = prepare_job(
                "publish-video",
                {"video": root_id, "title": "The harbour"},
                JobOptions(job_id=root_id, attempts=2),
                now_ms=self.now_ms - 12 * MINUTE,
                has_children=True,
                in_flow=True,
                queue=parents,
            )
            self.connection.run(add_flow(NewNode(parents, job, tuple(nodes)), self.now_ms - 12 * MINUTE))
            self.jobs += 8
        at_ms = self.now_ms - 11 * MINUTE
        for _ in range(2):
            job_id = self._taken(children, at_ms)
            self.connection.call(
                complete_job(children, job_id, token=TOKEN, return_text='{"bytes": 51200}', now_ms=at_ms + 900)
            )
        job_id = self._taken(children, at_ms + 2_000)
        failure = FAILURES["codec"]
        self.connection.call(
            fail_job(
                children,
                job_id,
                token=TOKEN,
                reason=failure.message.format(number=3, attempt=1),
                stacktrace=[failure.stack(3, 1)],
                now_ms=at_ms + 4_000,
            )
        )

    def _node(
        self, queue: QueueKeys, job_id: str, name: str, *, parent: tuple[QueueKeys, str], parts: int = 0
    ) -> NewNode:
        parents, parent_id = parent
        options = JobOptions(job_id=job_id, attempts=1, parent=ParentRef(parent_id, parents.qualified))
        below = tuple(self._node(queue, f"{job_id}-{part}", "segment", parent=(queue, job_id)) for part in range(parts))
        job = prepare_job(
            name,
            {"of": parent_id},
            options,
            now_ms=self.now_ms - 12 * MINUTE,
            has_children=bool(parts),
            in_flow=True,
            queue=queue,
        )
        return NewNode(queue, job, below)

    def _hostile(self, queue: QueueKeys) -> None:
        """Fill the queue in which every name is an attack on the page that shows it."""
        for number, (job_id, name, data) in enumerate(HOSTILE_JOBS):
            at_ms = self.now_ms - (40 - number) * MINUTE
            prepared = prepare_job("hostile", data, JobOptions(attempts=1), now_ms=at_ms, queue=queue)
            self.connection.call(add_jobs(queue, [replace(prepared, job_id=job_id, name=name)]))
            self.jobs += 1
            if number % 2 == 0:
                taken = self._taken(queue, at_ms + 500)
                failure = FAILURES["hostile"]
                self.connection.call(add_log(queue, taken, "\x1b[31m<b onclick=alert(1)>red</b>\x1b[0m"))
                self.connection.call(
                    fail_job(
                        queue,
                        taken,
                        token=TOKEN,
                        reason=failure.message,
                        stacktrace=[failure.stack(number, 1)],
                        now_ms=at_ms + 900,
                    )
                )


def _moment_of(run_id: str | None) -> int:
    """Return the moment that a run is made for: its id ends with it."""
    return int((run_id or ":0").rpartition(":")[2])


def _large_payload() -> dict[str, Any]:
    """One megabyte of payload, as found where people put documents into jobs."""
    line = {"sku": "A-1041", "text": "Replacement filter, 12 pieces", "cents": 1_299}
    return {"invoice": 5_000, "lines": [{**line, "position": number} for number in range(13_500)]}
