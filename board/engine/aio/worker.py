"""The worker for asyncio: runs coroutine functions, many at once in one event loop.

A slot is a coroutine that lives as long as the worker: it runs a job, settles it, and goes on with the job that came
along, so a busy worker makes one round trip and no task a job. Fetching, waiting on the marker, renewing locks and
looking for stalled jobs are short tasks of their own; a timer wakes the machine. A thread watches that the loop is not
blocked (``aio.watchdog``).

What to do is decided by ``worker.machine``; what becomes of a job by ``worker.settle``. All of it happens in the
loop, so there are no locks; between two ``await`` nothing changes.

A long file, for one reason: what may happen at each ``await`` can only be checked where all of it is in sight.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import random
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, Self, TypeVar, Unpack

from board.engine.aio.stints import RunningAsyncJob, Stint
from board.engine.aio.watchdog import LoopWatchdog
from board.engine.calls import Call
from board.engine.clock import SteadyClock, wall_ms
from board.engine.commands import leases, limits
from board.engine.connection.aio import AsyncClient, AsyncConnection
from board.engine.errors import (
    ClosedError,
    ConnectionLostError,
    EngineError,
    JobCancelledError,
    JobStoppedError,
    JobTimeoutError,
    StoreError,
    UsageError,
)
from board.engine.keys import DEFAULT_PREFIX, QueueKeys
from board.engine.options import to_ms
from board.engine.shutdown import on_signal
from board.engine.targets import load_target
from board.engine.types import Duration, Fetched, JobData, JsonValue
from board.engine.worker import messages
from board.engine.worker.listeners import Listeners
from board.engine.worker.machine import State, WorkerMachine
from board.engine.worker.measures import Attempt, measure_end, measure_start, process_span
from board.engine.worker.messages import Action, Arrived, Ask, Asked, Ended, Event, Lease, Run
from board.engine.worker.options import WorkerArguments, worker_options
from board.engine.worker.outcome import (
    Complete,
    Delay,
    Fail,
    Raised,
    Retry,
    Returned,
    blame,
    failure_before_run,
)
from board.engine.worker.settle import Nap, Report, Settled, Steps, begin, first_try, put_back, reclaim, settle

__all__ = ["AsyncProcessor", "AsyncWorker", "RunningAsyncJob"]

R = TypeVar("R")

AsyncProcessor = Callable[["RunningAsyncJob"], Awaitable[Any]]
"""Runs a job; what it returns, JSON, is the job's result, what it raises its failure."""

LAST_WORDS_S = 1.0
"""How long a cancelled processor may take to clean up before its job is handed back beside it."""

logger = logging.getLogger(__name__)


