"""JSON Schemas that a deployment declares for the data of its jobs, and what some data have that a schema refuses.

They come from a file that the settings name, or from the host application: a list of entries, each with a glob of queue
names, a glob of job names and a schema; the first entry that fits a job decides. They are read and checked once, at the
start: a schema that is wrong, or refers to something outside itself, stops it with a sentence, so that no page can
break on one. Nothing is ever fetched.

What is refused is told by the place and by what the schema allows there. No value of the data is ever repeated: the
sentences of the library would.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any, Final

from board.errors import Fault
from board.redaction import redact_text
from board.schema_limits import REFERENCES, TOO_WIDE, TooWideError, frugal, limited
from board.words import Count, Sentence, mark, row, sentence, sentences

__all__ = ["NO_SCHEMAS", "JobSchema", "Schema", "Schemas", "bounds", "declared", "read_schemas"]

LARGEST_FILE: Final = 1024 * 1024
"""Bytes of the file of schemas, and of each file that it names."""

MOST_ENTRIES: Final = 1_000

MOST_FAULTS: Final = 20
"""Told of one piece of data; who has repaired those sees the next."""

MOST_ALLOWED: Final = 20
"""Values that a sentence lists."""

LONGEST_PLACE: Final = 200
LONGEST_VALUE: Final = 80
"""Characters of a path, and of a value of a schema, in a sentence."""

UNTELLABLE = (RecursionError, ArithmeticError, ValueError)
"""What checking some data may end in: data or a schema too deep, a number beyond all bounds, too many references."""

KEYWORDS_OF_NAMES = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keywords whose members have names of their own, which are no keywords."""


