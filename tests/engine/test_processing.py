"""What becomes of a job that a worker takes."""

from datetime import timedelta
from typing import Any

import pytest

from board.engine import AsyncJob, Backoff, JobState, Keep, RateLimit, RateLimitError, Repeat, UnrecoverableError
from board.engine.errors import DelayedError
from tests.engine.fronts import Front, behaviour, count_is, ended
from tests.waiting import wait_until_async


async def nothing(job: AsyncJob) -> None:
    """Complete at once."""


async def boom(job: AsyncJob) -> None:
    raise ValueError("boom")


@behaviour
async def test_a_job_completes_with_what_its_processor_returned(front: Front) -> None:
    async def process(job: AsyncJob) -> dict[str, Any]:
        return {"sum": job.data["a"] + job.data["b"], "name": job.name}

    async with front:
        queue = front.queue("mail")
        job = await queue.add("add", {"a": 1, "b": 2})
        worker = front.worker("mail", process, name="adder")
        await worker.start()

        done = await ended(queue, job.id)

        assert done.return_value == {"sum": 3, "name": "add"}
        assert done.attempts_made == 1
        assert done.info.worker == "adder"
        assert done.failed_reason is None


@behaviour
async def test_a_job_that_raises_fails_with_the_message_and_the_trace(front: Front) -> None:
    async with front:
        queue = front.queue("mail")
        job = await queue.add("bad")
        worker = front.worker("mail", boom)
        seen: list[tuple[str, str, str]] = []
        worker.on("failed", lambda job, error, previous: seen.append((job.id, str(error), previous)))
        await worker.start()

        done = await ended(queue, job.id)
        await wait_until_async(lambda: seen, "the listener to hear of it")

        assert await done.get_state() is JobState.FAILED
        assert done.failed_reason == "boom"
        assert len(done.stacktrace) == 1
        assert 'raise ValueError("boom")' in done.stacktrace[0]
        assert "board/engine" not in done.stacktrace[0]  # where the worker called it tells nothing
        assert seen == [(job.id, "boom", "active")]


@behaviour
async def test_attempts_are_spaced_by_backoff_until_they_are_used_up(front: Front) -> None:
    async with front:
        queue = front.queue("mail")
        job = await queue.add("bad", {}, attempts=3, backoff=Backoff.exponential(20))
        attempts: list[int] = []
        worker = front.worker("mail", boom)
        worker.on("failed", lambda job, _error, _previous: attempts.append(job.attempts_made))
        await worker.start()

        done = await ended(queue, job.id)
        await wait_until_async(lambda: len(attempts) == 3, "all attempts to be told")

        assert attempts == [1, 2, 3]
        assert done.attempts_started == 3
        assert len(done.stacktrace) == 3
        assert done.info.delay_ms == 0


@behaviour
async def test_a_custom_backoff_decides_and_may_give_up(front: Front) -> None:
    asked: list[int] = []

    def strategy(attempt: int, error: BaseException, _job: object) -> int:
        assert str(error) == "boom"
        asked.append(attempt)
        return 1 if attempt < 3 else -1

    async with front:
        queue = front.queue("mail")
        job = await queue.add("bad", {}, attempts=10, backoff=Backoff("mine", 0))
        worker = front.worker("mail", boom, backoff_strategies={"mine": strategy})
        await worker.start()

        done = await ended(queue, job.id)

        assert asked == [1, 2, 3]
        assert done.attempts_made == 3


@behaviour
async def test_an_unrecoverable_error_fails_whatever_attempts_are_left(front: Front) -> None:
    async def process(job: AsyncJob) -> None:
        raise UnrecoverableError("no such customer")

    async with front:
        queue = front.queue("mail")
        job = await queue.add("bad", {}, attempts=5)
        await front.worker("mail", process).start()

        done = await ended(queue, job.id)

        assert (done.attempts_made, done.failed_reason) == (1, "no such customer")


