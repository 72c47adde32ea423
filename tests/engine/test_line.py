"""The asyncio connection's shared socket: what is asked in one turn travels together, and nobody pays for another."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import redis
import redis.asyncio
import uvloop

from board.engine import AsyncJob, AsyncQueue, AsyncWorker, ParentRef
from board.engine.calls import Call, raw
from board.engine.commands import jobs, leases
from board.engine.commands.script_call import MOST_TOGETHER
from board.engine.connection.aio import AHEAD, AsyncConnection
from board.engine.connection.sync import Connection
from board.engine.errors import ClosedError, ConnectionLostError, ReadOnlyError, ScriptError
from board.engine.keys import QueueKeys
from board.engine.options import prepare_job
from board.engine.scripts.loader import read
from tests.engine.fronts import behaviour
from tests.servers import Server
from tests.waiting import wait_until, wait_until_async

TOO_LITTLE = """\
-- short: answer one part, however many were asked for.
-- KEYS    base
-- ARGV    items, how
-- RETURNS too little
-- EVENTS  none
-- COST    O(1)
return {1}
"""


def runs(client: redis.Redis) -> int:
    """Return how often scripts were run."""
    stats: Any = client.info("commandstats")
    return sum(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"] for command in ("eval", "evalsha"))


def is_blocked(client: redis.Redis) -> bool:
    """Whether the server holds a reply back."""
    clients: Any = client.info("clients")
    return bool(clients["blocked_clients"])


def bulk_add(queue: AsyncQueue, parts: int) -> "asyncio.Task[list[AsyncJob]]":
    """Begin to add so many parts of jobs."""
    return asyncio.create_task(queue.add_bulk([("x", number) for number in range(parts * MOST_TOGETHER)]))


def has_sent(connection: AsyncConnection, round_trips: int) -> bool:
    """Whether a connection has sent so much."""
    return connection.round_trips == round_trips


def sizes_of_runs(client: redis.Redis) -> list[int]:
    """Return how many adds each script run in the slow log was for: the head of its MessagePack array tells."""
    entries: Any = client.slowlog_get(10_000)
    heads = [entry["command"].split(b" ")[4] for entry in entries if entry["command"].startswith(b"EVALSHA")]
    return [int.from_bytes(head[1:3], "big") if head[:1] == b"\xdc" else head[0] & 0x0F for head in heads]


def has_all(ended: list[str]) -> bool:
    """Whether all the jobs have ended."""
    return len(ended) == 100


@behaviour
async def test_adds_of_one_moment_share_runs_of_the_script(redis_url: str, redis_client: redis.Redis) -> None:
    async with AsyncQueue("mail", connection=redis_url) as queue:
        before = runs(redis_client)

        jobs = await asyncio.gather(*(queue.add("x", {"number": number}) for number in range(2 * MOST_TOGETHER + 1)))

        assert [job.id for job in jobs] == [str(number) for number in range(1, 2 * MOST_TOGETHER + 2)]
        assert runs(redis_client) - before == 3
        last: Any = await queue.get_job(jobs[-1].id)
        assert last.data == {"number": 2 * MOST_TOGETHER}


def test_adds_share_runs_on_uvloop_whose_transports_are_no_subclasses_of_those_of_asyncio(
    redis_url: str, redis_client: redis.Redis
) -> None:
    async def add() -> None:
        async with AsyncQueue("mail", connection=redis_url) as queue:
            await asyncio.gather(*(queue.add("x") for _ in range(2 * MOST_TOGETHER + 1)))

    before = runs(redis_client)
    uvloop.run(add())

    assert runs(redis_client) - before == 3


@behaviour
async def test_adds_to_several_queues_in_turn_share_a_run_for_each(redis_url: str, redis_client: redis.Redis) -> None:
    async with AsyncQueue("mail", connection=redis_url) as mail:
        post = AsyncQueue("post", connection=mail.connection)
        before = runs(redis_client)

        jobs = await asyncio.gather(*((mail, post)[number % 2].add("x") for number in range(10)))

        assert [job.id for job in jobs] == [str(number) for number in (1, 1, 2, 2, 3, 3, 4, 4, 5, 5)]
        assert runs(redis_client) - before == 2


@behaviour
async def test_an_add_stays_behind_what_was_asked_before_it(redis_url: str, redis_client: redis.Redis) -> None:
    async with AsyncQueue("mail", connection=redis_url) as queue:
        before = runs(redis_client)

        _, waiting, _ = await asyncio.gather(
            queue.add("x"), queue.connection.call(Call(("LLEN", "bull:mail:wait"), raw, writes=False)), queue.add("x")
        )

        assert waiting == 1
        assert runs(redis_client) - before == 2


@behaviour
async def test_the_next_part_of_a_bulk_add_leaves_before_the_last_is_answered(
    redis_url: str, redis_client: redis.Redis
) -> None:
    async with AsyncQueue("mail", connection=redis_url) as queue:
        await queue.add("first")
        before = queue.connection.round_trips
        redis_client.client_pause(600_000, all=False)
        under_way = bulk_add(queue, 5)
        await wait_until_async(partial(has_sent, queue.connection, before + AHEAD), "the first parts to leave")
        redis_client.client_unpause()

        jobs = await under_way

        assert [job.id for job in jobs] == [str(number) for number in range(2, 5 * MOST_TOGETHER + 2)]


@behaviour
async def test_a_bulk_add_that_breaks_or_is_cancelled_sends_nothing_more(
    redis_url: str, redis_client: redis.Redis
) -> None:
    async with AsyncQueue("mail", connection=redis_url) as queue:
        await queue.add("first")
        for end, told in ((None, ConnectionLostError), ("cancel", asyncio.CancelledError)):
            before = queue.connection.round_trips
            redis_client.client_pause(600_000, all=False)
            under_way = bulk_add(queue, 9)
            await wait_until_async(partial(has_sent, queue.connection, before + AHEAD), "the first parts to leave")
            if end is None:
                redis_client.client_kill_filter(_type="normal", skipme=True)
            else:
                under_way.cancel()

            with pytest.raises(told):
                await under_way

            assert queue.connection.round_trips == before + AHEAD
            redis_client.client_unpause()


@behaviour
async def test_answers_of_one_run_come_back_in_halves_that_leave_apart(
    redis_url: str, redis_client: redis.Redis
) -> None:
    async with AsyncQueue("mail", connection=redis_url) as queue:
        await queue.add("first")

        async def twice(number: int) -> None:
            await queue.add("x", {"number": number})
            await queue.add("y", {"number": number})

        before = runs(redis_client)
        await asyncio.gather(*(twice(number) for number in range(20)))

        assert runs(redis_client) - before == 3  # one of 20, then two of 10: Redis has one while we have the other


@behaviour
async def test_groups_that_became_unequal_leave_as_halves_again(redis_url: str, redis_client: redis.Redis) -> None:
    async with AsyncQueue("mail", connection=redis_url) as queue:
        await queue.add("first")

        async def again_and_again(times: int) -> None:
            for _ in range(times):
                await queue.add("x")

        redis_client.config_set("slowlog-max-len", 10_000)
        redis_client.slowlog_reset()
        redis_client.config_set("slowlog-log-slower-than", 0)
        try:
            before = queue.connection.round_trips
            redis_client.client_pause(600_000, all=False)
            many = [asyncio.create_task(again_and_again(5)) for _ in range(16)]
            await wait_until_async(partial(has_sent, queue.connection, before + 16), "the larger group to leave")
            few = [asyncio.create_task(again_and_again(5)) for _ in range(4)]
            await wait_until_async(partial(has_sent, queue.connection, before + 20), "the smaller group to leave")
            redis_client.client_unpause()
            await asyncio.gather(*many, *few)
            together = sizes_of_runs(redis_client)
        finally:
            redis_client.config_set("slowlog-log-slower-than", 10_000)
            redis_client.config_set("slowlog-max-len", 128)

        assert sum(together) == 100
        assert max(together) == 16
        assert sorted(together)[-2] <= 10


@behaviour
async def test_what_follows_the_only_answer_leaves_at_once_and_what_else_is_asked_then_shares_a_run(
    redis_url: str, redis_client: redis.Redis
) -> None:
    async with AsyncQueue("mail", connection=redis_url) as queue:
        await queue.add("first")
        before = runs(redis_client)
        awaited_by_all = asyncio.ensure_future(
            queue.connection.step(jobs.add_job(queue.keys, prepare_job("x", {}, now_ms=1)))
        )

        async def follow() -> None:
            await awaited_by_all
            await queue.add("x")

        await asyncio.gather(*(follow() for _ in range(21)))

        assert runs(redis_client) - before == 3  # what all waited for, the first that followed, and the other 20


@behaviour
async def test_a_job_that_cannot_be_added_costs_the_others_of_its_run_nothing(
    redis_url: str, redis_client: redis.Redis
) -> None:
    redis_client.hset("bull:mail:parent", "name", "x")
    redis_client.set("bull:mail:parent:dependencies", "no set")
    async with AsyncQueue("mail", connection=redis_url) as queue:
        broken = ParentRef("parent", "bull:mail")

        before, refused, after = await asyncio.gather(
            queue.add("before"), queue.add("broken", parent=broken), queue.add("after"), return_exceptions=True
        )

        assert isinstance(refused, ScriptError)
        assert not isinstance(before, BaseException)
        assert not isinstance(after, BaseException)
        assert {before.id, after.id} <= {job.id for job in await queue.get_jobs(["waiting"])}


@behaviour
async def test_a_run_that_answers_too_little_is_an_error_of_all_that_shared_it(redis_url: str) -> None:
    script = read("short", TOO_LITTLE)
    async with AsyncQueue("mail", connection=redis_url) as queue:
        calls = [Call(("key", b"", ""), raw, script=script, keys=1, item=b"", most=3) for _ in range(3)]

        asked = await asyncio.gather(*map(queue.connection.call, calls), return_exceptions=True)

        assert [type(one) for one in asked] == [ScriptError] * 3
        assert all(isinstance(one, ScriptError) and one.__cause__ is not one for one in asked)
        assert (await queue.add("x")).id


@behaviour
async def test_a_cancelled_question_disturbs_no_other(redis_url: str) -> None:
    async with AsyncConnection.open(redis_url) as connection:
        ask = [asyncio.create_task(connection.call(Call(("ECHO", str(n)), raw, writes=False))) for n in range(10)]
        await asyncio.sleep(0)
        ask[3].cancel()
        late = asyncio.create_task(connection.call(Call(("ECHO", "late"), raw, writes=False)))
        late.cancel()

        replies = await asyncio.gather(*ask, return_exceptions=True)

        assert [reply for reply in replies if isinstance(reply, bytes)] == [b"%d" % n for n in range(10) if n != 3]
        assert await connection.call(Call(("ECHO", "still"), raw, writes=False)) == b"still"


@behaviour
async def test_what_was_sent_on_a_socket_that_broke_is_lost_and_what_follows_is_not(
    redis_url: str, redis_client: redis.Redis
) -> None:
    async with AsyncConnection.open(redis_url) as connection:
        await connection.call(Call(("PING",), raw, writes=False))
        held = asyncio.create_task(connection.call(Call(("BLPOP", "nothing", 0), raw)))
        await wait_until_async(lambda: is_blocked(redis_client), "the question to arrive")
        redis_client.client_kill_filter(_type="normal", skipme=True)

        with pytest.raises(ConnectionLostError):
            await held
        assert await connection.call(Call(("PING",), raw, writes=False)) in (b"PONG", b"pong", "PONG")


@behaviour
async def test_a_connection_that_one_task_closes_is_not_opened_again_by_another(
    redis_url: str, redis_client: redis.Redis
) -> None:
    connection = AsyncConnection.open(redis_url)
    ping: Call[Any] = Call(("PING",), raw, writes=False)

    async def call_and_close() -> None:
        await connection.call(ping)
        await connection.close()

    await asyncio.gather(call_and_close(), connection.call(ping), return_exceptions=True)

    with pytest.raises(ClosedError):
        await connection.call(ping)


@behaviour
async def test_jobs_keep_their_order_when_redis_forgets_the_script_while_they_are_added(
    redis_url: str, redis_client: redis.Redis
) -> None:
    async with AsyncQueue("mail", connection=redis_url) as queue:
        await queue.add("x", -1)
        for _ in range(10):  # it has to happen at the wrong moment
            under_way = bulk_add(queue, 8)
            while not under_way.done():
                redis_client.script_flush()
                await asyncio.sleep(0)

        waiting = await queue.get_waiting()

        assert [job.id for job in waiting] == [str(number) for number in range(1, 4_002)]
        assert [job.data for job in waiting[1:]] == list(range(400)) * 10


@behaviour
async def test_a_server_that_was_demoted_is_left_for_the_next_socket(fresh_server: Callable[..., Server]) -> None:
    server = fresh_server()
    whoami: Call[int] = Call(("CLIENT", "ID"), raw, writes=False)
    async with AsyncQueue("mail", connection=server.url) as queue:
        await queue.add("x")
        before = await queue.connection.call(whoami)
        with contextlib.closing(server.client()) as client:
            client.replicaof("127.0.0.1", "1")

            refused = await asyncio.gather(queue.add("x"), queue.add("x"), return_exceptions=True)

            assert [type(error) for error in refused] == [ReadOnlyError, ReadOnlyError]
            assert await queue.connection.call(whoami) != before
            client.replicaof("NO", "ONE")
        assert (await queue.add("x")).id == "2"


@behaviour
async def test_closing_frees_those_who_wait(redis_url: str, redis_client: redis.Redis) -> None:
    connection = AsyncConnection.open(redis_url)
    held = asyncio.create_task(connection.call(Call(("BLPOP", "nothing", 0), raw)))
    await wait_until_async(lambda: is_blocked(redis_client), "the question to arrive")

    await connection.close()

    with pytest.raises(ConnectionLostError):
        await held
    with pytest.raises(ClosedError):
        await connection.call(Call(("PING",), raw, writes=False))


class Wrapped:
    """A stream writer that hides its transport."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def __getattr__(self, name: str) -> Any:
        if name == "transport":
            raise AttributeError(name)
        return getattr(self._writer, name)


