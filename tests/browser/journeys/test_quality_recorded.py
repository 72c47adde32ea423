"""The pages that need a recorder or an administrator, in every dress: accessible, no sideways scrolling."""

from collections.abc import Callable

import pytest
import redis
from playwright.sync_api import Page

from board.alerts.rules import Rule
from board.service import wall_clock_ms
from tests.browser.journeys.conftest import Person
from tests.queries.jobs import HOSTILE, Filler
from tests.recorder.conftest import Process
from tests.web.test_metrics import fired

pytestmark = pytest.mark.browser

PATHS = {
    "groups": "/failures",
    "muted groups": "/failures?is=muted",
    "a plan for a group": "/bulk/plan?verb=retry&group={group}",
    "dead letters of a group": "/bulk/plan?verb=bury&group={group}",
    "group": "/failures/{group}",
    "plan": "/bulk/plan?verb=remove&in=mail/failed",
    "runs": "/bulk",
    "run": "{run}",
    "metrics": "/metrics",
    "metrics of a queue": "/q/mail/metrics",
    "users": "/settings/users",
    "tokens": "/settings/tokens",
    "account": "/settings/sessions",
    "settings": "/settings",
    "overview with pins": "/",
    "filtered list": "/q/mail/failed?q=name:send",
    "health": "/health",
    "find": "/find?q=mail",
    "alerts": "/alerts",
    "new alert": "/alerts/new",
    "alert": "/alerts/r1",
    "audit entry": "/audit/{entry}",
}


@pytest.fixture
def known(person: Person, redis_client: redis.Redis) -> dict[str, str]:
    """Fill the board, sign in, and return what addresses name."""
    mail, site = Filler(redis_client).open(), person.board.site
    for number in range(3):
        mail.failed(f"job-{number}", wall_clock_ms() - number)
    mail.failed("hostile", wall_clock_ms(), failedReason=HOSTILE, name=HOSTILE)
    mail.completed("fine", wall_clock_ms())
    Process(site.service).catch_up()
    person.sign_in()
    own = site.service
    own.connection.call(
        own.preferences.save("dana", {"pin:mail": "1", "filter:Sent": '["mail","failed","name:send",""]'})
    )
    own.connection.call(own.alerts.put_rule(Rule("r1", "depth", threshold=5)))
    fired(site, rule="r1", age_ms=600_000)
    fired(site, title=HOSTILE, words=HOSTILE, severity="warn")
    person.open("/bulk/plan?verb=retry&in=mail/failed")
    person.page.get_by_role("button", name="Retry 4 jobs").click()
    run = person.page.url.removeprefix(person.board.address)
    (newest,) = own.connection.call(own.audit.read(None, 1))
    person.open("/failures")
    link = person.page.get_by_role("link", name="GatewayTimeoutError").first
    return {
        "group": str(link.get_attribute("href")).rpartition("/")[2],
        "run": run,
        "entry": newest.id,
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_recorded_pages_are_accessible_in_both_themes(
    person: Person, known: dict[str, str], axe: Callable[[Page], list[str]], theme: str
) -> None:
    person.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")

    faults = {}
    for name, path in PATHS.items():
        person.open(path.format(**known))
        if found := axe(person.page):
            faults[name] = found

    assert faults == {}


def test_recorded_pages_fit_a_phone(person: Person, known: dict[str, str], axe: Callable[[Page], list[str]]) -> None:
    person.page.set_viewport_size({"width": 390, "height": 844})

    wide, faults = {}, {}
    for name, path in PATHS.items():
        person.open(path.format(**known))
        over = person.page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wide[name] = over
        if found := axe(person.page):
            faults[name] = found

    assert wide == {}
    assert faults == {}
