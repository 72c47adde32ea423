"""``board doctor`` and the health page: what guides tell people to check by hand, one named check a function.

Each finding says ok, or what is wrong and what to do about it. Nothing of what is looked at is ever changed. What is
read of jobs is a sample: the newest few of each state of at most a hundred queues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from board.acceptance import Acceptances
from board.config import without_secrets
from board.doctor import queues, server
from board.doctor.finding import Finding, Verdict
from board.engine.calls import Call
from board.engine.errors import PermissionDeniedError, StoreError
from board.errors import BadRequestError
from board.facts import info_fields
from board.service import Service
from board.words import Sentence, of, sentence

__all__ = ["CHECKS", "Finding", "Verdict", "examine", "look", "rule_of", "verdict_of", "weigh"]

CHECKS = (*server.CHECKS, *queues.CHECKS)
"""Every check but that of the installation."""


def examine(service: Service) -> Iterator[Finding]:
    """Run every check, the fundamental ones first; without Redis only those that need none.

    What somebody accepted, and is no worse since, says so.
    """
    yield from weigh(service, look(service))


def weigh(service: Service, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Add to each finding who accepted it."""
    try:
        accepted = service.connection.call(Acceptances(service.namespace).all())
    except StoreError:  # the check of Redis says why
        accepted = {}
    now_ms = service.clock()
    for found in findings:
        one = accepted.get(found.name)
        yield replace(found, accepted=one) if one and one.covers(found.verdict, now_ms) else found


def verdict_of(service: Service, name: str) -> Verdict:
    """Return how the check of that name comes out now.

    Raises:
        BadRequestError: there is no such check.
    """
    found = {one.name: one.verdict for one in look(service)}
    if name not in found:
        raise BadRequestError(
            sentence(
                "There is no check “%(name)s”. These are: %(names)s.", name=name[:40], names=", ".join(sorted(found))
            )
        )
    return found[name]


def look(service: Service) -> Iterator[Finding]:
    """Run every check, whatever was accepted."""
    yield server.browser_code()
    try:
        latency_ms = service.ping()
        info = service.connection.call(Call(("INFO",), info_fields, writes=False))
    except StoreError as trouble:
        place = without_secrets(service.settings.redis_url)
        yield Finding(
            "redis",
            Verdict.FAILURE,
            of(trouble),
            sentence("Check that %(place)s is right and can be reached.", place=place),
        )
        return
    patient = server.Patient(service.settings, service, info, latency_ms)
    for check in server.CHECKS:
        yield _run(check.__name__, check.__doc__, partial(check, patient))
    try:
        sample = queues.look(service)
    except StoreError as trouble:
        yield Finding("jobs", Verdict.WARNING, of(trouble), sentence("Look again."))
        return
    for one in queues.CHECKS:
        yield _run(one.__name__, one.__doc__, partial(one, sample))


def _run(name: str, rule: str | None, check: Callable[[], Finding]) -> Finding:
    try:
        found = check()
    except PermissionDeniedError as trouble:
        found = Finding(
            name.replace("_", " "),
            Verdict.WARNING,
            of(trouble),
            sentence("Give this user the right, or check by hand."),
        )
    return replace(found, rule=rule_of(rule))


def rule_of(docstring: str | None) -> Sentence:
    """Return what a check looks at: the first line of its docstring, which the catalogues have too."""
    return Sentence((docstring or "").partition("\n")[0])
