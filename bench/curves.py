"""How the engine grows: jobs in a queue, queues, and children of one parent, beside Node BullMQ 6, as plots.

    python -m bench.curves [--quick] [--rounds 3] [--save]

The same work as in ``bench.engine`` at sizes of 10, 100, 1,000 and so on; medians of the rounds. The plots are SVG,
drawn here, and lie in ``docs/charts``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.engine import PAGE, measure
from bench.section import replace_section, wrapped
from tests.servers import Server

HERE = Path(__file__).parent
RESULT = HERE / "results" / "curves.json"
CHARTS = PAGE.parent / "charts"
SIDES = {"ours": "Queue Board", "node6": "Node BullMQ 6"}
COLOURS = {"ours": "#2f6fde", "node6": "#c2571a"}
LEFT, TOP, WIDTH, HEIGHT = 70, 30, 480, 220


@dataclass(frozen=True, slots=True)
class Curve:
    """One plot: a piece of work of ``bench.engine`` at several sizes."""

    name: str
    title: str
    axis: str
    work: str
    sizes: tuple[int, ...]
    quick: tuple[int, ...]


CURVES = (
    Curve(
        "jobs",
        "Draining a queue, concurrency 50",
        "jobs that wait in it",
        "drain-50",
        (1_000, 10_000, 100_000, 1_000_000),
        (1_000, 10_000),
    ),
    Curve(
        "queues",
        "Adding to many queues, 1,000 in flight",
        "queues",
        "queues",
        (1, 10, 100, 500, 2_000),
        (1, 10, 100),
    ),
    Curve(
        "children",
        "A flow, added and worked off, concurrency 50",
        "children of its parent",
        "flow",
        (1, 10, 100, 1_000, 10_000, 100_000),
        (1, 10, 100, 1_000),
    ),
)


def sample(curve: Curve, side: str, size: int, server: Server) -> float:
    """Return the jobs a second of one side at one size; 0 where it did not get through, which is told."""
    try:
        if curve.work == "queues":
            return measure(side, "flight", server, 20_000, {"work": "queues", "queues": size})["per_second"]
        jobs = size + 1 if curve.work == "flow" else size
        return measure(side, curve.work, server, jobs)["per_second"]
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"{SIDES[side]}, {curve.title}, {size:,}: {str(error)[:500]}", file=sys.stderr)
        return 0.0


def run(rounds: int, *, quick: bool) -> dict[str, Any]:
    """Measure all curves."""
    found: dict[str, Any] = {}
    server = Server().start()
    try:
        for curve in CURVES:
            sizes = curve.quick if quick else curve.sizes
            points: dict[str, list[float]] = {side: [] for side in SIDES}
            for size in sizes:
                got: dict[str, list[float]] = {side: [] for side in SIDES}
                for number in range(rounds if size < 1_000_000 else 1):
                    for side in list(SIDES) if number % 2 == 0 else list(SIDES)[::-1]:
                        got[side].append(sample(curve, side, size, server))
                for side, rates in got.items():
                    points[side].append(statistics.median(rates))
                print(".", end="", flush=True, file=sys.stderr)
            found[curve.name] = {"sizes": list(sizes), "points": points}
    finally:
        server.destroy()
    print(file=sys.stderr)
    return found


def draw(curve: Curve, sizes: list[int], points: dict[str, list[float]]) -> str:
    """Draw rates over sizes, both axes with what is read off them; sizes go by powers of ten."""
    high = max(rate for rates in points.values() for rate in rates)
    step: float = 10.0 ** math.floor(math.log10(high))
    step = step if high / step >= 3 else step / 2 if high / step >= 1.5 else step / 5
    top: float = math.ceil(high / step) * step
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])

    def x(size: int) -> float:
        return LEFT + (math.log10(size) - first) / (last - first or 1) * WIDTH

    def y(rate: float) -> float:
        return TOP + HEIGHT * (1 - rate / top)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 30} {TOP + HEIGHT + 70}" role="img"',
        f'aria-label="{curve.title}: jobs a second over {curve.axis}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="18" font-weight="bold">{curve.title}</text>',
    ]
    for number in range(round(top / step) + 1):
        at = y(number * step)
        parts.append(f'<path d="M{LEFT} {at:.1f}h{WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{number * step:,.0f}</text>')
    parts += [f'<text x="{x(size):.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{size:,}</text>' for size in sizes]
    parts.append(f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 36}" text-anchor="middle">{curve.axis}</text>')
    for number, (side, rates) in enumerate(points.items()):
        colour = COLOURS[side]
        line = " ".join(f"{x(size):.1f},{y(rate):.1f}" for size, rate in zip(sizes, rates, strict=True))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x(size):.1f}" cy="{y(rate):.1f}" r="3" fill="{colour}"><title>{SIDES[side]}, {size:,}: '
            f"{rate:,.0f} jobs a second</title></circle>"
            for size, rate in zip(sizes, rates, strict=True)
        ]
        at = LEFT + number * 160
        parts.append(f'<rect x="{at}" y="{TOP + HEIGHT + 48}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{at + 18}" y="{TOP + HEIGHT + 58}">{SIDES[side]}, jobs a second</text>')
    return "\n".join([*parts, "</svg>", ""])


def report(found: dict[str, Any], told: str) -> str:
    """Tell the results as plots and tables."""
    lines = ["## How it grows", ""]
    for curve in CURVES:
        sizes, points = found[curve.name]["sizes"], found[curve.name]["points"]
        lines += [f"![{curve.title}: jobs a second over {curve.axis}](charts/{curve.name}.svg)", ""]
        lines += ["| " + " | ".join([curve.axis, *(f"{size:,}" for size in sizes)]) + " |"]
        lines += ["|---" * 1 + "|---:" * len(sizes) + "|"]
        for side, rates in points.items():
            lines.append(
                "| "
                + " | ".join([f"{SIDES[side]}, jobs/s", *(f"{rate:,.0f}" if rate else "failed" for rate in rates)])
                + " |"
            )
        lines.append("")
    return "\n".join([*lines, *wrapped(told)])


def main(arguments: list[str]) -> int:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of the small sizes")
    parser.add_argument("--save", action="store_true", help="write bench/results, docs/charts and docs/performance.md")
    given = parser.parse_args(arguments)
    rounds = 1 if given.quick else given.rounds
    load = os.getloadavg()[0]
    found = run(rounds, quick=given.quick)
    told = (
        f"Medians of {rounds}, interleaved, under a load of {load:.1f} to {os.getloadavg()[0]:.1f}. "
        "Repeat it with `python -m bench.curves`; the raw numbers are in `bench/results/curves.json`."
    )
    text = report(found, told)
    print(text)
    if given.save:
        RESULT.write_text(json.dumps(found, indent=1) + "\n")
        CHARTS.mkdir(exist_ok=True)
        for curve in CURVES:
            chart = draw(curve, found[curve.name]["sizes"], found[curve.name]["points"])
            (CHARTS / f"{curve.name}.svg").write_text(chart)
        replace_section(PAGE, "curves", "python -m bench.curves --save", text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
