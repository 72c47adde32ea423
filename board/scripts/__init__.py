"""The board's own Lua scripts, on the board's own keys: one atomic operation a file, with headers as the engine's."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from board.engine.scripts.loader import Script, read

__all__ = ["load"]


@cache
def load(name: str) -> Script:
    """Load a script of this folder by name.

    Raises:
        ScriptSourceError: its header is incomplete.
    """
    return read(name, (files("board.scripts") / f"{name}.lua").read_text(encoding="utf-8"))
