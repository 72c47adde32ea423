"""Random sequences of operations leave the same keys and events, whoever plays them: Node's client or our engine."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from board.engine.connection.sync import Connection
from tests.golden import dumps
from tests.golden.test_golden import compare
from tests.interop.differential import play_ours
from tests.interop.node import NodeBullMQ, Version
from tests.interop.sequences import START, sequence
from tests.servers import Server

pytestmark = [pytest.mark.node, pytest.mark.slow]

SEQUENCES = int(os.environ.get("BOARD_SEQUENCES", "1000"))
"""Sequences for each release; more by the environment, to search longer."""
GROUPS = 20


@pytest.fixture(scope="module")
def two_servers() -> Iterator[tuple[Server, Server]]:
    """A server for each side. Valkey, which gives small sets back in the order they were filled, on both alike."""
    servers = Server("valkey"), Server("valkey")
    for one in servers:
        one.start()
    yield servers
    for one in servers:
        one.destroy()


@pytest.fixture(scope="module", params=[5, 6], ids=["bullmq5", "bullmq6"])
def their_node(request: pytest.FixtureRequest, two_servers: tuple[Server, Server]) -> Iterator[NodeBullMQ]:
    """The Node process of one release, on the first of them."""
    version: Version = request.param
    one = NodeBullMQ(version, two_servers[0].url).start()
    yield one
    one.close()


@pytest.mark.parametrize("group", range(GROUPS))
def test_the_same_steps_leave_the_same_keys(
    group: int, their_node: NodeBullMQ, two_servers: tuple[Server, Server]
) -> None:
    theirs, ours = two_servers
    with Connection.open(ours.url) as connection:
        for seed in range(group, SEQUENCES, GROUPS):
            found = differences(sequence(seed, their_node.version), their_node, theirs, ours, connection)
            assert not found, f"seed {seed} of release {their_node.version}:\n" + "\n".join(found)


def differences(
    steps: list[dict[str, Any]], node: NodeBullMQ, server: Server, our_server: Server, connection: Connection
) -> list[str]:
    """Play the steps on both sides and return every difference in words; none is an empty list."""
    server.flush()
    our_server.flush()
    theirs, ours = server.client(), our_server.client()
    version = {5: "5.71.0", 6: "6.7.0"}[node.version]
    for name in ("q1", "q2"):
        ours.hset(f"bull:{name}:meta", mapping={"opts.maxLenEvents": "10000", "version": f"bullmq:{version}"})
    played = node.request("play", steps=steps, start=START, prefix="bull")
    answers = play_ours(steps, connection, version)
    found = [
        f"step {number} {json.dumps(step)}:\n  node {their}\n  ours {our}"
        for number, (step, their, our) in enumerate(zip(steps, played, answers, strict=True))
        if ("error" in their) != ("error" in our) or their.get("ok") != our.get("ok")
    ]
    found += compare(dumps.capture(theirs), dumps.capture(ours))
    theirs.close()
    ours.close()
    return found
