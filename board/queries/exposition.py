"""Figures of the queues in the text format of Prometheus.

Labels are bounded: the connection, prefix, queue and state, for as many queues as ``MOST_QUEUES``; those with most open
jobs come first and the rest is counted. Nothing of a job is ever a label.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from board.facts import ConnectionFacts
from board.queries.monitor import MonitorReading
from board.queries.shared import STATES

__all__ = ["CONTENT_TYPE", "MOST_QUEUES", "NAMES", "expose"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

MOST_QUEUES = 500
"""Queues with series of their own: some 6,500 series, 600 KB."""

NAMES = {
    "queue_board_up": "1 while Redis answers the board.",
    "queue_board_build_info": "The release of the board, as a label.",
    "queue_board_queues": "Queues found.",
    "queue_board_queues_left_out": "Queues without series of their own, for there are too many.",
    "queue_board_jobs": "Jobs of a queue in a state; completed and failed are those that Redis still has.",
    "queue_board_oldest_waiting_seconds": "How long the next job in line waits.",
    "queue_board_workers": "Workers connected to a queue.",
    "queue_board_paused": "1 while a queue is paused.",
    "queue_board_rate_limited_seconds": "How long a queue starts no job because of its rate limit.",
    "queue_board_unreadable": "1 when a queue could not be read.",
    "queue_board_redis_latency_seconds": "A round trip to Redis.",
    "queue_board_redis_memory_bytes": "Memory that Redis uses.",
    "queue_board_redis_memory_limit_bytes": "maxmemory of Redis, where it has one.",
}
"""Every metric with its meaning: a contract with dashboards and alert rules."""


def expose(reading: MonitorReading | None, facts: ConnectionFacts | None, connection: str, version: str) -> bytes:
    """Write the figures; without a reading only that Redis does not answer."""
    registry = CollectorRegistry()
    registry.register(_Figures(reading, facts, connection, version))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(
        self, reading: MonitorReading | None, facts: ConnectionFacts | None, connection: str, version: str
    ) -> None:
        self._reading, self._facts, self._connection, self._version = reading, facts, connection, version

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families in the order of their names."""
        yield self._one("queue_board_up", int(self._reading is not None))
        build = self._family("queue_board_build_info", "version")
        build.add_metric([self._connection, self._version], 1)
        yield build
        if self._reading is not None:
            yield from self._queues(self._reading)
        if (facts := self._facts) is not None:
            if facts.latency_ms is not None:
                yield self._one("queue_board_redis_latency_seconds", facts.latency_ms / 1000)
            if facts.memory_bytes is not None:
                yield self._one("queue_board_redis_memory_bytes", facts.memory_bytes)
            if facts.memory_max_bytes is not None:
                yield self._one("queue_board_redis_memory_limit_bytes", facts.memory_max_bytes)

    def _queues(self, reading: MonitorReading) -> Iterator[GaugeMetricFamily]:
        yield self._one("queue_board_queues", len(reading.queues))
        yield self._one("queue_board_queues_left_out", max(0, len(reading.queues) - MOST_QUEUES))
        jobs = self._family("queue_board_jobs", "prefix", "queue", "state")
        oldest = self._family("queue_board_oldest_waiting_seconds", "prefix", "queue")
        workers = self._family("queue_board_workers", "prefix", "queue")
        paused = self._family("queue_board_paused", "prefix", "queue")
        limited = self._family("queue_board_rate_limited_seconds", "prefix", "queue")
        unreadable = self._family("queue_board_unreadable", "prefix", "queue")
        for one in reading.queues[:MOST_QUEUES]:
            labels = [self._connection, _text(one.queue.prefix), _text(one.queue.name)]
            unreadable.add_metric(labels, int(bool(one.error)))
            if one.workers is not None:
                workers.add_metric(labels, one.workers)
            if one.error:
                continue
            for state in STATES:
                jobs.add_metric(
                    [*labels, state],
                    one.counts.behind - one.counts.prioritized if state == "waiting" else one.counts.of(state),
                )
            oldest.add_metric(labels, (one.oldest_ms or 0) / 1000)
            paused.add_metric(labels, int(one.is_paused))
            limited.add_metric(labels, (one.limited_ms or 0) / 1000)
        yield from (jobs, oldest, workers, paused, limited, unreadable)

    def _family(self, name: str, *labels: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(name, NAMES[name], labels=("connection", *labels))

    def _one(self, name: str, value: float) -> GaugeMetricFamily:
        family = self._family(name)
        family.add_metric([self._connection], value)
        return family


def _text(text: str) -> str:
    """Return what UTF-8 can hold: names come from outside."""
    return text.encode("utf-8", "replace").decode()
