"""The page of alerts: rules are tried and kept, silences and channels made, and no secret is ever shown again."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import pytest
import redis

from board.alerts.rules import MOST_RULES, Rule
from board.background import Turn
from board.engine.calls import Call
from board.watcher.watch import Watcher
from tests.alerts.receiving import Receiver
from tests.web.site import PASSWORD, Browser, Site, soup, text_of

RULE = {"watch": "depth", "glob": "*", "limit": "2", "lasts": "", "severity": "critical", "title": "Mail is behind"}
CANARY = "canary-7c1d-signing-secret"
HOOK = {"channel": "ops", "how": "webhook", "signing_secret": CANARY}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


def look(site: Site) -> None:
    own = site.service
    own.sources.forget()
    turn = Turn(1, is_first=True, keep=lambda: None, ending=threading.Event())
    Watcher(own.connection, own.namespace, own.sources, own.clock, "production").step(turn)


def main(browser: Browser, path: str = "/alerts") -> str:
    return text_of(soup(browser.get(path)).select_one("main"))


def rules(site: Site) -> list[Rule]:
    return site.service.connection.call(site.service.alerts.rules())


def test_an_empty_page_says_what_a_rule_is(site: Site) -> None:
    words = main(site.signed_in("viewer"))

    assert "Nothing fires." in words
    assert "No rules yet" in words
    assert "No channels" in words


def test_a_rule_is_made_fires_and_shows_its_sentence(site: Site) -> None:
    browser = site.signed_in()
    for number in range(3):
        site.jobs.waiting(f"w{number}")

    answer = browser.post("/alerts/new", RULE)
    assert browser.messages(answer) == ["Kept: More than 2 jobs open in all queues."]
    look(site)

    words = main(browser)
    assert "Fires Mail is behind mail has 3 open jobs" in words
    assert "Firing" in words
    (rule,) = rules(site)
    assert "mail has 3 open jobs" in main(browser, f"/alerts/{rule.id}")
    assert [(entry.action, entry.who, entry.result) for entry in site.audit()] == [("make alert", "admin", "done")]


def strip(browser: Browser) -> list[str]:
    """Return the lines of what needs attention on the overview."""
    return [text_of(line) for line in soup(browser.get("/")).select(".attention > li")]


def test_what_fires_stands_first_among_what_needs_attention(site: Site) -> None:
    browser = site.signed_in()
    for number in range(3):
        site.jobs.waiting(f"w{number}")
    browser.post("/alerts/new", RULE)
    browser.post("/alerts/new", {**RULE, "title": "Only told", "severity": "info"})
    look(site)
    (rule, told) = rules(site)

    lines = strip(browser)

    assert lines[0].startswith("Mail is behind fires: mail has 3 open jobs")
    assert lines[1].startswith("mail has no workers")
    assert lines[2].startswith("Only told fires: mail has 3 open jobs")
    links = [link["href"] for link in soup(browser.get("/")).select(".attention a.button")]
    assert (links[0], links[2]) == (f"/alerts/{rule.id}", f"/alerts/{told.id}")
    browser.post("/alerts/silences", {"rule": rule.id, "glob": "*", "until": "1h", "why": "known"})
    look(site)
    assert [line for line in strip(browser) if "Mail is behind" in line] == []


def test_what_is_only_told_is_counted_as_no_warning(site: Site) -> None:
    browser = site.signed_in()
    site.jobs.waiting("w")
    rule = {**RULE, "limit": "0"}
    browser.post("/alerts/new", {**rule, "severity": "warn"})
    for number in range(2):
        browser.post("/alerts/new", {**rule, "title": f"Only told {number}", "severity": "info"})
    look(site)

    assert len([line for line in strip(browser) if "fires" in line]) == 3
    tags = soup(browser.get("/")).select("#attention header .tag")
    assert [text_of(tag) for tag in tags] == ["1 critical", "1 warning"]


def test_alerts_that_find_no_place_are_found_among_the_alerts(site: Site) -> None:
    browser = site.signed_in()
    site.jobs.waiting("w")
    for number in range(9):
        browser.post("/alerts/new", {**RULE, "limit": "0", "title": f"Told {number}", "severity": "info"})
    look(site)

    (more,) = soup(browser.get("/")).select(".attention a.muted")

    assert (text_of(more), more["href"]) == ("and 2 more alerts", "/alerts")
    assert all(f"Told {number}" in main(browser) for number in range(9))


def test_what_fired_when_somebody_looked_last_is_not_said_to_fire_now(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that looks may be gone for good, as on a board that was made read-only."""
    browser = site.signed_in()
    for number in range(3):
        site.jobs.waiting(f"w{number}")
    browser.post("/alerts/new", RULE)
    look(site)
    moment = site.service.clock()

    shown = []
    for later in (60_000, 180_000):
        monkeypatch.setattr(site.service, "clock", lambda at=moment + later: at)
        site.service.readings.forget()
        shown.append(any("fires" in line for line in strip(site.signed_in())))

    assert shown == [True, False]


