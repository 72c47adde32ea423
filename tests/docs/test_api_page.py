"""docs/api.md, asked of a board: its examples answer what stands below them, its tables name every operation there is.

An example is a console block with `curl` and the JSON block after it.
"""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from board.config import Settings
from board.web.api.operations import OPERATIONS
from tests.cli.conftest import launch
from tests.cli.visitor import Visitor
from tests.docs.pages import ROOT, Block, blocks
from tests.recorder.conftest import Process
from tests.waiting import PATIENCE_S, wait_until
from tests.web.site import PASSWORD, Site

PAGE = ROOT / "docs" / "api.md"
BOARD = "http://localhost:8000"
"""The address of the page; here it becomes that of the test's board."""

VARIES = re.compile(r"\w+_ms|(?:\w+_)?line\[\d+\]|request_id")
"""Fields whose values are others every time; those of lines move on while the page is asked."""


def asked(block: Block) -> bool:
    return block.language == "console" and "$ curl " in block.text


def examples() -> list[tuple[Block, Block]]:
    """Return each block that asks with the block that stands below it."""
    found = blocks(PAGE)
    return [(one, below) for one, below in pairwise(found) if asked(one)]


def seed(site: Site, *, has_active: bool = True) -> None:
    """Make the jobs that the page speaks of: one that failed, and one in the hands of a worker."""
    site.jobs.waiting("order-7", {"to": "ann"})
    site.jobs.failed("order-7")
    if has_active:
        site.jobs.active("order-8")


def make_token(site: Site, role: str) -> str:
    return site.service.tokens.make("nightly", role, only_reads=False, days=1, made_by="test")


def kind(value: Any) -> type:
    """Return the kind of a JSON value, which knows one kind of numbers."""
    return float if type(value) is int else type(value)


def differences(said: Any, got: Any, at: str = "answer") -> list[str]:
    """Return where an answer is not as the page shows it; of what varies, only the kind has to be the same."""
    if kind(said) is not kind(got):
        return [f"{at}: the page has {said!r}, the board {got!r}"]
    if isinstance(said, dict):
        names = [f"{at}.{name} is only on one side" for name in sorted(said.keys() ^ got.keys())]
        return names + [
            one for name in said.keys() & got.keys() for one in differences(said[name], got[name], f"{at}.{name}")
        ]
    if isinstance(said, list):
        if len(said) != len(got):
            return [f"{at}: the page has {len(said)} entries, the board {len(got)}"]
        return [one for n, (a, b) in enumerate(zip(said, got, strict=True)) for one in differences(a, b, f"{at}[{n}]")]
    varies = VARIES.fullmatch(at.rpartition(".")[2]) is not None
    return [] if varies or said == got else [f"{at}: the page has {said!r}, the board {got!r}"]


def test_every_example_has_its_answer() -> None:
    assert len(examples()) >= 8
    assert [below.line for _, below in examples() if below.language != "json"] == []
    answers = {below.line for _, below in examples()}
    assert [one.line for one in blocks(PAGE) if one.language == "json" and one.line not in answers] == []


def test_a_board_answers_what_the_page_shows(redis_url: str, tmp_path: Path) -> None:
    site = Site(Settings(redis_url=redis_url, admin_password=PASSWORD))
    seed(site)
    Process(site.service).catch_up()
    environment = {**os.environ, "TOKEN": make_token(site, "operator"), "NO_PROXY": "*"}
    site.close()
    running = launch(tmp_path, "serve", REDIS_URL=redis_url, BOARD_WORKERS="1")
    wrong: list[str] = []
    try:
        wait_until(lambda: Visitor(running.url).get("/readyz")[0] == 200, "the board to be ready")
        for block, below in examples():
            (command,) = [line.removeprefix("$ ") for line in block.text.splitlines()]
            done = subprocess.run(
                ["bash", "-c", command.replace(BOARD, running.url)],
                env=environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                check=False,
            )
            assert done.stdout, f"{PAGE.name}:{block.line}: {done.stderr}"
            found = differences(json.loads(below.text), json.loads(done.stdout))
            wrong += [f"{PAGE.name}:{below.line}: {one}" for one in found]
    finally:
        running.end_at_last()

    assert wrong == []


@pytest.mark.parametrize(
    ("said", "got", "count"),
    [
        ({"a": 1, "at_ms": 5}, {"a": 1, "at_ms": 6}, 0),
        ({"a": 1}, {"a": 2}, 1),
        ({"a": 1}, {"a": 1, "b": 2}, 1),
        ({"a": 1, "b": 2}, {"a": 1}, 1),
        ({"at_ms": 5}, {"at_ms": None}, 1),
        ({"a": [{"b": "x"}]}, {"a": [{"b": 1}]}, 1),
        ({"a": [1]}, {"a": []}, 1),
    ],
)
def test_an_answer_that_differs_is_noticed(said: Any, got: Any, count: int) -> None:
    assert len(differences(said, got)) == count


def shape(path: str) -> str:
    """Return an address without the names of what varies in it."""
    return re.sub(r"<[^>]+>|\{\w+\}", "{}", path)


KNOWN = {(one.method, shape(one.path)): one for one in OPERATIONS.values()}


@dataclass(frozen=True, slots=True)
class Row:
    """An operation in a table of the page.

    Attributes:
        method: of HTTP.
        path: its address below that of the interface.
        query: what stands after the address; empty for nothing.
        bodies: what may be sent, as JSON.
        fields: names in the cell of the body, which may be that of several operations.
    """

    method: str
    path: str
    query: str
    bodies: tuple[str, ...]
    fields: frozenset[str]


