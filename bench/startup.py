"""How long the command and the dashboard take to start, beside a Python that does nothing and one that imports Flask.

    python -m bench.startup [--quick] [--rounds 15] [--save]

All starts of a round follow each other and a ratio is that of one round, so that a machine that is busy for a while
slows both of its sides. Modules are compiled before the first round, as in an installed package. Linux only: it reads
/proc.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from bench.section import replace_section, wrapped
from tests.servers import Server

RESULT = Path(__file__).parent / "results" / "startup.json"
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
NOTHING, FLASK = "Python alone", "Python that imports Flask"
STARTS = {
    NOTHING: ["-c", "pass"],
    FLASK: ["-c", "import flask"],
    "`board --help`": ["-m", "board", "--help"],
    "`from board.engine import Queue, Worker`": ["-c", "from board.engine import Queue, Worker"],
}
FIRST_PAGE = "`board serve` until its first page was answered"
LOADING = """
import logging, sys, time
from pathlib import Path
from board.config import Settings
from board.web import create_app, templating
environment = create_app(Settings("redis://localhost")).jinja_env
environment.bytecode_cache = templating.Compiled(Path(sys.argv[1]), writes=True)
begun = time.process_time()
templating.load_all(environment)
print(len(environment.cache), time.process_time() - begun)
"""
LONGEST_SECONDS = 60.0


def installed(folder: str) -> dict[str, str]:
    """Return an environment in which Python keeps what it compiled, as an installed package has it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": folder}


def started(arguments: list[str], environment: dict[str, str]) -> float:
    """Return the seconds until a Python has done this and ended."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, check=True)
    return time.perf_counter() - begun


def served(server: Server, environment: dict[str, str]) -> tuple[float, float]:
    """Return the seconds until `board serve` has answered, and the resident MB of the process that did."""
    server.flush()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    wish = {"REDIS_URL": server.url, "BOARD_SECRET_KEY": "k" * 40, "BOARD_HOST": "127.0.0.1", "PORT": str(port)}
    wish |= {"BOARD_WORKERS": "1", "BOARD_ADMIN_PASSWORD": "a password of the bench"}
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "board", "serve"],
        env=environment | wish,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while time.perf_counter() - begun < LONGEST_SECONDS:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=5) as page:
                        page.read()
                        return time.perf_counter() - begun, resident_mb(process.pid)
                except (urllib.error.URLError, OSError):
                    time.sleep(0.005)
            raise RuntimeError("no page within a minute")
        finally:
            process.terminate()
            process.wait(20)


def resident_mb(pid: int) -> float:
    """Return the resident size of the first child of a process."""
    child = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{child}/status").read_text())
    if found is None:
        raise RuntimeError("the process that serves is gone")
    return int(found[1]) / 1024


def loaded(folder: str, environment: dict[str, str]) -> tuple[int, float]:
    """Return how many templates there are, and the CPU seconds until all are loaded; compiled ones are in a folder."""
    out = subprocess.run(
        [sys.executable, "-c", LOADING, folder], env=environment, capture_output=True, text=True, check=True
    )
    count, seconds = out.stdout.split()
    return int(count), float(seconds)


def measure(rounds: int) -> dict[str, Any]:
    """Start everything so many times."""
    times: dict[str, list[float]] = {name: [] for name in (*STARTS, FIRST_PAGE)}
    sizes, compiling, reading, templates = [], [], [], 0
    load = os.getloadavg()[0]
    server = Server().start()
    with tempfile.TemporaryDirectory(prefix="board-startup-") as folder:
        environment = installed(folder)
        served(server, environment)
        try:
            for _ in range(rounds):
                for name, command in STARTS.items():
                    times[name].append(started(command, environment))
                seconds, size = served(server, environment)
                times[FIRST_PAGE].append(seconds)
                sizes.append(size)
                with tempfile.TemporaryDirectory(dir=folder) as compiled:
                    templates, seconds = loaded(compiled, environment)
                    compiling.append(seconds)
                    reading.append(loaded(compiled, environment)[1])
        finally:
            server.destroy()
    return {
        "rounds": rounds,
        "load": f"{load:.1f} to {os.getloadavg()[0]:.1f}",
        "seconds": times,
        "resident_mb": statistics.median(sizes),
        "templates": templates,
        "compiling_seconds": statistics.median(compiling),
        "reading_seconds": statistics.median(reading),
    }


def beside(result: dict[str, Any], name: str, other: str) -> float:
    """Return the median over the rounds of one start against another."""
    both = zip(result["seconds"][name], result["seconds"][other], strict=True)
    ratio: float = statistics.median(ours / theirs for ours, theirs in both)
    return ratio


def report(result: dict[str, Any]) -> str:
    """Tell the results as a table."""
    lines = [
        "## Starting",
        "",
        f"| start | ms | fastest to slowest | beside {NOTHING} | beside {FLASK} |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, times in result["seconds"].items():
        ms = [round(seconds * 1000) for seconds in (statistics.median(times), min(times), max(times))]
        ratios = " | ".join(f"{beside(result, name, other):.1f} ×" for other in (NOTHING, FLASK))
        lines.append(f"| {name} | {ms[0]:,} | {ms[1]:,} to {ms[2]:,} | {ratios} |")
    lines += [
        "",
        *wrapped(
            f"The process that answered had {result['resident_mb']:.0f} MB resident then. To compile its "
            f"{result['templates']} templates takes {result['compiling_seconds'] * 1000:,.0f} ms of CPU time, which "
            "happens in a thread a second after the start; where they were compiled beforehand, as in the image, they "
            f"are read in {result['reading_seconds'] * 1000:,.0f} ms."
        ),
        "",
        *wrapped(
            f"Medians of {result['rounds']} rounds, interleaved, under a load of {result['load']}; OpenTelemetry's SDK "
            "was installed, which only the tests need and redis-py imports. Repeat it with `python -m bench.startup`."
        ),
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="three rounds")
    parser.add_argument("--save", action="store_true", help="write bench/results and docs/performance.md")
    given = parser.parse_args(arguments)
    result = measure(3 if given.quick else given.rounds)
    text = report(result)
    print(text)
    if given.save:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        replace_section(PAGE, "startup", "python -m bench.startup --save", text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