class Strange(redis.asyncio.Connection):
    """A connection of redis-py's with a stream that cannot be taken over."""

    async def _connect(self) -> None:
        await super()._connect()  # type: ignore[no-untyped-call]
        self._writer: Any = Wrapped(self._writer)


@behaviour
async def test_sockets_that_cannot_be_taken_over_work_one_a_task(redis_url: str) -> None:
    client = redis.asyncio.Redis.from_pool(
        redis.asyncio.ConnectionPool.from_url(redis_url, connection_class=Strange, protocol=2)
    )
    async with AsyncQueue("mail", connection=client) as queue:
        jobs = await asyncio.gather(*(queue.add("x") for _ in range(5)))

        assert sorted(job.id for job in jobs) == ["1", "2", "3", "4", "5"]
        assert (await queue.get_job_counts("waiting"))["waiting"] == 5
    await client.aclose()


@behaviour
async def test_the_parts_of_a_bulk_add_keep_their_order_over_such_sockets(redis_url: str) -> None:
    client = redis.asyncio.Redis.from_pool(
        redis.asyncio.ConnectionPool.from_url(redis_url, connection_class=Strange, protocol=2)
    )
    async with AsyncQueue("mail", connection=client) as queue:
        jobs = await bulk_add(queue, 5)

        assert [job.id for job in jobs] == [str(number) for number in range(1, 5 * MOST_TOGETHER + 1)]
    await client.aclose()


