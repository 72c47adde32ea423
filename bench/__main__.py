"""What is measured beside peers and at growing sizes, one after the other, written to docs/performance.md.

    make bench                  all parts: an hour and a half on two quiet cores
    python -m bench --quick     a short look at each but the pages in a browser: less than five minutes
    python -m bench --only engine,limit

The engine beside Node BullMQ and other queues for Python, how it grows, where its time goes, how long it holds Redis,
how fast programs start, pools of processes, the memory of a worker, our dashboard beside bull-board, and the pages of
both in a browser, which have a page of their own, docs/comparison.md. Many watchers and a day of the recorder have
commands of their own: ``python -m bench.watchers`` and ``python -m bench.recorder``.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

from bench import curves, dashboard, engine, limit, memory, pages, processes, python_peers, scripts, startup

PARTS: dict[str, Callable[[list[str]], int]] = {
    "engine": engine.main,
    "peers": python_peers.main,
    "limit": limit.main,
    "curves": curves.main,
    "scripts": scripts.main,
    "startup": startup.main,
    "processes": processes.main,
    "memory": memory.main,
    "dashboard": dashboard.main,
    "pages": pages.main,
}


def main(arguments: Sequence[str]) -> int:
    """Run the parts that are asked for; a quick look is not saved over what a quiet machine measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", help=f"parts, of {', '.join(PARTS)}")
    given = parser.parse_args(arguments)
    unknown = set(given.only.split(",")) - set(PARTS) if given.only else ()
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    usual = [name for name in PARTS if not (given.quick and name == "pages")]  # which take four minutes alone
    for name in given.only.split(",") if given.only else usual:
        print(f"--- {name}", flush=True)
        failed = PARTS[name](["--quick"] if given.quick else [] if name == "dashboard" else ["--save"])
        if failed:
            return failed
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