def rows() -> list[Row]:
    """Return every operation in the tables; a short address differs from the first of its row in the last part."""
    found: list[Row] = []
    for first, second in re.findall(r"^\| (`(?:GET|POST) .+?) \| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE):
        method, begin, *others = re.findall(r"(?<=`)[A-Z]+(?= )|/[^` ]+", first)
        bodies = re.findall(r"`(\{.+?\})`|\bnone\b", second)
        fields = frozenset(re.findall(r"`(\w+)`", second)).union(*(json.loads(one) for one in bodies if one))
        for n, text in enumerate([begin, *others]):
            path, _, query = text.partition("?")
            if (method, shape(path)) not in KNOWN:
                path = begin.rpartition("/")[0] + path
            own = bodies[n : n + 1] if others and len(bodies) == len(others) + 1 else bodies
            found.append(Row(method, path, query, tuple(filter(None, own)), fields))
    return found


def test_the_tables_name_every_operation_and_no_other() -> None:
    assert sorted((one.method, shape(one.path)) for one in rows()) == sorted(KNOWN)


def test_the_tables_name_every_field_of_a_body() -> None:
    for one in rows():
        assert KNOWN[one.method, shape(one.path)].body.keys() - one.fields == set(), one.path


SENDS_OUT = "/alerts/channels/{channel}/test"
"""Needs somebody who receives: the tests of alerts ask it."""

OTHER_JOBS = {"promote": "late", "delay": "late", "priority": "next", "stop": "order-8"}
"""Jobs that this can be done to; all else is done to the one that failed."""


class Asking:
    """A board, and a program that asks it for what the tables show."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._token = make_token(site, "admin")

    def ask(self, method: str, path: str, body: str = "") -> Any:
        """Return a good answer."""
        answer = self._site.app.test_client().open(
            "/api/v1" + path, method=method, data=body, headers={"Authorization": f"Bearer {self._token}"}
        )
        assert answer.status_code == 200, f"{method} {path} {body}: {answer.text}"
        return json.loads(answer.text)

    def address(self, path: str) -> str:
        """Put names into an address, of things that are made for it."""
        verb = path.rpartition("/")[2]
        queue, job = "mail", OTHER_JOBS.get(verb, "order-7")
        if verb == "send-back":
            self.ask("POST", "/queues/mail/jobs/order-7/bury", '{"grave": "mail-dlq"}')
            queue = "mail-dlq"
            job = "mail!2Forder-7"
        if verb == "ignore":
            self._site.jobs.parent_of("order-7")
        if "/schedulers/" in path:
            job = "report"
            self.ask("POST", "/queues/mail/schedulers/report/save", '{"every_ms": 60000}')
            if verb == "resume":
                self.ask("POST", "/queues/mail/schedulers/report/pause")
        filled = path.replace("{queue}", queue).replace("{id}", job)
        return re.sub(r"\{(\w+)\}", lambda match: str(getattr(self, f"_{match[1]}")(verb)), filled)

    def _group(self, _verb: str) -> Any:
        Process(self._site.service).catch_up()
        return self.ask("GET", "/failure-groups")["groups"][0]["group"]

    def _run(self, verb: str) -> Any:
        run = self.ask("POST", "/queues/mail/bulk", '{"verb": "retry", "state": "failed"}')["run"]
        if verb == "go-on":
            self.ask("POST", f"/bulk/{run}/stop")
        return run

    def _check(self, verb: str) -> Any:
        check = next(one["name"] for one in self.ask("GET", "/health")["findings"] if one["verdict"] == "warning")
        if verb == "reopen":
            self.ask("POST", f"/health/{check}/accept", not_past('{"until": "2031-12-31", "reason": "known"}'))
        return check

    def _rule(self, _verb: str) -> Any:
        return self.ask("POST", "/alerts/rules", '{"watch": "depth", "limit": 5}')["id"]

    def _silence(self, _verb: str) -> Any:
        return self.ask("POST", "/alerts/silences", '{"queues": "mail", "length_ms": 60000}')["id"]

    def _channel(self, _verb: str) -> Any:
        body = '{"name": "ops", "kind": "webhook", "target": "https://example.com/in"}'
        return self.ask("POST", "/alerts/channels", body)["id"]


def not_past(body: str) -> str:
    """Return a body with a day soon to come in the place of the one that the page has."""
    return re.sub(r"\d{4}-\d\d-\d\d", str((datetime.now(UTC) + timedelta(days=9)).date()), body)


@pytest.mark.parametrize("row", [one for one in rows() if one.path != SENDS_OUT], ids=lambda row: row.path)
def test_what_a_table_shows_is_done(redis_url: str, row: Row) -> None:
    verb = row.path.rpartition("/")[2]
    site = Site(Settings(redis_url=redis_url, admin_password=PASSWORD, outbound_allow="example.com"))
    seed(site, has_active=verb != "obliterate")
    site.jobs.waiting("next")
    site.jobs.delayed("late")
    asking = Asking(site)
    path = asking.address(row.path) + (f"?{row.query}" if row.query else "")

    bodies = [not_past(body).replace("order-7", OTHER_JOBS.get(verb, "order-7")) for body in row.bodies] or [""]

    answers = [asking.ask(row.method, path, body) for body in bodies]

    site.close()
    refused = [one["refused"] for one in answers if one.get("refused") and not one["done"]]
    # Only a worker of our engine can be asked to stop a job; the tests of workers have one.
    assert refused == [] or verb == "stop"
