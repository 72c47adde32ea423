"""Two processes that record, of which one is killed again and again while jobs end.

python -m tests.recorder.killing URL    record until killed, as a board does
"""

from __future__ import annotations

import sys
import threading

from board.background import Background
from board.config import Settings
from board.duties import duties_of
from board.service import Service

TTL_MS = 2_000
"""Of the lease, in place of fifteen seconds."""


def main(url: str) -> None:
    """Record until killed."""
    service = Service(Settings(redis_url=url))
    recorder = [duty for duty in duties_of(service) if duty.name == "recorder"]
    Background(service.connection, service.namespace, recorder, ttl_ms=TTL_MS).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1])
