"""The users of docs/redis-acl.md: what they need they may do, and nothing else."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from board.engine import Queue
from board.engine.connection.sync import Connection
from board.engine.errors import PermissionDeniedError
from board.engine.keys import QueueKeys
from tests.golden import dumps
from tests.interop.our_worker import FRONTS, our_worker
from tests.servers import Server
from tests.topologies.operations import READS, WRITES, drive, prepare
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "redis-acl.md"
ENGINE = ROOT / "board" / "engine"

CONNECTING = {"asking", "client|setname", "cluster|slots", "command", "ping", "select"}
"""What redis-py and our connection send besides: to sign in, to give a name, to find the nodes of a cluster."""

RUNNING = {"eval", "evalsha", "multi", "exec", "client|list", "info"}
"""What needs no key; MULTI and EXEC add flows."""

MAIL = QueueKeys("bull", "mail")


def profiles() -> dict[str, str]:
    """Return the ACL SETUSER lines of the document by user name."""
    lines = re.findall(r"^ACL SETUSER (?:.|\\\n)+?(?<!\\)$", DOCUMENT.read_text(), re.MULTILINE)
    whole = [re.sub(r"\\\n\s*", "", line) for line in lines]
    return {line.split()[2]: line for line in whole}


def allowed(line: str) -> set[str]:
    """Return the commands that a line allows on the queues' keys."""
    return set(re.findall(r"\+(\S+)", line.partition("(")[0]))


def used(server_commands: set[str]) -> set[str]:
    """Return the commands that stand in the engine's scripts and in its calls."""
    scripts = "\n".join(path.read_text() for path in (ENGINE / "scripts" / "lua").rglob("*.lua"))
    calls = "\n".join(path.read_text() for path in (ENGINE / "commands").rglob("*.py"))
    words = set(re.findall(r"""['"]([A-Z]{3,})['"]""", scripts))
    words |= set(re.findall(r"""\(\(?\s*"([A-Z]{3,})",""", calls)) | {"HSCAN", "SSCAN", "ZSCAN", "LTRIM", "XREAD"}
    return {word.lower() for word in words} & server_commands - {"client"}


@pytest.fixture
def sign_up(server: Server, redis_client: Any) -> Iterator[Callable[[str], str]]:
    """Create the user of a profile; returns the URL under which it works."""
    made = []

    def create(name: str) -> str:
        words = profiles()[name].split()
        redis_client.execute_command(*_arguments(words))
        made.append(name)
        return server.url.replace("redis://", f"redis://{name}:secret@")

    yield create
    for name in made:
        redis_client.execute_command("ACL", "DELUSER", name)


def _arguments(words: list[str]) -> list[str]:
    """Split a line into arguments: what stands in brackets is one, as redis-cli has it in quotes."""
    text = " ".join(words)
    return [part.strip("'") for part in re.findall(r"'[^']*'|\S+", text)]


def test_the_document_names_the_commands_that_the_engine_needs_and_no_other(redis_client: Any) -> None:
    commands = set(redis_client.execute_command("COMMAND LIST"))
    reading = {name.lower() for name in redis_client.execute_command("ACL", "CAT", "read")}
    needed = used(commands)

    assert allowed(profiles()["board-operate"]) == needed | CONNECTING | RUNNING
    assert allowed(profiles()["board-view"]) == needed & reading | CONNECTING | RUNNING - {"multi", "exec"}


def test_the_operating_user_may_do_everything(redis_url: str, redis_client: Any, sign_up: Callable[[str], str]) -> None:
    with Connection.open(sign_up("board-operate")) as connection:
        prepare(connection, MAIL)
        for operation in [*READS.values(), *WRITES.values()]:
            drive(connection, operation(MAIL))

    used_now = {name.removeprefix("cmdstat_") for name in redis_client.info("commandstats")}
    assert {"evalsha", "bzpopmin", "xread"} <= used_now


@pytest.mark.parametrize("front", FRONTS)
def test_a_worker_of_the_operating_user_works_fails_and_retries(
    redis_url: str, sign_up: Callable[[str], str], front: str
) -> None:
    url = sign_up("board-operate")

    def work(job: Any) -> str:
        if job.attempts_made == 0 and job.data == "fails":
            raise ValueError("broken")
        return "done"

    with Queue("mail", connection=url) as queue, our_worker(front, "mail", work, url, name="one") as completed:
        jobs = [queue.add("x", "works"), queue.add("x", "fails", attempts=2), queue.add("x", "works", delay=10)]
        wait_until(lambda: len(completed) == len(jobs), "the jobs to complete")
        assert [worker.name for worker in queue.get_workers()] == ["one"]
        jobs[0].remove()


def test_the_viewing_user_may_read_everything_and_write_nothing(
    redis_url: str, redis_client: Any, sign_up: Callable[[str], str]
) -> None:
    with Connection.open(redis_url) as connection:
        prepare(connection, MAIL)
    before = dumps.capture(redis_client)

    with Connection.open(sign_up("board-view")) as connection:
        for operation in READS.values():
            drive(connection, operation(MAIL))
        for name, operation in WRITES.items():
            with pytest.raises(PermissionDeniedError):
                pytest.fail(f"{name} was allowed: {drive(connection, operation(MAIL))}")

    assert dumps.capture(redis_client) == before


@pytest.mark.parametrize("name", ["board-view", "board-operate"])
def test_both_users_keep_the_boards_own_keys_and_reach_no_others(
    redis_url: str, redis_client: Any, sign_up: Callable[[str], str], name: str
) -> None:
    redis_client.set("other", "secret")
    client = redis.Redis.from_url(sign_up(name))
    try:
        assert client.set("board:session:x", "1", px=1000)
        assert client.hset("board:users", "anna", "{}") == 1
        assert client.xadd("board:audit", {"entry": "x"})
        client_of_all: Any = client
        for forbidden in (
            ("GET", "other"),
            ("SET", "other", "1"),
            ("FLUSHALL",),
            ("CONFIG", "GET", "*"),
            ("KEYS", "*"),
        ):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client_of_all.execute_command(*forbidden)
    finally:
        client.close()
