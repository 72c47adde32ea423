"""What is measured beside peers and at growing sizes, one after the other, written to docs/performance.md.

    make bench                  all parts: the better part of an hour on two quiet cores
    python -m bench --quick     a short look at each: under five minutes
    python -m bench --only engine,limit

The engine beside Node BullMQ and other queues for Python, how it grows, where its time goes, how long it holds Redis,
starts and pools of processes, and our dashboard beside bull-board. Many watchers and a day of the recorder have
commands of their own: ``python -m bench.watchers`` and ``python -m bench.recorder``.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

from bench import curves, dashboard, engine, limit, processes, python_peers, scripts

PARTS: dict[str, Callable[[list[str]], int]] = {
    "engine": engine.main,
    "peers": python_peers.main,
    "limit": limit.main,
    "curves": curves.main,
    "scripts": scripts.main,
    "processes": processes.main,
    "dashboard": dashboard.main,
}


def main(arguments: Sequence[str]) -> int:
    """Run the parts that are asked for; a quick look is not saved over what a quiet machine measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default=",".join(PARTS))
    given = parser.parse_args(arguments)
    for name in given.only.split(","):
        print(f"--- {name}", flush=True)
        failed = PARTS[name](["--quick"] if given.quick else [] if name == "dashboard" else ["--save"])
        if failed:
            return failed
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
