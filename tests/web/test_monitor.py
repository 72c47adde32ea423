"""What programs ask: whether the queues keep their limits, and figures for Prometheus. A token is asked for."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from board.config import from_environment
from board.engine.calls import Call
from board.errors import SettingsError
from board.queries.exposition import NAMES
from board.sharing import Sharing
from tests.servers import Server
from tests.web.site import Jobs, Site

TOKEN = "a token of some length"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}
MakeSite = Callable[..., Site]


def test_a_queue_without_trouble_is_healthy_and_one_with_trouble_says_why(make_site: MakeSite) -> None:
    site = make_site(monitor_token=TOKEN, queue_limits="mail: failed=1 workers=1; *: waiting=1")
    browser = site.browser()
    site.jobs.failed("one")
    well = browser.get("/health/queues", **SHOWN)
    site.jobs.failed("two")
    site.jobs.waiting("three")
    Jobs(site.service.connection, "print").waiting("four")
    site.service.sources.forget()

    ill = browser.get("/health/queues", **SHOWN)

    assert (well.status_code, well.json and well.json["status"]) == (200, "healthy")
    assert ill.status_code == 503
    assert ill.json is not None
    assert [(one["queue"], one["limit"], one["value"], one["allowed"]) for one in ill.json["problems"]] == [
        ("mail", "failed", 2, 1),
        ("mail", "workers", 0, 1),
    ]
    assert ill.json["problems"][0]["sentence"] == "mail has 2 failed jobs, more than 1"


def test_an_old_job_degrades_its_queue(make_site: MakeSite) -> None:
    site = make_site(monitor_token=TOKEN, queue_limits="*: oldest=1s")
    site.jobs.waiting("old", timestamp_ms=site.service.clock() - 60_000)

    ill = site.browser().get("/health/queues", **SHOWN)

    assert ill.json is not None
    assert [one["limit"] for one in ill.json["problems"]] == ["oldest"]


@pytest.mark.parametrize("path", ["/metrics", "/health/queues"])
@pytest.mark.parametrize("token", ["", "Bearer", "Bearer another token", f"Basic {TOKEN}"])
def test_nobody_reads_without_the_token(make_site: MakeSite, path: str, token: str) -> None:
    for settings in ({"monitor_token": TOKEN}, {}):
        site = make_site(**settings)
        site.jobs.waiting("one")

        answer = site.browser().get(path, **({"Authorization": token} if token else {}))

        assert answer.status_code in {303, 401}
        assert "mail" not in answer.text


def test_a_signed_in_person_sees_the_health_of_the_queues_they_may_see(make_site: MakeSite) -> None:
    site = make_site(roles="printer: viewer@print", queue_limits="*: waiting=0")
    site.jobs.waiting("one")
    Jobs(site.service.connection, "print").waiting("two")
    site.service.users.add("pia", "correct horse battery", "printer")
    browser = site.browser()
    browser.sign_in("pia")

    answer = browser.get("/health/queues")

    assert answer.json is not None
    assert [one["queue"] for one in answer.json["problems"]] == ["print"]


def test_prometheus_reads_every_metric_that_is_promised(make_site: MakeSite) -> None:
    site = make_site(monitor_token=TOKEN, connection_name="production")
    site.jobs.failed("one")
    site.jobs.waiting("two")
    site.service.connection.call(_set("CONFIG", "SET", "maxmemory", "1gb"))

    answer = site.browser().get("/metrics", **SHOWN)
    site.service.connection.call(_set("CONFIG", "SET", "maxmemory", "0"))
    families = {one.name: one for one in text_string_to_metric_families(answer.text)}

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert set(families) == set(NAMES)
    jobs = {(s.labels["queue"], s.labels["state"]): s.value for s in families["queue_board_jobs"].samples}
    assert jobs["mail", "failed"] == jobs["mail", "waiting"] == 1
    assert {label for one in families.values() for s in one.samples for label in s.labels} == {
        "connection",
        "prefix",
        "queue",
        "state",
        "version",
    }


def test_redis_away_is_a_figure_and_no_failed_scrape(make_site: MakeSite, fresh_server: Callable[..., Server]) -> None:
    server = fresh_server()
    site = make_site(redis_url=server.url, monitor_token=TOKEN)
    server.stop()

    scrape, health = site.browser().get("/metrics", **SHOWN), site.browser().get("/health/queues", **SHOWN)

    assert scrape.status_code == 200
    assert re.search(r"^queue_board_up\{.*\} 0\.0$", scrape.text, re.MULTILINE)
    assert health.status_code == 503
    assert health.json is not None
    assert health.json["status"] == "down"


def test_many_who_ask_at_once_cost_redis_what_one_costs(make_site: MakeSite, redis_client: redis.Redis) -> None:
    site = make_site(monitor_token=TOKEN)
    site.jobs.waiting("one")
    site.service.readings = Sharing(60)
    browsers = [site.browser() for _ in range(30)]
    browsers[0].get("/metrics", **SHOWN)
    site.service.readings = Sharing(60)
    before = scripts_run(redis_client)

    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda browser: browser.get("/metrics", **SHOWN), browsers))

    assert {answer.status_code for answer in answers} == {200}
    assert scripts_run(redis_client) - before == 1


def scripts_run(client: redis.Redis) -> int:
    """Return how many scripts the server has run: one reads all queues of a small board."""
    stats = client.info("commandstats")
    return sum(one["calls"] for name, one in stats.items() if name.startswith("cmdstat_eval"))


def test_hostile_names_stay_labels(make_site: MakeSite) -> None:
    site = make_site(monitor_token=TOKEN)
    name = 'a"b\\c\nqueue_board_up 5'
    Jobs(site.service.connection, name).waiting("one")

    answer = site.browser().get("/metrics", **SHOWN)

    families = {one.name: one for one in text_string_to_metric_families(answer.text)}
    assert {sample.labels["queue"] for sample in families["queue_board_workers"].samples} == {name}
    assert [sample.value for sample in families["queue_board_up"].samples] == [1]


def dashboard_of_grafana() -> dict[str, Any]:
    path = Path(__file__).parents[2] / "deploy" / "grafana-dashboard.json"
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def test_the_dashboard_for_grafana_asks_for_metrics_that_exist() -> None:
    dashboard = dashboard_of_grafana()

    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    asked = {name for expression in expressions for name in re.findall(r"queue_board_\w+", expression)}

    assert len(expressions) >= 8
    assert asked <= set(NAMES)
    assert set(NAMES) - asked <= {"queue_board_build_info", "queue_board_queues", "queue_board_queues_left_out"}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_dashboard_for_grafana_asks_by_labels_that_are_served(make_site: MakeSite) -> None:
    site = make_site(monitor_token=TOKEN)
    site.jobs.waiting("one")
    site.service.connection.call(_set("CONFIG", "SET", "maxmemory", "1gb"))
    served = {
        one.name: [sample.labels for sample in one.samples]
        for one in text_string_to_metric_families(site.browser().get("/metrics", **SHOWN).text)
    }
    site.service.connection.call(_set("CONFIG", "SET", "maxmemory", "0"))
    dashboard = dashboard_of_grafana()
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    lists = [one["query"] for one in dashboard["templating"]["list"] if one["type"] == "query"]

    for text in asked + lists:
        (metric, selector), *others = re.findall(r"(queue_board_\w+)(?:\{([^}]*)\})?", text)
        labels = {*re.findall(r"(\w+)=", selector), *re.findall(r"by \((\w+)\)", text)}
        labels |= set(re.findall(r"^label_values\(.+, (\w+)\)$", text))
        states = {one for value in re.findall(r'state=~?"([^"]+)"', selector) for one in value.split("|")}

        assert others == []
        assert served[metric], metric
        assert labels <= set(served[metric][0]), text
        assert states <= {sample.get("state") for sample in served[metric]}, text
        assert set(re.findall(r"\$(\w+)", text)) <= {one["name"] for one in dashboard["templating"]["list"]}, text


@pytest.mark.parametrize("text", ["mail", "mail:", "mail: oldest", "mail: oldest=5", "mail: depth=3", "*: failed=-1"])
def test_limits_that_make_no_sense_stop_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="BOARD_QUEUE_LIMITS has"):
        from_environment({"REDIS_URL": "redis://localhost", "BOARD_QUEUE_LIMITS": text})


def _set(*words: str) -> Call[bool]:
    return Call(words, bool)
