"""Takes the pictures in docs/screenshots: every page of a seeded board with busy demo workers, in a real browser.

    python -m tests.browser.screenshots

Pages are taken light and dark, on a laptop and on a telephone; their varieties light only. Takes about two minutes.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from werkzeug.serving import make_server

from board.config import Settings
from board.dev.seeds import seed
from board.service import Service, wall_clock_ms
from board.web import create_app
from tests.browser.conftest import ARGUMENTS, QuietHandler
from tests.browser.finding import NO_BROWSER, find_browser
from tests.servers import Server
from tests.waiting import wait_until

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
PASSWORD = "correct horse battery"
DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
QUEUE = "billing.charge"


@dataclass(frozen=True, slots=True)
class Shot:
    """One page and how it is taken.

    Attributes:
        name: first part of the file's name.
        path: address, or a function that goes there.
        looks: light, dark, and with `-390` on a telephone.
    """

    name: str
    path: str | Callable[[Page, str], None]
    looks: tuple[str, ...] = ("light", "dark")


def selection(page: Page, address: str) -> None:
    """Select three failed jobs."""
    page.goto(f"{address}/q/{QUEUE}/failed")
    boxes = page.locator("tbody input[type=checkbox]")
    for index in range(3):
        boxes.nth(index).check()


def confirmation(page: Page, address: str) -> None:
    """Ask to remove the selected jobs."""
    selection(page, address)
    page.get_by_role("region", name="Selection").get_by_role("button", name="Remove").click()
    page.locator("#ask[open]").wait_for()


def obliteration(page: Page, address: str) -> None:
    """Ask to delete a whole queue, and begin to type its name."""
    page.goto(f"{address}/q/{QUEUE}/failed")
    page.get_by_role("button", name="Actions for this queue").click()
    page.locator("#queue-menu").get_by_text("Obliterate").click()
    page.get_by_label("Even while jobs are active").check()
    page.locator("#obliterate").get_by_role("button", name="Obliterate").click()
    page.locator("#ask[open]").get_by_label("Type").fill("billing.cha")


def retry_all(page: Page, address: str) -> None:
    """Ask to retry all failed jobs of one queue."""
    page.goto(f"{address}/q/{QUEUE}/failed")
    page.get_by_role("link", name="Retry all").click()
    page.locator("#ask[open]").wait_for()


def bulk_run(page: Page, address: str) -> None:
    """Retry all failed jobs of another queue, once, and look at the run."""
    page.goto(f"{address}/bulk")
    run = page.locator("main a[href*='/bulk/']").first
    if run.count() == 0:
        page.goto(f"{address}/bulk/plan?verb=retry&in=hooks.deliver/failed")
        page.locator("main button[type=submit]").click()
        page.locator("main tbody tr").first.wait_for()
    else:
        page.goto(address + str(run.get_attribute("href")))


def palette(page: Page, address: str) -> None:
    """Look for something from everywhere."""
    page.goto(address)
    page.keyboard.press("Control+k")
    page.locator("#palette input[type=search]").fill("bill")
    page.locator("#palette #found[data-q=bill]").wait_for()


def cause(page: Page, address: str) -> None:
    """Open the cause with the most failed jobs."""
    page.goto(f"{address}/failures?sort=jobs")
    page.goto(address + str(page.locator("table.groups a[href*='/failures/']").first.get_attribute("href")))


def failed_job(page: Page, address: str) -> None:
    """Open the first failed job."""
    page.goto(f"{address}/q/{QUEUE}/failed")
    page.goto(address + _first_job(page))


def panel(page: Page, address: str) -> None:
    """Open the first failed job beside the list."""
    page.goto(f"{address}/q/{QUEUE}/failed")
    page.goto(f"{address}/q/{QUEUE}/failed?job={_first_job(page).rpartition('/')[2]}")


def flow(page: Page, address: str) -> None:
    """Open the flow that has come farthest."""
    page.goto(f"{address}/flows")
    page.goto(address + str(page.locator("tbody a[data-open]").last.get_attribute("href")))


def alerts(page: Page, address: str) -> None:
    """Make a rule, once, and look at the page."""
    page.goto(f"{address}/alerts")
    if page.get_by_role("link", name="Too many open jobs").count() == 0:
        page.goto(f"{address}/alerts/new")
        page.get_by_label("Watch").select_option(label="Open jobs")
        page.get_by_label("Limit").fill("10")
        page.get_by_label("Called").fill("Too many open jobs")
        page.locator("#keep-rule").click()
    page.goto(f"{address}/alerts")


EVERY = ("light", "dark", "light-390", "dark-390")
BOTH = ("light", "light-390")

SHOTS = (
    Shot("overview", "/", EVERY),
    Shot("queue-selection", selection, EVERY),
    *(
        Shot(f"queue-{state}", f"/q/{QUEUE}/{state}", BOTH)
        for state in ("waiting", "active", "prioritized", "delayed", "completed")
    ),
    Shot("queue-waiting-children", "/q/media.publish/waiting-children", BOTH),
    Shot("queue-metrics", f"/q/{QUEUE}/metrics", BOTH),
    Shot("queue-limits", f"/q/{QUEUE}/limits", BOTH),
    Shot("queue-filtered", f"/q/{QUEUE}/failed?q=class%3AGatewayTimeoutError+failed%3A%3C2h", BOTH),
    Shot("queue-panel", panel, EVERY),
    Shot("queue-obliterate", obliteration, EVERY),
    Shot("bulk-plan", retry_all, EVERY),
    Shot("confirm", confirmation, EVERY),
    Shot("job", failed_job, EVERY),
    Shot("failures", "/failures", EVERY),
    Shot("failures-group", cause, EVERY),
    Shot("failures-jobs", "/failures?view=jobs", BOTH),
    Shot("palette", palette, EVERY),
    Shot("find", "/find?q=bill", BOTH),
    Shot("flow", flow, EVERY),
    Shot("flows", "/flows", EVERY),
    Shot("metrics", "/metrics", EVERY),
    Shot("workers", "/workers", EVERY),
    Shot("schedulers", "/schedulers", EVERY),
    Shot("health", "/health", EVERY),
    Shot("alerts", alerts, EVERY),
    Shot("alert-rule", "/alerts/new", BOTH),
    Shot("users", "/settings/users", BOTH),
    Shot("settings", "/settings", EVERY),
    Shot("audit", "/audit", EVERY),
    Shot("not-found", f"/q/{QUEUE}/job/no-such-job", BOTH),
    Shot("bulk-run", bulk_run, EVERY),
)


def main() -> None:
    """Take all pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    server = Server("valkey").start()
    try:
        settings = Settings(redis_url=server.url, admin_password=PASSWORD, connection_name="production", live_seconds=5)
        _fill(settings)
        with _served(settings) as address, sync_playwright() as playwright:
            executable = find_browser()
            if executable is None:
                sys.exit(NO_BROWSER)
            browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
            with _workers(server.url):
                _login(browser, address)
                _pages(browser, address)
                _redis_away(browser, address, server)
            browser.close()
    finally:
        server.destroy()


