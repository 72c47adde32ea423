"""What went wrong in other dashboards of this kind, tried on ours; each test is named after its advisory.

docs/security.md lists them with their references, and ``test_table.py`` compares the two.
"""

import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import redis

from board.addresses import escape
from board.dev.stories import HOSTILE_QUEUE
from board.errors import SettingsError
from board.web.security import inside
from tests.queries.jobs import HOSTILE, NOW, Filler
from tests.security.test_hostile_data import assert_harmless
from tests.security.test_requests import FORM, WHO_MAY, address, snapshot
from tests.web.site import Browser, Site, soup

STATIC = Path(__file__).parents[2] / "static"
ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{9999*9999}}${9999*9999}<%=9999*9999%>",
)


def gets(site: Site) -> Iterator[str]:
    """Yield the address of every page."""
    for endpoint, method in sorted(WHO_MAY):
        if method == "GET" and endpoint not in {"static", "health.live", "health.ready", "health.queues"}:
            yield address(site.app, endpoint)


def assert_reflects_nothing(browser: Browser, path: str, parameter: str) -> None:
    for attack in ATTACKS:
        answer = browser.get(f"{path}?{parameter}={quote(attack)}")
        assert answer.status_code < 500, (path, parameter, attack)
        assert_harmless(soup(answer))


@pytest.fixture
def admin(site: Site) -> Browser:
    site.jobs.failed("1a")
    return site.signed_in()


def test_sidekiq_2015_xss_by_queue_name_class_and_arguments(site: Site, redis_client: redis.Redis) -> None:
    hostile = Filler(redis_client, HOSTILE_QUEUE).open()
    hostile.failed("1a", NOW, name=HOSTILE, data=json.dumps({HOSTILE: HOSTILE}), failedReason=HOSTILE)
    browser = site.signed_in()
    slug = escape(HOSTILE_QUEUE)

    for path in ("/", "/failures", f"/q/{slug}/failed", f"/q/{slug}/job/1a", f"/q/{slug}/manage", f"/flows/{slug}/1a"):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert_harmless(soup(answer))


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_sidekiq_2015_and_bull_board_no_csrf_protection(site: Site, redis_url: str, headers: dict[str, str]) -> None:
    """The case of bull-board: a page elsewhere posts a form that adds a job. Refused, and recorded."""
    site.jobs.waiting("one")
    browser, before = site.signed_in(), snapshot(redis_url)

    answer = browser.client.post("/q/mail/add", data={"name": "evil", "data": "{}"}, headers=headers)

    assert answer.status_code == 403
    assert snapshot(redis_url) == before
    assert [(entry.who, entry.action, entry.result) for entry in site.audit()] == [
        ("admin", "forged request: queues.add_job", "refused")
    ]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_cve_2016_10522_csrf_not_checked_on_other_methods(admin: Browser, redis_url: str, method: str) -> None:
    before = snapshot(redis_url)

    for path in ("/q/mail/job/1a/remove", "/q/mail/pause", "/q/mail/job/1a"):
        assert admin.client.open(path, method=method, data=FORM).status_code in {403, 404, 405}

    assert snapshot(redis_url) == before


@pytest.mark.parametrize("attack", ATTACKS)
def test_cve_2017_12614_xss_on_pages_of_errors(admin: Browser, attack: str) -> None:
    for path in (
        f"/{quote(attack)}",
        f"/q/{quote(attack)}",
        f"/q/mail/{quote(attack)}",
        f"/q/mail/job/{quote(attack)}",
    ):
        answer = admin.get(path)
        assert 400 <= answer.status_code < 500
        assert_harmless(soup(answer))


def test_cve_2017_17835_csrf_that_ends_in_a_command(admin: Browser, redis_url: str) -> None:
    """What a job's data hold is never run, and no form without a token stores any."""
    before = snapshot(redis_url)

    answer = admin.client.post("/q/mail/job/1a/edit", data={**FORM, "data": '{"cmd":"; touch /tmp/x"}'})

    assert answer.status_code == 403
    assert snapshot(redis_url) == before


def test_cve_2017_17836_secrets_on_screen(site: Site, redis_client: redis.Redis) -> None:
    Filler(redis_client).open().failed("1b", NOW, data='{"password":"s3cret-x","redis_url":"redis://a:s3cret-x@h"}')

    for path in ("/q/mail/job/1b", "/q/mail/failed?job=1b", "/q/mail/job/1b/edit", "/failures"):
        assert "s3cret-x" not in site.signed_in().get(path).text


