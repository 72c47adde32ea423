"""One of our workers as a program, to be killed: ``python -m tests.faults.worker '{"front": "asyncio", …}'``.

It writes a line for each run of a job before anything else happens in it. What the kernel has taken outlives SIGKILL.
SIGUSR1 sets its clock forward or back, as a machine whose time is corrected.
"""

import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

REAL_TIME_NS = time.time_ns
_jumped_ns = 0


def _time_ns() -> int:
    return REAL_TIME_NS() + _jumped_ns


time.time_ns = _time_ns  # before the engine is imported

from board.engine import AsyncWorker, Worker  # noqa: E402


def main(order: dict[str, Any]) -> None:
    """Work until killed."""
    logging.basicConfig(format=f"%(asctime)s {order['front']} %(message)s")

    def jump(*_: object) -> None:
        global _jumped_ns  # noqa: PLW0603 - a clock is one for a process
        _jumped_ns = order["jump_ms"] * 1_000_000
        os.write(log, b"jumped 0\n")

    seen = Path(order["log"])
    unseen = seen.with_suffix(".unseen")
    log = os.open(unseen, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    signal.signal(signal.SIGUSR1, jump)
    unseen.rename(seen)  # last: who sees it may send the signal

    def note(job: Any) -> None:
        os.write(log, f"{job.id} {REAL_TIME_NS() // 1_000_000}\n".encode())

    settings = order["options"]
    where = {"connection": order["url"], "prefix": order["prefix"]}
    seconds = order["seconds"]
    if order["front"] == "threads":

        def work(job: Any) -> None:
            note(job)
            if seconds:
                time.sleep(seconds)

        Worker(order["queue"], work, **where, **settings).run()
    else:
        import asyncio

        async def work_async(job: Any) -> None:
            note(job)
            if seconds:
                await asyncio.sleep(seconds)

        async def run() -> None:
            await AsyncWorker(order["queue"], work_async, **where, **settings).run()

        asyncio.run(run())


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
