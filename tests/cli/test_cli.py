"""The command `board`: what it prints, and how it ends."""

import contextlib
import json
import re
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from board import __version__
from board.dev.seeds import QUEUES
from tests.cli.conftest import Running
from tests.cli.visitor import Visitor
from tests.servers import Server
from tests.waiting import wait_until

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., Running]


def ready(running: Running) -> Visitor:
    """Wait until the board answers."""
    visitor = Visitor(running.url)
    wait_until(
        lambda: visitor.get("/healthz")[0] == 200 or running.process.poll() is not None,
        f"the board to answer; it printed: {running.output}",
    )
    assert running.process.poll() is None, running.output
    return visitor


@pytest.mark.parametrize("command", [("serve",), ("doctor",), ("seed",), ("user", "list")])
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "REDIS_URL is not set"),
        ("http://:hunter2@host", "REDIS_URL must begin with one of"),
        ("redis://:hunter2@host:port", "REDIS_URL has a host or port that cannot be read"),
    ],
)
def test_a_wrong_redis_url_is_one_sentence(run: Run, command: tuple[str, ...], url: str, words: str) -> None:
    done = run(*command, REDIS_URL=url)

    assert done.returncode == 2
    (line,) = (done.stdout + done.stderr).splitlines()
    assert words in line
    assert "hunter2" not in line


def test_every_wrong_setting_has_its_line(run: Run) -> None:
    done = run("serve", REDIS_URL="redis://localhost", PORT="http", BOARD_READ_ONLY="maybe")

    assert done.returncode == 2
    assert [line.split()[1] for line in done.stderr.splitlines()] == ["BOARD_READ_ONLY", "PORT"]


def test_redis_that_is_away_is_one_sentence(run: Run, fresh_server: Callable[..., Server]) -> None:
    server = fresh_server()
    server.stop()

    done = run("user", "list", REDIS_URL=server.url)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"board: Redis at 127.0.0.1:{server.port} cannot be reached")


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").stdout.strip() == f"board, version {__version__}"


def recorded(run: Run, redis_url: str) -> list[tuple[str, str, str]]:
    """Return what the audit log has of the console, oldest first."""
    lines = [json.loads(line) for line in run("audit", "export", REDIS_URL=redis_url).stdout.splitlines()]
    assert {(line["address"], line["who"].partition(":")[0]) for line in lines} == {("console", "cli")}
    return [(line["action"], line["result"], line["detail"]) for line in lines]


def test_users_are_added_listed_changed_and_removed(run: Run, redis_url: str) -> None:
    added = run("user", "add", "Ann", "--role", "admin", REDIS_URL=redis_url)
    run("user", "add", "bob", "--password-stdin", stdin="a long password\n", REDIS_URL=redis_url)
    listed = run("user", "list", REDIS_URL=redis_url)
    again = run("user", "add", "ann", REDIS_URL=redis_url)
    last = run("user", "remove", "ann", REDIS_URL=redis_url)
    run("user", "disable", "bob", REDIS_URL=redis_url)
    disabled = run("user", "list", REDIS_URL=redis_url)
    run("user", "remove", "bob", REDIS_URL=redis_url)
    nobody = run("user", "passwd", "bob", REDIS_URL=redis_url)

    assert re.fullmatch(r"Added ann, admin\. Password: ([a-z2-9]{5}-){3}[a-z2-9]{5}\n", added.stdout)
    assert listed.stdout == "ann\tadmin\nbob\tviewer\n"
    assert (again.returncode, again.stderr) == (1, "board: There is already a user ann.\n")
    assert (last.returncode, last.stderr) == (1, "board: ann is the last administrator: make another one first.\n")
    assert disabled.stdout == "ann\tadmin\nbob\tviewer\tdisabled\n"
    assert (nobody.returncode, nobody.stderr) == (1, "board: There is no user bob.\n")
    assert recorded(run, redis_url) == [
        ("add user", "done", "Ann, admin"),
        ("add user", "done", "bob, viewer"),
        ("add user", "refused", "There is already a user ann."),
        ("remove user", "refused", "ann is the last administrator: make another one first."),
        ("disable user", "done", "bob"),
        ("remove user", "done", "bob"),
        ("reset password", "refused", "There is no user bob."),
    ]
    assert "a long password" not in run("audit", "export", REDIS_URL=redis_url).stdout


