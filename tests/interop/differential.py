"""Random sequences of operations, played by Node and by us on two empty servers with the same clock.

A sequence is a list of plain steps; `play_ours` runs it with our commands, the driver's `play` with the real client.
What both leave behind has to be the same, key for key, apart from what `docs/protocol.md` lists under "Where our engine
goes its own way"; the generator keeps away from those corners and from what a frozen clock cannot hold still (time to
live).
"""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from board.engine.calls import Call
from board.engine.codec import dump_json
from board.engine.commands import flows, jobs, leases, limits, queues, schedulers
from board.engine.commands.flows import NewNode
from board.engine.connection.sync import Connection
from board.engine.errors import EngineError, UnrecoverableError
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import (
    UNSET,
    Backoff,
    Deduplication,
    JobData,
    JobOptions,
    JobState,
    Keep,
    ParentRef,
    Repeat,
)
from board.engine.worker.outcome import Complete, Delay, Fail, Raised, Retry, Rules, decide

Step = dict[str, Any]

START = 1_767_225_600_000
QUEUES = ("q1", "q2")
CUSTOM_IDS = ("one", "two", "three")
STATES = ("completed", "failed", "wait", "delayed", "prioritized")


def sequence(seed: int, release: int) -> list[Step]:
    """Return the sequence of a seed: 15 to 40 steps on two queues."""
    dice = random.Random(seed)
    maker = _Maker(dice, release)
    return [maker.step() for _ in range(dice.randint(15, 40))]


