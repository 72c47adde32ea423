"""What a page showed is gone once the page is written: counted with the collector switched off."""

import gc
import weakref
from collections.abc import Iterator

import pytest
from flask import Flask
from jinja2 import DictLoader

from board.web.templating import Environment

TEMPLATES = {
    "alone.html": "{% macro told(job) %}{{ dict(job=job).job }}{% endmacro %}{% set name = job %}{{ told(name) }}",
    "whole.html": '{% set name = job %}{% include "alone.html" %}',
    "helped.html": '{% from "macros.html" import told with context %}{{ told(job) }}',
    "twice.html": '{% from "macros.html" import told %}{{ told(job) }}',
    "macros.html": "{% set words = 'job' %}{% macro told(job) %}{{ words }} {{ dict(job=job).job }}{% endmacro %}",
    "broken.html": "\n\n\n\n\n\n{{ job.gone.further }}",
}


class Job:
    """Something that a page shows."""

    def __str__(self) -> str:
        return "42"


@pytest.fixture
def environment() -> Environment:
    return Environment(Flask(__name__), loader=DictLoader(TEMPLATES))


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("name", ["alone.html", "whole.html", "helped.html", "twice.html"])
def test_what_a_page_showed_is_gone_when_it_is_written(environment: Environment, name: str) -> None:
    job = Job()
    held = weakref.ref(job)

    html = environment.get_template(name).render(job=job)
    del job

    assert "42" in html
    assert held() is None


def test_a_macro_that_is_kept_holds_nothing_of_the_page_that_made_it(environment: Environment) -> None:
    job = Job()
    held = weakref.ref(job)
    kept: list[object] = []

    environment.from_string("{% macro told() %}{{ job }}{% endmacro %}{% set _ = keep(told) %}").render(
        job=job, keep=kept.append
    )
    del job

    assert len(kept) == 1
    assert held() is None


def test_macros_of_a_module_outlive_the_page_that_was_first_to_use_them(environment: Environment) -> None:
    template = environment.get_template("twice.html")

    assert [template.render(job=number) for number in (1, 2)] == ["job 1", "job 2"]


def test_a_page_within_a_page_lets_go_of_its_own_alone(environment: Environment) -> None:
    def inner() -> str:
        return environment.get_template("whole.html").render(job="inner")

    html = environment.from_string('{% set x = inner() %}{% include "alone.html" %} and {{ x }}').render(
        inner=inner, job="outer"
    )

    assert html == "outer and inner"


def test_what_goes_wrong_in_a_template_is_told_with_its_line(environment: Environment) -> None:
    with pytest.raises(Exception, match="has no attribute 'gone'") as wrong:
        environment.get_template("broken.html").render(job=Job())

    assert ("<template>", 7) in {(entry.frame.code.raw.co_filename, entry.lineno + 1) for entry in wrong.traceback}
