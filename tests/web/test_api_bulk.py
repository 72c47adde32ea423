"""Bulk runs, failures by cause and figures for programs."""

import threading

import pytest

from board.background import Turn
from board.bulk import Runner
from tests.recorder.conftest import Process
from tests.web.site import Browser, Site
from tests.web.test_api import read, write


@pytest.fixture
def browser(site: Site) -> Browser:
    for number in range(3):
        site.jobs.failed(f"a{number}", f"no mailbox user{number}@example.com")
    site.jobs.failed("b", "connection refused")
    Process(site.service).catch_up()
    return site.signed_in()


def carry_out(site: Site) -> None:
    turn = Turn(1, is_first=True, keep=lambda: None, ending=threading.Event())
    Runner(site.service.desk, site.service.namespace).step(turn)


def test_a_run_is_counted_started_and_watched(site: Site, browser: Browser) -> None:
    wish = {"verb": "retry", "state": "failed", "q": "id:a0,a1"}

    status, dry = write(browser, "/queues/mail/bulk", {**wish, "dry_run": True})
    assert (status, dry["run"], dry["matching"], dry["is_exact"]) == (200, None, 2, True)
    assert site.audit() == []
    _, begun = write(browser, "/queues/mail/bulk", wish)
    carry_out(site)

    told = read(browser, f"/bulk/{begun['run']}")
    assert (told["run"]["status"], told["run"]["done"], told["next"]) == ("done", 2, None)
    assert {result["job_id"] for result in told["results"]} == {"a0", "a1"}
    assert [one["run"] for one in read(browser, "/bulk")["runs"]] == [begun["run"]]
    assert [entry.action for entry in site.audit()] == ["start bulk retry", "bulk retry"]


def test_a_destructive_run_needs_its_word(site: Site, browser: Browser) -> None:
    wish = {"verb": "remove", "state": "failed"}

    status, refused = write(browser, "/queues/mail/bulk", wish)
    assert status == 400
    assert "'mail'" in refused["error"]["message"]
    _, dry = write(browser, "/queues/mail/bulk", {**wish, "dry_run": True})
    status, begun = write(browser, "/queues/mail/bulk", {**wish, "typed": dry["typed"]})
    carry_out(site)

    assert status == 200
    assert read(browser, f"/bulk/{begun['run']}")["run"]["done"] == 4


def test_a_run_is_stopped_and_goes_on(site: Site, browser: Browser) -> None:
    _, begun = write(browser, "/queues/mail/bulk", {"verb": "retry", "state": "failed"})
    path = f"/bulk/{begun['run']}"

    assert write(browser, f"{path}/stop") == (200, {"run": begun["run"], "changed": True})
    carry_out(site)
    assert read(browser, path)["run"]["status"] == "stopped"
    assert write(browser, f"{path}/go-on")[1]["changed"]
    carry_out(site)

    assert read(browser, path)["run"]["done"] == 4
    assert write(browser, f"{path}/stop")[1] == {"run": begun["run"], "changed": False}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/queues/mail/bulk", {"verb": "retry", "state": "active"}, 400),
        ("/queues/mail/bulk", {"verb": "bury", "state": "failed"}, 400),
        ("/queues/mail/bulk", {"verb": "retry", "state": "failed", "q": "attempts:>x"}, 400),
        ("/queues/nothing/bulk", {"verb": "retry", "state": "failed"}, 404),
        ("/bulk/nothing/stop", None, 404),
        ("/failure-groups/nothing/bulk", {"verb": "retry"}, 404),
        ("/failure-groups/nothing/resolve", None, 404),
    ],
)
def test_what_makes_no_sense_is_answered_in_words(browser: Browser, path: str, body: object, status: int) -> None:
    answered, said = write(browser, path, body)

    assert answered == status
    assert said["error"]["message"]


def test_failures_by_cause_are_read_repaired_and_muted(site: Site, browser: Browser) -> None:
    listed = read(browser, "/failure-groups?sort=jobs")
    assert [(one["jobs"], one["error"]) for one in listed["groups"]] == [(3, "SmtpError"), (1, "SmtpError")]
    group = listed["groups"][0]["group"]
    detail = read(browser, f"/failure-groups/{group}?w=24h")
    assert [sample["id"] for sample in detail["samples"]] == ["a2", "a1", "a0"]
    assert sum(detail["histogram"]) == 3

    _, begun = write(browser, f"/failure-groups/{group}/bulk", {"verb": "retry"})
    carry_out(site)
    assert read(browser, f"/bulk/{begun['run']}")["run"]["group"] == group
    assert {site.jobs.state(f"a{number}").value for number in range(3)} == {"waiting"}

    assert write(browser, f"/failure-groups/{group}/mute", {"for": "1h"})[1]["count"] == 1
    assert [one["group"] for one in read(browser, "/failure-groups?status=muted")["groups"]] == [group]
    write(browser, f"/failure-groups/{group}/open")
    write(browser, f"/failure-groups/{group}/resolve")
    assert [one["group"] for one in read(browser, "/failure-groups?status=resolved")["groups"]] == [group]


def test_figures_over_time_are_told(browser: Browser) -> None:
    told = read(browser, "/metrics?window=1h")

    assert told["total"]["failed"] == 4
    assert [bool(point["failed"]) for point in told["points"]].count(True) >= 1
    assert read(browser, "/metrics?queue=mail")["queue"]["name"] == "mail"


def test_without_a_recorder_there_are_no_groups(site: Site) -> None:
    assert read(site.signed_in(), "/failure-groups") == {"groups": [], "matching": 0, "next": None, "since_ms": None}
