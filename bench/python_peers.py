"""The engine beside the other queues for Python: the same work on the same server, interleaved.

    python -m bench.python_peers [--quick] [--rounds 5] [--save]

The peers live in a virtual environment of their own, ``bench/peers/.venv``, made here from
``bench/peers/requirements.txt`` when it is not there. Every measurement is a process of its own on a flushed server;
told are medians of the rounds, and of the ratios within a round.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.engine import PAGE, PAYLOAD
from bench.section import replace_section, wrapped
from tests.servers import Server

HERE = Path(__file__).parent
PEERS = HERE / "peers"
PYTHON = PEERS / ".venv" / "bin" / "python"
RESULT = HERE / "results" / "python_peers.json"
NAMES = {
    "rq": "RQ",
    "celery": "Celery",
    "bullmq": "Python bullmq",
    "saq": "SAQ",
    "arq": "arq",
    "taskiq": "taskiq",
}


@dataclass(frozen=True, slots=True)
class Work:
    """One table: what ours does and who does the same."""

    title: str
    work: str
    ours: str
    jobs: int
    peers: tuple[str, ...]
    concurrency: int = 1


WORKS = (
    Work("add, one awaited after the other", "add", "one", 2_000, ("bullmq", "saq", "arq", "taskiq")),
    Work("add, one after the other, blocking front", "add", "blocking", 2_000, ("rq", "celery")),
    Work("drain, concurrency 10", "drain", "drain", 2_000, ("bullmq", "saq", "arq", "taskiq"), 10),
    Work("drain, concurrency 50", "drain", "drain", 2_000, ("bullmq", "saq", "arq", "taskiq"), 50),
    Work("drain, 10 threads", "drain", "threads", 2_000, ("rq", "celery"), 10),
)


def prepare() -> None:
    """Make the peers' environment, unless it is there as it is wanted."""
    wanted = (PEERS / "requirements.txt").read_text()
    stamp = PEERS / ".venv" / "installed"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    venv.create(PEERS / ".venv", with_pip=True, clear=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "--requirement", PEERS / "requirements.txt"], check=True)
    stamp.write_text(wanted)


def measure(side: str, work: Work, server: Server, jobs: int) -> dict[str, float]:
    """Let one side do the work on an empty server."""
    server.flush()
    task: dict[str, Any] = {
        "work": work.ours if side == "ours" else work.work,
        "peer": side,
        "port": server.port,
        "jobs": jobs,
        "concurrency": work.concurrency,
        "payload": PAYLOAD,
    }
    environment = {**os.environ, "BENCH_TASK": json.dumps(task)}
    if side == "ours":
        command = [sys.executable, "-m", "bench.ours", json.dumps(task)]
    else:
        command = [str(PYTHON), str(PEERS / "python_peer.py")]
        environment["PYTHONPATH"] = str(PEERS)
    out = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if out.returncode:
        raise RuntimeError(f"{side}, {work.title}: {out.stderr[-2000:]}")
    told = json.loads(out.stdout.splitlines()[-1])
    return {
        "per_second": jobs / told["seconds"],
        "client_us": told["client_ms"] * 1000 / jobs,
        "redis_us": told["redis_ms"] * 1000 / jobs,
    }


def run(rounds: int, scale: float) -> list[dict[str, Any]]:
    """Measure and return the rows."""
    samples: dict[str, dict[str, list[dict[str, float]]]] = {
        work.title: {side: [] for side in ("ours", *work.peers)} for work in WORKS
    }
    server = Server().start()
    try:
        for number in range(rounds):
            for work in WORKS:
                sides = ("ours", *work.peers)
                for side in sides if number % 2 == 0 else sides[::-1]:
                    samples[work.title][side].append(measure(side, work, server, int(work.jobs * scale)))
            print(".", end="", flush=True, file=sys.stderr)
    finally:
        server.destroy()
    print(file=sys.stderr)
    rows = []
    for work in WORKS:
        for side in ("ours", *work.peers):
            got, ours = samples[work.title][side], samples[work.title]["ours"]
            rates = [one["per_second"] for one in got]
            rows.append(
                {
                    "work": work.title,
                    "side": side,
                    "low": min(rates),
                    "high": max(rates),
                    "ratio": statistics.median(
                        mine["per_second"] / his["per_second"] for mine, his in zip(ours, got, strict=True)
                    ),
                    **{key: statistics.median(one[key] for one in got) for key in got[0]},
                }
            )
    return rows


def versions() -> str:
    """Name the peers with their versions."""
    pinned = dict(line.split("==") for line in (PEERS / "requirements.txt").read_text().split())
    named = {name.partition("[")[0]: version for name, version in pinned.items()}
    return ", ".join(f"{shown} {named[name]}" for name, shown in NAMES.items())


def report(result: dict[str, Any]) -> str:
    """Tell the results as a table."""
    lines = [
        "## The engine beside other queues for Python",
        "",
        *wrapped(
            "One process each, the same jobs with 119 bytes of data, on the same server. Each peer runs as its "
            "documentation shows; RQ with its simple worker, which forks no process a job and runs one at a time. "
            "The ratio says how many times as fast ours is."
        ),
        "",
        "| work | | jobs/s | ours is | client CPU, µs a job | Redis CPU, µs a job |",
        "|---|---|---:|---:|---:|---:|",
    ]
    last = ""
    for row in result["rows"]:
        title, last = ("" if row["work"] == last else row["work"]), row["work"]
        ratio = "" if row["side"] == "ours" else f"**{row['ratio']:.1f} ×**"
        lines.append(
            f"| {title} | {NAMES.get(row['side'], 'Queue Board')} "
            f"| {row['per_second']:,.0f} ({row['low']:,.0f} to {row['high']:,.0f}) | {ratio} "
            f"| {row['client_us']:,.0f} | {row['redis_us']:,.0f} |"
        )
    slower = [row for row in result["rows"] if row["ratio"] < 1]
    lost = "; ".join(f"{NAMES[row['side']]}: {row['work']}" for row in slower) or "nowhere in this run"
    lines += ["", *wrapped(f"Where a peer wins: {lost}."), ""]
    lines += wrapped(
        f"Measured with {versions()}, {result['rounds']} rounds, interleaved, under a load of {result['load']}. Repeat "
        "it with `python -m bench.python_peers`; the raw numbers are in `bench/results/python_peers.json`."
    )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two rounds with a fifth of the jobs")
    parser.add_argument("--save", action="store_true", help="write bench/results and docs/performance.md")
    given = parser.parse_args(arguments)
    prepare()
    rounds, scale = (2, 0.2) if given.quick else (given.rounds, 1.0)
    load = os.getloadavg()[0]
    rows = run(rounds, scale)
    result = {"rounds": rounds, "load": f"{load:.1f} to {os.getloadavg()[0]:.1f}", "rows": rows}
    text = report(result)
    print(text)
    if given.save:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        replace_section(PAGE, "python-peers", "python -m bench.python_peers --save", text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
