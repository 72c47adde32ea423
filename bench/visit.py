"""One visit to a page in Chromium, and what it cost: the wire, Redis, the browser, and the time until it is of use.

A visit opens the page in a window of its own, waits until it asks for nothing more, lets it refresh itself twice, and
ends. What went over the wire is counted by the browser (CDP, ``encodedDataLength``: compressed, with headers), what
Redis carried out by Redis.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import redis
from playwright.sync_api import Browser, CDPSession, Page, Worker

from tests.browser.conftest import ARGUMENTS

__all__ = ["LAUNCH", "Look", "Spent", "Visit", "Watched", "visit"]

LAUNCH = (*ARGUMENTS, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
"""How the browser is started: what a page asks of other hosts fails at once, as where there is no way to them."""

LOOK_MS = 20.0
"""Between two looks at what the browser told."""

QUIET_SECONDS = 1.0
"""A page has what it wants when nothing is open, and nothing was asked, for so long."""

LOST_SECONDS = 3.0
"""A page that has had what it wants for so long, and yet shows nothing of what was sought, will not show it."""

BREATH_MS = 500.0
"""For what was held while a page was measured."""

LONGEST_SECONDS = 60.0

REFRESHES = 2
"""The first may bring what the page was opened with once more; from the second on all are alike."""

SEEK = """
(({ selector, text }) => {
  const stands = one => one.getClientRects().length && one.checkVisibility({ checkVisibilityCSS: true })
  const seek = () => {
    for (const one of document.querySelectorAll(selector)) {
      if (one.textContent.includes(text) && stands(one)) return requestAnimationFrame(now => { window.seenAfter = now })
    }
    requestAnimationFrame(seek)
  }
  requestAnimationFrame(seek)
})
"""
"""Notes when the sought element stands in a frame that was painted: at the beginning of the next one."""


COUNT = """
() => {
  const walker = document.createTreeWalker(document)
  let count = 1
  while (walker.nextNode()) count += 1
  return count
}
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What makes a page of use: an element that matches, holds the text and is not hidden."""

    selector: str
    text: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What went over the wire and what Redis did, up to some moment.

    Attributes:
        requests: sent to the board.
        bytes: received from it, with the headers of its answers.
        commands: of Redis, those inside scripts included.
        reads: of Redis from its connections: as many as round trips, or more where one did not fit a buffer.
    """

    requests: int = 0
    bytes: int = 0
    commands: int = 0
    reads: int = 0

    def since(self, before: Spent) -> Spent:
        """Return what came after."""
        return Spent(
            self.requests - before.requests,
            self.bytes - before.bytes,
            self.commands - before.commands,
            self.reads - before.reads - 1,  # our own question
        )


@dataclass(slots=True)
class Visit:
    """What one visit came to.

    Attributes:
        view_ms: until the page was of use; None when it never was.
        load: until it asked for nothing more.
        refreshes: the first two, by the page itself.
        nodes: of the document, with text and comments.
        heap_mb: of JavaScript, after a collection.
        elsewhere: addresses asked of other hosts.
        missing: names of what should stand on the page and does not.
        instead: the beginning of what stood there when the page was of no use.
    """

    view_ms: float | None = None
    load: Spent = field(default_factory=Spent)
    refreshes: list[Spent] = field(default_factory=list)
    nodes: int = 0
    heap_mb: float = 0.0
    elsewhere: int = 0
    missing: list[str] = field(default_factory=list)
    instead: str = ""