@behaviour
async def test_a_result_that_json_cannot_hold_fails_the_job(front: Front) -> None:
    async def process(job: AsyncJob) -> object:
        return {1, 2}

    async with front:
        queue = front.queue("mail")
        job = await queue.add("bad")
        await front.worker("mail", process).start()

        done = await ended(queue, job.id)

        reason = done.failed_reason
        assert reason is not None
        assert reason.startswith("the data cannot be stored as JSON")


@behaviour
async def test_retention_of_the_job_wins_over_that_of_the_worker(front: Front) -> None:
    async with front:
        queue = front.queue("mail")
        for number in range(6):
            await queue.add("kept", {"n": number})
        await queue.add("gone", {}, remove_on_complete=True)
        worker = front.worker("mail", nothing, remove_on_complete=Keep(count=2))
        gone: list[str] = []
        worker.on("completed", lambda job, _result, _previous: gone.append(job.name))
        await worker.start()

        await wait_until_async(lambda: len(gone) == 7, "all jobs to complete")

        assert [job.data["n"] for job in await queue.get_completed()] == [5, 4]


@behaviour
async def test_one_slot_keeps_the_order_in_which_jobs_were_added(front: Front) -> None:
    order: list[int] = []

    async def process(job: AsyncJob) -> None:
        order.append(job.data["n"])

    async with front:
        queue = front.queue("mail")
        await queue.add_bulk([("x", {"n": number}) for number in range(50)])
        await front.worker("mail", process).start()

        await wait_until_async(lambda: len(order) == 50, "all jobs to run")

        assert order == list(range(50))


@behaviour
async def test_priorities_run_lowest_first_after_those_without(front: Front) -> None:
    order: list[str] = []

    async def process(job: AsyncJob) -> None:
        order.append(job.name)

    async with front:
        queue = front.queue("mail")
        await queue.add("p9", {}, priority=9)
        await queue.add("p1", {}, priority=1)
        await queue.add("p9 too", {}, priority=9)
        await queue.add("none", {})
        await queue.add("first", {}, lifo=True)
        await front.worker("mail", process).start()

        await wait_until_async(lambda: len(order) == 5, "all jobs to run")

        assert order == ["first", "none", "p1", "p9", "p9 too"]


@behaviour
async def test_a_delayed_job_wakes_a_waiting_worker_when_it_is_due(front: Front) -> None:
    async with front:
        queue = front.queue("mail")
        worker = front.worker("mail", nothing, drain_delay=600_000)
        drained: list[bool] = []
        worker.on("drained", lambda: drained.append(True))
        await worker.start()
        await wait_until_async(lambda: drained, "the worker to wait")

        job = await queue.add("later", {}, delay=timedelta(milliseconds=80))
        done = await ended(queue, job.id)

        assert done.timestamp_ms is not None
        assert done.processed_on_ms is not None
        assert done.processed_on_ms >= done.timestamp_ms + 80


@behaviour
async def test_progress_and_logs_of_a_running_job_can_be_read(front: Front) -> None:
    async def process(job: AsyncJob) -> None:
        await job.log("half way")
        await job.update_progress({"percent": 50})
        await job.log("done")

    async with front:
        queue = front.queue("mail")
        job = await queue.add("x")
        worker = front.worker("mail", process)
        told: list[object] = []
        worker.on("progress", lambda _job, progress: told.append(progress))
        await worker.start()

        done = await ended(queue, job.id)

        assert (await queue.get_job_logs(job.id)).lines == ("half way", "done")
        assert done.progress == {"percent": 50}
        assert told == [{"percent": 50}]


