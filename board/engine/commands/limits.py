"""How fast and how wide a queue may run: global rate limit, manual rate limit, global concurrency."""

from __future__ import annotations

from typing import Any

from board.engine.calls import Call
from board.engine.codec import integer
from board.engine.commands.script_call import script_call
from board.engine.errors import InvalidOptionError
from board.engine.keys import QueueKeys

__all__ = [
    "get_rate_limit_ttl",
    "is_maxed",
    "rate_limit",
    "remove_global_concurrency",
    "remove_global_rate_limit",
    "remove_rate_limit",
    "set_global_concurrency",
    "set_global_rate_limit",
]

_NO_MORE = 9_007_199_254_740_991
"""What a manual limit sets the counter to: no maximum is above it (2^53 - 1, as in BullMQ)."""


def set_global_concurrency(queue: QueueKeys, concurrency: int) -> Call[None]:
    """Let at most so many jobs of the queue be active at once, over all workers."""
    _positive("concurrency", concurrency)
    return Call(("HSET", queue.key("meta"), "concurrency", concurrency), _nothing)


def remove_global_concurrency(queue: QueueKeys) -> Call[None]:
    """Lift the limit of active jobs."""
    return Call(("HDEL", queue.key("meta"), "concurrency"), _nothing)


def set_global_rate_limit(queue: QueueKeys, maximum: int, duration_ms: int) -> Call[None]:
    """Let at most so many jobs start in each window, over all workers. The maximum wins over the workers' own."""
    _positive("max", maximum)
    _positive("duration", duration_ms)
    return Call(("HSET", queue.key("meta"), "max", maximum, "duration", duration_ms), _nothing)


def remove_global_rate_limit(queue: QueueKeys) -> Call[None]:
    """Lift the global rate limit; the workers' own apply again."""
    return Call(("HDEL", queue.key("meta"), "max", "duration"), _nothing)


def rate_limit(queue: QueueKeys, duration_ms: int) -> Call[None]:
    """Let no job start for a while. Takes effect where some maximum is known: a worker's limiter or a global one."""
    _positive("duration", duration_ms)
    return Call(("SET", queue.key("limiter"), _NO_MORE, "PX", duration_ms), _nothing)


def remove_rate_limit(queue: QueueKeys) -> Call[None]:
    """Open the current window again."""
    return Call(("DEL", queue.key("limiter")), _nothing)


def get_rate_limit_ttl(queue: QueueKeys, maximum: int | None = None) -> Call[int]:
    """Read for how many ms the queue is rate limited: 0 for not.

    Args:
        queue: the queue.
        maximum: a worker's limit; without it the global one counts, and without that any open window, -2 for none.
    """
    return script_call(
        "read_rate_limit",
        (queue.key("limiter"), queue.key("meta")),
        (maximum or 0,),
        int,
        writes=False,
    )


def is_maxed(queue: QueueKeys) -> Call[bool]:
    """Find out whether as many jobs are active as the global concurrency allows."""

    def decode(reply: Any) -> bool:
        limit = integer(reply[0])
        return limit is not None and int(reply[1]) >= limit

    return script_call("read_maxed", (queue.key("meta"), queue.key("active")), (), decode, writes=False)


def _positive(option: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidOptionError(option, f"{option} must be a whole number from 1, not {value!r}")


def _nothing(_reply: object) -> None:
    return None
