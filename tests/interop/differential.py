"""Random sequences of operations, played by Node and by us on two empty servers with the same clock.

A sequence is a list of plain steps; `play_ours` runs it with our commands, the driver's `play` with the real client.
What both leave behind has to be the same, key for key, apart from what `docs/protocol.md` lists under "Where our engine
goes its own way"; the generator keeps away from those corners and from what a frozen clock cannot hold still (time to
live).
"""

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
from tests.interop.sequences import START, Step


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
