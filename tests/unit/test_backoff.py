"""The delays between attempts, with BullMQ's formulas."""

import pytest

from board.engine.backoff import MOST_MS, backoff_delay_ms, backoff_type


@pytest.mark.parametrize(
    ("backoff", "attempt", "roll", "delay_ms"),
    [
        (None, 1, 0.5, 0),
        (1000, 1, 0.5, 1000),
        ({"type": "fixed", "delay": 1000}, 7, 0.9, 1000),
        ({"type": "exponential", "delay": 1000}, 1, 0.0, 1000),
        ({"type": "exponential", "delay": 1000}, 4, 0.0, 8000),
        ({"type": "exponential", "delay": 0.5}, 1, 0.0, 1),
        ({"type": "fixed", "delay": 1000, "jitter": 0.5}, 1, 0.0, 500),
        ({"type": "fixed", "delay": 1000, "jitter": 0.5}, 1, 0.999, 999),
        ({"type": "fixed", "delay": 1000, "jitter": 1}, 1, 0.25, 250),
        ({"type": "exponential", "delay": 1000, "jitter": 0.5}, 3, 0.5, 3000),
        ({"type": "exponential", "delay": 1000}, 10_000, 0.0, MOST_MS),
        ({"type": "fixed", "delay": -5}, 1, 0.0, 0),
        ({"type": "fixed", "delay": "soon"}, 1, 0.0, 0),
        ({"type": "mine", "delay": 1000}, 1, 0.0, 0),
        (True, 1, 0.0, 0),
        ([], 1, 0.0, 0),
    ],
)
def test_the_delay_after_an_attempt(backoff: object, attempt: int, roll: float, delay_ms: int) -> None:
    assert backoff_delay_ms(backoff, attempt, roll) == delay_ms


@pytest.mark.parametrize(
    ("backoff", "kind"),
    [(None, None), (5, "fixed"), (True, None), ({"type": "mine"}, "mine"), ({"delay": 5}, None), ("fixed", None)],
)
def test_the_type_of_a_stored_backoff(backoff: object, kind: str | None) -> None:
    assert backoff_type(backoff) == kind
