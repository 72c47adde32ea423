"""The engine beside Node BullMQ: the same work on the same server, interleaved.

    python -m bench.engine [--quick] [--rounds 5] [--only drain-10,one] [--uvloop] [--save]

Every measurement is a process of its own on a flushed server. In each round each side does each work once, so that what
disturbs the machine disturbs all; told are the medians of the rounds, and of the ratios within a round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.engine_report import write_report
from tests.servers import Server

HERE = Path(__file__).parent
MODULES = HERE.parent / "tests" / "interop" / "package.json"
RESULT = HERE / "results" / "engine.json"
PAGE = HERE.parent / "docs" / "performance.md"
PEERS = {"node6": "bullmq6", "node5": "bullmq5"}
PAYLOAD = {"orderId": 1234567, "customer": "f3b1c2d4-5e6f-7a8b-9c0d-1e2f3a4b5c6d", "items": [1, 2, 3], "note": "a" * 24}
"""119 bytes of JSON."""


@dataclass(frozen=True, slots=True)
class Work:
    """One row: what is done, with how many jobs, and what one hopes for beside Node 6.7."""

    title: str
    work: str
    jobs: int
    concurrency: int = 1
    target: float = 1.0
    ours: str = ""


WORKS = {
    "bulk": Work("bulk add, 1,000 a call", "bulk", 20_000, target=3.0),
    "flight": Work("add, 1,000 in flight", "flight", 20_000, target=2.2),
    "one": Work("add, one awaited after the other", "one", 3_000, target=1.25),
    "one-blocking": Work("add, one after the other, blocking front", "one", 3_000, ours="blocking"),
    "drain-1": Work("drain, concurrency 1", "drain", 3_000, 1, 1.4),
    "drain-10": Work("drain, concurrency 10", "drain", 10_000, 10, 2.0),
    "drain-50": Work("drain, concurrency 50", "drain", 20_000, 50, 2.0),
    "drain-100": Work("drain, concurrency 100", "drain", 20_000, 100, 2.0),
    "threads-10": Work("drain, concurrency 10, our threads", "drain", 5_000, 10, 1.0, ours="threads"),
    "sleep-50": Work("jobs of 5 ms, concurrency 50", "sleep", 10_000, 50, 1.0),
    "retries-50": Work("two failures and a success, concurrency 50", "retries", 3_000, 50, 1.8),
    "flow": Work("a parent with 1,000 children, concurrency 50", "flow", 1_001, 50, 1.8),
    "latency": Work("from add to start on an idle worker", "latency", 300),
}


def task(name: str, port: int, jobs: int) -> dict[str, Any]:
    """Describe a piece of work to the process that does it."""
    work = WORKS[name]
    return {"work": work.work, "port": port, "jobs": jobs, "concurrency": work.concurrency, "payload": PAYLOAD}


def measure(side: str, name: str, server: Server, jobs: int, wish: Mapping[str, Any] | None = None) -> dict[str, float]:
    """Let one side do one piece of work on an empty server; ``wish`` asks for something besides."""
    server.flush()
    given = {**task(name, server.port, jobs), **(wish or {})}
    if side in PEERS:
        given |= {"modules": str(MODULES), "package": PEERS[side]}
        command = ["node", str(HERE / "peers" / "bullmq.mjs"), json.dumps(given)]
    else:
        given |= {"work": WORKS[name].ours or given["work"], "uvloop": side == "uvloop"}
        command = [sys.executable, "-m", "bench.ours", json.dumps(given)]
    out = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if out.returncode:
        raise RuntimeError(f"{side} {name}: {out.stderr[-2000:]}")
    told = json.loads(out.stdout.splitlines()[-1])
    if "latencies_ms" in told:
        times = sorted(told["latencies_ms"])
        return {"p50_ms": statistics.median(times), "p99_ms": times[int(len(times) * 0.99)]}
    return {
        "per_second": jobs / told["seconds"],
        "client_ms": told["client_ms"] / jobs,
        "redis_ms": told["redis_ms"] / jobs,
    }


def machine(server: Server, rounds: int) -> dict[str, str]:
    """Tell what was measured on what."""
    versions = {
        package: json.loads((MODULES.parent / "node_modules" / package / "package.json").read_text())["version"]
        for package in PEERS.values()
    }
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "node": node,
        "redis": str(server.client().info("server")["redis_version"]),
        "rounds": str(rounds),
        **versions,
    }


def ratio(key: str, ours: float, theirs: float) -> float:
    """Return how many times better ours is: faster, or cheaper."""
    if key == "per_second":
        return ours / theirs
    return ours / theirs if theirs else 0.0


def run(names: list[str], sides: list[str], rounds: int, scale: float) -> dict[str, Any]:
    """Measure and return the rows."""
    server = Server().start()
    samples: dict[str, dict[str, list[dict[str, float]]]] = {name: {side: [] for side in sides} for name in names}
    try:
        for number in range(rounds):
            for name in names:
                jobs = max(int(WORKS[name].jobs * scale) // 1000 * 1000, 1000) if name != "latency" else 300
                jobs = 1_001 if name == "flow" else jobs
                for side in sides if number % 2 == 0 else reversed(sides):
                    samples[name][side].append(measure(side, name, server, jobs))
                print(".", end="", flush=True, file=sys.stderr)
        told = machine(server, rounds)
    finally:
        server.destroy()
    print(file=sys.stderr)
    rows = []
    for name in names:
        row: dict[str, Any] = {"name": name, "title": WORKS[name].title, "target": WORKS[name].target, "sides": {}}
        for side in sides:
            got = samples[name][side]
            row["sides"][side] = {
                key: {
                    "median": statistics.median(one[key] for one in got),
                    "low": min(one[key] for one in got),
                    "high": max(one[key] for one in got),
                    "ratios": {
                        peer: statistics.median(
                            ratio(key, mine[key], his[key]) for mine, his in zip(got, samples[name][peer], strict=True)
                        )
                        for peer in sides
                        if peer in PEERS
                    },
                }
                for key in got[0]
            }
        rows.append(row)
    return {"machine": told, "rows": rows}


def show(result: dict[str, Any]) -> None:
    """Print one line a row and side."""
    for row in result["rows"]:
        print(row["title"])
        for side, keys in row["sides"].items():
            cells = [
                f"{key} {value['median']:,.3f} ({' '.join(f'{peer} ×{r:.2f}' for peer, r in value['ratios'].items())})"
                for key, value in keys.items()
            ]
            print(f"   {side:7}", "  ".join(cells))


def main(arguments: list[str]) -> int:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="so many times the usual number of jobs")
    parser.add_argument("--quick", action="store_true", help="two rounds with a fifth of the jobs, beside one peer")
    parser.add_argument("--only", default=",".join(WORKS))
    parser.add_argument("--sides", help="ours,node6,node5, or without the last when it is to be quick")
    parser.add_argument("--uvloop", action="store_true", help="measure ours on uvloop as well, where it is installed")
    parser.add_argument("--save", action="store_true", help="write bench/results/engine.json and docs/performance.md")
    given = parser.parse_args(arguments)
    unknown = set(given.only.split(",")) - set(WORKS)
    if unknown:
        parser.error(f"no work {', '.join(sorted(unknown))}; there is {', '.join(WORKS)}")
    rounds, scale = (2, 0.2) if given.quick else (given.rounds, given.scale)
    chosen = given.sides or ("ours,node6" if given.quick and not given.save else "ours,node6,node5")
    load_before = os.getloadavg()[0]
    sides = chosen.split(",") + ["uvloop"] * given.uvloop
    result = run(given.only.split(","), sides, rounds, scale)
    result["machine"]["load"] = " to ".join(f"{load:.1f}" for load in (load_before, os.getloadavg()[0]))
    show(result)
    if given.save:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        write_report(result, PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
