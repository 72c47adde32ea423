"""The other side of examples/api.py: takes the orders off the queue and works on fifty at once.

    python examples/worker.py

Start as many as you like; each job goes to one of them. SIGTERM lets the running jobs finish.
"""

import asyncio
import logging
import os
import socket
from typing import Any

from board.engine import AsyncJob, AsyncWorker, UnrecoverableError

REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379/0")


async def process(job: AsyncJob) -> dict[str, Any]:
    """Send one letter; an address that cannot exist is not worth a second attempt."""
    address = str(job.data["email"])
    await job.log(f"writing the {job.name} to {address}")
    await job.update_progress(50)
    if address.endswith(".invalid"):
        raise UnrecoverableError(f"no mail server for {address.partition('@')[2]}")
    await asyncio.sleep(0.2)  # the mail server
    await job.update_progress(100)
    return {"sent": address}


async def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO)
    name = f"orders@{socket.gethostname()}"
    await AsyncWorker("orders", process, connection=REDIS_URL, concurrency=50, name=name).run()


if __name__ == "__main__":
    asyncio.run(main())
