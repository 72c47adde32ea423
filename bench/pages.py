"""Our pages beside bull-board's as people get them: the same jobs, opened in a real browser, one after the other.

    python -m bench.pages --save             five rounds with all sizes
    python -m bench.pages --quick            one round with small ones
    python -m bench.pages --only big,flow    some cases

Node BullMQ fills a Redis; a second one becomes a copy of it, so that each board has one to itself and what Redis
carries out can be counted. In each round each case is opened once in either board, in turns. The results go to
``bench/results/pages.json`` and ``docs/comparison.md`` is written from them.

Of our board two processes run, as is its default. One of them has the duties that go on whether or not somebody looks
(recorder, alerts); it is held while a page of ours is measured, for moments shorter than its lease, so that what it
asks of Redis is not counted for the page.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import redis
from playwright.sync_api import Browser, sync_playwright

from bench.dashboard import PEERS, Dashboard, install, machine, start_ours, start_theirs, wait
from bench.pages_report import PAGE, pages, write_report
from bench.visit import LAUNCH, Look, Spent, Visit, visit
from tests.browser.finding import NO_BROWSER, find_browser
from tests.servers import Server
from tests.waiting import hold

RESULT = Path(__file__).parent / "results" / "pages.json"

FIRST_QUEUE = "area00.queue-0000"
BIG_NUMBER = "9007199254740993"
SMALL_SHARE = "0.10000000000000000001"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much there is to show.

    Attributes:
        few: queues of an overview that people know.
        many: queues of one that is large.
        jobs: in one queue.
        payload: data of one job, bytes.
        children: of one job.
    """

    few: int = 100
    many: int = 2_000
    jobs: int = 200_000
    payload: int = 1_000_000
    children: int = 2_000


QUICK = Sizes(few=100, many=300, jobs=10_000, payload=100_000, children=200)


