"""Processors that tests run in processes of their own."""

import os
import signal
import time
from typing import NoReturn

from board.engine import Job, UnrecoverableError


class OddError(Exception):
    """Pickles, but cannot be read back: its constructor wants more than its message."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{what} at {where}")


def work(job: Job) -> object:
    """Do what the job's name says."""
    match job.name:
        case "pid":
            job.log(f"by {os.getpid()}")
            job.update_progress(50)
            return os.getpid()
        case "raise":
            raise ValueError("boom")
        case "odd":
            raise OddError("home", "trouble")
        case "unrecoverable":
            raise UnrecoverableError("never again")
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(7)
        case "nap":
            time.sleep(float(job.data["seconds"]))
        case "hang":
            hang()
    return None


def hang() -> NoReturn:
    """Do not return."""
    while True:
        time.sleep(60)


NOT_A_FUNCTION = 5
