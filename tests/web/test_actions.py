"""Retry, remove, promote, pause and resume: what happens to the job, what is said, and what is recorded."""

from collections.abc import Callable

import pytest
import redis
from flask import url_for

from board.actions.jobs import MOST_BELOW
from board.actions.perform import MOST_JOBS
from board.engine.types import JobState
from tests.web.site import Jobs, Site, soup, text_of

HOSTILE_IDS = (
    "a/b?c=d#e%2Ff g",
    "../../audit",
    "..",
    ".",
    "a//b/",
    "100%25",
    "<script>alert(1)</script>",
    "注文-🚀-Ünïcode",
    " spaces  inside ",
    "!2F",
    "~",
    "a:b:c",
    "quo\"te's",
    "back\\slash",
    "x" * 300,
)


def job_url(site: Site, job_id: str, verb: str = "") -> str:
    """Return the address of a job, or of an action on it."""
    with site.app.test_request_context():
        return url_for(f"jobs.{verb or 'show'}", queue="mail", job_id=job_id)


def test_a_failed_job_is_retried(site: Site) -> None:
    site.jobs.failed("1a")
    browser = site.signed_in("operator")

    answer = browser.post(job_url(site, "1a", "retry"))

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/q/mail/job/1a"
    assert browser.messages(answer) == ["Retried job 1a."]
    assert site.jobs.state("1a") is JobState.WAITING
    (entry,) = site.audit()
    assert (entry.who, entry.role, entry.action, entry.result) == ("operator", "operator", "retry", "done")
    assert (entry.queue, entry.ids, entry.count, entry.done) == ("mail", ("1a",), 1, 1)
    assert entry.address == "127.0.0.1"


def test_a_completed_job_is_run_again(site: Site) -> None:
    site.jobs.completed("1a")

    answer = site.signed_in("operator").post(job_url(site, "1a", "retry"))

    assert answer.status_code == 303
    assert site.jobs.state("1a") is JobState.WAITING


def test_a_delayed_job_is_promoted(site: Site) -> None:
    site.jobs.delayed("1a")
    browser = site.signed_in("operator")

    answer = browser.post(job_url(site, "1a", "promote"))

    assert browser.messages(answer) == ["Promoted job 1a."]
    assert site.jobs.state("1a") is JobState.WAITING


def test_removing_asks_first_and_says_what_will_be_lost(site: Site) -> None:
    site.jobs.failed("1a")
    browser = site.signed_in()

    page = browser.post(job_url(site, "1a", "remove"))

    assert page.status_code == 200
    assert "Remove 1 job of mail" in soup(page).get_text()
    assert "gone for good" in soup(page).get_text()
    assert [text_of(line) for line in soup(page).select(".ledger > div")] == ["failed, will be removed 1"]
    assert site.jobs.state("1a") is JobState.FAILED
    assert site.audit() == []


def test_a_confirmed_removal_removes_and_leads_to_the_list(site: Site) -> None:
    site.jobs.failed("1a")
    browser = site.signed_in()
    page = soup(browser.post(job_url(site, "1a", "remove")))
    form = page.select_one("form.message")
    assert form is not None
    fields = {str(field["name"]): str(field.get("value", "")) for field in form.select("input[name]")}

    answer = browser.post(str(form["action"]), fields)

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/q/mail"
    assert site.jobs.state("1a") is JobState.UNKNOWN
    (entry,) = site.audit()
    assert (entry.action, entry.ids, entry.result) == ("remove", ("1a",), "done")


