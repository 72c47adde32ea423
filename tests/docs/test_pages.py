"""What the pages show is true: their programs run and print what is written below them, their links lead somewhere."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from board.cli import board
from tests.docs.pages import ROOT, Block, anchors, blocks, links, pages, without_blocks

REDIS = "redis://localhost:6379/0"
"""The address that pages use; here it becomes that of the test's server."""

STAYS = {"serve", "dev", "worker"}
"""Commands of `board` that run until they are stopped; other tests start them."""

ELSEWHERE = {
    *("bash", "cd", "echo", "install", "journalctl", "python3", "systemctl"),
    *("celery", "curl", "docker", "flask", "git", "gunicorn", "pip", "rq", "uvicorn"),
}
"""Programs that are not ours."""

PICTURES = {"", "text", "mermaid", "nginx", "promql", "http"}
"""Languages of blocks that nothing here reads."""


def is_run(block: Block) -> bool:
    """Whether this block is run: Python, or a console block of nothing but our own commands that end by themselves."""
    if block.not_run:
        return False
    if block.language == "console":
        return all(line[:2] == ["$", "board"] and line[2] not in STAYS for line in commands(block))
    return block.language == "python"


def commands(block: Block) -> list[list[str]]:
    """Return the command lines of a console block in words, without settings of variables before them."""
    found = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            words = shlex.split(line, comments=True)[1:]
            while words and re.match(r"[A-Z_]+=", words[0]):
                words.pop(0)
            found.append(["$", *words])
    return found


