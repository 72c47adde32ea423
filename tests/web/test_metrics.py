"""What the recorder kept, as a person sees it: charts, the same as tables, and a file."""

import csv
import io
import json
import re
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
import redis

from board.actions import marks
from board.actions.perform import Actor
from board.alerts.store import Past
from board.auth.policy import Identity
from board.background import Turn
from board.bulk import plan, start
from board.engine import Worker
from board.engine.calls import Call
from board.engine.keys import QueueKeys
from board.errors import BadRequestError, BoardError, ForbiddenError
from board.history.figures import RESOLUTIONS, Figures
from board.history.store import Gap, History, Recording
from board.service import wall_clock_ms
from board.spans import duration
from board.watcher.watch import Watcher
from board.web import charts
from tests.queries.conftest import MAIL, Known
from tests.recorder.conftest import Process
from tests.waiting import wait_until
from tests.web.site import Browser, Site, soup, text_of


@pytest.fixture
def recorded(site: Site) -> Browser:
    """Somebody who looks at one queue in which three jobs ended, one of them badly."""
    site.jobs.completed("a")
    site.jobs.completed("b")
    site.jobs.failed("c")
    Process(site.service).catch_up()
    return site.signed_in()


def rows_of(browser: Browser, path: str) -> list[list[str]]:
    table = soup(browser.get(path)).select("section.table-box table")[-1]
    return [[text_of(cell) for cell in row.select("td")] for row in table.select("tbody tr")]


def test_without_a_recorder_the_page_says_how_to_get_one(site: Site) -> None:
    assert "Nothing recorded yet" in text_of(soup(site.signed_in().get("/metrics")).select_one("main"))


@pytest.mark.parametrize("window", ["1h", "6h", "24h", "7d", "30d", "90d", "nonsense"])
def test_every_window_tells_what_ended(recorded: Browser, window: str) -> None:
    page = soup(recorded.get(f"/metrics?w={window}"))

    assert len(page.select("svg.chart")) == 4
    assert "3 finished" in text_of(page.select_one(".charts"))
    assert rows_of(recorded, f"/metrics?w={window}")[0][:4] == ["mail", "3", "1", "33%"]


def test_a_queue_tells_its_jobs_by_name(recorded: Browser) -> None:
    assert rows_of(recorded, "/q/mail/metrics")[0][:3] == ["send", "3", "1"]
    assert recorded.get("/q/nowhere/metrics").status_code == 404


def test_the_charts_are_a_table_too(recorded: Browser) -> None:
    rows = soup(recorded.get("/metrics")).select("details table tbody tr")

    assert len(rows) == 60
    assert any("–" in text_of(row) for row in rows), "before the recorder nothing is known, and nothing is no zero"


def test_what_is_missing_is_a_gap_and_said(site: Site, recorded: Browser) -> None:
    minute, now = RESOLUTIONS[1], wall_clock_ms()
    start = minute.start(now)
    history, connection = History(site.service.namespace), site.service.connection
    recording = Recording(now, since_ms=now - 3_600_000)
    recording.gaps = [Gap(start - 30 * minute.ms, start - 20 * minute.ms, "bull:mail:")]
    for age in range(40):
        recording.figures[minute, start - age * minute.ms] = {"": Figures(completed=60, looks=1)}
    assert connection.call(history.record(1, recording))

    page = soup(recorded.get("/metrics"))

    line = page.select_one(".charts path.line")
    assert line is not None
    assert str(line["d"]).count("M") == 2
    assert "Something is missing from" in text_of(page.select_one("main"))


def test_the_page_is_one_round_trip(site: Site, recorded: Browser) -> None:
    site.service.readings._seconds = 0  # none is of the second before
    connection = site.service.connection
    fired(site)
    recorded.get("/")
    before = connection.round_trips
    recorded.get("/")
    others = connection.round_trips - before

    for path in ("/metrics", "/metrics?w=90d", "/q/mail/metrics?w=6h"):
        before = connection.round_trips
        recorded.get(path)
        assert connection.round_trips - before == others, path


