"""Takes the pictures in docs/screenshots: every page of a seeded board with busy demo workers, in a real browser.

    python -m tests.browser.screenshots

Pages that people look at most are taken light, dark and on a telephone; the others once. Takes about a minute.
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
    """Ask to remove the selected jobs, as somebody without scripts does."""
    selection(page, address)
    form = "document.querySelector('tbody input[type=checkbox]').form"
    page.evaluate(
        f"() => {{ const form = {form}; const verb = document.createElement('input'); verb.type = 'hidden';"
        " verb.name = 'verb'; verb.value = 'remove'; form.append(verb); form.submit(); }"
    )
    page.wait_for_url("**/bulk")


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


SHOTS = (
    Shot("overview", "/", ("light", "dark", "light-390", "dark-390")),
    Shot("queue-selection", selection, ("light", "dark", "light-390")),
    Shot("queue-waiting", f"/q/{QUEUE}/waiting", ("light",)),
    Shot("queue-panel", panel),
    Shot("job", failed_job, ("light", "dark", "light-390", "dark-390")),
    Shot("failures", "/failures", ("light", "dark", "light-390")),
    Shot("flow", flow),
    Shot("metrics", "/metrics", ("light", "dark", "light-390")),
    Shot("flows", "/flows", ("light",)),
    Shot("workers", "/workers", ("light", "dark", "light-390")),
    Shot("schedulers", "/schedulers", ("light", "dark", "light-390")),
    Shot("queue-filtered", f"/q/{QUEUE}/failed?q=class%3AGatewayTimeoutError+failed%3A%3C2h", ("light",)),
    Shot("bulk-plan", f"/bulk/plan?verb=retry&in={QUEUE}/failed", ("light", "dark", "light-390")),
    Shot("health", "/health", ("light", "dark", "light-390")),
    Shot("alerts", alerts, ("light", "dark", "light-390")),
    Shot("alert-rule", "/alerts/new", ("light",)),
    Shot("users", "/settings/users", ("light",)),
    Shot("settings", "/settings", ("light", "dark", "light-390")),
    Shot("find", "/find?q=bill", ("light",)),
    Shot("audit", "/audit", ("light",)),
    Shot("confirm", confirmation, ("light",)),
    Shot("not-found", f"/q/{QUEUE}/job/no-such-job", ("light",)),
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
    for look in ("light", "dark"):
        page = browser.new_page(viewport=DESK, color_scheme="dark" if look == "dark" else "light", locale="en-GB")
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


def _first_job(page: Page) -> str:
    return str(page.locator("tbody a[href*='/job/']").first.get_attribute("href"))


def _take(page: Page, name: str) -> None:
    page.evaluate("() => document.fonts.ready")
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled", caret="hide")
    print(f"{name}.png")  # noqa: T201 - a program that talks


if __name__ == "__main__":
    main()