class Watched:
    """What a page asks for, as the browser tells it."""

    def __init__(self, page: Page, session: CDPSession, root: str, client: redis.Redis) -> None:
        """Listen; requests to the board at ``root`` count, and Redis is asked through ``client``."""
        self._page = page
        self.root = root
        self._client = client
        self._open: dict[str, str] = {}
        self._changed = time.monotonic()
        self.requests = 0
        self.bytes = 0
        self.elsewhere = 0
        page.on("worker", self._started)
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.loadingFinished", self._received)
        session.on("Network.loadingFailed", self._received)
        session.send("Network.enable")

    def spent(self) -> Spent:
        """Return what was spent so far."""
        told: dict[str, Any] = self._client.info("commandstats", "stats")
        commands = sum(
            one["calls"] for name, one in told.items() if name.startswith("cmdstat_") and name != "cmdstat_info"
        )
        return Spent(self.requests, self.bytes, commands, told["total_reads_processed"])

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds; False when it does not within that time."""
        until = time.monotonic() + seconds
        while not done():
            if time.monotonic() > until:
                return False
            self._page.wait_for_timeout(LOOK_MS)
        return True

    def asks_for_more(self, seconds: float) -> bool:
        """Wait until the page sends a request; False when it does not within that time."""
        sent = self.requests
        return self.wait(lambda: self.requests > sent, seconds)

    def is_quiet(self, seconds: float = QUIET_SECONDS) -> bool:
        """Whether nothing is open and nothing was asked for a while; true only of a page that answers."""
        self._page.evaluate("0")
        return not self._open and time.monotonic() - self._changed > seconds

    def _sent(self, event: dict[str, Any]) -> None:
        address = event["request"]["url"]
        if address.startswith("data:"):
            return
        if not address.startswith(f"{self.root}/"):
            self.elsewhere += 1
            return
        self.requests += 1
        self._open[event["requestId"]] = address
        self._changed = time.monotonic()

    def _received(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self._open:
            del self._open[event["requestId"]]
            self.bytes += int(event.get("encodedDataLength", 0))
            self._changed = time.monotonic()

    def _started(self, worker: Worker) -> None:
        """The script of a worker has come; the browser does not tell a page how long it was."""
        self._open = {request: address for request, address in self._open.items() if address != worker.url}


def visit(
    browser: Browser,
    address: str,
    path: str,
    look: Look,
    facts: Sequence[tuple[str, str]],
    *,
    client: redis.Redis,
    alone: Callable[[], AbstractContextManager[None]] = nullcontext,
    cookies: str = "",
    again: bool = False,
) -> Visit:
    """Visit a page.

    Args:
        browser: started with ``LAUNCH``.
        address: of the board, without a slash at the end.
        path: of the page.
        look: what makes it of use.
        facts: name and text of what should stand on it besides.
        client: of the Redis that only this board uses.
        alone: lets nobody but the page use it for as long as something is measured.
        cookies: as the header has them.
        again: have been on the page before: the browser keeps what it may.
    """
    window = browser.new_context(viewport={"width": 1280, "height": 800}, timezone_id="UTC", locale="en-US")
    try:
        window.set_default_timeout(LONGEST_SECONDS * 1000)
        for name, _, value in (one.partition("=") for one in cookies.split("; ") if one):
            window.add_cookies([{"name": name, "value": value, "url": address}])
        if again:
            before = window.new_page()
            before.goto(address + path, wait_until="networkidle")
            before.close()
        page = window.new_page()
        page.add_init_script(f"{SEEK}({json.dumps({'selector': look.selector, 'text': look.text})})")
        session = window.new_cdp_session(page)
        return _watch(page, session, Watched(page, session, address, client), alone, path=path, facts=facts)
    finally:
        window.close()


def _watch(
    page: Page,
    session: CDPSession,
    watched: Watched,
    alone: Callable[[], AbstractContextManager[None]],
    *,
    path: str,
    facts: Sequence[tuple[str, str]],
) -> Visit:
    told = Visit()

    def seen() -> bool:
        told.view_ms = page.evaluate("window.seenAfter ?? null")
        return told.view_ms is not None

    with alone():
        before = watched.spent()
        page.goto(watched.root + path, wait_until="commit")
        watched.wait(lambda: seen() or watched.is_quiet(LOST_SECONDS), LONGEST_SECONDS)
        watched.wait(watched.is_quiet, LONGEST_SECONDS)
        told.load = watched.spent().since(before)
    _look(page, session, facts, told)
    for _ in range(REFRESHES):
        page.wait_for_timeout(BREATH_MS)
        with alone():
            before = watched.spent()
            if watched.asks_for_more(LONGEST_SECONDS / 4):
                watched.wait(watched.is_quiet, LONGEST_SECONDS)
                told.refreshes.append(watched.spent().since(before))
    told.elsewhere = watched.elsewhere
    return told


def _look(page: Page, session: CDPSession, facts: Sequence[tuple[str, str]], told: Visit) -> None:
    """Note what the page is now that it has what it wants."""
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    figures = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    told.nodes, told.heap_mb = int(page.evaluate(COUNT)), figures["JSHeapUsedSize"] / 2**20
    plain = str(page.evaluate("document.body.innerText")).replace(",", "")
    told.missing = [name for name, sought in facts if sought.replace(",", "") not in plain]
    if told.view_ms is None:
        told.instead = str(page.evaluate("(document.querySelector('main') ?? document.body).innerText")).strip()[:60]
