"""Key dumps made by the real Node client, and dumps of a live server in the same shape.

A dump is what one scenario left in Redis, key by key. What differs between any two runs is left out: stream ids, the ms
a key has left, the order of fields. JSON inside a value is compared as JSON.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dumps"
VERSIONS = ("5.71.0", "6.7.0")
JSON_FIELDS = {"opts", "parent", "stacktrace", "pd"}


@dataclass(frozen=True)
class Dump:
    """A recorded keyspace and the steps that led to it."""

    version: str
    scenario: str
    steps: tuple[str, ...]
    keys: dict[str, Any]


def load(version: str, scenario: str) -> Dump:
    """Read one recorded dump."""
    record = json.loads((FOLDER / f"bullmq-{version}.{scenario}.json").read_text(encoding="utf-8"))
    keys = {
        name: normalised(entry["type"], entry["value"], "pttl_ms_at_dump" in entry)
        for name, entry in record["keys"].items()
    }
    return Dump(version, record["scenario"], tuple(record["steps"]), keys)


def scenarios(version: str) -> list[str]:
    """Return the names of all recorded scenarios of a version."""
    head = f"bullmq-{version}."
    return sorted(path.name.removeprefix(head).removesuffix(".json") for path in FOLDER.glob(f"{head}*.json"))


def capture(client: Any) -> dict[str, Any]:
    """Read the whole keyspace of a server that holds nothing but one scenario."""
    dump: dict[str, Any] = {}
    for name in client.scan_iter(count=1000):
        kind = client.type(name)
        readers: dict[str, Any] = {
            "string": client.get,
            "list": lambda key: client.lrange(key, 0, -1),
            "set": lambda key: sorted(client.smembers(key)),
            "hash": client.hgetall,
            "zset": lambda key: [
                [member, format_score(score)] for member, score in client.zrange(key, 0, -1, withscores=True)
            ],
            "stream": lambda key: [
                {"fields": [list(pair) for pair in fields.items()]} for _, fields in client.xrange(key)
            ],
        }
        dump[name] = normalised(kind, readers[kind](name), client.pttl(name) >= 0)
    return dump


def restore(client: Any, version: str, scenario: str) -> None:
    """Write a recorded dump into an empty server, for tests that need data which Node left behind."""
    record = json.loads((FOLDER / f"bullmq-{version}.{scenario}.json").read_text(encoding="utf-8"))
    for name, entry in record["keys"].items():
        value = entry["value"]
        match entry["type"]:
            case "string":
                client.set(name, value)
            case "list":
                client.rpush(name, *value)
            case "set":
                client.sadd(name, *value)
            case "hash":
                client.hset(name, mapping=value)
            case "zset":
                client.zadd(name, {member: float(score) for member, score in value})
            case "stream":
                for item in value:
                    client.xadd(name, dict(item["fields"]), id=item["id"])
        if "pttl_ms_at_dump" in entry:
            client.pexpire(name, max(entry["pttl_ms_at_dump"], 60_000))


def normalised(kind: str, value: Any, expires: bool) -> dict[str, Any]:  # noqa: FBT001
    """Bring a key's value to the shape that two runs share."""
    if kind == "hash":
        value = {field: json_value(field, text) for field, text in value.items()}
    elif kind == "stream":
        value = [item["fields"] for item in value]
    elif kind == "zset":
        # Equal scores are ordered by member, and random ids order anew in each run.
        value = sorted([float(score), member] for member, score in value)
        value = [[member, format_score(score)] for score, member in value]
    return {"type": kind, "value": value, "expires": expires}


def json_value(field: str, text: str) -> Any:
    """Parse the fields whose text may differ between encoders."""
    return json.loads(text) if field in JSON_FIELDS else text


def format_score(score: float) -> str:
    """Write a score as the shortest text of the same number."""
    return str(int(score)) if score == int(score) else repr(score)
