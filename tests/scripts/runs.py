"""Jobs that are added, taken and ended by scripts alone, and ends of several callers that travel as one run."""

from collections.abc import Callable, Sequence
from typing import Any

import redis

from board.engine.calls import Call, raw
from board.engine.codec import joined
from board.engine.commands import jobs, leases
from board.engine.connection.sync import Connection
from board.engine.errors import EngineError
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.types import Fetched, JobOptions

NOW = 1_767_225_600_000
Outcome = tuple[str, ...] | str | None


def add(connection: Connection, queue: QueueKeys, **options: Any) -> str:
    """Add a job with these options."""
    return connection.call(jobs.add_job(queue, prepare_job("send", {"n": 1}, JobOptions(**options), now_ms=NOW)))


def take(connection: Connection, queue: QueueKeys, token: str) -> str | None:
    """Take the next job and return its id."""
    fetched = connection.call(leases.fetch_job(queue, token=token, lock_ms=600_000, now_ms=NOW))
    return fetched.job.id if fetched.job else None


def take_all(connection: Connection, queue: QueueKeys) -> list[str]:
    """Take all jobs in line, each with a token `t` and its id, and return their ids."""
    taken: list[str] = []
    while connection.call(Call(("LLEN", queue.key("wait")), int)):
        following = connection.call(Call(("LINDEX", queue.key("wait"), -1), lambda reply: reply.decode()))
        taken.append(take(connection, queue, f"t{following}") or "")
    return taken


def complete(queue: QueueKeys, job_id: str, token: str | None = None, *, now_ms: int = NOW, **how: Any) -> Call[Any]:
    """Describe completing a job."""
    return leases.complete_job(queue, job_id, token=token or f"t{job_id}", return_text="1", now_ms=now_ms, **how)


def fail(queue: QueueKeys, job_id: str, token: str | None = None, *, now_ms: int = NOW, **how: Any) -> Call[Any]:
    """Describe failing a job."""
    return leases.fail_job(queue, job_id, token=token or f"t{job_id}", reason="no", now_ms=now_ms, **how)


def told(call: Call[Any], reply: Any) -> Outcome:
    """Return what a caller hears of its part of the reply, in words that do not depend on the run."""
    try:
        if isinstance(reply, Exception):
            return str(reply).partition(" script:")[0]
        result = call.decode([reply])
    except EngineError as error:
        return type(error).__name__
    if isinstance(result, Fetched):
        if result.job:
            return (result.job.id, *(f"{name}={value}" for name, value in result.job.raw.items()))
        if result.limited_ms or result.next_delayed_ms:
            return ("no job", "limited" if result.limited_ms else "", str(result.next_delayed_ms))
    return None


def run(connection: Connection, calls: Sequence[Call[Any]]) -> list[Any]:
    """Let all of them travel as one run; return their replies as Redis gives them."""
    items = joined([call.item or b"" for call in calls])
    return connection.call(Call((calls[0].argv[0], items, "1"), raw, script=calls[0].script, keys=1))


def together(connection: Connection, calls: Sequence[Call[Any]]) -> list[Outcome]:
    """Let all of them travel as one run; return what each hears."""
    return [told(call, reply) for call, reply in zip(calls, run(connection, calls), strict=True)]


def lost(error: type[EngineError]) -> str:
    """Return what is told of an error."""
    return error.__name__


def commands(client: redis.Redis, work: Callable[[], object]) -> dict[str, int]:
    """Return which commands a piece of work makes Redis run, and how often."""
    client.config_resetstat()
    work()
    stats: Any = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): told["calls"] for name, told in stats.items()}
