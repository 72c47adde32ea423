"""A refresh costs what changed: nothing is sent again, and many who watch cost Redis what one costs."""

import re
from collections.abc import Callable

import pytest
import redis
from werkzeug.test import TestResponse

from board import words
from board.engine.commands.jobs import remove_job
from board.web import filters, language, refreshing, render, urls
from board.web.assets import assets
from tests.queries.jobs import Filler
from tests.web.site import Browser, Site, soup, text_of

PAGES = ("/", "/q/mail/failed", "/q/mail/failed?job=job-1", "/q/mail/job/job-1", "/failures", "/?q=mail&only=trouble")


@pytest.fixture
def watched(site: Site) -> Site:
    """A board with a failed job and one that waits."""
    site.jobs.failed("job-1")
    site.jobs.waiting("job-2")
    return site


def again(browser: Browser, path: str, tag: str) -> TestResponse:
    """Refresh as a browser that shows the answer with this tag."""
    headers = {"HX-Request": "true", "HX-Target": "div#live", "If-None-Match": tag}
    return browser.get(path, **headers)


@pytest.mark.parametrize("path", [*PAGES, "/alerts", "/settings/users", "/settings/tokens"])
def test_a_refresh_that_changes_nothing_sends_nothing(watched: Site, path: str) -> None:
    browser = watched.signed_in()
    tag = browser.tick(path).headers["ETag"]

    answer = again(browser, path, tag)

    assert tag.startswith('W/"')
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == tag
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_refusal_is_told_again_as_what_it_is(watched: Site) -> None:
    browser = watched.signed_in("admin")
    refresh = {"HX-Request": "true", "HX-Target": "div#live"}
    form = {"token": "", "role": "viewer", "days": "0"}
    refused = browser.post("/settings/tokens", form, **refresh)

    told = browser.post("/settings/tokens", form, **refresh, **{"If-None-Match": refused.headers["ETag"]})

    assert (refused.status_code, told.status_code) == (400, 400)
    assert soup(told).select('[role="alert"]')


def first(browser: Browser, path: str) -> tuple[str, dict[str, str]]:
    """Open a page, and return the tag that it carries and what its first refresh says of it."""
    page = soup(browser.get(path))
    kept = page.select_one("#live [data-kept]")
    headers = {
        "HX-Request": "true",
        "HX-Target": "div#live",
        **({"Board-Kept": str(kept["data-kept"])} if kept else {}),
    }
    return str(page.select("body")[0]["data-tag"]), headers


@pytest.mark.parametrize("path", [*PAGES, "/workers", "/schedulers", "/metrics", "/audit"])
def test_already_the_first_refresh_of_a_page_sends_nothing_when_nothing_changed(watched: Site, path: str) -> None:
    browser = watched.signed_in()
    tag, headers = first(browser, path)

    answer = browser.get(path, **headers, **{"If-None-Match": tag})

    assert (answer.status_code, answer.data) == (304, b"")


