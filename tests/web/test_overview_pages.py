"""The overview of a board with hundreds of queues: groups, pages, and never all lines at once."""

import pytest

from tests.recorder.conftest import Process
from tests.web.site import Browser, Jobs, Site, soup, text_of


@pytest.fixture
def crowded(site: Site) -> Browser:
    for number in range(240):
        Jobs(site.jobs.connection, f"team{number % 3}.q{number:03}").waiting("a")
    return site.signed_in()


def test_groups_open_into_queues_and_queues_are_paged(crowded: Browser) -> None:
    page = soup(crowded.get("/"))
    links = page.select("table.queues td.queue-name a")
    assert [text_of(link) for link in links] == ["team0", "team1", "team2"]
    assert "80 queues" in text_of(page.select_one("table.queues tbody"))

    opened = soup(crowded.get(str(links[1]["href"])))
    assert len(opened.select("table.queues td.queue-name")) == 80
    assert "team1" in text_of(opened.select_one(".chip"))

    every = soup(crowded.get("/?by=queue"))
    assert len(every.select("table.queues td.queue-name")) == 100
    following = every.select_one("a[rel=next]")
    assert following is not None
    last = soup(crowded.get(str(following["href"]).replace("page=1", "page=2")))
    assert len(last.select("table.queues td.queue-name")) == 40
    assert "201 to 240 of 240 queues" in text_of(last.select_one("nav.foot"))


def test_a_search_keeps_whether_groups_or_queues_are_shown(crowded: Browser) -> None:
    def sent(query: str) -> dict[str, str]:
        fields = soup(crowded.get(f"/?{query}")).select("form.tools input")
        return {str(field["name"]): str(field.get("value", "")) for field in fields}

    assert sent("by=group") == {"q": "", "by": "group"}
    assert sent("by=queue&sort=failed") == {"q": "", "sort": "failed", "by": "queue"}
    assert sent("by=x") == sent("") == {"q": ""}
    every = soup(crowded.get("/?by=queue")).select(".segments[aria-label='Which queues'] a")
    assert [str(link["href"]).rpartition("by=")[2] for link in every] == ["queue"] * 3


@pytest.mark.parametrize(
    "query", ["page=-1", "page=x", "in=nothing", "by=x&sort=failed", "by=group&page=7", "in=%3Cb%3E"]
)
def test_strange_addresses_are_pages_too(crowded: Browser, query: str) -> None:
    assert crowded.get(f"/?{query}").status_code == 200


def test_a_group_adds_up_what_ended_lately(site: Site, crowded: Browser) -> None:
    own = Jobs(site.jobs.connection, "team1.q001")
    own.completed("b")
    own.failed("c")
    Process(site.service).catch_up()

    row = soup(crowded.get("/")).select("table.queues tbody tr")[1]

    assert "50%" in text_of(row)


def test_a_paused_queue_says_who_paused_it_until_it_is_resumed(site: Site) -> None:
    site.jobs.waiting("a")
    operator = site.signed_in("operator")

    operator.post("/q/mail/pause")
    assert "is paused, last here by operator. 1 job waits behind it" in text_of(
        soup(operator.get("/")).select_one("#attention")
    )
    site.signed_in("admin").post("/q/mail/pause")  # it was paused already
    operator.get("/")
    assert "last here by operator" in operator.get("/").text

    operator.post("/q/mail/resume")
    assert "is paused" not in text_of(soup(operator.get("/")).select_one("#attention"))
    own = site.service
    assert own.connection.call(own.audit.pausers()) == {}
