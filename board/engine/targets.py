"""Finds the function that ``module:name`` names."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from board.engine.errors import UsageError

__all__ = ["load_target"]


def load_target(target: str) -> Callable[..., Any]:
    """Import the function that ``package.module:function`` names.

    Raises:
        UsageError: the text has another form, there is no such module or name, or it cannot be called.
    """
    module_name, colon, name = target.partition(":")
    if not colon or not module_name or not name:
        raise UsageError(f"write a processor as package.module:function, not {target!r}")
    try:
        found: Any = importlib.import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    except ImportError as error:
        raise UsageError(f"the processor {target!r} cannot be imported: {error}") from error
    except AttributeError as error:
        raise UsageError(f"module {module_name} has no {name}") from error
    if not callable(found):
        raise UsageError(f"the processor {target!r} is no function but {type(found).__name__}")
    function: Callable[..., Any] = found
    return function
