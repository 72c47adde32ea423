"""Names, ids, data and errors that attack the page which shows them stay text, on every page that shows them."""

import re
import time
from collections.abc import Callable

import pytest
from bs4 import BeautifulSoup
from flask import url_for

from board.config import Settings
from board.dev.seeds import seed
from board.dev.stories import HOSTILE_JOBS, HOSTILE_QUEUE
from board.engine.keys import QueueKeys
from tests.web.site import Browser, Site, soup

OURS = frozenset({"/static/vendor/htmx.min.js", "/static/js/board.js"})


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A board on a Redis that holds nothing but what the seeds bring."""
    return make_site()


@pytest.fixture
def admin(site: Site) -> Browser:
    """A signed-in browser on a board that shows the hostile seeds."""
    service = site.service
    seed(service.connection, service.namespace, "bull", time.time_ns() // 1_000_000)
    return site.signed_in()


def assert_harmless(document: BeautifulSoup) -> None:
    """Fail when anything on the page could run, load or submit something that is not ours."""
    for script in document.select("script"):
        assert re.sub("^/static/[0-9a-f]{12}/", "/static/", str(script.get("src", ""))) in OURS, script
        assert not script.get_text().strip(), script
    for element in document.select("*"):
        for name, value in element.attrs.items():
            assert not name.lower().startswith("on"), element
            assert name.lower() not in {"style", "srcdoc"}, element
            if name in {"href", "src", "action", "formaction", "hx-get", "hx-post"}:
                assert str(value).startswith(("/", "#", "?")), element
                assert not str(value).startswith("//"), element
    assert document.select("img, iframe, object, embed, base, svg[onload], b[onclick]") == []


def pages(site: Site) -> list[str]:
    """Return the addresses of every page that shows hostile data."""
    slug = site.service.sources.slug(QueueKeys("bull", HOSTILE_QUEUE))
    with site.app.test_request_context():
        states = [
            url_for("queues.state", queue=slug, state=state)
            for state in ("waiting", "active", "delayed", "failed", "completed")
        ]
        jobs = [url_for("jobs.show", queue=slug, job_id=job_id) for job_id, _, _ in HOSTILE_JOBS]
        panels = [
            url_for("queues.state", queue=slug, state="failed", job=job_id, q="<script>")
            for job_id, _, _ in HOSTILE_JOBS
        ]
        flows = [url_for("flows.show", queue=slug, job_id=job_id) for job_id, _, _ in HOSTILE_JOBS]
        lists = [
            url_for("overview.index", q='"><script>alert(1)</script>'),
            url_for("overview.index"),
            url_for("failures.index"),
            url_for("failures.index", q="<svg onload=alert(1)>", error="'\"><b>"),
            url_for("audit.index"),
        ]
    return [*states, *jobs, *panels, *flows, *lists]


def test_hostile_data_stay_text_everywhere(site: Site, admin: Browser) -> None:
    for job_id, _, _ in HOSTILE_JOBS:
        with site.app.test_request_context():
            slug = site.service.sources.slug(QueueKeys("bull", HOSTILE_QUEUE))
            admin.post(url_for("jobs.retry", queue=slug, job_id=job_id))

    for path in pages(site):
        answer = admin.get(path)

        assert answer.status_code == 200, path
        assert_harmless(soup(answer))


@pytest.mark.parametrize(
    "page",
    [
        "<p>a<script>alert(1)</script>",
        "<img src=x>",
        "<p onclick=alert(1)>",
        "<a href='javascript:alert(1)'>a</a>",
        "<a href='//attacker.example'>a</a>",
        "<script src='/static/js/other.js'></script>",
        "<p style='color:red'>",
    ],
)
def test_this_check_notices_an_attack(page: str) -> None:
    with pytest.raises(AssertionError):
        assert_harmless(BeautifulSoup(page, "html5lib"))


def test_hostile_names_are_shown_as_they_are(site: Site, admin: Browser) -> None:
    slug = site.service.sources.slug(QueueKeys("bull", HOSTILE_QUEUE))

    failed = soup(admin.get(f"/q/{slug}/failed")).get_text()

    assert "<script>alert('name')</script>" in failed
    assert HOSTILE_QUEUE in failed


def test_the_confirmation_page_shows_hostile_ids_as_text(site: Site, admin: Browser) -> None:
    slug = site.service.sources.slug(QueueKeys("bull", HOSTILE_QUEUE))
    ids = [job_id for job_id, _, _ in HOSTILE_JOBS]

    answer = admin.post(f"/q/{slug}/bulk", {"verb": "remove", "id": ids})

    document = soup(answer)
    assert_harmless(document)
    assert [str(field["value"]) for field in document.select("input[name=id]")] == ids


def test_messages_show_hostile_ids_as_text(site: Site, admin: Browser) -> None:
    slug = site.service.sources.slug(QueueKeys("bull", HOSTILE_QUEUE))

    answer = admin.post(f"/q/{slug}/bulk", {"verb": "promote", "id": "<script>alert(1)</script>"})
    page = admin.get(answer.headers["Location"])
    while page.status_code == 303:
        page = admin.get(page.headers["Location"])

    assert_harmless(soup(page))
    assert "Job <script>alert(1)</script> is" in soup(page).get_text()


@pytest.mark.parametrize(
    "path",
    [
        "/<script>alert(1)</script>",
        "/q/<script>alert(1)<!2Fscript>/failed",
        "/q/mail/<svg onload=alert(1)>",
        "/login?next=javascript:alert(1)",
        "/login?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/audit?after=<script>",
        "/?_scheme=javascript&_external=1",
        "/failures?_scheme=data&_external=1&_anchor=x&_method=POST&endpoint=login.sign_in",
        "/q/odd!7Enames!2F!3Cb!3E50!25!3C!2Fb!3E!20!26!20co/failed?queue=other&state=waiting&_external=1",
        "//attacker.example/x",
        "//attacker.example/../login",
        "/%2F/attacker.example",
        "/failures?size=<script>&after='\"><img src=x>",
    ],
)
def test_hostile_addresses_stay_text(admin: Browser, path: str) -> None:
    assert_harmless(soup(admin.get(path)))


@pytest.mark.parametrize(
    "path", ["/?_scheme=javascript&_external=1", "//attacker.example/x", "/q/none/failed?queue=mail"]
)
def test_hostile_addresses_lead_nowhere_while_redis_is_away(path: str) -> None:
    site = Site(Settings(redis_url="redis://127.0.0.1:1/0"))

    answer = site.browser().get(path)

    site.close()
    assert answer.status_code == 503
    assert_harmless(soup(answer))
