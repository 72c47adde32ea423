"""The OpenAPI 3.1 description, made of the operations and the dataclasses that they answer with."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from board.web.api.encoding import Raw
from board.web.api.operations import Operation, paths, schema_of
from board.web.api.shapes import ErrorBody

__all__ = ["describe"]

PLAIN = {str: "string", int: "integer", bool: "boolean", float: "number"}
ERRORS = {
    "400": "asked wrongly",
    "401": "no token and no sign-in, or one that has ended",
    "403": "the role does not reach, or the board only looks",
    "404": "no such thing, or none that may be seen",
    "405": "this address does not take that method",
    "409": "the world had changed",
    "413": "the body is too large",
    "429": "too much at once",
    "503": "Redis is away or refused",
}


@cache
def describe(version: str) -> dict[str, Any]:
    """Return the whole description; the address of the board is for the caller to add."""
    schemas: dict[str, Any] = {}
    described: dict[str, Any] = {}
    for one in paths():
        described.setdefault(_template(one.path), {})[one.method.lower()] = _operation(one, schemas)
    error = _schema(ErrorBody, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Queue Board", "version": version, "description": "Every queue, job and action of a board."},
        "security": [{"token": []}, {"session": []}],
        "paths": described,
        "components": {
            "schemas": schemas,
            "responses": {
                "error": {
                    "description": "Nothing was done; the sentence says why.",
                    "content": {"application/json": {"schema": error}},
                }
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "board_session"},
            },
        },
    }


def _template(path: str) -> str:
    return "/api/v1" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


def _operation(one: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"<(?:\w+:)?(\w+)>", one.path)
    ]
    for name, field in one.query.items():
        parameters.append({"name": name, "in": "query", "required": field.needed, "schema": schema_of(field)})
    answer = _schema(one.result, schemas) if one.result else {"type": "object"}
    found: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.about,
        "parameters": parameters,
        "responses": {
            "200": {"description": "done", "content": {"application/json": {"schema": answer}}},
            **{status: {"$ref": "#/components/responses/error"} for status in ERRORS},
        },
    }
    if one.body:
        found["requestBody"] = {
            "required": any(field.needed for field in one.body.values()),
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {name: schema_of(field) for name, field in one.body.items()},
                        "required": [name for name, field in one.body.items() if field.needed],
                        "additionalProperties": False,
                    }
                }
            },
        }
    return found


def _schema(hint: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return a type as JSON Schema; dataclasses are put among ``schemas`` once and named."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Raw or hint is Any:
        return {}
    if hint is type(None):
        return {"type": "null"}
    if hint in PLAIN:
        return {"type": PLAIN[hint]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(one, schemas) for one in arguments]}
    if origin is frozenset:
        return {"type": "array", "items": _schema(arguments[0], schemas)}
    if origin is tuple and arguments[-1] is Ellipsis:
        return {"type": "array", "items": _schema(arguments[0], schemas)}
    if origin is tuple:
        each = [_schema(one, schemas) for one in arguments]
        return {"type": "array", "prefixItems": each, "minItems": len(each), "maxItems": len(each)}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _schema(arguments[1], schemas)}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [one.value for one in hint]}
    if isinstance(hint, type) and is_dataclass(hint):
        return _object(hint, schemas)
    raise TypeError(f"{hint!r} has no JSON Schema")


def _object(kind: type, schemas: dict[str, Any]) -> dict[str, Any]:
    name = kind.__name__
    if name not in schemas:
        schemas[name] = {}
        hints = get_type_hints(kind)
        schemas[name] = {
            "type": "object",
            "description": (kind.__doc__ or "").strip().splitlines()[0],
            "properties": {field.name: _schema(hints[field.name], schemas) for field in fields(kind)},
            "required": [field.name for field in fields(kind)],
        }
    return {"$ref": f"#/components/schemas/{name}"}
