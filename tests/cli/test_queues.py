"""`board queue`: scripts list and repair queues, and leave the same records as people."""

import getpass
import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from board.config import Settings
from board.engine.connection.sync import Connection
from board.engine.types import JobState
from tests.queries.jobs import Filler
from tests.servers import Server
from tests.web.site import Jobs, Site

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def site(redis_url: str) -> Iterator[Site]:
    """A board on the same Redis, to make jobs and to look at what became of them."""
    made = Site(Settings(redis_url=redis_url))
    yield made
    made.close()


def told(done: "subprocess.CompletedProcess[str]") -> Any:
    """Return what a command printed as JSON."""
    return json.loads(done.stdout)


def test_queues_are_listed_with_their_counts(run: Run, site: Site, redis_url: str) -> None:
    site.jobs.failed("1a")
    site.jobs.waiting("2b")

    listed = run("queue", "list", REDIS_URL=redis_url)
    as_json = run("queue", "list", "--json", REDIS_URL=redis_url)
    counts = run("queue", "counts", "mail", REDIS_URL=redis_url)

    assert listed.stdout == "bull:mail  waiting 1  failed 1\n"
    (row,) = told(as_json)
    assert (row["prefix"], row["name"], row["paused"]) == ("bull", "mail", False)
    assert (row["counts"]["failed"], row["counts"]["waiting-children"]) == (1, 0)
    assert "failed\t1\n" in counts.stdout


def test_jobs_are_retried_by_id_and_the_rest_explained(run: Run, site: Site, redis_url: str) -> None:
    site.jobs.failed("1a")
    site.jobs.delayed("later")

    done = run("queue", "retry", "mail", "1a", "later", "gone", REDIS_URL=redis_url)

    assert done.returncode == 1
    assert done.stdout == "retried 1 job of mail\n"
    assert done.stderr.splitlines() == [
        "job later is delayed; only failed or completed jobs can be retried",
        "job gone is not in Redis any more; nothing was done",
    ]
    (entry,) = site.audit()
    assert (entry.who, entry.address, entry.action) == (f"cli:{getpass.getuser()}", "console", "retry")
    assert (entry.result, entry.count, entry.done) == ("partly", 3, 1)


def test_queues_of_another_server_are_repaired_and_that_is_recorded_at_home(
    run: Run, site: Site, redis_url: str, fresh_server: Callable[..., Server]
) -> None:
    other = fresh_server()
    with Connection.open(other.url) as connection:
        theirs = Jobs(connection)
        theirs.failed("there")
        settings = {"REDIS_URL": redis_url, "BOARD_CONNECTIONS": f"eu={other.url}"}

        listed = run("queue", "--connection", "eu", "list", "--json", **settings)
        retried = run("queue", "--connection", "eu", "retry", "mail", "there", **settings)
        here = run("queue", "list", "--json", **settings)
        wrong = run("queue", "--connection", "us", "list", **settings)

        assert [row["name"] for row in told(listed)] == ["mail"]
        assert retried.returncode == 0, retried.stderr
        assert theirs.state("there") is JobState.WAITING
    assert told(here) == []
    assert wrong.returncode == 2
    assert "there is no connection us; BOARD_CONNECTIONS names eu" in wrong.stderr
    assert [(entry.action, entry.connection) for entry in site.audit()] == [("retry", "eu")]


def test_all_failed_jobs_are_retried(run: Run, site: Site, redis_url: str) -> None:
    for number in range(12):
        site.jobs.failed(f"f{number}")

    done = run("queue", "retry", "mail", "--all", "--json", REDIS_URL=redis_url)

    assert done.returncode == 0
    assert told(done)["count"] == 12
    assert site.jobs.state("f7") is JobState.WAITING
    assert [(entry.action, entry.done) for entry in site.audit()] == [("retry all", 12)]


def test_more_jobs_than_one_action_takes_go_in_steps(run: Run, site: Site, redis_url: str) -> None:
    ids = [site.jobs.delayed(f"d{number}") for number in range(130)]

    done = run("queue", "promote", "mail", *ids, "--json", REDIS_URL=redis_url)

    assert told(done)["count"] == 130
    assert [entry.done for entry in site.audit()] == [100, 30]


