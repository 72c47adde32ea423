"""The engine's part of the page about performance, written from what ``bench.engine`` measured."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from bench.section import replace_section


def write_report(result: dict[str, Any], page: Path) -> str:
    """Replace the engine's part of the page; return that part."""
    part = engine(result)
    replace_section(page, "engine", "python -m bench.engine --save", part)
    return part


def engine(result: dict[str, Any]) -> str:
    """Tell the results as tables and sentences."""
    rows, machine = result["rows"], result["machine"]
    lines = [
        "## The engine",
        "",
        "Jobs with 119 bytes of data; every job is locked, acknowledged and evented, and readable by the other side.",
        "Ratios are medians of the rounds, ours against theirs in the same round; the goal is beside Node BullMQ 6.",
        "",
        "| work | ours, jobs/s | Node BullMQ 6 | Node BullMQ 5 | ratio to 6 | ratio to 5 | goal |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    rates = [row for row in rows if "per_second" in row["sides"]["ours"]]
    for row in rates:
        sides = row["sides"]
        ratios = sides["ours"]["per_second"]["ratios"]
        lines.append(
            f"| {row['title']} | {_spread(sides['ours'])} | {_spread(sides['node6'])} | {_spread(sides['node5'])} "
            f"| **{ratios['node6']:.2f}** | {ratios['node5']:.2f} | {row['target']:g} |"
        )
    lines += [
        "",
        "CPU time for one job, in microseconds: ours / Node BullMQ 6 / Node BullMQ 5.",
        "On a busy machine it is the steadier measure.",
        "",
        "| work | client | Redis |",
        "|---|---:|---:|",
    ]
    lines += [f"| {row['title']} | {_costs(row, 'client_ms')} | {_costs(row, 'redis_ms')} |" for row in rates]
    for row in rows:
        if "p50_ms" in row["sides"]["ours"]:
            lines += ["", *textwrap.wrap(_latency(row), 118)]
    lines += _on_uvloop(rates)
    lines += ["", "### Where Node wins", "", *_losses(rates), "", "### Short of the goal", "", *_short(rates)]
    lines += ["", *textwrap.wrap(_told(machine), 118)]
    return "\n".join(lines)


def _spread(side: dict[str, Any]) -> str:
    rate = side["per_second"]
    return f"{rate['median']:,.0f} ({rate['low']:,.0f} to {rate['high']:,.0f})"


def _costs(row: dict[str, Any], key: str) -> str:
    return " / ".join(f"{row['sides'][side][key]['median'] * 1000:,.0f}" for side in ("ours", "node6", "node5"))


def _latency(row: dict[str, Any]) -> str:
    p50, p99 = (
        [row["sides"][side][key]["median"] for side in ("ours", "node6", "node5")] for key in ("p50_ms", "p99_ms")
    )
    return (
        f"Time {row['title']}, ours, Node BullMQ 6 and 5: median {p50[0]:.2f}, {p50[1]:.2f} and {p50[2]:.2f} ms, "
        f"99th percentile {p99[0]:.2f}, {p99[1]:.2f} and {p99[2]:.2f} ms."
    )


def _on_uvloop(rates: list[dict[str, Any]]) -> list[str]:
    """Tell the rates on uvloop, where they were measured; the blocking front has no event loop."""
    measured = [row for row in rates if "uvloop" in row["sides"] and not row["title"].endswith(("front", "threads"))]
    if not measured:
        return []
    lines = [
        "",
        "With the event loop of uvloop, which a program may bring along (`python -m bench.engine --uvloop`):",
        "",
    ]
    lines += ["| work | ours, jobs/s | ratio to Node BullMQ 6 |", "|---|---:|---:|"]
    for row in measured:
        rate = row["sides"]["uvloop"]
        lines.append(f"| {row['title']} | {_spread(rate)} | **{rate['per_second']['ratios']['node6']:.2f}** |")
    return lines


def _losses(rates: list[dict[str, Any]]) -> list[str]:
    lost = [
        f"- {row['title']}: {row['sides']['ours']['per_second']['ratios'][peer]:.2f} times the rate of {named}."
        for row in rates
        for peer, named in (("node6", "Node BullMQ 6"), ("node5", "Node BullMQ 5"))
        if row["sides"]["ours"]["per_second"]["ratios"][peer] < 1
    ]
    return lost or ["Nowhere in this run."]


def _short(rates: list[dict[str, Any]]) -> list[str]:
    ratios = {row["title"]: row["sides"]["ours"]["per_second"]["ratios"]["node6"] for row in rates}
    short = [
        f"- {row['title']}: {ratios[row['title']]:.2f} of {row['target']:g} times Node BullMQ 6."
        for row in rates
        if ratios[row["title"]] < row["target"]
    ]
    return short or ["Nothing in this run."]


def _told(machine: dict[str, str]) -> str:
    return (
        f"Measured on {machine['cores']} cores ({machine['system']}) that client, server and other work shared; "
        f"the load was {machine['load']}; {machine['rounds']} rounds, interleaved. Python {machine['python']}, "
        f"Node {machine['node']}, Redis {machine['redis']}, BullMQ {machine['bullmq6']} and {machine['bullmq5']}. "
        "Repeat it with "
        "`python -m bench.engine`; the raw numbers are in `bench/results/engine.json`."
    )