class _Maker:
    def __init__(self, dice: random.Random, release: int) -> None:
        self.dice = dice
        self.release = release
        self.added = 0
        self.tokens = 0
        self.flows = 0
        self.families = False
        self.scheduled = False
        self.paused: set[str] = set()

    def step(self) -> Step:
        kinds: list[tuple[int, Callable[[], Step]]] = [
            (30, self.add),
            (6, self.add_flow),
            (30, self.take),
            (14, lambda: self.end("complete", value=self.dice.choice([1, "done", None, {"a": 1}]))),
            (
                12,
                lambda: self.end("fail", message="boom", kind=self.dice.choice(["Error"] * 4 + ["UnrecoverableError"])),
            ),
            (4, lambda: self.end("delayActive", ms=self.dice.choice([0, 50, 700]))),
            (4, lambda: self.end("returnActive")),
            (3, lambda: {"op": "waitForChildren", "index": self.dice.randrange(5)}),
            (12, lambda: {"op": "tick", "ms": self.dice.choice([1, 10, 100, 1000, 60_000])}),
            (4, lambda: self.on_job("promote")),
            (5, lambda: self.on_job("retry", state=self.dice.choice(["failed", "completed"]))),
            (4, lambda: self.on_job("remove")),
            (3, lambda: self.on_job("changeDelay", ms=self.dice.choice([0, 20, 5000]))),
            (
                4,
                lambda: self.on_job(
                    "changePriority", priority=self.dice.choice([0, 1, 7]), lifo=self.dice.random() < 0.3
                ),
            ),
            (2, lambda: self.on_job("updateData", data={"new": self.dice.randrange(9)})),
            (2, lambda: self.on_job("updateProgress", progress=self.dice.randrange(100))),
            (2, lambda: self.on_job("log", line="a line")),
            (3, lambda: self.on_queue("pause")),
            (4, lambda: self.on_queue("resume")),
            (2, lambda: self.on_queue("drain", delayed=self.dice.random() < 0.5)),
            (
                2,
                lambda: self.on_queue(
                    "clean", grace=self.dice.choice([0, 500]), limit=0, state=self.dice.choice(STATES)
                ),
            ),
            (2, self.retry_all),
            (2, lambda: self.on_queue("promoteJobs")),
            (2, lambda: self.on_queue("concurrency", limit=self.dice.choice([0, 1, 2]))),
            (3, lambda: self.on_queue("checkStalled")),
            (2, lambda: self.on_queue("loseWorkers")),
            (2, self.scheduler),
        ]
        return self.dice.choices([make for _, make in kinds], [weight for weight, _ in kinds])[0]()

    def add(self) -> Step:  # noqa: C901 - one line an option
        dice = self.dice
        opts: Step = {}
        self.added += 1
        if dice.random() < 0.25:
            opts["delay"] = dice.choice([1, 50, 1000])
        if dice.random() < 0.25:
            opts["priority"] = dice.choice([1, 2, 2_097_151])
        if dice.random() < 0.15:
            opts["lifo"] = True
        if dice.random() < 0.4:
            opts["attempts"] = dice.choice([1, 2, 3])
        if dice.random() < 0.3:
            opts["backoff"] = {"type": dice.choice(["fixed", "exponential"]), "delay": dice.choice([0, 40, 1000])}
        if dice.random() < 0.2:
            opts["removeOnComplete"] = dice.choice([True, False, 0, 1, 2, {"age": 1}, {"age": 1, "count": 1}])
        if dice.random() < 0.2:
            opts["removeOnFail"] = dice.choice([True, False, 1, {"age": 1}])
        if dice.random() < 0.2:
            opts["keepLogs"] = 1
        if dice.random() < 0.2:
            opts["stackTraceLimit"] = dice.choice([0, 1])
        if dice.random() < 0.15:
            opts["jobId"] = dice.choice(CUSTOM_IDS)
        if dice.random() < 0.2:
            opts["deduplication"] = self.deduplication()
        elif dice.random() < 0.12:
            self.families = True
            opts["parent"] = {"id": self.some_id(), "queue": f"bull:{dice.choice(QUEUES)}"}
            if dice.random() < 0.6:
                opts[
                    dice.choice(
                        [
                            "failParentOnFailure",
                            "continueParentOnFailure",
                            "ignoreDependencyOnFailure",
                            "removeDependencyOnFailure",
                        ]
                    )
                ] = True
        return {"op": "add", "queue": dice.choice(QUEUES), "name": "j", "data": {"n": self.added}, "opts": opts}

    def deduplication(self) -> Step:
        rule: Step = {"id": self.dice.choice(["d1", "d2"])}
        if self.dice.random() < 0.4:
            rule["ttl"] = 600_000
            if self.dice.random() < 0.5:
                rule["extend"] = True
        if self.dice.random() < 0.3:
            rule["replace"] = True
        if self.dice.random() < 0.3:
            rule["keepLastIfActive"] = True
        if self.dice.random() < 0.2:
            rule["reschedule"] = True
        return rule

    def add_flow(self) -> Step:
        self.flows += 1
        self.families = True
        dice = self.dice
        policies = [
            "failParentOnFailure",
            "continueParentOnFailure",
            "ignoreDependencyOnFailure",
            "removeDependencyOnFailure",
            None,
        ]

        def node(name: str, depth: int) -> Step:
            opts: Step = {"jobId": name}
            if depth and (policy := dice.choice(policies)):
                opts[policy] = True
            if dice.random() < 0.2:
                opts["delay"] = 50
            if dice.random() < 0.2:
                opts["priority"] = 3
            if dice.random() < 0.2:
                opts["removeOnComplete"] = True
            made: Step = {"name": "f", "queueName": dice.choice(QUEUES), "data": {}, "opts": opts}
            width = dice.choice([1, 2, 3]) if depth == 0 else (dice.choice([0, 0, 0, 1, 2]) if depth < 2 else 0)
            if width:
                made["children"] = [node(f"{name}-{n}", depth + 1) for n in range(width)]
            return made

        return {"op": "addFlow", "flow": node(f"f{self.flows}", 0)}

    def take(self) -> Step:
        self.tokens += 1
        return {"op": "take", "queue": self.dice.choice(QUEUES), "token": f"t{self.tokens}"}

    def end(self, op: str, **fields: Any) -> Step:
        return {"op": op, "index": self.dice.randrange(5), **fields}

    def some_id(self) -> str:
        pool = [str(self.dice.randint(1, max(1, self.added))) for _ in range(4)]
        pool += list(CUSTOM_IDS)
        if self.flows:
            root = f"f{self.dice.randint(1, self.flows)}"
            pool += [root, f"{root}-0", f"{root}-1", f"{root}-0-0"]
        return self.dice.choice(pool)

    def on_job(self, op: str, **fields: Any) -> Step:
        return {"op": op, "queue": self.dice.choice(QUEUES), "id": self.some_id(), **fields}

    def retry_all(self) -> Step:
        if self.release == 5 and self.families:
            # Release 5 forgets in a bulk retry that a parent waits for the child again.
            return self.add()
        return self.on_queue("retryJobs", state=self.dice.choice(["failed", "completed"]))

    def on_queue(self, op: str, **fields: Any) -> Step:
        queue = self.dice.choice(QUEUES)
        if op == "drain" and self.scheduled:
            # Node's drain trims the wrong ids of a list that holds the pending run of a scheduler.
            queue = "q2"
        if op == "pause":
            self.paused.add(queue)
        elif op == "resume":
            self.paused.discard(queue)
        return {"op": op, "queue": queue, **fields}

    def scheduler(self) -> Step:
        # A paused queue of release 6 keeps the old run of a changed scheduler there; ours removes it.
        if self.paused or self.dice.random() < 0.3:
            return {"op": "removeScheduler", "queue": "q1", "id": "s1"}
        every: Step = {"every": self.dice.choice([1000, 60_000])}
        if self.dice.random() < 0.3:
            every["limit"] = 2
        self.scheduled = True
        template: Step = {"name": "tick", "data": {"t": 1}}
        if self.dice.random() < 0.4:
            template["opts"] = {"priority": 2}
        return {"op": "upsertScheduler", "queue": "q1", "id": "s1", "repeat": every, "template": template}


