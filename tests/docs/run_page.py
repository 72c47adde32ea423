"""Runs the blocks of one page in order, in one namespace, and reports what each printed. A program of its own.

    python run_page.py < blocks.json

A block is an object with `language`, `text`, `line` and `file`. The report has one object a block that ran: `line`,
`output`, and `error` when it raised or a command ended with an unexpected code. Nothing runs after an error.
"""

import contextlib
import io
import json
import os
import shlex
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

PAGE = "page"


def main() -> None:
    """Read the blocks, run them, print the report."""
    blocks: list[dict[str, Any]] = json.load(sys.stdin)
    report: list[dict[str, Any]] = []
    names: dict[str, Any] = {"__name__": PAGE}
    for block in blocks:
        done = run_python(block, names) if block["language"] == "python" else run_commands(block)
        report.append({"line": block["line"], **done})
        if "error" in done:
            break
    json.dump(report, sys.stdout)


def run_python(block: dict[str, Any], names: dict[str, Any]) -> dict[str, str]:
    """Run Python, or write it into the file that it is."""
    if block["file"]:
        Path(block["file"]).write_text(block["text"], encoding="utf-8")
        return {"output": ""}
    source = "\n" * (block["line"] - 1) + block["text"]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            exec(compile(source, block["page"], "exec"), names)  # noqa: S102 - this is what it is for
        except Exception:  # noqa: BLE001 - whatever the page does goes into the report
            return {"output": printed.getvalue(), "error": traceback.format_exc()}
    return {"output": printed.getvalue()}


def run_commands(block: dict[str, Any]) -> dict[str, str]:
    """Run the commands of `board`; their output is joined, each after its own line, as a console shows it."""
    shown = ""
    for line in block["text"].splitlines():
        if not line.startswith("$ "):
            continue
        shown += line + "\n"
        command = [sys.executable, "-m", "board", *shlex.split(line)[2:]]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ, timeout=120, check=False)
        shown += done.stdout
        # 1 is a finding of `board doctor` about this Redis: the command works.
        if done.returncode not in ({0, 1} if "doctor" in command else {0}):
            return {"output": shown, "error": f"{line} ended with {done.returncode}:\n{done.stderr}"}
    return {"output": shown}


if __name__ == "__main__":
    main()
