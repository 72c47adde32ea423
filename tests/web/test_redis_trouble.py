"""Redis away, refusing, read-only, full: a sentence and a remedy, never a traceback, and recovery by itself."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat, starmap, takewhile

import pytest
import redis
from werkzeug.test import TestResponse

from board.config import Settings
from board.engine.types import JobState
from tests.servers import Server
from tests.waiting import wait_until
from tests.web.site import PASSWORD, Browser, Site, soup

MakeServer = Callable[..., Server]


@pytest.fixture
def site_on() -> Iterator[Callable[..., Site]]:
    """A function that makes a board on any Redis."""
    made: list[Site] = []

    def make(url: str, **settings: object) -> Site:
        site = Site(Settings(redis_url=url, admin_password=PASSWORD, **settings))  # type: ignore[arg-type]
        made.append(site)
        return site

    yield make
    for site in made:
        site.close()


def sentence(answer: TestResponse) -> str:
    """Return the words of a page about Redis trouble; fails when it is another page, or tells too much."""
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "Traceback" not in answer.text
    assert "redis://" not in answer.text
    assert "127.0.0.1:" not in answer.text
    return " ".join(soup(answer).get_text(" ").split())


def test_a_board_starts_without_redis_and_recovers_by_itself(
    fresh_server: MakeServer, site_on: Callable[..., Site]
) -> None:
    server = fresh_server()
    server.stop()
    site = site_on(server.url)
    browser = site.browser()

    page, form = browser.get("/"), browser.get("/login")
    server.start()
    recovered = browser.sign_in("admin")

    assert "No connection can be made." in sentence(page)
    assert page.headers["Refresh"] == "5"
    assert form.status_code == 200
    assert "Redis does not answer" in soup(form).get_text()
    assert recovered.status_code == 303
    assert browser.get("/").status_code == 200


def test_a_page_says_so_when_redis_goes_and_works_when_it_is_back(
    fresh_server: MakeServer, site_on: Callable[..., Site]
) -> None:
    server = fresh_server(append_only=True)
    site = site_on(server.url)
    browser = site.signed_in()
    assert browser.get("/").status_code == 200

    server.kill()
    page, tick, post = browser.get("/failures"), browser.tick("/failures"), browser.post("/q/mail/pause")
    server.start()
    wait_until(lambda: browser.get("/failures").status_code == 200, "the board to recover")

    assert "Check that Redis runs and can be reached from here." in sentence(page)
    assert "No connection can be made." in sentence(tick)
    assert "<html" not in tick.text
    assert "Refresh" not in tick.headers
    assert "Refresh" not in post.headers
    sentence(post)


def test_a_redis_that_hangs_is_given_up_after_the_timeout(
    fresh_server: MakeServer, site_on: Callable[..., Site]
) -> None:
    server = fresh_server()
    site = site_on(server.url, redis_timeout_seconds=2)  # long enough to sign in on a busy machine
    browser = site.signed_in()

    server.freeze()
    page = browser.get("/")
    server.thaw()

    assert "Redis does not answer in time." in sentence(page)
    wait_until(lambda: browser.get("/").status_code == 200, "the board to recover")


def test_pages_that_wait_for_a_hanging_redis_wait_together(site_on: Callable[..., Site]) -> None:
    """One after the other they would wait a time-out each, and health checks behind them."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        site = site_on(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", redis_timeout_seconds=2)
        together = threading.Barrier(8)

        def ask(_number: int) -> int:
            together.wait()
            return site.browser().get("/").status_code

        with ThreadPoolExecutor(8) as pages:
            statuses = list(pages.map(ask, range(8)))
        silent.settimeout(0)
        tries = sum(takewhile(bool, starmap(_accept, repeat((silent,)))))

    assert statuses == [503] * 8
    assert tries <= 2


def _accept(listener: socket.socket) -> bool:
    """Take one connection that was made, and end it; False when there is none."""
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_a_wrong_password_is_named_and_never_shown(fresh_server: MakeServer, site_on: Callable[..., Site]) -> None:
    server = fresh_server(arguments=("--requirepass", "right"), password="right")
    site = site_on(server.url.replace(":right@", ":wrong-secret@"))

    page = site.browser().get("/")

    assert "Redis refused the user or the password." in sentence(page)
    assert "wrong-secret" not in page.text


def test_a_host_that_does_not_exist_is_a_page_too(site_on: Callable[..., Site]) -> None:
    site = site_on("redis://nowhere.invalid:6379/0")

    assert "No connection can be made." in sentence(site.browser().get("/"))


@pytest.fixture
def replica(fresh_server: MakeServer) -> tuple[Server, Server]:
    """A primary with one administrator, and a replica that has caught up."""
    primary = fresh_server(arguments=("--repl-diskless-sync-delay", "0"))
    site = Site(Settings(redis_url=primary.url, admin_password=PASSWORD))
    site.browser().get("/login")
    site.jobs.failed("1a")
    site.close()
    copy = fresh_server(arguments=("--replicaof", "127.0.0.1", str(primary.port)))
    client = copy.client()
    wait_until(lambda: client.exists("board:users") and client.exists("bull:mail:1a"), "the replica to catch up")
    client.close()
    return primary, copy


def test_on_a_replica_a_person_can_sign_in_and_look(
    replica: tuple[Server, Server], site_on: Callable[..., Site]
) -> None:
    site = site_on(replica[1].url)
    browser = site.browser()

    assert browser.sign_in("admin").status_code == 303
    assert browser.get("/q/mail/failed").status_code == 200
    assert "1a" in browser.get("/q/mail/failed").text


