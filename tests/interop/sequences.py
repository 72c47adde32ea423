"""Random sequences of operations on two queues, each made anew from its seed.

The generator keeps away from what `docs/protocol.md` lists under "Where our engine goes its own way", and from what a
frozen clock cannot hold still (time to live).
"""

import random
from collections.abc import Callable
from typing import Any

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
