"""The page that compares our pages with bull-board's, written from what the bench measured."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from bench.section import replace_section, wrapped

__all__ = ["PAGE", "pages", "write_report"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "comparison.md"

MORE = 1.05
"""Less than a twentieth more is the same."""

WHY = """\
Most of the nodes of our tables are menus: each line carries its own, so that it works without scripts. The list of
failed jobs counts the errors of the newest 200 for its filter, whatever the page shows, and a flow asks for the state
of every child, so that those that failed come first: that is what they ask Redis for besides. The page of a job that
waits, or of a flow that goes on, tells how long, so that each of its refreshes has something new."""

TOOLS = ("Chromium", "playwright", "Python", "Flask", "gunicorn", "Redis", "Node", "Express", "bull-board", "BullMQ")

COSTS = (
    ("load", "requests", "requests to open it", 1),
    ("load", "bytes", "bytes to open it", 1),
    ("load", "commands", "Redis commands to open it", 1),
    ("first refresh", "bytes", "bytes in the first refresh", 200),
    ("refresh", "requests", "requests a refresh", 1),
    ("refresh", "bytes", "bytes a refresh", 200),
    ("refresh", "commands", "Redis commands a refresh", 1),
)
"""Part, name, words, and a difference that is none."""


def write_report(result: dict[str, Any], page: Path) -> str:
    """Replace the measured part of the page; return that part."""
    part = pages(result)
    replace_section(page, "pages", "python -m bench.pages --save", part)
    return part


def pages(result: dict[str, Any]) -> str:
    """Tell the results as tables and sentences."""
    rows, machine = result["rows"], result["machine"]
    lines = ["## Time until the page is of use", ""]
    lines += [
        "| page | ours | bull-board | bull-board against ours |",
        "|---|---:|---:|---:|",
        *(f"| {row['name']} | {_time(row['ours'])} | {_time(row['theirs'])} | {_ratio(row)} |" for row in rows),
        "",
        "Beside each median stand the fastest and the slowest round.",
        "What makes a page of use, with us and with bull-board:",
        "",
        *(f"- {row['name']}: {_words(row)}." for row in rows),
        "",
        "## What it shows",
        "",
        "| page | ours | bull-board |",
        "|---|---|---|",
        *(f"| {row['name']} | {_shown(row, 'ours')} | {_shown(row, 'theirs')} |" for row in rows),
        "",
        "## What opening it costs",
        "",
        "Ours / bull-board.",
        "",
        "| page | requests | KB over the wire | Redis commands | reads of Redis |",
        "|---|---:|---:|---:|---:|",
        *(f"| {row['name']} | {_spent(row, 'load')} |" for row in rows),
        "",
        "## What a refresh costs",
        "",
        "The second that the page makes by itself, ten seconds after it was opened, with nothing new; the size of the",
        "first one stands in the last column. Ours / bull-board.",
        "",
        "| page | requests | KB over the wire | Redis commands | reads of Redis | KB of the first |",
        "|---|---:|---:|---:|---:|---:|",
        *(f"| {row['name']} | {_spent(row, 'refresh')} | {_pair(row, 'first refresh', 'bytes')} |" for row in rows),
        "",
        "## What it costs the browser",
        "",
        "Ours / bull-board.",
        "",
        "| page | nodes of the document | heap of JavaScript, MB |",
        "|---|---:|---:|",
        *(
            f"| {row['name']} | {row['ours']['nodes']:,} / {row['theirs']['nodes']:,} "
            f"| {row['ours']['heap_mb']:.1f} / {row['theirs']['heap_mb']:.1f} |"
            for row in rows
        ),
        "",
        "## Where bull-board wins",
        "",
        *_losses(rows),
        "",
        *wrapped(WHY),
        "",
        *_told(machine),
    ]
    return "\n".join(lines)


def _time(side: dict[str, Any]) -> str:
    if side["view_ms"] is None:
        return "never"
    low, high = side["spread"]
    return f"{_seconds(side['view_ms'])} ({_seconds(low)} to {_seconds(high)})"


def _seconds(ms: float) -> str:
    return f"{ms / 1000:.2f} s"


def _ratio(row: dict[str, Any]) -> str:
    ours, theirs = row["ours"]["view_ms"], row["theirs"]["view_ms"]
    return f"**{theirs / ours:.2g}** times as long" if ours and theirs else "–"


def _words(row: dict[str, Any]) -> str:
    ours, theirs = row["ours"]["words"], row["theirs"]["words"]
    return ours if ours == theirs else f"{ours}; {theirs}"


def _shown(row: dict[str, Any], side: str) -> str:
    told = row[side]
    if told["view_ms"] is None:
        first = told["instead"].partition("\n")[0]
        return f"does not work: “{first}”" if first else "does not work: a blank page"
    missing = [fact for fact in row["facts"] if fact in told["missing"]]
    if missing:
        return f"works, without {' and '.join(missing)}"
    return f"works, with {' and '.join(row['facts'])}" if row["facts"] else "works"


def _spent(row: dict[str, Any], part: str) -> str:
    return " | ".join(_pair(row, part, name) for name in ("requests", "bytes", "commands", "reads"))


def _pair(row: dict[str, Any], part: str, name: str) -> str:
    return f"{_cell(row['ours'][part], name)} / {_cell(row['theirs'][part], name)}"


def _cell(spent: dict[str, int] | None, name: str) -> str:
    if spent is None:
        return "–"
    return f"{spent[name] / 1024:,.1f}" if name == "bytes" else f"{spent[name]:,}"


def _losses(rows: list[dict[str, Any]]) -> list[str]:
    lost: list[str] = []
    both = [row for row in rows if row["ours"]["view_ms"] and row["theirs"]["view_ms"]]
    slower = [
        f"{row['name']} ({_seconds(row['ours']['view_ms'])} against {_seconds(row['theirs']['view_ms'])})"
        for row in both
        if row["ours"]["view_ms"] > row["theirs"]["view_ms"] * MORE
    ]
    if slower:
        lost.append(f"- Sooner of use: {'; '.join(slower)}.")
    for part, name, words, same in COSTS:
        more = [
            f"{row['name']} ({_cell(row['ours'][part], name)} against {_cell(row['theirs'][part], name)}"
            f"{' KB' if name == 'bytes' else ''})"
            for row in both
            if row["ours"][part]
            and row["theirs"][part]
            and row["ours"][part][name] > row["theirs"][part][name] * MORE + same
        ]
        if more:
            lost.append(f"- Fewer {words}: {'; '.join(more)}.")
    for name, words in (("nodes", "nodes"), ("heap_mb", "MB of heap")):
        more = [
            f"{row['name']} ({row['ours'][name]:,} against {row['theirs'][name]:,})"
            for row in both
            if row["ours"][name] > row["theirs"][name] * MORE
        ]
        if more:
            lost.append(f"- Fewer {words}: {'; '.join(more)}.")
    lost += [
        f"- It shows what we do not: {row['name']}, {' and '.join(row['ours']['missing'])}."
        for row in rows
        if row["ours"]["missing"] and not row["theirs"]["missing"]
    ]
    return [line for one in lost for line in textwrap.wrap(one, 118, subsequent_indent="  ")] or [
        "Nowhere in this run."
    ]


def _told(machine: dict[str, str]) -> list[str]:
    return wrapped(
        f"Measured on {machine['cores']} cores ({machine['system']}) that Redis, both boards, the browser and other "
        f"work shared, under a load of {machine['load before']} before and {machine['load after']} after the run; "
        f"rounds: {machine['rounds']}, told are medians. "
        + ", ".join(f"{tool} {machine[tool]}" for tool in TOOLS)
        + ". Repeat it with `python -m bench.pages --save`; the raw medians are in `bench/results/pages.json`."
    )
