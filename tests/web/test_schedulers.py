"""What a person does to schedulers: preview, save, run now, pause, resume, remove."""

import json
from typing import Any

import pytest
import redis

from board.engine import Queue
from board.engine.calls import Call
from board.engine.commands.schedulers import read_record, upsert_scheduler
from board.engine.keys import QueueKeys
from board.engine.types import JobOptions, Repeat
from board.service import wall_clock_ms
from tests.web.site import Browser, Site, soup, text_of

MAIL = QueueKeys("bull", "mail")
DAILY = {"id": "daily", "kind": "pattern", "pattern": "0 9 * * 1-5", "tz": "Europe/Madrid", "data": '{"n": 10.10}'}


def put(site: Site, scheduler: str, repeat: Repeat, **given: Any) -> None:
    site.service.connection.run(upsert_scheduler(MAIL, scheduler, repeat, now_ms=wall_clock_ms(), **given))


def record(site: Site, name: str) -> dict[str, str]:
    return site.service.connection.call(read_record(MAIL, name))


@pytest.fixture
def admin(site: Site) -> Browser:
    site.jobs.waiting("1a")
    return site.signed_in()


def said(browser: Browser, path: str, form: dict[str, str] | None = None) -> list[str]:
    return browser.messages(browser.post(path, form))


def test_a_new_scheduler_is_previewed_and_then_made(site: Site, admin: Browser) -> None:
    preview = admin.post("/q/mail/schedulers/new", {**DAILY, "options": '{"attempts": 2}'})

    assert preview.status_code == 200
    page = soup(preview)
    assert "It would run: Weekdays at 09:00" in text_of(page)
    assert len(page.select("#main table tbody tr")) == 5
    assert record(site, "daily") == {}
    form = {**DAILY, "options": '{"attempts": 2}', "confirmed": "1"}
    assert admin.post("/q/mail/schedulers/new", form).headers["Location"] == "/schedulers/mail/daily"
    stored = record(site, "daily")
    assert (stored["pattern"], stored["tz"], stored["data"]) == ("0 9 * * 1-5", "Europe/Madrid", '{"n":10.10}')
    assert json.loads(stored["opts"]) == {"attempts": 2}
    (entry,) = site.audit()
    assert (entry.action, entry.result, entry.before) == ("save scheduler", "done", "")
    assert "pattern 0 9 * * 1-5, tz Europe/Madrid" in entry.after


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"id": ""}, "A scheduler needs an id"),
        ({"pattern": "61 * * * *"}, "cannot be read"),
        ({"pattern": "* *"}, "has 2 fields"),
        ({"tz": "Mars/Olympus"}, "Unknown time zone"),
        ({"kind": "every", "every": "0"}, "An interval is a whole number from 1"),
        ({"limit": "many"}, "The limit is a whole number"),
        ({"end": "2001-01-01T00:00"}, "It would never run"),
        ({"end": "soon"}, "The end is a date and time"),
        ({"data": "{"}, "The data are not JSON"),
        ({"options": "[]"}, "Options are a JSON object"),
        ({"options": '{"jobId": "x"}'}, "JobId belongs to each run"),
        ({"options": '{"attempts": "x"}'}, "Attempts must be"),
    ],
)
def test_what_is_wrong_is_said_and_the_form_kept(
    site: Site, admin: Browser, typed: dict[str, str], problem: str
) -> None:
    answer = admin.post("/q/mail/schedulers/new", {**DAILY, "name": "kept-name", **typed, "confirmed": "1"})

    assert answer.status_code == 400
    assert problem in text_of(soup(answer).select_one("[role=alert]"))
    assert "kept-name" in answer.text
    assert record(site, "daily") == {}


def test_the_runs_are_shown_while_the_id_is_still_empty(site: Site, admin: Browser) -> None:
    preview = admin.post("/q/mail/schedulers/new", {**DAILY, "id": ""})

    assert preview.status_code == 200
    assert len(soup(preview).select("#preview tbody tr")) == 5
    assert admin.post("/q/mail/schedulers/new", {**DAILY, "id": "", "confirmed": "1"}).status_code == 400
    assert admin.post("/q/mail/schedulers/new", {**DAILY, "id": "x" * 201}).status_code == 400


def test_an_edit_keeps_hidden_values_the_count_and_unknown_options(site: Site, admin: Browser) -> None:
    secret = {"to": "ann", "password": "hunter2"}
    put(site, "tick", Repeat(every=60_000), data=secret, options=JobOptions(attempts=2, extra={"x-own": [1]}), made=7)
    form = {
        field["name"]: field.get("value", field.get_text())
        for field in soup(admin.get("/schedulers/mail/tick/edit")).select("#main input[name], #main textarea")
    }
    kept = {str(name): str(value).strip() for name, value in form.items() if name not in {"csrf_token", "kind"}}

    assert "hunter2" not in kept["data"]
    answer = admin.post(
        "/schedulers/mail/tick/edit", {**kept, "kind": "every", "every": "5", "every_unit": "min", "confirmed": "1"}
    )

    assert answer.status_code == 303, text_of(soup(answer).select_one("main"))
    stored = record(site, "tick")
    assert stored["every"] == "300000"
    assert json.loads(stored["data"]) == secret
    assert json.loads(stored["opts"]) == {"attempts": 2, "x-own": [1]}
    assert stored["ic"] == "7"


