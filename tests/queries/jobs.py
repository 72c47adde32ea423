"""Jobs as BullMQ leaves them in Redis, written with plain commands: sound ones, and every kind of broken one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import redis

NOW = 1_767_225_600_000
"""The time that the pages are told."""

NODE_TRACE = (
    "GatewayTimeoutError: POST /v1/charges took longer than 10000 ms\n"
    "    at GatewayClient.post (/app/src/gateway/client.ts:118:13)\n"
    "    at async chargeInvoice (/app/src/billing/charge.ts:64:22)\n"
    "    at Worker.processJob (/app/node_modules/bullmq/dist/cjs/classes/worker.js:522:28)\n"
    "    at async Worker.retryIfFailed (/app/node_modules/bullmq/dist/cjs/classes/worker.js:788:24)\n"
    "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)"
)

PYTHON_TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/srv/venv/lib/python3.11/site-packages/board/engine/aio/worker.py", line 210, in _run\n'
    "    result = await self._process(job)\n"
    '  File "/srv/app/tasks.py", line 14, in resize\n'
    "    raise ValueError(f'no such size: {size}')\n"
    "ValueError: no such size: huge\n"
)

HOSTILE = "\"'><xss-tag xss-a=1 onerror=alert(1)></xss-tag><script>xss()</script>{{7*7}}</textarea></title>&lt;\u202e"
"""Breaks out of text, of attributes in either quote, of title and textarea; none of it may become an element."""

AWKWARD_ID = "a/b?c#d%2Fe:f g"
"""An id that no address may be made of carelessly."""

SECRET = "s3cret-canary-41907"
"""That it never shows is what is tested."""

Value = str | int


@dataclass(frozen=True)
class Filler:
    """Writes jobs of one queue."""

    client: redis.Redis
    queue: str = "mail"
    prefix: str = "bull"

    def key(self, suffix: str) -> str:
        """Spell a key of the queue."""
        return f"{self.prefix}:{self.queue}:{suffix}"

    def open(self, version: str = "bullmq:6.7.0", **meta: Value) -> Filler:
        """Store the meta hash."""
        fields: dict[str, Value] = {"version": version, "opts.maxLenEvents": 10000}
        self._store("meta", {**fields, **meta})
        return self

    def hash(self, job_id: str, /, **fields: Value) -> str:
        """Store the hash of a job that was only added, changed by ``fields``."""
        sound: dict[str, Value] = {
            "name": "send",
            "data": '{"to":"ann","n":1}',
            "opts": '{"attempts":3}',
            "timestamp": NOW - 60_000,
            "delay": 0,
            "priority": 0,
        }
        self._store(job_id, {**sound, **fields})
        return job_id

    def _store(self, suffix: str, fields: dict[Any, Any]) -> None:
        self.client.hset(self.key(suffix), mapping=fields)

    def waiting(self, job_id: str, /, **fields: Value) -> str:
        """Add a job at the end of the line."""
        self.client.lpush(self.key("wait"), self.hash(job_id, **fields))
        return job_id

    def paused(self, job_id: str, /, **fields: Value) -> str:
        """Add a job to release 5's list."""
        self.client.lpush(self.key("paused"), self.hash(job_id, **fields))
        return job_id

    def active(self, job_id: str, lock_ms: int = 30_000, /, **fields: Value) -> str:
        """Add a job that a worker runs, with a lock unless ``lock_ms`` is 0."""
        started: dict[str, Value] = {"processedOn": NOW - 4_000, "ats": 1, "pb": "mailer-1"}
        self.hash(job_id, **{**started, **fields})
        self.client.lpush(self.key("active"), job_id)
        if lock_ms:
            self.client.set(self.key(f"{job_id}:lock"), "token", px=lock_ms)
        return job_id

    def delayed(self, job_id: str, due_ms: int, /, **fields: Value) -> str:
        """Add a job that is due at ``due_ms``."""
        self.client.zadd(self.key("delayed"), {self.hash(job_id, **fields): due_ms * 4096})
        return job_id

    def prioritized(self, job_id: str, priority: int, /, **fields: Value) -> str:
        """Add a job with a priority."""
        self.hash(job_id, **{"priority": priority, **fields})
        self.client.zadd(self.key("prioritized"), {job_id: priority * 2**32})
        return job_id

    def parent(self, job_id: str, /, **fields: Value) -> str:
        """Add a job that waits for children."""
        self.client.zadd(self.key("waiting-children"), {self.hash(job_id, **fields): NOW - 50_000})
        return job_id

    def child(self, job_id: str, parent: str, policy: str = "") -> str:
        """Tell a job that is there already, and its parent, of each other."""
        reference: dict[str, Any] = {"id": parent, "queueKey": f"{self.prefix}:{self.queue}"}
        if policy:
            reference[policy] = True
        self.client.hset(self.key(job_id), mapping={"parentKey": self.key(parent), "parent": json.dumps(reference)})
        self.client.sadd(self.key(f"{parent}:dependencies"), self.key(job_id))
        return job_id

    def scheduler(self, scheduler_id: str, /, **fields: Value) -> str:
        """Add a scheduler whose next run is due in an hour; that job is not made."""
        self.client.zadd(self.key("repeat"), {scheduler_id: NOW + 3_600_000})
        sound: dict[str, Value] = {"name": scheduler_id, "pattern": "0 * * * *", "tz": "UTC", "ic": 1}
        self._store(f"repeat:{scheduler_id}", {**sound, **fields})
        return scheduler_id

    def completed(self, job_id: str, at_ms: int = NOW - 1_000, /, **fields: Value) -> str:
        """Add a job that ended well."""
        ended: dict[str, Value] = {
            "processedOn": at_ms - 500,
            "finishedOn": at_ms,
            "ats": 1,
            "atm": 1,
            "returnvalue": '{"ok":true}',
        }
        self.hash(job_id, **{**ended, "returnvalue": '{"ok":true}', **fields})
        self.client.zadd(self.key("completed"), {job_id: at_ms})
        return job_id

    def failed(self, job_id: str, at_ms: int = NOW - 1_000, trace: str = NODE_TRACE, /, **fields: Value) -> str:
        """Add a job that failed three times with the same trace."""
        ended: dict[str, Value] = {
            "processedOn": at_ms - 10_000,
            "finishedOn": at_ms,
            "ats": 3,
            "atm": 3,
            "failedReason": "POST /v1/charges took longer than 10000 ms",
            "stacktrace": json.dumps([trace] * 3),
        }
        self.client.zadd(self.key("failed"), {self.hash(job_id, **{**ended, **fields}): at_ms})
        return job_id

    def listed_failed(self, job_id: str, at_ms: int = NOW - 1_000) -> str:
        """Put an id among the failed ones without storing a job."""
        self.client.zadd(self.key("failed"), {job_id: at_ms})
        return job_id


