"""Percentiles out of little room, held against exact values."""

import math
import random
from collections.abc import Callable

import pytest

from board.history import sketch
from board.history.figures import Figures

SHARES = (0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)

LOADS: dict[str, Callable[[random.Random], float]] = {
    "even": lambda dice: dice.uniform(1, 60_000),
    "exponential": lambda dice: dice.expovariate(1 / 800),
    "long tail": lambda dice: dice.lognormvariate(6, 2),
    "two humps": lambda dice: dice.gauss(40, 5) if dice.random() < 0.9 else dice.gauss(30_000, 2_000),
    "days": lambda dice: dice.uniform(3_600_000, 30 * 86_400_000),
    "one value": lambda _: 1_000.0,
}


@pytest.mark.parametrize("load", LOADS)
def test_every_percentile_is_within_two_percent(load: str) -> None:
    dice = random.Random(7)
    values = sorted(max(0, round(LOADS[load](dice))) for _ in range(20_000))
    bins: sketch.Bins = {}
    for value in values:
        sketch.add(bins, value)

    for share in SHARES:
        exact = values[max(1, math.ceil(share * len(values))) - 1]
        told = sketch.quantile(bins, share)
        assert told is not None
        assert abs(told - exact) <= sketch.ACCURACY * exact + 1e-6, (share, exact, told)


def test_merging_parts_is_the_same_as_counting_the_whole() -> None:
    dice = random.Random(3)
    whole: sketch.Bins = {}
    merged: sketch.Bins = {}
    for _ in range(20):
        part: sketch.Bins = {}
        for _ in range(100):
            value = dice.expovariate(1 / 500)
            sketch.add(part, value)
            sketch.add(whole, value)
        sketch.merge(merged, part)

    assert merged == whole


def test_no_duration_is_too_short_or_too_long() -> None:
    bins: sketch.Bins = {}
    for value in (-5, 0, 0.4, 1, 10**15):
        sketch.add(bins, value)

    assert sketch.count(bins) == 5
    assert sketch.quantile(bins, 0.5) == 0
    assert sketch.quantile({}, 0.5) is None


def test_figures_come_back_as_they_were_stored() -> None:
    figures = Figures(completed=3, failed=1, open_sum=7, looks=1, open_most=7, oldest_ms=12, run={0: 1, 40: 2, 41: 1})

    assert Figures.unpack(figures.pack()) == figures
    assert len(figures.pack()) < 40


@pytest.mark.parametrize("stored", [None, b"", b"\xff", b"\x90", b"\x01", b"\x9a" + b"\x00" * 10, b"text"])
def test_figures_that_cannot_be_read_are_none(stored: bytes | None) -> None:
    assert Figures.unpack(stored) == Figures()


def test_a_busy_stretch_fits_in_six_hundred_bytes() -> None:
    dice = random.Random(5)
    figures = Figures(completed=3_600)
    for _ in range(3_600):
        sketch.add(figures.run, dice.lognormvariate(5, 0.5))
        sketch.add(figures.wait, dice.expovariate(1 / 200))

    assert len(figures.pack()) < 600
