"""E-mail goes to the one server of the settings, and its password never without TLS."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from board.errors import OutboundFailedError, OutboundRefusedError
from board.outbound.mail import Mailer
from board.outbound.mail_server import MailServer, read_mail_server
from tests.alerts.receiving import MailSink
from tests.waiting import wait_until


@pytest.fixture
def sink() -> Iterator[MailSink]:
    with MailSink() as one:
        yield one


def test_a_password_is_not_sent_to_a_server_without_tls(sink: MailSink) -> None:
    mailer = Mailer(MailServer("127.0.0.1", sink.port, user="board", password="canary-5e1f"), "board@example.com")

    with pytest.raises(OutboundRefusedError, match="offers no TLS") as refused:
        mailer.send("ann@example.com", "subject", "text", "m1")

    assert sink.mails == []
    assert "canary" not in str(refused.value) + repr(mailer)


def test_a_subject_of_many_lines_adds_no_header(sink: MailSink) -> None:
    mailer = Mailer(MailServer("127.0.0.1", sink.port), "board@example.com")

    mailer.send("ann@example.com", "hello\r\nBcc: eve@example.com\r\n\r\nbody", "text\n.\nmore", "m1")

    (mail,) = sink.mails
    assert mail.people == ["ann@example.com"]
    assert mail.message["Bcc"] is None
    assert mail.message["Subject"] == "hello Bcc: eve@example.com body"


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    mailer = Mailer(MailServer("127.0.0.1", 1, user="board", password="canary-5e1f"), "board@example.com")

    with pytest.raises(OutboundFailedError, match=r"^127\.0\.0\.1 cannot be reached\.$"):
        mailer.send("ann@example.com", "subject", "text", "m1")


def test_who_is_refused_is_told_and_nobody_gets_it_twice(sink: MailSink) -> None:
    sink.unknown = {"ben@example.com"}
    mailer = Mailer(MailServer("127.0.0.1", sink.port), "board@example.com")

    with pytest.raises(OutboundRefusedError, match="takes no mail for 1 of these addresses"):
        mailer.send("ann@example.com, ben@example.com", "subject", "text", "m1")

    assert [mail.people for mail in sink.mails] == [["ann@example.com"]]


def test_a_server_that_never_comes_to_an_end_is_left(sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("board.outbound.mail.LONGEST_SECONDS", 0.3)
    sink.drips = True
    mailer = Mailer(MailServer("127.0.0.1", sink.port), "board@example.com")

    with pytest.raises(OutboundFailedError, match="did not get done in time"):
        mailer.send("ann@example.com", "subject", "text", "m1")


def test_a_server_that_is_reached_too_late_is_left_at_once(sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("board.outbound.mail.LONGEST_SECONDS", 0.05)
    connect, made = socket.create_connection, []

    def slowly(*args: Any, **kwargs: Any) -> socket.socket:
        wait_until(lambda: not _timers(), "the time to be over")
        made.append(connect(*args, **kwargs))
        return made[0]

    monkeypatch.setattr(socket, "create_connection", slowly)
    mailer = Mailer(MailServer("127.0.0.1", sink.port), "board@example.com")

    with pytest.raises(OutboundFailedError, match="did not get done in time"):
        mailer.send("ann@example.com", "subject", "text", "m1")

    assert sink.mails == []
    assert made[0].fileno() == -1


def test_no_timer_is_left_of_a_server_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("board.outbound.mail.LONGEST_SECONDS", 3_600)

    with pytest.raises(OutboundFailedError):
        Mailer(MailServer("127.0.0.1", 1), "board@example.com").send("ann@example.com", "subject", "text", "m1")

    wait_until(lambda: not _timers(), "the timer to end")


def _timers() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if isinstance(one, threading.Timer)]


def test_without_a_server_nothing_is_sent() -> None:
    with pytest.raises(OutboundRefusedError, match="BOARD_SMTP_URL"):
        Mailer(None).send("ann@example.com", "subject", "text", "m1")


@pytest.mark.parametrize(
    ("text", "host", "port", "is_tls"),
    [
        ("smtp://mail.example.com", "mail.example.com", 587, False),
        ("smtps://mail.example.com", "mail.example.com", 465, True),
        ("smtp://u:p%40ss@mail.example.com:25", "mail.example.com", 25, False),
    ],
)
def test_a_server_is_read(text: str, host: str, port: int, is_tls: bool) -> None:  # noqa: FBT001
    server = read_mail_server(text)

    assert (server.host, server.port, server.is_tls) == (host, port, is_tls)
    assert server.password in {"", "p@ss"}


@pytest.mark.parametrize("text", ["mail.example.com", "http://mail.example.com", "smtp://", "smtp://h:x", "smtp://h/x"])
def test_what_is_no_server_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(must be|has a host)"):
        read_mail_server(text)