@behaviour
async def test_a_server_that_does_not_answer_in_time_is_given_up(redis_url: str) -> None:
    async with AsyncConnection.open(redis_url, timeout_s=0.2) as connection:
        with pytest.raises(ConnectionLostError, match="in time"):
            await connection.call(Call(("BLPOP", "nothing", 0), raw))

        async def answered() -> Any:
            with contextlib.suppress(ConnectionLostError):  # a busy machine may be too late for this one, too
                return await connection.call(Call(("ECHO", "again"), raw, writes=False))

        assert await wait_until_async(answered, "an answer in time") == b"again"


@behaviour
async def test_jobs_of_one_moment_share_runs_and_a_batch_of_one_gives_each_its_own(
    redis_url: str, redis_client: redis.Redis
) -> None:
    counted = {}
    for batch in (1, MOST_TOGETHER):
        redis_client.flushdb()
        async with AsyncQueue("mail", connection=redis_url) as queue:
            await queue.add_bulk([("x", {}) for _ in range(100)])
            before = runs(redis_client)
            together = asyncio.Barrier(10)
            ended: list[str] = []

            async def meet(job: AsyncJob, together: asyncio.Barrier = together) -> None:
                await together.wait()

            worker = AsyncWorker("mail", meet, connection=redis_url, concurrency=10, batch=batch)
            worker.on("completed", lambda job, *_told, ended=ended: ended.append(job.id))
            async with worker:
                await wait_until_async(partial(has_all, ended), "all jobs to end")
            counted[batch] = runs(redis_client) - before

    assert counted[1] >= 100
    assert counted[MOST_TOGETHER] < 60


