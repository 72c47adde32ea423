"""A small API that hands slow work to a queue: what a request should not wait for.

    flask --app examples/api run

`POST /orders` answers at once with the id of the job; `GET /orders/<id>` tells how far it is. The worker is
examples/worker.py; the dashboard shows both sides.
"""

import os
from datetime import timedelta
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from board.engine import Backoff, JobOptions, Keep, Queue

REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379/0")

orders = Queue(
    "orders",
    connection=REDIS_URL,
    default_job_options=JobOptions(
        attempts=3,
        backoff=Backoff.exponential(1000),
        remove_on_complete=Keep(count=1000),
        remove_on_fail=Keep(count=5000),
    ),
)
app = Flask(__name__)


@app.get("/health")
def health() -> ResponseReturnValue:
    """Say that the process answers."""
    return {"status": "ok"}


@app.post("/orders")
def place_order() -> ResponseReturnValue:
    """Queue the confirmation of an order, and a reminder for tomorrow. The same order twice is queued once."""
    order: dict[str, Any] = request.get_json()
    if not isinstance(order.get("id"), int) or "@" not in str(order.get("email", "")):
        return jsonify(error="an order has a numeric id and an email"), 400
    job = orders.add("confirmation", order, job_id=f"order-{order['id']}")
    orders.add("reminder", order, job_id=f"reminder-{order['id']}", delay=timedelta(days=1))
    return jsonify(job=job.id), 202


@app.get("/orders/<job_id>")
def order_state(job_id: str) -> ResponseReturnValue:
    """Tell how far an order is."""
    state = orders.get_job_state(job_id)  # first: what the job says is then at least as new
    job = orders.get_job(job_id)
    if job is None:
        return jsonify(error="no such order"), 404
    return jsonify(state=state, progress=job.progress, result=job.return_value, failed=job.failed_reason)
