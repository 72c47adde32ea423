import json

import pytest

from board.engine.commands.pages import UNNAMED_ERROR, read_page, unpack_row
from board.engine.connection.sync import Connection
from board.queries.stack import attempt, attempts, culprit, error_of, in_runs
from tests.queries.conftest import MAIL
from tests.queries.jobs import NODE_TRACE, PYTHON_TRACE, Filler

CHAINED = (
    "Traceback (most recent call last):\n"
    '  File "/srv/app/a.py", line 1, in a\n'
    "    b()\n"
    "KeyError: 'x'\n"
    "\nDuring handling of the above exception, another exception occurred:\n\n"
    "Traceback (most recent call last):\n"
    '  File "/srv/app/a.py", line 3, in a\n'
    "    raise requests.exceptions.ConnectionError('no route')\n"
    "requests.exceptions.ConnectionError: no route\n"
    "second line of the message\n"
)

NAMES = [
    (NODE_TRACE, "GatewayTimeoutError"),
    (PYTHON_TRACE, "ValueError"),
    (CHAINED, "requests.exceptions.ConnectionError"),
    ("TypeError [ERR_INVALID_ARG_TYPE]: The argument\n    at x (/a.js:1:1)", "TypeError"),
    ("Error\n    at x (/a.js:1:1)", "Error"),
    ("** (RuntimeError) oops\n    (app) lib/x.ex:1: X.y/0", "RuntimeError"),
    ('Traceback (most recent call last):\n  File "a.py", line 1, in a\nKeyboardInterrupt', "KeyboardInterrupt"),
    ("connect ECONNREFUSED 127.0.0.1:5432", None),
    ("", None),
    ("#0 /srv/app.php(12): run()\n#1 {main}", None),
]


@pytest.mark.parametrize(("trace", "name"), NAMES)
def test_the_class_of_an_error_is_read_where_its_language_writes_it(trace: str, name: str | None) -> None:
    assert error_of(trace)[0] == name


@pytest.mark.parametrize(("trace", "name"), NAMES)
def test_lists_name_an_error_as_its_own_page_does(
    connection: Connection, mail: Filler, trace: str, name: str | None
) -> None:
    """The lists ask Lua, the job's page Python: a facet must find the jobs that it was named after."""
    mail.failed("1", stacktrace=json.dumps(["older", trace]))

    page = connection.call(read_page(MAIL, "failed", order="newest", size=20))

    assert unpack_row(page.rows[0]).error_name == name
    assert page.error_counts == ((name or UNNAMED_ERROR, 1),)


def test_a_message_of_several_lines_is_kept_and_frames_are_no_part_of_it() -> None:
    assert error_of(CHAINED)[1] == "no route\nsecond line of the message"
    assert error_of("Error: one\ntwo\n    at x (/a.js:1:1)")[1] == "one\ntwo"


def test_node_frames_are_told_apart_from_their_libraries() -> None:
    frames = attempt(NODE_TRACE, 1).frames

    assert [(frame.function, frame.group) for frame in frames] == [
        ("GatewayClient.post", None),
        ("async chargeInvoice", None),
        ("Worker.processJob", "bullmq"),
        ("async Worker.retryIfFailed", "bullmq"),
        ("process.processTicksAndRejections", "node"),
    ]
    assert frames[0].file == "/app/src/gateway/client.ts:118:13"
    assert culprit(frames) is frames[0]


def test_frames_in_a_row_of_one_library_are_one_run() -> None:
    places = (
        "/srv/app/a.js",
        "/srv/app/b.js",
        "/m/node_modules/x/a.js",
        "/m/node_modules/x/b.js",
        "/m/node_modules/y.js",
    )
    trace = "\n".join(f"    at f ({place}:1:1)" for place in (*places, "/m/node_modules/x/c.js"))

    runs = in_runs(attempt(trace, 1).frames)

    assert [(run[0].group, len(run)) for run in runs] == [(None, 2), ("x", 2), ("y.js", 1), ("x", 1)]


def test_python_frames_come_innermost_first_with_their_source() -> None:
    frames = attempt(PYTHON_TRACE, 1).frames

    assert [(frame.function, frame.app, frame.group) for frame in frames] == [
        ("resize", True, None),
        ("_run", False, "board"),
    ]
    assert frames[0].file == "/srv/app/tasks.py:14"
    assert frames[0].text == "raise ValueError(f'no such size: {size}')"


@pytest.mark.parametrize(
    ("line", "group"),
    [
        ("    at /app/src/x.js:1:1", None),
        ("    at f (file:///app/src/x.mjs:1:1)", None),
        (r"    at f (C:\app\src\x.js:1:1)", None),
        (r"    at f (C:\app\node_modules\pg\lib\x.js:1:1)", "pg"),
        ("    at f (/app/node_modules/@aws-sdk/client-s3/dist/x.js:1:1)", "@aws-sdk/client-s3"),
        ("    at f (/app/node_modules/.pnpm/pg@8.1.0/node_modules/pg/lib/x.js:1:1)", "pg"),
        ("    at new Promise (<anonymous>)", "node"),
        ("    at Array.map (native)", "node"),
        ("    at async node:internal/main:1:1", "node"),
    ],
)
def test_a_frame_belongs_to_the_application_or_to_one_library(line: str, group: str | None) -> None:
    (frame,) = attempt(f"Error: x\n{line}", 1).frames

    assert frame.group == group
    assert frame.app is (group is None)


def test_attempts_are_numbered_from_the_one_counted_last() -> None:
    """Redis keeps the last few traces only, so the oldest of them is not the first attempt."""
    shown = attempts(["Error: fourth", "Error: fifth"], 5)

    assert [(one.number, one.error_message) for one in shown] == [(5, "fifth"), (4, "fourth")]


def test_a_trace_of_nonsense_is_shown_as_it_is() -> None:
    shown = attempt("\x00\x1b[2J" + "at (((((" * 500, 1)

    assert shown.frames == ()
    assert "\x1b" not in shown.raw