@behaviour
async def test_the_dead_letters_that_are_chosen_go_back(front: Front) -> None:
    async def process(job: AsyncJob) -> None:
        raise ValueError(job.data)

    async with front:
        queue, dead = front.queue("mail"), front.queue("dead")
        jobs = await queue.add_bulk([("a", "timed out"), ("a", "refused"), ("b", "timed out"), ("b", "refused")])
        worker = front.worker("mail", process, dead_letter_queue="dead")
        await worker.start()
        await count_is(dead, JobState.WAITING, 4)
        await worker.close()

        assert await dead.replay_dead_letters(queue="another") == 0
        assert await dead.replay_dead_letters(name="a", reason="timed") == 1
        assert await queue.get_job_state(jobs[0].id) is JobState.WAITING
        assert await dead.replay_dead_letters(where=lambda letter: letter.name == "b") == 2
        assert [letter.data for letter in await dead.get_waiting()] == ["refused"]
        assert await dead.replay_dead_letters() == 1
        assert await dead.replay_dead_letters() == 0


class SpeechlessError(Exception):
    """An error that cannot even say what it is about."""

    def __str__(self) -> str:
        raise ZeroDivisionError


@behaviour
async def test_an_error_that_cannot_be_put_into_words_fails_its_job_too(front: Front) -> None:
    async def process(job: AsyncJob) -> None:
        raise SpeechlessError

    async with front:
        queue = front.queue("mail")
        job = await queue.add("x")
        await front.worker("mail", process).start()

        done = await ended(queue, job.id)

        assert done.failed_reason == "SpeechlessError"
        assert "raise SpeechlessError" in done.stacktrace[0]


@behaviour
async def test_logs_are_read_from_either_end(front: Front) -> None:
    async with front:
        queue = front.queue("mail")
        job = await queue.add("x", keep_logs=3)
        for line in "abcd":
            await job.log(line)

        assert (await queue.get_job_logs(job.id)).lines == ("b", "c", "d")
        assert (await queue.get_job_logs(job.id, 0, 0)).lines == ("b",)
        assert (await queue.get_job_logs(job.id, ascending=False)).lines == ("d", "c", "b")
        assert (await queue.get_job_logs(job.id, 0, 1, ascending=False)).lines == ("d", "c")
        assert (await queue.get_job_logs(job.id, -1, -1, ascending=False)).lines == ("b",)


@behaviour
async def test_a_processor_may_move_its_job_to_delayed(front: Front) -> None:
    runs: list[int] = []

    async def process(job: AsyncJob) -> str:
        runs.append(job.attempts_made)
        if len(runs) == 1:
            assert job.processed_on_ms is not None
            await job.move_to_delayed(job.processed_on_ms + 30)
            raise DelayedError
        return "second time"

    async with front:
        queue = front.queue("mail")
        job = await queue.add("x")
        await front.worker("mail", process).start()

        done = await ended(queue, job.id)

        assert runs == [0, 0]
        assert (done.attempts_made, done.attempts_started, done.return_value) == (1, 2, "second time")


@behaviour
async def test_a_rate_limited_job_goes_back_and_no_attempt_is_counted(front: Front) -> None:
    runs: list[int] = []

    async def process(job: AsyncJob) -> None:
        runs.append(1)
        if len(runs) == 1:
            await worker.rate_limit(60)
            raise RateLimitError

    async with front:
        queue = front.queue("mail")
        job = await queue.add("x")
        worker = front.worker("mail", process, limiter=RateLimit(max=100, duration=1000))
        await worker.start()

        done = await ended(queue, job.id)

        assert (done.attempts_made, done.attempts_started) == (1, 2)


@behaviour
async def test_a_limiter_lets_only_so_many_start_in_a_window(front: Front, redis_client: Any) -> None:
    async with front:
        queue = front.queue("mail")
        await queue.add_bulk([("x", {}) for _ in range(6)])
        worker = front.worker("mail", nothing, concurrency=6, limiter=RateLimit(max=3, duration=150))
        await worker.start()

        await count_is(queue, JobState.COMPLETED, 6)

        # By the server's clock, which the limiter goes by: the worker looks at its own before it asks.
        events = redis_client.xrange(queue.keys.key("events"))
        moments = [int(event_id.partition("-")[0]) for event_id, fields in events if fields["event"] == "active"]
        assert len(moments) == 6
        assert moments[3] - moments[0] >= 140


