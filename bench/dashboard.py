"""Our finished pages beside the JSON that bull-board's pages are made from: the same Redis, one process each.

    python -m bench.dashboard            five rounds, some minutes
    python -m bench.dashboard --quick    two short rounds

Each measurement asks one address for a moment; the two dashboards take turns, round after round, and the table shows
medians. Both are asked as browsers ask, with ``Accept-Encoding: gzip``. What Redis and the web process spent is read
from Redis (``INFO``) and from the kernel, over the same moment. The results go to ``bench/results/dashboard.json`` and
``docs/performance.md`` is written from them; a quick run is only printed.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from http.cookiejar import CookieJar
from importlib.metadata import version
from pathlib import Path
from typing import Any

import redis

from bench.report import dashboard as tables
from bench.report import write_report
from tests.cli.visitor import Visitor
from tests.servers import Server

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "bench" / "peers"
RESULT = ROOT / "bench" / "results" / "dashboard.json"

PASSWORD = "a password of the bench"  # noqa: S105 - of a server on loopback that lives for a minute
COMPLETED = 100_000
FAILED = 100
STACK = "GatewayTimeoutError: upstream did not answer\n" + "\n".join(
    f"    at Gateway.call{n} (/srv/app/node_modules/gateway/dist/client.js:{100 + n}:{n + 7})" for n in range(24)
)
"""Some 2 KB, as a real one has."""

Fields = dict[bytes | bytearray | memoryview | str | int | float, bytes | bytearray | memoryview | str | int | float]
"""Of a hash, as redis-py wants it typed."""

BROWSER = {"Accept-Encoding": "gzip", "Connection": "keep-alive"}
TICK = {"HX-Request": "true", "HX-Target": "div#live"}


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that both dashboards show.

    Attributes:
        name: what is shown.
        queues: how many queues there are.
        clients: how many ask at once.
        ours: our address.
        theirs: theirs.
        refresh: ask as a page does that refreshes itself; ``unchanged`` asks with the tag of what is shown already.
    """

    name: str
    queues: int
    clients: int
    ours: str
    theirs: str
    refresh: str = ""


def cases(*, quick: bool) -> list[Case]:
    """Return what is measured, by number of queues: each number is a new pair of servers."""
    api = "/api/queues"
    found = []
    for queues in (10, 100, 1000):
        for clients in {10: (1,), 100: (1, 8) if quick else (1, 8, 32), 1000: (1, 8)}[queues]:
            for kind, refresh in (("opened", ""), ("refreshed", "tick"), ("refreshed, nothing new", "unchanged")):
                found.append(Case(f"overview {kind}", queues, clients, "/", api, refresh))
    big = f"{api}?activeQueue=big&page=1"
    found += [
        Case("page of 20 completed jobs", 100, 1, "/q/big/completed", f"{big}&status=completed&jobsPerPage=20"),
        Case(
            "page of 100 failed jobs with stacks",
            100,
            1,
            "/q/big/failed?size=100",
            f"{big}&status=failed&jobsPerPage=100",
        ),
        Case("one failed job", 100, 1, "/q/big/job/fail-7", f"{api}/big/fail-7"),
    ]
    return [case for case in found if case.queues != 10] if quick else found


@dataclass(slots=True)
class Sample:
    """One measurement."""

    per_second: float
    p50_ms: float
    p99_ms: float
    commands: float
    redis_ms: float
    web_ms: float
    rss_mb: float
    body_bytes: int
    statuses: dict[str, int]


@dataclass(slots=True)
class Row:
    """A case with the samples of both."""

    case: Case
    ours: list[Sample] = field(default_factory=list)
    theirs: list[Sample] = field(default_factory=list)


@dataclass(slots=True)
class Dashboard:
    """A running web process."""

    process: subprocess.Popen[str]
    port: int
    headers: dict[str, str]

    @property
    def pids(self) -> list[int]:
        """The process and its children: gunicorn's worker is one."""
        found = [self.process.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    found += [int(child) for child in children.read_text().split()]
        return found

    def cpu_ms(self) -> float:
        """Time spent so far."""
        ticks = 0
        for pid in self.pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks * 1000 / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        """Memory of the process that answers: the largest of them."""
        sizes = [re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) for pid in self.pids]
        return max(int(size[1]) for size in sizes if size) / 1024

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def seed(client: redis.Redis, queues: int) -> list[str]:
    """Write what a day leaves behind; the names of the queues."""
    now = time.time_ns() // 1_000_000
    names = [f"team-{number % 20}.queue-{number}" for number in range(queues - 1)]
    pipe = client.pipeline(transaction=False)
    for number, name in enumerate([*names, "big"]):
        base = f"bull:{name}"
        pipe.hset(f"{base}:meta", mapping={"opts.maxLenEvents": "10000", "version": "bullmq:6.7.0"})
        for job in range(number % 5):
            pipe.hset(f"{base}:{job}", mapping=_job(now - 60_000))
            pipe.lpush(f"{base}:wait", str(job))
        for job in range(number % 3):
            pipe.zadd(f"{base}:failed", {f"failed-{job}": now - job})
        for job in range(20):
            pipe.zadd(f"{base}:completed", {f"done-{job}": now - job})
    pipe.execute()
    if queues == 100:
        _fill(client, now)
    return [*names, "big"]


