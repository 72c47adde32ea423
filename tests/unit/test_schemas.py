"""Schemas of the data of jobs: which decides, what it refuses in which words, and what is no schema."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from board.errors import SettingsError
from board.schema_limits import MOST_UNEVALUATED
from board.schemas import MOST_FAULTS, NO_SCHEMAS, Schemas, declared, read_schemas
from tests.security.listening import listening

SECRET = "hunter2-71838"


def of(schema: Any, job: str = "*") -> Schemas:
    return declared([{"queue": "mail", "job": job, "schema": schema}])


def told(schema: Any, data: Any) -> list[str]:
    return [fault.told for fault in of(schema).faults("mail", "send", json.dumps(data))]


def test_the_first_entry_that_fits_queue_and_name_decides() -> None:
    schemas = declared(
        [
            {"queue": "mail", "job": "welcome*", "schema": {"type": "object"}},
            {"queue": "mail", "schema": {"type": "array"}},
            {"queue": "*", "job": "welcome", "schema": {"type": "null"}},
        ]
    )

    decides = {
        (queue, name): found.schema if (found := schemas.of_job(queue, name)) else None
        for queue, name in (("mail", "welcome-2"), ("mail", "bye"), ("sms", "welcome"), ("sms", "bye"))
    }

    assert decides == {
        ("mail", "welcome-2"): {"type": "object"},
        ("mail", "bye"): {"type": "array"},
        ("sms", "welcome"): {"type": "null"},
        ("sms", "bye"): None,
    }
    assert schemas.faults("sms", "bye", "1") == NO_SCHEMAS.faults("mail", "bye", "1") == ()


@pytest.mark.parametrize(
    ("schema", "data", "sentences"),
    [
        ({"type": "object"}, 3, ["The value as a whole must be of the type object."]),
        (
            {"properties": {"a": {"type": ["string", "null"]}}},
            {"a": 1},
            ["a must be of one of the types string, null."],
        ),
        ({"required": ["a", "b"]}, {}, ["a is missing.", "b is missing."]),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, ["b is missing; a needs it."]),
        (
            {"properties": {"a": {}, "b": {}}, "additionalProperties": False},
            {"a": 1, "x": SECRET},
            ["x is not allowed here; allowed are a, b."],
        ),
        ({"additionalProperties": False}, {"x": SECRET}, ["x is not allowed here."]),
        ({"properties": {"a": False}}, {"a": SECRET}, ["The value as a whole holds something that the schema"]),
        (
            {"propertyNames": {"pattern": "^x"}},
            {"a": SECRET},
            ["The value as a whole has a property whose name is not"],
        ),
        ({"items": {"enum": ["a", 1]}}, ["a", SECRET], ['[1] must be one of "a", 1.']),
        ({"items": {"properties": {"n": {"const": 4}}}}, [{"n": SECRET}], ["[0].n must be 4."]),
        ({"minimum": 1}, 0, ["The value as a whole must be 1 or more."]),
        ({"exclusiveMaximum": 1.5}, 2, ["The value as a whole must be less than 1.5."]),
        ({"multipleOf": 5}, 7, ["The value as a whole must be a multiple of 5."]),
        ({"minLength": 20}, SECRET, ["The value as a whole must have at least 20 characters."]),
        ({"pattern": "^a+$"}, SECRET, ['The value as a whole must match the pattern "^a+$".']),
        ({"maxItems": 1}, [1, 2], ["The value as a whole must have at most 1 entry."]),
        ({"uniqueItems": True}, [SECRET, SECRET], ["The value as a whole must hold no entry twice."]),
        ({"contains": {"type": "null"}}, [SECRET], ["The value as a whole lacks an entry that the schema asks for."]),
        ({"not": {"type": "string"}}, SECRET, ["The value as a whole is ruled out by the schema."]),
        (
            {"properties": {"a": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}},
            {"a": SECRET},
            ["a must be of one of the types integer, null."],
        ),
        (
            {"anyOf": [{"minLength": 50}, {"type": "null"}]},
            SECRET,
            ["The value as a whole must fit one of the 2 forms that the schema allows."],
        ),
        ({"oneOf": [{}, {}]}, SECRET, ["The value as a whole fits more than one of the forms of which the schema"]),
        ({"unevaluatedProperties": False}, {"x": SECRET}, ["The value as a whole has a property that the schema does"]),
        (
            {"$ref": "#/$defs/n", "$defs": {"n": {"type": "null"}}},
            1,
            ["The value as a whole must be of the type null."],
        ),
    ],
)
def test_what_is_refused_is_told_by_place_and_by_what_is_allowed(schema: Any, data: Any, sentences: list[str]) -> None:
    found = told(schema, data)

    assert len(found) == len(sentences)
    assert all(one.startswith(wanted) for one, wanted in zip(found, sentences, strict=True)), found
    assert SECRET not in "".join(found)


@pytest.mark.parametrize(
    ("entries", "faults"),
    [
        ([1, True, "1", [1], [True], {"a": 1}, {"a": True}, None, [], {}], 0),
        ([1, 1.0], 1),
        ([{"a": [1], "b": 2}, {"b": 2.0, "a": [1]}], 1),
        ([[False], 0, [False]], 1),
    ],
)
def test_entries_are_told_apart_as_json_does(entries: list[Any], faults: int) -> None:
    assert len(told({"uniqueItems": True}, entries)) == faults
    assert told({"uniqueItems": False}, entries) == []


@pytest.mark.parametrize("schema", [{}, {"$schema": "http://json-schema.org/draft-07/schema#"}])
def test_many_entries_are_not_each_compared_with_all_others(schema: dict[str, Any]) -> None:
    looked_at = 0

    class Counting(dict[str, Any]):
        def __len__(self) -> int:
            nonlocal looked_at
            looked_at += 1
            return super().__len__()

    tree = {**schema, "properties": {"x": {"uniqueItems": True}, "below": {"$ref": "#"}}}
    (entry,) = of(tree).entries
    data = {"below": {"x": [Counting({"n": number}) for number in range(200)]}}

    assert list(entry.validator.iter_errors(data)) == []
    assert looked_at < 1_000


def test_forms_that_refer_to_themselves_are_not_tried_in_each_other_without_end() -> None:
    form = {"properties": {"c": {"$ref": "#"}}}
    tree = {"oneOf": [{**form, "required": ["c"]}, {**form, "maxProperties": 0}]}
    data: dict[str, Any] = {}
    for _ in range(18):
        data = {"c": data}

    assert told(tree, data) == ["The value as a whole cannot be checked against the schema of these jobs."]
    assert told(tree, {"c": {"c": {}}}) == []
    assert told({"items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "integer"}}}, list(range(30_000))) == []


def test_bounds_of_draft_4_are_told_as_they_are() -> None:
    draft = {"$schema": "http://json-schema.org/draft-04/schema#"}

    assert told({**draft, "minimum": 3, "exclusiveMinimum": True}, 3) == ["The value as a whole must be more than 3."]
    assert told({**draft, "maximum": 3, "exclusiveMaximum": False}, 4) == ["The value as a whole must be 3 or less."]


def test_what_fits_is_let_through() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    assert told(schema, {"n": 2**70, "more": [1]}) == []


def test_formats_say_what_is_meant_and_refuse_nothing() -> None:
    assert told({"type": "string", "format": "email"}, "no address") == []


def test_only_the_first_faults_are_told() -> None:
    assert len(told({"items": {"type": "null"}}, list(range(100)))) == MOST_FAULTS


def test_a_name_within_the_data_that_looks_like_a_credential_is_hidden() -> None:
    found = told({"additionalProperties": False}, {"sk_live_" + "a1" * 12: 1})

    assert found == ["[redacted] is not allowed here."]


@pytest.mark.parametrize("text", ["[" * 3_000 + "]" * 3_000, "[" * 400 + "]" * 400, "NaN", "{", "1e999"])
def test_what_cannot_be_checked_is_refused(text: str) -> None:
    schema = {"anyOf": [{"type": "array", "items": {"$ref": "#"}}, {"type": "null"}], "multipleOf": 0.1}

    assert len(of(schema).faults("mail", "send", text)) == 1


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ({"type": "text"}, "is wrong at type: 'text' is not valid"),
        ({"properties": {"a": {"pattern": "("}}}, "is wrong at properties.a.pattern"),
        ({"$schema": "https://example.com/mine"}, "names the draft https://example.com/mine, which is not known"),
        ({"$schema": "http://json-schema.org/draft-03/schema#"}, "names the draft http://json-schema.org/draft-03/"),
        ({"$ref": "#/$defs/gone"}, "refers to #/$defs/gone, which is not in it"),
        ({"$defs": {"a": {"$ref": "other.json"}}}, "refers to other.json, which is not in it"),
        ({"$ref": "#/x", "x": {"$ref": "#/gone"}}, "refers to #/gone, which is not in it"),
        ({"$ref": "#"}, "refers to itself without end"),
        ([], "is neither an object nor true or false"),
        ("mail.json", "is a text: give the schema itself"),
    ],
)
def test_what_is_no_schema_is_refused_with_the_place(schema: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"has an entry, number 1 \(mail, welcome\)") as refusal:
        of(schema, job="welcome")

    assert sentence in str(refusal.value)


def test_nothing_is_ever_fetched() -> None:
    with listening() as place:
        address = f"http://127.0.0.1:{place.port}/schema.json"
        for schema in ({"$ref": address}, {"properties": {"a": {"$ref": address}}}, {"$schema": address}):
            with pytest.raises(ValueError, match="which is not"):
                of(schema)

    assert place.asked == []


def test_a_schema_may_refer_within_itself_and_to_the_drafts() -> None:
    tree = {"type": "array", "items": {"$ref": "#"}}
    within = {"$id": "https://example.com/mail", "$ref": "https://example.com/mail#/$defs/n", "$defs": {"n": False}}

    assert told(tree, [[], [3]]) == ["[1][0] must be of the type array."]
    assert len(told(within, 1)) == 1
    assert told({"$ref": "https://json-schema.org/draft/2020-12/schema"}, {"type": "object"}) == []
    assert told({"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": True, "minimum": 1}, 1)


@pytest.mark.parametrize(
    "entry",
    [
        {"queue": "mail"},
        {"schema": {}},
        {"queue": "mail", "schema": {}, "jobs": "x"},
        {"queue": "", "schema": {}},
        {"queue": "mail", "job": 3, "schema": {}},
        "mail",
    ],
)
def test_an_entry_is_a_queue_a_job_and_a_schema(entry: Any) -> None:
    with pytest.raises(ValueError, match="has an entry, number 2"):
        declared([{"queue": "mail", "schema": True}, entry])


def test_a_file_may_hold_schemas_or_name_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "welcome.json").write_text('{"type": "array"}')
    entries = [{"queue": "mail", "job": "welcome", "schema": "mail/welcome.json"}, {"queue": "sms", "schema": False}]
    (tmp_path / "schemas.json").write_text(json.dumps(entries))

    schemas = read_schemas(str(tmp_path / "schemas.json"))

    assert [one.schema for one in schemas.entries] == [{"type": "array"}, False]
    assert read_schemas("") is NO_SCHEMAS


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "which cannot be read: No such file or directory"),
        ("{", "which is not JSON"),
        ("[" * 100_000, "which is not JSON"),
        ("{}", "which is no list of entries"),
        (" " * (1024 * 1024 + 1), "which is larger than 1 MB"),
        ('[{"queue": "mail", "schema": "gone.json"}]', "has an entry, number 1 (mail, *), that names"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str | None, sentence: str) -> None:
    path = tmp_path / "schemas.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(ValueError, match=r"schemas\.json|number 1") as refusal:
        read_schemas(str(path))

    assert sentence in str(refusal.value)


def test_the_setting_is_refused_at_the_start(tmp_path: Path) -> None:
    from board import create_app
    from board.config import Settings, from_environment

    missing = str(tmp_path / "gone.json")
    with pytest.raises(SettingsError, match=r"BOARD_SCHEMAS names .*gone\.json"):
        from_environment({"REDIS_URL": "redis://localhost", "BOARD_SCHEMAS": missing})
    with pytest.raises(SettingsError, match=r"BOARD_SCHEMAS names .*gone\.json"):
        create_app(Settings(schemas=missing))
    with pytest.raises(SettingsError, match="The argument schemas has an entry, number 1"):
        create_app(Settings(), schemas=[{"queue": "mail", "schema": {"type": "text"}}])


@pytest.mark.parametrize(
    ("keyword", "data"),
    [
        ("unevaluatedProperties", lambda n: {f"n{number}": 1 for number in range(n)}),
        ("unevaluatedItems", lambda n: [1] * n),
    ],
)
def test_data_too_wide_to_be_held_against_each_other_are_refused(keyword: str, data: Callable[[int], Any]) -> None:
    one = declared([{"queue": "mail", "schema": {keyword: {"type": "integer"}}}]).entries[0]

    assert one.faults(json.dumps(data(MOST_UNEVALUATED))) == ()
    (fault,) = one.faults(json.dumps(data(MOST_UNEVALUATED + 1)))
    assert fault.rule == (
        "has too many properties or entries to be checked for some that the schema does not name: allowed are 2,000 in "
        "one value, 1,000 in each of 4, or 100 in each of 400"
    )


@pytest.mark.parametrize(
    ("keyword", "data"),
    [
        ("unevaluatedProperties", lambda n: {f"n{number}": 1 for number in range(n)}),
        ("unevaluatedItems", lambda n: [1] * n),
    ],
)
def test_what_all_values_together_are_held_against_is_bounded_as_for_one(
    keyword: str, data: Callable[[int], Any]
) -> None:
    one = declared([{"queue": "mail", "schema": {"items": {keyword: {"type": "integer"}}}}]).entries[0]

    for values, wide in ((4, MOST_UNEVALUATED // 2), (400, MOST_UNEVALUATED // 20)):
        assert one.faults(json.dumps([data(wide)] * values)) == ()
        (fault,) = one.faults(json.dumps([data(wide)] * (values + 1)))
        assert fault.rule.startswith("has too many properties or entries to be checked")