def test_what_fires_about_a_queue_that_is_not_shown_needs_nobodys_attention(make_site: Callable[..., Site]) -> None:
    site = make_site(roles="tenant: viewer@film")
    for number in range(3):
        site.jobs.waiting(f"w{number}")
    site.signed_in().post("/alerts/new", RULE)
    look(site)
    site.service.users.add("ann", PASSWORD, "tenant")
    ann = site.browser()
    ann.sign_in("ann")

    assert [line for line in strip(ann) if "fires" in line] == []
    assert [line for line in strip(site.signed_in("operator")) if "fires" in line]


def test_a_rule_is_changed_under_its_id(site: Site) -> None:
    browser = site.signed_in()
    browser.post("/alerts/new", RULE)
    (rule,) = rules(site)

    page = soup(browser.get(f"/alerts/{rule.id}"))
    assert page.select_one("input[name=limit]")["value"] == "2"  # type: ignore[index]
    browser.post(f"/alerts/{rule.id}", {**RULE, "watch": "oldest", "limit": "15min"})

    (changed,) = rules(site)
    assert (changed.id, changed.kind, changed.threshold, changed.made_by) == (rule.id, "oldest", 900_000, "admin")
    assert "before: More than 2 jobs open" in site.audit()[-1].detail


def test_trying_a_rule_keeps_nothing(site: Site) -> None:
    browser = site.signed_in()
    site.jobs.waiting("w1")
    site.service.sources.forget()

    answer = browser.post("/alerts/new", {**RULE, "try": "1"})

    assert "Nothing was recorded yet" in text_of(soup(answer).select_one("main"))
    assert soup(answer).select_one("input[name=title]")["value"] == "Mail is behind"  # type: ignore[index]
    assert rules(site) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"limit": "many"}, "The limit is a whole number"),
        ({"watch": "oldest", "limit": "soon"}, "no length of time"),
        ({"watch": "moon"}, "nothing called"),
        ({"severity": "loud"}, "How bad it is"),
        ({"glob": "a b"}, "one name or glob"),
        ({"lasts": "9days"}, "two days at most"),
        ({"remind": "5"}, "Reminders"),
        ({"watch": "failures", "limit": "120"}, "The limit of “Share of failures”"),
    ],
)
def test_what_makes_no_sense_is_said_and_what_was_typed_stays(site: Site, wrong: dict[str, str], said: str) -> None:
    browser = site.signed_in()

    answer = browser.post("/alerts/new", {**RULE, **wrong})

    assert answer.status_code == 400
    assert said in text_of(soup(answer).select_one("[role=alert]"))
    assert soup(answer).select_one("input[name=title]")["value"] == "Mail is behind"  # type: ignore[index]
    assert rules(site) == []


def test_rules_are_bounded_in_number(site: Site) -> None:
    for number in range(MOST_RULES):
        site.service.connection.call(site.service.alerts.put_rule(Rule(f"r{number}", "depth")))
    browser = site.signed_in()

    answer = browser.post("/alerts/new", RULE)

    assert f"There are {MOST_RULES} rules already" in answer.text
    assert len(rules(site)) == MOST_RULES


def test_a_rule_for_a_channel_that_is_gone_is_not_kept(site: Site) -> None:
    answer = site.signed_in().post("/alerts/new", {**RULE, "tell": "gone"})

    assert answer.status_code == 400
    assert "There is no channel 'gone'" in text_of(soup(answer).select_one("[role=alert]"))
    assert rules(site) == []


