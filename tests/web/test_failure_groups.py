"""Failures by cause, as a person meets them: found, understood, retried, muted, resolved."""

import threading
from collections.abc import Callable

import pytest
import redis
from werkzeug.test import TestResponse

from board.background import Turn
from board.bulk import Runner
from board.config import Settings
from board.engine.commands import jobs, queues
from board.engine.keys import QueueKeys
from board.engine.types import JobState
from tests.recorder.conftest import Process
from tests.web.site import Browser, Site, soup, text_of


@pytest.fixture
def record(site: Site) -> Callable[[], None]:
    """A function that lets the recorder read everything."""
    process = Process(site.service)
    return process.catch_up


@pytest.fixture
def failing(site: Site, record: Callable[[], None]) -> Browser:
    """Somebody who looks at two causes: three jobs and one."""
    for number in range(3):
        site.jobs.failed(f"a{number}", f"no mailbox user{number}@example.com")
    site.jobs.failed("b", "connection refused")
    record()
    return site.signed_in()


def groups_on(browser: Browser, path: str = "/failures") -> dict[str, str]:
    """Return the groups of a page: message to address."""
    rows = soup(browser.get(path)).select("table.groups tbody tr")
    return {text_of(row.select_one(".failure-error .muted")): str(row.select_one("a")["href"]) for row in rows}  # type: ignore[index]


def test_without_a_recorder_the_failed_jobs_themselves_are_listed(site: Site) -> None:
    site.jobs.failed("a")

    page = soup(site.signed_in().get("/failures"))

    assert page.select("table.jobs tbody tr")
    assert not page.select("table.groups")


def test_failures_are_grouped_by_cause_with_their_jobs(failing: Browser) -> None:
    page = soup(failing.get("/failures"))
    rows = page.select("table.groups tbody tr")

    assert len(rows) == 2
    assert sorted(text_of(row.select_one(".failure-jobs")) for row in rows) == ["1", "3"]
    assert "New" in text_of(rows[0])
    assert "4 failed jobs in 2 open groups" in text_of(page.select_one("header.top"))


def test_the_jobs_are_a_click_away(failing: Browser) -> None:
    assert len(soup(failing.get("/failures?view=jobs")).select("table.jobs tbody tr")) == 4
    assert len(soup(failing.get("/failures?error=SmtpError")).select("table.jobs tbody tr")) == 4


@pytest.mark.parametrize(
    ("query", "count"),
    [
        *(
            ("q=mailbox", 1),
            ("q=nothing+like+it", 0),
            ("queue=mail", 2),
            ("sort=jobs", 2),
            ("w=1h", 2),
            ("is=muted", 0),
        ),
        *(("sort=hour", 2), ("sort=first", 2), ("sort=x&is=y&w=z&page=-3", 2), ("page=99999999", 0), ("q=SEND", 2)),
    ],
)
def test_groups_are_searched_sorted_and_filtered(failing: Browser, query: str, count: int) -> None:
    answer = failing.get(f"/failures?{query}")

    assert answer.status_code == 200
    assert len(soup(answer).select("table.groups tbody tr")) == count


def test_the_most_jobs_come_first_when_asked_for(failing: Browser) -> None:
    assert "mailbox" in next(iter(groups_on(failing, "/failures?sort=jobs")))


def test_a_group_tells_where_how_often_and_which_jobs(failing: Browser) -> None:
    address = next(url for words, url in groups_on(failing).items() if "mailbox" in words)

    page = soup(failing.get(address))

    assert "no mailbox <email>" in text_of(page.select_one("main"))
    assert [text_of(row.select_one("a")) for row in page.select("section.table-box tbody tr")] == ["a2", "a1", "a0"]
    assert "3 failures" in text_of(page.select_one("section.histogram"))
    assert page.select(".stack li.culprit")


def carry_out(site: Site) -> None:
    turn = Turn(1, is_first=True, keep=lambda: None, ending=threading.Event())
    Runner(site.service.desk, site.service.namespace).step(turn)


def plan_of(browser: Browser, address: str, label: str) -> TestResponse:
    """Follow a button of a group to its plan."""
    link = next(a for a in soup(browser.get(address)).select("a.button") if label in text_of(a))
    return browser.get(str(link["href"]))


