"""The board on a cluster and behind Sentinels: people sign in, look and repair as on one server."""

from collections.abc import Iterator

import pytest

from board.config import Settings
from board.engine.types import JobState
from tests.servers import Server
from tests.topologies.conftest import Topology
from tests.waiting import wait_until
from tests.web.site import PASSWORD, Jobs, Site


@pytest.fixture
def site(topology: Topology) -> Iterator[Site]:
    """A board that shows the queues of the topology."""
    one = Site(Settings(redis_url=topology.url, prefixes=(topology.prefix,), admin_password=PASSWORD))
    yield one
    one.close()


def test_every_page_and_action_works(site: Site) -> None:
    for job_id in ("1a", "2b"):
        site.jobs.failed(job_id)
    site.jobs.delayed("later")
    browser = site.signed_in()

    pages = ["/", "/q/mail/failed", "/q/mail/waiting", "/q/mail/job/1a", "/failures", "/flows", "/readyz"]
    statuses = [browser.get(page).status_code for page in pages]
    browser.post("/q/mail/bulk", {"verb": "retry", "id": ["1a", "2b"], "confirmed": "1"})
    browser.post("/q/mail/job/later/remove", {"confirmed": "1"})
    browser.post("/q/mail/pause")

    assert statuses == [200] * len(pages)
    assert "/q/mail" in browser.get("/").text
    assert [site.jobs.state(job_id) for job_id in ("1a", "2b")] == [JobState.WAITING] * 2
    assert site.jobs.state("later") is JobState.UNKNOWN
    assert site.jobs.is_paused()
    assert [entry.result for entry in site.audit()] == ["done"] * 3
    assert browser.get("/audit").status_code == 200


def test_it_is_shown_beside_a_single_server(server: Server, topology: Topology) -> None:
    server.flush()
    settings = Settings(
        redis_url=server.url,
        prefixes=("bull", topology.prefix),
        admin_password=PASSWORD,
        connections=(("far", topology.url),),
    )
    both = Site(settings)
    try:
        far = Jobs(both.service.others["far"].connection, prefix=topology.prefix)
        both.jobs.failed("here")
        far.failed("there")
        browser = both.signed_in()
        slug = both.service.others["far"].sources.slug(far.queue)

        page = browser.get(f"/c/far/q/{slug}/failed")
        browser.post(f"/c/far/q/{slug}/job/there/retry")

        assert "there" in page.text
        assert far.state("there") is JobState.WAITING
        assert [(entry.action, entry.connection) for entry in both.audit()] == [("retry", "far")]
        assert "here" in browser.get("/q/mail/failed").text
    finally:
        both.close()


def test_a_person_stays_signed_in_over_a_failover(site: Site, topology: Topology) -> None:
    site.jobs.failed("1a")
    browser = site.signed_in()
    assert browser.get("/q/mail/failed").status_code == 200

    if topology.prefix == "bull":
        topology.servers.failover()  # type: ignore[call-arg]
    else:
        topology.servers.failover(site.jobs.queue.base)  # type: ignore[call-arg]

    pages: list[str] = []

    def follows() -> bool:
        answer = browser.get("/q/mail/failed")
        pages.append(answer.text)
        return answer.status_code == 200

    wait_until(follows, "the board to follow the failover")
    assert "1a" in pages[-1]
