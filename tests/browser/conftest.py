"""What a browser test can ask for: pytest-playwright's fixtures on a browser of this machine, a server, a11y checks."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, BrowserType, ConsoleMessage, Page, expect
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.browser.finding import NO_AXE, NO_BROWSER, axe_source, find_browser
from tests.waiting import PATIENCE_S

expect.set_options(timeout=PATIENCE_S * 1000)  # a browser on a busy machine is slow, too

ARGUMENTS = (
    "--no-sandbox",  # containers and CI run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], browser_type: BrowserType) -> dict[str, Any]:
    """Launch the machine's own Chromium, else the one `playwright install` brought; fail when there is none."""
    executable = find_browser()
    if executable is None:
        if not Path(browser_type.executable_path).is_file():
            pytest.fail(NO_BROWSER, pytrace=False)
        return {**browser_type_launch_args, "args": list(ARGUMENTS)}
    return {**browser_type_launch_args, "args": list(ARGUMENTS), "executable_path": executable}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A laptop's window, and a fixed time zone and language so that pages read the same everywhere."""
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 800},
        "timezone_id": "UTC",
        "locale": "en-GB",
    }


@pytest.fixture
def context(context: BrowserContext) -> BrowserContext:
    """A window of the browser, with as much patience as everything else that is waited for."""
    context.set_default_timeout(PATIENCE_S * 1000)
    return context


class QuietHandler(WSGIRequestHandler):
    """A server that prints no line for each request."""

    def log(self, type: str, message: str, *arguments: object) -> None:  # noqa: A002 - werkzeug's name
        """Say nothing: the test's report shows what the page showed."""


@pytest.fixture
def serve() -> Iterator[Callable[[Any], str]]:
    """A function that serves a WSGI application on loopback and returns its address, without a slash at the end."""
    with contextlib.ExitStack() as running:

        def start(application: Any) -> str:
            server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=QuietHandler)
            thread = threading.Thread(target=server.serve_forever, name="the served application", daemon=True)
            thread.start()

            def stop() -> None:
                server.shutdown()
                server.server_close()
                thread.join()

            running.callback(stop)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


@pytest.fixture
def quiet_page(page: Page) -> Iterator[Page]:
    """A page on which no script may fail and the content security policy may refuse nothing.

    A status of 400 or more that a test provokes is no failure of the page; a warning of a script is.
    """
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
            complaints.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """A function that returns what is not accessible on a page: one line a fault, an empty list when all is well.

    The checker runs by `evaluate`, so the strict content security policy of our pages stays in force.
    """
    source = axe_source()
    if source is None:
        pytest.fail(NO_AXE, pytrace=False)

    def check(page: Page) -> list[str]:
        page.evaluate(source)
        found = page.evaluate("() => axe.run().then(result => result.violations)")
        return [
            f"{fault['impact']} {fault['id']}: {fault['help']}: {node['html'][:200]}"
            for fault in found
            for node in fault["nodes"]
        ]

    return check
