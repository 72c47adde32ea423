"""Jinja as our templates use it, without what they do not.

A page calls some five hundred functions and macros, and one template imports another some twenty times. Jinja looks
each time for what ours never have: callable objects that want the context, and globals of a template's own.

To compile them all takes Jinja more than a second. So that nobody's first look at a page waits for it, an installation
may compile them beforehand, and a server compiles the rest soon after its start.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from contextvars import ContextVar
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any, Final

import flask.templating
import jinja2
from jinja2.bccache import Bucket
from jinja2.runtime import Context, Macro

from board import __version__

__all__ = ["COMPILED", "Compiled", "Environment", "load_all", "load_soon"]

logger = logging.getLogger(__name__)

COMPILED: Final = Path(__file__).parent / "__pycache__"
"""Where Python has what it compiled of this package."""

SOON_SECONDS: Final = 1.0
"""Pages that are asked for at once come before templates that nobody asked for."""

_COMPILING = threading.Lock()


class Compiled(jinja2.BytecodeCache):
    """Templates that ``python -m board.web.precompile`` has compiled.

    They are code that is run, so they lie where the modules of the package do: who may write there could change those
    as well. While pages are served nothing is written. What is there counts only for the very text of a template, and
    for one release of the board, of Jinja and of Python; anything else is compiled as if it were not there.
    """

    def __init__(self, folder: Path = COMPILED, *, writes: bool = False) -> None:
        """Read what is in ``folder``; with ``writes`` also put there what is not."""
        self._folder = folder
        self._releases = f"{__version__}-jinja-{version('jinja2')}"
        self._writes = writes

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket of a template, if there is something for it that can be read."""
        try:
            bucket.bytecode_from_string(self._file(bucket).read_bytes())
        except Exception:  # noqa: BLE001 - there is none, or it was cut off: the template is compiled anew
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled: all of it, or nothing."""
        if not self._writes:
            return
        self._folder.mkdir(exist_ok=True)
        kept = self._file(bucket)
        unfinished = kept.with_suffix(f".{os.getpid()}")
        try:
            unfinished.write_bytes(bucket.bytecode_to_string())
            unfinished.replace(kept)
        finally:
            unfinished.unlink(missing_ok=True)

    def _file(self, bucket: Bucket) -> Path:
        return self._folder / f"template-{self._releases}-{bucket.key}.cache"


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


_OPENED: ContextVar[list[Context] | None] = ContextVar("_OPENED", default=None)
"""The contexts of the page that is being written: its own, and those of the templates it includes."""


class _Template(jinja2.Template):
    """Lets go of what a page showed as soon as it is written.

    A context and its macros hold each other, and a remembered piece of a page holds its macro: what was shown, some
    hundred KB, would otherwise be there until the collector comes by, perhaps a hundred pages later.
    """

    def render(self, *arguments: Any, **named: Any) -> str:
        """Write the page."""
        opened = [self.new_context(dict(*arguments, **named))]
        outer = _OPENED.set(opened)
        try:
            return str(self.environment.concat(self.root_render_func(opened[0])))
        except Exception:  # noqa: BLE001 - raised again, with the lines of the template in its traceback
            self.environment.handle_exception()
        finally:
            _OPENED.reset(outer)
            for context in opened:
                context.parent.clear()
                context.vars.clear()

    def new_context(
        self,
        vars: dict[str, Any] | None = None,  # noqa: A002 - Jinja's name
        shared: bool = False,  # noqa: FBT001, FBT002 - Jinja's signature
        locals: Mapping[str, Any] | None = None,  # noqa: A002 - Jinja's name
    ) -> Context:
        """Make a context. One that is not shared may be that of a module, which Jinja keeps with its macros."""
        context = super().new_context(vars, shared, locals)
        if shared and (opened := _OPENED.get()) is not None:
            opened.append(context)
        return context


class Environment(flask.templating.Environment):
    """Jinja's environment with one set of globals for all templates."""

    context_class = _Context
    template_class = _Template

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


def load_all(environment: jinja2.Environment) -> None:
    """Load every template, so that each is compiled."""
    begun = time.monotonic()
    names = environment.list_templates()
    for name in names:
        environment.get_template(name)
    extra = {"templates": len(names), "elapsed_ms": round((time.monotonic() - begun) * 1000)}
    logger.info("templates loaded", extra=extra)


def load_soon(environment: jinja2.Environment, seconds: float = SOON_SECONDS) -> threading.Timer:
    """Load every template in a thread, in a moment. Never before a fork: it could keep a lock that the child needs."""
    timer = threading.Timer(seconds, load_all, (environment,))
    timer.name = "board-templates"
    timer.daemon = True
    timer.start()
    return timer