def test_a_tree_too_large_for_one_removal_is_left_alone(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.failed("root")
    redis_client.sadd("bull:mail:root:dependencies", *(f"bull:mail:child-{n}" for n in range(MOST_BELOW + 1)))
    browser = site.signed_in()

    answer = browser.post(job_url(site, "root", "remove"), {"confirmed": "1"})

    assert browser.messages(answer) == [
        "Job root has more than 1,000 jobs below it, too many to remove at once; nothing was done."
    ]
    assert site.jobs.state("root") is JobState.FAILED
    (entry,) = site.audit()
    assert (entry.action, entry.result, entry.done) == ("remove", "nothing", 0)


@pytest.mark.parametrize(
    ("state", "verb", "reason"),
    [
        ("waiting", "retry", "is waiting; only failed or completed jobs can be retried"),
        ("active", "retry", "is active; only failed or completed jobs can be retried"),
        ("delayed", "retry", "is delayed; only failed or completed jobs can be retried"),
        ("failed", "promote", "is failed; only delayed jobs can be promoted"),
        ("active", "remove", "is active: a worker holds it; nothing was done"),
    ],
)
def test_a_job_in_another_state_is_left_alone(site: Site, state: str, verb: str, reason: str) -> None:
    make: Callable[[str], str] = getattr(site.jobs, state)
    make("1a")
    browser = site.signed_in()

    answer = browser.post(job_url(site, "1a", verb), {"confirmed": "1"})

    assert browser.messages(answer) == [f"Job 1a {reason}."]
    assert site.jobs.state("1a").value == state
    (entry,) = site.audit()
    assert (entry.result, entry.done, entry.count) == ("nothing", 0, 1)
    assert reason in entry.detail


@pytest.mark.parametrize("verb", ["retry", "promote", "remove"])
def test_a_job_that_is_gone_is_said_to_be_gone(site: Site, verb: str) -> None:
    site.jobs.waiting("other")
    browser = site.signed_in()

    answer = browser.post(job_url(site, "1a", verb), {"confirmed": "1", "next": "/q/mail/waiting"})

    assert browser.messages(answer) == ["Job 1a is not in Redis any more; nothing was done."]
    assert [entry.result for entry in site.audit()] == ["nothing"]


def test_a_selection_is_previewed_then_done_with_a_word_for_each_exception(site: Site) -> None:
    for number in range(3):
        site.jobs.failed(f"f{number}")
    site.jobs.delayed("later")
    ids = ["f0", "f1", "f2", "later", "gone"]
    browser = site.signed_in("operator")

    page = browser.post("/q/mail/bulk", {"verb": "retry", "id": ids})
    answer = browser.post("/q/mail/bulk", {"verb": "retry", "id": ids, "confirmed": "1", "next": "/q/mail/failed"})

    assert [text_of(line) for line in soup(page).select(".ledger > div")] == [
        "failed, will be retried 3",
        "delayed, left alone 1",
        "gone already 1",
    ]
    assert answer.headers["Location"] == "/q/mail/failed"
    done, left = browser.messages(answer)
    assert done == "Retried 3 jobs."
    assert left == (
        "2 left alone: job later is delayed; only failed or completed jobs can be retried; "
        "job gone is not in Redis any more; nothing was done."
    )
    (entry,) = site.audit()
    assert (entry.result, entry.count, entry.done, entry.ids) == ("partly", 5, 3, tuple(ids))


def test_one_ticked_job_is_retried_at_once(site: Site) -> None:
    site.jobs.failed("1a")

    answer = site.signed_in("operator").post("/q/mail/bulk", {"verb": "retry", "id": "1a"})

    assert answer.status_code == 303
    assert site.jobs.state("1a") is JobState.WAITING


def test_an_action_can_be_repeated(site: Site) -> None:
    site.jobs.failed("1a")
    browser = site.signed_in("operator")
    browser.post(job_url(site, "1a", "retry"))

    answer = browser.post(job_url(site, "1a", "retry"))

    assert "is waiting" in browser.messages(answer)[-1]
    assert [entry.result for entry in site.audit()] == ["done", "nothing"]


def test_failures_of_several_queues_are_retried_together(site: Site) -> None:
    other = Jobs(site.service.connection, "odd~name/50%")
    site.jobs.failed("1a")
    other.failed("x/y")
    browser = site.signed_in("operator")
    page = soup(browser.get("/failures"))
    references = [str(box["value"]) for box in page.select("input[type=checkbox][name=id]")]
    assert len(references) == 2, references

    answer = browser.post("/failures/bulk", {"verb": "retry", "id": references, "confirmed": "1"})

    assert browser.messages(answer) == ["Retried 2 jobs."]
    assert site.jobs.state("1a") is JobState.WAITING
    assert other.state("x/y") is JobState.WAITING
    assert sorted((entry.queue, entry.ids) for entry in site.audit()) == [("mail", ("1a",)), ("odd~name/50%", ("x/y",))]


@pytest.mark.parametrize("path", ["/q/mail/bulk", "/failures/bulk"])
def test_more_than_a_page_at_once_is_refused_and_recorded(site: Site, path: str) -> None:
    site.jobs.failed("1a")
    ids = [f"mail/{number}" for number in range(MOST_JOBS + 1)]

    answer = site.signed_in().post(path, {"verb": "retry", "id": ids, "confirmed": "1"})

    assert answer.status_code == 400
    assert "101 jobs were selected and at most 100 are done at once" in soup(answer).get_text()
    assert [entry.result for entry in site.audit()] == ["refused"]


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"verb": "obliterate", "id": "1a"}, "There is no action 'obliterate'."),
        ({"verb": "retry"}, "No job was selected."),
        ({"verb": "retry", "id": "x" * 1001}, "A job id has more than 1,000 characters."),
    ],
)
def test_a_form_that_makes_no_sense_is_a_page_with_the_reason(site: Site, form: dict[str, str], sentence: str) -> None:
    site.jobs.failed("1a")

    answer = site.signed_in().post("/q/mail/bulk", form)

    assert answer.status_code == 400
    assert sentence in soup(answer).get_text()