@behaviour
async def test_a_deferred_failure_fails_the_job_without_running_it(front: Front, redis_client: Any) -> None:
    ran: list[str] = []

    async def process(job: AsyncJob) -> None:
        ran.append(job.id)

    async with front:
        queue = front.queue("mail")
        job = await queue.add("x", {}, attempts=3)
        redis_client.hset(queue.keys.job(job.id), "defa", "child bull:other:1 failed")
        await front.worker("mail", process).start()

        done = await ended(queue, job.id)

        assert done.failed_reason == "child bull:other:1 failed"
        assert ran == []


@behaviour
async def test_a_job_started_too_often_fails_without_running(front: Front, redis_client: Any) -> None:
    ran: list[str] = []

    async def process(job: AsyncJob) -> None:
        ran.append(job.id)

    async with front:
        queue = front.queue("mail")
        job = await queue.add("x")
        redis_client.hset(queue.keys.job(job.id), "ats", 3)
        await front.worker("mail", process, max_started_attempts=3).start()

        done = await ended(queue, job.id)

        assert done.failed_reason == "job started more than allowable limit"
        assert ran == []


@behaviour
async def test_a_job_whose_data_is_not_json_fails_instead_of_running_without_data(
    front: Front, redis_client: Any
) -> None:
    async with front:
        queue = front.queue("mail")
        job = await queue.add("x")
        redis_client.hset(queue.keys.job(job.id), "data", "{broken")
        await front.worker("mail", nothing).start()

        done = await ended(queue, job.id)

        reason = done.failed_reason
        assert reason is not None
        assert "data is not JSON" in reason


@behaviour
async def test_a_job_that_failed_for_good_lands_among_the_dead_letters_once(front: Front) -> None:
    async with front:
        queue, letters = front.queue("mail"), front.queue("mail-dead")
        job = await queue.add("bad", {"n": 1}, attempts=2)
        await front.worker("mail", boom, dead_letter_queue="mail-dead").start()

        await ended(queue, job.id)

        found = await letters.get_jobs(["waiting"])
        assert [letter.name for letter in found] == ["bad"]


@behaviour
async def test_jobs_of_a_scheduler_follow_one_another(front: Front) -> None:
    runs: list[str] = []

    async def process(job: AsyncJob) -> None:
        runs.append(job.id)

    async with front:
        queue = front.queue("mail")
        await queue.upsert_job_scheduler("tick", Repeat(every=60, limit=3), name="tick")
        await front.worker("mail", process).start()

        await wait_until_async(lambda: len(runs) == 3, "three runs")

        assert len(set(runs)) == 3
        assert all(run.startswith("repeat:tick:") for run in runs)


@behaviour
async def test_a_listener_that_raises_hurts_nobody(front: Front) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("a listener's own bug")

    async with front:
        queue = front.queue("mail")
        worker = front.worker("mail", nothing)
        for event in ("ready", "active", "completed", "drained"):
            worker.on(event, broken)
        await worker.start()
        jobs = [await queue.add("x") for _ in range(3)]

        for job in jobs:
            await ended(queue, job.id)


@behaviour
async def test_fifty_jobs_run_at_once(front: Front) -> None:
    together: list[int] = []
    running: set[str] = set()

    async def process(job: AsyncJob) -> None:
        running.add(job.id)
        await wait_until_async(lambda: len(running) == 50, "all fifty to run")
        together.append(len(running))

    async with front:
        queue = front.queue("mail")
        await queue.add_bulk([("x", {}) for _ in range(50)])
        await front.worker("mail", process, concurrency=50).start()

        await wait_until_async(lambda: len(together) == 50, "fifty jobs to have met")

        assert together[0] == 50


def test_an_unknown_worker_option_names_the_nearest_known(front: Front) -> None:
    with pytest.raises(Exception, match="did you mean lock_duration"):
        front.worker("mail", nothing, lock_duraton=5)
