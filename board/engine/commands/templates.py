"""Options of a scheduler's jobs as a person writes them: JSON, under the names that a stored record has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from board.engine.commands.schedulers import OF_EACH_RUN
from board.engine.errors import InvalidOptionError
from board.engine.options import check_options
from board.engine.types import Backoff, JobOptions

__all__ = ["check_template"]


def check_template(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return options that a scheduler's record may hold.

    Raises:
        InvalidOptionError: one of those that every run has of its own, or a value that makes no sense.
    """
    own = sorted(OF_EACH_RUN & options.keys())
    if own:
        raise InvalidOptionError(own[0], f"{own[0]} belongs to each run; a scheduler cannot set it")
    backoff = options.get("backoff")
    if isinstance(backoff, dict):
        backoff = Backoff(backoff.get("type", "fixed"), backoff.get("delay", 0), jitter=backoff.get("jitter"))
    keeps = {name: options.get(name) for name in ("removeOnComplete", "removeOnFail")}
    for name, keep in keeps.items():
        if isinstance(keep, dict):
            counts = [keep[part] for part in ("age", "count") if part in keep]
            if not counts or any(isinstance(one, bool) or not isinstance(one, int) or one < -1 for one in counts):
                raise InvalidOptionError(name, f"{name} takes age in seconds and count, whole numbers")
            keeps[name] = None
    check_options(
        JobOptions(
            attempts=options.get("attempts"),
            backoff=backoff,
            priority=options.get("priority"),
            lifo=options.get("lifo"),
            stack_trace_limit=options.get("stackTraceLimit"),
            size_limit=options.get("sizeLimit"),
            keep_logs=options.get("kl"),
            remove_on_complete=keeps["removeOnComplete"],
            remove_on_fail=keeps["removeOnFail"],
        )
    )
    return options