@pytest.mark.parametrize("parameter", ["q", "queue", "only", "sort"])
def test_cve_2017_12097_reflected_xss_in_the_queue_filter(admin: Browser, parameter: str) -> None:
    for path in ("/", "/failures", "/flows"):
        assert_reflects_nothing(admin, path, parameter)


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "\\\\evil.example", "//evil.example", "https:evil.example", "/\t/evil.example"]
)
def test_pysec_2018_54_xss_by_the_address_of_a_redirect(site: Site, target: str) -> None:
    site.signed_in()
    answer = site.browser().get(f"/login?next={quote(target)}")

    assert_harmless(soup(answer))
    assert target not in answer.text


@pytest.mark.parametrize("parameter", ["origin", "next"])
def test_cve_2020_13944_17515_2021_28359_45229_2022_43982_one_parameter_five_times(
    site: Site, admin: Browser, parameter: str
) -> None:
    for path in gets(site):
        answer = admin.get(f"{path}?{parameter}={quote(ATTACKS[1])}")
        assert_harmless(soup(answer))


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/%5cevil.example", "///evil.example/.."])
def test_cve_2022_40754_43985_45402_open_redirects(site: Site, admin: Browser, target: str) -> None:
    for path, form in (("/q/mail/pause", {}), ("/settings/theme", {"theme": "dark"}), ("/q/mail/job/1a/retry", {})):
        answer = admin.post(path, {**form, "next": target})
        assert answer.status_code == 303
        place = urlsplit(answer.headers["Location"])
        assert (place.scheme, place.netloc) == ("", "")
        assert not answer.headers["Location"].startswith("//")
    assert inside(target, "", "/safe") == "/safe"


def test_cve_2021_30151_xss_by_queue_name_in_the_live_poll(site: Site, redis_client: redis.Redis) -> None:
    Filler(redis_client, "<img src=x onerror=alert(1)>").open().waiting("1a", name=HOSTILE)

    tick = site.signed_in().tick("/")

    assert tick.status_code == 200
    assert_harmless(soup(tick))
    assert "<img src=x" not in tick.text


class _Bomb:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return Path.touch, (Path("/tmp/queue-board-bomb"),)  # type: ignore[return-value]


def test_cve_2021_23727_results_that_are_deserialised_and_run(site: Site, redis_client: redis.Redis) -> None:
    Path("/tmp/queue-board-bomb").unlink(missing_ok=True)
    bomb = pickle.dumps(_Bomb())
    mail = Filler(redis_client).open()
    mail.completed("1b", NOW)
    mail.failed("1c", NOW)
    raw = redis.Redis.from_url(site.settings.redis_url)
    for job in ("1b", "1c"):
        for field in ("data", "returnvalue", "opts", "progress", "stacktrace", "failedReason"):
            raw.hset(mail.key(job), field, bomb)
    raw.close()
    browser = site.signed_in()

    for path in ("/q/mail/job/1b", "/q/mail/job/1c", "/q/mail/completed", "/q/mail/failed", "/failures"):
        assert browser.get(path).status_code == 200
    assert not Path("/tmp/queue-board-bomb").exists()


@pytest.mark.parametrize("parameter", ["days", "size", "count", "logs", "attempt", "period", "span", "from", "after"])
@pytest.mark.parametrize("value", ["999999999999", "9" * 400])
def test_cve_2022_23837_and_2023_37279_denial_by_an_unlimited_number(
    site: Site, admin: Browser, parameter: str, value: str
) -> None:
    connection = site.service.connection
    for path in ("/", "/q/mail/failed", "/q/mail/job/1a", "/failures", "/flows", "/audit", "/schedulers"):
        before = connection.round_trips
        answer = admin.get(f"{path}?{parameter}={value}")
        assert answer.status_code in {200, 303, 400, 404}, path
        assert len(answer.data) < 500_000
        assert connection.round_trips - before < 40


