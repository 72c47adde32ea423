"""Our engine and the recorded Node client, step for step: what they leave in Redis is the same, key for key."""

import json
import re
from typing import Any, TypeVar

import pytest
import redis

from board.engine.connection.sync import Connection
from tests.golden import dumps
from tests.golden.bench import Bench
from tests.golden.scenarios import SCENARIOS

T = TypeVar("T")

NOT_REPLAYED = {
    # Producers of release 6 cannot make these, and neither do ours; reading and removing them is tested elsewhere.
    "legacy-repeatable-every",
    "legacy-repeatable-cron",
}

SIBLINGS_IN_ANY_ORDER = {
    # The children are read from a set, whose order is the server's.
    "flow-remove-parent",
}

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture
def connection(redis_url: str) -> Any:
    opened = Connection.open(redis_url)
    yield opened
    opened.close()


@pytest.mark.parametrize("version", dumps.VERSIONS)
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_our_engine_leaves_the_keys_that_node_leaves(
    name: str, version: str, connection: Connection, redis_client: redis.Redis
) -> None:
    bench = Bench(connection, redis_client.execute_command, version)

    for snapshot in SCENARIOS[name](bench):
        expected = with_names_for_uuids(dumps.load(version, snapshot).keys)
        actual = dumps.capture(redis_client)
        if snapshot in SIBLINGS_IN_ANY_ORDER:
            expected, actual = sorted_events(expected), sorted_events(actual)
        assert compare(expected, actual) == [], f"{snapshot} of {version}"


@pytest.mark.parametrize("version", dumps.VERSIONS)
def test_every_recorded_scenario_is_replayed(version: str, connection: Connection, redis_client: redis.Redis) -> None:
    replayed = set()
    for play in SCENARIOS.values():
        redis_client.flushall()
        replayed |= set(play(Bench(connection, redis_client.execute_command, version)))

    assert set(dumps.scenarios(version)) - replayed - NOT_REPLAYED == set()


def compare(expected: dict[str, Any], actual: dict[str, Any]) -> list[str]:
    """Return every difference between two keyspaces, in words."""
    found = [f"{key} is missing: {expected[key]}" for key in sorted(expected.keys() - actual.keys())]
    found += [f"{key} is too much: {actual[key]}" for key in sorted(actual.keys() - expected.keys())]
    for key in sorted(expected.keys() & actual.keys()):
        if expected[key] != actual[key]:
            node, ours = (json.dumps(side[key], sort_keys=True) for side in (expected, actual))
            found.append(f"{key}:\n  node {node}\n  ours {ours}")
    return found


def sorted_events(keys: dict[str, Any]) -> dict[str, Any]:
    """Return the keyspace with the entries of its streams sorted."""
    return {
        key: entry | {"value": sorted(entry["value"])} if entry["type"] == "stream" else entry
        for key, entry in keys.items()
    }


def with_names_for_uuids(keys: dict[str, Any]) -> dict[str, Any]:
    """Replace the recorder's random ids by the names that our scenario gives them: those of the jobs."""
    text = json.dumps(keys)
    for job_id in set(_UUID.findall(text)):
        job = keys.get(f"bull:pq:{job_id}")
        if job is not None:
            text = text.replace(job_id, f"<uuid-{job['value']['name']}>")
    renamed: dict[str, Any] = json.loads(text)
    for entry in renamed.values():
        if entry["type"] == "zset":
            entry["value"].sort(key=lambda pair: (float(pair[1]), pair[0]))
    return renamed
