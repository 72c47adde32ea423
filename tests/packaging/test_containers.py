"""compose.yaml and the Dockerfile say what an operator relies on. `make image` builds and runs the image itself."""

import re
from typing import Any

import pytest
import yaml

from tests.packaging.installed import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    composed: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return composed


def test_redis_keeps_jobs_on_disk_and_never_evicts_them(services: dict[str, Any]) -> None:
    redis = services["redis"]

    assert redis["image"].startswith("redis:7")
    assert "--appendonly yes" in " ".join(redis["command"])
    assert "--maxmemory-policy noeviction" in " ".join(redis["command"])
    assert redis["volumes"] == ["jobs:/data"]
    assert "ports" not in redis


def test_three_workers_run_beside_the_board_and_the_api(services: dict[str, Any]) -> None:
    assert set(services) == {"redis", "board", "api", "worker"}
    assert services["worker"]["deploy"]["replicas"] == 3


@pytest.mark.parametrize("name", ["board", "api", "worker"])
def test_our_containers_have_no_rights_and_wait_for_redis(services: dict[str, Any], name: str) -> None:
    service = services[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["depends_on"]["redis"]["condition"] == "service_healthy"
    assert service["environment"]["REDIS_URL"] == "redis://redis:6379/0"


def test_published_ports_are_reachable_from_this_machine_only(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_image_runs_as_a_user_without_rights() -> None:
    last_stage = DOCKERFILE.rsplit("\nFROM ", 1)[1]

    assert re.search(r"^USER 10001:10001$", last_stage, re.MULTILINE)
    assert "HEALTHCHECK" in last_stage


def test_nothing_is_left_to_compile_at_each_start() -> None:
    first_stage = DOCKERFILE.rsplit("\nFROM ", 1)[0]

    assert "python -m compileall" in first_stage
    assert "python -m board.web.precompile" in first_stage


def test_both_stages_share_one_base() -> None:
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${BASE}", "${BASE}"]


def test_the_build_sees_only_what_it_copies() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    }

    assert "*" in ignored
    assert copied == {line[1:] for line in ignored if line.startswith("!")}