def test_tokens_are_made_listed_and_revoked(run: Run, redis_url: str) -> None:
    made = run("token", "make", "bot", "--role", "operator", "--queue", "mail", "--read-only", REDIS_URL=redis_url)
    listed = run("token", "list", REDIS_URL=redis_url)
    wrong = run("token", "make", "other", "--role", "king", REDIS_URL=redis_url)
    revoked = run("token", "revoke", "bot", REDIS_URL=redis_url)
    again = run("token", "revoke", "bot", REDIS_URL=redis_url)

    assert re.fullmatch(r"qb_[A-Za-z0-9_-]{43}\n", made.stdout)
    assert listed.stdout == "bot\toperator\tmail\tonly reads\n"
    assert (wrong.returncode, "There is no role 'king'" in wrong.stderr) == (1, True)
    assert revoked.stdout == "Revoked bot\n"
    assert again.returncode == 1
    entries = recorded(run, redis_url)
    assert "There is no role 'king'" in entries[1][2]
    assert [entries[0], (*entries[1][:2], ""), *entries[2:]] == [
        ("make token", "done", "bot, operator, mail"),
        ("make token", "refused", ""),
        ("revoke token", "done", "bot"),
        ("revoke token", "refused", "There is no token bot."),
    ]
    assert made.stdout.strip() not in run("audit", "export", REDIS_URL=redis_url).stdout
    assert "There is no token bot." in again.stderr


def test_seeds_are_written_once_more_and_never_over_foreign_keys(
    run: Run, redis_url: str, redis_client: redis.Redis
) -> None:
    first, second = run("seed", REDIS_URL=redis_url), run("seed", REDIS_URL=redis_url)
    metas = {str(key).split(":")[1] for key in redis_client.keys("bull:*:meta")}
    redis_client.set("something", "of somebody else")
    before = set(redis_client.scan_iter())
    lasting = {key for key in before if redis_client.ttl(key) == -1}  # locks and limits pass by themselves
    refused = run("seed", REDIS_URL=redis_url)

    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout
    assert metas == set(QUEUES)
    assert refused.returncode == 1
    assert "holds keys that are not demo data, such as 'something'" in refused.stderr
    assert lasting <= set(redis_client.scan_iter()) <= before


def test_the_doctor_says_what_to_do(run: Run, fresh_server: Callable[..., Server]) -> None:
    no_slow_ones = ("--slowlog-log-slower-than", "-1")  # there are some on a busy machine, and it would say so
    server = fresh_server(arguments=("--maxmemory-policy", "allkeys-lru", *no_slow_ones))

    ill = run("doctor", REDIS_URL=server.url)
    client = server.client()
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("appendonly", "yes")
    client.close()
    run("user", "add", "ann", "--role", "admin", REDIS_URL=server.url)
    client = server.client()
    client.hset("bull:mail:meta", "opts.maxLenEvents", 10000)
    client.close()
    well = run("doctor", REDIS_URL=server.url)

    assert ill.returncode == 1
    assert "FAIL  eviction: maxmemory-policy is allkeys-lru" in ill.stdout
    assert "CONFIG SET maxmemory-policy noeviction" in ill.stdout
    assert "warn  persistence: no append-only file" in ill.stdout
    assert well.returncode == 0
    lines = [line for line in well.stdout.splitlines() if "redis: Redis answers in" not in line]
    assert len(lines) >= 8
    assert [line for line in lines if line.startswith(("warn", "FAIL"))] == [
        "warn  replica: no replica: queues stand still while this server is down"
    ]


def test_the_doctor_tells_programs_and_looks_at_every_server(run: Run, fresh_server: Callable[..., Server]) -> None:
    first, second = fresh_server(), fresh_server(arguments=("--maxmemory-policy", "allkeys-lru"))

    told = run("doctor", "--json", REDIS_URL=first.url, BOARD_CONNECTIONS=f"eu={second.url}")

    findings = [json.loads(line) for line in told.stdout.splitlines()]
    assert told.returncode == 1
    assert {one["connection"] for one in findings if one["verdict"] == "failure"} == {"eu"}
    assert {"name", "sentence", "remedy", "rule"} <= set(findings[0])