Schema = Mapping[str, Any] | bool
"""As it was declared; True allows everything, False nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class JobSchema:
    """One entry: a schema and the jobs it is for.

    Attributes:
        queue: glob of queue names, without prefix.
        job: glob of job names.
        schema: as it was declared.
        validator: the library's, which knows nothing but this schema.
    """

    queue: str
    job: str
    schema: Schema
    validator: Any = field(repr=False)

    @property
    def names_one(self) -> bool:
        """Whether it is for jobs of one name."""
        return not any(letter in self.job for letter in "*?[")

    def faults(self, text: str) -> tuple[Fault, ...]:
        """Return what the schema does not allow in these data, JSON text; at most ``MOST_FAULTS``."""
        try:
            with limited():
                value = json.loads(text, parse_constant=_no_constant)
                found = (fault for error in self.validator.iter_errors(value) for fault in _faults(error))
                unique = dict.fromkeys(islice(found, 10 * MOST_FAULTS))
        except TooWideError:
            return (Fault("", TOO_WIDE),)
        except UNTELLABLE:
            return (Fault("", sentence("cannot be checked against the schema of these jobs")),)
        return tuple(islice(unique, MOST_FAULTS))

    def resolved(self, schema: Any) -> Any:
        """Follow the reference of a part of this schema; a part without one is returned as it is."""
        from referencing.exceptions import Unresolvable  # noqa: PLC0415 - late, as the rest of the library

        seen = 0
        while isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str) and seen < 20:
            seen += 1
            try:
                target = self.validator._resolver.lookup(schema["$ref"]).contents  # noqa: SLF001 - no public way
            except Unresolvable:
                return schema
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            schema = {**target, **beside} if isinstance(target, Mapping) else target
        return schema


@dataclass(frozen=True, slots=True)
class Schemas:
    """The entries of a board, in the order in which they are asked."""

    entries: tuple[JobSchema, ...] = ()

    def of_queue(self, queue: str) -> tuple[JobSchema, ...]:
        """Return the entries that are for jobs of a queue."""
        return tuple(one for one in self.entries if fnmatchcase(queue, one.queue))

    def of_job(self, queue: str, name: str) -> JobSchema | None:
        """Return the entry that decides for jobs of a name; None where nothing is declared."""
        return next((one for one in self.of_queue(queue) if fnmatchcase(name, one.job)), None)

    def faults(self, queue: str, name: str, text: str) -> tuple[Fault, ...]:
        """Return what these data of a job, JSON text, have that its schema refuses; nothing where there is none."""
        found = self.of_job(queue, name)
        return found.faults(text) if found else ()


NO_SCHEMAS: Final = Schemas()
"""Nothing is declared: all data may be anything."""


def read_schemas(path: str) -> Schemas:
    """Read a file of schemas; an empty path is none.

    Raises:
        ValueError: with the rest of a sentence that began with the name of the setting.
    """
    if not path:
        return NO_SCHEMAS
    found = _load(Path(path))
    if not isinstance(found, list):
        raise ValueError(f"names {path}, which is no list of entries such as {EXAMPLE}")  # noqa: TRY004 - of the file, not of ours
    return declared(found, Path(path).parent)


EXAMPLE = '[{"queue": "mail", "job": "welcome", "schema": {"type": "object"}}]'


def declared(entries: Iterable[Mapping[str, Any]], folder: Path | None = None) -> Schemas:
    """Check entries and make schemas of them.

    Args:
        entries: each with ``schema`` (a JSON Schema, or the name of a file with one), ``queue`` (glob of queue names)
            and ``job`` (glob of job names, all without it).
        folder: where files of schemas are; None takes no names of files.

    Raises:
        ValueError: with the rest of a sentence that began with the name of the setting.
    """
    listed = list(islice(entries, MOST_ENTRIES + 1))
    if len(listed) > MOST_ENTRIES:
        raise ValueError(f"has more than {MOST_ENTRIES:,} entries")
    return Schemas(tuple(_entry(one, number, folder) for number, one in enumerate(listed, start=1)))


def _entry(entry: Any, number: int, folder: Path | None) -> JobSchema:
    if not isinstance(entry, Mapping) or not {"queue", "schema"} <= set(entry) <= {"queue", "job", "schema"}:
        raise ValueError(f"has an entry, number {number}, that is not like {EXAMPLE}; job may be left out")
    queue, job, schema = entry["queue"], entry.get("job", "*"), entry["schema"]
    if not isinstance(queue, str) or not isinstance(job, str) or not queue or not job:
        raise ValueError(f"has an entry, number {number}, whose queue or job is no text")
    place = f"has an entry, number {number} ({queue[:64]}, {job[:64]}),"
    if isinstance(schema, str):
        if folder is None:
            raise ValueError(f"{place} whose schema is a text: give the schema itself")
        try:
            schema = _load(folder / schema)
        except ValueError as wrong:
            raise ValueError(f"{place} that {wrong}") from None
    try:
        json.dumps([queue, job, schema], ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, *UNTELLABLE) as wrong:
        raise ValueError(f"{place} that is not JSON: {wrong}") from None
    if not isinstance(schema, Mapping | bool):
        raise ValueError(f"{place} whose schema is neither an object nor true or false")  # noqa: TRY004 - same
    try:
        return JobSchema(queue, job, schema, _compiled(schema))
    except ValueError as wrong:
        raise ValueError(f"{place} whose schema {wrong}") from None


def _load(path: Path) -> Any:
    try:
        with path.open("rb") as source:
            text = source.read(LARGEST_FILE + 1)
    except OSError as trouble:
        raise ValueError(f"names {path}, which cannot be read: {trouble.strerror or trouble}") from None
    if len(text) > LARGEST_FILE:
        raise ValueError(f"names {path}, which is larger than 1 MB")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as wrong:
        raise ValueError(f"names {path}, which is not JSON: {wrong}") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _compiled(schema: Schema) -> Any:
    """Return a validator of a schema that is sound and complete in itself.

    Raises:
        ValueError: it is not; the rest of a sentence that began with "the schema".
    """
    # The library takes a tenth of a second to import, which only a board with schemas spends.
    from jsonschema import Draft3Validator, Draft202012Validator, SchemaError  # noqa: PLC0415
    from jsonschema.validators import validator_for  # noqa: PLC0415
    from jsonschema_specifications import REGISTRY  # noqa: PLC0415
    from referencing.jsonschema import specification_with  # noqa: PLC0415

    stated = schema.get("$schema") if isinstance(schema, Mapping) else None
    kind = validator_for(schema, default=None) if stated else Draft202012Validator
    if kind is None or kind is Draft3Validator:  # which is of 2010, and has other keywords
        raise ValueError(f"names the draft {str(stated)[:100]}, which is not known")
    try:
        kind.check_schema(schema)
    except SchemaError as wrong:
        raise ValueError(f"is wrong at {_path(wrong.absolute_path) or 'the top'}: {wrong.message[:300]}") from None
    except UNTELLABLE:
        raise ValueError("is too deep") from None
    specification = specification_with(kind.META_SCHEMA.get("$id") or kind.META_SCHEMA["id"])
    resource = specification.create_resource(schema)
    # The drafts themselves may be referred to. The library's own choice of a registry would fetch whatever else is.
    # Where a schema that names its draft refers to itself, the library would take its own validator for that part.
    bare = {name: part for name, part in schema.items() if name != "$schema"} if isinstance(schema, Mapping) else schema
    validator = frugal(kind)(bare, registry=REGISTRY)
    try:
        _follow(resource, REGISTRY.resolver_with_root(resource), set())
        validator.is_valid({})
    except RecursionError:
        raise ValueError("refers to itself without end") from None
    return validator


def _follow(resource: Any, resolver: Any, seen: set[int]) -> None:
    """Follow every reference once, and those in what it leads to."""
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - late, as above

    if id(resource.contents) in seen or not isinstance(resource.contents, Mapping):
        return
    seen.add(id(resource.contents))
    for keyword in REFERENCES:
        reference = resource.contents.get(keyword)
        if isinstance(reference, str):
            try:
                target = resolver.lookup(reference)
            except Unresolvable:
                raise ValueError(
                    f"refers to {reference[:200]}, which is not in it: nothing is fetched, so put it under $defs"
                ) from None
            _follow(type(resource)(target.contents, resource._specification), target.resolver, seen)  # noqa: SLF001
    for part in resource.subresources():
        _follow(part, resolver.in_subresource(part), seen)


def _faults(error: Any) -> Iterator[Fault]:
    """Put an error of the library into our own words; one that they have no place for is a fault all the same."""
    is_told = False
    for fault in _told(error):
        is_told = True
        yield fault
    if not is_told:
        yield _fault(tuple(error.absolute_path), _by_keyword(error.validator))


def _told(error: Any) -> Iterator[Fault]:
    """Put an error of the library into our own words, one or more."""
    at, keyword, allowed = tuple(error.absolute_path), error.validator, error.validator_value
    if _is_of_a_name(error.absolute_schema_path):
        yield _fault(at, sentence("has a property whose name is not allowed"))
    elif keyword == "required":
        yield from (_fault((*at, name), sentence("is missing")) for name in allowed if name not in error.instance)
    elif keyword in ("dependentRequired", "dependencies") and error.context == []:
        yield from _needed_beside(error, at)
    elif keyword == "additionalProperties" and allowed is False:
        yield from _unknown(error, at)
    else:
        yield _fault(at, _rule(error, keyword, allowed))


def _is_of_a_name(schema_path: Sequence[Any]) -> bool:
    steps = list(schema_path)
    return any(
        step == "propertyNames" and (number == 0 or steps[number - 1] not in KEYWORDS_OF_NAMES)
        for number, step in enumerate(steps)
    )


def _needed_beside(error: Any, at: tuple[Any, ...]) -> Iterator[Fault]:
    for name, needed in error.validator_value.items():
        if name in error.instance and isinstance(needed, list):
            lacking = (other for other in needed if other not in error.instance)
            yield from (
                _fault((*at, other), sentence("is missing; %(name)s needs it", name=_path((*at, name))))
                for other in lacking
            )


def _unknown(error: Any, at: tuple[Any, ...]) -> Iterator[Fault]:
    import re  # noqa: PLC0415 - the patterns of a schema, of boards that have one

    known = list(error.schema.get("properties", {}))
    patterns = list(error.schema.get("patternProperties", {}))
    for name in error.instance:
        if name in known or any(re.search(pattern, name) for pattern in patterns):
            continue
        if known:
            yield _fault((*at, name), sentence("is not allowed here; allowed are %(names)s", names=_listed(known)))
        else:
            yield _fault((*at, name), sentence("is not allowed here"))


def _rule(error: Any, keyword: str | None, allowed: Any) -> Sentence:
    """Say what is allowed, as the rest of a sentence that began with a place."""
    if keyword in PLAIN:
        return PLAIN[keyword]
    if keyword in EXCLUSIVE and error.schema.get(EXCLUSIVE[keyword]) is True:  # as draft 4 has it
        keyword = EXCLUSIVE[keyword]
    if (bound := _bound(keyword, allowed)) is not None:
        return bound
    if keyword == "type":
        return _of_type(allowed if isinstance(allowed, list) else [allowed])
    if keyword in ("anyOf", "oneOf") and isinstance(allowed, list):
        return _of_forms(error, allowed)
    if keyword is None:  # the schema false, of which the library does not say where it stands
        return sentence("holds something that the schema rules out")
    return _by_keyword(keyword)


def _by_keyword(keyword: str | None) -> Sentence:
    return sentence("must fit the rule %(keyword)s of the schema", keyword=str(keyword))


PLAIN: Final[Mapping[str | None, Sentence]] = {
    "uniqueItems": sentence("must hold no entry twice"),
    "unevaluatedProperties": sentence("has a property that the schema does not name"),
    "additionalItems": sentence("has more entries than the schema describes"),
    "unevaluatedItems": sentence("has more entries than the schema describes"),
    "contains": sentence("lacks an entry that the schema asks for"),
    "not": sentence("is ruled out by the schema"),
}

COUNTED: Final[Mapping[str | None, Callable[[int], Sentence]]] = {
    "minLength": lambda n: sentences("must have at least %(n)s character", "must have at least %(n)s characters", n),
    "maxLength": lambda n: sentences("must have at most %(n)s character", "must have at most %(n)s characters", n),
    "minItems": lambda n: sentences("must have at least %(n)s entry", "must have at least %(n)s entries", n),
    "maxItems": lambda n: sentences("must have at most %(n)s entry", "must have at most %(n)s entries", n),
    "minProperties": lambda n: sentences("must have at least %(n)s property", "must have at least %(n)s properties", n),
    "maxProperties": lambda n: sentences("must have at most %(n)s property", "must have at most %(n)s properties", n),
}

VALUED: Final[Mapping[str | None, str]] = {
    "const": mark("must be %(value)s"),
    "minimum": mark("must be %(value)s or more"),
    "maximum": mark("must be %(value)s or less"),
    "exclusiveMinimum": mark("must be more than %(value)s"),
    "exclusiveMaximum": mark("must be less than %(value)s"),
    "multipleOf": mark("must be a multiple of %(value)s"),
    "pattern": mark("must match the pattern %(value)s"),
}

EXCLUSIVE: Final[Mapping[str | None, str]] = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}


def _bound(keyword: str | None, allowed: Any) -> Sentence | None:
    """Say what a keyword allows by itself, whatever the value was; None for one that needs to be explained."""
    if keyword in COUNTED and isinstance(allowed, int | float):
        return COUNTED[keyword](int(allowed))
    if keyword in EXCLUSIVE.values() and isinstance(allowed, bool):  # of draft 4, where it is a part of another bound
        return None
    if keyword in VALUED:
        return sentence(VALUED[keyword], value=_value(allowed))
    if keyword == "enum" and isinstance(allowed, list):
        return sentence("must be one of %(values)s", values=_listed([_value(one) for one in allowed]))
    return None


def bounds(schema: Mapping[str, Any]) -> tuple[Sentence, ...]:
    """Say what a schema allows besides its type, each the rest of a sentence that began with a place."""
    said = (_bound(keyword, allowed) for keyword, allowed in schema.items())
    return tuple(one for one in said if one is not None)


def _of_type(names: Sequence[Any]) -> Sentence:
    if len(names) == 1:
        return sentence("must be of the type %(type)s", type=names[0])
    return sentence("must be of one of the types %(types)s", types=row(names))


def _of_forms(error: Any, forms: Sequence[Any]) -> Sentence:
    """Say which forms there are; forms that only differ in their type are that choice of types."""
    if not error.context:
        return sentence("fits more than one of the forms of which the schema allows one")
    plain = [one.get("type") for one in forms if isinstance(one, Mapping)]
    wrong = {(one.validator, tuple(one.relative_path)) for one in error.context}
    if wrong == {("type", ())} and len(plain) == len(forms) and all(isinstance(one, str) for one in plain):
        return _of_type(list(dict.fromkeys(plain)))
    return sentence("must fit one of the %(n)s forms that the schema allows", n=Count(len(forms)))


def _listed(texts: Sequence[str]) -> Sentence:
    shown = [_shortened(text) for text in texts[:MOST_ALLOWED]]
    return row(shown if len(texts) <= MOST_ALLOWED else [*shown, "…"])


def _value(value: Any) -> str:
    return _shortened(json.dumps(value, ensure_ascii=False))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _fault(at: Sequence[Any], rule: Sentence) -> Fault:
    return Fault(redact_text(_path(at)), rule)


def _path(steps: Iterable[Any]) -> str:
    """Write a place as ``items[2].price``."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text if len(text) <= LONGEST_PLACE else text[: LONGEST_PLACE - 1] + "…"
