"""Threads that ask at the same time share one run of a script, and nobody pays for another."""

import linecache
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import redis

from board.engine import Job, JobState, ParentRef, Queue, Worker
from board.engine.calls import Call, raw
from board.engine.connection import together
from board.engine.connection.together import Together
from board.engine.errors import ConnectionLostError, ScriptError
from tests.engine.test_line import runs
from tests.waiting import PATIENCE_S, wait_until

THREADS = 12


@pytest.fixture
def queue(redis_url: str) -> Any:
    opened = Queue("mail", connection=redis_url)
    yield opened
    opened.close()


def at_once(
    client: redis.Redis, queue: Queue, add: Callable[[int], Job], meanwhile: Callable[[], object]
) -> list[Future[Job]]:
    """Let the first of many threads ask while the server holds writes back, and the others gather behind it."""
    client.client_pause(600_000, all=False)
    pool = ThreadPoolExecutor(THREADS)
    first = pool.submit(add, 0)
    wait_until(lambda: held(client), "the first to ask")
    others = [pool.submit(add, number) for number in range(1, THREADS)]
    wait_until(lambda: standing(queue) == THREADS - 1, "the others to stand in line")
    meanwhile()
    pool.shutdown(wait=True)
    return [first, *others]


def held(client: redis.Redis) -> bool:
    """Say whether the server has read a script's call that it holds back."""
    return any("b" in other["flags"] for other in client.client_list())


def standing(queue: Queue) -> int:
    """Return how many threads wait for their turn."""
    return queue.connection._together.waiting


def test_adds_of_many_threads_share_runs_of_the_script(queue: Queue, redis_client: redis.Redis) -> None:
    queue.add("first")
    before = runs(redis_client)

    added = at_once(redis_client, queue, lambda number: queue.add("x", {"number": number}), redis_client.client_unpause)

    jobs = {future.result().id: number for number, future in enumerate(added)}
    assert len(jobs) == THREADS
    assert runs(redis_client) - before == 2
    assert all(queue.get_job(job_id).data == {"number": number} for job_id, number in jobs.items())  # type: ignore[union-attr]


def test_one_that_cannot_be_added_costs_the_others_of_its_run_nothing(queue: Queue, redis_client: redis.Redis) -> None:
    queue.add("first")
    redis_client.hset("bull:mail:parent", "name", "x")
    redis_client.set("bull:mail:parent:dependencies", "no set")

    def add(number: int) -> Job:
        return queue.add("x", parent=ParentRef("parent", "bull:mail") if number == 5 else None)

    added = at_once(redis_client, queue, add, redis_client.client_unpause)

    with pytest.raises(ScriptError):
        added[5].result()
    assert all(added[number].result().get_state() is JobState.WAITING for number in range(THREADS) if number != 5)


def test_all_of_a_run_hear_that_the_connection_broke_and_the_next_ones_go_on(
    queue: Queue, redis_client: redis.Redis
) -> None:
    queue.add("first")

    def breaks() -> None:
        redis_client.client_kill_filter(_type="normal", skipme=True)  # the first is on its way, the others are not
        wait_until(lambda: standing(queue) == 0 and held(redis_client), "the others to ask")
        redis_client.client_kill_filter(_type="normal", skipme=True)
        redis_client.client_unpause()

    added = at_once(redis_client, queue, lambda _: queue.add("x"), breaks)

    errors = [future.exception() for future in added]
    assert all(isinstance(error, ConnectionLostError) for error in errors)
    assert len({id(error) for error in errors}) == THREADS
    assert queue.add("y").get_state() is JobState.WAITING


def test_two_queues_do_not_wait_for_each_other(queue: Queue, redis_client: redis.Redis) -> None:
    queue.add("first")
    with Queue("other", connection=queue.connection) as other, ThreadPoolExecutor(1) as pool:
        redis_client.client_pause(600_000, all=False)
        slow = pool.submit(queue.add, "x")
        wait_until(lambda: held(redis_client), "the first to ask")
        with ThreadPoolExecutor(1) as another:
            also = another.submit(other.add, "y")
            wait_until(lambda: sum("b" in one["flags"] for one in redis_client.client_list()) == 2, "the other to ask")
            redis_client.client_unpause()
            assert (slow.result().queue_name, also.result().queue_name) == ("mail", "other")


class InterruptedHereError(Exception):
    """What a signal handler raises."""


def interrupt(_number: int, _frame: object) -> None:
    raise InterruptedHereError


@pytest.fixture
def on_signal() -> Iterator[Callable[[Callable[[int, Any], object]], object]]:
    """Set what happens on SIGUSR1, until the test ends."""
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda handler: signal.signal(signal.SIGUSR1, handler)
    signal.signal(signal.SIGUSR1, before)