def _job(at: int) -> Fields:
    data = json.dumps({"customer": {"id": 41_907, "email": "somebody@example.com"}, "amount": 12.5, "retry": False})
    return {"name": "charge", "data": data, "opts": "{}", "timestamp": str(at), "delay": "0", "priority": "0"}


def _fill(client: redis.Redis, now: int) -> None:
    ended: Fields = {"processedOn": str(now - 500), "finishedOn": str(now), "atm": "1", "ats": "1"}
    for start in range(0, COMPLETED, 5_000):
        pipe = client.pipeline(transaction=False)
        for job in range(start, start + 5_000):
            pipe.hset(f"bull:big:done-{job}", mapping={**_job(now - 1000), **ended, "returnvalue": '{"ok":true}'})
        pipe.zadd("bull:big:completed", {f"done-{job}": now - job for job in range(start, start + 5_000)})
        pipe.execute()
    pipe = client.pipeline(transaction=False)
    for job in range(FAILED):
        wrong: Fields = {"failedReason": "upstream did not answer", "stacktrace": json.dumps([STACK])}
        pipe.hset(f"bull:big:fail-{job}", mapping={**_job(now - 1000), **ended, **wrong})
        pipe.zadd("bull:big:failed", {f"fail-{job}": now - job})
    pipe.execute()


