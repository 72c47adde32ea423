"""An alert fires and resolves, end to end: made in a browser, told to a webhook and by e-mail on real sockets."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from board.background import Background, Duty
from board.engine.sync.queue import Queue
from board.service import Service
from board.watcher.deliver import Deliverer
from board.watcher.watch import Watcher
from tests.alerts.receiving import MailSink, Receiver
from tests.browser.journeys.conftest import Board, Person
from tests.waiting import wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


@pytest.fixture
def sink() -> Iterator[MailSink]:
    with MailSink() as one:
        yield one


@pytest.fixture
def board(make_board: Callable[..., Board], receiver: Receiver, sink: MailSink) -> Board:
    return make_board(
        outbound_allow=f"{receiver.url}=private",
        smtp_url=f"smtp://127.0.0.1:{sink.port}",
        mail_from="board@example.com",
    )


@contextmanager
def duties(service: Service) -> Iterator[None]:
    """Let the watcher and the deliverer of this board run, quickly."""
    watcher = Watcher(service.connection, service.namespace, service.sources, service.clock, "production")
    deliverer = Deliverer(service.connection, service.namespace, service.courier)
    background = Background(
        service.connection,
        service.namespace,
        [Duty("alerts", watcher.step, 0.1), Duty("messages", deliverer.step, 0.1)],
    )
    background.start()
    try:
        yield
    finally:
        background.stop()


def add_channel(page: Page, name: str, kind: str, target: str) -> None:
    page.get_by_text("Add a channel").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Kind").select_option(label=kind)
    page.get_by_label("Address").fill(target)
    page.get_by_role("button", name="Add channel").click()


def make_rule(page: Page) -> None:
    page.get_by_role("link", name="New rule").click()
    page.get_by_label("Queues").fill("mail")
    page.get_by_label("Limit").fill("2")
    page.locator("input[name=lasts]").fill("")
    page.get_by_label("How bad").select_option(label="Critical")
    page.get_by_label("ops", exact=True).check()
    page.get_by_label("on call", exact=True).check()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_an_alert_made_in_the_browser_fires_and_resolves(  # noqa: PLR0917 - all of them are fixtures
    browser: Browser,
    board: Board,
    receiver: Receiver,
    sink: MailSink,
    axe: Callable[[Page], list[str]],
    scripts: bool,  # noqa: FBT001 - both ways are the same journey
) -> None:
    context = browser.new_context(java_script_enabled=scripts, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    person = Person(page, board)
    for number in range(3):
        board.site.jobs.waiting(f"w{number}")

    def pause(seconds: float) -> None:
        page.wait_for_timeout(seconds * 1000)

    person.sign_in("/alerts")
    add_channel(page, "ops", "Webhook, signed", f"{receiver.url}/in/secret-path")
    expect(page.get_by_role("alert")).to_contain_text("It is shown only now.")
    person.open("/alerts")
    add_channel(page, "on call", "E-mail", "ann@example.com")
    person.told("The channel on call is made.")
    page.get_by_role("row", name="ops").get_by_role("button", name="Send a test message").click()
    person.told("The test message was taken.")
    make_rule(page)
    page.get_by_role("button", name="Try it on the last 7 days").click()
    expect(page.get_by_role("status").first).to_contain_text("nothing to try it against")
    page.get_by_role("button", name="Keep").click()
    person.told("Kept: More than 2 jobs open in mail.")

    with duties(board.site.service):
        wait_until(lambda: len(receiver.received) > 1 and sink.mails, "the messages that it fires", 60, pause)
        person.open("/alerts")
        expect(page.get_by_role("main")).to_contain_text("mail has 3 open jobs")
        if scripts:
            assert axe(page) == []
            person.open("/alerts/new")
            assert axe(page) == []
        Queue("mail", connection=board.site.service.connection).drain()
        wait_until(lambda: len(receiver.received) > 2 and len(sink.mails) > 1, "the messages of its end", 60, pause)
        person.open("/alerts")

    expect(page.get_by_role("main")).to_contain_text("Nothing fires.")
    expect(page.get_by_role("table", name="Latest changes, newest first")).to_contain_text("Resolved")
    assert [one.json["event"] for one in receiver.received] == ["test", "fired", "resolved"]
    assert [str(mail.message["Subject"]).split("]", maxsplit=1)[0] for mail in sink.mails] == ["[FIRING", "[RESOLVED"]
    context.close()
