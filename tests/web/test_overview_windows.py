"""The overview over longer windows than a quarter of an hour, by what the recorder kept."""

from urllib.parse import parse_qs, urlsplit

import pytest

from board.engine.keys import QueueKeys
from board.history.figures import ALL, RESOLUTIONS, Figures
from board.history.store import History, Recording
from board.history.summary import SPARK, Summary
from board.history.windows import FRESH_MS, NEWEST, OVER_MS, WINDOWS, Window, Windows
from board.service import wall_clock_ms
from tests.recorder.conftest import Process
from tests.web.site import Site, soup, text_of

MAIL = QueueKeys("bull", "mail")
TEN_MINUTES, HOUR = RESOLUTIONS[2:4]
HOUR_MS = HOUR.ms


def record(site: Site, *ended: tuple[int, int, int], since_ms: int = 0, now_ms: int = 0) -> None:
    """Store what ended in the queue mail: so long ago, how much, and how much of it failed."""
    Process(site.service).catch_up()
    now = now_ms or wall_clock_ms()
    line = (0,) * SPARK
    summary = Summary(now, finished_line=line, failed_line=line).pack()
    recording = Recording(now, since_ms=since_ms or now - 90 * 24 * HOUR_MS, now={MAIL.base: summary, ALL: summary})
    for ago_ms, finished, failed in ended:
        for resolution in (TEN_MINUTES, HOUR):
            key = (resolution, resolution.start(now - ago_ms))
            for series in (MAIL.base, ALL):
                figures = Figures(completed=finished - failed, failed=failed, wait={100: finished})
                recording.figures.setdefault(key, {}).setdefault(series, Figures()).add(figures)
    client = site.service.connection
    history = History(site.service.namespace)
    assert client.call(history.record(1, recording))


def facts(site: Site, window: str) -> str:
    page = soup(site.signed_in("viewer").get(f"/?w={window}"))
    return text_of(page.select_one("#facts"))


@pytest.mark.parametrize(
    ("window", "failed"), [("", 0), ("nonsense", 0), ("1h", 3), ("6h", 3 + 40), ("24h", 3 + 40 + 500)]
)
def test_the_facts_are_about_the_window(site: Site, window: str, failed: int) -> None:
    site.jobs.waiting("a")
    record(site, (0, 60, 3), (4 * HOUR_MS, 300, 40), (20 * HOUR_MS, 5_000, 500))

    told = facts(site, window)

    assert f"Failed, {({'1h': '1 h', '6h': '6 h', '24h': '24 h'}).get(window, '15 min')} {failed}" in told


def test_a_line_is_about_the_window(site: Site) -> None:
    site.jobs.waiting("a")
    record(site, (0, 100, 25), (20 * HOUR_MS, 100, 25))

    line = soup(site.signed_in("viewer").get("/?w=24h")).select_one("#queue-mail")

    assert "25%" in text_of(line)
    assert "0.1" in text_of(line)  # 200 jobs in a day


def test_links_refreshes_and_the_filter_keep_the_window(site: Site) -> None:
    site.jobs.waiting("a")
    record(site, (0, 60, 3))
    browser = site.signed_in("viewer")

    page = soup(browser.get("/?w=6h"))

    links = [str(one["href"]) for one in page.select("#queues a[href^='/?'], #attention a[href^='/?']")]
    assert len(links) > 5
    assert [one for one in links if parse_qs(urlsplit(one).query).get("w") != ["6h"]] == []
    live, field = page.select_one("#live"), page.select_one("form[role=search] input[name=w]")
    assert live
    assert field
    assert (live["hx-get"], field["value"]) == ("/?w=6h", "6h")
    current = page.select("header.top .segments a[aria-current]")
    assert [text_of(one) for one in current] == ["6 h"]
    assert "w=" not in str(page.select_one("header.top .segments a")["href"])  # type: ignore[index]


def test_a_history_that_is_shorter_than_the_window_says_since_when(site: Site) -> None:
    """And the jobs a minute are of the time that was recorded."""
    site.jobs.waiting("a")
    record(site, (0, 200, 0), since_ms=wall_clock_ms() - 100 * 60_000)

    page = soup(site.signed_in("viewer").get("/?w=6h"))

    words = text_of(page.select_one("#recorded-since"))
    assert words.startswith("Recording began 1 h ago")
    assert words.endswith("the figures of 6 h are about the time since then.")
    assert "Finished 2 a minute" in text_of(page.select_one("#facts"))
    assert soup(site.signed_in("viewer").get("/?w=1h")).select_one("#recorded-since") is None


def test_without_a_recorder_there_is_no_window_to_choose(site: Site) -> None:
    site.jobs.waiting("a")

    page = soup(site.signed_in("viewer").get("/?w=24h"))

    assert page.select("header.top .segments") == []
    assert page.select_one("#queue-mail")


def in_an_hour() -> int:
    """Return a time of this hour at which no stretch ends soon."""
    return HOUR.start(wall_clock_ms()) + 5 * 60_000


def told(site: Site, windows: Windows, window: Window, now_ms: int) -> tuple[int, int]:
    """Read a window of the queue mail; return how many stretches were read, and how much ended."""
    asked = windows.ask(History(site.service.namespace), window, [MAIL.base], now_ms)
    replies = [site.service.connection.call(call) for call in asked.calls]
    return len(replies), windows.told(asked, replies)[MAIL.base].finished


def test_stretches_that_are_over_are_read_once(site: Site) -> None:
    now = in_an_hour()
    record(site, (0, 60, 3), (4 * HOUR_MS, 300, 40), now_ms=now)
    windows, window = Windows(), WINDOWS["6h"]

    first = told(site, windows, window, now)
    at_once = told(site, windows, window, now + FRESH_MS - 1)
    record(site, (0, 65, 3), now_ms=now)
    later = told(site, windows, window, now + FRESH_MS)

    assert first == (6, 360)
    assert at_once == (0, 360)
    assert later == (NEWEST, 365)


def test_a_stretch_that_begins_moves_the_window(site: Site) -> None:
    now = in_an_hour()
    record(site, (0, 60, 3), (5 * HOUR_MS, 300, 40), now_ms=now)
    windows, window = Windows(), WINDOWS["6h"]

    assert told(site, windows, window, now) == (6, 360)
    assert told(site, windows, window, now + HOUR_MS) == (6, 60)


def test_what_is_too_old_to_be_told_is_forgotten(site: Site) -> None:
    """With ten thousand queues a window is megabytes, and each queue that comes or goes makes another set of them."""
    now = in_an_hour()
    record(site, (0, 60, 3), now_ms=now)
    windows = Windows()
    for name in ("1h", "6h"):
        told(site, windows, WINDOWS[name], now)

    told(site, windows, WINDOWS["24h"], now + OVER_MS)

    assert [name for name, _ in windows.kept] == ["24h", "24h"]
