"""Jobs in processes of their own: for work that keeps a CPU busy, or that may crash."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from board.engine import AsyncJob, AsyncWorker, Job, JobState, Queue, Worker
from board.engine.errors import InvalidOptionError, UsageError
from board.engine.keys import QueueKeys
from board.engine.sync.processes import _main, _Order
from board.engine.types import JobData
from tests.engine.fronts import RENEWING
from tests.waiting import PATIENCE_S, wait_until

WORK = "tests.engine.processors:work"


@pytest.fixture
def queue(redis_url: str, prefix: str) -> Iterator[Queue]:
    with Queue("mail", connection=redis_url, prefix=prefix) as one:
        yield one


@pytest.fixture
def start(redis_url: str, prefix: str) -> Iterator[Any]:
    """Start workers that are closed at the end."""
    workers: list[Worker] = []

    def start_one(**options: Any) -> Worker:
        worker = Worker("mail", WORK, connection=redis_url, prefix=prefix, executor="process", **options)
        workers.append(worker)
        worker.start()
        return worker

    yield start_one
    for worker in workers:
        worker.close(0)


def ended(queue: Queue, job: Job) -> Job:
    wait_until(lambda: job.get_state() in (JobState.COMPLETED, JobState.FAILED), f"job {job.name} to end")
    job.refresh()
    return job


def test_a_job_that_is_cancelled_while_its_process_is_made_ready_does_not_run(queue: Queue, start: Any) -> None:
    worker = start()

    def cancel(job: Job, _previous: str) -> None:
        if job.name == "pid":
            worker.cancel_job(job.id, "not today")
            for process in multiprocessing.active_children():
                process.join(PATIENCE_S)  # killed: were it made anew now, it would run the job

    worker.on("active", cancel)

    cancelled = ended(queue, queue.add("pid"))
    slots = [thread for thread in threading.enumerate() if thread.name == "slot 1 of mail"]
    wait_until(lambda: not any(thread.is_alive() for thread in slots), "the thread of the cancelled job to end")
    next_one = ended(queue, queue.add("nap", {"seconds": 0}))

    assert cancelled.failed_reason == "not today"
    assert queue.get_job_logs(cancelled.id).lines == ()
    assert next_one.get_state() is JobState.COMPLETED


def test_a_processor_runs_in_another_process_that_serves_the_next_job_too(queue: Queue, start: Any) -> None:
    worker = start()
    told: list[object] = []
    worker.on("progress", lambda _job, progress: told.append(progress))

    first, second = ended(queue, queue.add("pid")), ended(queue, queue.add("pid"))

    assert first.return_value == second.return_value != os.getpid()
    assert queue.get_job_logs(first.id).lines == (f"by {first.return_value}",)
    assert told == [50, 50]


def test_what_it_raises_fails_the_job_with_the_trace_of_its_process(queue: Queue, start: Any) -> None:
    start()

    job = ended(queue, queue.add("raise"))

    assert job.failed_reason == "boom"
    assert 'raise ValueError("boom")' in job.stacktrace[0]


def test_an_exception_that_cannot_travel_is_told_by_its_name_and_words(queue: Queue, start: Any) -> None:
    worker = start()
    errors: list[Any] = []
    worker.on("failed", lambda _job, error, _previous: errors.append(error))

    job = ended(queue, queue.add("odd"))
    wait_until(lambda: errors, "the listener to be told")

    assert job.failed_reason == "trouble at home"
    assert errors[0].kind == "OddError"


def test_an_unrecoverable_error_stays_one(queue: Queue, start: Any) -> None:
    start()

    job = ended(queue, queue.add("unrecoverable", {}, attempts=5))

    assert job.attempts_made == 1


@pytest.mark.parametrize(("name", "how"), [("crash", "signal 9"), ("exit", "exit code 7")])
def test_a_process_that_dies_fails_its_own_job_only(queue: Queue, start: Any, name: str, how: str) -> None:
    start()

    crashed = ended(queue, queue.add(name))
    after = ended(queue, queue.add("pid"))

    assert crashed.failed_reason == f"the process that ran the job died ({how})"
    assert after.return_value is not None


def test_a_job_that_hangs_is_killed_with_its_process(queue: Queue, start: Any) -> None:
    start(job_timeout=1_000)

    hung = queue.add("hang")
    after = queue.add("pid", attempts=100)  # for it, too, the time may be too short

    assert ended(queue, hung).failed_reason == f"job {hung.id} ran longer than 1000 ms"
    assert ended(queue, after).return_value is not None


def test_a_cancelled_job_is_killed_with_its_process(queue: Queue, start: Any) -> None:
    worker = start()
    active: list[str] = []
    worker.on("active", lambda job, _previous: active.append(job.id))
    job = queue.add("hang")
    wait_until(lambda: active, "the job to run")

    assert worker.cancel_job(job.id, "changed our mind")

    assert ended(queue, job).failed_reason == "changed our mind"


def test_a_job_that_is_stopped_from_elsewhere_is_killed_and_not_tried_again(queue: Queue, start: Any) -> None:
    worker = start(**RENEWING)
    active: list[str] = []
    worker.on("active", lambda job, _previous: active.append(job.id))
    job = queue.add("hang", attempts=3)
    wait_until(lambda: active, "the job to run")

    queue.stop_job(job.id, "stopped by ann")

    done = ended(queue, job)
    assert (done.failed_reason, done.get_state(), len(active)) == ("stopped by ann", JobState.FAILED, 1)


def test_closing_hands_back_what_hangs(queue: Queue, start: Any) -> None:
    worker = start()
    active: list[str] = []
    worker.on("active", lambda job, _previous: active.append(job.id))
    job = queue.add("hang")
    wait_until(lambda: active, "the job to run")

    worker.close(50)

    assert job.get_state() is JobState.WAITING


@pytest.mark.parametrize(
    "target", ["nonsense", "no.such.module:work", "tests.engine.processors:absent", f"{WORK[:-4]}NOT_A_FUNCTION"]
)
def test_a_processor_that_cannot_be_found_is_refused_when_the_worker_is_made(redis_url: str, target: str) -> None:
    with pytest.raises(UsageError):
        Worker("mail", target, connection=redis_url, executor="process")


def test_a_function_cannot_be_sent_to_another_process(redis_url: str) -> None:
    with pytest.raises(UsageError, match=r"package\.module:function"):
        Worker("mail", print, connection=redis_url, executor="process")


def test_async_functions_belong_to_the_other_worker(redis_url: str) -> None:
    async def process(job: AsyncJob) -> None:
        """Do nothing."""

    def plain(job: Job) -> None:
        """Do nothing."""

    wrong: Any = plain
    wrong_too: Any = process
    with pytest.raises(UsageError, match="AsyncWorker"):
        Worker("mail", wrong_too, connection=redis_url)
    with pytest.raises(UsageError, match="there is Worker"):
        AsyncWorker("mail", wrong, connection=redis_url)
    with pytest.raises(UsageError, match="no event loop"):
        Worker("mail", plain, connection=redis_url).on("drained", process)


@pytest.mark.parametrize(
    "options", [{"concurrency": 0}, {"lock_duration": 0}, {"limiter": 5}, {"grace": -1}, {"job_timeout": "soon"}]
)
def test_a_wrong_option_is_refused_when_the_worker_is_made(redis_url: str, options: Any) -> None:
    with pytest.raises(InvalidOptionError):
        Worker("mail", print, connection=redis_url, **options)


def test_a_job_on_its_way_to_a_process_that_is_asked_to_stop_is_still_run(redis_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_main, args=(theirs, WORK, redis_url, QueueKeys("bull", "mail")))
    process.start()
    theirs.close()
    ours.recv()  # it is ready
    try:
        os.kill(process.pid or 0, signal.SIGTERM)
        ours.send(_Order(JobData("1", name="nap", data={"seconds": 0}), "token"))

        answer = ours.recv()
        process.join(PATIENCE_S)

        assert not answer.kind
        assert process.exitcode == 0
    finally:
        process.kill()
        process.join()
        ours.close()