def test_the_file_holds_the_table_and_no_formula(site: Site) -> None:
    site.jobs.queue = QueueKeys("bull", "=1+1")
    site.jobs.completed("a")
    Process(site.service).catch_up()

    answer = site.signed_in().get("/metrics?format=csv")

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.mimetype == "text/csv"
    assert [(row["queue"], row["finished"]) for row in rows] == [("'=1+1", "1")]


def test_who_sees_some_queues_sees_their_sum(make_site: Callable[..., Site], site: Site, recorded: Browser) -> None:
    site.jobs.queue = QueueKeys("bull", "left-out")
    for number in range(5):
        site.jobs.completed(f"h{number}")
    Process(site.service).catch_up()
    assert "8 finished" in text_of(soup(recorded.get("/metrics")).select_one(".charts"))

    narrow = make_site(queues=("mail",)).signed_in()

    page = narrow.get("/metrics")
    assert "3 finished" in text_of(soup(page).select_one(".charts"))
    assert "left-out" not in page.text


def test_a_pause_is_marked(site: Site, recorded: Browser) -> None:
    recorded.post("/q/mail/pause")
    Process(site.service).catch_up()

    assert "mail paused" in text_of(soup(recorded.get("/metrics")).select_one("main"))


def test_what_explains_a_change_is_marked_on_the_charts(
    site: Site, recorded: Browser, redis_client: redis.Redis, redis_url: str
) -> None:
    process = Process(site.service)

    def look() -> None:
        process.recorder._looked_at_ms = 0
        process.catch_up()

    look()
    redis_client.hset(site.jobs.queue.key("meta"), "concurrency", 5)
    with Worker("mail", lambda _job: None, connection=redis_url, name="mailer-1"):
        wait_until(lambda: site.jobs.queue.client_name in str(redis_client.client_list()), "the worker to be there")
        look()
    wait_until(lambda: site.jobs.queue.client_name not in str(redis_client.client_list()), "the worker to be gone")
    look()
    actor, service = Actor(Identity("ann", "admin")), site.service
    marks.say(service.desk, actor, service.namespace, "deploy <b>4f2c1</b>")
    site.jobs.failed("again")
    start(service.desk, actor, service.namespace, plan(service.desk, actor, Known(), "retry", [(MAIL, "failed")]).spec)

    page = soup(recorded.get("/metrics"))
    lines = [text_of(line) for line in page.select("section[aria-labelledby=marks-title] li")]
    drawn = [str(path["d"]).count("M") for path in page.select(".chart .mark")]
    elsewhere = text_of(soup(recorded.get("/q/mail/metrics")).select_one("main"))

    told = [
        "mail bulk run began: retry",
        "deploy <b>4f2c1</b>",
        "mail workers lost: 1 → 0",
        "mail workers joined: 0 → 1",
        "mail limits changed: 5 at once",
    ]
    assert {re.sub(r"^(now|\d+ (s|min) ago) ", "", line) for line in lines} == set(told)
    assert len(drawn) == 5
    assert min(drawn) >= 1
    assert "deploy <b>4f2c1</b>" in elsewhere
    gone = [text_of(row) for row in soup(recorded.get("/workers?by=queue")).select("main tbody tr")]
    assert gone[0] == "mail 1 worker"
    assert gone[1].startswith("mailer-1 mail Left left ")
    assert [entry.action for entry in site.audit()][-2:] == ["mark", "start bulk retry"]


def fired(site: Site, *, age_ms: int = 0, **told: Any) -> Past:
    """Write into the history of alerts that one fired."""
    at_ms = site.service.clock() - age_ms
    fields = {"what": "fired", "rule": "gone", "title": "Mail is behind", "severity": "critical"}
    fields |= {"prefix": "bull", "queue": "mail", "group": "", "words": "mail has 812 open jobs"}
    one = Past(**{**fields, "at_ms": at_ms, "since_ms": at_ms, "fired_ms": at_ms, "told": True, **told})
    put = Call(("LPUSH", f"{site.service.alerts.prefix}history", json.dumps(asdict(one))), int)
    site.service.connection.call(put)
    return one


