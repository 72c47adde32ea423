"""Every string of a page is in the catalogues: what is not wrapped by a language that brackets each message stands out.

The data have no Latin letter, so each Latin word outside the brackets is a string that no translator ever sees.
"""

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
import redis
from babel.messages.pofile import read_po
from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString
from flask import Flask

from board import words
from board.addresses import escape
from board.alerts.rules import Rule
from board.auth.policy import Role
from board.bulk import Runs, Source, Spec
from board.dev import catalogues
from board.queries.fingerprint import cause_of
from board.service import Service, wall_clock_ms
from board.web import language
from board.web.state import EXTENSION
from tests.queries.jobs import Filler
from tests.recorder.conftest import Process
from tests.web.site import PASSWORD, Browser, Site

QUEUE, JOB, SCHEDULER, PERSON = "ουρά", "δουλειά", "ρολόι", "χρήστης"
TRACE = "Σφάλμα: μήνυμα\n    at α (β:1:1)"

NAMES = {
    "Queue",
    "Board",
    "Redis",
    "Valkey",
    "BullMQ",
    "UTC",
    "JSON",
    "NDJSON",
    "CSV",
    "API",
    "Ctrl",
    "Esc",
    "Enter",
    "KB",
    "MB",
    "GB",
    "Europe",
    "Madrid",
    "Werkzeug",
}
"""Proper names, which read the same in every language."""

WITHOUT_TEXT = {"static", "health.live", "health.ready", "health.queues", "monitor.metrics"}
"""They answer programs, which are told everything in English."""

WITHOUT_PROVIDER = {"login.leave_for", "login.come_back"}
"""Not there for a board without an identity provider; with one they only lead on."""

SOURCE = Source("β", QUEUE, "failed")

QUERIES = {"bulk.plan": f"?verb=retry&in={escape(QUEUE)}/failed"}
"""What a page has to be asked about."""


class Bracketed:
    """A language that brackets every message of the catalogue and leaves all else as it is."""

    def __init__(self) -> None:
        with catalogues.TEMPLATE.open("rb") as source:
            ids = [message.id for message in read_po(source) if message.id]
        self.known = {one for found in ids for one in ([found] if isinstance(found, str) else found)}

    def gettext(self, message: str, /) -> str:
        return f"⟦{message}⟧" if message in self.known else message

    def ngettext(self, one: str, many: str, n: int, /) -> str:
        return self.gettext(one if n == 1 else many)


def outside(html: str) -> list[str]:
    """Return the words of a page that no message brackets."""
    found: list[str] = []
    for text in texts(BeautifulSoup(html, "html5lib")):
        plain, before = text, ""
        while plain != before:
            before, plain = plain, re.sub(r"⟦[^⟦⟧]*⟧", " ", plain)
        found += [word for word in re.findall(r"[A-Za-z][A-Za-z'-]+", plain) if word not in NAMES]
    return found


def texts(page: BeautifulSoup) -> Iterator[str]:
    """Yield what a person reads or is told; code, keys and data in their own lettering are left out."""
    for element in page.find_all():
        assert isinstance(element, Tag)
        if quiet(element):
            continue
        for name in ("title", "aria-label", "placeholder", "alt"):
            if value := element.get(name):
                yield str(value)
        yield "".join(str(part) for part in element.children if type(part) is NavigableString)


def quiet(element: Tag) -> bool:
    names = {"script", "style", "code", "kbd", "pre", "textarea", "datalist"}
    return any(
        one.name in names or not {"mono", "raw", "key"}.isdisjoint(one.get_attribute_list("class"))
        for one in (element, *element.parents)
    )


def words_outside(visitor: Browser, path: str) -> list[str]:
    """Ask for a page; a redirect is none."""
    answer = visitor.get(quote(path, safe="/%?=&"))
    assert answer.status_code in {200, 303}, (path, answer.status_code)
    return outside(answer.text) if answer.status_code != 303 else []