BROKEN = {
    "gone": "its id is in a list, the job itself is gone",
    "text-key": "its key holds a string, not a job",
    "list-key": "its key holds a list, not a job",
    "bare": "the hash has no field “timestamp”",
    "not-json": "the data are not JSON",
}
"""Ids of broken jobs and a problem that their rows must name."""


def fill_broken(client: redis.Redis) -> Filler:
    """Store a failed list with one job of every broken kind between two sound ones."""
    mail = Filler(client).open()
    mail.failed("sound-1", NOW - 1)
    mail.listed_failed("gone")
    client.set(mail.key("text-key"), "not a hash")
    mail.listed_failed("text-key")
    client.rpush(mail.key("list-key"), "not", "a", "hash")
    mail.listed_failed("list-key")
    client.hset(mail.key("bare"), mapping={"finishedOn": "soon"})
    mail.listed_failed("bare")
    mail.failed("not-json", data="{oops", opts="nope", timestamp="yesterday", stacktrace="?", progress="[")
    mail.failed("huge", data=json.dumps({"blob": "x" * 1_000_000}))
    mail.failed(AWKWARD_ID)
    mail.failed("sound-2", NOW - 100_000)
    return mail


def fill_hostile(client: redis.Redis, text: str = HOSTILE) -> Filler:
    """Store a job in every state, every text of which tries to become markup; their ids begin with it, too."""
    queue = Filler(client, queue=text.replace(":", "")).open(version=text)
    texts: dict[str, Value] = {
        "name": text,
        "data": json.dumps({text: text, "list": [text]}),
        "opts": json.dumps({"attempts": 3, "backoff": {"type": text}, "de": {"id": text}, "x": text}),
        "pb": text,
        "progress": json.dumps({text: text}),
        "failedReason": text,
        "stacktrace": json.dumps([f"{text}: {text}\n    at {text} ({text}:1:1)", NODE_TRACE + text]),
        "returnvalue": json.dumps(text),
        "rjk": text,
        "deid": text,
        "defa": text,
        "tm": text,
        text: text,
    }
    for state in (queue.waiting, queue.active, queue.completed, queue.failed, queue.parent):
        state(f"{text}{state.__name__}", **texts)
    queue.delayed(f"{text}delayed", NOW + 5_000, **texts)
    queue.prioritized(f"{text}prioritized", 3, **texts)
    queue.failed("broken", data=text, opts=text, stacktrace=text, timestamp=text)
    queue.listed_failed(f"{text}gone")
    queue.scheduler(
        text, name=text, pattern=text, tz=text, data=json.dumps({text: text}), opts=json.dumps({text: text})
    )
    parent = f"{text}parent"
    queue.child(f"{text}waiting", parent)
    client.hset(queue.key(f"{parent}:processed"), queue.key(f"{text}completed"), text)
    client.hset(queue.key(f"{parent}:failed"), queue.key(f"{text}failed"), text)
    client.sadd(queue.key(f"{parent}:dependencies"), f"bull:elsewhere:{text}")
    for line in (text, f"\x1b[31m{text}\x1b[0m", f"\x1b]0;{text}\x07"):
        client.rpush(queue.key(f"{text}failed:logs"), line)
    return queue
