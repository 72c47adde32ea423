"""The example manifests name what there is: settings, addresses, ports; and give a process no more than it needs."""

import configparser
import re
from pathlib import Path
from typing import Any

import yaml

from board.config import SETTINGS, Settings, from_environment
from board.gunicorn import GRACE_SECONDS
from tests.web.site import PASSWORD, Site

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OF_PYTHON = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}


def kubernetes() -> dict[str, Any]:
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")))
    assert all({"apiVersion", "kind", "metadata"} <= set(one) for one in documents)
    return {one["kind"]: one for one in documents}


def compose() -> dict[str, Any]:
    composed: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return composed


def image() -> str:
    """Return the instructions of the stage that runs, each on one line."""
    return (ROOT / "Dockerfile").read_text(encoding="utf-8").rsplit("\nFROM ", 1)[1].replace("\\\n", "")


def image_environment() -> dict[str, str]:
    (line,) = re.findall(r"^ENV (.+)$", image(), re.MULTILINE)
    return dict(one.split("=", 1) for one in line.split())


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(DEPLOY / "queue-board.service", encoding="utf-8")
    return parser


def test_every_variable_is_a_setting_and_together_they_start_a_board() -> None:
    found = kubernetes()
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    environment = found["Secret"]["stringData"] | {one["name"]: one["value"] for one in container["env"]}

    settings = from_environment(environment)

    assert set(environment) <= {one.variable for one in SETTINGS}
    assert settings.port == container["ports"][0]["containerPort"]
    assert settings.host == "0.0.0.0"  # noqa: S104 - in a container
    assert container["envFrom"] == [{"secretRef": {"name": found["Secret"]["metadata"]["name"]}}]


def test_the_manifest_runs_the_image_as_it_is_built() -> None:
    pod = kubernetes()["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (port,) = re.findall(r"^EXPOSE (\d+)$", image(), re.MULTILINE)
    (user,) = re.findall(r"^USER (\d+):", image(), re.MULTILINE)

    assert container["image"].partition(":")[0] == compose()["x-ours"]["image"]
    assert {"command", "args"} & set(container) == set(), "the image knows what to run"
    assert [one["containerPort"] for one in container["ports"]] == [int(port)] == [int(image_environment()["PORT"])]
    assert compose()["services"]["board"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert pod["securityContext"]["runAsUser"] == int(user)
    assert container["livenessProbe"]["httpGet"]["path"].strip("/") in image().partition("HEALTHCHECK")[2]
    assert {one["httpGet"]["port"] for name, one in container.items() if name.endswith("Probe")} == {"http"}
    assert [one["mountPath"] for one in container["volumeMounts"]] == compose()["x-ours"]["tmpfs"]


def test_containers_are_told_nothing_that_is_no_setting() -> None:
    told = set(image_environment()) - OF_PYTHON
    for service in compose()["services"].values():
        told |= set(service.get("environment", {}))

    assert told - {one.variable for one in SETTINGS} == set()
    assert from_environment(image_environment(), needs_redis=False).host == "0.0.0.0"  # noqa: S104 - in a container


def test_the_parts_find_each_other() -> None:
    found = kubernetes()
    template = found["Deployment"]["spec"]["template"]
    (container,) = template["spec"]["containers"]

    labels = template["metadata"]["labels"]

    assert found["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert found["Service"]["spec"]["selector"] == labels
    assert found["Service"]["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]
    mounted = {one["name"] for one in container["volumeMounts"]}
    assert mounted == {one["name"] for one in template["spec"]["volumes"]}


def test_the_probes_ask_addresses_that_answer(redis_url: str) -> None:
    site = Site(Settings(redis_url=redis_url, admin_password=PASSWORD))
    (container,) = kubernetes()["Deployment"]["spec"]["template"]["spec"]["containers"]
    probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}

    answers = {name: site.browser().get(path).status_code for name, path in probes.items()}

    site.close()
    assert probes == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert set(answers.values()) == {200}


def test_a_container_may_do_nothing_it_need_not() -> None:
    pod = kubernetes()["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_both_give_requests_the_time_to_end() -> None:
    pod = kubernetes()["Deployment"]["spec"]["template"]["spec"]

    assert pod["terminationGracePeriodSeconds"] > GRACE_SECONDS
    assert int(unit()["Service"]["TimeoutStopSec"]) > GRACE_SECONDS


def test_the_unit_starts_the_command_under_a_user_of_its_own() -> None:
    found = unit()

    assert re.fullmatch(r"/\S+/bin/board serve", found["Service"]["ExecStart"])
    assert found["Service"]["DynamicUser"] == "yes"
    assert found["Service"]["ProtectSystem"] == "strict"
    assert found["Install"]["WantedBy"] == "multi-user.target"
    for place in (found["Service"]["EnvironmentFile"], found["Service"]["ExecStart"].removesuffix("/bin/board serve")):
        assert re.search(rf"\s{re.escape(place)}\b", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))
    assert set(found.sections()) == {"Unit", "Service", "Install"}
