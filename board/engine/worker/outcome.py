"""Decides what becomes of a job once its processor returned or raised.

::

    returned ───────────────────────────────▶ Complete
    raised RateLimitError ──────────────────▶ PutBack        no attempt counted
    raised DelayedError, WaitingError,
      WaitingChildrenError ─────────────────▶ Nothing        the processor has moved the job itself
    raised anything else
      attempts left, not unrecoverable,
        not stopped by somebody ────────────▶ Retry          at once, or
                                              Delay          after its backoff
      otherwise ────────────────────────────▶ Fail
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

from board.engine.backoff import BUILT_IN, MOST_MS, backoff_delay_ms, backoff_type
from board.engine.codec import dump_json, integer
from board.engine.errors import (
    JobStoppedError,
    PayloadError,
    ProcessorSignal,
    RateLimitError,
    UnrecoverableError,
    message_of,
)
from board.engine.options import to_ms
from board.engine.types import Duration, JobData, JsonValue, Keep
from board.engine.values import value
from board.engine.worker.traces import format_trace

__all__ = [
    "BackoffStrategy",
    "Complete",
    "Decision",
    "Delay",
    "Fail",
    "Failure",
    "Nothing",
    "PutBack",
    "Raised",
    "Retry",
    "Returned",
    "Rules",
    "blame",
    "decide",
    "failure_before_run",
    "from_the_processor",
    "outweighs",
    "retention",
]

BackoffStrategy = Callable[[int, BaseException, JobData], Duration]
"""Attempt number (from 1), error, job to the delay: ms or ``timedelta``; 0 retries at once, -1 fails the job."""

_WORKERS = ("board.engine.aio.worker", "board.engine.sync.worker", "board.engine.sync.processes")

STARTED_TOO_OFTEN = "job started more than allowable limit"
"""BullMQ's words: dashboards and people look for them."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a worker was told about failures.

    Attributes:
        max_started_attempts: activations after which a job fails without running; None for no limit.
        strategies: backoff types of one's own, by name.
    """

    max_started_attempts: int | None = None
    strategies: Mapping[str, BackoffStrategy] = field(default_factory=dict)


@value(frozen=True, slots=True)
class Returned:
    """The processor returned."""

    value: JsonValue


@value(frozen=True, slots=True)
class Raised:
    """The processor raised; ``trace`` is the stack trace when it was taken elsewhere (in another process)."""

    error: BaseException
    trace: str | None = None


@value(frozen=True, slots=True)
class Failure:
    """What is stored of a failed attempt: its message, and the stack traces of all attempts, oldest first."""

    reason: str
    stacktrace: tuple[str, ...]


@value(frozen=True, slots=True)
class Complete:
    """Finish the job with this JSON text as its return value."""

    return_text: str


@value(frozen=True, slots=True)
class Fail:
    """Finish the job as failed."""

    failure: Failure


@value(frozen=True, slots=True)
class Retry:
    """Put the job back in line at once, ``lifo`` at the front."""

    failure: Failure
    lifo: bool


@value(frozen=True, slots=True)
class Delay:
    """Let the job wait for its backoff."""

    failure: Failure
    delay_ms: int


@value(frozen=True, slots=True)
class PutBack:
    """Give the job back to the front of the line."""


@value(frozen=True, slots=True)
class Nothing:
    """Do nothing: the processor has moved the job."""


Decision = Complete | Fail | Retry | Delay | PutBack | Nothing


def decide(job: JobData, result: Returned | Raised, rules: Rules, roll: float) -> Decision:
    """Return what to do with a job.

    Args:
        job: as it was fetched.
        result: what its processor did. A return value that JSON cannot hold counts as an error.
        rules: the worker's.
        roll: a random number from 0 up to, not including, 1.
    """
    if isinstance(result, Returned):
        try:
            return Complete(dump_json(result.value))
        except PayloadError as unstorable:
            result = Raised(unstorable)
    raised = result.error
    if isinstance(raised, RateLimitError):
        return PutBack()
    if isinstance(raised, ProcessorSignal):
        return Nothing()
    if not _may_retry(job, raised, rules):
        return Fail(_failure(job, raised, result.trace))
    delay_ms = _delay_ms(job, raised, rules, roll)
    failure = _failure(job, raised, result.trace)
    if delay_ms < 0:
        return Fail(failure)
    if delay_ms == 0:
        return Retry(failure, lifo=bool(job.options.get("lifo")))
    return Delay(failure, delay_ms)


def failure_before_run(job: JobData, rules: Rules) -> Raised | None:
    """Return why a job must fail without being run, None to run it.

    Reasons are a deferred failure, too many starts, and a payload that is not JSON: a processor would see no data.
    """
    reason = job.deferred_failure
    if reason is None and rules.max_started_attempts is not None:
        reason = STARTED_TOO_OFTEN if job.attempts_started > rules.max_started_attempts else None
    if reason is None and job.problems:
        reason = next(
            (
                f"the job cannot be read: {problem}"
                for problem in job.problems
                if problem.startswith("data is not JSON")
            ),
            None,
        )
    if reason is None:
        return None
    return Raised(UnrecoverableError(reason), trace=f"UnrecoverableError: {reason}")


def retention(option: JsonValue, worker_default: Keep | None) -> Keep | None:
    """Return what a finished job leaves behind; None keeps everything.

    Args:
        option: the job's ``removeOnComplete`` or ``removeOnFail`` as it is stored, which wins over
        worker_default: the worker's.
    """
    if option is None:
        return worker_default
    if isinstance(option, bool):
        return Keep(count=0) if option else None
    if isinstance(option, Mapping):
        age = option.get("age")
        age_ms = age * 1000 if isinstance(age, int | float) and not isinstance(age, bool) else None
        return Keep(integer(option.get("count")), age_ms, integer(option.get("limit")))
    count = integer(option)
    return Keep(count=count) if count is not None and count >= 0 else None


def _may_retry(job: JobData, error: BaseException, rules: Rules) -> bool:
    if isinstance(error, UnrecoverableError | JobStoppedError) or type(error).__name__ == "UnrecoverableError":
        return False
    if rules.max_started_attempts is not None and rules.max_started_attempts <= job.attempts_started:
        return False
    return job.attempts_made + 1 < (integer(job.options.get("attempts")) or 0)


def _delay_ms(job: JobData, error: BaseException, rules: Rules, roll: float) -> int:
    """Return the backoff; below zero when a strategy wants no retry. A strategy that raises retries at once."""
    attempt = job.attempts_made + 1
    backoff = job.options.get("backoff")
    if backoff is None:
        return 0
    kind = backoff_type(backoff)
    if kind is None or kind in BUILT_IN:
        return backoff_delay_ms(backoff, attempt, roll)
    strategy = rules.strategies.get(kind)
    if strategy is None:
        error.add_note(f"no backoff strategy named {kind!r} in this worker: retried at once")
        return 0
    try:
        wanted = strategy(attempt, error, job)
        if wanted == -1:
            return -1
        return min(to_ms(wanted, f"backoff strategy {kind}"), MOST_MS)
    except Exception as broken:  # noqa: BLE001 - user code: its bug must not cost the job its attempts
        error.add_note(f"backoff strategy {kind!r} raised {broken!r}: retried at once")
        return 0


def blame(why: Exception | None, error: BaseException) -> BaseException:
    """Return why an attempt ended: that it was stopped, whatever the processor said of that; else its own error.

    A processor that has moved its job says so by a signal, and then there is nothing left to stop.
    """
    return why if isinstance(why, JobStoppedError) and not isinstance(error, ProcessorSignal) else error


def outweighs(why: Exception, before: Exception | None) -> bool:
    """Whether a reason to end an attempt counts although there was one before: a stop is for good."""
    return before is None or (isinstance(why, JobStoppedError) and not isinstance(before, JobStoppedError))


def _failure(job: JobData, error: BaseException, trace: str | None) -> Failure:
    if trace is None:
        trace = format_trace(error, from_the_processor(error.__traceback__))
    limit = integer(job.options.get("stackTraceLimit"))
    traces = (*job.stacktrace, _storable(trace.rstrip("\n")))
    if limit is not None:
        traces = traces[-limit:] if limit > 0 else ()
    return Failure(_storable(message_of(error)), traces)


def from_the_processor(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames in which a worker calls the processor: they tell nothing."""
    below = trace
    while below is not None and below.tb_frame.f_globals.get("__name__") in _WORKERS:
        below = below.tb_next
    return below or trace


def _storable(text: str) -> str:
    """Return text that UTF-8 can hold: half a surrogate pair becomes an escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
