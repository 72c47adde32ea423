"""Nobody's first look at a page waits for its templates: they are compiled before, and what was compiled is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import jinja2
import pytest
from flask import Flask
from jinja2 import DictLoader

from board.config import Settings
from board.resources import TEMPLATES
from board.web import create_app, templating
from board.web.templating import COMPILED, Compiled, Environment, load_all, load_soon

Make = Callable[..., Environment]


class _CompilingError(Exception):
    """A template was compiled that need not be."""


class _Refusing(Environment):
    def compile(self, source: Any, *_arguments: Any, **_named: Any) -> NoReturn:
        raise _CompilingError(source)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A function that makes an environment with one template, and what was compiled in a folder of the test."""

    def environment(text: str, kind: type[Environment] = Environment, *, writes: bool = False) -> Environment:
        cache = Compiled(tmp_path, writes=writes)
        return kind(Flask(__name__), loader=DictLoader({"page.html": text}), bytecode_cache=cache)

    return environment


def test_a_template_that_was_compiled_is_not_compiled_again(make: Make) -> None:
    load_all(make("{{ 6 * 7 }} jobs", writes=True))

    found = make("{{ 6 * 7 }} jobs", _Refusing).get_template("page.html")

    assert found.render() == "42 jobs"


def test_a_template_that_changed_is_compiled_anew(make: Make) -> None:
    load_all(make("before", writes=True))

    assert make("after").get_template("page.html").render() == "after"
    with pytest.raises(_CompilingError):
        make("after", _Refusing).get_template("page.html")


def test_another_release_of_jinja_is_another_compiler(make: Make, tmp_path: Path) -> None:
    load_all(make("text", writes=True))
    (kept,) = tmp_path.iterdir()
    kept.rename(kept.with_name(kept.name.replace(jinja2.__version__, "2.0")))

    with pytest.raises(_CompilingError):
        make("text", _Refusing).get_template("page.html")


def test_pages_write_nothing(make: Make, tmp_path: Path) -> None:
    load_all(make("text"))

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_cut_off_anywhere_counts_as_not_there(make: Make, tmp_path: Path) -> None:
    environment = make("text", writes=True)
    load_all(environment)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()

    for length in range(len(whole)):
        kept.write_bytes(whole[:length])
        bucket = Compiled(tmp_path).get_bucket(environment, "page.html", None, "text")
        assert bucket.code is None, length
    assert make("text").get_template("page.html").render() == "text"


def test_who_reads_while_a_template_is_compiled_again_reads_the_whole_file(make: Make, tmp_path: Path) -> None:
    load_all(make("text", writes=True))
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(b"of another Python")

    with kept.open("rb") as reading:
        load_all(make("text", writes=True))

        assert reading.read() == b"of another Python"
    assert make("text", _Refusing).get_template("page.html").render() == "text"
    assert list(tmp_path.iterdir()) == [kept]


def test_what_was_compiled_lies_in_the_package_and_in_no_folder_that_others_may_fill() -> None:
    assert COMPILED.parent == Path(templating.__file__).parent
    assert isinstance(create_app(Settings("redis://localhost")).jinja_env.bytecode_cache, Compiled)


def test_a_server_loads_every_template_soon() -> None:
    environment = create_app(Settings("redis://localhost")).jinja_env

    load_soon(environment, 0).join()

    assert environment.cache is not None
    assert len(environment.cache) == len(list(TEMPLATES.rglob("*.html"))) > 50
