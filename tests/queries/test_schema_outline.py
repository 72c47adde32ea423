"""What a schema demands, told line by line, and the data that a form begins with."""

import json
from typing import Any

import pytest

from board.queries.schema_outline import MOST_DEMANDS, outline, skeleton
from board.schemas import JobSchema, declared

ADDRESS = {"type": "object", "properties": {"street": {"type": "string"}}, "required": ["street"]}
SCHEMA = {
    "title": "Welcome",
    "description": "greets somebody",
    "type": "object",
    "properties": {
        "userId": {"type": "integer", "minimum": 1, "description": "whom"},
        "language": {"enum": ["en", "de"], "default": "en"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string", "format": "uri"}},
        "home": {"$ref": "#/$defs/address"},
    },
    "required": ["userId", "home", "extra"],
    "$defs": {"address": ADDRESS},
}


def entry(schema: Any, job: str = "*") -> JobSchema:
    return declared([{"queue": "mail", "job": job, "schema": schema}]).entries[0]


def begun(schema: Any) -> Any:
    return json.loads(skeleton(entry(schema)))


def test_an_outline_has_a_line_for_each_value() -> None:
    found = outline(entry(SCHEMA, "welcome"))

    assert (found.job, found.names_one, found.about, found.is_cut) == (
        "welcome",
        True,
        "Welcome: greets somebody",
        False,
    )
    told = [
        (one.path, one.types, one.is_needed, one.about, one.bounds, one.format, one.default) for one in found.demands
    ]
    assert told == [
        ("userId", ("integer",), True, "whom", ("must be 1 or more",), "", ""),
        ("language", (), False, "", ('must be one of "en", "de"',), "", '"en"'),
        ("note", ("string", "null"), False, "", (), "", ""),
        ("tags", ("array",), False, "", (), "", ""),
        ("tags[]", ("string",), False, "", (), "uri", ""),
        ("home", ("object",), True, "", (), "", ""),
        ("home.street", ("string",), True, "", (), "", ""),
    ]


def test_a_form_begins_with_what_is_required_and_what_has_a_default() -> None:
    assert begun(SCHEMA) == {"userId": 1, "language": "en", "home": {"street": ""}, "extra": None}


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        (True, {}),
        ({}, {}),
        ({"type": "array"}, []),
        ({"type": "array", "minItems": 2, "items": {"const": 4}}, [4]),
        ({"type": ["string", "null"]}, ""),
        ({"type": "boolean"}, False),
        ({"oneOf": [{"type": "number"}, {"type": "null"}]}, 0),
        ({"default": {"a": [1]}}, {"a": [1]}),
        ({"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}]}, {"a": ""}),
    ],
)
def test_every_kind_of_schema_has_data_to_begin_with(schema: Any, data: Any) -> None:
    assert begun(schema) == data


def test_a_schema_that_refers_to_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}

    assert 0 < len(outline(entry(node)).demands) < 10
    assert begun(node)["next"]["next"]


def test_a_schema_of_very_many_values_is_cut() -> None:
    wide = {"properties": {f"p{number}": {"default": "x" * 1_000} for number in range(300)}}

    found = outline(entry(wide))

    assert len(found.demands) == MOST_DEMANDS
    assert found.is_cut
    assert begun(wide) == {}


def test_a_default_that_would_be_hidden_in_data_is_hidden_and_not_typed_for_anybody() -> None:
    schema = {"properties": {"password": {"type": "string", "default": "hunter2"}, "db": {"default": {"token": "t0"}}}}

    found = outline(entry(schema))

    assert [one.default for one in found.demands] == ["[redacted]", "[redacted]"]
    assert begun(schema) == {"password": "", "db": None}


def test_a_schema_that_asks_for_itself_at_every_level_begins_with_nothing() -> None:
    """A hundred bytes could ask for a hundred million values: each level has fifty of the one below."""
    names = [f"n{number}" for number in range(50)]
    schema = {"type": "object", "properties": {name: {"$ref": "#"} for name in names}, "required": names}

    assert skeleton(entry(schema)) == "{}"
    assert len(begun({"type": "object", "required": names})) == len(names)