def test_jobs_are_removed_and_cleaned(run: Run, site: Site, redis_url: str) -> None:
    site.jobs.failed("1a")
    site.jobs.completed("2b")
    site.jobs.completed("3c")

    removed = run("queue", "remove", "mail", "1a", REDIS_URL=redis_url)
    young = run("queue", "clean", "mail", "--older-than", "1h", REDIS_URL=redis_url)
    cleaned = run("queue", "clean", "mail", "--json", REDIS_URL=redis_url)

    assert removed.stdout == "removed 1 job of mail\n"
    assert young.stdout == "removed 0 jobs of mail\n"
    assert sorted(told(cleaned)["ids"]) == ["2b", "3c"]
    assert site.jobs.state("2b") is JobState.UNKNOWN
    assert [entry.action for entry in site.audit()] == ["remove", "clean", "clean"]


def test_a_queue_is_paused_and_resumed(run: Run, site: Site, redis_url: str) -> None:
    site.jobs.waiting("1a")

    paused = run("queue", "pause", "mail", REDIS_URL=redis_url)
    was_paused = site.jobs.is_paused()
    run("queue", "resume", "bull:mail", REDIS_URL=redis_url)

    assert paused.stdout == "paused mail\n"
    assert was_paused
    assert not site.jobs.is_paused()


def test_a_read_only_board_refuses_scripts_too(run: Run, site: Site, redis_url: str) -> None:
    site.jobs.failed("1a")

    done = run("queue", "retry", "mail", "1a", REDIS_URL=redis_url, BOARD_READ_ONLY="1")

    assert (done.returncode, done.stderr) == (1, "board: This board is read-only. Nothing was changed.\n")
    assert site.jobs.state("1a") is JobState.FAILED


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("counts nowhere", 1, "There is no queue nowhere here."),
        ("retry mail", 2, "name the jobs, or say --all"),
        ("retry mail 1a --all", 2, "name the jobs, or say --all"),
        ("clean mail --older-than yesterday", 2, "'yesterday' is no duration"),
        ("clean mail --state active", 2, "is not one of"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(run: Run, redis_url: str, command: str, code: int, words: str) -> None:
    run("seed", REDIS_URL=redis_url)

    done = run("queue", *command.replace("mail", "mail.transactional").split(), REDIS_URL=redis_url)

    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_all_that_match_are_acted_on_in_bulk_without_a_board_that_serves(
    run: Callable[..., "subprocess.CompletedProcess[str]"], redis_url: str, redis_client: redis.Redis
) -> None:
    mail = Filler(redis_client).open()
    for n in range(130):
        mail.failed(f"{n}", name="send" if n else "other")

    counted = run("queue", "bulk", "retry", "mail", "--filter", "name:send", "--dry-run", REDIS_URL=redis_url)
    done = run("queue", "bulk", "retry", "mail", "--filter", "name:send", "--json", REDIS_URL=redis_url)
    listed = run("queue", "runs", "--json", REDIS_URL=redis_url)
    over = run("queue", "stop", json.loads(done.stdout)["run"], REDIS_URL=redis_url)

    assert counted.stdout == "129 of 130 jobs would be retried\n"
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["status"], told["done"], told["left"], told["looked"]) == ("done", 129, 0, 130)
    assert redis_client.zrange(mail.key("failed"), 0, -1) == ["0"]
    assert json.loads(listed.stdout) == [told]
    assert over.returncode == 1


def test_a_bulk_run_says_what_is_missing(
    run: Callable[..., "subprocess.CompletedProcess[str]"], redis_url: str, redis_client: redis.Redis
) -> None:
    Filler(redis_client).open()

    assert "--state" in run("queue", "bulk", "remove", "mail", REDIS_URL=redis_url).stderr
    assert "character 10" in run("queue", "bulk", "retry", "mail", "--filter", "attempts:x", REDIS_URL=redis_url).stderr