def pages(app: Flask) -> dict[str, str]:
    """Return the address of every page, by its endpoint, about the job of the queue."""
    own: Service = app.extensions[EXTENSION]
    (newest,) = own.connection.call(own.audit.read(None, 1))
    known = {
        "queue": escape(QUEUE),
        "job_id": escape(JOB),
        "state": "failed",
        "scheduler": escape(SCHEDULER),
        "group": cause_of(TRACE, "μήνυμα", "όνομα").fingerprint,
        "entry_id": newest.id,
        "run_id": "run",
        "rule": "r1",
    }
    found = {}
    for rule in app.url_map.iter_rules():
        skipped = rule.endpoint.startswith("api.") or rule.endpoint in WITHOUT_TEXT | WITHOUT_PROVIDER
        if "GET" in (rule.methods or set()) and not skipped:
            with app.test_request_context():
                built = rule.build({name: known.get(name, "1") for name in rule.arguments})
            assert built is not None
            found[rule.endpoint] = built[1] + QUERIES.get(rule.endpoint, "")
    return found


@pytest.fixture
def visitor(make_site: Callable[..., Site], redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """Somebody who reads that language, on a board of Greek letters."""
    filler = Filler(redis_client, queue=QUEUE, prefix="β").open()
    fields = {"name": "όνομα", "data": json.dumps({"προς": "άννα"}, ensure_ascii=False), "pb": "εργάτης"}
    filler.failed(JOB, wall_clock_ms(), TRACE, **fields, failedReason="μήνυμα")
    filler.waiting("επόμενη", **fields)
    filler.scheduler(SCHEDULER, name="όνομα")
    bracketed = words.Language("el", Bracketed())
    monkeypatch.setattr(language, "load", lambda _code: bracketed)
    site = make_site(prefixes=("β",), connection_name="σύνδεση", secret_key="k" * 40)
    own = site.service
    own.users.add(PERSON, PASSWORD, Role.ADMIN)
    redis_client.xadd(filler.key("events"), {"event": "failed", "jobId": JOB, "failedReason": "μήνυμα"})
    Process(own).catch_up()
    for step in Runs(own.namespace).create("run", Spec("retry", (SOURCE,), who=PERSON, role="admin"), own.clock()):
        own.connection.batch(step)
    own.connection.call(own.alerts.put_rule(Rule("r1", "depth", threshold=5)))
    browser = site.browser()
    assert browser.sign_in(PERSON).status_code == 303
    return browser


def test_the_reading_finds_a_word_outside_and_none_inside() -> None:
    page = '<p title="Told">⟦In ⟦a⟧ b⟧ out <b>⟦in⟧</b><code>code</code><i class="mono">data</i> Redis</p>'

    assert outside(page) == ["Told", "out"]


def test_every_page_speaks_only_by_the_catalogue(visitor: Browser) -> None:
    app = visitor.client.application
    found = {endpoint: words_outside(visitor, path) for endpoint, path in pages(app).items()}

    left = {endpoint: sorted(set(texts)) for endpoint, texts in found.items() if texts}
    assert left == {}


def test_lists_say_by_the_catalogue_what_is_broken_about_jobs(visitor: Browser, redis_client: redis.Redis) -> None:
    filler = Filler(redis_client, queue=QUEUE, prefix="β")
    filler.listed_failed("α")
    redis_client.set(filler.key(filler.listed_failed("β")), "γ")
    redis_client.hset(filler.key(filler.listed_failed("δ")), "timestamp", "ε")
    filler.failed("ζ", wall_clock_ms(), TRACE, name="όνομα", data="{", opts="-")

    for path in (f"/q/{escape(QUEUE)}/failed", f"/q/{escape(QUEUE)}/failed?job=β"):
        answer = visitor.get(quote(path, safe="/%?=&"))
        assert answer.status_code == 200
        assert "⟦its key holds a " in answer.text
        assert outside(answer.text) == []


def test_what_is_done_to_all_of_a_list_is_one_message(visitor: Browser) -> None:
    for query, message in (("", "⟦Retry all %(total)s⟧"), ("?q=attempts:>0", "⟦Retry all matching⟧")):
        page = BeautifulSoup(visitor.get(quote(f"/q/{escape(QUEUE)}/failed{query}", safe="/%?=&:>")).text, "html5lib")
        words = {" ".join(link.stripped_strings) for link in page.select(".tools a[data-ask]")}
        assert words == {message.replace("%(total)s", "1")}


def test_no_message_is_made_to_be_glued_to_another() -> None:
    known = Bracketed().known

    assert [message for message in known if message != message.strip()] == []


def test_the_sign_in_page_speaks_by_the_catalogue(visitor: Browser) -> None:
    visitor.post("/logout")

    assert outside(visitor.get("/login").text) == []
