"""The blocking front's thin modules are the asyncio ones without `await`: written once, derived once.

    python -m tests.architecture.fronts --write

`queue`, `job` and `flow` only hand descriptions to a connection; two copies kept by hand would drift apart. What owns
threads or tasks (`events`, `worker`) is written for each front.
"""

import re
import subprocess
import sys
from pathlib import Path

ENGINE = Path(__file__).resolve().parent.parent.parent / "board" / "engine"
DERIVED = ("queue.py", "job.py", "flow.py")

REPLACEMENTS = (
    (r" *@at_once\(.*\)\n", ""),
    (r"from board\.engine\.aio\.at_once import at_once\n", ""),
    (r"\bawait ", ""),
    (r"\basync def\b", "def"),
    (r"\basync with\b", "with"),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"board\.engine\.aio\b", "board.engine.sync"),
    (r"board\.engine\.connection\.aio\b", "board.engine.connection.sync"),
    (r"\bAsync(Client|Connection|FlowProducer|Job|JobNode|Queue|QueueEvents)\b", r"\1"),
    (r"asyncio front", "blocking front"),
    (r"for asyncio", "for threads"),
    (r"  # noqa: ASYNC109", ""),
)


def derive(source: str) -> str:
    """Return the blocking module that belongs to an asyncio one."""
    for pattern, replacement in REPLACEMENTS:
        source = re.sub(pattern, replacement, source)
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "-"], input=source, capture_output=True, text=True, check=True
    )
    sorted_imports = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--select", "I", "--fix", "--quiet", "-"],
        input=done.stdout,
        capture_output=True,
        text=True,
        check=False,
    )
    return sorted_imports.stdout


def main() -> None:
    """Write the derived modules."""
    for name in DERIVED:
        (ENGINE / "sync" / name).write_text(derive((ENGINE / "aio" / name).read_text()))


if __name__ == "__main__" and "--write" in sys.argv:
    main()