def test_on_a_replica_an_action_says_why_it_cannot(
    replica: tuple[Server, Server], site_on: Callable[..., Site]
) -> None:
    site = site_on(replica[1].url, secret_key="kept outside of Redis")
    browser = site.browser()
    browser.sign_in("admin")

    answer = browser.post("/q/mail/job/1a/retry")

    assert "Redis takes no writes here: it is a replica" in sentence(answer)
    assert site.jobs.state("1a") is JobState.FAILED


def test_guessing_is_slowed_down_on_a_replica_too(replica: tuple[Server, Server], site_on: Callable[..., Site]) -> None:
    browser = site_on(replica[1].url).browser()

    answers = [browser.sign_in("admin", f"guess {number}").status_code for number in range(6)]

    assert answers == [401] * 5 + [429]


def test_a_short_sign_in_ends_with_a_changed_password(
    replica: tuple[Server, Server], site_on: Callable[..., Site]
) -> None:
    primary, copy = replica
    browser = site_on(copy.url).browser()
    browser.sign_in("admin")
    assert browser.get("/").status_code == 200

    site_on(primary.url).service.users.set_password("admin", "changed meanwhile")

    wait_until(lambda: browser.get("/").status_code == 303, "the replica to hear of the new password")


@pytest.fixture
def full(fresh_server: MakeServer) -> Server:
    """A server that takes no more data, with one administrator and jobs."""
    server = fresh_server()
    site = Site(Settings(redis_url=server.url, admin_password=PASSWORD))
    site.browser().get("/login")
    site.jobs.failed("1a")
    site.jobs.delayed("later")
    site.close()
    _fill(server)
    return server


def _fill(server: Server) -> None:
    client: redis.Redis = server.client()
    client.config_set("maxmemory", "1")
    client.close()


def _signed_in(site: Site) -> Browser:
    browser = site.browser()
    assert browser.sign_in("admin").status_code == 303
    return browser


def test_with_memory_full_a_person_can_sign_in_and_look(full: Server, site_on: Callable[..., Site]) -> None:
    browser = _signed_in(site_on(full.url))

    assert "1a" in browser.get("/q/mail/failed").text


def test_with_memory_full_an_action_that_needs_memory_says_so(full: Server, site_on: Callable[..., Site]) -> None:
    site = site_on(full.url, secret_key="kept outside of Redis")

    answer = _signed_in(site).post("/q/mail/pause")

    assert "Redis has reached its memory limit and takes no writes." in sentence(answer)
    assert not site.jobs.is_paused()


def test_with_memory_full_a_removal_works_and_says_that_the_audit_log_does_not(
    full: Server, site_on: Callable[..., Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = site_on(full.url, secret_key="kept outside of Redis")
    browser = _signed_in(site)
    caplog.clear()

    answer = browser.post("/q/mail/job/1a/remove", {"confirmed": "1"})

    assert browser.messages(answer) == [
        "Removed job 1a.",
        "This was done, but Redis refused the entry in the audit log.",
    ]
    assert site.jobs.state("1a") is JobState.UNKNOWN
    (kept,) = [record for record in caplog.records if record.message == "audit entry not stored"]
    assert getattr(kept, "entry")["ids"] == ("1a",)  # noqa: B009 - the log's own attribute


def test_a_short_sign_in_only_looks_when_redis_holds_the_key_of_its_signature(
    full: Server, site_on: Callable[..., Site]
) -> None:
    """Whoever may read Redis could sign such a cookie, and must not gain more than reading by it."""
    site = site_on(full.url)
    browser = site.browser()
    browser.get("/login")

    signed_in = browser.post("/login", {"name": "admin", "password": PASSWORD})
    said = browser.messages(signed_in)
    answer = browser.post("/q/mail/job/1a/remove", {"confirmed": "1"})

    (sentences,) = said
    assert sentences.startswith("Redis takes no writes, so this sign-in lasts one hour. It can only look;")
    assert answer.status_code == 403
    assert site.jobs.state("1a") is JobState.FAILED


def test_the_page_in_a_live_region_is_only_the_note(full: Server, site_on: Callable[..., Site]) -> None:
    site = site_on(full.url)
    browser = _signed_in(site)
    full.kill()

    note = soup(browser.tick("/q/mail/failed")).select("[role=alert]")

    assert len(note) == 1


def test_health_without_redis(fresh_server: MakeServer, site_on: Callable[..., Site]) -> None:
    server = fresh_server()
    site = site_on(server.url)
    browser = site.browser()
    ready = browser.get("/readyz")
    server.stop()

    assert (ready.status_code, ready.text) == (200, "ready\n")
    assert (browser.get("/healthz").status_code, browser.get("/healthz").text) == (200, "ok\n")
    assert (browser.get("/readyz").status_code, browser.get("/readyz").text) == (503, "Redis does not answer\n")


def test_a_key_of_the_wrong_type_spoils_one_page_only(site_on: Callable[..., Site], redis_url: str) -> None:
    site = site_on(redis_url)
    browser = _signed_in(site)
    site.jobs.failed("1a")
    client = redis.Redis.from_url(redis_url)
    client.delete("bull:mail:failed")
    client.set("bull:mail:failed", "not a sorted set")
    client.close()

    assert browser.get("/").status_code == 200
    assert browser.get("/q/mail/failed").status_code in {200, 503}
    assert browser.get("/audit").status_code == 200