def start_of(browser: Browser, plan: TestResponse, **form: str) -> str:
    """Start a plan and return where the run is shown."""
    token = soup(plan).select_one("input[name=token]")
    assert token is not None, text_of(soup(plan).select_one("main"))
    answer = browser.post("/bulk", {"token": str(token["value"]), "pace": "0", **form})
    assert answer.status_code == 303, text_of(soup(answer).select_one("main"))
    return str(answer.headers["Location"])


def test_a_whole_group_is_retried_as_a_planned_run(site: Site, record: Callable[[], None]) -> None:
    for number in range(130):
        site.jobs.failed(f"a{number}", f"no mailbox user{number}@example.com")
    site.jobs.failed("b", "connection refused")
    record()
    site.service.connection.call(jobs.retry_job(site.jobs.queue, "a5", JobState.FAILED))
    operator = site.signed_in("operator")
    address = next(url for words, url in groups_on(operator).items() if "mailbox" in words)

    plan = plan_of(operator, address, "Retry 130")
    words = text_of(soup(plan).select_one("form.message"))
    assert "Retry 129 jobs of mail" in words
    assert "left alone, not failed any more: retried, removed, or running again 1" in words
    assert len(soup(plan).select("form.message p a")) == 5
    shown = start_of(operator, plan)
    carry_out(site)
    record()

    assert "Retried 129" in text_of(soup(operator.get(shown)).select_one("dl.facts"))
    assert site.jobs.state("b").value == "failed"
    assert {site.jobs.state(f"a{number}").value for number in range(130)} == {"waiting"}
    assert "Tried again 130" in text_of(soup(operator.get(address)).select_one(".group-facts"))
    entry = site.audit()[0]
    assert (entry.action, entry.count) == ("start bulk retry", 129)
    assert "no mailbox" in entry.detail


def test_a_job_that_failed_again_after_the_plan_is_left_alone(site: Site, failing: Browser) -> None:
    address = next(url for words, url in groups_on(failing).items() if "mailbox" in words)
    plan = plan_of(failing, address, "Retry 3")
    later = site.service.clock() + 60_000
    redis.Redis.from_url(site.settings.redis_url).zadd("bull:mail:failed", {"a1": later})

    start_of(failing, plan)
    carry_out(site)

    assert [site.jobs.state(f"a{number}").value for number in range(3)] == ["waiting", "failed", "waiting"]


def test_removing_a_group_asks_for_the_name_of_its_queue(site: Site, failing: Browser) -> None:
    address = next(url for words, url in groups_on(failing).items() if "mailbox" in words)
    plan = plan_of(failing, address, "Remove 3")

    start_of(failing, plan, typed="mail")
    carry_out(site)

    assert [site.jobs.state(f"a{number}").value for number in range(3)] == ["unknown"] * 3


def test_a_plan_reads_its_group_once(site: Site, failing: Browser) -> None:
    group = groups_on(failing).popitem()[1].rpartition("/")[2]
    connection = site.service.connection

    def trips(more: str) -> int:
        failing.get(f"/bulk/plan?verb=bury&group={group}{more}")
        before = connection.round_trips
        assert failing.get(f"/bulk/plan?verb=bury&group={group}{more}").status_code == 200
        return connection.round_trips - before

    assert trips("") == trips("&grave=mail-dead")


def test_a_group_goes_to_the_dead_letters_of_its_queue_unless_another_is_named(site: Site, failing: Browser) -> None:
    address = next(url for words, url in groups_on(failing).items() if "mailbox" in words)
    plan = plan_of(failing, address, "To dead letters")
    named = soup(plan).select_one("form.tools input[name=grave]")
    assert named is not None
    assert named["value"] == "mail-dead"
    other = failing.get(f"/bulk/plan?verb=bury&group={address.rpartition('/')[2]}&grave=lost")

    start_of(failing, other)
    carry_out(site)

    assert site.service.connection.call(queues.get_counts(QueueKeys("bull", "lost"))).waiting == 3


def test_a_plan_of_a_group_says_which_queues_a_person_may_not_change(site: Site, failing: Browser) -> None:
    address = next(url for words, url in groups_on(failing).items() if "mailbox" in words)
    viewer = site.signed_in("viewer")

    plan = viewer.get(f"/bulk/plan?verb=retry&group={address.rpartition('/')[2]}")

    assert "your role may not retry jobs of this queue" in text_of(soup(plan).select_one(".ledger"))
    assert "There is nothing to do" in text_of(soup(plan).select_one("main"))