def test_cve_2022_30034_open_by_default(make_site: Callable[..., Site], redis_url: str) -> None:
    """Flower: no sign-in unless one was set up, and no token for shutting workers down."""
    site = make_site()
    site.jobs.failed("1a")
    before = snapshot(redis_url)
    for endpoint, method in sorted(WHO_MAY):
        if "nobody" in WHO_MAY[endpoint, method]:
            continue
        path = address(site.app, endpoint)
        answer = site.browser().get(path) if method == "GET" else site.browser().post(path, FORM)
        assert answer.status_code in {303, 403}, endpoint
        assert soup(answer).select("main, table, article") == []
    assert snapshot(redis_url) == before


@pytest.mark.parametrize("name", ["admin@example.com.attacker.example", "xadmin", "admin ", "admin\nx", ".*", "adm*"])
def test_cve_2022_30034_names_that_only_begin_or_end_alike(site: Site, name: str) -> None:
    """Whom a board knows is compared whole, never by a pattern; trimmed, "admin " is admin with a wrong password."""
    site.signed_in()

    assert site.browser().sign_in(name, "not the password").status_code == 401


def test_cve_2022_27949_and_2023_40712_hidden_values_that_can_be_recovered(
    site: Site, redis_client: redis.Redis
) -> None:
    """Neither through the form that edits, nor by moving them, nor by a digest that can be tried against guesses."""
    from board.engine.commands.repairs import digest_of

    stored = '{"pin":"1234","password":"s3cret-x"}'
    Filler(redis_client).open().waiting("1b", data=stored)
    operator = site.signed_in("operator")

    form = operator.get("/q/mail/job/1b/edit")
    moved = operator.post("/q/mail/job/1b/edit", {"data": '{"pin":"1234","note":"[redacted]","password":"[redacted]"}'})

    for answer in (form, moved):
        assert "s3cret-x" not in answer.text
        assert digest_of(stored) not in answer.text
        assert digest_of(stored)[:12] not in answer.text


@pytest.mark.parametrize("parameter", ["period", "from"])
def test_cve_2023_1892_reflected_xss_in_the_period(site: Site, admin: Browser, parameter: str) -> None:
    for path in gets(site):
        answer = admin.get(f"{path}?{parameter}={quote(ATTACKS[0])}")
        assert answer.status_code < 500, path
        assert_harmless(soup(answer))


def test_cve_2023_26141_denial_by_an_interval_of_the_browser() -> None:
    """The interval of the live pages is the server's; no script takes one from what the browser stored."""
    for path in (STATIC / "js").rglob("*.js"):
        for line in path.read_text().splitlines():
            if "localStorage" in line or "sessionStorage" in line:
                assert not any(word in line.lower() for word in ("interval", "second", "settimeout", "poll")), path


@pytest.mark.parametrize("parameter", ["error", "q", "queue", "class", "start", "size", "state"])
def test_cve_2023_50724_50725_50727_reflected_xss_of_failures_and_queues(admin: Browser, parameter: str) -> None:
    for path in ("/failures", "/q/mail/failed", "/q/mail/job/1a"):
        assert_reflects_nothing(admin, path, parameter)


def test_cve_2022_44303_xss_by_arguments_of_a_delayed_job_in_an_address(site: Site, redis_client: redis.Redis) -> None:
    mail = Filler(redis_client).open()
    mail.delayed(HOSTILE, NOW + 5_000, name=HOSTILE, data=json.dumps([HOSTILE]))
    browser = site.signed_in()

    for path in ("/q/mail/delayed", f"/q/mail/job/{quote(escape(HOSTILE))}", f"/q/mail/delayed?job={quote(HOSTILE)}"):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert_harmless(soup(answer))


@pytest.mark.parametrize("parameter", ["substr", "q"])
def test_cve_2024_32887_reflected_xss_in_a_filter(site: Site, admin: Browser, parameter: str) -> None:
    for path in gets(site):
        answer = admin.get(f"{path}?{parameter}={quote(ATTACKS[1])}")
        assert answer.status_code < 500, path
        assert_harmless(soup(answer))


@pytest.mark.parametrize(
    "text", ["*", "x') redis.call('FLUSHALL')--", "\r\nFLUSHALL\r\n", "a:b:meta", "{x}", "$(id)", "[^a]"]
)
def test_cve_2024_25122_a_filter_that_ends_in_redis(admin: Browser, redis_url: str, text: str) -> None:
    before = snapshot(redis_url)

    for path in ("/", "/q/mail/failed", "/failures", "/flows", "/schedulers"):
        for parameter in ("q", "filter", "count", "after", "error"):
            assert admin.get(f"{path}?{parameter}={quote(text)}").status_code < 500
    assert admin.get(f"/q/{quote(escape(text) if ':' not in text else text, safe='')}/failed").status_code in {303, 404}

    assert snapshot(redis_url) == before