@behaviour
async def test_what_is_flushed_leaves_before_the_turn_ends(redis_url: str, redis_client: redis.Redis) -> None:
    async with AsyncConnection.open(redis_url) as connection:
        await connection.call(Call(("PING",), raw))
        await asyncio.sleep(0)  # what follows the only answer would leave at once

        answer = connection.step(Call(("SET", "a", "1"), raw))
        connection.flush()
        wait_until(partial(redis_client.exists, "a"), "the command to arrive, while the loop stands still")

        assert await answer == b"OK"


@behaviour
async def test_what_the_answered_ask_for_leaves_in_their_turn(redis_url: str, redis_client: redis.Redis) -> None:
    async with AsyncConnection.open(redis_url) as connection:
        await connection.call(Call(("PING",), raw))
        await asyncio.sleep(0)

        async def look() -> None:
            wait_until(partial(redis_client.exists, "a"), "the command to arrive, while the loop stands still", 10)

        async def follow() -> None:
            await connection.step(Call(("PING",), raw))
            looking = asyncio.create_task(look())  # in the next turn, before anything that is asked now is seen to
            await connection.step(Call(("SET", "a", "1"), raw))
            await looking

        await asyncio.gather(follow(), connection.call(Call(("PING",), raw)))


@behaviour
@pytest.mark.parametrize("own", [{}, {b"own\xfe": b"\x00\xed\xa0\x80"}], ids=["as all jobs", "with a field of its own"])
async def test_bytes_that_are_no_text_are_shown_alike_whichever_connection_takes_the_job(
    redis_url: str, redis_client: redis.Redis, own: dict[bytes, bytes]
) -> None:
    keys = QueueKeys("bull", "mail")
    with Connection.open(redis_url) as blocking:
        for job_id in ("1", "2"):
            blocking.call(jobs.add_job(keys, prepare_job("x", {}, None, now_ms=1_767_225_600_000)))
            for field, value in {b"name": b"a\xffb", b"data": b'"\xc3\xbc\xc3"', **own}.items():
                redis_client.execute_command("HSET", keys.job(job_id), field, value)  # type: ignore[no-untyped-call]
        taking = leases.fetch_job(keys, token="t", lock_ms=60_000, now_ms=1_767_225_600_123)
        ours = blocking.call(taking).job
    async with AsyncConnection.open(redis_url) as connection:
        theirs = (await connection.call(taking)).job

    assert ours is not None
    assert theirs is not None
    assert theirs == replace(ours, id=theirs.id)
    assert (theirs.name, theirs.data_text) == ("a\\xffb", '"ü\\xc3"')
    assert theirs.raw.get("own\\xfe") == ("\0\\xed\\xa0\\x80" if own else None)