def test_a_queue_is_paused_and_resumed(site: Site) -> None:
    site.jobs.waiting("1a")
    browser = site.signed_in("operator")

    paused = browser.post("/q/mail/pause")
    said = browser.messages(paused)
    was_paused = site.jobs.is_paused()
    browser.post("/q/mail/resume")

    assert said == ["Paused mail."]
    assert was_paused
    assert not site.jobs.is_paused()
    assert [(entry.action, entry.result, entry.queue) for entry in site.audit()] == [
        ("pause", "done", "mail"),
        ("resume", "done", "mail"),
    ]


def test_a_read_only_board_writes_nothing(make_site: Callable[..., Site], redis_client: redis.Redis) -> None:
    site = make_site(read_only=True)
    site.jobs.failed("1a")
    browser = site.signed_in()
    before = {key: redis_client.dump(key) for key in redis_client.keys("bull:*")}

    answers = [
        browser.post(job_url(site, "1a", "retry")),
        browser.post(job_url(site, "1a", "remove"), {"confirmed": "1"}),
        browser.post("/q/mail/bulk", {"verb": "remove", "id": "1a"}),
        browser.post("/q/mail/pause"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert "This board is read-only." in soup(answers[0]).get_text()
    assert {key: redis_client.dump(key) for key in redis_client.keys("bull:*")} == before
    assert [entry.result for entry in site.audit()] == ["refused"] * 4


def test_a_role_that_does_not_reach_is_told_which_one_would(site: Site) -> None:
    site.jobs.failed("1a")

    viewer = site.signed_in("viewer").post(job_url(site, "1a", "retry"))
    operator = site.signed_in("operator").post(job_url(site, "1a", "remove"))

    assert viewer.status_code == operator.status_code == 403
    assert "Your role is viewer. To retry you need the role operator." in text_of(soup(viewer))
    assert "Your role is operator. To remove you need the role admin." in text_of(soup(operator))
    assert site.jobs.state("1a") is JobState.FAILED
    assert [(entry.who, entry.action, entry.result) for entry in site.audit()] == [
        ("viewer", "retry", "refused"),
        ("operator", "remove", "refused"),
    ]


@pytest.mark.parametrize("job_id", HOSTILE_IDS)
def test_any_id_survives_the_way_through_an_address(site: Site, job_id: str) -> None:
    url = job_url(site, job_id)
    browser = site.signed_in()
    site.jobs.failed(job_id)

    page = browser.get(url)
    answer = browser.post(job_url(site, job_id, "retry"), {"next": url})
    browser.post(job_url(site, job_id, "remove"), {"confirmed": "1", "next": url})

    assert page.status_code == 200
    assert "//" not in url
    assert "/../" not in url
    assert "%2F" not in url
    assert answer.headers["Location"] == url
    assert [entry.ids for entry in site.audit()] == [(job_id,), (job_id,)]
    assert [entry.result for entry in site.audit()] == ["done", "done"]
    assert site.jobs.state(job_id) is JobState.UNKNOWN


def test_an_unknown_queue_leads_back(site: Site) -> None:
    browser = site.signed_in()

    answers = [browser.get("/q/nowhere/failed"), browser.post("/q/nowhere/pause"), browser.get("/q/a~b~c/failed")]

    for answer in answers:
        assert answer.status_code == 404
        assert soup(answer).select_one("main a[href='/']") is not None
    assert "There is no queue nowhere here." in soup(answers[0]).get_text()


def test_an_unknown_job_leads_back_to_its_queue(site: Site) -> None:
    site.jobs.waiting("1a")

    answer = site.signed_in().get("/q/mail/job/none")

    assert answer.status_code == 404
    assert soup(answer).select_one("main a[href='/q/mail']") is not None


def test_a_queue_outside_the_allow_list_does_not_exist(make_site: Callable[..., Site]) -> None:
    site = make_site(queues=("billing.*",))
    site.jobs.failed("1a")
    browser = site.signed_in()

    answers = [browser.get("/q/mail/failed"), browser.post(job_url(site, "1a", "retry")), browser.post("/q/mail/pause")]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert "/q/mail" not in browser.get("/").text
    assert site.jobs.state("1a") is JobState.FAILED