@pytest.mark.parametrize("attack", ATTACKS)
def test_cve_2025_67202_xss_by_a_crafted_address_of_a_scheduler(admin: Browser, attack: str) -> None:
    for path in (f"/schedulers?q={quote(attack)}", f"/schedulers/{quote(attack)}", f"/schedulers/mail/{quote(attack)}"):
        answer = admin.get(path)
        assert answer.status_code < 500
        assert_harmless(soup(answer))


def test_cve_2024_56373_and_2026_25917_templates_in_what_is_stored(site: Site, redis_client: redis.Redis) -> None:
    text = "{{ 9999*9999 }}{% set x = 9999*9999 %}{{ config }}${9999*9999}"
    mail = Filler(redis_client, "tpl-{{9999*9999}}").open()
    mail.failed("1b", NOW, f"Error: {text}", name=text, data=json.dumps({"x": text}), failedReason=text)
    redis_client.rpush(mail.key("1b:logs"), text)

    page = soup(site.signed_in().get(f"/q/{escape('tpl-{{9999*9999}}')}/job/1b")).get_text()

    assert page.count("{{ 9999*9999 }}") >= 4
    assert "99980001" not in page  # the product: no figure of the page, such as a time, is that by chance
    assert "SECRET_KEY" not in page


def test_airflow_2026_logs_past_the_permission(make_site: Callable[..., Site], redis_client: redis.Redis) -> None:
    site = make_site(roles="names: view@*")
    mail = Filler(redis_client).open()
    mail.failed("1b", NOW)
    redis_client.rpush(mail.key("1b:logs"), "a line of the log")
    site.service.users.add("ann", "correct horse battery", "names")
    browser = site.browser()
    browser.sign_in("ann")

    for path in ("/q/mail/job/1b", "/q/mail/job/1b?logs=0", "/q/mail/failed?job=1b"):
        assert "a line of the log" not in browser.get(path).text


def test_oban_web_2_12_5_a_viewer_edits_a_job(site: Site, redis_url: str) -> None:
    site.jobs.waiting("one")
    viewer, before = site.signed_in("viewer"), snapshot(redis_url)

    for path in (
        "/q/mail/job/one/edit",
        "/q/mail/job/one/priority",
        "/q/mail/job/one/delay",
        "/q/mail/job/one/duplicate",
    ):
        assert viewer.post(path, FORM).status_code in {200, 403, 409}

    assert snapshot(redis_url) == before


@pytest.mark.parametrize(
    "text", ["* " * 5_000, "*/0 * * * *", "0-99999999 * * * *", "1," * 20_000 + "1 * * * *", "@" * 9_999]
)
def test_oban_web_2_12_5_cron_text_that_eats_memory(admin: Browser, text: str) -> None:
    """A pattern that is worked out instead of refused is a hang, which ends the run of the tests."""
    form: dict[str, Any] = {
        **FORM,
        "id": "evil",
        "scheduler_id": "evil",
        "kind": "pattern",
        "pattern": text,
        "name": "x",
    }
    answer = admin.post(address(admin.client.application, "schedulers.create"), form)

    assert answer.status_code == 400


def test_open_mounts_no_credentials_no_board(make_site: Callable[..., Site]) -> None:
    """Flowise, PatchMon, OpenPanel: a dashboard that was mounted and never closed. Ours is never open."""
    site = make_site()
    for path in ("/", "/queues", "/api/queues", "/dashboard", "/admin/queues", "/horizon", "/flower", "/metrics"):
        answer = site.browser().get(path)
        assert answer.status_code in {303, 403, 404, 401}, path
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert site.browser().get("/healthz").status_code == 200


def test_open_mounts_a_setting_that_makes_no_sense_starts_nothing(make_site: Callable[..., Site]) -> None:
    from board.config import from_environment

    for environment in ({}, {"REDIS_URL": "redis://x", "BOARD_SECRET_KEY": "short"}, {"REDIS_URL": "http://x"}):
        with pytest.raises(SettingsError):
            from_environment(environment)