def test_the_doctor_respects_what_was_accepted_until_it_is_reopened(
    run: Run, fresh_server: Callable[..., Server]
) -> None:
    first, second = fresh_server(), fresh_server(arguments=("--maxmemory-policy", "allkeys-lru"))
    places = {"REDIS_URL": first.url, "BOARD_CONNECTIONS": f"eu={second.url}"}
    until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    words = ("--until", until, "--reason", "a cache only")

    elsewhere = run("doctor", "accept", "eviction", *words, **places)
    accepted = run("doctor", "accept", "eviction", *words, "--connection", "eu", **places)
    well = run("doctor", **places)
    findings = [json.loads(line) for line in run("doctor", "--json", **places).stdout.splitlines()]
    reopened = run("doctor", "reopen", "eviction", "--connection", "eu", **places)
    ill = run("doctor", **places)
    unknown = run("doctor", "reopen", "eviction", "--connection", "us", **places)
    with contextlib.closing(first.client()) as client:
        client.delete("board:audit")
        client.set("board:audit", "no stream")
    unrecorded = run("doctor", "reopen", "eviction", **places)

    assert elsewhere.returncode == 1
    assert "The check eviction passes: there is nothing to accept." in elsewhere.stderr
    assert (accepted.returncode, reopened.returncode) == (0, 0), accepted.stderr + reopened.stderr
    assert well.returncode == 0
    assert "acc   eviction: maxmemory-policy is allkeys-lru" in well.stdout
    assert f"until {until}: a cache only" in well.stdout
    assert [one["accepted"]["reason"] for one in findings if one["accepted"]] == ["a cache only"]
    assert ill.returncode == 1
    assert unrecorded.returncode == 0
    assert "not in the audit log: " in unrecorded.stderr
    assert unknown.returncode == 1
    assert "There is no connection 'us'." in unknown.stderr


def test_the_short_check_of_a_container(run: Run, fresh_server: Callable[..., Server]) -> None:
    server = fresh_server()
    well = run("doctor", "--short", REDIS_URL=server.url)
    server.stop()
    away = run("doctor", "--short", REDIS_URL=server.url)

    assert (well.returncode, well.stdout) == (0, "")
    assert away.returncode == 1


def test_serve_prints_the_first_password_once_and_ends_in_peace(start: Start, redis_url: str) -> None:
    running = start("serve", REDIS_URL=redis_url, BOARD_WORKERS="2")
    visitor = ready(running)
    passwords = re.findall(r"sign in as admin with the password (\S+)", running.output)

    assert len(passwords) == 1
    status, page = visitor.sign_in("admin", passwords[0])
    assert status == 200
    assert "Overview" in page
    for _ in range(8):  # whichever of the two processes answers
        assert visitor.get("/failures")[0] == 200
    wait_until(lambda: running.output.count("templates loaded") == 2, "each process to compile its templates")
    assert running.end() == 0
    assert "Traceback" not in running.output


def test_serve_starts_without_redis_and_says_so(start: Start, fresh_server: Callable[..., Server]) -> None:
    server = fresh_server()
    server.stop()
    running = start("serve", REDIS_URL=server.url, BOARD_ADMIN_PASSWORD="given by hand", BOARD_WORKERS="1")
    visitor = ready(running)

    status, page = visitor.get("/")
    server.start()
    wait_until(lambda: visitor.get("/readyz")[0] == 200, "the board to notice Redis")

    assert status == 503
    assert "No connection can be made." in page
    assert "cannot be reached" in running.output
    assert "The board starts all the same and recovers by itself." in running.output
    assert "Traceback" not in running.output
    assert visitor.sign_in("admin", "given by hand")[0] == 200
    assert "given by hand" not in running.output


