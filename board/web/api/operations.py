"""The operations of the API: a decorator that makes a route and remembers what describes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from flask import Blueprint, Response, request

from board.errors import BadRequestError
from board.queries.payload import Number, Pairs, parse
from board.web.api.encoding import encode

__all__ = ["OPERATIONS", "Field", "Operation", "api", "operation", "query", "read_body"]

api = Blueprint("api", __name__, url_prefix="/api/v1")

LONGEST_TEXT = 1_000
MOST_WHOLE = 2**53 - 1
"""The largest number that every program reads alike."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a query string or of a body.

    Attributes:
        kind: what it holds.
        about: in a few words.
        choices: the only texts it takes; empty for any.
        low: least whole number, or fewest ids.
        high: largest whole number, or most ids.
        needed: it must be there.
    """

    kind: Literal["text", "whole", "flag", "texts", "json"]
    about: str
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = MOST_WHOLE
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a program may ask for.

    Attributes:
        method: of HTTP.
        path: as routes spell it.
        name: of the view.
        result: dataclass of the answer; None for the description itself.
        about: one sentence.
        query: fields of the query string.
        body: fields of the body.
    """

    method: str
    path: str
    name: str
    result: type | None
    about: str
    query: dict[str, Field]
    body: dict[str, Field]


OPERATIONS: dict[str, Operation] = {}

View = Callable[..., Any]


def operation(
    method: str,
    path: str,
    *,
    result: type | None,
    query: dict[str, Field] | None = None,
    body: dict[str, Field] | None = None,
) -> Callable[[View], View]:
    """Make a view that returns a dataclass an operation of the API, described by its docstring."""

    def add(view: View) -> View:
        about = (view.__doc__ or "").strip().splitlines()[0]
        OPERATIONS[view.__name__] = Operation(method, path, view.__name__, result, about, query or {}, body or {})

        def answer(**arguments: Any) -> Response:
            if method != "GET" and not body:
                read_body()  # a field that nobody knows is a mistake here too
            return Response(encode(view(**arguments)) + "\n", mimetype="application/json")

        api.add_url_rule(path, view.__name__, answer, methods=[method])
        return view

    return add


def query() -> dict[str, Any]:
    """Return what the query string says, by the fields of the operation.

    Raises:
        BadRequestError: a value that its field does not take, or a field that there is not.
    """
    known = OPERATIONS[(request.endpoint or "").rpartition(".")[2]].query
    given = {name: _from_text(name, request.args[name], known) for name in request.args}
    return {name: given.get(name, _nothing(field)) for name, field in known.items()}


def read_body() -> dict[str, Any]:
    """Return what the body says, by the fields of the operation; no body is an empty one.

    Raises:
        BadRequestError: not a JSON object, a value that its field does not take, or a field that there is not.
    """
    known = OPERATIONS[(request.endpoint or "").rpartition(".")[2]].body
    try:
        text = request.get_data().decode()
        value = parse(text) if text.strip() else Pairs()
    except ValueError:
        raise BadRequestError("The body is not JSON.") from None
    if not isinstance(value, Pairs):
        raise BadRequestError("The body must be a JSON object.")
    given = {name: _checked(name, each, _known(name, known)) for name, each in value}
    missing = [name for name, field in known.items() if field.needed and name not in given]
    if missing:
        raise BadRequestError(f"The body lacks {', '.join(missing)}.")
    return {name: given.get(name, _nothing(field)) for name, field in known.items()}


def _known(name: str, known: dict[str, Field]) -> Field:
    if name not in known:
        allowed = f"Known are {', '.join(known)}." if known else "It takes none."
        raise BadRequestError(f"There is no field {name[:64]!r} here. {allowed}")
    return known[name]


def _nothing(field: Field) -> Any:
    return {"text": "", "whole": None, "flag": False, "texts": (), "json": None}[field.kind]


def _from_text(name: str, text: str, known: dict[str, Field]) -> Any:
    field = _known(name, known)
    if field.kind == "whole":
        return _checked(name, Number(text), field) if text else None
    return _checked(name, {"true": True, "false": False}.get(text, text) if field.kind == "flag" else text, field)


def _checked(name: str, value: Any, field: Field) -> Any:
    if field.kind == "json":
        return value
    if field.kind == "flag" and isinstance(value, bool):
        return value
    if field.kind == "whole" and isinstance(value, Number):
        text = value.text
        if text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 20 and _within(int(text), field):
            return int(text)
    is_allowed = isinstance(value, str) and (not field.choices or value in field.choices)
    if field.kind == "text" and is_allowed and (value or not field.needed):
        return _text(name, value)
    is_list = isinstance(value, list) and not isinstance(value, Pairs) and field.low <= len(value) <= field.high
    if field.kind == "texts" and is_list and all(isinstance(one, str) and one for one in value):
        return tuple(dict.fromkeys(_text(name, one) for one in value))
    raise BadRequestError(f"{name} must be {_words(field)}.")


def _within(number: int, field: Field) -> bool:
    return field.low <= number <= field.high


def _text(name: str, value: str) -> str:
    if len(value) > LONGEST_TEXT:
        raise BadRequestError(f"{name} has more than {LONGEST_TEXT:,} characters.")
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in value):
        raise BadRequestError(f"{name} is not text: it holds half of a character.")
    return value


def _words(field: Field) -> str:
    if field.choices:
        return "one of " + ", ".join(choice or '""' for choice in field.choices)
    return {
        "text": "a text, not empty" if field.needed else "a text",
        "whole": f"a whole number from {field.low:,} to {field.high:,}",
        "flag": "true or false",
        "texts": f"a list of {field.low:,} to {field.high:,} texts",
        "json": "JSON",
    }[field.kind]


def schema_of(field: Field) -> dict[str, Any]:
    """Return a field as JSON Schema."""
    if field.kind == "json":
        return {"description": field.about}
    found: dict[str, Any] = {"description": field.about}
    if field.kind == "whole":
        found |= {"type": "integer", "minimum": field.low, "maximum": field.high}
    elif field.kind == "flag":
        found |= {"type": "boolean"}
    elif field.kind == "texts":
        item = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}
        found |= {"type": "array", "items": item, "minItems": field.low, "maxItems": field.high}
    else:
        found |= {"type": "string", "maxLength": LONGEST_TEXT}
        if field.choices:
            found["enum"] = list(field.choices)
        elif field.needed:
            found["minLength"] = 1
    return found


def paths() -> Iterator[Operation]:
    """Yield the operations, by address."""
    yield from sorted(OPERATIONS.values(), key=lambda one: (one.path, one.method))
