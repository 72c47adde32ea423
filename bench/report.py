"""The dashboard's part of the page about performance, written from what the bench measured."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from bench.section import replace_section

WHY = """\
The page of one job shows the difference best: bull-board answers with the job's hash as JSON, four commands, from which
the browser makes a page. Ours is that page: with its place among its neighbours, its family, its log and its attempts
read in the same round trip, the session checked, secrets hidden in every text, and each value written as HTML."""


def write_report(result: dict[str, Any], page: Path) -> str:
    """Replace the dashboard's part of the page; return that part."""
    part = dashboard(result)
    replace_section(page, "dashboard", "python -m bench.dashboard", part)
    return part


def dashboard(result: dict[str, Any]) -> str:
    """Tell the results as tables and sentences."""
    rows, machine = result["rows"], result["machine"]
    lines = [
        "## The dashboard",
        "",
        "Our finished HTML beside the JSON from which bull-board's pages are made in the browser: one process each",
        "(gunicorn with threads; Express with one shared connection), the same Redis, both asked with",
        "`Accept-Encoding: gzip` over kept-alive connections on loopback. *Opened* is the whole page: those who open",
        "it within a second share what was read from Redis, unless they have just acted. *Refreshed* is what a page",
        "that is being watched asks for: readings are shared for as long as an interval of refreshes. *Nothing new*",
        "tells the tag of what is shown and is answered with 304. bull-board has one answer for all three, and reads",
        "for each.",
        "The ratio is the median over the rounds of ours against theirs; beside each rate stand the slowest and the",
        "fastest round.",
        "",
        "| page | queues | clients | ours, requests/s | bull-board, requests/s | ratio | ours, p50 | bull-board, p50 |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        ours, theirs = row["ours"], row["theirs"]
        lines.append(
            f"| {row['name']} | {row['queues']:,} | {row['clients']} | {_rate(ours)} | {_rate(theirs)} "
            f"| **{row['ratio']:.3g}** | {ours['p50_ms']:.1f} ms | {theirs['p50_ms']:.1f} ms |"
        )
    lines += [
        "",
        "What one request costs. Commands count those inside scripts too.",
        "",
        (
            "| page, ours / theirs | queues | clients "
            "| Redis commands | Redis CPU, ms | web CPU, ms | bytes sent | RSS, MB |"
        ),
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['name']} | {row['queues']:,} | {row['clients']} | {_pair(row, 'commands', ',.0f')} "
        f"| {_pair(row, 'redis_ms', '.2f')} | {_pair(row, 'web_ms', '.1f')} | {_pair(row, 'body_bytes', ',.0f')} "
        f"| {_pair(row, 'rss_mb', '.0f')} |"
        for row in rows
    ]
    lines += ["", "### Where bull-board wins", "", *_losses(rows), "", *textwrap.wrap(WHY, 118), "", *_told(machine)]
    return "\n".join(lines)


def _losses(rows: list[dict[str, Any]]) -> list[str]:
    lost = [
        f"- {row['name']}, {row['queues']:,} queues, {_clients(row)}: {row['ratio']:.2f} times its requests/s."
        for row in rows
        if row["ratio"] < 1
    ]
    named = {"commands": "Redis commands", "redis_ms": "Redis CPU", "web_ms": "CPU of the web process"}
    for key, words in named.items():
        more = [row for row in rows if row["ours"][key] > row["theirs"][key] * 1.05 and row["ours"][key] > 0.05]
        if more:
            where = "; ".join(f"{row['name']}, {row['queues']:,} queues, {_clients(row)}" for row in more)
            lost.append(f"- {words} a request is larger with us: {where}.")
    return [line for one in lost for line in textwrap.wrap(one, 118, subsequent_indent="  ")] or [
        "Nowhere in this run."
    ]


def _told(machine: dict[str, str]) -> list[str]:
    tools = ("Python", "Flask", "gunicorn", "Redis", "Node", "Express", "bull-board", "BullMQ")
    text = (
        f"Measured on {machine['cores']} cores ({machine['system']}) that Redis, both dashboards, the load "
        f"generator and other work shared, under a load of {machine['load before']} before "
        f"and {machine['load after']} after the run; "
        f"{machine['rounds']} rounds of {machine['seconds a sample']} s. "
        + ", ".join(f"{tool} {machine[tool]}" for tool in tools)
        + ". The raw medians are in `bench/results/dashboard.json`."
    )
    return textwrap.wrap(text, 118)


def _clients(row: dict[str, Any]) -> str:
    return "1 client" if row["clients"] == 1 else f"{row['clients']} clients"


def _rate(side: dict[str, Any]) -> str:
    low, high = side["spread"]
    return f"{side['per_second']:,.0f} ({low:,.0f} to {high:,.0f})"


def _pair(row: dict[str, Any], key: str, form: str) -> str:
    return f"{row['ours'][key]:{form}} / {row['theirs'][key]:{form}}"
