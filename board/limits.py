"""What a queue may come to before it counts as degraded: limits for the queues whose names match a glob.

``billing.*: waiting=500 oldest=5min; *: oldest=10min workers=1``: the first glob that fits decides for a queue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ["DEFAULT_LIMITS", "Limits", "limits_for", "read_length_ms", "read_limits"]

DEFAULT_LIMITS = "*: oldest=10min workers=1"

UNITS = {"s": 1_000, "min": 60_000, "h": 3_600_000, "days": 86_400_000}


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the queues that a glob matches; None where there is none.

    Attributes:
        queues: glob of queue names, without prefix.
        waiting: most jobs that could start at once.
        oldest: longest wait of the next job in line, ms.
        failed: most failed jobs kept.
        share: largest share of failed among finished jobs kept, percent; counts from ten failures on.
        workers: fewest workers while a job waits.
    """

    queues: str
    waiting: int | None = None
    oldest: int | None = None
    failed: int | None = None
    share: int | None = None
    workers: int | None = None


def read_limits(text: str) -> tuple[Limits, ...]:
    """Read limits as a setting has them.

    Raises:
        ValueError: with the rest of a sentence that began with the name of the setting.
    """
    return tuple(_one(part.strip()) for part in text.split(";") if part.strip())


def limits_for(limits: Iterable[Limits], queue: str) -> Limits | None:
    """Return the first limits that fit the name of a queue."""
    return next((one for one in limits if fnmatchcase(queue, one.queues)), None)


def _one(text: str) -> Limits:
    glob, separator, rest = text.partition(":")
    found: dict[str, int] = {}
    for part in rest.split():
        name, _, value = part.partition("=")
        if name not in ("waiting", "oldest", "failed", "share", "workers") or name in found:
            raise ValueError(
                f"has {part[:40]!r}: write waiting, oldest, failed, share or workers, each once, as name=value"
            )
        found[name] = read_length_ms(value) if name == "oldest" else _whole(value)
    if not separator or not glob.strip() or not found:
        raise ValueError(
            f"has {text[:40]!r}: write a glob, a colon and limits, such as `mail: oldest=5min waiting=500`"
        )
    return Limits(glob.strip(), **found)


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}%?", text):
        raise ValueError(f"has {text[:40]!r}, which is no whole number")
    return int(text.rstrip("%"))


def read_length_ms(text: str) -> int:
    """Read a length of time such as ``30s`` or ``5min``, ms.

    Raises:
        ValueError: with the rest of a sentence that began with the name of the setting.
    """
    found = re.fullmatch(r"([0-9]{1,6})(s|min|h|days)", text)
    if found is None:
        raise ValueError(f"has {text[:40]!r}, which is no time such as 30s, 5min, 2h or 1days")
    return int(found[1]) * UNITS[found[2]]
