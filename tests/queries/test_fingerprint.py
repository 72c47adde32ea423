"""Failures of one bug share a fingerprint, failures of two do not, whatever language threw them."""

import json

import pytest

from board.queries.fingerprint import cause_of, newest_trace, normalise, place_of, short_place
from tests.queries.jobs import NODE_TRACE, PYTHON_TRACE


@pytest.mark.parametrize(
    ("message", "normalised"),
    [
        ("POST /v1/charges took longer than 10000 ms", "POST <path> took longer than <n> ms"),
        ("connect ECONNREFUSED 127.0.0.1:5432", "connect ECONNREFUSED <address>"),
        ("connect ECONNREFUSED 10.4.0.99:5432", "connect ECONNREFUSED <address>"),
        ("connect ECONNREFUSED ::1:5432", "connect ECONNREFUSED ::<n>:<n>"),
        ("connect ENETUNREACH 2001:db8:0:1:1:1:1:1:443", "connect ENETUNREACH <address>"),
        ("user 41907 not found", "user <n> not found"),
        ("user -1.5e3 not found", "user <n> not found"),
        ("no mailbox ann.b+x@example.co.uk", "no mailbox <email>"),
        ("fetch https://api.example.com/v2/x?id=7 failed", "fetch <url> failed"),
        ("order 6f1c8e0e-9d2b-4c1a-8f00-0123456789ab is closed", "order <id> is closed"),
        (
            "Cannot read properties of undefined (reading 'vatId')",
            "Cannot read properties of undefined (reading <text>)",
        ),
        ("no such size: huge", "no such size: huge"),
        ('column "a b" does not exist', "column <text> does not exist"),
        ("it doesn't fit, it can't", "it doesn't fit, it can't"),
        ("bad block 0xDEADBEEF at 0x10", "bad block <n> at <n>"),
        ("commit 9fceb02d0ae598e95dc970b74767f19372d61af8 is missing", "commit <n> is missing"),
        ("ENOENT: no such file or directory, open '/tmp/x/1.png'", "ENOENT: no such file or directory, open <text>"),
        ("cannot open /srv/data/7/a.png now", "cannot open <path> now"),
        (r"cannot open C:\data\a.png", "cannot open <path>"),
        ("No such customer: cus_Nf84Kd02jA", "No such customer: <id>"),
        ("batch job-17-a ended", "batch <id> ended"),
        ("key 01ARZ3NDEKTSV4RRFFQ69G5FAV expired", "key <id> expired"),
        ("at 2026-11-26T03:12:26.123Z the lease ended", "at <time> the lease ended"),
        ("on 2026-11-26 12:00 it ended", "on <time> it ended"),
        ("E11000 duplicate key", "E11000 duplicate key"),
        ("utf8 and http2 stay", "utf8 and http2 stay"),
        ("took 1,204,331 of 2_000 rows", "took <n> of <n> rows"),
        ("first line\nsecond 7", "first line"),
        ("a   b\t c", "a b c"),
        ("", ""),
    ],
)
def test_what_varies_is_taken_out_of_a_message(message: str, normalised: str) -> None:
    assert normalise(message) == normalised


@pytest.mark.parametrize(
    "message", ["x" * 100_000, "'" * 5_000, "1" * 50_000, "/a" * 9_000, "a-" * 9_000 + "1", "::" * 9_000]
)
def test_no_message_takes_long_or_stays_long(message: str) -> None:
    assert len(normalise(message)) <= 300


