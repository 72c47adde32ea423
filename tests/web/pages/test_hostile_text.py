"""Everything that comes from Redis is text, on every page and in its live region, as a browser parses them."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
import redis
from bs4 import BeautifulSoup, Tag

from board.addresses import escape
from tests.queries.jobs import HOSTILE, Filler, fill_hostile
from tests.web.site import Browser, Site, soup

HARMLESS = "harmless"
IDS = ("waiting", "active", "completed", "failed", "parent", "delayed", "gone")

Markup = set[tuple[str, str]]


def paths(text: str) -> Iterator[str]:
    """Return addresses of all pages of a queue filled with ``text``, and of pages asked for with it."""
    slug = quote(escape(text))
    yield "/"
    yield f"/?q={quote(text)}&only={quote(text)}&sort={quote(text)}"
    for state in ("waiting", "active", "prioritized", "delayed", "waiting-children", "completed", "failed"):
        yield f"/q/{slug}/{state}"
    yield f"/q/{slug}/add"
    yield f"/q/{slug}/manage"
    for query in ("q", "error", "sort", "size", "after", "job", "attempt"):
        yield f"/q/{slug}/failed?{query}={quote(text)}"
        yield f"/failures?{query}={quote(text)}"
        yield f"/flows?{query}={quote(text)}"
        yield f"/schedulers?{query}={quote(text)}&is={quote(text)}"
    for job_id in ("broken", *(f"{text}{one}" for one in IDS)):
        yield f"/q/{slug}/failed?job={quote(job_id)}"
        yield f"/q/{slug}/job/{quote(escape(job_id))}"
        yield f"/q/{slug}/job/{quote(escape(job_id))}/edit"
        yield f"/q/{slug}/job/{quote(escape(job_id))}/value"
        yield f"/q/{slug}/job/{quote(escape(job_id))}/value?find=e"
        yield f"/q/{slug}/job/{quote(escape(job_id))}/change"
        yield f"/q/{slug}/job/{quote(escape(job_id))}/logs?find=e"
        yield f"/flows/{slug}/{quote(escape(job_id))}"
        yield f"/flows/{slug}/{quote(escape(job_id))}/children"
    yield "/failures"
    yield f"/failures?queue={slug}"
    yield "/flows"
    yield "/schedulers"
    yield "/workers"
    yield f"/workers?queue={slug}&q={quote(text)}"
    yield f"/q/{slug}/schedulers"
    yield f"/schedulers/{slug}/{quote(escape(text))}"
    yield f"/schedulers/{slug}/{quote(escape(text))}/edit"
    yield f"/q/{quote(escape('no' + text))}/failed"
    yield f"/q/{slug}/{slug}"
    yield f"/q/{slug}/job/{quote(escape('no' + text))}"


def markup(answer: str) -> Markup:
    """Return the elements and attributes of a page, each once."""
    found: Markup = set()
    for element in BeautifulSoup(answer, "html5lib").find_all():
        assert isinstance(element, Tag)
        found.add((element.name, ""))
        found |= {(element.name, name) for name in element.attrs}
        for name in ("href", "src", "action", "formaction", "hx-get"):
            address = element.get(name)
            if isinstance(address, str) and not address.startswith(("/", "#", "?")):
                found.add((element.name, f"{name}={address}"))
        if element.name in ("script", "style") and element.string:
            found.add((element.name, "with a text"))
    return found


def markup_of_all(browser: Browser, text: str) -> Markup:
    found: Markup = set()
    for path in paths(text):
        for answer in (browser.get(path), browser.tick(path)):
            assert answer.status_code in {200, 303, 400, 404}, f"{path}: {answer.status_code}"
            found |= markup(answer.text)
    return found


def test_the_comparison_sees_what_it_looks_for() -> None:
    found = markup(f"<p title='x' style=x>{HOSTILE}<a href='javascript:x()' onclick=x>")

    assert found >= {
        ("xss-tag", "onerror"),
        ("p", "style"),
        ("script", "with a text"),
        ("a", "href=javascript:x()"),
        ("a", "onclick"),
    }


def test_hostile_text_gains_no_element_and_no_attribute(site: Site, redis_client: redis.Redis) -> None:
    """Compared with the very same jobs whose texts are a harmless word."""
    fill_hostile(redis_client, HARMLESS)
    fill_hostile(redis_client, HOSTILE)
    browser = site.signed_in()

    harmless, hostile = markup_of_all(browser, HARMLESS), markup_of_all(browser, HOSTILE)

    assert hostile - harmless == set()


@pytest.fixture
def filler(redis_client: redis.Redis) -> Filler:
    return fill_hostile(redis_client)


@pytest.fixture
def visitor(site: Site, filler: Filler) -> Browser:
    return site.signed_in()


@pytest.mark.parametrize("state", ["waiting", "active", "completed", "failed"])
def test_hostile_text_is_there_to_be_read(visitor: Browser, filler: Filler, state: str) -> None:
    """Hiding it would be as wrong: an id in a box leads back to the very same job."""
    page = soup(visitor.get(f"/q/{quote(escape(filler.queue))}/{state}"))

    assert f"{HOSTILE}{state}" in {box["value"] for box in page.select("input[name=id]")}
    assert "xss-tag" in page.get_text()


def test_a_row_leads_to_its_job_whatever_its_id(visitor: Browser, filler: Filler) -> None:
    page = soup(visitor.get(f"/q/{quote(escape(filler.queue))}/completed"))
    (link,) = page.select("td.job-id a")

    panel = soup(visitor.get(str(link["href"])))

    shown = panel.select_one("#job .job-name .mono")
    assert shown is not None
    assert shown.get_text() == f"{HOSTILE}completed"


def test_nothing_reorders_the_line(visitor: Browser, filler: Filler) -> None:
    """A right-to-left override in a message would let a person read another text than is stored."""
    page = soup(visitor.get(f"/q/{quote(escape(filler.queue))}/failed"))

    shown = " ".join(cell.get_text() for cell in page.select("td.job-error, td.job-data"))
    assert "\\u202e" in shown
    assert "\u202e" not in shown
