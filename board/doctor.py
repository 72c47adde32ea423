"""``board doctor``: what guides tell people to check by hand, one named check a function.

Each finding says ok, or what is wrong and what to do about it. Nothing is ever changed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from board.audit import verify
from board.config import Settings, without_secrets
from board.engine.calls import Call
from board.engine.errors import PermissionDeniedError, StoreError
from board.facts import info_fields
from board.resources import ResourceMissingError, require_browser_code
from board.service import Service

__all__ = ["CHECKS", "Finding", "Verdict", "examine"]

OLDEST_REDIS = (6, 2)
OLDEST_VALKEY = (7, 2)
SLOW_MS = 20.0
"""A round trip longer than this makes every page and every job wait noticeably."""

CHAINED_ENTRIES = 1_000
"""Newest audit entries whose chain is checked."""


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        name: of the check.
        verdict: how it came out.
        sentence: what was measured.
        remedy: what to do; empty when nothing is.
    """

    name: str
    verdict: Verdict
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class _Patient:
    """What the checks look at."""

    settings: Settings
    service: Service
    info: dict[str, str]
    latency_ms: float


def examine(service: Service) -> Iterator[Finding]:
    """Run every check, the fundamental ones first; without Redis only those that need none."""
    yield browser_code()
    try:
        latency_ms = service.ping()
        info = service.connection.call(Call(("INFO",), info_fields, writes=False))
    except StoreError as trouble:
        place = without_secrets(service.settings.redis_url)
        yield Finding("redis", Verdict.FAILURE, str(trouble), f"Check that {place} is right and can be reached.")
        return
    patient = _Patient(service.settings, service, info, latency_ms)
    for check in CHECKS:
        try:
            yield check(patient)
        except PermissionDeniedError as trouble:
            name = check.__name__.replace("_", " ")
            yield Finding(name, Verdict.WARNING, str(trouble), "Give this user the right, or check by hand.")


def browser_code() -> Finding:
    """Whether templates, styles and htmx are part of the installation."""
    try:
        require_browser_code()
    except ResourceMissingError as missing:
        return Finding("installation", Verdict.FAILURE, str(missing), "Install the package again.")
    return Finding("installation", Verdict.OK, "templates, styles and htmx are there")


def answers(patient: _Patient) -> Finding:
    """How long Redis takes to answer."""
    sentence = f"Redis answers in {patient.latency_ms:.1f} ms"
    if patient.latency_ms > SLOW_MS:
        return Finding("redis", Verdict.WARNING, sentence, "Run the board and the workers near to Redis.")
    return Finding("redis", Verdict.OK, sentence)


def version(patient: _Patient) -> Finding:
    """Whether the server is new enough for the engine's scripts."""
    is_valkey = "valkey_version" in patient.info
    text = patient.info.get("valkey_version") or patient.info.get("redis_version", "")
    oldest = OLDEST_VALKEY if is_valkey else OLDEST_REDIS
    name = "Valkey" if is_valkey else "Redis"
    numbers = tuple(int(part) for part in text.split(".")[:2] if part.isdecimal())
    if len(numbers) == 2 and numbers >= oldest:
        return Finding("version", Verdict.OK, f"{name} {text}")
    least = ".".join(str(part) for part in oldest)
    return Finding("version", Verdict.FAILURE, f"{name} {text or 'of unknown version'}", f"At least {least} is needed.")


def eviction(patient: _Patient) -> Finding:
    """Whether Redis may throw jobs away when memory is full."""
    policy = patient.info.get("maxmemory_policy", "unknown")
    if policy == "noeviction":
        return Finding("eviction", Verdict.OK, "maxmemory-policy is noeviction")
    return Finding(
        "eviction",
        Verdict.FAILURE,
        f"maxmemory-policy is {policy}: Redis may throw jobs away when its memory is full",
        "CONFIG SET maxmemory-policy noeviction, and the same line in redis.conf.",
    )


def persistence(patient: _Patient) -> Finding:
    """Whether jobs outlive a crash of the server."""
    if patient.info.get("aof_enabled") == "1":
        if patient.info.get("aof_last_write_status", "ok") != "ok":
            return Finding(
                "persistence", Verdict.FAILURE, "the append-only file cannot be written", "Look at the disk."
            )
        return Finding("persistence", Verdict.OK, "append-only file")
    return Finding(
        "persistence",
        Verdict.WARNING,
        "no append-only file: a crash loses all jobs since the last snapshot",
        "CONFIG SET appendonly yes, and the same line in redis.conf.",
    )


def memory(patient: _Patient) -> Finding:
    """Whether there is room for more jobs."""
    used, limit = (int(patient.info.get(name, "0")) for name in ("used_memory", "maxmemory"))
    if not limit:
        return Finding("memory", Verdict.OK, f"{used / 2**20:,.0f} MB used, no limit set")
    share = used / limit
    sentence = f"{used / 2**20:,.0f} of {limit / 2**20:,.0f} MB used ({share:.0%})"
    if share >= 0.9:
        return Finding("memory", Verdict.FAILURE, sentence, "Raise maxmemory, or keep fewer finished jobs.")
    if share >= 0.75:
        return Finding("memory", Verdict.WARNING, sentence, "Raise maxmemory soon, or keep fewer finished jobs.")
    return Finding("memory", Verdict.OK, sentence)


def writable(patient: _Patient) -> Finding:
    """Whether this server takes actions."""
    if patient.info.get("role", "master") == "master":
        return Finding("role", Verdict.OK, "this is a primary: it takes writes")
    return Finding(
        "role", Verdict.WARNING, "this is a replica: looking works, actions do not", "Point REDIS_URL at the primary."
    )


def queues(patient: _Patient) -> Finding:
    """Whether any queue is found under the configured prefixes."""
    found = patient.service.sources.list()
    prefixes = ", ".join(patient.settings.prefixes)
    if found.queues:
        return Finding("queues", Verdict.OK, f"{len(found.queues)} queues under {prefixes}")
    return Finding(
        "queues",
        Verdict.WARNING,
        f"no queue is found under {prefixes}",
        "Set BOARD_PREFIX to the prefix of your producers, and check BOARD_QUEUES.",
    )


def users(patient: _Patient) -> Finding:
    """Whether anybody can sign in."""
    count = len(patient.service.users.all())
    if count:
        return Finding("users", Verdict.OK, "1 user" if count == 1 else f"{count} users")
    return Finding("users", Verdict.WARNING, "no user yet", "The first start of `board serve` makes one.")


def audit(patient: _Patient) -> Finding:
    """Whether the newest entries of the audit log are as they were written."""
    own = patient.service
    entries = own.audit_connection.call(own.audit.read(None, CHAINED_ENTRIES))
    broken = verify(entries)
    if broken is None:
        return Finding("audit", Verdict.OK, f"the newest {len(entries):,} entries fit together")
    return Finding("audit", Verdict.FAILURE, f"entry {broken} does not fit the one before", "Somebody changed the log.")


CHECKS: tuple[Callable[[_Patient], Finding], ...] = (
    answers,
    version,
    eviction,
    persistence,
    memory,
    writable,
    queues,
    users,
    audit,
)
"""In the order they are printed, after the check of the installation."""