def test_where_channels_lead_is_for_those_who_may_change_them(site: Site) -> None:
    site.signed_in().post("/alerts/channels", {**HOOK, "target": "https://hooks.example.com/x"})

    seen = {role: site.signed_in(role).get("/api/v1/alerts").text for role in ("viewer", "operator", "admin")}

    assert "hooks.example.com" in seen["admin"]
    assert "hooks.example.com" not in seen["viewer"] + seen["operator"]
    assert "ops" in seen["viewer"]


def test_the_past_of_a_quiet_rule_is_told_however_loud_another_is(site: Site) -> None:
    browser = site.signed_in()
    for number in range(3):
        site.jobs.waiting(f"w{number}")
    browser.post("/alerts/new", RULE)
    look(site)
    (rule,) = rules(site)
    own = site.service
    (fired,) = own.connection.call(own.alerts.history())
    loud = json.dumps({**asdict(fired), "rule": "loud"})
    own.connection.call(Call(("LPUSH", f"{own.alerts.prefix}history", *[loud] * 200), int))

    assert "It has not fired yet" not in main(browser, f"/alerts/{rule.id}")
    assert own.connection.call(own.alerts.history())[-1].rule == "loud"


def test_the_history_is_read_once_and_by_pages_alone_that_tell_of_it(site: Site, redis_client: redis.Redis) -> None:
    browser = site.signed_in()
    site.service.connection.call(site.service.alerts.put_rule(Rule("r1", "depth")))

    def reads(path: str, **form: str) -> int:
        redis_client.config_resetstat()
        assert (browser.post(path, form) if form else browser.get(path)).status_code in {200, 400}
        return int(redis_client.info("commandstats").get("cmdstat_lrange", {"calls": 0})["calls"])

    assert {path: reads(path) for path in ("/alerts", "/alerts/r1", "/alerts/new")} == {
        "/alerts": 1,
        "/alerts/r1": 1,
        "/alerts/new": 0,
    }
    assert reads("/alerts/new", limit="nonsense") == 0
    assert reads("/alerts/r1", limit="nonsense") == 1


def test_an_operator_silences_and_a_viewer_does_not(site: Site) -> None:
    form = {"glob": "mail", "until": "4h", "reason": "moving house"}
    operator = site.signed_in("operator")

    operator.post("/alerts/silences", form)
    assert site.signed_in("viewer").post("/alerts/silences", form).status_code == 403
    assert operator.post("/alerts/new", RULE).status_code == 403

    (one,) = site.service.connection.call(site.service.alerts.silences())
    assert (one.queues, one.by, one.why) == ("mail", "operator", "moving house")
    assert "moving house" in main(operator)
    operator.post(f"/alerts/silences/{one.id}/end")
    assert site.service.connection.call(site.service.alerts.silences()) == []
    silenced = site.audit()[0]
    assert (silenced.detail, silenced.reason) == ("all rules for mail, 4 h", "moving house")
    assert [(entry.who, entry.action, entry.result) for entry in site.audit()] == [
        ("operator", "silence alerts", "done"),
        ("viewer", "silence alerts", "refused"),
        ("operator", "make alert", "refused"),
        ("operator", "end silence", "done"),
    ]


def test_who_has_some_queues_silences_one_of_these_and_sees_no_other(make_site: Callable[..., Site]) -> None:
    site = make_site(roles="tenant: operator@mail")
    for queue in ("mail", "theirs"):
        site.jobs.queue = type(site.jobs.queue)("bull", queue)
        for number in range(3):
            site.jobs.waiting(f"w{number}")
    site.signed_in().post("/alerts/new", {**RULE, "title": ""})
    look(site)
    site.service.users.add("ten", PASSWORD, "tenant")
    browser = site.browser()
    browser.sign_in("ten")

    words = main(browser)
    assert "mail has 3 open jobs" in words
    assert "theirs" not in browser.get("/alerts").text
    (rule,) = rules(site)
    assert "theirs" not in browser.get(f"/alerts/{rule.id}").text

    assert browser.post("/alerts/silences", {"glob": "*", "until": "1h"}).status_code == 403
    assert browser.post("/alerts/silences", {"glob": "theirs", "until": "1h"}).status_code == 403
    assert browser.post("/alerts/silences", {"glob": "mail", "until": "1h"}).status_code == 303


