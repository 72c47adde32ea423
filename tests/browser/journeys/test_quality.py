"""Every page in every dress: no fault of accessibility, no sideways scrolling, no complaint of the browser."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
import redis
from playwright.sync_api import Page

from board.addresses import escape
from tests.browser.journeys.conftest import Person
from tests.queries.jobs import HOSTILE, Filler, fill_broken, fill_hostile

pytestmark = pytest.mark.browser

PATHS = {
    "overview": "/",
    "overview filtered to nothing": "/?q=nothing",
    "waiting": "/q/mail/waiting",
    "active": "/q/mail/active",
    "failed": "/q/mail/failed",
    "panel": "/q/mail/failed?job=sound-1",
    "empty list": "/q/mail/prioritized",
    "job": "/q/mail/job/sound-1",
    "add a job": "/q/mail/add",
    "manage a queue": "/q/mail/manage",
    "limits of a queue": "/q/mail/limits",
    "its data": "/q/mail/job/sound-1/value",
    "a search in its data": "/q/mail/job/sound-1/value?find=a",
    "its log": "/q/mail/job/sound-1/logs",
    "running job": "/q/mail/job/running",
    "edit data": "/q/mail/job/sound-1/edit",
    "change a job": "/q/mail/job/sound-1/change",
    "broken job": "/q/mail/job/not-json",
    "hostile queue": f"/q/{quote(escape(HOSTILE))}/failed",
    "hostile job": f"/q/{quote(escape(HOSTILE))}/job/{quote(escape(HOSTILE + 'failed'))}",
    "failures": "/failures",
    "flows": "/flows",
    "flow": "/flows/mail/parent",
    "children": "/flows/mail/parent/children",
    "workers": "/workers",
    "schedulers": "/schedulers",
    "schedulers of a queue": "/q/mail/schedulers",
    "scheduler": "/schedulers/mail/tick",
    "edit a scheduler": "/schedulers/mail/tick/edit",
    "new scheduler": "/q/mail/schedulers/new",
    "audit log": "/audit",
    "no such job": "/q/mail/job/gone-for-good",
}

SIGNED_OUT = {"sign-in": "/login"}
"""Seen before anybody is signed in."""


@pytest.fixture
def full(redis_client: redis.Redis) -> Filler:
    fill_hostile(redis_client)
    mail = fill_broken(redis_client)
    mail.parent("parent")
    mail.child(mail.waiting("child"), "parent")
    mail.active("running", progress="40")
    mail.scheduler("tick", tz="Europe/Madrid")
    mail.completed("repeat:tick:1767225000000")
    return mail


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible_in_both_themes(
    person: Person, full: Filler, axe: Callable[[Page], list[str]], theme: str
) -> None:
    person.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    faults = {name: axe(_opened(person, path)) for name, path in SIGNED_OUT.items()}
    person.sign_in()
    person.page.locator("#live-control").click()

    faults |= {name: axe(_opened(person, path)) for name, path in PATHS.items()}

    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize("language", ["en", pytest.param("de", marks=pytest.mark.browser_context_args(locale="de-DE"))])
def test_pages_fit_a_phone(person: Person, full: Filler, axe: Callable[[Page], list[str]], language: str) -> None:
    person.page.set_viewport_size({"width": 390, "height": 844})
    wide: dict[str, int] = {}
    faults: dict[str, list[str]] = {}

    for name, path in (SIGNED_OUT | PATHS).items():
        if name == "overview":
            person.sign_in()
        page = _opened(person, path)
        over = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wide[name] = over
        assert page.evaluate("document.documentElement.lang") == language
        if found := axe(page):
            faults[name] = found

    assert wide == {}
    assert faults == {}


def _opened(person: Person, path: str) -> Page:
    person.open(path)
    return person.page
