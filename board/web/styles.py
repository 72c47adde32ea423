"""The styles as one file: kept apart to be read, joined to be sent."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from board.resources import STATIC

__all__ = ["stylesheet", "stylesheet_stamp"]

STYLES = STATIC / "css"


def stylesheet() -> str:
    """Return all styles as they are now."""
    return _joined(_changed_ns())[0]


def stylesheet_stamp() -> str:
    """Return their digest."""
    return _joined(_changed_ns())[1]


def _changed_ns() -> int:
    """Return when a style changed last: in development that happens while the board runs."""
    return max(path.stat().st_mtime_ns for path in STYLES.glob("*.css"))


@lru_cache(maxsize=4)
def _joined(changed_ns: int) -> tuple[str, str]:
    """Join the files. 00-layers.css comes first and decides what wins; the order of the others does not matter."""
    del changed_ns  # part of the key
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(STYLES.glob("*.css")))
    return text, sha256(text.encode()).hexdigest()[:12]
