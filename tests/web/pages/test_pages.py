"""The pages as a person meets them: what is on them, what they cost, and what they say when something is not there."""

import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
import redis

from board.addresses import escape
from tests.queries.jobs import AWKWARD_ID, NOW, SECRET, Filler, fill_broken
from tests.web.site import Browser, Site, soup, text_of

PAGES = [
    "/",
    "/?only=trouble",
    "/q/mail/waiting",
    "/q/mail/failed",
    "/q/mail/failed?job=sound-1",
    "/q/mail/failed?q=sound",
    "/q/mail/manage",
    "/q/mail/limits",
    "/q/mail/job/sound-1",
    "/q/mail/job/sound-1/value",
    "/q/mail/job/sound-1/value?find=a",
    "/q/mail/job/sound-1/logs",
    "/q/mail/job/sound-1/edit",
    "/q/mail/job/sound-1/change",
    "/failures",
    "/failures?error=GatewayTimeoutError",
    "/?w=24h",
    "/flows",
    "/flows/mail/parent",
    "/flows/mail/parent/children",
    "/schedulers",
    "/schedulers?q=tick",
    "/q/mail/schedulers",
    "/schedulers/mail/tick",
    "/schedulers/mail/tick/edit",
    "/workers",
    "/workers?queue=mail",
]


@pytest.fixture
def mail(redis_client: redis.Redis) -> Filler:
    mail = fill_broken(redis_client)
    mail.parent("parent")
    mail.child(mail.waiting("child"), "parent")
    mail.scheduler("tick")
    return mail


@pytest.fixture
def visitor(site: Site, mail: Filler) -> Browser:
    return site.signed_in()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_costs_one_round_trip_for_its_reads(make_site: Callable[..., Site], mail: Filler, path: str) -> None:
    """Counted on the board's own connection. Once the sign-in was checked; the page's share is all the rest."""
    site = make_site(secret_key="k" * 40)
    site.service.readings._seconds = 0  # none is of the second before
    visitor = site.signed_in()
    visitor.get(path)
    connection = site.service.connection
    visitor.get("/no-such-page")  # costs what every request costs: who is signed in
    before = connection.round_trips
    visitor.get("/no-such-page")
    common = connection.round_trips - before

    before = connection.round_trips
    answer = visitor.get(path)

    assert answer.status_code == 200
    searches = 2 if "q=sound" in path and "/q/" in path else 0  # a step of the search, and the lines it found
    assert connection.round_trips - before - common == 1 + searches


@pytest.mark.parametrize("path", PAGES)
def test_the_live_region_occurs_verbatim_in_the_page(
    visitor: Browser, site: Site, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """What a tick brings is what loading again would bring. The clock stands still: ages are part of a page.

    So does the mask over the form token, which is another one in each answer.
    """
    monkeypatch.setattr(site.service, "clock", lambda: NOW)
    monkeypatch.setattr("board.web.security._mask", lambda token: token)

    page, tick = visitor.get(path), visitor.tick(path)

    title, opening, region = tick.text.strip().partition('<div class="page" id="live"')
    assert title.strip() in page.text
    assert opening + region in page.text
    assert len(tick.text) < len(page.text)


@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("/q/mail/job/gone-for-good", "/q/mail"),
        ("/flows/mail/gone-for-good", "/q/mail"),
        ("/q/nowhere/failed", "/"),
        ("/q/nowhere", "/"),
        ("/failures?queue=nowhere", "/"),
        ("/nowhere", "/"),
    ],
)
def test_what_is_not_there_says_so_and_leads_back(visitor: Browser, path: str, back: str) -> None:
    answer = visitor.get(path)

    assert answer.status_code == 404
    assert any(link.get("href") == back for link in soup(answer).select("main a"))


def test_a_state_that_does_not_exist_is_refused(visitor: Browser) -> None:
    assert visitor.get("/q/mail/sleeping").status_code == 400


def test_a_queue_opens_with_its_failures(visitor: Browser) -> None:
    answer = visitor.get("/q/mail")

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/q/mail/failed"


def test_counts_of_the_tabs_are_those_of_redis(visitor: Browser, mail: Filler, redis_client: redis.Redis) -> None:
    page = soup(visitor.get("/q/mail/failed"))

    tabs = {str(tab["data-state"]): text_of(tab.select_one("b")) for tab in page.select("#tabs a[data-state]")}
    assert tabs["failed"] == str(redis_client.zcard(mail.key("failed")))
    assert tabs["waiting"] == str(redis_client.llen(mail.key("wait")))
    assert tabs["waiting-children"] == "1"
    assert tabs["active"] == "0"


def test_every_row_has_a_box_an_address_and_an_own_id(visitor: Browser) -> None:
    page = soup(visitor.get("/q/mail/failed"))

    rows = page.select("tbody tr")
    assert len(rows) == 9
    assert len({str(row["id"]) for row in rows}) == 9
    assert AWKWARD_ID in {box["value"] for box in page.select("input[name=id]")}


