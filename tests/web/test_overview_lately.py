"""The overview where somebody records: throughput, failure rate, times, and what is rising."""

import random
from collections.abc import Callable

import redis

from board.engine.keys import QueueKeys
from board.history.store import History, Recording
from board.history.summary import SPARK, Summary
from board.service import wall_clock_ms
from tests.queries.jobs import Filler
from tests.recorder.conftest import Process
from tests.web.site import Site, soup, text_of
from tests.web.test_budgets import FIRST_VIEW_BYTES, GZIP, TICK, files_of

MAIL = QueueKeys("bull", "mail")


def tell(site: Site, **values: object) -> None:
    """Store a summary of the queue mail, as the recorder would."""
    process = Process(site.service)
    process.catch_up()
    line = tuple(range(SPARK))
    summary = Summary(**{"at_ms": wall_clock_ms(), "finished_line": line, "failed_line": line, **values})  # type: ignore[arg-type]
    recording = Recording(wall_clock_ms(), now={MAIL.base: summary.pack(), "": summary.pack()})
    assert site.service.connection.call(History(site.service.namespace).record(1, recording))


def test_a_line_tells_how_much_ended_and_how_long_it_took(site: Site) -> None:
    site.jobs.failed("a")
    tell(site, completed=270, failed=30, wait_p50_ms=212.0, wait_p95_ms=6_100.0, run_p50_ms=18.0, run_p95_ms=840.0)

    page = soup(site.signed_in().get("/"))

    line = text_of(page.select_one("#queue-mail"))
    assert "20 10% 212 ms 6.1 s 18 ms 840 ms" in line
    assert page.select_one("#queue-mail .spark")
    assert "Finished 20 a minute" in text_of(page.select_one("#facts"))


def test_far_more_failures_than_usual_come_first(site: Site) -> None:
    site.jobs.failed("a")
    tell(site, failed=184, usual_failed=14.0, stalled=3)

    attention = [text_of(one) for one in soup(site.signed_in().get("/")).select("#attention li")]

    assert attention[0].startswith("mail failures rising, 184 in 15 min against a usual 14")
    assert any("3 jobs taken back from lost workers in 15 min" in one for one in attention)


def test_what_needs_attention_shows_how_it_went_as_evidence(site: Site) -> None:
    """Beside the sentence, which says the number: who listens to the page hears that alone."""
    site.jobs.failed("a")
    site.jobs.waiting("b")
    tell(site, failed=184, usual_failed=14.0, failed_line=(0,) * 28 + (4, 8), open_line=(1,) * 15 + (9,) * 15)

    rows = soup(site.signed_in().get("/")).select("#attention li")

    assert [text_of(row)[:20] for row in rows] == ["mail failures rising", "mail has no workers."]
    failures, depth = (row.select_one("svg.spark") for row in rows)
    assert failures
    assert depth
    assert failures["aria-hidden"] == depth["aria-hidden"] == "true"
    assert [one["d"] for one in failures.select("path.loud")] == ["M28 12V6h.7V12zM29 12V1h.7V12z"]
    assert [one["d"] for one in depth.select("path.line")] == [
        "M0 11L1 11L2 11L3 11L4 11L5 11L6 11L7 0L8 0L9 0L10 0L11 0L12 0L13 0L14 0"
    ]


def test_without_a_record_there_is_a_sentence_and_no_evidence(site: Site) -> None:
    site.jobs.failed("a")

    row = soup(site.signed_in().get("/")).select_one("#attention li")

    assert row
    assert row.select_one("p")
    assert not row.select("svg.spark")


def test_only_what_is_shown_has_its_evidence_drawn(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.failed("a")
    tell(site, failed=1)
    recording = Recording(wall_clock_ms())
    for number in range(12):
        Filler(redis_client, f"queue-{number}").open().failed("a")
        name = QueueKeys("bull", f"queue-{number}").base
        recording.now[name] = Summary(
            wall_clock_ms(), failed=1, finished_line=(1,) * SPARK, failed_line=(1,) * SPARK
        ).pack()
    assert site.service.connection.call(History(site.service.namespace).record(1, recording))
    site.service.sources.forget()

    page = soup(site.signed_in().get("/"))

    assert len(page.select("#attention svg.spark")) == 8


def test_as_many_failures_as_usual_are_not_rising(site: Site) -> None:
    site.jobs.failed("a")
    tell(site, failed=20, usual_failed=14.0)

    assert "rising" not in text_of(soup(site.signed_in().get("/")).select_one("#attention"))


def test_an_old_summary_says_nothing(site: Site) -> None:
    site.jobs.waiting("a")
    tell(site, completed=300, at_ms=wall_clock_ms() - 600_000)

    page = soup(site.signed_in().get("/"))

    assert "Completed" in text_of(page.select_one("thead"))


def test_nonsense_in_a_summary_breaks_no_page(site: Site, redis_client: redis.Redis) -> None:
    site.jobs.waiting("a")
    tell(site, completed=1)
    redis_client.hset("board:{history}:now", MAIL.base, "nonsense")

    assert site.signed_in().get("/?sort=rate").status_code == 200


def test_it_is_sorted_by_what_was_recorded(site: Site) -> None:
    for name in ("a", "b"):
        site.jobs.queue = QueueKeys("bull", name)
        site.jobs.waiting("one")
    site.jobs.queue = MAIL
    site.jobs.waiting("one")
    tell(site, completed=10, failed=1, wait_p95_ms=5.0, run_p95_ms=5.0)

    for sort in ("finished", "rate", "wait", "run"):
        first = soup(site.signed_in().get(f"/?sort={sort}")).select_one("table.queues tr[id]")
        assert first is not None
        assert first["id"] == "queue-mail", sort


def test_who_sees_some_queues_is_not_told_of_all_together(make_site: Callable[..., Site], site: Site) -> None:
    site.jobs.waiting("one")
    tell(site, completed=300)

    page = soup(make_site(queues=("mail",)).signed_in().get("/"))

    assert "a minute" not in text_of(page.select_one("#facts"))
    assert "20" in text_of(page.select_one("#queue-mail"))


def test_a_hundred_lines_with_figures_stay_light(site: Site, redis_client: redis.Redis) -> None:
    """The least that helps a compressor: figures and lines of pure noise."""
    dice = random.Random(2)
    queues = [Filler(redis_client, f"team-{number % 20}.queue-{number}").open() for number in range(100)]
    Process(site.service).catch_up()
    now = wall_clock_ms()
    recording = Recording(now)
    for queue in queues:
        line = tuple(dice.randrange(200) for _ in range(SPARK))
        wait, run = dice.random() * 9_999, dice.random() * 9_999
        summary = Summary(
            now,
            completed=3_000,
            failed=dice.randrange(99),
            wait_p95_ms=wait,
            run_p95_ms=run,
            finished_line=line,
            failed_line=line,
        )
        recording.now[QueueKeys("bull", queue.queue).base] = summary.pack()
    assert site.service.connection.call(History(site.service.namespace).record(1, recording))
    browser = site.signed_in()

    refresh = browser.get("/", **GZIP, **TICK)
    whole = [browser.get("/", **GZIP), *(browser.get(address, **GZIP) for address in sorted(files_of(browser, "/")))]

    assert len(refresh.data) <= 14_000
    assert sum(len(answer.data) for answer in whole) <= FIRST_VIEW_BYTES
