"""The worker for threads: runs plain functions, each job in a thread or in a process of its own.

Threads of a worker that runs, all of them daemons so that a job that hangs cannot keep the program from ending:

- the *fetcher* takes jobs and waits on the marker, on a connection of its own;
- the *keeper* tells time: it renews locks, looks for stalled jobs, hands jobs back, and notices jobs that run too long;
- the *teller* calls listeners of what those two notice, so that a slow listener delays no renewal and no fetch;
- one thread for each *slot* runs a job, settles it, and goes on with the job that came along.

What to do is decided by ``worker.machine`` under one lock; what becomes of a job by ``worker.settle``.

A long file, for one reason: which thread may do what, under which lock, can only be checked where all of it is in
sight.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import queue as queues
import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, Self, TypeVar, Unpack

from board.engine.clock import SteadyClock, wall_ms
from board.engine.commands import leases, limits
from board.engine.connection.sync import Client, Connection
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
from board.engine.sync.job import Job
from board.engine.sync.processes import Child
from board.engine.sync.stints import RunningJob, Stint
from board.engine.targets import load_target
from board.engine.types import Duration, Fetched
from board.engine.worker import messages
from board.engine.worker.listeners import Listeners
from board.engine.worker.machine import State, WorkerMachine
from board.engine.worker.measures import measure_end, measure_start, process_span
from board.engine.worker.messages import Action, Arrived, Ask, Asked, Ended, Event, Lease, Run
from board.engine.worker.options import WorkerArguments, worker_options
from board.engine.worker.outcome import (
    Complete,
    Decision,
    Delay,
    Fail,
    Raised,
    Retry,
    Returned,
    blame,
    failure_before_run,
)
from board.engine.worker.settle import Nap, Report, Settled, Steps, begin, put_back, reclaim, settle

__all__ = ["Processor", "RunningJob", "Worker"]

R = TypeVar("R")

Processor = Callable[["RunningJob"], Any]
"""Runs a job; what it returns, JSON, is the job's result, what it raises its failure."""

WAKE_AGAIN_S = 0.05
"""How often a wait that was to end is woken again: it may not have begun when it was woken first."""

JOIN_S = 5.0
"""How long a close waits for each thread that has nothing more to do."""

logger = logging.getLogger(__name__)


