"""The blueprints, one a noun. Pages and actions of the same noun live in different modules and meet here."""

from flask import Blueprint

__all__ = [
    "ALL",
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
    "schedulers",
    "settings",
]

overview = Blueprint("overview", __name__)
queues = Blueprint("queues", __name__)
jobs = Blueprint("jobs", __name__)
flows = Blueprint("flows", __name__)
schedulers = Blueprint("schedulers", __name__)
workers = Blueprint("workers", __name__)
failures = Blueprint("failures", __name__)
find = Blueprint("find", __name__)
alerts = Blueprint("alerts", __name__)
audit = Blueprint("audit", __name__)
bulk = Blueprint("bulk", __name__)
login = Blueprint("login", __name__)
metrics = Blueprint("metrics", __name__)
settings = Blueprint("settings", __name__)
health = Blueprint("health", __name__)

ALL = (
    find,
    overview,
    queues,
    jobs,
    bulk,
    flows,
    schedulers,
    workers,
    failures,
    metrics,
    alerts,
    audit,
    login,
    settings,
    health,
)