class AsyncWorker:
    """Takes jobs of a queue and runs a coroutine function on each.

    Making one does no I/O; ``run`` works until ``close`` or a signal, ``start`` works in the background.

    Args:
        queue: queue name.
        processor: a coroutine function of one argument, the job; or ``package.module:function``.
        connection: URL, asyncio client of redis-py, or a connection that is shared. Waiting takes a second one of its
            own.
        prefix: key prefix.
        options: see ``WorkerOptions``.
    """

    def __init__(
        self,
        queue: str,
        processor: AsyncProcessor | str,
        *,
        connection: str | AsyncClient | AsyncConnection = "redis://localhost:6379/0",
        prefix: str = DEFAULT_PREFIX,
        **options: Unpack[WorkerArguments],
    ) -> None:
        self.keys = QueueKeys(prefix, queue)
        self.options = worker_options(options)
        self.id = str(uuid.uuid4())
        self._processor = _coroutine_function(load_target(processor) if isinstance(processor, str) else processor)
        self._owned = not isinstance(connection, AsyncConnection)
        self.connection = connection if isinstance(connection, AsyncConnection) else AsyncConnection.open(connection)
        self._blocking = self.connection.blocking(
            client_name=self.keys.worker_client_name(self.options.name), longest_s=self.options.longest_block_s
        )
        self._rules = self.options.job_rules(self.keys, is_cluster=self.connection.is_cluster)
        self._clock = SteadyClock()
        self._machine = WorkerMachine(self.options.machine_settings(self.id, self.options.batch))
        self._listeners = Listeners(queue)
        self._runs: asyncio.Queue[Stint | None] = asyncio.Queue()
        self._stints: dict[Lease, Stint] = {}
        self._slots: set[asyncio.Task[None]] = set()
        self._idle = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._wait: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms: int | None = None
        self._watchdog: LoopWatchdog | None = None
        self._is_shown = False
        self._giving_up = asyncio.Event()
        self._finished = asyncio.Event()

    # What one asks of it

    def on(self, event: str, listener: Callable[..., Any]) -> None:
        """Call ``listener``, a function or coroutine function, at each such event; see ``worker.listeners.EVENTS``."""
        self._listeners.add(event, listener)

    def off(self, event: str, listener: Callable[..., Any]) -> None:
        """Stop calling it."""
        self._listeners.remove(event, listener)

    async def run(self) -> None:
        """Work until ``close``, SIGTERM or SIGINT. A signal lets running jobs finish, a second one hands them back.

        When the task that runs this is cancelled, running jobs get the time of ``grace`` to finish.
        """
        loop = asyncio.get_running_loop()
        forget = (
            on_signal(lambda again: _call_soon(loop, partial(self._signalled, again=again)))
            if self.options.handle_signals
            else None
        )
        try:
            await self.start()
            await self._finished.wait()
        finally:
            if forget is not None:
                forget()
            await self.close(self.options.grace)

    async def start(self) -> None:
        """Begin to work in the background and return.

        Raises:
            ClosedError: the worker was closed before; make a new one.
        """
        if self._finished.is_set():
            raise ClosedError("this worker was closed before")
        if self._machine.state is not State.NEW:
            return
        if not self.options.skip_lock_renewal:
            self._watchdog = LoopWatchdog(self.keys.name, max(self.options.lock_ms / 6000, 0.2))
        self._emit("ready")
        self._tell(Asked(Ask.START))

    async def pause(self) -> None:
        """Take no more jobs in this worker; those that run go on."""
        self._tell(Asked(Ask.PAUSE))

    async def resume(self) -> None:
        """Take jobs again."""
        self._tell(Asked(Ask.RESUME))

    async def close(self, grace: Duration | None = None) -> None:
        """Stop: take nothing more, let running jobs finish, return when all is done. Calling it again does nothing.

        Args:
            grace: cancel and hand back the jobs that still run after this long; None waits for them, 0 hands them back
                at once.
        """
        if self._machine.state not in (State.CLOSED, State.GIVING_UP):
            self._ask_to_close(None if grace is None else to_ms(grace, "grace"))
        if asyncio.current_task() in self._slots or asyncio.current_task() in self._tasks:
            return  # a listener or processor of ours asks: waiting here would wait for ourselves
        await self._finished.wait()

    async def rate_limit(self, duration: Duration) -> None:
        """Let no job of the queue start for a while; then raise ``RateLimitError`` in the processor."""
        await self.connection.call(limits.rate_limit(self.keys, to_ms(duration, "duration")))

    def cancel_job(self, job_id: str, reason: str = "cancelled") -> bool:
        """Cancel a running job; its attempt fails. False when it does not run here."""
        return self._cancel(job_id, JobCancelledError(reason))

    @property
    def concurrency(self) -> int:
        """Jobs at once; may be set while the worker runs."""
        return self._machine.concurrency

    @concurrency.setter
    def concurrency(self, concurrency: int) -> None:
        replace(self.options, concurrency=concurrency)  # checks it
        self._tell(messages.Resized(concurrency))

    @property
    def is_running(self) -> bool:
        """Whether it takes jobs."""
        return self._machine.state is State.RUNNING

    @property
    def is_paused(self) -> bool:
        """Whether it was paused."""
        return self._machine.state is State.PAUSED

    @property
    def running_jobs(self) -> list[str]:
        """Ids of the jobs that it holds."""
        return [lease.job_id for lease in self._machine.leases]

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncWorker of {self.keys.qualified}, {self._machine.state.value}>"

    # From the machine to the tasks

    def _tell(self, event: Event) -> Stint | None:
        """Report an event and see to what follows; returns a job for the calling slot when one has ended."""
        mine: Stint | None = None
        for action in self._machine.receive(event, self._clock.now_ms()):
            if isinstance(action, Run):
                lease = action.lease
                job = RunningAsyncJob(action.job, self.keys, self.connection, lease.token, self._emit)
                stint = self._stints[lease] = Stint(job, lease)
                if mine is None and isinstance(event, Ended):
                    mine = stint
                else:
                    self._run(stint)
            else:
                self._carry_out(action)
        if self._timer_ms != self._machine.wake_at_ms:
            self._set_timer()
        return mine

    def _carry_out(self, action: Action) -> None:
        match action:
            case messages.Fetch(token=token):
                self._fetch(token)
            case messages.Block(timeout_ms=timeout_ms):
                self._wait = self._spawn(self._block(timeout_ms))
                self._wait.add_done_callback(self._woken)
            case messages.Wake():
                if self._wait is not None:
                    self._wait.cancel()
            case messages.HandBack(lease=lease, started=started):
                self._spawn(self._hand_back_surely(lease, started=started))
            case messages.Renew(leases=due):
                self._spawn(self._renew(due))
            case messages.CheckStalled():
                self._spawn(self._check_stalled())
            case messages.Reclaim(tokens=tokens):
                self._spawn(self._reclaim(tokens))
            case messages.LockLost(lease=lease):
                self._lose(lease)
            case messages.Announce(event=event):
                self._emit(event)
            case messages.Close():
                self._spawn(self._end())

    def _cancel(self, job_id: str, error: JobCancelledError, token: str | None = None) -> bool:
        """Cancel a job that runs here; with a ``token`` only the attempt that it stands for."""
        found = [
            stint
            for stint in self._stints.values()
            if stint.lease.job_id == job_id and token in (None, stint.lease.token)
        ]
        for stint in found:
            stint.cancel(error)
        return bool(found)

    def _lose(self, lease: Lease) -> None:
        """Tell that a running job has lost its lock. One that is being ended gives it up, and hears of it otherwise."""
        stint = self._stints.get(lease)
        if stint is not None and not stint.is_over:
            self._emit("lock_lost", lease.job_id)

    def _run(self, stint: Stint) -> None:
        self._idle -= 1
        if self._idle < 0:
            self._idle += 1
            slot = asyncio.create_task(self._slot(), name=f"slot of {self.keys.name}")
            self._slots.add(slot)
            slot.add_done_callback(self._slots.discard)
        self._runs.put_nowait(stint)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a task of a worker failed", extra={"queue": self.keys.name}, exc_info=error)

    def _woken(self, wait: asyncio.Task[None]) -> None:
        """Report a wait that was cancelled, be it before its first step."""
        if wait.cancelled():
            self._tell(messages.Woken())

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        wake_at_ms = self._timer_ms = self._machine.wake_at_ms
        self._timer = None
        if wake_at_ms is not None:
            delay_s = max(wake_at_ms - self._clock.now_ms(), 0) / 1000
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _tick(self) -> None:
        self._timer = self._timer_ms = None
        self._tell(messages.Ticked())

    def _ask_to_close(self, grace_ms: int | None) -> None:
        if self._machine.state not in (State.CLOSING, State.NEW):
            self._emit("closing")
        if grace_ms == 0:
            self._giving_up.set()
            self._tell(Asked(Ask.GIVE_UP))
        else:
            self._tell(Asked(Ask.CLOSE, grace_ms))

    def _signalled(self, *, again: bool) -> None:
        if self._machine.state not in (State.CLOSED, State.GIVING_UP):
            self._ask_to_close(0 if again else self.options.grace_ms)

    async def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watchdog is not None:
            self._watchdog.stop()
        for _ in self._slots:
            self._runs.put_nowait(None)
        if self._slots:
            _, stuck = await asyncio.wait(self._slots, timeout=LAST_WORDS_S)
            for slot in stuck:
                slot.cancel()
        others = [task for task in self._tasks if task is not asyncio.current_task()]
        if others:
            await asyncio.wait(others, timeout=LAST_WORDS_S)
        await self._blocking.close()
        if self._owned:
            await self.connection.close()
        self._emit("closed")
        self._finished.set()

    # The short tasks

    def _fetch(self, token: str) -> None:
        call = leases.fetch_job(
            self.keys,
            token=token,
            lock_ms=self.options.lock_ms,
            now_ms=wall_ms(),
            limiter=self.options.limiter,
            worker=self.options.name,
            most=self.options.batch,
        )
        self._spawn(self._fetched(token, call, asyncio.ensure_future(self.connection.step(call))))

    async def _fetched(self, token: str, call: Call[Fetched], asked: asyncio.Future[Any]) -> None:
        try:
            fetched = call.decode(await asked)
            if not self._is_shown:
                await self._show()
        except Exception as error:  # noqa: BLE001 - the edge of a loop: whatever it is, the worker goes on
            self._is_shown = False
            self._emit("error", error)
            self._tell(messages.FetchBroke(token, unsure=not isinstance(error, StoreError) or _is_unsure(error)))
        else:
            self._tell(Arrived.of(token, self._in_steady_time(fetched)))

    async def _show(self) -> None:
        """Open the connection that bears our name: a worker that is busy from the first moment would not wait on it."""
        self._is_shown = True
        with contextlib.suppress(EngineError):  # the job that was fetched comes first; a wait will open it, too
            await self._blocking.call(leases.show(self.keys))

    async def _block(self, timeout_ms: int) -> None:
        try:
            score = await self._blocking.call(leases.wait_for_marker(self.keys, timeout_ms / 1000))
        except Exception as error:  # noqa: BLE001 - the edge of a loop
            self._emit("error", error)
            self._tell(messages.BlockBroke())
        else:
            self._tell(messages.Woken(None if score is None else self._clock.steady_ms(score)))
            self.connection.flush()  # who was idle asks for nothing more in this turn

    async def _renew(self, due: tuple[Lease, ...]) -> None:
        locks = [(lease.job_id, lease.token) for lease in due]
        try:
            renewal = await self.connection.call(leases.renew_locks(self.keys, locks, self.options.lock_ms))
        except Exception as error:  # noqa: BLE001 - the edge of a loop
            self._emit("error", error)
            self._tell(messages.RenewBroke())
        else:
            self._tell(messages.Renewed(tuple(lease for lease in due if lease.job_id in renewal.lost)))
            if renewal.stops:
                tokens = dict(locks)
                for job_id, reason in renewal.stops.items():
                    self._cancel(job_id, JobStoppedError(reason), tokens[job_id])

    async def _check_stalled(self) -> None:
        left, is_first = 0, True
        try:
            while is_first or (left and self._machine.state is State.RUNNING):
                is_first = False
                call = leases.move_stalled(
                    self.keys,
                    max_stalled_count=self.options.max_stalled_count,
                    now_ms=wall_ms(),
                    interval_ms=self.options.stalled_ms,
                    left=left,
                )
                recovered, left = await self.connection.call(call)
                for job_id in recovered:
                    logger.warning("a job stalled: its worker is gone", extra=self._about(job_id))
                    self._emit("stalled", job_id, "active")
        except Exception as error:  # noqa: BLE001 - the edge of a loop
            self._emit("error", error)

    def _about(self, job_id: str) -> dict[str, str]:
        return {"queue": self.keys.name, "job_id": job_id}

    async def _hand_back_surely(self, lease: Lease, *, started: bool) -> None:
        try:
            await self._hand_back(lease, started=started)
        except Exception as error:
            logger.exception("handing a job back failed", extra={"queue": self.keys.name, "job_id": lease.job_id})
            self._emit("error", error)
            self._take_over(self._tell(Ended(lease)))  # or a close would wait for it for ever

    async def _hand_back(self, lease: Lease, *, started: bool) -> None:
        stint = self._stints.get(lease)
        if started:  # one that came too late is handed back while others may still finish
            self._giving_up.set()
            if stint is None or (stint.is_over and not stint.is_handed_back):
                return  # it is being settled and will end by itself
            stint.is_handed_back = True
            if stint.task is not None:
                stint.cancel(JobCancelledError("the worker is closing"))
                await asyncio.wait([asyncio.ensure_future(stint.over())], timeout=LAST_WORDS_S)
        limited_ms = await self._drive(put_back(self.keys, lease))
        logger.warning("a job was handed back", extra={"queue": self.keys.name, "job_id": lease.job_id})
        self._stints.pop(lease, None)
        self._tell(messages.Limited(limited_ms))
        self._take_over(self._tell(Ended(lease)))

    async def _reclaim(self, tokens: tuple[str, ...]) -> None:
        try:
            found = await self._drive(reclaim(self.keys, tokens))
        except Exception as error:  # noqa: BLE001 - the edge of a loop
            self._emit("error", error)
            self._tell(messages.ReclaimBroke(tokens))
        else:
            for job_id in found:
                logger.warning("a job was found that nobody ran", extra={"queue": self.keys.name, "job_id": job_id})

    def _take_over(self, stint: Stint | None) -> None:
        if stint is not None:
            self._run(stint)

    # One slot

    async def _slot(self) -> None:
        task: asyncio.Task[Any] | None = asyncio.current_task()
        assert task is not None  # noqa: S101 - slots are tasks
        while (work := await self._runs.get()) is not None:
            stint: Stint | None = work
            while stint is not None:
                current = stint
                try:
                    stint = await self._work(current, task)
                except Exception as error:  # noqa: BLE001 - the edge of a slot, which must go on
                    stint = self._abandon(current.lease, error)
            self._idle += 1

    def _abandon(self, lease: Lease, error: Exception) -> Stint | None:
        """Let go of a job over which we stumbled ourselves: its lock expires, and the stalled check gives it back."""
        logger.error("a job was dropped", extra={"queue": self.keys.name, "job_id": lease.job_id}, exc_info=error)
        self._stints.pop(lease, None)
        self._emit("error", error)
        return self._tell(Ended(lease))

    def _work(self, stint: Stint, slot: asyncio.Task[Any]) -> Awaitable[Stint | None]:
        """Run and settle one job; returns the next. No coroutine more than it takes: each job pays for all of them."""
        if stint.is_handed_back:  # before it began
            return _nothing()
        info = stint.job.info
        if self.options.telemetry is not None or info.scheduler_id is not None:
            return self._begin(stint, slot, info)
        try:
            result = failure_before_run(info, self._rules.rules)
        except Exception as error:  # noqa: BLE001 - the edge of a job: it must end, whatever it was
            result = Raised(error)
        return self._attempt(stint, slot, result)

    async def _begin(self, stint: Stint, slot: asyncio.Task[Any], job: JobData) -> Stint | None:
        result: Returned | Raised | None
        try:
            result = await self._drive(begin(self._rules, job, wall_ms))
        except Exception as error:  # noqa: BLE001 - the edge of a job: it must end, whatever it was
            result = Raised(error)
        telemetry = self.options.telemetry
        if telemetry is None:
            return await self._attempt(stint, slot, result)
        with process_span(telemetry, job, self.keys.name, worker_id=self.id, worker_name=self.options.name) as span:
            return await self._attempt(stint, slot, result, span)

    async def _attempt(
        self, stint: Stint, slot: asyncio.Task[Any], result: Returned | Raised | None, span: Attempt | None = None
    ) -> Stint | None:
        """Run a job unless its ``result`` is known already, and settle it; returns the next.

        Most jobs complete at the first try, which is made here; all else is left to the steps of ``settle``, and so are
        jobs with a ``span``, whose end tells the decision.
        """
        if result is None and not stint.is_handed_back:
            if self._listeners.is_heard("active"):
                self._emit("active", stint.job, "waiting")
            if span is not None:
                measure_start(self.options.telemetry, stint.job.info, self.keys.name)
            result = await self._process(stint, slot)
        stint.end()
        if _was_handed_back(stint) or result is None:
            return None
        met: EngineError | None = None
        if span is None and isinstance(result, Returned):
            may_fetch = self._machine.may_fetch()
            call = first_try(self._rules, stint.job.info, stint.lease.token, result, wall_ms(), may_fetch=may_fetch)
            if call is not None:
                try:
                    fetched = call.decode(await self.connection.step(call))
                except EngineError as error:
                    met = error
                else:
                    self._tell_completed(stint.job, result.value)
                    return self._let_go(stint, (fetched or Fetched()) if may_fetch else None)
        return await self._settle(stint, result, met, span)

    async def _settle(
        self, stint: Stint, result: Returned | Raised, met: EngineError | None, span: Attempt | None
    ) -> Stint | None:
        """Tell Redis what became of a job, then the listeners; returns the job to go on with."""
        info = stint.job.info
        if span is not None and isinstance(result, Raised):
            span.fail(result.error)
        settled = Settled(None)
        try:
            settled = await self._drive(
                settle(
                    self._rules,
                    info,
                    stint.lease.token,
                    result,
                    clock=wall_ms,
                    roll=random.random(),
                    may_fetch=self._machine.may_fetch,
                    met=met,
                )
            )
        except Exception as error:
            logger.exception("settling a job failed", extra={"queue": self.keys.name, "job_id": info.id})
            self._emit("error", error)
        self._announce(stint.job, result, settled)
        if settled.limited_ms:
            self._tell(messages.Limited(settled.limited_ms))
        following = self._let_go(stint, settled.fetched, unsure=settled.unsure)
        if span is not None:
            measure_end(self.options.telemetry, span, info, self.keys.name, settled.decision, now_ms=wall_ms())
        return following

    def _let_go(self, stint: Stint, fetched: Fetched | None, *, unsure: bool = False) -> Stint | None:
        """Report that a job is over; returns the job to go on with."""
        self._stints.pop(stint.lease, None)
        if fetched is not None and fetched.next_delayed_ms:
            fetched = self._in_steady_time(fetched)
        return self._tell(Ended(stint.lease, fetched, unsure))

    async def _process(self, stint: Stint, task: asyncio.Task[Any]) -> Returned | Raised:
        before = stint.error
        if before is not None:  # a listener was told that it begins, and cancelled it
            return Raised(before)
        timeout_ms = self.options.job_timeout_ms
        stint.task = task
        limit: asyncio.Timeout | None = None
        try:
            if timeout_ms is None:
                return Returned(await self._processor(stint.job))
            limit = asyncio.timeout(timeout_ms / 1000)
            async with limit:
                return Returned(await self._processor(stint.job))
        except asyncio.CancelledError as error:
            if task.cancelling() > (stint.error is not None):
                raise  # the loop is being shut down
            return Raised(stint.error or error)
        except TimeoutError as raised:
            late = JobTimeoutError(f"job {stint.job.id} ran longer than {timeout_ms} ms")
            return Raised(blame(stint.error, late if limit is not None and limit.expired() else raised))
        except Exception as error:  # noqa: BLE001 - the edge: whatever a processor raises is its job's failure
            return Raised(blame(stint.error, error))
        finally:
            stint.task = None
            if stint.error is not None and task.cancelling():
                task.uncancel()  # the cancellation was the job's, not the slot's

    def _tell_completed(self, job: RunningAsyncJob, value: JsonValue) -> None:
        job.show_completed(value)
        self._emit("completed", job, value, "active")

    def _announce(self, job: RunningAsyncJob, result: Returned | Raised, settled: Settled) -> None:
        match settled.decision:
            case Complete():
                self._tell_completed(job, result.value if isinstance(result, Returned) else None)
            case Fail(failure) | Retry(failure) | Delay(failure):
                job.show_failed(failure.reason, failure.stacktrace)
                self._emit("failed", job, settled.error, "active")

    async def _drive(self, steps: Steps[R]) -> R:
        reply: Any = None
        error: EngineError | None = None
        while True:
            try:
                step = steps.send(reply) if error is None else steps.throw(error)
            except StopIteration as end:
                result: R = end.value
                return result
            reply, error = None, None
            if isinstance(step, Nap):
                reply = not await self._nap(step.ms)
            elif isinstance(step, Report):
                self._emit("error", step.error)
            else:
                try:
                    reply = await self.connection.step(step)
                except EngineError as caught:
                    error = caught

    async def _nap(self, ms: int) -> bool:
        """Wait; True when the worker gave up meanwhile."""
        try:
            async with asyncio.timeout(ms / 1000):
                return await self._giving_up.wait()
        except TimeoutError:
            return False

    def _in_steady_time(self, fetched: Fetched) -> Fetched:
        if not fetched.next_delayed_ms:
            return fetched
        return replace(fetched, next_delayed_ms=int(self._clock.steady_ms(fetched.next_delayed_ms)))

    def _emit(self, event: str, *args: object) -> None:
        if event == "error" and isinstance(args[0], ClosedError) and self._machine.state is State.CLOSED:
            return  # what was under way when everything was closed
        pending = self._listeners.tell(event, *args)
        if pending:
            for one in pending:
                self._spawn(_await(one))


async def _nothing() -> None:
    """Have no job to go on with."""


async def _await(pending: Awaitable[Any]) -> None:
    await pending


def _is_unsure(error: StoreError) -> bool:
    return isinstance(error, ConnectionLostError)


def _was_handed_back(stint: Stint) -> bool:
    return stint.is_handed_back


def _coroutine_function(processor: Any) -> AsyncProcessor:
    function = processor
    while isinstance(function, partial):
        function = function.func
    called = vars(type(function)).get("__call__")  # of an object that is called like a function
    if not inspect.iscoroutinefunction(function) and not inspect.iscoroutinefunction(called):
        raise UsageError("an AsyncWorker takes an async function; for plain functions there is Worker")
    checked: AsyncProcessor = processor
    return checked


def _call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    """Call from a signal handler, in which nothing may be done but this."""
    loop.call_soon_threadsafe(function)