class Worker:
    """Takes jobs of a queue and runs a function on each.

    Making one does no I/O; ``run`` works until ``close`` or a signal, ``start`` works in the background.

    Args:
        queue: queue name.
        processor: a function of one argument, the job; or ``package.module:function``.
        connection: URL, client of redis-py, or a connection that is shared. Waiting takes a second one of its own.
        prefix: key prefix.
        executor: ``thread`` runs the function in a thread; ``process`` in a process for each slot, which takes a
            processor given as text and a connection given as URL.
        options: see ``WorkerOptions``.
    """

    def __init__(
        self,
        queue: str,
        processor: Processor | str,
        *,
        connection: str | Client | Connection = "redis://localhost:6379/0",
        prefix: str = DEFAULT_PREFIX,
        executor: Literal["thread", "process"] = "thread",
        **options: Unpack[WorkerArguments],
    ) -> None:
        self.keys = QueueKeys(prefix, queue)
        self.options = worker_options(options)
        self.id = str(uuid.uuid4())
        self._target = processor if executor == "process" else ""
        self._url = connection if isinstance(connection, str) else ""
        if executor == "process" and not (isinstance(processor, str) and self._url):
            raise UsageError(
                'executor="process" takes the processor as "package.module:function" and the connection as URL'
            )
        if executor not in ("thread", "process"):
            raise UsageError(f"executor must be thread or process, not {executor!r}")
        self._processor = load_target(processor) if isinstance(processor, str) else processor
        if not callable(self._processor):
            raise UsageError(f"the processor must be a function, not {type(processor).__name__}")
        if inspect.iscoroutinefunction(self._processor):
            raise UsageError("a Worker takes a plain function; for async functions there is AsyncWorker")
        self._owned = not isinstance(connection, Connection)
        self.connection = connection if isinstance(connection, Connection) else Connection.open(connection)
        self._blocking = self.connection.blocking(
            client_name=self.keys.worker_client_name(self.options.name), longest_s=self.options.longest_block_s
        )
        self._rules = self.options.job_rules(self.keys, is_cluster=self.connection.is_cluster)
        self._clock = SteadyClock()
        self._machine = WorkerMachine(self.options.machine_settings(self.id))
        self._listeners = Listeners(queue)
        self._lock = threading.Lock()
        self._orders: queues.SimpleQueue[Action | None] = queues.SimpleQueue()
        self._chores: queues.SimpleQueue[Action | Event | None] = queues.SimpleQueue()
        self._runs: queues.SimpleQueue[Run | Callable[[], None] | None] = queues.SimpleQueue()
        self._stints: dict[Lease, Stint] = {}
        self._news: queues.SimpleQueue[tuple[str, tuple[object, ...]] | None] = queues.SimpleQueue()
        self._busy: set[int] = set()
        self._threads: list[threading.Thread] = []
        self._slots = 0
        self._idle = 0
        self._keeper_until: int | None = 0
        self._waking = False
        self._ending = 0
        self._is_shown = False
        self._giving_up = threading.Event()
        self._finished = threading.Event()

    # What one asks of it

    def on(self, event: str, listener: Callable[..., Any]) -> None:
        """Call ``listener`` at each such event; see ``worker.listeners.EVENTS``.

        It runs in the thread of the job or of the caller that it is about, anything else in a thread for listeners.
        """
        if inspect.iscoroutinefunction(listener):
            raise UsageError("a listener of a Worker must be a plain function: it has no event loop")
        self._listeners.add(event, listener)

    def off(self, event: str, listener: Callable[..., Any]) -> None:
        """Stop calling it."""
        self._listeners.remove(event, listener)

    def run(self) -> None:
        """Work until ``close``, SIGTERM or SIGINT. A signal lets running jobs finish, a second one hands them back."""
        forget = on_signal(self._signalled) if self.options.handle_signals else None
        try:
            self.start()
            while not self._finished.wait(0.5):  # in slices: a signal is only noticed between two waits on some systems
                pass
        finally:
            if forget is not None:
                forget()
            self.close()

    def start(self) -> None:
        """Begin to work in the background and return.

        Raises:
            ClosedError: the worker was closed before; make a new one.
        """
        if self._finished.is_set():
            raise ClosedError("this worker was closed before")
        if self._threads:
            return
        for name, body in (("teller", self._teller), ("fetcher", self._fetcher), ("keeper", self._keeper)):
            thread = threading.Thread(target=body, name=f"{name} of {self.keys.name}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._emit("ready")
        self._tell(Asked(Ask.START))

    def pause(self) -> None:
        """Take no more jobs in this worker; those that run go on."""
        self._tell(Asked(Ask.PAUSE))

    def resume(self) -> None:
        """Take jobs again."""
        self._tell(Asked(Ask.RESUME))

    def close(self, grace: Duration | None = None) -> None:
        """Stop: take nothing more, let running jobs finish, return when all is done. Calling it again does nothing.

        Args:
            grace: hand jobs back that still run after this long; None waits for them, 0 hands them back at once. A
                function in a thread cannot be stopped: it runs on beside whoever takes its job next.
        """
        if self._machine.state is State.NEW:
            self._tell(Asked(Ask.CLOSE))
        elif self._machine.state is not State.CLOSED:
            self._ask_to_close(None if grace is None else to_ms(grace, "grace"))
        with self._lock:
            threads = list(self._threads)
        is_ending = threading.get_ident() == self._ending and not self._finished.is_set()
        if threading.current_thread() in threads or is_ending:
            return  # a listener or processor of ours asks: waiting here would wait for ourselves
        self._finished.wait()
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(JOIN_S)

    def rate_limit(self, duration: Duration) -> None:
        """Let no job of the queue start for a while; then raise ``RateLimitError`` in the processor."""
        self.connection.call(limits.rate_limit(self.keys, to_ms(duration, "duration")))

    def cancel_job(self, job_id: str, reason: str = "cancelled") -> bool:
        """Ask a running job to stop; False when it does not run here.

        Its ``is_cancelled`` becomes true; with ``executor="process"`` its process is killed and the attempt fails.
        """
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
        with self._lock:
            return [lease.job_id for lease in self._machine.leases]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Worker of {self.keys.qualified}, {self._machine.state.value}>"

    # From the machine to the threads

    def _tell(self, event: Event) -> Run | None:
        """Report an event and see to what follows; returns a job for the calling thread if it is a slot's."""
        with self._lock:
            actions = self._machine.receive(event, self._clock.now_ms())
            for action in actions:
                if isinstance(action, Run):
                    job = Job(action.job, self.keys, self.connection, action.lease.token)
                    self._stints[action.lease] = Stint(RunningJob(job, self._emit), action.lease)
            wake_at = self._machine.wake_at_ms
            is_earlier = wake_at is not None and (self._keeper_until is None or wake_at < self._keeper_until)
        if is_earlier:
            self._chores.put(messages.Ticked())
        mine: Run | None = None
        is_slot = isinstance(event, Ended)
        for action in actions:
            if isinstance(action, Run):
                if is_slot and mine is None:
                    mine = action
                else:
                    self._run(action)
            else:
                self._carry_out(action)
        return mine

    def _carry_out(self, action: Action) -> None:
        match action:
            case messages.Fetch() | messages.Block():
                self._orders.put(action)
            case messages.Wake():
                self._waking = True
                self._blocking.interrupt()
            case messages.Announce(event):
                self._emit(event)
            case messages.LockLost(lease):
                self._lose(lease)
            case messages.Close():
                self._end()
            case _:
                self._chores.put(action)

    def _cancel(self, job_id: str, error: JobCancelledError, token: str | None = None) -> bool:
        """Cancel a job that runs here; with a ``token`` only the attempt that it stands for."""
        with self._lock:
            found = [
                stint
                for stint in self._stints.values()
                if stint.lease.job_id == job_id and token in (None, stint.lease.token)
            ]
        for stint in found:
            stint.ask_to_stop(error)
            if stint.child is not None and stint.claim():
                self._part_from(stint)
                self._settle_elsewhere(stint, Raised(error, trace=f"{type(error).__name__}: {error}"))
        return bool(found)

    def _lose(self, lease: Lease) -> None:
        """Tell that a running job has lost its lock. One that is being ended gives it up, and hears of it otherwise."""
        stint = self._stints.get(lease)
        if stint is not None and not stint.is_claimed():
            self._emit("lock_lost", lease.job_id)

    def _run(self, work: Run | Callable[[], None]) -> None:
        with self._lock:
            self._idle -= 1
            is_short = self._idle < 0
            if is_short:
                self._slots += 1
                self._idle += 1
        self._runs.put(work)
        if is_short:
            thread = threading.Thread(target=self._slot, name=f"slot {self._slots} of {self.keys.name}", daemon=True)
            with self._lock:
                self._threads.append(thread)
            thread.start()

    def _ask_to_close(self, grace_ms: int | None) -> None:
        self._emit("closing")
        if grace_ms == 0:
            self._giving_up.set()
            self._tell(Asked(Ask.GIVE_UP))
        else:
            self._tell(Asked(Ask.CLOSE, grace_ms))

    def _signalled(self, again: bool) -> None:  # noqa: FBT001 - the asker's signature
        """Note a signal; anything that takes a lock could wait for the very thread it interrupts."""
        self._chores.put(Asked(Ask.GIVE_UP) if again else Asked(Ask.CLOSE, self.options.grace_ms))

    def _end(self) -> None:
        self._orders.put(None)
        self._chores.put(None)
        with self._lock:
            slots = self._slots
        for _ in range(slots):
            self._runs.put(None)
        self._blocking.close()
        if self._owned:
            self.connection.close()
        if self._threads:
            self._news.put(("closed", ()))
            self._news.put(None)
        else:
            self._ending = threading.get_ident()
            self._call_listeners("closed")
            self._finished.set()

    # The threads

    def _teller(self) -> None:
        while (news := self._news.get()) is not None:
            self._call_listeners(news[0], *news[1])
        self._finished.set()

    def _fetcher(self) -> None:
        self._busy.add(threading.get_ident())
        while (order := self._orders.get()) is not None:
            if isinstance(order, messages.Fetch):
                self._fetch(order.token)
            elif isinstance(order, messages.Block):
                self._block(order.timeout_ms)

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
        try:
            fetched = self.connection.call(call)
            if not self._is_shown:
                self._show()
        except Exception as error:  # noqa: BLE001 - the edge of a loop: whatever it is, the worker goes on
            self._is_shown = False
            self._emit("error", error)
            self._tell(messages.FetchBroke(token, unsure=not isinstance(error, StoreError) or _is_unsure(error)))
        else:
            self._tell(Arrived.of(token, self._in_steady_time(fetched)))

    def _show(self) -> None:
        """Open the connection that bears our name: a worker that is busy from the first moment would not wait on it."""
        self._is_shown = True
        with contextlib.suppress(EngineError):  # the job that was fetched comes first; a wait will open it, too
            self._blocking.call(leases.show(self.keys))

    def _block(self, timeout_ms: int) -> None:
        score: float | None = None
        try:
            if not self._waking:
                score = self._blocking.call(leases.wait_for_marker(self.keys, timeout_ms / 1000))
        except Exception as error:  # noqa: BLE001 - the edge of a loop
            if not self._waking:
                self._emit("error", error)
                self._tell(messages.BlockBroke())
                return
        self._waking = False
        self._tell(messages.Woken(None if score is None else self._clock.steady_ms(score)))

    def _keeper(self) -> None:
        self._busy.add(threading.get_ident())
        while True:
            try:
                chore = self._chores.get(timeout=self._seconds_to_wait())
            except queues.Empty:
                chore = messages.Ticked()
            if chore is None:
                return
            if self._waking:
                self._blocking.interrupt()
            try:
                self._do_chore(chore)
            except Exception as error:
                logger.exception("a worker's chore failed", extra={"queue": self.keys.name})
                self._emit("error", error)
                if isinstance(chore, messages.HandBack):  # or a close would wait for it for ever
                    self._take_over(self._tell(Ended(chore.lease)))
            self._end_overdue()

    def _seconds_to_wait(self) -> float | None:
        with self._lock:
            moments = [self._machine.wake_at_ms]
            moments += [stint.deadline_ms for stint in self._stints.values() if not stint.is_claimed()]
            wake_at = min((moment for moment in moments if moment is not None), default=None)
            self._keeper_until = wake_at
        seconds = None if wake_at is None else max(wake_at - self._clock.now_ms(), 0) / 1000
        if self._waking:
            return WAKE_AGAIN_S if seconds is None else min(seconds, WAKE_AGAIN_S)
        return seconds

    def _do_chore(self, chore: Action | Event) -> None:
        match chore:
            case messages.Ticked():
                with self._lock:
                    wake_at = self._machine.wake_at_ms
                if wake_at is not None and wake_at <= self._clock.now_ms():
                    self._tell(chore)
            case Asked(ask=Ask.CLOSE, grace_ms=grace_ms):
                self._ask_to_close(grace_ms)
            case Asked(ask=Ask.GIVE_UP):
                self._ask_to_close(0)
            case messages.Renew(leases=due):
                self._renew(due)
            case messages.CheckStalled(left=left):
                self._check_stalled(left)
            case messages.HandBack(lease=lease, started=started):
                self._hand_back(lease, started=started)
            case messages.Reclaim(tokens=tokens):
                self._reclaim(tokens)

    def _renew(self, due: tuple[Lease, ...]) -> None:
        locks = [(lease.job_id, lease.token) for lease in due]
        try:
            renewal = self.connection.call(leases.renew_locks(self.keys, locks, self.options.lock_ms))
        except Exception as error:  # noqa: BLE001 - the edge of a loop
            self._emit("error", error)
            self._tell(messages.RenewBroke())
        else:
            self._tell(messages.Renewed(tuple(lease for lease in due if lease.job_id in renewal.lost)))
            if renewal.stops:
                tokens = dict(locks)
                for job_id, reason in renewal.stops.items():
                    self._cancel(job_id, JobStoppedError(reason), tokens[job_id])

    def _check_stalled(self, left: int) -> None:
        call = leases.move_stalled(
            self.keys,
            max_stalled_count=self.options.max_stalled_count,
            now_ms=wall_ms(),
            interval_ms=self.options.stalled_ms,
            left=left,
        )
        try:
            recovered, left = self.connection.call(call)
            if left and self._machine.state is State.RUNNING:
                self._chores.put(messages.CheckStalled(left))  # behind what else is due, such as locks to renew
            for job_id in recovered:
                logger.warning("a job stalled: its worker is gone", extra={"queue": self.keys.name, "job_id": job_id})
                self._emit("stalled", job_id, "active")
        except Exception as error:  # noqa: BLE001 - the edge of a loop
            self._emit("error", error)

    def _hand_back(self, lease: Lease, *, started: bool) -> None:
        if started:  # one that came too late is handed back while others may still finish
            self._giving_up.set()
        stint = self._stints.get(lease)
        if started and (stint is None or not stint.claim()):
            return  # it is being settled and will end by itself
        if stint is not None:
            self._part_from(stint)
        limited_ms = self._drive(put_back(self.keys, lease))
        logger.warning("a job was handed back", extra={"queue": self.keys.name, "job_id": lease.job_id})
        self._stints.pop(lease, None)
        self._tell(messages.Limited(limited_ms))
        self._take_over(self._tell(Ended(lease)))

    def _reclaim(self, tokens: tuple[str, ...]) -> None:
        try:
            found = self._drive(reclaim(self.keys, tokens))
        except Exception as error:  # noqa: BLE001 - the edge of a loop
            self._emit("error", error)
            self._tell(messages.ReclaimBroke(tokens))
        else:
            for job_id in found:
                logger.warning("a job was found that nobody ran", extra={"queue": self.keys.name, "job_id": job_id})

    def _end_overdue(self) -> None:
        now = self._clock.now_ms()
        with self._lock:
            overdue = [s for s in self._stints.values() if s.deadline_ms is not None and s.deadline_ms <= now]
        for stint in overdue:
            if not stint.claim():
                continue
            self._part_from(stint)
            message = f"job {stint.job.id} ran longer than {self.options.job_timeout_ms} ms"
            error = blame(stint.why, JobTimeoutError(message))
            self._settle_elsewhere(stint, Raised(error, trace=f"{type(error).__name__}: {error}"))

    def _part_from(self, stint: Stint) -> None:
        """Stop a job's processor as far as that is possible, and count its thread, which may never end, no longer."""
        stint.ask_to_stop()
        if stint.child is not None:
            stint.child.kill()
        with self._lock:
            if stint.thread in self._threads:
                self._threads.remove(stint.thread)

    def _settle_elsewhere(self, stint: Stint, result: Raised) -> None:
        """Settle a job whose own thread is not to be waited for: that one ends when its function returns."""
        self._run(lambda: self._settle_alone(stint, result))

    def _settle_alone(self, stint: Stint, result: Raised) -> None:
        telemetry, info = self.options.telemetry, stint.job.info
        with process_span(None, info, self.keys.name, worker_id=self.id, worker_name=None) as span:
            run, decision = self._settle(stint, result)
            measure_end(telemetry, span, info, self.keys.name, decision, now_ms=wall_ms())
        self._take_over(run)

    def _take_over(self, run: Run | None) -> None:
        if run is not None:
            self._run(run)

    # One slot

    def _slot(self) -> None:
        child = Child(str(self._target), self._url, self.keys) if self._target else None
        while True:
            work = self._runs.get()
            if work is None:
                break
            if isinstance(work, Run):
                run: Run | None = work
                while run is not None:
                    current = run
                    try:
                        is_mine, run = self._work(current, child)
                    except Exception as error:  # noqa: BLE001 - the edge of a slot, which must go on
                        is_mine, run = True, self._abandon(current.lease, error)
                    if not is_mine:
                        return  # this thread was given up while its function ran; another took its place
            else:
                work()
            with self._lock:
                self._idle += 1
        if child is not None:
            child.close()

    def _abandon(self, lease: Lease, error: Exception) -> Run | None:
        """Let go of a job over which we stumbled ourselves: its lock expires, and the stalled check gives it back."""
        logger.error("a job was dropped", extra={"queue": self.keys.name, "job_id": lease.job_id}, exc_info=error)
        with self._lock:
            self._stints.pop(lease, None)
        self._emit("error", error)
        return self._tell(Ended(lease))

    def _work(self, run: Run, child: Child | None) -> tuple[bool, Run | None]:
        """Run and settle one job; returns whether this thread is still the slot's, and the next job."""
        stint = self._stints.get(run.lease)
        if stint is None or stint.is_claimed():  # handed back before it began
            return True, None
        try:
            result: Returned | Raised | None
            if run.job.scheduler_id is None:
                result = failure_before_run(run.job, self._rules.rules)
            else:
                result = self._drive(begin(self._rules, run.job, wall_ms))
        except Exception as error:  # noqa: BLE001 - the edge of a job: it must end, whatever it was
            result = Raised(error)
        if stint.is_claimed():
            return True, None
        telemetry = self.options.telemetry
        with process_span(telemetry, run.job, self.keys.name, worker_id=self.id, worker_name=self.options.name) as span:
            if result is None:
                self._begin(stint, child)
                measure_start(telemetry, run.job, self.keys.name)
                result = self._process(stint, child)
            if isinstance(result, Raised):
                span.fail(result.error)
            if not stint.claim():
                if child is not None:
                    child.close()
                return False, None
            next_run, decision = self._settle(stint, result)
            measure_end(telemetry, span, run.job, self.keys.name, decision, now_ms=wall_ms())
            return True, next_run

    def _begin(self, stint: Stint, child: Child | None) -> None:
        if child is not None:
            child.prepare()  # not on the job's time
        stint.child = child
        stint.thread = threading.current_thread()
        if (timeout_ms := self.options.job_timeout_ms) is not None:
            stint.deadline_ms = self._clock.now_ms() + timeout_ms
            self._chores.put(messages.Ticked())
        self._emit("active", stint.job, "waiting")

    def _process(self, stint: Stint, child: Child | None) -> Returned | Raised:
        job = stint.job
        if child is not None:
            if stint.is_claimed() or stint.why is not None:  # while its process was being made ready
                return Raised(stint.why or JobCancelledError(f"job {job.id} was handed back"))
            return child.run(job, stint.lease.token, lambda progress: self._emit("progress", job, progress))
        try:
            return Returned(self._processor(job))
        except Exception as error:  # noqa: BLE001 - the edge: whatever a processor raises is its job's failure
            return Raised(blame(stint.why, error))
        except BaseException as error:  # noqa: BLE001 - SystemExit in a thread ends nothing but the attempt
            return Raised(blame(stint.why, error))

    def _settle(self, stint: Stint, result: Returned | Raised) -> tuple[Run | None, Decision | None]:
        """Tell Redis what became of a job, then the listeners; returns the job to go on with, and what was done."""
        job, lease = stint.job, stint.lease
        settled = Settled(None)
        try:
            settled = self._drive(
                settle(
                    self._rules,
                    job.info,
                    lease.token,
                    result,
                    clock=wall_ms,
                    roll=random.random(),
                    may_fetch=self._machine.may_fetch,
                )
            )
        except Exception as error:
            logger.exception("settling a job failed", extra={"queue": self.keys.name, "job_id": job.id})
            self._emit("error", error)
        self._announce(job, result, settled)
        with self._lock:
            self._stints.pop(lease, None)
        if settled.limited_ms:
            self._tell(messages.Limited(settled.limited_ms))
        fetched = None if settled.fetched is None else self._in_steady_time(settled.fetched)
        return self._tell(Ended(lease, fetched, settled.unsure)), settled.decision

    def _announce(self, job: RunningJob, result: Returned | Raised, settled: Settled) -> None:
        match settled.decision:
            case Complete():
                value = result.value if isinstance(result, Returned) else None
                job.show_completed(value)
                self._emit("completed", job, value, "active")
            case Fail(failure) | Retry(failure) | Delay(failure):
                job.show_failed(failure.reason, failure.stacktrace)
                self._emit("failed", job, settled.error, "active")

    def _drive(self, steps: Steps[R]) -> R:
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
                reply = not self._giving_up.wait(step.ms / 1000)
            elif isinstance(step, Report):
                self._emit("error", step.error)
            else:
                try:
                    reply = self.connection.step(step)
                except EngineError as caught:
                    error = caught

    def _in_steady_time(self, fetched: Fetched) -> Fetched:
        if not fetched.next_delayed_ms:
            return fetched
        return replace(fetched, next_delayed_ms=int(self._clock.steady_ms(fetched.next_delayed_ms)))

    def _emit(self, event: str, *args: object) -> None:
        if event == "error" and isinstance(args[0], ClosedError) and self._machine.state is State.CLOSED:
            return  # what was under way when everything was closed
        if threading.get_ident() in self._busy:
            self._news.put((event, args))
        else:
            self._call_listeners(event, *args)

    def _call_listeners(self, event: str, *args: object) -> None:
        for pending in self._listeners.tell(event, *args):
            with contextlib.suppress(AttributeError):
                pending.close()  # type: ignore[attr-defined] # a coroutine: no loop here to run it
            logger.error("a listener of a Worker must not be async", extra={"queue": self.keys.name, "event": event})


def _is_unsure(error: StoreError) -> bool:
    return isinstance(error, ConnectionLostError)
