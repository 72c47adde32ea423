"""The programs in examples/ do what their first lines promise, as separate processes on a real server."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.packaging.installed import ROOT
from tests.waiting import PATIENCE_S, wait_until


@pytest.fixture
def api(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    monkeypatch.setenv("REDIS_URL", redis_url)
    spec = spec_from_file_location("example_api", ROOT / "examples" / "api.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module.app.test_client()
    module.orders.close()


@pytest.fixture
def worker(redis_url: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / "worker.py")],
        env=os.environ | {"REDIS_URL": redis_url},
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def state(api: FlaskClient, job_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = api.get(f"/orders/{job_id}").get_json()
    return answer


def test_an_order_goes_from_the_api_through_the_worker_and_back(
    api: FlaskClient, worker: "subprocess.Popen[str]"
) -> None:
    placed = api.post("/orders", json={"id": 7, "email": "ada@example.com"})

    assert placed.status_code == 202
    done = wait_until(
        lambda: (now := state(api, placed.get_json()["job"]))["state"] == "completed" and now, "the order to complete"
    )
    assert done["result"] == {"sent": "ada@example.com"}
    assert done["progress"] == 100


def test_the_same_order_twice_is_one_job(api: FlaskClient) -> None:
    first = api.post("/orders", json={"id": 7, "email": "ada@example.com"}).get_json()
    second = api.post("/orders", json={"id": 7, "email": "ada@example.com"}).get_json()

    assert first == second


def test_an_address_that_cannot_exist_fails_at_once_with_its_reason(
    api: FlaskClient, worker: "subprocess.Popen[str]"
) -> None:
    placed = api.post("/orders", json={"id": 8, "email": "ada@nowhere.invalid"}).get_json()

    failed = wait_until(lambda: (now := state(api, placed["job"]))["state"] == "failed" and now, "the order to fail")
    assert failed["failed"] == "no mail server for nowhere.invalid"


def test_the_worker_ends_on_sigterm(api: FlaskClient, worker: "subprocess.Popen[str]") -> None:
    placed = api.post("/orders", json={"id": 9, "email": "ada@example.com"}).get_json()
    # Its first sign of life: a job that only was fetched when the signal comes is handed back, not run.
    wait_until(lambda: state(api, placed["job"])["progress"] == 50, "the job to run")

    worker.send_signal(signal.SIGTERM)
    _, printed = worker.communicate(timeout=PATIENCE_S)

    assert worker.returncode == 0
    assert "Traceback" not in printed
    assert state(api, placed["job"])["state"] == "completed"


@pytest.mark.parametrize("order", [{}, {"id": "7", "email": "ada@example.com"}, {"id": 7, "email": "nobody"}])
def test_an_order_that_makes_no_sense_is_refused(api: FlaskClient, order: dict[str, Any]) -> None:
    assert api.post("/orders", json=order).status_code == 400
