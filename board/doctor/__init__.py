"""``board doctor`` and the health page: what guides tell people to check by hand, one named check a function.

Each finding says ok, or what is wrong and what to do about it. Nothing is ever changed here. What is read of jobs is a
sample: the newest few of each state of at most a hundred queues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from board.config import without_secrets
from board.doctor import queues, server
from board.doctor.finding import Finding, Verdict
from board.engine.calls import Call
from board.engine.errors import PermissionDeniedError, StoreError
from board.facts import info_fields
from board.service import Service

__all__ = ["CHECKS", "Finding", "Verdict", "examine"]

CHECKS = (*server.CHECKS, *queues.CHECKS)
"""Every check but that of the installation."""


def examine(service: Service) -> Iterator[Finding]:
    """Run every check, the fundamental ones first; without Redis only those that need none."""
    yield server.browser_code()
    try:
        latency_ms = service.ping()
        info = service.connection.call(Call(("INFO",), info_fields, writes=False))
    except StoreError as trouble:
        place = without_secrets(service.settings.redis_url)
        yield Finding("redis", Verdict.FAILURE, str(trouble), f"Check that {place} is right and can be reached.")
        return
    patient = server.Patient(service.settings, service, info, latency_ms)
    for check in server.CHECKS:
        yield _run(check.__name__, check.__doc__, partial(check, patient))
    try:
        sample = queues.look(service)
    except StoreError as trouble:
        yield Finding("jobs", Verdict.WARNING, str(trouble), "Look again.")
        return
    for one in queues.CHECKS:
        yield _run(one.__name__, one.__doc__, partial(one, sample))


def _run(name: str, rule: str | None, check: Callable[[], Finding]) -> Finding:
    try:
        found = check()
    except PermissionDeniedError as trouble:
        found = Finding(
            name.replace("_", " "), Verdict.WARNING, str(trouble), "Give this user the right, or check by hand."
        )
    return replace(found, rule=(rule or "").partition("\n")[0])