@dataclass(frozen=True, slots=True)
class Side:
    """How one board shows a case.

    Attributes:
        path: of its page; ``{flow}`` and such are ids that the filling told.
        look: what makes it of use.
        words: the same for people.
    """

    path: str
    look: Look
    words: str


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that both boards show.

    Attributes:
        key: to choose it by.
        name: what is shown.
        scene: what Redis is filled with.
        ours: how our board shows it.
        theirs: how bull-board does.
        facts: name and text of what should be on the page without another click.
        again: opened a second time, with what the browser kept from the first.
    """

    key: str
    name: str
    scene: str
    ours: Side
    theirs: Side
    facts: tuple[tuple[str, str], ...] = ()
    again: bool = False


def cases(sizes: Sizes) -> list[Case]:
    """Return what is compared."""
    ours = Side("/", Look('#queues a[href^="/q/area"]', FIRST_QUEUE), "the line of the first queue")
    theirs = Side("/", Look('main a[href^="/queue/area"]', FIRST_QUEUE), "the card of the first queue")
    groups = Side("/", Look("#queues tbody a", "area00"), "the line of the first group of queues, as its default is")
    book, tree = "/queue/books/{flow}", "/flows/books/{flow}"
    waiting = (("how many wait", f"{sizes.jobs - 200}"),)
    error = "upstream did not answer"
    return [
        Case("few", f"overview, {sizes.few:,} queues", "few", ours, theirs),
        Case("again", f"overview, {sizes.few:,} queues, opened again", "few", ours, theirs, again=True),
        Case("many", f"overview, {sizes.many:,} queues", "many", groups, theirs),
        Case(
            "big",
            f"queue with {sizes.jobs:,} jobs, waiting",
            "hard",
            Side("/q/big/waiting", Look("main tbody td", "charge"), "the first job of the table"),
            Side("/queue/big?status=waiting", Look('main a[href^="/queue/big/"]', ""), "the card of the first job"),
            waiting,
        ),
        Case(
            "failed",
            f"queue with {sizes.jobs:,} jobs, failed",
            "hard",
            Side("/q/big/failed", Look("main tbody td", error), "the error of the first job"),
            Side("/queue/big?status=failed", Look("main pre, main code", error), "the error of the first job"),
            waiting,
        ),
        Case(
            "large",
            f"job with {sizes.payload / 1_000_000:g} MB of data",
            "hard",
            Side("/q/large/job/{large}", Look("#data span, #data pre", "Meyer"), "the first of its data"),
            Side("/queue/large/{large}", Look("main span", "Meyer"), "the first of its data"),
        ),
        Case(
            "list",
            "failed jobs, the data of one is no JSON",
            "hard",
            Side("/q/broken/failed", Look("main tbody td", error), "the error of the first job"),
            Side("/queue/broken?status=failed", Look("main pre, main code", error), "the error of the first job"),
            (("the job in question", "charge-2"), ("the others", "charge-4")),
        ),
        Case(
            "broken",
            "job whose data is no JSON",
            "hard",
            Side("/q/broken/job/{broken}", Look("main pre, main span", '{"orderId": 2'), "the data as they are"),
            Side("/queue/broken/{broken}", Look("main pre, main span", '{"orderId": 2'), "the data as they are"),
            (("its error", error),),
        ),
        Case(
            "exact",
            f"job with {BIG_NUMBER} in its data",
            "hard",
            Side("/q/exact/job/{exact}", Look("#data span", "of the ledger"), "a value of its data"),
            Side("/queue/exact/{exact}", Look("main span", "of the ledger"), "a value of its data"),
            ((BIG_NUMBER, BIG_NUMBER), (SMALL_SHARE, SMALL_SHARE)),
        ),
        Case(
            "flow",
            f"flow with {sizes.children:,} children, one failed",
            "hard",
            Side(tree, Look('main [role="row"] a', "chapter-"), "the name of a child"),
            Side(book, Look("main .react-flow__node", "chapter-"), "the name of a child"),
            (("which child failed", "chapter-30"),),
        ),
    ]


@dataclass(slots=True)
class Boards:
    """Both boards, each with a Redis of its own that holds the same.

    Attributes:
        ours: the process of ours that is asked.
        keeper: the one that has the duties.
        theirs: bull-board.
        our_client: of our Redis.
        their_client: of theirs.
        ids: what the filling told.
    """

    ours: Dashboard
    keeper: Dashboard
    theirs: Dashboard
    our_client: redis.Redis
    their_client: redis.Redis
    ids: dict[str, str]

    def open(self, browser: Browser, case: Case, *, is_ours: bool) -> Visit:
        """Open a case in one of them."""
        dashboard, side = (self.ours, case.ours) if is_ours else (self.theirs, case.theirs)
        address = f"http://127.0.0.1:{dashboard.port}"
        path = side.path.format(**self.ids)
        return visit(
            browser,
            address,
            path,
            side.look,
            case.facts,
            client=self.our_client if is_ours else self.their_client,
            alone=self._without_duties if is_ours else contextlib.nullcontext,
            cookies=dashboard.headers.get("Cookie", ""),
            again=case.again,
        )

    @contextlib.contextmanager
    def _without_duties(self) -> Iterator[None]:
        """Hold the process that has the duties."""
        pids = self.keeper.pids
        try:
            for pid in pids:
                hold(pid)
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)


@dataclass(slots=True)
class Row:
    """A case with the visits to both."""

    case: Case
    ours: list[Visit] = field(default_factory=list)
    theirs: list[Visit] = field(default_factory=list)


def fill(url: str, scene: str, sizes: Sizes) -> dict[str, str]:
    """Let Node BullMQ fill a Redis."""
    wish = {
        "url": url,
        "scene": "hard" if scene == "hard" else "many",
        "queues": sizes.few if scene == "few" else sizes.many,
        "jobs": sizes.jobs,
        "children": sizes.children,
        "payload": sizes.payload,
    }
    out = subprocess.run(["node", "fill.mjs", json.dumps(wish)], cwd=PEERS, capture_output=True, text=True, check=True)
    ids: dict[str, str] = json.loads(out.stdout.splitlines()[-1])
    return ids


def copy(origin: Server, target: Server) -> None:
    """Make one Redis hold what another holds."""
    with contextlib.closing(origin.client()) as one, contextlib.closing(target.client()) as other:
        one.config_set("repl-diskless-sync-delay", 0)
        other.replicaof("127.0.0.1", origin.port)
        wait(lambda: other.info("replication")["master_link_status"] == "up", "the copy")
        other.replicaof("NO", "ONE")


@contextlib.contextmanager
def both(scene: str, sizes: Sizes) -> Iterator[Boards]:
    """Run both boards on a scene."""
    with contextlib.ExitStack() as stack:
        servers = [Server().start() for _ in range(2)]
        for server in servers:
            stack.callback(server.destroy)
        ids = fill(servers[0].url, scene, sizes)
        copy(*servers)
        clients = [stack.enter_context(contextlib.closing(server.client())) for server in servers]
        keeper = start_ours(servers[0].url)
        stack.callback(keeper.stop)
        ours = start_ours(servers[0].url)
        stack.callback(ours.stop)
        names = sorted(key.removeprefix("bull:").removesuffix(":meta") for key in clients[1].scan_iter("bull:*:meta"))
        theirs = start_theirs(servers[1].url, names)
        stack.callback(theirs.stop)
        yield Boards(ours, keeper, theirs, clients[0], clients[1], ids)


def measure(browser: Browser, rows: Sequence[Row], sizes: Sizes, rounds: int) -> None:
    """Open all cases of one scene in both boards, round after round."""
    with both(rows[0].case.scene, sizes) as boards:
        for number in range(rounds):
            for row in rows:
                for is_ours in (True, False) if number % 2 == 0 else (False, True):
                    (row.ours if is_ours else row.theirs).append(boards.open(browser, row.case, is_ours=is_ours))
                print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)


def summary(row: Row) -> dict[str, Any]:
    """Reduce the visits to medians, with the smallest and the largest time."""
    told: dict[str, Any] = {"key": row.case.key, "name": row.case.name, "facts": [name for name, _ in row.case.facts]}
    for name, visits, side in (("ours", row.ours, row.case.ours), ("theirs", row.theirs, row.case.theirs)):
        views = [one.view_ms for one in visits if one.view_ms is not None]
        first, later = ([one.refreshes[at] for one in visits if len(one.refreshes) > at] for at in (0, 1))
        told[name] = {
            "words": side.words,
            "view_ms": round(statistics.median(views), 1) if views else None,
            "spread": [round(min(views), 1), round(max(views), 1)] if views else None,
            "load": _median([one.load for one in visits]),
            "first refresh": _median(first) if first else None,
            "refresh": _median(later) if later else None,
            "nodes": round(statistics.median(one.nodes for one in visits)),
            "heap_mb": round(statistics.median(one.heap_mb for one in visits), 1),
            "elsewhere": round(statistics.median(one.elsewhere for one in visits)),
            "missing": sorted({fact for one in visits for fact in one.missing}),
            "instead": next((one.instead for one in visits if one.instead), ""),
        }
    return told


def _median(spent: Sequence[Spent]) -> dict[str, int]:
    every = [asdict(one) for one in spent]
    return {name: round(statistics.median(one[name] for one in every)) for name in every[0]}


def main(arguments: Sequence[str] = ()) -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round with less of everything")
    parser.add_argument("--only", help="keys of some cases, with commas between")
    parser.add_argument("--save", action="store_true", help="keep the result and write the page")
    given = parser.parse_args(arguments)
    sizes, rounds = (QUICK, 1) if given.quick else (Sizes(), given.rounds)
    every = cases(sizes)
    chosen = given.only.split(",") if given.only else [case.key for case in every]
    rows = [Row(case) for case in every if case.key in chosen]
    executable = find_browser()
    if executable is None:
        sys.exit(NO_BROWSER)
    install()
    told = {**machine(), "playwright": version("playwright"), "rounds": str(rounds)}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(LAUNCH))
        told["Chromium"] = browser.version
        for scene in dict.fromkeys(row.case.scene for row in rows):
            measure(browser, [row for row in rows if row.case.scene == scene], sizes, rounds)
        browser.close()
    told["load after"] = " ".join(f"{one:.1f}" for one in os.getloadavg())
    result = {"machine": told, "rows": [summary(row) for row in rows]}
    if given.save:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        write_report(result, PAGE)
    print(pages(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
