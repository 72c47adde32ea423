"""Where the recorded scenarios are found by name."""

from tests.golden.bench import Scenario

SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    """Register a scenario by its function's name."""
    SCENARIOS[function.__name__.replace("_", "-")] = function
    return function
