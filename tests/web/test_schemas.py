"""Data that the schema of their jobs refuses: whichever way they come, they change nothing, and no secret is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from board.actions import repairs, schedulers, upkeep
from board.actions.perform import Actor
from board.auth.policy import Grant, Identity, Permission
from board.engine.commands.repairs import digest_of
from board.engine.types import JobOptions, Repeat
from board.errors import DataRefusedError
from tests.web.site import Browser, Site, soup, text_of
from tests.web.test_api import write

SCHEMA = {
    "type": "object",
    "properties": {"to": {"type": "string"}, "password": {"type": "string", "minLength": 12}},
    "required": ["to"],
}
SECRET = "hunter2"
GOOD = '{"to": "ann"}'


@pytest.fixture
def site(make_site: Callable[..., Site], tmp_path: Path) -> Site:
    """A board whose jobs named `send` in the queue `mail` are addressed."""
    path = tmp_path / "schemas.json"
    path.write_text(json.dumps([{"queue": "mail", "job": "send", "schema": SCHEMA}]))
    return make_site(schemas=str(path))


def edit(browser: Browser, data: str, **fields: str) -> Any:
    """Send new data of job 1a as the page of its data does."""
    page = soup(browser.get("/q/mail/job/1a/edit"))
    digest = str(page.select("input[name=digest]")[0]["value"])
    return browser.post("/q/mail/job/1a/edit", {"digest": digest, "data": data, **fields})


def refusals(site: Site) -> list[tuple[str, str, str]]:
    return [(entry.action, entry.result, entry.detail) for entry in site.audit()]


def test_a_job_is_added_only_with_data_that_fit(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.waiting("1a", {})
    browser = site.signed_in("operator")

    refused = browser.post("/q/mail/add", {"name": "send", "data": f'{{"password": "{SECRET}"}}', "job_id": "x1"})
    others = browser.post("/q/mail/add", {"name": "other", "data": "3", "job_id": "x2"})
    fitting = browser.post("/q/mail/add", {"name": "send", "data": GOOD, "job_id": "x3"})

    assert (refused.status_code, others.status_code, fitting.status_code) == (400, 303, 303)
    assert [redis_client.exists(f"bull:mail:x{n}") for n in (1, 2, 3)] == [0, 1, 1]
    told = [text_of(line) for line in soup(refused).select("#data-faults li")]
    assert told == ["password must have at least 12 characters", "to is missing"]
    refusal = "The data do not fit the schema of these jobs. Nothing was changed. Faults: 2."
    assert refusals(site)[0] == ("add job", "refused", refusal)


def test_no_name_within_refused_data_is_recorded(make_site: Callable[..., Site], tmp_path: Path) -> None:
    """Whoever reads the audit log need not be allowed to see what jobs carry."""
    path = tmp_path / "maps.json"
    path.write_text(json.dumps([{"queue": "mail", "schema": {"additionalProperties": {"type": "string"}}}]))
    site = make_site(schemas=str(path))
    site.jobs.waiting("1a", {})

    refused = site.signed_in("operator").post("/q/mail/add", {"name": "send", "data": f'{{"{SECRET}": 1}}'})

    assert f"{SECRET} must be of the type string" in text_of(soup(refused))
    assert [SECRET in str(entry) for entry in site.audit()] == [False]


def test_the_data_of_a_job_are_edited_only_into_what_fits(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.waiting("1a", {"to": "ann"})
    browser = site.signed_in("operator")

    preview = soup(edit(browser, '{"to": 3}'))
    forced = edit(browser, '{"to": 3}', confirmed="1")
    stored = redis_client.hget("bull:mail:1a", "data")
    fitting = edit(browser, '{"to": "bob"}', confirmed="1")

    assert [text_of(line) for line in preview.select("#data-faults li")] == ["to must be of the type string"]
    assert preview.select("textarea")[0]["aria-describedby"] == "data-faults"
    assert "Nothing was changed. The data do not fit the schema of these jobs." in text_of(soup(forced))
    assert stored == '{"to":"ann"}'
    assert fitting.status_code == 303
    assert redis_client.hget("bull:mail:1a", "data") == '{"to":"bob"}'


def test_a_hidden_value_is_checked_and_never_told(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.waiting("1a", {"to": "ann", "password": SECRET})
    browser = site.signed_in("operator")

    page = edit(browser, '{"to": "bob", "password": "[redacted]"}')

    assert [text_of(line) for line in soup(page).select("#data-faults li")] == [
        "password must have at least 12 characters"
    ]
    assert SECRET not in page.text


def test_the_action_itself_refuses_whatever_asks_it(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.waiting("1a", {"to": "ann"})
    desk, actor = site.service.desk, Actor(Identity("ann", "admin"))
    before = redis_client.hgetall("bull:mail:1a")

    with pytest.raises(DataRefusedError, match="to is missing"):
        repairs.edit_data(desk, actor, site.jobs.queue, "1a", "{}", digest=digest_of('{"to":"ann"}'), retries=False)
    with pytest.raises(DataRefusedError, match="must be of the type object"):
        upkeep.add_job(desk, actor, site.jobs.queue, "send", data_text="[]", options=JobOptions(job_id="x1"))

    assert redis_client.hgetall("bull:mail:1a") == before
    assert redis_client.exists("bull:mail:x1") == 0


def test_a_copy_is_made_only_of_data_that_fit(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.waiting("1a", {"to": 3})
    site.jobs.waiting("2b", {"to": "ann"})
    browser = site.signed_in("operator")

    refused = browser.post("/q/mail/job/1a/duplicate")
    fitting = browser.post("/q/mail/job/2b/duplicate")

    assert refused.status_code == 400
    assert "to must be of the type string." in text_of(soup(refused))
    assert fitting.status_code == 303
    assert redis_client.llen("bull:mail:wait") == 3


def test_who_may_not_see_data_is_not_told_where_they_differ(site: Site) -> None:
    site.jobs.waiting("1a", {"to": 3})
    adds = Identity("ann", "adder", (Grant(frozenset({Permission.VIEW, Permission.ADD}), ("*",)),))

    with pytest.raises(DataRefusedError) as refusal:
        repairs.duplicate(site.service.desk, Actor(adds), site.jobs.queue, "1a")

    assert str(refusal.value) == "The data do not fit the schema of these jobs. Nothing was changed."


def test_a_scheduler_makes_only_jobs_that_fit(site: Site, redis_client: redis.Redis) -> None:
    own, actor = site.service, Actor(Identity("ann", "admin"))
    draft = schedulers.Draft("tick", "send", Repeat(every=60_000), "{}", {})

    with pytest.raises(DataRefusedError, match="to is missing"):
        schedulers.save(own.desk, actor, own.namespace, site.jobs.queue, draft)

    assert redis_client.exists("bull:mail:repeat") == 0


def test_a_scheduler_from_elsewhere_is_not_run_by_hand_with_what_does_not_fit(
    make_site: Callable[..., Site], site: Site, redis_client: redis.Redis
) -> None:
    free, own, actor = make_site().service, site.service, Actor(Identity("ann", "admin"))
    draft = schedulers.Draft("tick", "send", Repeat(every=60_000), "{}", {})
    schedulers.save(free.desk, actor, free.namespace, site.jobs.queue, draft)
    before = sorted(redis_client.keys("bull:mail:*"))

    with pytest.raises(DataRefusedError, match="to is missing"):
        schedulers.run_now(own.desk, actor, own.namespace, site.jobs.queue, "tick")

    assert sorted(redis_client.keys("bull:mail:*")) == before


def test_programs_are_told_the_same(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.waiting("1a", {"to": "ann"})
    browser = site.signed_in("operator")

    added = write(browser, "/queues/mail/jobs", {"name": "send", "data": {"password": SECRET}})
    edited = write(browser, "/queues/mail/jobs/1a/data", {"data": {"to": 3}})

    assert (added[0], edited[0]) == (400, 400)
    assert added[1]["error"]["message"] == (
        "The data do not fit the schema of these jobs. Nothing was changed. "
        "password must have at least 12 characters. to is missing."
    )
    assert edited[1]["error"]["message"].endswith("to must be of the type string.")
    assert redis_client.llen("bull:mail:wait") == 1


def test_a_host_application_gives_schemas_of_its_own_first(redis_url: str) -> None:
    from board import create_app
    from board.config import Settings
    from board.web.state import EXTENSION

    app = create_app(
        Settings(redis_url=redis_url, connections=(("eu", redis_url),)),
        schemas=[{"queue": "mail", "schema": {"type": "null"}}],
    )
    own = app.extensions[EXTENSION]

    refused = [one.desk.schemas.faults("mail", "send", "1") for one in (own, own.others["eu"])]

    assert [[fault.told for fault in faults] for faults in refused] == [
        ["The value as a whole must be of the type null."]
    ] * 2
    own.close()
