"""A board for looking only sends no command that changes a queue: recorded on a real server, and refused by it as well.

What is recorded is what the server carried out, commands within scripts included; a script that could write but did
not is caught by the rights of the Redis user in the second half.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from board.engine.calls import Batch, Call
from board.engine.commands import jobs
from board.engine.keys import QueueKeys
from board.errors import ReadOnlyBoardError
from tests.acl.test_users import profiles, sign_up
from tests.queries.jobs import Filler
from tests.recorder.conftest import Process
from tests.security.test_requests import AT_PROVIDER, FORM, WHO_MAY, address, snapshot
from tests.waiting import PATIENCE_S
from tests.web.site import Browser, Site

__all__ = ["sign_up"]  # a fixture

MAIL = QueueKeys("bull", "mail")
OWN = "board:"
SIGNING = {"login.sign_out", "login.sign_in", *AT_PROVIDER} | {
    f"settings.{own}" for own in ("change_password", "end_session", "end_sessions")
}
"""What is about one's own sign-ins, on a board for looking too."""

DEGRADED = "health.queues"
"""Answers 503 about a queue with failed jobs, as it should."""

SHOWING = {"settings.theme", "audit.export", "queues.export", "jobs.reveal"} | {
    f"settings.{own}" for own in ("save", "keys", "pin", "unpin", "save_filter", "forget_filter")
}
"""Forms that change nothing in Redis but the log and what one sets for oneself."""


@contextmanager
def recorded(client: Any) -> Iterator[list[list[str]]]:
    """Record every command that the server carries out, of all clients and of scripts."""
    commands: list[list[str]] = []
    with client.monitor() as monitor:

        def listen() -> None:
            while True:
                command = str(monitor.next_command()["command"])
                if "end of the recording" in command:
                    return
                commands.append(
                    [part.strip('"') for part in command.split('" "')] if '"' in command else command.split()
                )

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield commands
        client.echo("end of the recording")
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def writing(client: Any) -> set[str]:
    """Return the names of the commands that write, as the server sorts them."""
    return {str(name).upper() for name in client.execute_command("ACL", "CAT", "write")}


def walk(site: Site, browser: Browser) -> Iterator[tuple[str, str, int]]:
    """Ask for every page and send every form that would change something."""
    for endpoint, method in sorted(WHO_MAY):
        if endpoint in SIGNING:
            continue
        path = address(site.app, endpoint)
        form = {**FORM, "id": "mail/1a"} if path.startswith("/failures") else FORM
        answer = browser.get(path) if method == "GET" else browser.post(path, form)
        yield endpoint, method, answer.status_code


@pytest.fixture
def filled(redis_client: redis.Redis, make_site: Callable[..., Site]) -> Site:
    Filler(redis_client).scheduler("tick")
    site = make_site()
    site.jobs.failed("1a")
    site.jobs.delayed("2b")
    site.jobs.waiting("3c")
    Process(site.service).catch_up()
    return site


def test_a_read_only_board_sends_no_command_that_changes_a_queue(
    filled: Site, make_site: Callable[..., Site], redis_client: redis.Redis, redis_url: str
) -> None:
    site = make_site(read_only=True)
    browser = site.signed_in()
    before = snapshot(redis_url)

    with recorded(redis_client) as commands:
        answers = list(walk(filled, browser))

    names = writing(redis_client)
    writes = [command for command in commands if command[0].upper() in names]
    assert len(commands) > 100, "nothing was recorded"
    assert [command for command in writes if not command[1].startswith(OWN)] == []
    assert snapshot(redis_url) == before
    for endpoint, method, status in answers:
        expected = {200, 303, 304} if method == "GET" or endpoint in SHOWING else {400, 403}
        assert status in expected or endpoint == DEGRADED, (endpoint, method, status)


def test_the_recording_would_notice(filled: Site, redis_client: redis.Redis) -> None:
    """The same walk of a board that may act writes to queues, from within scripts too."""
    browser = filled.signed_in()

    with recorded(redis_client) as commands:
        list(walk(filled, browser))

    names = writing(redis_client)
    assert any(command[0].upper() in names and command[1].startswith("bull:mail:") for command in commands)


def test_a_redis_user_who_may_only_look_is_enough(
    filled: Site,
    make_site: Callable[..., Site],
    sign_up: Callable[[str], str],
    redis_url: str,
) -> None:
    """Whatever the board believes: here it would act, and the published user of Redis may not."""
    assert "board-view" in profiles()
    site = make_site(redis_url=sign_up("board-view"))
    browser = site.signed_in()
    before = snapshot(redis_url)

    for endpoint, method, status in walk(filled, browser):
        if method == "GET":
            assert status in {200, 303, 304} or endpoint == DEGRADED, (endpoint, status)

    assert snapshot(redis_url) == before


@pytest.mark.parametrize(
    "call",
    [
        Call(("HSET", MAIL.key("meta"), "paused", 1), int),
        jobs.promote_job(MAIL, "2b"),
        Call(("DEL", "board:x", "bull:mail:meta"), int),
        Call(("FLUSHALL",), bool),
        Call(("SET", b"bull:mail:1", "x"), bool),
    ],
    ids=lambda call: str(call.argv[0]),
)
def test_the_connection_itself_refuses_what_may_change_a_queue(make_site: Callable[..., Site], call: Call[Any]) -> None:
    connection = make_site(read_only=True).service.connection
    before = connection.round_trips

    with pytest.raises(ReadOnlyBoardError):
        connection.call(call)
    with pytest.raises(ReadOnlyBoardError):
        connection.batch(Batch.of([Call(("PING",), bool, writes=False), call], keep_errors=True))

    assert connection.round_trips == before