def kill_when(condition: Callable[[], object]) -> threading.Thread:
    """Send the main thread SIGUSR1 once something holds."""

    def watch() -> None:
        wait_until(condition, "the moment for the signal")
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_whoever_is_interrupted_in_line_holds_nobody_up(
    queue: Queue, redis_client: redis.Redis, on_signal: Callable[..., None]
) -> None:
    queue.add("first")
    on_signal(interrupt)
    redis_client.client_pause(600_000, all=False)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(queue.add, "x")
        wait_until(lambda: held(redis_client), "the first to ask")
        watcher = kill_when(lambda: standing(queue) == 1)
        with pytest.raises(InterruptedHereError):
            queue.add("never")
        watcher.join()
        assert standing(queue) == 0
        last = pool.submit(queue.add, "y")
        wait_until(lambda: standing(queue) == 1, "the next to stand in line")
        redis_client.client_unpause()
        assert first.result().id
        assert last.result().id
    assert queue.add("z").get_state() is JobState.WAITING
    assert queue.get_job_counts()["waiting"] == 4


def interrupted() -> None:
    raise InterruptedHereError


def at_line(number: int, work: Callable[[], Any], handler: Callable[[], object] = interrupted) -> Any:
    """Do something, and call a signal handler before the line of that number that runs of the module."""
    left = number

    def trace(frame: Any, event: str, _argument: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename != together.__file__:
            return trace if event == "call" else None
        # Python takes no signal between the end of a block and the release of its lock, where this line comes again.
        if event == "line" and "with " not in linecache.getline(together.__file__, frame.f_lineno):
            left -= 1
            if left == 0:
                handler()
        return trace

    sys.settrace(trace)
    try:
        return work()
    finally:
        sys.settrace(None)


def test_a_handler_may_ask_wherever_an_interruption_is_being_put_right() -> None:
    """The first signal raises while a thread waits for its answer, the next comes at any line of what follows."""
    cut, other = (Call(("key", name, ""), raw, item=name, most=3) for name in (b"cut", b"other"))
    answers: list[Any] = []

    def send(call: Call[Any]) -> Any:
        if call is cut:
            raise InterruptedHereError
        return [call.item]

    threads = Together(send)
    with ThreadPoolExecutor(1) as pool:
        for number in range(1, 80):
            told = pool.submit(at_line, number, lambda: threads.ask(cut), lambda: answers.append(threads.ask(other)))
            assert isinstance(told.exception(PATIENCE_S), InterruptedHereError)
    assert threads.lanes == 0
    assert len(answers) > 40
    assert answers == [[b"other"]] * len(answers)


def one_is_cut(queue: Queue, client: redis.Redis, number: int, *, leads: bool) -> bool:
    """Interrupt one of several who ask, before its line of that number; False when it had no such line."""
    client.client_pause(600_000, all=False)
    with ThreadPoolExecutor(5) as pool:
        before = [] if leads else [pool.submit(queue.add, "before")]
        wait_until(lambda: leads or held(client), "the first to ask")
        cut = pool.submit(at_line, number, lambda: queue.add("cut"))
        wait_until(lambda: held(client) or cut.done(), "somebody to ask")
        wait_until(lambda: leads or standing(queue) == 1 or cut.done(), "the one to stand in line")
        others = [pool.submit(queue.add, "x") for _ in range(3)]
        wait_until(lambda: held(client) and standing(queue) >= 3 - (leads and cut.done()), "the others to gather")
        client.client_unpause()
        for one in [*before, *others]:
            error = one.exception(PATIENCE_S)
            assert error is None or isinstance(error, ConnectionLostError), error
        return isinstance(cut.exception(PATIENCE_S), InterruptedHereError)


@pytest.mark.parametrize("leads", [True, False], ids=["who asks for all", "who stands in line"])
def test_wherever_one_is_interrupted_the_others_get_their_answer_and_no_lane_stays_taken(
    queue: Queue,
    redis_client: redis.Redis,
    leads: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    queue.add("first")
    number = 1
    while one_is_cut(queue, redis_client, number, leads=leads):
        assert queue.connection._together.lanes == 0
        assert queue.add("after").get_state() is JobState.WAITING
        number += 1
    assert number > 20


def test_a_signal_handler_may_ask_while_its_thread_waits_for_an_answer(
    queue: Queue, redis_client: redis.Redis, on_signal: Callable[..., None]
) -> None:
    queue.add("first")
    added: list[Job] = []

    def handle(_number: int, _frame: object) -> None:
        redis_client.client_unpause()
        added.append(queue.add("from the handler"))

    on_signal(handle)
    redis_client.client_pause(600_000, all=False)
    watcher = kill_when(lambda: held(redis_client))
    job = queue.add("x")
    watcher.join()

    assert {job.name, *(one.name for one in added)} == {"x", "from the handler"}
    assert queue.get_job_counts()["waiting"] == 3


def test_a_worker_of_threads_ends_jobs_of_one_moment_together(
    queue: Queue, redis_url: str, redis_client: redis.Redis
) -> None:
    queue.add_bulk([("x", {"number": number}) for number in range(100)])
    seen: list[int] = []
    ended: list[str] = []
    gate = threading.Barrier(10)

    def process(job: Job) -> None:
        gate.wait(PATIENCE_S)
        seen.append(job.data["number"])

    before = runs(redis_client)
    worker = Worker("mail", process, connection=redis_url, concurrency=10)
    worker.on("completed", lambda job, _value, _previous: ended.append(job.id))
    with worker:
        wait_until(lambda: len(ended) == 100, "all jobs to end")

    assert sorted(seen) == list(range(100))
    assert runs(redis_client) - before < 90