def test_a_test_message_arrives_and_is_recorded(make_site: Callable[..., Site], receiver: Receiver) -> None:
    site = make_site(outbound_allow=f"{receiver.url}=private")
    browser = site.signed_in()
    browser.post("/alerts/channels", {**HOOK, "target": f"{receiver.url}/in/secret-path"})
    (channel,) = site.service.connection.call(site.service.alerts.channels())

    answer = browser.post(f"/alerts/channels/{channel.id}/test")

    assert browser.messages(answer)[-1] == "The test message was taken."
    (got,) = receiver.received
    assert got.json["event"] == "test"
    assert "x-queue-board-signature" in got.headers
    assert site.audit()[-1].action == "test channel"


def test_a_test_message_that_does_not_arrive_says_why(make_site: Callable[..., Site], receiver: Receiver) -> None:
    site = make_site(outbound_allow=f"{receiver.url}=private")
    browser = site.signed_in()
    browser.post("/alerts/channels", {**HOOK, "target": f"{receiver.url}/in/secret-path"})
    (channel,) = site.service.connection.call(site.service.alerts.channels())
    receiver.status = 500

    *_, said = browser.messages(browser.post(f"/alerts/channels/{channel.id}/test"))

    assert "answered 500" in said
    assert "secret-path" not in said
    assert site.audit()[-1].result == "refused"


def test_a_channel_that_may_not_be_called_says_so_on_the_page(site: Site) -> None:
    browser = site.signed_in()
    browser.post("/alerts/channels", {**HOOK, "target": "https://hooks.example.com/in/secret-path"})

    assert "https://hooks.example.com is not among the places that BOARD_OUTBOUND_ALLOW names." in main(browser)


def test_a_secret_that_the_board_made_is_shown_once(site: Site) -> None:
    browser = site.signed_in()

    answer = browser.post("/alerts/channels", {**HOOK, "signing_secret": "", "target": "https://hooks.example.com/in"})

    (channel,) = site.service.connection.call(site.service.alerts.channels())
    assert len(channel.secret) >= 32
    assert channel.secret in answer.text
    assert channel.secret not in browser.get("/alerts").text