def test_run_now_adds_one_job_beside_the_schedule(site: Site, admin: Browser, redis_client: redis.Redis) -> None:
    put(
        site,
        "daily",
        Repeat(pattern="0 0 1 1 *", tz="UTC"),
        name="report",
        data={"n": 1},
        options=JobOptions(attempts=4),
    )
    before = redis_client.zrange("bull:mail:repeat", 0, -1, withscores=True)

    answer = admin.post("/schedulers/mail/daily/run")

    job_id = answer.headers["Location"].rpartition("/")[2]
    stored: Any = redis_client.hgetall(f"bull:mail:{job_id}")
    assert (stored["name"], stored["data"], json.loads(stored["opts"])["attempts"]) == ("report", '{"n":1}', 4)
    assert "rjk" not in stored
    assert redis_client.zrange("bull:mail:repeat", 0, -1, withscores=True) == before


@pytest.mark.parametrize(
    "repeat", [Repeat(every=3_600_000), Repeat(pattern="0 3 * * *", tz="Asia/Tokyo", limit=9)], ids=["every", "pattern"]
)
def test_a_paused_scheduler_leaves_its_queue_and_comes_back_as_it_was(
    site: Site, admin: Browser, redis_client: redis.Redis, repeat: Repeat
) -> None:
    put(site, "tick", repeat, data={"big": 2**70}, options=JobOptions(attempts=3), made=4)
    before = record(site, "tick")

    assert said(admin, "/schedulers/mail/tick/pause") == ["Paused scheduler tick."]

    assert record(site, "tick") == {}
    assert redis_client.zcard("bull:mail:repeat") == 0
    assert redis_client.zcard("bull:mail:delayed") == 0
    shown = text_of(soup(admin.get("/schedulers")).select_one("main"))
    assert "Paused" in shown
    assert "by admin" in shown
    waiting = redis_client.llen("bull:mail:wait")
    assert said(admin, "/schedulers/mail/tick/resume") == ["Resumed scheduler tick."]
    assert record(site, "tick") | {"offset": "-"} == before | {"offset": "-"}
    assert redis_client.llen("bull:mail:wait") == waiting, "it would run at once"
    assert redis_client.zcard("bull:mail:delayed") == 1
    assert redis_client.hlen("board:held-schedulers") == 0
    assert [entry.action for entry in site.audit()] == ["pause scheduler", "resume scheduler"]


def test_a_paused_scheduler_that_was_made_again_is_not_overwritten(site: Site, admin: Browser) -> None:
    put(site, "tick", Repeat(every=60_000))
    said(admin, "/schedulers/mail/tick/pause")
    put(site, "tick", Repeat(every=99_000))

    (message,) = said(admin, "/schedulers/mail/tick/resume")

    assert "There is a scheduler tick in mail again" in message
    assert record(site, "tick")["every"] == "99000"


def test_what_changed_meanwhile_is_not_taken_out(site: Site, admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    put(site, "tick", Repeat(every=60_000))
    stale = record(site, "tick")
    put(site, "tick", Repeat(every=99_000))
    monkeypatch.setattr(
        "board.actions.schedulers.schedulers.read_record",
        lambda queue, _: Call(("EXISTS", queue.key("meta")), lambda _: stale, writes=False),
    )

    (message,) = said(admin, "/schedulers/mail/tick/pause")

    assert "was changed meanwhile" in message
    monkeypatch.undo()
    assert record(site, "tick")["every"] == "99000"
    assert site.service.connection.call(Call(("HLEN", "board:held-schedulers"), int)) == 0


def test_removing_asks_first_and_takes_repeatables_of_release_5(
    site: Site, admin: Browser, redis_client: redis.Redis
) -> None:
    redis_client.zadd("bull:mail:repeat", {"report::::0 9 * * 1": 1})
    path = "/schedulers/mail/" + "report%3A%3A%3A%3A0 9 * * 1"
    link = next(str(one["href"]) for one in soup(admin.get("/schedulers")).select("tbody a[data-open]"))

    asked = admin.post(f"{link}/remove")
    assert asked.status_code == 200, path
    assert "There is no undo" in asked.text
    assert redis_client.zcard("bull:mail:repeat") == 1
    assert "cannot be put back" in said(admin, f"{link}/pause")[0] or "no scheduler" in said(admin, f"{link}/pause")[0]
    assert said(admin, f"{link}/remove", {"confirmed": "1"})[-1].startswith("Removed scheduler report")
    assert redis_client.exists("bull:mail:repeat") == 0


def test_a_viewer_reads_and_changes_nothing(site: Site, admin: Browser) -> None:
    put(site, "tick", Repeat(every=60_000))
    viewer = site.signed_in("viewer")

    page = soup(viewer.get("/schedulers/mail/tick"))

    assert {button.get("aria-disabled") for button in page.select("#scheduler-actions button.button")} == {"true"}
    for verb in ("run", "pause", "resume", "remove", "edit"):
        form = {**DAILY, "confirmed": "1"}
        assert viewer.post(f"/schedulers/mail/tick/{verb}", form).status_code == 403
    assert record(site, "tick")["every"] == "60000"


def test_a_scheduler_that_is_gone_is_not_found(admin: Browser) -> None:
    assert admin.get("/schedulers/mail/nothing").status_code == 404
    assert admin.get("/schedulers/mail/nothing/edit").status_code == 404


def test_the_tab_of_a_queue_shows_its_schedulers_alone(site: Site, admin: Browser, redis_url: str) -> None:
    put(site, "tick", Repeat(every=60_000))
    with Queue("other", connection=redis_url) as queue:
        queue.upsert_job_scheduler("tock", Repeat(every=60_000))
    site.service.sources.forget()

    every, own = (text_of(soup(admin.get(path)).select_one("main")) for path in ("/schedulers", "/q/mail/schedulers"))

    assert "tock" in every
    assert "tock" not in own
    assert "tick" in own