@pytest.mark.parametrize(("query", "status"), [("verb=retry&group=x", 404), ("verb=promote&group={}", 400)])
def test_nonsense_about_a_group_is_refused(failing: Browser, query: str, status: int) -> None:
    name = next(iter(groups_on(failing).values())).rpartition("/")[2]

    assert failing.get(f"/bulk/plan?{query.format(name)}").status_code == status


@pytest.mark.parametrize("lasting", ["1h", "24h", "7d"])
def test_how_long_to_mute_is_chosen_from_a_menu(failing: Browser, lasting: str) -> None:
    address = next(iter(groups_on(failing).values()))
    for path in (address, "/failures"):
        assert soup(failing.get(path)).select(f".menu button[name=for][value='{lasting}']"), path

    failing.post(f"{address}/mute", {"for": lasting})

    assert len(groups_on(failing, "/failures?is=muted")) == 1


def test_muting_and_resolving_are_recorded_and_can_be_taken_back(site: Site, failing: Browser) -> None:
    address = next(url for words, url in groups_on(failing).items() if "refused" in words)

    for verb, shown in (("mute", "muted"), ("open", "open"), ("resolve", "resolved")):
        answer = failing.post(f"{address}/{verb}", {"for": "1h"})
        assert answer.status_code == 303
        assert any("refused" in words for words in groups_on(failing, f"/failures?is={shown}"))

    entries = site.audit()
    assert [entry.action for entry in entries] == ["mute failures", "open failures", "resolve failures"]
    assert "connection refused" in entries[0].detail


def test_a_resolved_group_comes_back_with_the_next_failure(
    site: Site, failing: Browser, record: Callable[[], None]
) -> None:
    address = next(url for words, url in groups_on(failing).items() if "refused" in words)
    failing.post(f"{address}/resolve")
    assert len(groups_on(failing)) == 1

    site.jobs.failed("b2", "connection refused")
    record()

    assert len(groups_on(failing)) == 2


def test_a_viewer_may_look_and_change_nothing(site: Site, failing: Browser) -> None:
    address = next(iter(groups_on(failing).values()))
    viewer = site.signed_in("viewer")
    viewer.get(address)

    for verb in ("mute", "resolve", "open"):
        assert viewer.post(f"{address}/{verb}").status_code == 403
    assert {entry.result for entry in site.audit()} == {"refused"}


@pytest.mark.parametrize("path", ["/failures/1-0000000000000000", "/failures/x?page=-1&w=y", "/failures/%3Cb%3E"])
def test_a_group_that_is_not_there_is_not_found(failing: Browser, path: str) -> None:
    assert failing.get(path).status_code == 404


def test_how_long_to_mute_is_one_of_three(failing: Browser) -> None:
    address = next(iter(groups_on(failing).values()))

    assert failing.post(f"{address}/mute", {"for": "2y"}).status_code == 400


def test_the_list_is_one_round_trip_and_a_group_two(site: Site, failing: Browser) -> None:
    address = next(iter(groups_on(failing).values()))
    connection = site.service.connection
    site.service.readings.forget()
    before = connection.round_trips
    failing.get("/")
    others = connection.round_trips - before  # the session, and the overview's one

    for path, more in (("/failures", 0), ("/failures?q=mailbox", 0), (address, 1)):
        before = connection.round_trips
        failing.get(path)
        assert connection.round_trips - before == others + more, path


def test_a_recorder_that_stands_still_is_told(site: Site, failing: Browser) -> None:
    later = site.service.clock() + 10 * 60_000
    site.service.clock = lambda: later

    page = soup(failing.get("/failures"))

    assert "The recorder was last at work" in text_of(page.select_one(".note"))


def test_who_sees_some_queues_learns_nothing_of_the_others(make_site: Callable[..., Site], site: Site) -> None:
    site.jobs.failed("a", "seen reason")
    site.jobs.queue = type(site.jobs.queue)("bull", "hidden")
    site.jobs.failed("b", "secret reason")
    Process(site.service).catch_up()
    narrow = make_site(queues=("mail",)).signed_in()

    groups = groups_on(narrow)

    assert list(groups) == ["seen reason"]
    every = groups_on(site.signed_in())
    hidden = next(url for words, url in every.items() if "secret" in words)
    assert narrow.get(hidden).status_code == 404
    assert isinstance(site.settings, Settings)