def named(browser: Browser, path: str) -> list[str]:
    """Return what the marks of alerts are called, by what people hear."""
    return [str(link["aria-label"]) for link in soup(browser.get(path)).select(".chart a:not([aria-hidden])")]


def test_an_alert_that_fired_is_a_link_on_the_charts_of_its_queue(site: Site, recorded: Browser) -> None:
    recorded.post("/alerts/new", {"watch": "depth", "glob": "mail", "limit": "2", "lasts": "", "severity": "critical"})
    (rule,) = site.service.connection.call(site.service.alerts.rules())
    for number in range(3):
        site.jobs.waiting(f"w{number}")
    own = site.service
    own.sources.forget()
    turn = Turn(1, is_first=True, keep=lambda: None, ending=threading.Event())
    Watcher(own.connection, own.namespace, own.sources, own.clock, "production").step(turn)

    page = soup(recorded.get("/q/mail/metrics"))
    marks = page.select(".chart a")
    (line,) = page.select("section[aria-labelledby=marks-title] li a")

    assert len(marks) == 4, "one on each chart"
    assert {str(link["href"]) for link in [*marks, line]} == {f"/alerts/{rule.id}"}
    assert recorded.get(f"/alerts/{rule.id}").status_code == 200
    (name,) = named(recorded, "/q/mail/metrics")
    assert re.fullmatch(r"Alert at [-0-9]+ [:0-9]+ \w+, .+: mail has 3 open jobs", name)
    assert all(link.select_one("title") for link in marks), "a mouse reads it on each"
    assert all(link.get("tabindex") == "-1" for link in marks if link.get("aria-hidden")), "keys reach it once"