def play_ours(steps: list[Step], connection: Connection, version: str) -> list[dict[str, Any]]:
    """Play a sequence with our commands; returns what each step gave, or its error."""
    player = _Player(connection, version)
    outcomes: list[dict[str, Any]] = []
    for step in steps:
        try:
            outcomes.append({"ok": getattr(player, step["op"])(step)})
        except (EngineError, IndexError, ZeroDivisionError) as error:
            outcomes.append({"error": f"{type(error).__name__}: {error}"})
    return outcomes


class _Player:
    """Our engine, told by the same steps as the driver."""

    def __init__(self, connection: Connection, version: str) -> None:
        self.connection = connection
        self.now = START
        self.held: list[tuple[QueueKeys, JobData, str]] = []
        self.version = version

    def queue(self, step: Step) -> QueueKeys:
        return QueueKeys("bull", step["queue"])

    def pick(self, step: Step) -> tuple[QueueKeys, JobData, str]:
        return self.held.pop(step["index"] % len(self.held))

    def tick(self, step: Step) -> None:
        self.now += step["ms"]

    def add(self, step: Step) -> str:
        job = prepare_job(step["name"], step["data"], options_of(step["opts"]), now_ms=self.now)
        return self.connection.call(jobs.add_job(self.queue(step), job))

    def addFlow(self, step: Step) -> None:  # noqa: N802 - the driver's word
        self.connection.run(flows.add_flow(self.node(step["flow"], None), self.now))

    def node(self, flow: Step, parent: ParentRef | None) -> NewNode:
        queue = QueueKeys("bull", flow["queueName"])
        options = options_of(flow["opts"])
        if parent is not None:
            options = replace(options, parent=parent)
        job = prepare_job(flow["name"], flow["data"], options, now_ms=self.now)
        tie = ParentRef(job.job_id or "", queue.qualified)
        children = tuple(self.node(child, tie) for child in flow.get("children", ()))
        return NewNode(queue, job, children)

    def take(self, step: Step) -> str | None:
        queue = self.queue(step)
        job = self.connection.call(leases.fetch_job(queue, token=step["token"], lock_ms=600_000, now_ms=self.now)).job
        if job is None:
            return None
        if job.scheduler_id is not None:
            self.connection.run(schedulers.next_iteration(queue, job, self.now))
        self.held.append((queue, job, step["token"]))
        return job.id

    def complete(self, step: Step) -> None:
        queue, job, token = self.pick(step)
        done = Complete(encode(step["value"]))
        self.connection.call(
            leases.complete_job(
                queue,
                job.id,
                token=token,
                return_text=done.return_text,
                now_ms=self.now,
                attempts=attempts_of(job),
                keep=keep_of(job.options.get("removeOnComplete")),
            )
        )

    def fail(self, step: Step) -> None:
        queue, job, token = self.pick(step)
        error = (UnrecoverableError if step["kind"] == "UnrecoverableError" else RuntimeError)(step["message"])
        trace = f"{step['kind']}: {step['message']}\n    at process (app.js:1:1)"
        decision = decide(job, Raised(error, trace), Rules(), 0.0)
        assert isinstance(decision, Fail | Retry | Delay), decision
        told: dict[str, Any] = {
            "token": token,
            "now_ms": self.now,
            "reason": decision.failure.reason,
            "stacktrace": decision.failure.stacktrace,
        }
        if isinstance(decision, Retry):
            self.connection.call(leases.retry_active_job(queue, job.id, lifo=decision.lifo, **told))
        elif isinstance(decision, Delay):
            self.connection.call(
                leases.delay_active_job(queue, job.id, delay_ms=decision.delay_ms, count_attempt=True, **told)
            )
        else:
            keep = keep_of(job.options.get("removeOnFail"))
            self.connection.call(leases.fail_job(queue, job.id, attempts=attempts_of(job), keep=keep, **told))

    def delayActive(self, step: Step) -> None:  # noqa: N802 - the driver's word
        queue, job, token = self.pick(step)
        self.connection.call(
            leases.delay_active_job(
                queue, job.id, token=token, delay_ms=step["ms"], now_ms=self.now, count_attempt=False
            )
        )

    def returnActive(self, step: Step) -> None:  # noqa: N802 - the driver's word
        queue, job, token = self.pick(step)
        self.connection.call(leases.return_job(queue, job.id, token=token))

    def waitForChildren(self, step: Step) -> bool:  # noqa: N802 - the driver's word
        queue, job, token = self.held[step["index"] % len(self.held)]
        moved = self.connection.call(leases.wait_for_children(queue, job.id, token=token, now_ms=self.now))
        if moved:
            self.pick(step)
        return moved

    def loseWorkers(self, step: Step) -> None:  # noqa: N802 - the driver's word
        queue = self.queue(step)
        for place, job, token in self.held:
            if place == queue:
                self.connection.call(leases.release_lock(queue, job.id, token))
        self.held = [item for item in self.held if item[0] != queue]

    def checkStalled(self, step: Step) -> None:  # noqa: N802 - the driver's word
        queue = self.queue(step)
        self.connection.call(Call(("DEL", queue.key("stalled-check")), int))
        self.connection.call(leases.move_stalled(queue, max_stalled_count=1, now_ms=self.now, interval_ms=600_000))

    def present(self, step: Step) -> tuple[QueueKeys, str, JobData]:
        queue = self.queue(step)
        job = self.connection.call(jobs.get_job(queue, step["id"]))
        if job is None:
            raise EngineError("gone")
        return queue, step["id"], job

    def promote(self, step: Step) -> None:
        queue, job_id, _ = self.present(step)
        self.connection.call(jobs.promote_job(queue, job_id))

    def retry(self, step: Step) -> None:
        queue, job_id, _ = self.present(step)
        self.connection.call(jobs.retry_job(queue, job_id, JobState(step["state"])))

    def remove(self, step: Step) -> None:
        queue, job_id, _ = self.present(step)
        self.connection.call(jobs.remove_job(queue, job_id))

    def changeDelay(self, step: Step) -> None:  # noqa: N802 - the driver's word
        queue, job_id, _ = self.present(step)
        self.connection.call(jobs.change_delay(queue, job_id, step["ms"], self.now))

    def changePriority(self, step: Step) -> None:  # noqa: N802 - the driver's word
        queue, job_id, _ = self.present(step)
        self.connection.call(jobs.change_priority(queue, job_id, step["priority"], lifo=step["lifo"]))

    def updateData(self, step: Step) -> None:  # noqa: N802 - the driver's word
        queue, job_id, _ = self.present(step)
        self.connection.call(jobs.update_data(queue, job_id, step["data"]))

    def updateProgress(self, step: Step) -> None:  # noqa: N802 - the driver's word
        queue, job_id, _ = self.present(step)
        self.connection.call(jobs.update_progress(queue, job_id, step["progress"]))

    def log(self, step: Step) -> None:
        queue, job_id, job = self.present(step)
        self.connection.call(jobs.add_log(queue, job_id, step["line"], job.options.get("keepLogs")))

    def pause(self, step: Step) -> None:
        self.connection.run(queues.pause(self.queue(step)))

    def resume(self, step: Step) -> None:
        self.connection.run(queues.resume(self.queue(step)))

    def drain(self, step: Step) -> None:
        self.connection.run(queues.drain(self.queue(step), delayed=step["delayed"]))

    def clean(self, step: Step) -> int:
        plan = queues.clean(self.queue(step), step["grace"], step["limit"], step["state"], self.now)
        return len(self.connection.run(plan))

    def retryJobs(self, step: Step) -> None:  # noqa: N802 - the driver's word
        self.connection.run(queues.retry_jobs(self.queue(step), state=JobState(step["state"]), before_ms=self.now))

    def promoteJobs(self, step: Step) -> None:  # noqa: N802 - the driver's word
        self.connection.run(queues.promote_jobs(self.queue(step)))

    def concurrency(self, step: Step) -> None:
        queue = self.queue(step)
        if step["limit"]:
            self.connection.call(limits.set_global_concurrency(queue, step["limit"]))
        else:
            self.connection.call(limits.remove_global_concurrency(queue))

    def upsertScheduler(self, step: Step) -> None:  # noqa: N802 - the driver's word
        template = step["template"]
        self.connection.run(
            schedulers.upsert_scheduler(
                self.queue(step),
                step["id"],
                Repeat(every=step["repeat"]["every"], limit=step["repeat"].get("limit")),
                name=template["name"],
                data=template.get("data", UNSET),
                options=options_of(template.get("opts", {})),
                now_ms=self.now,
            )
        )

    def removeScheduler(self, step: Step) -> None:  # noqa: N802 - the driver's word
        self.connection.call(schedulers.remove_scheduler(self.queue(step), step["id"]))