def _fill(settings: Settings) -> None:
    service = Service(settings)
    service.prepare(signs_in=True)
    seed(service.connection, service.namespace, settings.default_prefix, wall_clock_ms())
    service.close()


@contextmanager
def _workers(url: str) -> Iterator[None]:
    command = [sys.executable, "-m", "board.dev.workers", url, "bull"]
    # Quiet: Redis goes away under them at the end.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _served(settings: Settings) -> Iterator[str]:
    server = make_server(
        "127.0.0.1", 0, create_app(settings, background=True), threaded=True, request_handler=QuietHandler
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def _login(browser: Browser, address: str) -> None:
    for look in EVERY:
        page = browser.new_page(
            viewport=PHONE if look.endswith("-390") else DESK,
            color_scheme="dark" if look.startswith("dark") else "light",
            locale="en-GB",
        )
        page.goto(address)
        _take(page, f"login-{look}")
        page.close()


def _signed_in(browser: Browser, address: str) -> Page:
    page = browser.new_page(viewport=DESK, timezone_id="UTC", locale="en-GB")
    page.goto(address)
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{address}/")
    return page


def _pages(browser: Browser, address: str) -> None:
    page = _signed_in(browser, address)
    wait_until(
        lambda: page.get_by_text("no worker connected by name").count() == 0,
        "the demo workers of all queues",
        pause=lambda seconds: page.wait_for_timeout(seconds * 1000),
    )
    wait_until(
        lambda: page.get_by_text("Fail rate").count(),
        "the recorder to have begun",
        pause=lambda seconds: page.wait_for_timeout(seconds * 1000),
    )
    page.goto(f"{address}/q/hooks.deliver/failed")
    page.goto(address + _first_job(page))
    page.get_by_role("button", name="Retry").click()  # something for the audit log
    page.locator(".toast").wait_for()
    for shot in SHOTS:
        for look in shot.looks:
            page.set_viewport_size(PHONE if look.endswith("-390") else DESK)
            page.emulate_media(color_scheme="dark" if look.startswith("dark") else "light")
            if callable(shot.path):
                shot.path(page, address)
            else:
                page.goto(address + shot.path)
            _take(page, f"{shot.name}-{look}")
    page.close()


def _redis_away(browser: Browser, address: str, server: Server) -> None:
    """Let Redis die under an open page, then ask for another one."""
    page = _signed_in(browser, address)
    server.kill()
    wait_until(
        lambda: page.locator("#trouble").inner_text().strip(),
        "the note that Redis is away",
        pause=lambda seconds: page.wait_for_timeout(seconds * 1000),
    )
    _take(page, "redis-away-live-light")
    page.goto(f"{address}/failures")
    _take(page, "redis-away-light")
    page.emulate_media(color_scheme="dark")
    _take(page, "redis-away-dark")
    page.set_viewport_size(PHONE)
    _take(page, "redis-away-dark-390")


def _first_job(page: Page) -> str:
    return str(page.locator("tbody a[href*='/job/']").first.get_attribute("href"))


def _take(page: Page, name: str) -> None:
    page.evaluate("() => document.fonts.ready")
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled", caret="hide")
    print(f"{name}.png")  # noqa: T201 - a program that talks


if __name__ == "__main__":
    main()
