"""What every board of a test process has in common is made once: the tests see the same, and sooner.

Most of the time of a test of pages went into compiling what the test before it had compiled as well.
"""

from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

from board.auth import passwords

REAL_HASHER = passwords._hasher
"""The one of the board. Its work is to be slow, so only the test of it uses it."""

CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Templates(BytecodeCache):
    """Keeps the code of templates by their name and text."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._codes: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give the code of a template that was compiled before."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template that was compiled just now."""
        self._codes[bucket.key, bucket.checksum] = bucket.code


def routes(compile_builder: Callable[..., Any]) -> Callable[..., Any]:
    """Keep the functions that werkzeug writes to build addresses, two for each of some two hundred rules.

    One depends on the parts of its rule, and gets the rule itself as its argument.
    """
    made: dict[Any, Any] = {}

    def remembering(rule: Rule, append_unknown: bool = True) -> Any:  # noqa: FBT001, FBT002 - werkzeug's signature
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in made:
            made[key] = compile_builder(rule, append_unknown)
        return made[key]

    return remembering


def install(patch: pytest.MonkeyPatch) -> None:
    """Do all of it until the patch is undone."""
    patch.setattr(Flask, "jinja_options", {**Flask.jinja_options, "bytecode_cache": Templates()})
    patch.setattr(Rule, "_compile_builder", routes(Rule._compile_builder))
    patch.setattr(passwords, "_hasher", CHEAP_HASHER)
