"""The events of a queue: listened to, resumed, and waited for."""

import asyncio
from typing import Any

import pytest

from board.engine import AsyncJob, JobState
from board.engine.errors import ClosedError, ConnectionLostError, JobFailedError, JobNotFoundError
from tests.engine.fronts import Front, behaviour, ended
from tests.engine.test_control import Gate
from tests.waiting import wait_until_async


async def echo(job: AsyncJob) -> object:
    if job.name == "bad":
        raise ValueError("boom")
    return job.data


@behaviour
async def test_a_life_is_told_in_order(front: Front) -> None:
    async with front:
        queue, events = front.queue("mail"), front.events("mail")
        told: list[tuple[str, str | None]] = []
        events.on("*", lambda event: told.append((event.name, event.job_id)))
        await events.start()
        await front.worker("mail", echo).start()

        job = await queue.add("x", {"a": 1})
        await wait_until_async(lambda: ("drained", None) in told, "the end of it")

        assert told == [(name, job.id) for name in ("added", "waiting", "active", "completed")] + [("drained", None)]


@behaviour
async def test_values_are_decoded(front: Front) -> None:
    async with front:
        queue, events = front.queue("mail"), front.events("mail")
        values: dict[str, Any] = {}
        for name in ("completed", "progress", "delayed"):
            events.on(name, lambda event: values.update({event.name: dict(event.values)}))
        await events.start()
        job = await queue.add("x", {"a": [1]}, delay=1)
        await job.update_progress({"percent": 5})
        await front.worker("mail", echo).start()

        await wait_until_async(lambda: len(values) == 3, "all three events")

        assert values["completed"]["returnvalue"] == {"a": [1]}
        assert values["progress"]["data"] == {"percent": 5}
        assert isinstance(values["delayed"]["delay"], int)


@behaviour
async def test_events_go_on_from_where_they_were_left(front: Front) -> None:
    async with front:
        queue, first = front.queue("mail"), front.events("mail")
        seen: list[str | None] = []
        first.on("waiting", lambda event: seen.append(event.job_id))
        await first.start()
        await queue.add("x")
        await wait_until_async(lambda: seen == ["1"], "the first job")
        left_at = first.last_id
        await first.close()
        await queue.add("x")
        await queue.add("x")

        second = front.events("mail", last_event_id=left_at)
        second.on("waiting", lambda event: seen.append(event.job_id))
        await second.start()
        await wait_until_async(lambda: len(seen) == 3, "the jobs added meanwhile")

        assert seen == ["1", "2", "3"]


@behaviour
async def test_waiting_for_a_job_gives_its_result(front: Front) -> None:
    gate = Gate()

    async def process(job: AsyncJob) -> object:
        await gate(job)
        return {"sum": 3}

    async with front:
        queue, events = front.queue("mail"), front.events("mail")
        job = await queue.add("x")
        await front.worker("mail", process).start()
        await gate.holds()

        waiting = asyncio.create_task(_wait(job, events))
        await wait_until_async(lambda: events._waiters, "somebody to wait")
        gate.opened.set()

        assert await waiting == {"sum": 3}


@behaviour
async def test_a_job_that_has_ended_is_not_waited_for(front: Front) -> None:
    async with front:
        queue, events = front.queue("mail"), front.events("mail")
        await front.worker("mail", echo).start()
        good, bad = await queue.add("x", "fine"), await queue.add("bad")
        await ended(queue, good.id)
        await ended(queue, bad.id)

        assert await good.wait_until_finished(events, 60_000) == "fine"
        with pytest.raises(JobFailedError, match="boom"):
            await bad.wait_until_finished(events, 60_000)


@behaviour
async def test_the_result_of_a_job_that_is_removed_as_it_ends_is_not_missed(front: Front) -> None:
    async with front:
        queue, events = front.queue("mail"), front.events("mail")
        await events.start()
        await front.worker("mail", echo, concurrency=5).start()

        for number in range(30):
            job = await queue.add("x", number, remove_on_complete=True)
            assert await job.wait_until_finished(events, 60_000) == number


@behaviour
async def test_a_job_that_is_gone_is_told(front: Front) -> None:
    async with front:
        queue, events = front.queue("mail"), front.events("mail")
        job = await queue.add("x")
        await job.remove()

        with pytest.raises(JobNotFoundError):
            await job.wait_until_finished(events, 60_000)


@behaviour
async def test_an_event_of_ones_own_is_heard_among_the_others(front: Front) -> None:
    async with front:
        queue, events = front.queue("mail"), front.events("mail")
        heard: list[tuple[str, dict[str, Any]]] = []
        events.on("shipped", lambda event: heard.append((event.id, dict(event.values))))
        await events.start()

        event_id = await queue.publish_event("shipped", parcel="P-7")
        await wait_until_async(lambda: heard, "the event")

        assert heard == [(event_id, {"parcel": "P-7"})]


@behaviour
async def test_waiting_may_time_out(front: Front) -> None:
    async with front:
        queue, events = front.queue("mail"), front.events("mail")
        job = await queue.add("x")

        with pytest.raises(TimeoutError):
            await job.wait_until_finished(events, 30)

        assert await job.get_state() is JobState.WAITING


@behaviour
async def test_closing_ends_the_waiting(front: Front) -> None:
    async with front:
        queue, events = front.queue("mail"), front.events("mail")
        job = await queue.add("x")
        waiting = asyncio.create_task(_wait(job, events))
        await wait_until_async(lambda: events._waiters, "somebody to wait")

        await events.close()

        with pytest.raises((ClosedError, ConnectionLostError)):  # the latter while it asks whether the job has ended
            await waiting


async def _wait(job: AsyncJob, events: Any) -> object:
    return await job.wait_until_finished(events, 60_000)