def start_ours(url: str) -> Dashboard:
    """Start `board serve` as it is meant to run, with one process; sign in."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "REDIS_URL": url,
        "BOARD_SECRET_KEY": "k" * 40,
        "BOARD_ADMIN_PASSWORD": PASSWORD,
        "BOARD_HOST": "127.0.0.1",
        "PORT": str(port),
        "BOARD_WORKERS": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "board", "serve"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar))
    visitor = Visitor(f"http://127.0.0.1:{port}", opener)
    wait(lambda: visitor.get("/readyz")[0] == 200, "our dashboard to answer")
    status, page = visitor.sign_in("admin", PASSWORD)
    if status != 200 or "Overview" not in page:
        raise RuntimeError(f"cannot sign in: {status}")
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)
    wait(lambda: "still looking" not in visitor.get("/")[1], "every queue to be found")
    return Dashboard(process, port, {**BROWSER, "Cookie": cookies})


def start_theirs(url: str, names: Sequence[str]) -> Dashboard:
    """Start bull-board on Express."""
    process = subprocess.Popen(
        ["node", "bull_board.mjs"],
        cwd=PEERS,
        env={**os.environ, "REDIS_URL": url, "NODE_ENV": "production"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("no pipe to Node")
    process.stdin.write("\n".join(names))
    process.stdin.close()
    return Dashboard(process, int(process.stdout.readline()), dict(BROWSER))


def wait(done: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {seconds:g} s for {what}")
        time.sleep(0.05)


def load(dashboard: Dashboard, path: str, headers: dict[str, str], clients: int, seconds: float) -> dict[str, Any]:
    """Ask from a process of its own, so that what asking costs is not in the numbers of the dashboards."""
    wish = {
        "port": dashboard.port,
        "path": path,
        "headers": {**dashboard.headers, **headers},
        "clients": clients,
        "seconds": seconds,
        "most": 20_000,
    }
    out = subprocess.run(
        [sys.executable, "-m", "bench.load", json.dumps(wish)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(out.stdout)
    return answer


def measure(
    client: redis.Redis, dashboard: Dashboard, path: str, *, headers: dict[str, str], clients: int, seconds: float
) -> Sample:
    """Ask one dashboard for a moment."""
    load(dashboard, path, headers, clients, 0.0)
    before = _spent(client), dashboard.cpu_ms()
    answer = load(dashboard, path, headers, clients, seconds)
    after = _spent(client), dashboard.cpu_ms()
    times = sorted(answer["latencies_ms"])
    count = len(times)
    return Sample(
        per_second=count / answer["seconds"],
        p50_ms=times[count // 2],
        p99_ms=times[min(count - 1, count * 99 // 100)],
        commands=(after[0][0] - before[0][0]) / count,
        redis_ms=(after[0][1] - before[0][1]) / count,
        web_ms=(after[1] - before[1]) / count,
        rss_mb=dashboard.rss_mb(),
        body_bytes=answer["body_bytes"],
        statuses=answer["statuses"],
    )


def _spent(client: redis.Redis) -> tuple[int, float]:
    """Commands carried out so far, those inside scripts included but not our own INFO; and CPU, ms."""
    stats: dict[str, Any] = client.info("commandstats")
    cpu: dict[str, float] = client.info("cpu")
    commands = sum(one["calls"] for name, one in stats.items() if name != "cmdstat_info")
    return commands, (cpu["used_cpu_user"] + cpu["used_cpu_sys"]) * 1000


def tag_of(dashboard: Dashboard, path: str) -> str:
    """Return the tag of what a page shows."""
    with socket.create_connection(("127.0.0.1", dashboard.port)) as connection:
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**dashboard.headers, **TICK}.items())
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode())
        head = connection.recv(65_536).partition(b"\r\n\r\n")[0].decode("latin-1")
    found = re.search(r"(?i)^etag: (.+)$", head, re.MULTILINE)
    return found[1].strip() if found else ""


def compare(row: Row, client: redis.Redis, ours: Dashboard, theirs: Dashboard, seconds: float) -> None:
    """Take one sample of both."""
    case = row.case
    headers = dict(TICK) if case.refresh else {}
    if case.refresh == "unchanged":
        headers["If-None-Match"] = tag_of(ours, case.ours)
    row.theirs.append(measure(client, theirs, case.theirs, headers={}, clients=case.clients, seconds=seconds))
    row.ours.append(measure(client, ours, case.ours, headers=headers, clients=case.clients, seconds=seconds))
    expected = {"200", "304"} if case.refresh == "unchanged" else {"200"}
    for sample in (row.ours[-1], row.theirs[-1]):
        if set(sample.statuses) - expected:
            raise RuntimeError(f"{case.name}: {sample.statuses}")


@contextlib.contextmanager
def both(queues: int) -> Iterator[tuple[redis.Redis, Dashboard, Dashboard]]:
    """Run the two dashboards on one Redis with so many queues."""
    with contextlib.ExitStack() as stack:
        server = Server().start()
        stack.callback(server.destroy)
        client = server.client()
        stack.callback(client.close)
        names = seed(client, queues)
        theirs = start_theirs(server.url, names)
        stack.callback(theirs.stop)
        ours = start_ours(server.url)
        stack.callback(ours.stop)
        yield client, ours, theirs


def install() -> None:
    """Install the peer in its own folder, as its lock file says."""
    if not (PEERS / "node_modules" / ".package-lock.json").exists():
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=PEERS,
            check=True,
        )


def machine() -> dict[str, str]:
    """Say what this was measured on."""
    lock = json.loads((PEERS / "package-lock.json").read_text())["packages"]
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    server = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "cores": str(os.cpu_count()),
        "load before": " ".join(f"{one:.1f}" for one in os.getloadavg()),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "Node": node.removeprefix("v"),
        "Redis": server.split("v=")[1].split()[0],
        "Flask": version("flask"),
        "gunicorn": version("gunicorn"),
        "bull-board": lock["node_modules/@bull-board/api"]["version"],
        "BullMQ": lock["node_modules/bullmq"]["version"],
        "Express": lock["node_modules/express"]["version"],
    }


def main(arguments: Sequence[str] = ()) -> int:
    """Measure, print, save."""
    quick = "--quick" in arguments
    rounds, seconds = (2, 0.7) if quick else (5, 1.5)
    install()
    told = {**machine(), "rounds": str(rounds), "seconds a sample": str(seconds)}
    rows = [Row(case) for case in cases(quick=quick)]
    for queues in sorted({row.case.queues for row in rows}):
        with both(queues) as (client, ours, theirs):
            for _ in range(rounds):
                for row in rows:
                    if row.case.queues == queues:
                        compare(row, client, ours, theirs, seconds)
        print(f"measured {queues} queues", flush=True)
    told["load after"] = " ".join(f"{one:.1f}" for one in os.getloadavg())
    result = {"machine": told, "rows": [summary(row) for row in rows]}
    if quick:
        print(tables(result))
        return 0
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(write_report(result, ROOT / "docs" / "performance.md"))
    return 0


def summary(row: Row) -> dict[str, Any]:
    """Reduce the samples to medians, with the smallest and the largest rate."""
    told: dict[str, Any] = asdict(row.case)
    for name, samples in (("ours", row.ours), ("theirs", row.theirs)):
        numbers = ("per_second", "p50_ms", "p99_ms", "commands", "redis_ms", "web_ms", "rss_mb", "body_bytes")
        told[name] = {one: round(statistics.median(getattr(sample, one) for sample in samples), 3) for one in numbers}
        rates = [sample.per_second for sample in samples]
        told[name]["spread"] = [round(min(rates), 1), round(max(rates), 1)]
    pairs = zip(row.ours, row.theirs, strict=True)
    told["ratio"] = round(statistics.median(our.per_second / their.per_second for our, their in pairs), 2)
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