@pytest.mark.parametrize("path", PAGES)
def test_another_process_answers_a_refresh_with_the_same_tag(
    watched: Site, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process has its own stand-in for the form token."""
    watched.service.readings._seconds = 0
    browser = watched.signed_in()
    tag, headers = first(browser, path)
    monkeypatch.setattr(refreshing, "TOKEN_PLACE", "0" * 48)
    monkeypatch.setattr(refreshing, "KEPT_PLACE", "0" * 48 + "-kept")
    monkeypatch.setitem(watched.app.jinja_env.globals, "token_place", "0" * 48)

    assert browser.get(path, **headers, **{"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("path", PAGES)
def test_time_that_the_browser_counts_on_is_no_change(
    watched: Site, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.service.readings._seconds = 0
    moment = watched.service.clock()
    browser = watched.signed_in()
    texts, tags = [], []
    for later in (2_000, 14_000):
        monkeypatch.setattr(watched.service, "clock", lambda at=moment + later: at)
        answer = browser.tick(path)
        texts.append(re.sub(r'value="[^"]+"|data-now="\d+"', "", answer.text))
        tags.append(answer.headers["ETag"])

    assert texts[0] != texts[1], "the page shows no age at all"
    assert tags[0] == tags[1]


def test_a_date_that_the_browser_does_not_count_on_is_a_change(watched: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = watched.signed_in()
    moment = watched.service.clock()
    tags = []
    for later in (0, 3 * 86_400_000):
        monkeypatch.setattr(watched.service, "clock", lambda at=moment + later: at)
        browser = watched.signed_in()
        tags.append(browser.tick("/q/mail/failed").headers["ETag"])

    assert tags[0] != tags[1]


@pytest.mark.parametrize("path", PAGES)
def test_a_refresh_after_a_change_brings_it(watched: Site, path: str) -> None:
    watched.service.readings._seconds = 0
    browser = watched.signed_in()
    tag = browser.tick(path).headers["ETag"]

    watched.service.connection.call(remove_job(watched.jobs.queue, "job-1"))

    answer = again(browser, path, tag)
    assert answer.status_code in {200, 404}
    assert answer.headers.get("ETag") != tag


def test_who_signed_in_anew_gets_forms_that_work(watched: Site) -> None:
    browser = watched.signed_in()
    tag = browser.tick("/").headers["ETag"]

    browser.post("/logout")
    browser.sign_in("admin")

    assert again(browser, "/", tag).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_the_forms_of_a_refresh_work(watched: Site, path: str) -> None:
    browser = watched.signed_in()

    for _ in range(2):
        answer = browser.tick(path)
        tokens = [str(one["value"]) for one in soup(answer).select("input[name=csrf_token]")]
        assert tokens
        for token in set(tokens):
            assert browser.post("/settings/theme", {"csrf_token": token, "theme": "dark"}).status_code == 303


def test_a_refresh_leaves_out_the_dialogs_that_the_page_has_until_they_change(
    watched: Site, redis_client: redis.Redis
) -> None:
    browser, path = watched.signed_in(), "/q/mail/failed"

    def has_dialogs(kept: str) -> bool:
        headers = {"HX-Request": "true", "HX-Target": "div#live", "Board-Kept": kept}
        page = soup(browser.get(path, **headers))
        assert len(page.select("#dialogs")) == 1
        return bool(page.select("dialog"))

    def tag() -> str:
        return str(soup(browser.get(path)).select_one("#dialogs")["data-kept"])  # type: ignore[index] # there is one

    before = tag()
    watched.jobs.waiting("job-3")
    assert not has_dialogs(before)
    assert has_dialogs("")
    redis_client.hset("bull:mail:meta", "concurrency", 3)
    assert has_dialogs(before)
    now = tag()
    assert not has_dialogs(now)
    browser.post("/logout")
    browser.sign_in("admin")
    assert has_dialogs(now), "the forms of another sign-in would not work"


@pytest.mark.parametrize(
    ("role", "dialogs"),
    [
        ("viewer", set()),
        ("operator", {"rate-limit", "concurrency"}),
        ("admin", {"rate-limit", "concurrency", "drain", "clean", "obliterate"}),
    ],
)
def test_who_may_not_gets_no_dialog_and_is_told_why(
    make_site: Callable[..., Site], role: str, dialogs: set[str]
) -> None:
    site = make_site()
    site.jobs.failed("job-1")

    page = soup(site.signed_in(role).get("/q/mail/failed"))

    assert {str(one["id"]) for one in page.select("dialog.sheet")} == dialogs
    assert {str(one["popovertarget"]) for one in page.select("#queue-menu [popovertarget]")} == dialogs
    assert len(page.select("#queue-menu [aria-disabled=true]")) == 5 - len(dialogs)


def test_what_one_may_do_is_not_shown_to_another(watched: Site) -> None:
    """Both refresh within the same second, so they share the reading and must not share the page."""
    admin, viewer = watched.signed_in("admin"), watched.signed_in("viewer")
    watched.service.readings._seconds = 60

    pages = {"admin": admin.tick("/"), "viewer": viewer.tick("/"), "admin again": admin.tick("/")}

    assert "Your role is viewer" in pages["viewer"].text
    assert "Your role" not in pages["admin"].text + pages["admin again"].text
    assert again(viewer, "/", pages["admin"].headers["ETag"]).status_code == 200


class Counted:
    """Commands that the server carried out for scripts and clients, by name."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def scripts(self) -> int:
        """Return how many scripts ran so far."""
        stats = self._client.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval", "evalsha_ro"))

    def commands(self) -> int:
        """Return how many commands were carried out, those inside scripts included, but not our own."""
        stats = self._client.info("commandstats")
        return sum(int(one["calls"]) for name, one in stats.items() if name != "cmdstat_info")


@pytest.fixture
def counted(redis_client: redis.Redis) -> Counted:
    return Counted(redis_client)


def test_many_who_watch_cost_redis_what_one_costs(watched: Site, counted: Counted) -> None:
    watched.service.readings._seconds = 60
    people = [watched.signed_in(role) for role in ("admin", "viewer", "operator", "admin")]
    people[0].get("/")
    before = counted.scripts()

    for _ in range(5):
        for person in people:
            assert person.tick("/").status_code == 200

    assert counted.scripts() == before


def test_twenty_who_watch_a_hundred_queues_cost_less_than_two(
    watched: Site, counted: Counted, redis_client: redis.Redis
) -> None:
    for number in range(100):
        Filler(redis_client, f"queue-{number}").open()
    people = [watched.signed_in() for _ in range(20)]
    people[0].get("/")
    readings = watched.service.readings
    readings._seconds = 0
    before = counted.commands()
    people[0].tick("/")
    one = counted.commands() - before

    readings._seconds = 60
    people[0].tick("/")
    before = counted.commands()
    for person in people:
        assert person.tick("/").status_code == 200

    assert one + counted.commands() - before < 2 * one


def test_who_opens_the_page_sees_it_as_it_was_a_second_ago_at_most(watched: Site, counted: Counted) -> None:
    now = [100.0]
    watched.service.readings._timer = lambda: now[0]
    one, other = watched.signed_in(), watched.signed_in()
    now[0] += 10
    before = counted.scripts()
    one.get("/")
    cost = counted.scripts() - before

    now[0] += 0.99
    assert "queue-mail" in other.get("/").text + one.get("/?sort=failed").text
    assert counted.scripts() == before + cost
    now[0] += 0.02
    other.get("/")

    assert counted.scripts() == before + 2 * cost
    assert cost >= 1


def test_who_acted_opens_the_page_as_it_is_now_whoever_answers(make_site: Callable[..., Site], watched: Site) -> None:
    process = make_site(secret_key=watched.settings.secret_key)
    process.service.readings._timer = lambda: 100.0
    process.signed_in("viewer").get("/")
    one = watched.signed_in("admin")
    one.post("/q/mail/pause")

    there = process.browser()
    there.client._cookies = one.client._cookies  # the same browser, answered by another process

    assert "Paused 1" in text_of(soup(there.get("/")).select_one("form.tools"))


def test_an_opened_page_has_the_region_of_a_refresh_with_forms_of_its_own(
    watched: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.service.readings._timer = lambda: 100.0
    admin, viewer, moment = watched.signed_in("admin"), watched.signed_in("viewer"), watched.service.clock()
    rendered = soup(admin.tick("/")).select_one("#live")
    assert rendered is not None
    tokens = set()
    for later in (0, 4_000):
        monkeypatch.setattr(watched.service, "clock", lambda at=moment + later: at)
        page = soup(admin.get("/"))
        region = page.select_one("#live")
        assert region is not None
        assert int(str(region["data-now"])) == moment + later
        assert text_of(region) == text_of(rendered)
        assert len(page.select("title")) == len(page.select("main")) == 1
        tokens |= {str(one["value"]) for one in page.select("input[name=csrf_token]")}

    assert len(tokens) == 2, "one for each answer, and for nothing else"
    assert "Your role is viewer" in viewer.get("/").text
    assert "Your role" not in admin.get("/").text
    for token in tokens:
        assert admin.post("/settings/theme", {"csrf_token": token, "theme": "dark"}).status_code == 303


@pytest.mark.parametrize(("own", "interval"), [("0", 5.0), ("2", 2.0), ("60", 5.0)])
def test_what_is_shared_is_an_interval_of_refreshes_old_at_most(
    watched: Site, counted: Counted, own: str, interval: float
) -> None:
    """Of the board's own interval, or of the person's where that is shorter."""
    watched.service.connection.call(watched.service.preferences.save("admin", {"refresh": own}))
    now = [100.0]
    watched.service.readings._timer = lambda: now[0]
    browser = watched.signed_in()
    browser.tick("/")
    before = counted.scripts()

    now[0] += interval - 0.01
    browser.tick("/")
    assert counted.scripts() == before
    now[0] += 0.02
    browser.tick("/")

    assert counted.scripts() > before


def test_who_acts_sees_it_at_once_and_so_does_everybody(watched: Site, counted: Counted) -> None:
    watched.service.readings._seconds = 60
    one, other = watched.signed_in("admin"), watched.signed_in("viewer")
    for person in (one, other):
        assert "Paused 0" in text_of(soup(person.tick("/")).select_one("form.tools"))

    one.post("/q/mail/pause")

    for person in (one, other):
        assert "Paused 1" in text_of(soup(person.tick("/")).select_one("form.tools"))


def test_who_just_acted_is_shown_nothing_that_another_process_read_before(
    make_site: Callable[..., Site], watched: Site
) -> None:
    process = make_site(secret_key=watched.settings.secret_key)
    now = [100.0]
    process.service.readings._timer = lambda: now[0]
    watcher, one = process.signed_in("viewer"), watched.signed_in("admin")
    watcher.tick("/")
    one.post("/q/mail/pause")

    now[0] += 1.01  # not yet an interval
    there = process.browser()
    there.client._cookies = one.client._cookies  # the same browser, answered by another process

    assert "Paused 1" in text_of(soup(there.tick("/")).select_one("form.tools"))


@pytest.mark.parametrize(
    ("role", "path", "form"),
    [
        ("admin", "/settings/theme", {"theme": "dark"}),
        ("viewer", "/q/mail/pause", {}),
        ("admin", "/q/mail/concurrency", {"concurrency": "x"}),
    ],
)
def test_what_changes_no_queue_costs_nobody_a_new_reading(
    watched: Site, counted: Counted, role: str, path: str, form: dict[str, str]
) -> None:
    watched.service.readings._seconds = 60
    one, other = watched.signed_in(role), watched.signed_in("operator")
    other.tick("/")
    one.post(path, form)
    before = counted.scripts()

    for person in (one, other):
        assert person.tick("/").status_code == 200

    assert counted.scripts() == before


def test_a_shared_region_tells_the_time_of_each_answer(watched: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.service.readings._seconds = 60
    browser, moment = watched.signed_in(), watched.service.clock()
    told, tags = [], []
    for later in (0, 4_000):
        monkeypatch.setattr(watched.service, "clock", lambda at=moment + later: at)
        answer = browser.tick("/")
        told.append(int(str(soup(answer).select_one("#live")["data-now"])))  # type: ignore[index] # there is one
        tags.append(answer.headers["ETag"])

    assert told == [moment, moment + 4_000]
    assert tags[0] == tags[1]


def test_two_who_arrange_the_overview_otherwise_cost_one_reading(watched: Site, counted: Counted) -> None:
    watched.service.readings._seconds = 60
    one, other = watched.signed_in("admin"), watched.signed_in("viewer")
    own = watched.service
    own.connection.call(own.preferences.pin("viewer", "mail", 1))
    one.tick("/")
    before = counted.scripts()

    pages = [person.tick(f"/?{asked}").text for person in (one, other) for asked in ("", "sort=failed&page=1", "q=no")]

    assert counted.scripts() == before
    assert len(set(pages)) == 6


def test_boards_that_show_other_queues_share_nothing(make_site: Callable[..., Site]) -> None:
    everything, limited = make_site(), make_site(queues=("other-*",))
    everything.jobs.failed("job-1")
    for site in (everything, limited):
        site.service.readings._seconds = 60

    assert "queue-mail" in everything.signed_in().tick("/").text
    assert "queue-mail" not in limited.signed_in().tick("/").text


@pytest.mark.parametrize("code", words.LANGUAGES)
def test_ages_are_looked_for_by_what_all_of_them_begin_with(code: str) -> None:
    """Otherwise the pattern is tried at each letter of a page, which took longer than rendering it."""
    words.speak(language.load(code))
    try:
        pattern = filters.counted_on().pattern
    finally:
        words.speak(words.ENGLISH)

    assert pattern.startswith(b"data-(")
    assert b"|data-" not in pattern


def test_a_page_asks_once_what_its_links_and_templates_depend_on(
    watched: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, asked = watched.signed_in(), list[str]()

    def counting(name: str, ask: Callable[..., object]) -> Callable[..., object]:
        def counted(*given: object) -> object:
            asked.append(name)
            return ask(*given)

        return counted

    monkeypatch.setattr(urls, "assets", counting("files", assets))
    monkeypatch.setattr(render, "_told", counting("globals", render._told))

    assert browser.get("/q/mail/failed").text.count("href=") > 50

    assert sorted(asked) == ["files", "globals"]
