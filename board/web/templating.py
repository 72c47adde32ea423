"""Jinja as our templates use it, without what they do not.

A page calls some five hundred functions and macros, and one template imports another some twenty times. Jinja looks
each time for what ours never have: callable objects that want the context, and globals of a template's own.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Callable, MutableMapping
from types import FunctionType
from typing import Any

import flask.templating
from jinja2.runtime import Context, Macro

__all__ = ["Environment"]


_COMPILING = threading.Lock()


class _Context(Context):
    """Calls macros and plain functions directly; what wants more is called as Jinja calls it."""

    def call(  # Jinja passes the two by name, and takes them out again
        self,
        called: Callable[..., Any],
        /,
        *args: Any,
        _block_vars: Any = None,
        _loop_vars: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Call what stands in a template."""
        kind = type(called)
        if kind is Macro:
            return called(self.eval_ctx, *args, **kwargs)
        if kind is FunctionType and not hasattr(called, "jinja_pass_arg"):
            return called(*args, **kwargs)
        return super().call(called, *args, _block_vars=_block_vars, _loop_vars=_loop_vars, **kwargs)


class Environment(flask.templating.Environment):
    """Jinja's environment with one set of globals for all templates."""

    context_class = _Context

    def compile(self, source: Any, *arguments: Any, **named: Any) -> Any:
        """Compile a template, one at a time, and give back the memory that it took.

        A large one takes 9 MB for a moment, and with several threads that need it first, that many times as much; what
        is left has holes, which the C library keeps unless told.
        """
        with _COMPILING:
            compiled = super().compile(source, *arguments, **named)
            with contextlib.suppress(OSError, AttributeError, TypeError):  # only glibc has it
                ctypes.CDLL(None).malloc_trim(0)
        return compiled

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return the shared ones, unless a template is given more: Jinja chains the two and compares their names."""
        return super().make_globals(d) if d else self.globals
