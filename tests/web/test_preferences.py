"""What a person sets for themselves: it holds in every browser, for nobody else, and needs no script."""

import re

import pytest
import redis

from board.engine.commands.schedulers import upsert_scheduler
from board.engine.keys import QueueKeys
from board.engine.types import Repeat
from tests.recorder.conftest import Process
from tests.web.site import Browser, Site, soup, text_of

MAIL = QueueKeys("bull", "mail")
FORM = {"theme": "dark", "density": "compact", "zone": "Asia/Ho_Chi_Minh", "refresh": "30", "keys": "0"}


@pytest.fixture
def browser(site: Site) -> Browser:
    site.jobs.failed("a", "no mailbox")
    site.jobs.queue = type(site.jobs.queue)("bull", "billing")
    site.jobs.waiting("b")
    return site.signed_in("operator")


def test_settings_hold_in_every_browser_of_a_person_and_for_nobody_else(site: Site, browser: Browser) -> None:
    answer = browser.post("/settings", FORM)
    assert browser.messages(answer) == ["Saved your settings."]

    elsewhere = site.browser()
    elsewhere.sign_in("operator")
    html = soup(elsewhere.get("/")).html
    assert html is not None
    assert (html["data-theme"], html["data-density"], html["data-keys"]) == ("dark", "compact", "off")
    assert soup(elsewhere.get("/")).select_one("#live")["data-seconds"] == "30"  # type: ignore[index]
    chosen = {str(option["value"]) for option in soup(elsewhere.get("/settings")).select("option[selected]")}
    assert {"dark", "compact", "30"} <= chosen

    other = soup(site.signed_in("viewer").get("/")).html
    assert other is not None
    assert not {"data-theme", "data-density", "data-keys"} & set(other.attrs)


def test_times_are_written_in_the_zone_of_the_person(browser: Browser) -> None:
    job = "/q/mail/job/a"
    assert "UTC" in str(soup(browser.get(job)).select_one("time[title]")["title"])  # type: ignore[index]

    browser.post("/settings", FORM)

    shown = soup(browser.get(job)).select_one("time[title]")
    assert shown is not None
    assert str(shown["title"]).endswith("+07")
    assert str(shown["datetime"]).endswith("Z")


@pytest.mark.parametrize(("zone", "short"), [("UTC", "UTC"), ("Asia/Ho_Chi_Minh", "+07")])
def test_the_zone_that_is_named_is_the_one_times_are_written_in(
    site: Site, browser: Browser, zone: str, short: str
) -> None:
    Process(site.service).catch_up()
    site.service.connection.run(upsert_scheduler(MAIL, "hourly", Repeat(every=3_600_000), now_ms=site.service.clock()))
    browser.post("/settings", {**FORM, "zone": zone})

    page = soup(browser.get("/schedulers"))

    assert f"Times in {zone}" in text_of(page)
    assert re.search(rf"since \d\d:\d\d:\d\d {re.escape(short)}", text_of(page.select_one("table.schedulers")))
    assert f"times are in {zone}" in text_of(soup(browser.get("/metrics")).select_one("main"))


def test_a_zone_does_not_stay_for_the_next_person_of_the_thread(site: Site, browser: Browser) -> None:
    browser.post("/settings", FORM)
    browser.get("/q/mail/job/a")

    other = site.signed_in("viewer").get("/q/mail/job/a")

    assert str(soup(other).select_one("time[title]")["title"]).endswith("UTC")  # type: ignore[index]


@pytest.mark.parametrize(
    "wrong", [{"theme": "pink"}, {"density": "x"}, {"zone": "Mars/Base"}, {"zone": "../etc/passwd"}, {"refresh": "1"}]
)
def test_what_is_not_offered_is_refused_in_words(browser: Browser, wrong: dict[str, str]) -> None:
    answer = browser.post("/settings", {**FORM, **wrong})

    assert answer.status_code == 400
    assert "data-theme" not in browser.get("/").text.partition("<head>")[0]


def test_settings_cost_no_round_trip_of_their_own(site: Site, browser: Browser) -> None:
    connection = site.service.connection

    def trips(path: str) -> int:
        browser.get(path)  # what the sidebar shows is fresh
        site.service.readings.forget()
        before = connection.round_trips
        browser.get(path)
        return connection.round_trips - before

    plain = trips("/")
    browser.post("/settings", FORM)
    browser.post("/settings/pins/billing")

    assert trips("/") == plain == 2  # the sign-in with what was set, and the overview
    assert trips("/settings") == 1


def test_a_damaged_record_counts_as_nothing_set(site: Site, browser: Browser) -> None:
    own = site.service
    fields = {"theme": "x", "density": "y", "zone": "Z/Z", "refresh": "-1", "keys": "", "pin:billing": "x"}
    own.connection.call(own.preferences.save("operator", {**fields, "filter:f": "{", "filter:g": '["a"]'}))

    page = browser.get("/")

    assert page.status_code == 200
    assert browser.get("/settings").status_code == 200
    assert "data-density" not in page.text


