"""Every script keeps the contract of its header, and luacheck finds nothing in any.

The header's shape is the loader's to check; here its names are compared with the script's own locals, so that the
header cannot drift from the code.
"""

import re
import shutil
from pathlib import Path

import pytest

from board.engine.scripts import loader
from tests.architecture import lua_lint

LUA = Path(loader.__file__).parent / "lua"
ENGINE = LUA.parents[1]
SCRIPTS = loader.names()
INCLUDES = sorted((LUA / "includes").glob("*.lua"))


def code_lines(path: Path) -> list[str]:
    """The lines of a Lua file without those that are comments only."""
    return [line for line in path.read_text().splitlines() if not line.lstrip().startswith("--")]


def split_list(text: str) -> list[str]:
    """Split a Lua expression list at its outer commas."""
    parts, depth, part = [], 0, ""
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += sign
    return [*parts, part.strip()]


def bound_names(lines: list[str], table: str) -> list[str]:
    """The locals bound to KEYS or ARGV, in the order of their index; every use has to be such a binding."""
    bound: dict[int, str] = {}
    for line in lines:
        if not re.search(rf"\b{table}\b", line):
            continue
        match = re.fullmatch(r"local ([\w, ]+) = (.+)", line)
        assert match, f"{table} outside the first locals: {line.strip()}"
        names, values = split_list(match.group(1)), split_list(match.group(2))
        if values in ([table], [f"unpack({table})"]):
            assert not bound, f"{table} unpacked twice"
            return names
        for name, value in zip(names, values, strict=True):
            for number in re.findall(rf"\b{table}\[(\d+)\]", value):
                assert int(number) == len(bound) + 1, f"{table}[{number}] is out of order: {line}"
                bound[int(number)] = name
    return list(bound.values())


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_header_names_the_keys_and_arguments_the_script_unpacks(name: str) -> None:
    header = loader.load(name).header
    lines = code_lines(LUA / f"{name}.lua")

    assert bound_names(lines, "KEYS") == [key.replace(" ", "_") for key in header.keys]
    assert bound_names(lines, "ARGV") == [argument.replace(" ", "_") for argument in header.args]


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_title_says_what_the_script_does(name: str) -> None:
    assert re.match(r"[a-z]+ .{8,}", loader.load(name).header.title)


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_is_sent_by_some_command(name: str) -> None:
    python = (path for path in ENGINE.rglob("*.py"))

    assert any(re.search(rf"""["']{name}["']""", path.read_text()) for path in python)


@pytest.mark.parametrize("path", INCLUDES, ids=lambda path: path.stem)
def test_an_include_is_one_local_function_named_like_its_file(path: Path) -> None:
    functions = re.findall(r"^local function (\w+)\(", path.read_text(), re.MULTILINE)
    others = [line for line in code_lines(path) if line and not line.startswith((" ", "local function", "end"))]

    assert functions == [path.stem]
    assert others == []
    assert re.match(rf"-- {path.stem}: .+", path.read_text())


@pytest.mark.parametrize("path", INCLUDES, ids=lambda path: path.stem)
def test_every_include_is_included(path: Path) -> None:
    include = re.compile(rf"^-- @include {path.stem}( when called)?$", re.MULTILINE)

    assert any(include.search(other.read_text()) for other in LUA.rglob("*.lua"))


@pytest.mark.parametrize("path", sorted(LUA.rglob("*.lua")), ids=lambda path: path.stem)
def test_indents_are_two_spaces(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        indent = line[: len(line) - len(line.lstrip())]
        assert "\t" not in line, f"line {number}"
        assert len(indent) % 2 == 0, f"line {number}"
        assert line == line.rstrip(), f"line {number}"


@pytest.mark.parametrize("path", sorted(LUA.rglob("*.lua")), ids=lambda path: path.stem)
def test_no_script_asks_the_clock_or_throws_dice_or_reads_every_key(path: Path) -> None:
    forbidden = re.compile(r"""['"](TIME|KEYS|RANDOMKEY|SRANDMEMBER|MONITOR|FLUSHALL|FLUSHDB)['"]|math\.random""")
    found = [line for line in code_lines(path) if forbidden.search(line)]

    assert found == []


def test_luacheck_finds_nothing() -> None:
    assert shutil.which("luacheck"), "install luacheck (Debian: apt-get install lua-check)"

    code, printed = lua_lint.check(lua_lint.sources())

    assert code == 0, printed


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("local unused = 1", "unused variable"),
        ("leaked = 1", "setting non-standard global"),
        ("return missing(1)", "undefined variable"),
        ("return os.time()", "os"),
    ],
)
def test_luacheck_would_find_it(source: str, complaint: str) -> None:
    code, printed = lua_lint.check({"broken": source})

    assert code != 0
    assert complaint in printed
