"""Messages arrive once, signed, through trouble; what cannot arrive is given up and kept."""

import hashlib
import hmac
import threading
from collections.abc import Callable
from email.message import Message as Mail

import pytest

from board.alerts.channels import Channel
from board.alerts.messages import read_message
from board.background import Turn
from board.engine.commands.dead_letters import dead_letter_of
from board.engine.connection.sync import Connection
from board.engine.sync.queue import Queue
from board.watcher.watch import post
from tests.alerts.conftest import ALERTS, SECRET, Process, keep_hook, keep_rule
from tests.alerts.receiving import MailSink, Receiver
from tests.waiting import PATIENCE_S, wait_until
from tests.web.site import Jobs

Start = Callable[..., Process]


def allow(receiver: Receiver) -> str:
    return f"{receiver.url}=private"


@pytest.fixture
def process(start: Start, connection: Connection, receiver: Receiver) -> Process:
    """One that watches a rule, and may call the receiver that hears of it."""
    keep_rule(connection)
    keep_hook(connection, receiver)
    return start(outbound_allow=allow(receiver))


def fire(process: Process, jobs: Jobs) -> None:
    for number in range(3):
        jobs.waiting(f"w{number}")
    process.look()


def undelivered(connection: Connection) -> list[str]:
    """Return why messages were given up."""
    queue = Queue(ALERTS.undelivered.name, connection=connection, prefix=ALERTS.undelivered.prefix)
    letters = [dead_letter_of(job.info) for job in queue.get_jobs(["waiting"])]
    return [letter.reason for letter in letters if letter is not None]


def test_a_webhook_is_signed_over_timestamp_and_body(
    start: Start, jobs: Jobs, connection: Connection, receiver: Receiver
) -> None:
    keep_rule(connection, severity="critical")
    keep_hook(connection, receiver)
    process = start(outbound_allow=allow(receiver))
    fire(process, jobs)

    process.deliver()

    (got,) = receiver.received
    signed = got.headers["x-queue-board-timestamp"].encode() + b"." + got.body
    assert got.headers["x-queue-board-signature"] == (
        "sha256=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    )
    assert int(got.headers["x-queue-board-timestamp"]) == process.clock.now_ms // 1000
    assert got.headers["x-queue-board-id"] == got.json["id"]
    assert got.path == "/in/secret-path"
    assert got.json["event"] == "fired"
    assert got.json["rule"]["severity"] == "critical"
    assert [one["queue"] for one in got.json["incidents"]] == ["mail"]
    assert SECRET.encode() not in got.body


def test_a_slack_message_is_text_that_commands_nobody(start: Start, connection: Connection, receiver: Receiver) -> None:
    keep_rule(connection)
    keep_hook(connection, receiver, kind="slack", secret="")
    process = start(outbound_allow=allow(receiver))
    fire(process, Jobs(connection, "<!channel>*mail*"))

    process.deliver()

    (got,) = receiver.received
    assert list(got.json) == ["text"]
    assert "<!channel>" not in got.json["text"]
    assert "&lt;!channel&gt;" in got.json["text"]
    assert "x-queue-board-signature" not in got.headers


def test_an_e_mail_says_what_happened(start: Start, jobs: Jobs, connection: Connection, sink: MailSink) -> None:
    keep_rule(connection, name="Mail is\tbehind")
    channel = Channel("hook", "on call", "email", "ann@example.com, ben@example.com")
    connection.call(ALERTS.put_channel(channel))
    process = start(smtp_url=f"smtp://127.0.0.1:{sink.port}", mail_from="board@example.com")
    fire(process, jobs)

    process.deliver()

    (got,) = sink.mails
    mail: Mail = got.message
    assert got.people == ["ann@example.com", "ben@example.com"]
    assert mail["From"] == "board@example.com"
    assert mail["Subject"] == "[FIRING] Mail is behind (production)"
    assert "mail has 3 open jobs" in mail.get_payload(decode=True).decode()  # type: ignore[union-attr]


def test_a_receiver_that_comes_back_gets_the_message_once(
    process: Process, start: Start, jobs: Jobs, connection: Connection, receiver: Receiver
) -> None:
    fire(process, jobs)
    receiver.status = 503
    thread = threading.Thread(target=process.deliver)
    thread.start()
    wait_until(lambda: receiver.refused >= 2, "two attempts that were refused")

    receiver.down()
    receiver.status = 200
    receiver.up()
    thread.join(PATIENCE_S)
    process.deliver()

    assert [one.json["event"] for one in receiver.received] == ["fired"]
    assert undelivered(connection) == []


def test_what_is_refused_for_good_is_given_up_at_once_and_kept(
    process: Process, jobs: Jobs, connection: Connection, receiver: Receiver
) -> None:
    receiver.status = 404
    fire(process, jobs)

    process.deliver()

    assert receiver.refused == 1
    assert undelivered(connection) == [f"{receiver.url} answered 404."]


def test_a_place_that_is_not_allowed_is_never_called(
    start: Start, jobs: Jobs, connection: Connection, receiver: Receiver
) -> None:
    keep_rule(connection)
    keep_hook(connection, receiver)
    process = start()
    fire(process, jobs)

    process.deliver()

    assert receiver.received == []
    assert "BOARD_OUTBOUND_ALLOW" in str(undelivered(connection))


def test_two_processes_that_both_deliver_send_it_once(
    start: Start, jobs: Jobs, connection: Connection, receiver: Receiver
) -> None:
    keep_rule(connection)
    keep_hook(connection, receiver)
    one, other = start(outbound_allow=allow(receiver)), start(outbound_allow=allow(receiver))
    fire(one, jobs)

    threads = [threading.Thread(target=process.deliver) for process in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)

    assert len(receiver.received) == 1


def test_a_message_that_is_posted_again_is_not_sent_again(
    process: Process, jobs: Jobs, connection: Connection, receiver: Receiver
) -> None:
    fire(process, jobs)
    queue = Queue(ALERTS.deliveries.name, connection=connection, prefix=ALERTS.deliveries.prefix)
    (job,) = queue.get_jobs(["waiting"])
    process.deliver()

    message = read_message(job.data)
    assert message is not None
    post(connection, ALERTS, [message])
    process.deliver()

    assert len(receiver.received) == 1


def test_a_process_that_ends_leaves_the_rest_to_the_next(
    process: Process, start: Start, jobs: Jobs, receiver: Receiver
) -> None:
    receiver.status = 503
    fire(process, jobs)
    ending = threading.Event()
    thread = threading.Thread(target=process.deliverer.step, args=(Turn(1, False, lambda: None, ending),))  # noqa: FBT003
    thread.start()
    wait_until(lambda: receiver.refused, "an attempt")
    ending.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()

    receiver.status = 200
    start(outbound_allow=allow(receiver)).deliver()

    assert len(receiver.received) == 1


def test_a_message_of_a_removed_channel_is_given_up(
    process: Process, jobs: Jobs, connection: Connection, receiver: Receiver
) -> None:
    fire(process, jobs)
    connection.call(ALERTS.remove("channels", "hook"))

    process.deliver()

    assert receiver.received == []
    assert "The channel was removed." in str(undelivered(connection))