def test_no_secret_of_a_channel_is_in_any_answer_or_log(
    make_site: Callable[..., Site], receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    password = "canary-9d2e-mail-password"
    site = make_site(smtp_url=f"smtp://board:{password}@127.0.0.1:1", mail_from="board@example.com")
    browser = site.signed_in()
    made = browser.post("/alerts/channels", {**HOOK, "target": f"{receiver.url}/canary-path"})
    browser.post("/alerts/channels", {"channel": "people", "how": "email", "target": "ann@example.com"})
    channels = site.service.connection.call(site.service.alerts.channels())
    browser.post("/alerts/new", {**RULE, "tell": [channel.id for channel in channels]})
    (rule,) = rules(site)
    assert len(rule.channels) == len(channels) == 2
    said = [made.text]
    for channel in channels:
        said += browser.messages(browser.post(f"/alerts/channels/{channel.id}/test"))
    said += [browser.get(path).text for path in ("/alerts", "/alerts/new", f"/alerts/{rule.id}", "/audit")]
    said += [browser.get(f"/api/v1/alerts{path}").text for path in ("", "/history")]
    said += [browser.get("/api/v1/audit").text, caplog.text, repr(channels), repr(site.service.settings)]

    for one in said:
        assert CANARY not in one
        assert password not in one
        assert "canary-path" not in one


def test_hostile_names_are_text(site: Site) -> None:
    browser = site.signed_in()
    browser.post("/alerts/new", {**RULE, "title": "<script>alert(1)</script>", "glob": '"><img>'})

    page = soup(browser.get("/alerts"))

    assert page.select_one("main script, main img") is None
    assert "<script>alert(1)</script>" in text_of(page.select_one("main"))


def ask(site: Site, method: str, path: str, role: str = "admin", **body: Any) -> Any:
    """Ask the API with a token of that role."""
    known = {token.name for _, token, _ in site.service.tokens.all()}
    name = f"bot-{role}-{len(known)}"
    token = site.service.tokens.make(name, role, queues=(), only_reads=False, days=1, made_by="test")
    answer = site.app.test_client().open(
        f"/api/v1{path}", method=method, json=body or None, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200, answer.text
    return answer.json


def test_a_program_does_all_that_a_person_does(make_site: Callable[..., Site], receiver: Receiver) -> None:
    site = make_site(outbound_allow=f"{receiver.url}=private")
    for number in range(3):
        site.jobs.waiting(f"w{number}")
    channel = ask(site, "POST", "/alerts/channels", name="ops", kind="webhook", target=f"{receiver.url}/in")
    assert channel["secret"]
    ask(site, "POST", f"/alerts/channels/{channel['id']}/test")
    rule = ask(site, "POST", "/alerts/rules", watch="depth", limit=2, channels=[channel["id"]])
    look(site)

    told = ask(site, "GET", "/alerts", role="viewer")
    assert [one["words"] for one in told["firing"]] == ["mail has 3 open jobs"]
    assert [(one["state"], one["tells"]) for one in told["rules"]] == [("firing", ["ops"])]
    assert [one["what"] for one in ask(site, "GET", "/alerts/history")["changes"]] == ["fired"]
    site.service.sources.forget()
    tried = ask(site, "GET", "/alerts/trial?watch=depth&limit=5")
    assert tried["sentence"] == "Nothing was recorded yet, so there is nothing to try it against."

    made = ask(site, "POST", "/alerts/silences", role="operator", queues="*", length_ms=60_000)
    ask(site, "POST", f"/alerts/silences/{made['id']}/end", role="operator")
    ask(site, "POST", "/alerts/rules", id=rule["id"], watch="depth", limit=7)
    assert [one.threshold for one in rules(site)] == [7]
    ask(site, "POST", f"/alerts/rules/{rule['id']}/remove")
    ask(site, "POST", f"/alerts/channels/{channel['id']}/remove")
    assert ask(site, "GET", "/alerts")["rules"] == ask(site, "GET", "/alerts")["channels"] == []


def test_removing_a_rule_and_a_channel_asks_first(make_site: Callable[..., Site], receiver: Receiver) -> None:
    site = make_site(outbound_allow=f"{receiver.url}=private")
    admin = site.signed_in()
    admin.post("/alerts/channels", {**HOOK, "target": f"{receiver.url}/in"})
    (channel,) = site.service.connection.call(site.service.alerts.channels())
    admin.post("/alerts/new", {**RULE, "tell": channel.id})
    (rule,) = rules(site)

    for path, told in (
        (f"/alerts/channels/{channel.id}/remove", "Remove the channel ops? Rules that tell it 1 Mail is behind"),
        (f"/alerts/{rule.id}/remove", "Remove the rule “Mail is behind”? More than 2 jobs open in all queues"),
    ):
        asked = soup(admin.post(path)).select_one("main form.message")
        assert asked is not None
        assert told in text_of(asked)
        fields = {str(one["name"]): str(one.get("value", "")) for one in asked.select("input")}
        assert site.audit()[-1].action in {"make alert", "remove channel"}
        assert admin.post(str(asked["action"]), {**fields, "reason": "moved"}).status_code == 303
        assert site.audit()[-1].reason == "moved"
        assert site.signed_in("operator").post(path).status_code == 403

    assert rules(site) == []
    assert site.service.connection.call(site.service.alerts.channels()) == []


def test_what_fires_is_told_in_the_language_of_the_reader(site: Site) -> None:
    browser = site.signed_in()
    for number in range(3):
        site.jobs.waiting(f"w{number}")
    browser.post("/alerts/new", {**RULE, "title": ""})
    look(site)

    german = text_of(soup(browser.get("/alerts", **{"Accept-Language": "de"})).select_one("main"))

    assert german.count("mail: 3 offene Jobs") == 2, "what fires now, and the history"
    assert german.count("Mehr als 2 Jobs offen (alle Queues)") == 4, (
        "what fires, the rule, the choice to silence it, the history"
    )
    assert "open" not in german
    assert main(browser).count("mail has 3 open jobs") == 2