@pytest.mark.slow
def test_dev_brings_server_data_and_workers(start: Start, tmp_path: Path) -> None:
    running = start("dev", "--data", str(tmp_path / "data"))
    visitor = ready(running)
    (password,) = re.findall(r"Sign in as admin with the password (\S+)", running.output)

    assert f"Queue Board on {running.url}/" in running.output
    assert visitor.sign_in("admin", password)[0] == 200
    wait_until(lambda: "seconds:" in visitor.get("/q/mail.transactional/completed")[1], "a job of the demo workers")
    assert running.end() == 0
    assert "Traceback" not in running.output
    assert "lease not given back" not in running.output

    again = start("dev", "--data", str(tmp_path / "data"))
    visitor = ready(again)
    assert password in again.output
    assert "Demo data" not in again.output
    assert visitor.sign_in("admin", password)[0] == 200


def test_dev_with_a_redis_url_writes_no_demo_data(start: Start, redis_url: str, redis_client: redis.Redis) -> None:
    running = start("dev", REDIS_URL=redis_url)
    ready(running)

    assert redis_client.keys("bull:*") == []
    assert "Sign in as admin with the password" in running.output
    assert running.end() == 0


def test_dev_ends_once_however_often_it_is_told_to(start: Start, redis_url: str) -> None:
    """A group of processes is told to end, and make tells it again."""
    running = start("dev", REDIS_URL=redis_url)
    ready(running)

    while running.process.poll() is None:
        running.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.process.wait(0.02)

    assert running.process.returncode == 0
    assert "Traceback" not in running.output


def test_a_port_that_is_taken_is_one_sentence(start: Start, run: Run, redis_url: str) -> None:
    running = start("dev", REDIS_URL=redis_url)
    ready(running)

    done = run("dev", REDIS_URL=redis_url, PORT=str(running.port))

    assert done.returncode == 1
    assert f"board: Port {running.port} is taken." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("tasks", "write MODULE:NAME"),
        ("nothing.here:worker", "there is no module nothing.here"),
        ("json:worker", "module json has no worker"),
        ("json:decoder", "json:decoder is no worker: it is a module"),
    ],
)
def test_a_worker_that_cannot_be_found_is_one_sentence(run: Run, target: str, words: str) -> None:
    done = run("worker", target)

    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_several_worker_processes_end_together(
    start: Start, redis_url: str, redis_client: redis.Redis, tmp_path: Path
) -> None:
    (tmp_path / "tasks.py").write_text(
        "import os\nfrom board.engine import AsyncWorker\n\n"
        "async def process(job):\n    return os.getpid()\n\n"
        f"def make():\n    return AsyncWorker('letters', process, connection={redis_url!r}, name='w')\n"
    )
    running = start("worker", "tasks:make", "--processes", "2")

    def names() -> list[str]:
        return [row["name"] for row in redis_client.client_list() if str(row["name"]).endswith(":w:w")]

    wait_until(lambda: len(names()) == 2, "two workers")

    assert running.end() == 0
    wait_until(lambda: names() == [], "Redis to notice that they are gone")
    assert "Traceback" not in running.output


@pytest.mark.parametrize("kind", ["AsyncWorker", "Worker"])
def test_a_worker_runs_until_it_is_told_to_end(
    start: Start, redis_url: str, redis_client: redis.Redis, tmp_path: Path, kind: str
) -> None:
    function = "async def" if kind == "AsyncWorker" else "def"
    (tmp_path / "tasks.py").write_text(
        f"from board.engine import {kind}\n\n"
        f"{function} process(job):\n    return {{'seen': job.name}}\n\n"
        f"def make():\n    return {kind}('letters', process, connection={redis_url!r})\n"
    )
    running = start("worker", "tasks:make")
    redis_client.hset("bull:letters:meta", "opts.maxLenEvents", 10000)
    from board.engine import Queue

    queue = Queue("letters", connection=redis_url)
    job = queue.add("welcome", {})

    wait_until(lambda: redis_client.hget(f"bull:letters:{job.id}", "returnvalue") == '{"seen":"welcome"}', "the job")
    queue.close()
    assert running.end() == 0
    assert "Traceback" not in running.output
