"""The recorded scenarios, replayed with our commands; each yields the name of a snapshot to compare."""

from tests.golden.scenarios import adding, control, flows, processing, schedulers
from tests.golden.scenarios.registry import SCENARIOS

__all__ = ["SCENARIOS", "adding", "control", "flows", "processing", "schedulers"]
