"""The views: a blueprint a noun, GET pages and POST actions, each a few lines.

Importing this package registers every view on its blueprint; ``create_app`` puts the blueprints into an application.
"""

from board.web.views import (
    accounts,
    actions,
    adding,
    alerts,
    audit,
    bulk,
    failures,
    find,
    flows,
    health,
    jobs,
    login,
    metrics,
    overview,
    queues,
    repairs,
    schedulers,
    settings,
    tokens,
    upkeep,
    workers,
)

__all__ = [
    "accounts",
    "actions",
    "adding",
    "alerts",
    "audit",
    "bulk",
    "failures",
    "find",
    "flows",
    "health",
    "jobs",
    "login",
    "metrics",
    "overview",
    "queues",
    "repairs",
    "schedulers",
    "settings",
    "tokens",
    "upkeep",
    "workers",
]