def test_a_pinned_queue_leads_the_overview_and_stands_in_the_sidebar(site: Site, browser: Browser) -> None:
    names = [text_of(a) for a in soup(browser.get("/")).select(".queue-name a")]
    assert names == ["billing", "mail"]
    menu = soup(browser.get("/")).select_one("#menu-mail button[formaction$='/settings/pins/mail']")
    assert menu is not None

    answer = browser.post(str(menu["formaction"]), {"next": "/"})

    assert browser.messages(answer) == ["Pinned mail."]
    page = soup(browser.get("/"))
    assert [text_of(a) for a in page.select(".queue-name a")] == ["mail", "billing"]
    assert "Pinned 1 queue" in text_of(page.select_one("tr.group"))
    assert [text_of(a) for a in page.select("nav.pinned a")] == ["mail"]
    assert not soup(site.signed_in("viewer").get("/")).select("nav.pinned")

    browser.post("/settings/pins/mail/remove")
    assert not soup(browser.get("/")).select("nav.pinned")


def test_only_so_many_queues_are_pinned(site: Site, browser: Browser) -> None:
    own = site.service
    own.connection.call(own.preferences.save("operator", {f"pin:q{number}": "1" for number in range(20)}))

    assert browser.post("/settings/pins/mail").status_code == 400
    assert browser.post("/settings/pins/nothing").status_code == 404


def test_the_pin_of_a_queue_that_is_gone_can_be_taken_away(browser: Browser, redis_client: redis.Redis) -> None:
    browser.post("/settings/pins/billing")
    redis_client.delete(*redis_client.keys("bull:billing:*"))
    forms = soup(browser.get("/settings")).select("form[action$='/settings/pins/billing/remove']")
    assert len(forms) == 1

    answer = browser.post(str(forms[0]["action"]))

    assert browser.messages(answer) == ["Unpinned."]
    assert not soup(browser.get("/")).select("nav.pinned")
    assert browser.post("/settings/pins/billing/remove").status_code == 404


def test_pins_that_a_person_is_not_shown_take_no_room(site: Site, browser: Browser) -> None:
    own = site.service
    hidden = {f"pin:other~q{number}": str(number) for number in range(25)}
    own.connection.call(own.preferences.save("operator", hidden))

    assert browser.messages(browser.post("/settings/pins/mail")) == ["Pinned mail."]

    assert [text_of(a) for a in soup(browser.get("/")).select("nav.pinned a")] == ["mail"]
    kept = own.connection.batch(own.preferences.batch("operator"))[0]
    assert set(kept) == {f"pin:other~q{number}" for number in range(5, 25)} | {"pin:mail"}


def test_a_filter_is_saved_from_the_list_it_is_used_in(browser: Browser) -> None:
    form = soup(browser.get("/q/mail/failed?q=name:send")).select_one("form#save-filter")
    assert form is not None
    hidden = {str(one["name"]): str(one["value"]) for one in form.select("input[type=hidden]")}

    answer = browser.post("/settings/filters", {**hidden, "name": " Sent  mail "})

    assert browser.messages(answer) == ["Saved the filter Sent mail."]
    link = soup(browser.get("/")).select_one("nav.pinned a")
    assert link is not None
    assert text_of(link) == "Sent mail"
    assert str(link["href"]) == "/q/mail/failed?q=name:send"
    assert len(soup(browser.get(str(link["href"]))).select("table.jobs tbody tr")) == 1


def test_a_shared_filter_is_seen_by_all_who_see_its_queue_and_recorded(site: Site, browser: Browser) -> None:
    wish = {"name": "Sent", "queue": "mail", "state": "failed", "q": "name:send", "shared": "1"}
    browser.post("/settings/filters", wish)
    admin = site.signed_in("admin")
    viewer = site.signed_in("viewer")
    assert "Shared by operator" in viewer.get("/settings").text
    assert admin.post("/settings/filters", {**wish, "q": "name:other"}).status_code == 400

    assert viewer.post("/settings/filters/remove", {"name": "Sent", "shared": "1"}).status_code == 403
    admin.get("/settings")
    assert admin.post("/settings/filters/remove", {"name": "Sent", "shared": "1"}).status_code == 303

    assert "Shared by" not in viewer.get("/settings").text
    assert [(one.action, one.result) for one in site.audit()] == [
        ("share filter", "done"),
        ("share filter", "refused"),
        ("remove shared filter", "refused"),
        ("remove shared filter", "done"),
    ]


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "x" * 61}, {"state": "x"}, {"q": ""}, {"q": "x" * 401}, {"name": "a\u202eb"}]
)
def test_a_filter_needs_a_name_a_state_and_a_text(browser: Browser, wrong: dict[str, str]) -> None:
    form = {"name": "n", "queue": "mail", "state": "failed", "q": "a"}

    assert browser.post("/settings/filters", {**form, **wrong}).status_code == 400
    assert not soup(browser.get("/")).select("nav.pinned")


def test_what_somebody_set_goes_with_them(site: Site, browser: Browser) -> None:
    browser.post("/settings", FORM)

    site.signed_in("admin").post("/settings/users/operator/remove", {"confirmed": "1"})

    own = site.service
    assert own.connection.batch(own.preferences.batch("operator"))[0] == {}
