"""Connections that break at any moment, a Redis that goes away: every job still runs exactly once.

A connection that dies between a command and its reply leaves open whether the command took effect. A job fetched by
such a command has to be found again, a finish must not be taken for one that never happened.
"""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from board.engine import AsyncJob, JobState
from board.engine.calls import Call
from board.engine.commands.leases import wait_for_marker
from board.engine.connection.sync import Connection
from board.engine.errors import ConnectionLostError, LoadingError
from board.engine.keys import QueueKeys
from tests.engine.fronts import Front, behaviour, count_is, ended
from tests.engine.test_control import Gate
from tests.engine.test_recovery import nothing
from tests.servers import Server
from tests.waiting import wait_until, wait_until_async

JOBS = 400
EVERY = 40
"""All connections are killed each time so many more jobs have ended."""


@behaviour
async def test_every_job_runs_once_however_often_connections_break(front: Front, keeper: Any) -> None:
    runs: Counter[str] = Counter()
    told: Counter[str] = Counter()
    stalled: list[str] = []
    counting = threading.Lock()

    async def process(job: AsyncJob) -> str:
        with counting:
            runs[job.id] += 1
        return job.id

    def completed(job: Any, _result: object, _previous: str) -> None:
        with counting:
            told[job.id] += 1

    async with front:
        queue = front.queue("mail")
        await queue.add_bulk([("x", {}) for _ in range(JOBS)])
        for _ in range(2):
            worker = front.worker("mail", process, concurrency=5, lock_duration=600_000)
            worker.on("completed", completed)
            worker.on("stalled", lambda job_id, _previous: stalled.append(job_id))
            worker.on("error", lambda _error: None)
            await worker.start()

        for goal in range(EVERY, JOBS, EVERY):
            await wait_until_async(partial(_has, runs, goal), f"{goal} jobs to run")
            keeper.client_kill_filter(_type="normal", skipme=True)
        await count_is(front.queue("mail"), JobState.COMPLETED, JOBS)
        await wait_until_async(lambda: len(told) == JOBS, "all listeners to be told")

        assert set(runs.values()) == {1}
        assert set(told.values()) == {1}
        assert stalled == []


@behaviour
async def test_a_worker_outlives_a_restart_of_redis(
    make_front: Callable[[str], Front], fresh_server: Callable[..., Server]
) -> None:
    server = fresh_server(append_only=True)
    async with make_front(server.url) as front:
        queue = front.queue("mail")
        worker = front.worker("mail", nothing)
        errors: list[Exception] = []
        worker.on("error", errors.append)
        await worker.start()
        before = await queue.add("x")
        await ended(queue, before.id)

        server.kill()
        await wait_until_async(lambda: errors, "the worker to notice")
        server.start()

        after = await front.queue("mail").add("x")
        await ended(front.queue("mail"), after.id)
        assert all(isinstance(error, ConnectionLostError | LoadingError) for error in errors)


@behaviour
async def test_a_job_that_ran_while_redis_was_away_is_finished_and_not_run_again(
    make_front: Callable[[str], Front], fresh_server: Callable[..., Server]
) -> None:
    server = fresh_server(append_only=True)
    gate = Gate()
    async with make_front(server.url) as front:
        job = await front.queue("mail").add("x")
        worker = front.worker("mail", gate)
        errors: list[Exception] = []
        completed: list[str] = []
        worker.on("error", errors.append)
        worker.on("completed", lambda job, _result, _previous: completed.append(job.id))
        await worker.start()
        await gate.holds()

        server.kill()
        gate.opened.set()
        await wait_until_async(lambda: errors, "the finish to break")
        server.start()
        await wait_until_async(lambda: completed, "the job to be finished")

        done = await ended(front.queue("mail"), job.id)
        assert gate.entered == completed == [job.id]
        assert (done.return_value, done.attempts_started) == ("through", 1)


@behaviour
async def test_a_frozen_redis_is_given_up_and_the_worker_goes_on_when_it_thaws(
    make_front: Callable[[str], Front], fresh_server: Callable[..., Server]
) -> None:
    server = fresh_server()
    async with make_front(f"{server.url}?socket_timeout=0.3") as front:
        worker = front.worker("mail", nothing, drain_delay=100)
        errors: list[Exception] = []
        worker.on("error", errors.append)
        await worker.start()

        server.freeze()
        await wait_until_async(lambda: errors, "the worker to notice")
        server.thaw()

        queue = front.queue("mail", connection=server.url)  # without the worker's haste
        job = await queue.add("x")
        await ended(queue, job.id)


def _has(runs: Counter[str], goal: int) -> bool:
    return len(runs) >= goal


def test_waits_that_are_interrupted_end_and_take_no_answers_of_others(redis_url: str) -> None:
    waiters = 6
    outcomes: list[BaseException] = []

    def wait(waiting: Connection) -> None:
        try:
            waiting.call(wait_for_marker(QueueKeys("bull", "never"), 600))
        except ConnectionLostError as error:
            outcomes.append(error)

    def all_ended(waiting: Connection, threads: list[threading.Thread]) -> bool:
        waiting.interrupt()
        with Connection.open(redis_url) as other:  # takes the numbers of sockets that have just been closed
            assert [other.call(echo(text)) for text in ("one", "two")] == ["one", "two"]
        return not any(thread.is_alive() for thread in threads)

    for number in range(1, 61):
        waiting = Connection.open(redis_url)
        threads = [threading.Thread(target=wait, args=(waiting,), daemon=True) for _ in range(waiters)]
        for thread in threads:
            thread.start()
        wait_until(partial(all_ended, waiting, threads), "the interrupted waits to end")
        waiting.close()
        assert len(outcomes) == number * waiters


def echo(text: str) -> Call[str]:
    """Ask for a text that no other answer holds."""
    return Call(("ECHO", text), lambda reply: reply.decode())