def options_of(opts: Step) -> JobOptions:
    """Translate BullMQ's options into ours."""
    names = {
        "attempts": "attempts",
        "delay": "delay",
        "priority": "priority",
        "lifo": "lifo",
        "jobId": "job_id",
        "keepLogs": "keep_logs",
        "stackTraceLimit": "stack_trace_limit",
        "failParentOnFailure": "fail_parent_on_failure",
        "continueParentOnFailure": "continue_parent_on_failure",
        "ignoreDependencyOnFailure": "ignore_dependency_on_failure",
        "removeDependencyOnFailure": "remove_dependency_on_failure",
    }
    ours: dict[str, Any] = {names[name]: value for name, value in opts.items() if name in names}
    if "backoff" in opts:
        ours["backoff"] = Backoff(opts["backoff"]["type"], opts["backoff"]["delay"])
    for name, option in (("removeOnComplete", "remove_on_complete"), ("removeOnFail", "remove_on_fail")):
        if name in opts:
            rule = opts[name]
            ours[option] = keep_of(rule) if isinstance(rule, dict) else rule
    if "deduplication" in opts:
        rule = opts["deduplication"]
        ours["deduplication"] = Deduplication(
            rule["id"],
            ttl=rule.get("ttl"),
            extend=rule.get("extend", False),
            replace=rule.get("replace", False),
            keep_last_if_active=rule.get("keepLastIfActive", False),
            reschedule=rule.get("reschedule", False),
        )
    if "parent" in opts:
        ours["parent"] = ParentRef(opts["parent"]["id"], opts["parent"]["queue"])
    return JobOptions(**ours)


def keep_of(rule: Any) -> Keep | None:
    """Read a stored retention rule."""
    if rule is True:
        return Keep(count=0)
    if rule is None or rule is False:
        return None
    if isinstance(rule, dict):
        age = rule.get("age")
        return Keep(rule.get("count"), None if age is None else age * 1000, rule.get("limit"))
    return Keep(count=rule)


def attempts_of(job: JobData) -> int:
    """Read a job's attempts."""
    attempts = job.options.get("attempts", 0)
    return attempts if isinstance(attempts, int) else 0


def encode(value: Any) -> str:
    """Encode a return value as Node does."""
    return dump_json(value)