def named(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", [one for one in pages() if any(map(is_run, blocks(one)))], ids=named)
def test_every_program_of_the_page_runs_and_prints_what_it_says(document: Path, redis_url: str, tmp_path: Path) -> None:
    chosen = [block for block in blocks(document) if is_run(block)]
    told = [
        {
            "page": named(document),
            "language": block.language,
            "text": block.text.replace(REDIS, redis_url),
            "line": block.line,
            "file": block.file,
        }
        for block in chosen
    ]

    done = subprocess.run(
        [sys.executable, "-W", "error", str(Path(__file__).with_name("run_page.py"))],
        input=json.dumps(told),
        env={**os.environ, "REDIS_URL": redis_url, "PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    report: list[dict[str, Any]] = json.loads(done.stdout)
    for block, ran in zip(chosen, report, strict=False):
        assert "error" not in ran, f"{named(document)}:{block.line}\n{ran['error']}\n{done.stderr}"
        said = block.text if block.language == "console" else block.output or ""
        assert says(said, ran["output"].replace(redis_url, REDIS)), (
            f"{named(document)}:{block.line} says\n{said}\nbut it prints\n{ran['output']}\n{done.stderr}"
        )
    assert len(report) == len(chosen)


def says(said: str, printed: str) -> bool:
    """Whether the page shows what was printed; a console block that shows no output promises none."""
    lines = said.rstrip().splitlines()
    if lines and all(line.startswith("$ ") for line in lines):
        return True
    pattern = "\n".join("(?:.*\n)*?.*" if line.strip() == "…" else re.escape(line) for line in lines)
    return re.fullmatch(pattern, printed.rstrip()) is not None


@pytest.mark.parametrize("document", pages(), ids=named)
def test_every_block_of_the_page_is_valid(document: Path, tmp_path: Path) -> None:
    files = {block.file for block in blocks(document)}
    for block in blocks(document):
        try:
            check(block, tmp_path, files)
        except (SyntaxError, ValueError, AssertionError, yaml.YAMLError, click.ClickException) as wrong:
            pytest.fail(f"{named(document)}:{block.line}: {wrong}", pytrace=False)


def check(block: Block, folder: Path, files: set[str]) -> None:
    """Read a block the way its language is read, without running it."""
    match block.language:
        case "python":
            ast.parse(block.text)
        case "console":
            for words in commands(block):
                check_command(words[1:], files)
        case "yaml":
            list(yaml.safe_load_all(block.text))
        case "toml":
            tomllib.loads(block.text)
        case "json":
            json.loads(block.text)
        case "bash":
            parsed(["bash", "-n"], block.text, folder / "block.sh")
        case "javascript":
            parsed(["node", "--check"], block.text, folder / "block.mjs")
        case other:
            assert other in PICTURES, f"nobody checks blocks of {other}"


def parsed(command: list[str], text: str, file: Path) -> None:
    """Let a program read a file."""
    file.write_text(text, encoding="utf-8")
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def check_command(words: list[str], files: set[str]) -> None:
    """See that a command names what there is: a target of make, our own commands and options, a file or module."""
    program, *arguments = words
    program = program.removeprefix(".venv/bin/").removeprefix("/opt/queue-board/bin/")
    match program:
        case "make":
            targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
            for argument in arguments:
                assert argument in targets or re.match(r"[A-Z]+=", argument), f"make has no target {argument}"
                if argument.startswith("ARGS="):
                    check_tests(shlex.split(argument.removeprefix("ARGS=")))
        case "pytest":
            check_tests(arguments)
        case "board":
            check_ours(arguments)
        case "python" if arguments[:1] == ["-m"]:
            assert find_spec(arguments[1]) is not None, f"there is no module {arguments[1]}"
        case "python":
            assert arguments[0] in files or (ROOT / arguments[0]).is_file(), f"there is no {arguments[0]}"
        case _:
            assert program in ELSEWHERE, f"what is {program}?"


def check_tests(arguments: list[str]) -> None:
    """See that the files and folders of tests are there, and something in them is called as the words after `-k`."""
    paths = [ROOT / argument for argument in arguments if argument.startswith("tests/")]
    assert paths, "whole runs have a target of make"
    assert [path for path in paths if not path.exists()] == []
    if "-k" in arguments:
        files = [file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path])]
        word = arguments[arguments.index("-k") + 1]
        assert any(word in file.read_text(encoding="utf-8") for file in files), f"no test is called {word}"


def command_of(arguments: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command of `board` that these words begin with, and the words that are left for it."""
    command: click.Command = board
    rest = list(arguments)
    while isinstance(command, click.Group) and rest and re.match(r"[a-z]", rest[0]):
        name = rest.pop(0)
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"board has no command {' '.join(arguments)}"
        command = found
    return command, rest


def check_ours(arguments: list[str]) -> None:
    """Parse a command line of `board` as click does, and run nothing."""
    command, rest = command_of(arguments)
    try:
        command.make_context(command.name, rest, resilient_parsing=isinstance(command, click.Group))
    except click.exceptions.Exit:  # --help
        return


@pytest.mark.parametrize("document", pages(), ids=named)
def test_every_command_within_a_sentence_is_there(document: Path) -> None:
    for text in re.findall(r"`([^`\n]+)`", without_blocks(document)):
        words = shlex.split(text) if re.match(r"([A-Z_]+=\S+ )*(\S*/)?(make|pytest|python|board) ", text) else []
        while words and re.match(r"[A-Z_]+=", words[0]):
            words.pop(0)
        if words[:1] == ["board"]:
            command_of(words[1:])  # without what it needs: a sentence names it
        elif words:
            check_command(words, set())


@pytest.mark.parametrize("document", [*pages(), ROOT / "docs/protocol.md", ROOT / "docs/design.md"], ids=named)
def test_every_link_leads_somewhere(document: Path) -> None:
    dead = []
    for link in links(document):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)

    assert dead == []


def test_every_page_is_found_from_the_readme() -> None:
    found: set[Path] = set()
    open_pages = [ROOT / "README.md"]
    while open_pages:
        page = open_pages.pop()
        found.add(page)
        below = {(page.parent / link.partition("#")[0]).resolve() for link in links(page)}
        open_pages += [one for one in below - found if one.suffix == ".md" and one.is_file()]

    assert {named(one) for one in {*pages()} - found} == set()


@pytest.mark.parametrize(
    ("said", "printed", "is_true"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\n", "b\n", False),
        ("a\n", "", False),
        ("", "a\n", False),
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("a\n…\nd\n", "a\nb\nc\n", False),
        ("$ board doctor\n", "$ board doctor\nok\n", True),
        ("$ board doctor\nok\n", "$ board doctor\nFAIL\n", False),
    ],
)
def test_a_page_that_says_something_else_is_noticed(said: str, printed: str, *, is_true: bool) -> None:
    assert says(said, printed) is is_true


@pytest.mark.parametrize(
    "words",
    [
        *("make nothing", "board nothing", "board serve --nothing", "board user add", "python no/such.py"),
        *(
            "python -m nono",
            "pytest tests/nothing",
            "pytest tests/acl -k no_such",
            "make test ARGS=tests/no",
        ),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(words: str) -> None:
    with pytest.raises((AssertionError, click.ClickException)):
        check_command(words.split(), set())