def test_alerts_are_marked_within_the_window_and_for_their_queue(site: Site, recorded: Browser) -> None:
    site.jobs.queue = QueueKeys("bull", "print")
    site.jobs.waiting("a")
    hour = 3_600_000
    fired(site, words="long ago", age_ms=5 * hour)
    fired(site, words="lately", age_ms=hour // 2)
    fired(site, words="well again", what="resolved")
    fired(site, words="of print", queue="print")
    fired(site, words="of the server", prefix="", queue="")
    site.service.sources.forget()

    def words(path: str) -> list[str]:
        return [name.rpartition(": ")[2] for name in named(recorded, path)]

    assert words("/q/mail/metrics") == ["lately"]
    assert words("/q/mail/metrics?w=6h") == ["long ago", "lately"]
    assert words("/q/print/metrics") == ["of print"]
    assert words("/metrics") == ["lately", "of print", "of the server"]


def test_where_an_alert_stands_is_within_the_chart(
    site: Site, recorded: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = wall_clock_ms()
    monkeypatch.setattr(site.service, "clock", lambda: moment)  # no minute begins between the alert and the page
    fired(site, age_ms=30 * 60_000)
    fired(site)

    spots = [float(str(one["x"]).rstrip("%")) for one in soup(recorded.get("/metrics")).select(".chart a > svg")[:2]]

    assert 45 < spots[0] < 55
    assert spots[1] == 100


def test_the_latest_alerts_are_marked_and_not_more(site: Site, recorded: Browser) -> None:
    for number in range(60):
        fired(site, words=f"number {number}", age_ms=(60 - number) * 1_000)

    names = named(recorded, "/metrics")

    assert [name.rpartition(" ")[2] for name in names] == [str(number) for number in range(40, 60)]


def test_an_alert_whose_rule_is_gone_leads_to_all_alerts_and_is_text(site: Site, recorded: Browser) -> None:
    fired(site, title="<script>alert(1)</script>", words='"><img src=x>')

    page = soup(recorded.get("/metrics"))

    assert {str(link["href"]) for link in page.select(".chart a")} == {"/alerts"}
    assert page.select_one("main script, main img") is None
    assert "<script>alert(1)</script>" in named(recorded, "/metrics")[0]


def test_alerts_of_hidden_queues_and_of_the_server_are_not_marked(make_site: Callable[..., Site], site: Site) -> None:
    site.jobs.completed("a")
    site.jobs.queue = QueueKeys("bull", "left-out")
    site.jobs.completed("a")
    Process(site.service).catch_up()
    fired(site, words="seen")
    fired(site, words="hidden", queue="left-out")
    fired(site, words="of the server", prefix="", queue="")

    names = named(make_site(queues=("mail",)).signed_in(), "/metrics")

    assert [name.rpartition(": ")[2] for name in names] == ["seen"]


@pytest.mark.parametrize(
    ("role", "text", "queue", "error"),
    [
        ("viewer", "deploy", None, ForbiddenError),
        ("viewer", "deploy", MAIL, ForbiddenError),
        ("admin", " ", MAIL, BadRequestError),
    ],
)
def test_a_mark_that_is_refused_is_recorded(
    site: Site, role: str, text: str, queue: QueueKeys | None, error: type[BoardError]
) -> None:
    service = site.service

    with pytest.raises(error):
        marks.say(service.desk, Actor(Identity("eve", role)), service.namespace, text, queue)

    (entry,) = site.audit()
    assert (entry.action, entry.result, entry.who, entry.queue) == (
        "mark",
        "refused",
        "eve",
        queue.name if queue else "",
    )
    assert service.connection.call(History(service.namespace).marks(0, wall_clock_ms())) == []


def test_a_mark_is_recorded_with_its_words(site: Site) -> None:
    service = site.service

    marks.say(service.desk, Actor(Identity("ann", "admin")), service.namespace, " deploy  4f2c1 ", MAIL)

    (entry,) = site.audit()
    assert (entry.result, entry.queue, entry.detail) == ("done", "mail", "deploy 4f2c1")


def test_figures_that_cannot_be_read_break_no_page(site: Site, recorded: Browser, redis_client: redis.Redis) -> None:
    for resolution in RESOLUTIONS:
        redis_client.hset(f"board:{{history}}:b:{resolution.name}:{resolution.start(wall_clock_ms())}", "", "nonsense")
    redis_client.zadd("board:{history}:marks", {"nonsense": wall_clock_ms()})

    assert recorded.get("/metrics").status_code == 200


@pytest.mark.parametrize(
    ("values", "top"), [([], 1), ([None], 1), ([0.2], 1), ([7], 8), ([9], 10), ([1_284, 3], 2_000), ([0.5, 41], 50)]
)
def test_an_axis_ends_at_a_round_number(values: list[float | None], top: float) -> None:
    assert charts.nice_top(values) == top


@pytest.mark.parametrize(
    ("longest", "top"),
    [
        (0, "10 ms"),
        (4_200, "5 s"),
        (60_000, "1 min"),
        (61_000, "2 min"),
        (97_000, "2 min"),
        (2_500_000, "1 h"),
        (90_000_000, "2 days"),
    ],
)
def test_the_top_of_an_axis_of_time_reads_round(longest: float, top: str) -> None:
    assert str(duration(charts.nice_span([None, longest], 10))) == top


def test_a_line_is_broken_where_nothing_is_known() -> None:
    assert charts.line([1, 2, None, 4], 4) == "M0.00 75.00L33.33 50.00 M100.00 0.00h0.6"
    assert charts.area([None, 4], 4) == "M100.00 0.00h0.6L100.00 100L100.00 100z"
    assert charts.columns([0, 4], 4) == "M50.00 100V0.00h36.00V100z"
    assert charts.line([], 1) == ""
