"""Reads a script, resolves its includes, parses its header and knows its hash.

A script is one atomic operation in one file of ``lua/``; ``-- @include name`` pulls in one local function from
``lua/includes/``, depth first and each only once. Every run makes the functions of its script anew, so those that few
runs need come by ``-- @include name when called``: the first call makes it, with all that it alone calls. The header
above the code is a contract::

    -- name: one sentence.
    -- KEYS    first key · second key
    -- ARGV    first type · second type
    -- RETURNS what comes back
    -- EVENTS  what is emitted, or none
    -- COST    order of growth

with an optional ``-- DERIVED`` line for keys that the script builds itself. Scripts are never built from Python
strings.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["Header", "Script", "ScriptSourceError", "load", "names", "read"]

_FOLDER = files("board.engine.scripts") / "lua"
_INCLUDE = re.compile(r"^-- @include (\w+)( when called)?$")
_TITLE = re.compile(r"^-- (\w+): (.+)$")
_WHEN_CALLED = """\
local {name}
function {name}(...)
  local made
  do
{source}
  made = {name}
  end
  {name} = made
  return made(...)
end"""
_FIELD = re.compile(r"^-- (KEYS|ARGV|DERIVED|RETURNS|EVENTS|COST|READS)\s+(.+)$")


class ScriptSourceError(Exception):
    """A Lua file of ours is malformed: no header, unknown include, or an include cycle."""


@dataclass(frozen=True, slots=True)
class Header:
    """The contract written above a script.

    Attributes:
        title: what the script does, one sentence.
        keys: names of its keys, in order.
        args: names of its arguments, in order, without their types.
        returns: meaning of the reply.
        events: stream entries it emits.
        cost: order of growth.
        derived: keys it builds itself.
    """

    title: str
    keys: tuple[str, ...]
    args: tuple[str, ...]
    returns: str
    events: str
    cost: str
    derived: str


@dataclass(frozen=True, slots=True)
class Script:
    """A script ready to be sent: its source with includes resolved, and the SHA-1 that Redis knows it by."""

    name: str
    source: str
    sha: str
    header: Header


def names() -> tuple[str, ...]:
    """Return the names of all scripts, sorted."""
    return tuple(sorted(f.name.removesuffix(".lua") for f in _FOLDER.iterdir() if f.name.endswith(".lua")))


@cache
def load(name: str) -> Script:
    """Load a script by name.

    Raises:
        ScriptSourceError: there is no such script, its header is incomplete, or an include is missing or circular.
    """
    path = _FOLDER / f"{name}.lua"
    if not path.is_file():
        raise ScriptSourceError(f"no script named {name}")
    return read(name, path.read_text(encoding="utf-8"))


def read(name: str, text: str) -> Script:
    """Make a script of its text, for scripts that are kept elsewhere; includes are those of this package.

    Raises:
        ScriptSourceError: its header is incomplete, or an include is missing or circular.
    """
    header = _parse_header(name, text)
    source = "\n".join(_resolve(name, text, seen=set(), open_files=(name,)))
    return Script(name, source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest(), header)


def _resolve(where: str, text: str, *, seen: set[str], open_files: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _INCLUDE.match(line)
        if match is None:
            lines.append(line)
            continue
        name, is_rare = match.groups()
        if name in open_files:
            raise ScriptSourceError(f"{where}.lua line {number}: include cycle {' > '.join((*open_files, name))}")
        if name in seen:
            continue
        seen.add(name)
        path = _FOLDER / "includes" / f"{name}.lua"
        if not path.is_file():
            raise ScriptSourceError(f"{where}.lua line {number}: no include named {name}")
        included = path.read_text(encoding="utf-8")
        resolved = _resolve(name, included, seen=set(seen) if is_rare else seen, open_files=(*open_files, name))
        lines += _WHEN_CALLED.format(name=name, source="\n".join(resolved)).splitlines() if is_rare else resolved
    return lines


def _parse_header(name: str, text: str) -> Header:
    fields: dict[str, str] = {}
    title = ""
    last = ""
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        if (match := _TITLE.match(line)) and not title:
            title = match.group(2)
            if match.group(1) != name:
                raise ScriptSourceError(f"{name}.lua: its header names {match.group(1)}")
        elif match := _FIELD.match(line):
            last = match.group(1)
            fields[last] = match.group(2)
        elif last and line.startswith("--   "):
            fields[last] += " " + line.removeprefix("--").strip()
    missing = [field for field in ("KEYS", "ARGV", "RETURNS", "EVENTS", "COST") if field not in fields]
    if missing or not title:
        raise ScriptSourceError(f"{name}.lua: the header lacks {', '.join(missing) or 'its title'}")
    return Header(
        title=title,
        keys=_names(fields["KEYS"]),
        args=tuple(part.split()[0] for part in _names(fields["ARGV"])),
        returns=fields["RETURNS"],
        events=fields["EVENTS"],
        cost=fields["COST"],
        derived=fields.get("DERIVED", ""),
    )


def _names(text: str) -> tuple[str, ...]:
    return () if text.strip() == "none" else tuple(part.strip() for part in text.split("·"))
