"""What a worker may be told, checked at the door, the same for both fronts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypedDict

from board.engine.commands.leases import DeadLetter, FetchNext
from board.engine.commands.script_call import MOST_TOGETHER
from board.engine.errors import InvalidOptionError
from board.engine.keys import QueueKeys, share_a_slot
from board.engine.options import check_keep, to_ms
from board.engine.telemetry import Telemetry
from board.engine.types import Duration, Keep, RateLimit
from board.engine.worker.machine import MachineSettings
from board.engine.worker.outcome import BackoffStrategy, Rules, retention
from board.engine.worker.settle import JobRules

__all__ = ["WorkerArguments", "WorkerOptions", "worker_options"]


class WorkerArguments(TypedDict, total=False):
    """The keyword arguments of a worker; ``WorkerOptions`` says what each means."""

    concurrency: int
    name: str | None
    limiter: RateLimit | None
    lock_duration: Duration
    lock_renew_time: Duration | None
    stalled_interval: Duration
    max_stalled_count: int
    max_started_attempts: int | None
    drain_delay: Duration
    maximum_rate_limit_delay: Duration
    remove_on_complete: bool | int | Keep | None
    remove_on_fail: bool | int | Keep | None
    metrics: int | None
    dead_letter_queue: str | None
    backoff_strategies: Mapping[str, BackoffStrategy]
    job_timeout: Duration | None
    grace: Duration | None
    skip_stalled_check: bool
    skip_lock_renewal: bool
    handle_signals: bool
    telemetry: Telemetry | None
    batch: int


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker behaves. Durations are ms or ``timedelta``.

    Attributes:
        concurrency: jobs at once.
        name: stored in each job it takes, and part of the name of its connection; dashboards show it.
        limiter: at most so many starts in each window, counted for the whole queue.
        lock_duration: how long a lock holds without being renewed: a crashed worker's jobs wait that long at least.
        lock_renew_time: how old a lock may get before it is renewed; None is half of ``lock_duration``.
        stalled_interval: time between checks for jobs of lost workers.
        max_stalled_count: how often a job may lose its worker before it fails.
        max_started_attempts: how often a job may be started, stalls included, before it fails without being run.
        drain_delay: longest wait on an empty queue before looking again.
        maximum_rate_limit_delay: longest sleep because of a rate limit before asking again.
        remove_on_complete: retention of completed jobs that do not say otherwise.
        remove_on_fail: the same for failed jobs.
        metrics: minutes of counts to keep; None counts nothing.
        dead_letter_queue: queue of the same prefix into which jobs go that failed for good.
        backoff_strategies: backoff types of one's own, by name.
        job_timeout: a job that runs longer fails (and is retried, if attempts are left).
        grace: how long a close on a signal waits for running jobs before it hands them back.
        skip_stalled_check: leave that check to other workers.
        skip_lock_renewal: let locks expire.
        handle_signals: close on SIGTERM and SIGINT while ``run`` runs, unless the program handles them itself.
        telemetry: traces and measures what is processed; see ``engine.telemetry``.
        batch: most jobs of one moment that a worker ends or takes in one run of a script; 1 gives each a run
            of its own. A larger one holds Redis for longer at a time.
    """

    concurrency: int = 1
    name: str | None = None
    limiter: RateLimit | None = None
    lock_duration: Duration = 30_000
    lock_renew_time: Duration | None = None
    stalled_interval: Duration = 30_000
    max_stalled_count: int = 1
    max_started_attempts: int | None = None
    drain_delay: Duration = 5_000
    maximum_rate_limit_delay: Duration = 30_000
    remove_on_complete: bool | int | Keep | None = None
    remove_on_fail: bool | int | Keep | None = None
    metrics: int | None = None
    dead_letter_queue: str | None = None
    backoff_strategies: Mapping[str, BackoffStrategy] = field(default_factory=dict)
    job_timeout: Duration | None = None
    grace: Duration | None = 30_000
    skip_stalled_check: bool = False
    skip_lock_renewal: bool = False
    handle_signals: bool = True
    telemetry: Telemetry | None = None
    batch: int = MOST_TOGETHER

    def __post_init__(self) -> None:
        _whole("concurrency", self.concurrency, 1)
        _whole("max_stalled_count", self.max_stalled_count, 0)
        _whole("max_started_attempts", self.max_started_attempts, 1)
        _whole("metrics", self.metrics, 1)
        _whole("batch", self.batch, 1)
        if self.batch > MOST_TOGETHER:
            raise InvalidOptionError("batch", f"batch must be at most {MOST_TOGETHER}, not {self.batch}")
        for option, least in (("lock_duration", 10), ("stalled_interval", 1), ("maximum_rate_limit_delay", 1)):
            if to_ms(getattr(self, option), option) < least:
                raise InvalidOptionError(option, f"{option} must be at least {least} ms")
        if self.limiter is not None:
            if not isinstance(self.limiter, RateLimit):
                raise InvalidOptionError("limiter", "limiter must be RateLimit(max=…, duration=…)")
            _whole("limiter.max", self.limiter.max, 1)
            if to_ms(self.limiter.duration, "limiter.duration") < 1:
                raise InvalidOptionError("limiter.duration", "limiter.duration must be at least 1 ms")
        for option in ("drain_delay", "lock_renew_time", "job_timeout", "grace"):
            if getattr(self, option) is not None:
                to_ms(getattr(self, option), option)
        _check_kinds(self)
        if self.lock_renew_time is not None and to_ms(self.lock_renew_time) >= self.lock_ms:
            raise InvalidOptionError(
                "lock_renew_time", "lock_renew_time must be shorter than lock_duration, or every lock runs out first"
            )

    @property
    def lock_ms(self) -> int:
        """How long a lock holds."""
        return to_ms(self.lock_duration)

    @property
    def grace_ms(self) -> int | None:
        """How long a close on a signal waits."""
        return None if self.grace is None else to_ms(self.grace)

    @property
    def job_timeout_ms(self) -> int | None:
        """How long a job may run."""
        return None if self.job_timeout is None else to_ms(self.job_timeout)

    @property
    def stalled_ms(self) -> int:
        """Time between checks for stalled jobs."""
        return to_ms(self.stalled_interval)

    @property
    def longest_block_s(self) -> float:
        """The longest time that the blocking read may take."""
        return max(to_ms(self.drain_delay) / 1000, 10.0)

    def machine_settings(self, worker_id: str, lanes: int = 1) -> MachineSettings:
        """Return what the machine needs to know; ``lanes`` are the most fetches under way at once."""
        renew_ms = self.lock_ms // 2 if self.lock_renew_time is None else to_ms(self.lock_renew_time)
        return MachineSettings(
            worker_id=worker_id,
            concurrency=self.concurrency,
            lock_ms=self.lock_ms,
            renew_ms=None if self.skip_lock_renewal else renew_ms,
            stalled_ms=None if self.skip_stalled_check else self.stalled_ms,
            drain_delay_ms=to_ms(self.drain_delay),
            most_limit_ms=to_ms(self.maximum_rate_limit_delay),
            lanes=lanes,
        )

    def job_rules(self, queue: QueueKeys, *, is_cluster: bool) -> JobRules:
        """Return what the end of a job depends on.

        Raises:
            InvalidOptionError: the dead-letter queue may lie elsewhere in the cluster, so that a job could not fail and
                land there in one step.
        """
        letters = None
        if self.dead_letter_queue is not None:
            grave = QueueKeys(queue.prefix, self.dead_letter_queue)
            if grave == queue:
                raise InvalidOptionError(
                    "dead_letter_queue", f"dead_letter_queue must be another queue than {queue.name!r} itself"
                )
            if is_cluster and not share_a_slot(queue, grave):
                raise InvalidOptionError(
                    "dead_letter_queue",
                    f"dead_letter_queue {grave.name!r} may lie on another slot of the cluster than queue "
                    f"{queue.name!r}; give both one hash tag, as with prefix='{{bull}}'",
                )
            letters = DeadLetter(grave, queue.name, queue.prefix)
        return JobRules(
            queue=queue,
            rules=Rules(self.max_started_attempts, dict(self.backoff_strategies)),
            fetch=FetchNext(self.lock_ms, self.limiter, self.name, self.batch),
            keep_completed=_keep(self.remove_on_complete),
            keep_failed=_keep(self.remove_on_fail),
            metrics_points=self.metrics,
            dead_letter=letters,
        )


