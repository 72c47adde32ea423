"""The example manifests name what there is: settings, addresses, ports; and give a process no more than it needs."""

import configparser
import re
from pathlib import Path
from typing import Any

import yaml

from board.config import SETTINGS, Settings, from_environment
from board.gunicorn import GRACE_SECONDS
from tests.web.site import PASSWORD, Site

DEPLOY = Path(__file__).parents[2] / "deploy"


def kubernetes() -> dict[str, Any]:
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")))
    assert all({"apiVersion", "kind", "metadata"} <= set(one) for one in documents)
    return {one["kind"]: one for one in documents}


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
    assert set(found.sections()) == {"Unit", "Service", "Install"}
