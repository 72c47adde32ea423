"""Every Redis key of a queue; nowhere else is a key spelled.

A queue's keys share the base ``prefix:name:``. The state *waiting* lives in the list ``wait``: that pairing is here and
nowhere else. Scripts get the keys they are called with from here and build job keys from the base.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from functools import lru_cache

from board.engine.errors import EngineError, InvalidOptionError, InvalidQueueNameError
from board.engine.types import JobState

__all__ = [
    "DEFAULT_PREFIX",
    "STATE_CONTAINERS",
    "QueueKeys",
    "child_place",
    "hash_tag",
    "share_a_slot",
    "split_job_key",
]

DEFAULT_PREFIX = "bull"

STATE_CONTAINERS: dict[JobState, str] = {
    JobState.WAITING: "wait",
    JobState.ACTIVE: "active",
    JobState.PRIORITIZED: "prioritized",
    JobState.DELAYED: "delayed",
    JobState.WAITING_CHILDREN: "waiting-children",
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
}
"""State to the suffix of the list or sorted set that holds its job ids."""

LIST_STATES = frozenset({JobState.WAITING, JobState.ACTIVE})
"""States kept in a list, newest at the head; all others are sorted sets."""


@dataclass(frozen=True, slots=True)
class QueueKeys:
    """The keys of one queue.

    Args:
        prefix: key prefix, ``bull`` unless the producers say otherwise; on a cluster it holds a hash tag (``{bull}``).
        name: queue name, not empty and without colon.
    """

    prefix: str
    name: str
    base: str = field(init=False, repr=False, compare=False)
    """What every key of the queue begins with, trailing colon included."""

    def __post_init__(self) -> None:
        if not isinstance(self.prefix, str):
            raise InvalidOptionError("prefix", f"prefix must be text, not {self.prefix!r}")
        if not isinstance(self.name, str):
            raise InvalidQueueNameError(self.name, "it must be text")
        if not self.name:
            raise InvalidQueueNameError(self.name, "it is empty")
        if ":" in self.name:
            raise InvalidQueueNameError(self.name, "it may not contain a colon")
        object.__setattr__(self, "base", f"{self.prefix}:{self.name}:")

    @property
    def qualified(self) -> str:
        """Prefix and name: how parents name the queue of their children."""
        return f"{self.prefix}:{self.name}"

    def key(self, suffix: str) -> str:
        """Return a queue-level key such as ``key("events")``."""
        return self.base + suffix

    def container(self, state: JobState) -> str:
        """Return the list or sorted set that holds the ids of ``state``."""
        return self.key(STATE_CONTAINERS[state])

    def job(self, job_id: str) -> str:
        """Return the key of a job's hash."""
        return self.key(job_id)

    def lock(self, job_id: str) -> str:
        """Return the key of a job's lock."""
        return self.key(f"{job_id}:lock")

    def logs(self, job_id: str) -> str:
        """Return the key of a job's log lines."""
        return self.key(f"{job_id}:logs")

    def children(self, job_id: str, kind: str) -> str:
        """Return a key of a parent's children: ``dependencies``, ``processed``, ``failed`` or ``unsuccessful``."""
        return self.key(f"{job_id}:{kind}")

    @property
    def client_name(self) -> str:
        """Name of a worker's blocking connection; Node's worker listing looks for it in CLIENT LIST."""
        return f"{self.prefix}:{_in_base64(self.name)}"

    def worker_client_name(self, worker: str | None) -> str:
        """Return the connection name of a worker, with its own name when it has one."""
        return self.client_name if not worker else f"{self.client_name}:w:{worker}"

    @property
    def events_client_name(self) -> str:
        """Name of a QueueEvents connection."""
        return f"{self.client_name}:qe"


@lru_cache(maxsize=4096)
def _in_base64(name: str) -> str:
    """Spell the name of a queue as connections carry it: a page that counts workers asks for that of every queue."""
    return base64.b64encode(name.encode()).decode()


@lru_cache(maxsize=4096)
def split_job_key(key: str) -> tuple[str, str]:
    """Split a full job key into the queue's base (trailing colon included) and the job id.

    BullMQ takes the text after the last colon for the id, so ids that hold colons come back cut short; callers that
    know the queue's base should strip that instead.
    """
    base, colon, job_id = key.rpartition(":")
    return base + colon, job_id


def share_a_slot(one: QueueKeys, other: QueueKeys) -> bool:
    """Whether all keys of two queues are sure to lie on one slot of a cluster: their bases have the same hash tag."""
    return hash_tag(one.base) is not None and hash_tag(one.base) == hash_tag(other.base)


def hash_tag(key: str) -> str | None:
    """Return the part of a key that decides its slot, as the cluster specification says; None when all of it does."""
    tag, closed, _ = key.partition("{")[2].partition("}")
    return tag if tag and closed else None


def child_place(parent: QueueKeys, key: str) -> tuple[QueueKeys, str] | None:
    """Return queue and id of a child by its full key; None when it is no job's key.

    Args:
        parent: the queue of the child's parent: where the child is in the same queue, its id may hold colons.
        key: the full key.
    """
    if key.startswith(parent.base) and len(key) > len(parent.base):
        return parent, key.removeprefix(parent.base)
    base, job_id = split_job_key(key)
    prefix, _, name = base.removesuffix(":").rpartition(":")
    try:
        return QueueKeys(prefix, name), job_id
    except EngineError:
        return None