_NAMES = tuple(option.name for option in fields(WorkerOptions))


def worker_options(given: Mapping[str, Any]) -> WorkerOptions:
    """Return the options of a worker from its keyword arguments.

    Raises:
        InvalidOptionError: names the option, what it may be and what it was, or for an unknown one the nearest known.
    """
    for name in given:
        if name not in _NAMES:
            raise InvalidOptionError.unknown("worker option", name, _NAMES)
    return WorkerOptions(**given)


def _fits_a_connection(name: object) -> bool:
    """Whether Redis takes it as part of a connection's name, where workers are listed by it."""
    return isinstance(name, str) and all("!" <= character <= "~" for character in name)


def _check_kinds(options: WorkerOptions) -> None:
    for option in ("skip_stalled_check", "skip_lock_renewal", "handle_signals"):
        if not isinstance(value := getattr(options, option), bool):
            raise InvalidOptionError(option, f"{option} must be True or False, not {value!r}")
    for option in ("remove_on_complete", "remove_on_fail"):
        if getattr(options, option) is not None:
            check_keep(option, getattr(options, option))
    name: object = options.name
    if name is not None and not _fits_a_connection(name):
        raise InvalidOptionError("name", f"the name of a worker must be printable ASCII without spaces, not {name!r}")
    strategies: object = options.backoff_strategies
    if not isinstance(strategies, Mapping) or not all(
        isinstance(name, str) and callable(strategy) for name, strategy in strategies.items()
    ):
        raise InvalidOptionError(
            "backoff_strategies", "backoff_strategies must be functions by the name of the backoff"
        )


def _keep(option: object) -> Keep | None:
    return option if isinstance(option, Keep) else retention(option, None)


def _whole(option: str, value: object, low: int) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise InvalidOptionError(option, f"{option} must be a whole number from {low}, not {value!r}")
