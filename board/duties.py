"""Which duties a board has beside answering requests; ``board.background`` runs them."""

from __future__ import annotations

import atexit

from board.background import Background, Duty
from board.bulk import Runner
from board.bulk.runner import IDLE_SECONDS
from board.recorder.recorder import PAUSE_SECONDS, Recorder
from board.service import Service
from board.watcher.deliver import EVERY_SECONDS as DELIVER_SECONDS
from board.watcher.deliver import Deliverer
from board.watcher.watch import EVERY_SECONDS, Watcher

__all__ = ["duties_of", "start_duties"]


def duties_of(service: Service) -> list[Duty]:
    """Return what this board has to do: nothing that writes where it is read-only."""
    recorder = Recorder(service.connection, service.namespace, service.sources, service.clock)
    runner = Runner(service.desk, service.namespace)
    label = service.settings.connection_label
    watcher = Watcher(service.connection, service.namespace, service.sources, service.clock, label)
    deliverer = Deliverer(service.connection, service.namespace, service.courier)
    every = [
        Duty("recorder", recorder.step, PAUSE_SECONDS),
        Duty("bulk", runner.step, IDLE_SECONDS),
        Duty("alerts", watcher.step, EVERY_SECONDS),
        Duty("messages", deliverer.step, DELIVER_SECONDS),
    ]
    return [duty for duty in every if not (duty.writes and service.settings.read_only)]


def start_duties(service: Service) -> Background:
    """Start the duties of a board, for each of its servers; the end of the process ends them and hands them over.

    Returns:
        What runs for the first server.
    """
    every = [Background(one.connection, one.namespace, duties_of(one)) for one in (service, *service.others.values())]
    for background in every:
        background.start()
        atexit.register(background.stop)
    return every[0]
