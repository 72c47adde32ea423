"""The disk under the embedded server is full: Redis says so and takes nothing more, and goes on when there is room."""

import contextlib
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from board import embedded
from board.embedded import EmbeddedServer
from board.engine.errors import ReadOnlyError
from tests.faults.fleet import write_down
from tests.faults.watched import PAGES, Watched, hold
from tests.waiting import wait_until
from tests.web.site import soup, text_of

ROOM = 32 * 1024
FULL = "Redis takes no writes here: it is a replica, or it stopped writing to its disk."


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddedServer:
    """An embedded server whose files may be bounded: a write beyond the bound is an error and does not kill it."""
    program = tmp_path / "valkey-server"
    program.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec {embedded.find_program()} \"$@\"\n")
    program.chmod(0o700)
    monkeypatch.setattr(embedded, "find_program", lambda: str(program))
    return EmbeddedServer(tmp_path / "data")


@pytest.mark.slow
def test_the_disk_is_full_and_has_room_again(server: EmbeddedServer) -> None:
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(server.stop)
        client = at_the_end.enter_context(
            contextlib.closing(redis.Redis.from_url(server.ensure(), decode_responses=True))
        )
        pid = int(client.info("server")["process_id"])
        watched = at_the_end.enter_context(Watched(server.url))
        watched.fill(client)
        watched.begin()

        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (_largest(server) + ROOM, hard))
        wait_until(lambda: ReadOnlyError in {type(one) for one in watched.trouble}, "the worker to meet the full disk")
        looking = watched.site.browser()
        looking.sign_in("admin")
        refused = looking.post("/q/load/pause")
        before = watched.answers.statuses[200]
        wait_until(lambda: watched.answers.statuses[200] > before + len(PAGES), "pages to come all the same")
        done = watched.run().done
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))

        watched.recover()
        figures = watched.outcome(client)
        _kill(pid, server.ensure)
        kept = client.zcard(watched.load.key("completed"))
    write_down("disk full under the embedded server", figures | {"jobs still there after SIGKILL of it": kept})
    assert FULL in text_of(soup(refused))
    assert done < watched.failed
    assert kept == figures["jobs added meanwhile"]
    hold(figures)


def _largest(server: EmbeddedServer) -> int:
    """Return the size of the largest file, which is the one that grows."""
    return max(path.stat().st_size for path in server.data_dir.rglob("*") if path.is_file())


def _kill(pid: int, start: Callable[[], str]) -> None:
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not _is_there(pid), "the server to be gone")
    start()


def _is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