def test_no_id_stands_twice_on_a_page(visitor: Browser) -> None:
    """Morphing keeps focus and scroll by ids; a double one switches that off."""
    for path in PAGES:
        ids = [element["id"] for element in soup(visitor.get(path)).select("[id]")]
        assert len(ids) == len(set(ids)), f"{path}: {sorted({one for one in ids if ids.count(one) > 1})}"


@pytest.mark.parametrize("job_id", [AWKWARD_ID, "gone", "text-key", "list-key", "bare", "not-json", "huge"])
def test_every_broken_job_has_a_page(visitor: Browser, job_id: str) -> None:
    answer = visitor.get(f"/q/mail/job/{quote(escape(job_id))}")

    assert answer.status_code == 200
    assert job_id in text_of(soup(answer).select_one("#job"))
    assert len(answer.data) < 300_000


def test_broken_jobs_are_marked_in_the_list(visitor: Browser) -> None:
    page = soup(visitor.get("/q/mail/failed"))

    marked = {str(row.select_one("input[name=id]")["value"]) for row in page.select("tr.job-broken")}  # type: ignore[index]
    assert marked == {"gone", "text-key", "list-key", "bare", "not-json"}


def test_paging_by_links_shows_every_job_once(visitor: Browser, mail: Filler) -> None:
    for n in range(70):
        mail.completed(f"c{n}", NOW + n // 20)
    found: list[str] = []
    path = "/q/mail/completed"

    for _ in range(10):
        page = soup(visitor.get(path))
        found += [str(box["value"]) for box in page.select("input[name=id]")]
        following = page.select_one("a[rel=next]")
        if following is None:
            break
        path = str(following["href"])

    assert sorted(found) == sorted(f"c{n}" for n in range(70))


def test_a_facet_filters_by_its_error(visitor: Browser) -> None:
    page = soup(visitor.get("/q/mail/failed"))
    facet = next(link for link in page.select(".facets a") if "GatewayTimeoutError" in link.get_text())

    filtered = soup(visitor.get(str(facet["href"])))

    assert {str(box["value"]) for box in filtered.select("input[name=id]")} == {
        "sound-1",
        "sound-2",
        "huge",
        AWKWARD_ID,
    }


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/q/empty/failed", "No failed jobs"),
        ("/q/empty/waiting", "No waiting jobs"),
        ("/q/mail/failed?q=nothing+has+this", "No job matches"),
        ("/?q=nothing+has+this", "No queue matches"),
    ],
)
def test_an_empty_list_says_why(visitor: Browser, redis_client: redis.Redis, site: Site, path: str, words: str) -> None:
    Filler(redis_client, "empty").open()
    site.service.sources.forget()

    assert words in text_of(soup(visitor.get(path)).select_one("main"))


def test_an_empty_redis_tells_how_to_begin(site: Site) -> None:
    page = soup(site.signed_in().get("/"))

    assert "No queues yet" in text_of(page.select_one("main"))
    assert "bull:*:meta" in text_of(page.select_one("main"))


def test_no_secret_leaves_the_server(visitor: Browser, mail: Filler) -> None:
    data = json.dumps({"to": "ann", "password": SECRET, "deep": [{"apiKey": SECRET}]})
    mail.completed("done", data=data, returnvalue=data, progress=data)
    mail.failed("bad", data=data)

    for path in ("/q/mail/completed", "/q/mail/failed?job=bad", "/q/mail/job/done", "/failures", "/"):
        assert SECRET not in visitor.get(path).text


def test_a_queue_outside_the_allow_list_does_not_exist(
    make_site: Callable[..., Site], mail: Filler, redis_client: redis.Redis
) -> None:
    Filler(redis_client, "payroll").open().failed("1", NOW, name="salary of ann")
    visitor = make_site(queues=("mail",)).signed_in()

    for path in ("/", "/failures", "/flows"):
        assert "payroll" not in visitor.get(path).text
        assert "salary" not in visitor.get(path).text
    assert visitor.get("/q/payroll/failed").status_code == 404
    assert visitor.get("/q/payroll/job/1").status_code == 404
    assert visitor.get("/flows/payroll/1").status_code == 404
    assert visitor.get("/failures?queue=payroll").status_code == 404


@pytest.mark.parametrize(("view", "focused"), [("all", "child"), ("failed", "parent")])
def test_a_row_of_the_flow_can_be_reached_also_when_the_job_asked_for_is_filtered_out(
    visitor: Browser, view: str, focused: str
) -> None:
    rows = soup(visitor.get(f"/flows/mail/child?view={view}")).select("[role=treegrid] [tabindex='0']")

    assert [str(row["id"]).rpartition(":")[2].rpartition("%3A")[2] for row in rows] == [focused]