@pytest.mark.parametrize(
    ("file", "place"),
    [
        ("/app/src/gateway/client.ts:118:13", "src/gateway/client.ts"),
        ("/opt/shop/src/gateway/client.ts:9:1", "src/gateway/client.ts"),
        ("file:///app/src/gateway/client.ts:9:1", "src/gateway/client.ts"),
        (r"C:\shop\src\gateway\client.ts:9:1", "src/gateway/client.ts"),
        ("/srv/app/tasks.py:14", "app/tasks.py"),
        ("/opt/release-2026-11-26/tasks.py:14", "tasks.py"),
        ("index.js:1:1", "index.js"),
        ("", ""),
    ],
)
def test_the_place_is_the_file_whatever_it_was_installed_to(file: str, place: str) -> None:
    assert place_of(file) == place
    assert short_place(file).startswith(place)


def test_a_cause_says_what_a_person_would() -> None:
    cause = cause_of(NODE_TRACE, "", "charge-card")

    assert (cause.error, cause.message) == ("GatewayTimeoutError", "POST <path> took longer than <n> ms")
    assert (cause.function, cause.file) == ("GatewayClient.post", "/app/src/gateway/client.ts:118:13")
    assert cause.fingerprint.startswith("1-")


SAME = [
    ("other numbers", NODE_TRACE, NODE_TRACE.replace("10000", "30000")),
    ("other line", NODE_TRACE, NODE_TRACE.replace("client.ts:118:13", "client.ts:120:9")),
    ("other folder", NODE_TRACE, NODE_TRACE.replace("/app/src", "/opt/shop/src")),
    ("another caller", NODE_TRACE, NODE_TRACE.replace("chargeInvoice", "chargeTwice")),
    ("another release of a library", NODE_TRACE, NODE_TRACE.replace("worker.js:522", "worker.js:600")),
    ("Python, another line", PYTHON_TRACE, PYTHON_TRACE.replace("line 14", "line 15")),
    ("Python, another interpreter", PYTHON_TRACE, PYTHON_TRACE.replace("python3.11", "python3.13")),
]


@pytest.mark.parametrize(("one", "other"), [pair[1:] for pair in SAME], ids=[pair[0] for pair in SAME])
def test_one_bug_has_one_fingerprint(one: str, other: str) -> None:
    assert one != other
    assert cause_of(one, "", "x").fingerprint == cause_of(other, "", "x").fingerprint


DIFFERENT = [
    ("another class", NODE_TRACE, NODE_TRACE.replace("GatewayTimeoutError", "SocketError")),
    ("another message", NODE_TRACE, NODE_TRACE.replace("took longer than", "was refused after")),
    ("another function", NODE_TRACE, NODE_TRACE.replace("GatewayClient.post", "GatewayClient.get")),
    ("another file", NODE_TRACE, NODE_TRACE.replace("client.ts", "server.ts")),
    ("Python, another function", PYTHON_TRACE, PYTHON_TRACE.replace("in resize", "in crop")),
]


@pytest.mark.parametrize(("one", "other"), [pair[1:] for pair in DIFFERENT], ids=[pair[0] for pair in DIFFERENT])
def test_two_bugs_have_two(one: str, other: str) -> None:
    assert cause_of(one, "", "x").fingerprint != cause_of(other, "", "x").fingerprint


def test_jobs_of_two_names_have_two() -> None:
    assert cause_of(NODE_TRACE, "", "x").fingerprint != cause_of(NODE_TRACE, "", "y").fingerprint


def test_without_a_trace_the_reason_tells_the_cause() -> None:
    stalled = cause_of("", "job stalled more than allowable limit", "x")

    assert stalled.message == "job stalled more than allowable limit"
    assert (stalled.error, stalled.function, stalled.file) == ("", "", "")
    assert cause_of("", "child bull:mail:7 failed", "x") == cause_of("", "child bull:mail:8 failed", "x")


@pytest.mark.parametrize("stored", [None, "", "[]", "{}", "[7]", "[null]", "not json", "[" * 100_000])
def test_a_field_without_a_trace_that_can_be_read_has_none(stored: str | None) -> None:
    assert newest_trace(stored) == ""


def test_the_newest_trace_is_the_last() -> None:
    assert newest_trace(json.dumps(["older", "newer"])) == "newer"
