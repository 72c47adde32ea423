"""Alerts of the demo: rules as a team would keep them, and what the watcher made of them in the last half-hour.

Nothing is invented but the clock: the watcher looks at the queues and at the figures of ``yesterday``, at three
moments, so what fires has the words and times that it would have had.
"""

from __future__ import annotations

import threading

from board.alerts.rules import Rule
from board.alerts.store import Alerts
from board.background import Turn
from board.config import Settings
from board.engine.calls import Batch
from board.engine.connection.sync import Connection
from board.namespace import Namespace
from board.sources import Sources
from board.watcher.watch import Watcher

__all__ = ["raise_alarms"]

MINUTE = 60_000
LOOKS_MS = (21 * MINUTE, 15 * MINUTE, 1_000)
"""How long ago the watcher looked: in the trouble of ``yesterday``, when that had lasted, and just now."""

RULES = (
    Rule(
        id="demo-charges",
        kind="failures",
        queues="billing.*",
        threshold=10,
        for_ms=5 * MINUTE,
        severity="critical",
        name="Charges fail",
        remind_ms=60 * MINUTE,
        made_by="admin",
    ),
    Rule(
        id="demo-newsletter",
        kind="workers",
        queues="mail.newsletter",
        threshold=1,
        for_ms=5 * MINUTE,
        severity="warn",
        name="Nobody sends the newsletter",
        made_by="admin",
    ),
    Rule(
        id="demo-depth",
        kind="depth",
        queues="*",
        threshold=1_000,
        for_ms=10 * MINUTE,
        severity="warn",
        made_by="admin",
    ),
)


def raise_alarms(connection: Connection, namespace: Namespace, prefix: str, now_ms: int) -> None:
    """Keep the rules and look at the queues; two of them fire."""
    alerts = Alerts(namespace)
    connection.batch(Batch.of(alerts.put_rule(rule) for rule in RULES))
    at_ms = 0
    watcher = Watcher(
        connection,
        namespace,
        Sources(connection, Settings(prefixes=(prefix,), namespace=namespace.prefix)),
        lambda: at_ms,
        "demo",
    )
    for number, ago_ms in enumerate(LOOKS_MS):
        at_ms = now_ms - ago_ms
        watcher.step(Turn(0, is_first=not number, keep=lambda: None, ending=threading.Event()))
