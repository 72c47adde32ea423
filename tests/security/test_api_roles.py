"""Every operation of the API × who asks × own or foreign queue; a new operation is in it by itself."""

from collections.abc import Callable
from typing import Any

import pytest

from board.bulk import Runs, Source, Spec
from board.web.api.operations import OPERATIONS, Field, Operation
from tests.recorder.conftest import Process
from tests.security.test_requests import GROUP
from tests.web.site import Site

ABOUT_A_QUEUE = sorted(name for name, one in OPERATIONS.items() if "<queue>" in one.path)


def value(field: Field) -> Any:
    """Return something that the field takes."""
    text = field.choices[0] if field.choices else "mail"
    return {"text": text, "whole": field.low, "flag": False, "texts": ["1a"], "json": None}[field.kind]


def ask(site: Site, one: Operation, queue: str, **headers: str) -> int:
    """Send a request that would be carried out, and return the status of the answer."""
    path = one.path.replace("<queue>", queue).replace("<job_id:job_id>", "1a").replace("<job_id:scheduler>", "tick")
    path = path.replace("<run_id>", "run").replace("<group>", GROUP)
    return (
        site.app.test_client(use_cookies=False)
        .open(
            f"/api/v1{path}",
            method=one.method,
            query_string={name: value(field) for name, field in one.query.items() if field.needed},
            json={name: value(field) for name, field in one.body.items() if field.needed} if one.body else None,
            headers=headers,
        )
        .status_code
    )


def start_run(site: Site) -> None:
    """Store a bulk run about the queue."""
    spec = Spec("retry", (Source("bull", "mail", "failed"),), who="ann", role="admin")
    own = site.service
    for step in Runs(own.namespace).create("run", spec, own.clock()):
        own.connection.batch(step)


def token(site: Site, role: str, *queues: str) -> dict[str, str]:
    """Make a token and return the header that sends it."""
    made = site.service.tokens.make(f"a-{role}", role, queues=queues, only_reads=False, days=1, made_by="test")
    return {"Authorization": f"Bearer {made}"}


def test_nobody_gets_through_anywhere(site: Site) -> None:
    site.jobs.failed("1a")

    answers = {name: ask(site, one, "mail") for name, one in OPERATIONS.items()}

    assert set(answers.values()) == {401}, answers


def test_a_viewer_does_nothing_and_every_attempt_is_recorded(site: Site) -> None:
    site.jobs.failed("1a")
    Process(site.service).catch_up()
    start_run(site)
    header = token(site, "viewer")
    writes = [one for one in OPERATIONS.values() if one.method == "POST"]

    answers = {one.name: ask(site, one, "mail", **header) for one in writes}

    assert set(answers.values()) == {403}, answers
    entries = site.audit()
    assert [(entry.who, entry.result) for entry in entries] == [("token:a-viewer", "refused")] * len(writes)


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_a_queue_out_of_scope_is_not_there_for_any_operation(make_site: Callable[..., Site], role: str) -> None:
    site = make_site()
    site.jobs.failed("1a")
    header = token(site, role, "billing.*")

    foreign = {name: ask(site, OPERATIONS[name], "mail", **header) for name in ABOUT_A_QUEUE}
    nowhere = {name: ask(site, OPERATIONS[name], "nothing", **header) for name in ABOUT_A_QUEUE}

    assert foreign == nowhere
    assert set(foreign.values()) == {404}, foreign
