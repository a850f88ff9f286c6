"""A step's configuration as a dataclass: its JSON Schema, and reading it."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, TypeVar

from ._failure import Failure

T = TypeVar("T")

_SCALARS: dict[Any, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}


def schema_of(kind: type) -> dict[str, Any]:
    """The JSON Schema of a dataclass. Fields may be ``bool int float str``, ``list[…]``, ``dict[str, …]``, ``Literal[…]``,
    ``… | None``, other dataclasses, and ``Annotated[…, {…}]``, whose dict is added to the schema (``minimum``,
    ``description``, …). Fields without default are required; no other keys are accepted."""
    hints = typing.get_type_hints(kind, include_extras=True)
    properties: dict[str, Any] = {}
    required: list[str] = []
    for field in dataclasses.fields(kind):
        schema = _schema(hints[field.name], field.name)
        if field.default is not dataclasses.MISSING:
            schema["default"] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            schema["default"] = field.default_factory()
        else:
            required.append(field.name)
        properties[field.name] = schema
    whole: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        whole["required"] = required
    return whole


def _schema(hint: Any, path: str) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        schema = _schema(arguments[0], path)
        for extra in arguments[1:]:
            schema |= extra
        return schema
    if hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    if hint is Any:
        return {}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], f"{path}[]")}
    if origin is dict and arguments[0] is str:
        return {"type": "object", "additionalProperties": _schema(arguments[1], f"{path}.*")}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [{"type": "null"} if one is type(None) else _schema(one, path) for one in arguments]}
    if dataclasses.is_dataclass(hint):
        return schema_of(hint)
    raise TypeError(f"{path}: {hint!r} cannot be a field of a configuration")


def from_json(kind: type[T], value: dict[str, Any], path: str = "config") -> T:
    """A dataclass from parsed JSON. Raises :class:`Failure` ``CONFIG_INVALID`` with the path of what does not fit."""
    if not isinstance(value, dict):
        raise _config_mismatch(path, "an object", value)
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in value:
        if key not in fields:
            raise Failure("CONFIG_INVALID", f"{path}.{key} is not a key of this step's configuration")
    given: dict[str, Any] = {}
    for name, field in fields.items():
        if name in value:
            given[name] = _read(hints[name], value[name], f"{path}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise Failure("CONFIG_INVALID", f"{path}.{name} is missing")
    return kind(**given)


def _read(hint: Any, value: Any, path: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if hint is float and type(value) in (int, float):
        return float(value)
    if hint in _SCALARS:
        # `type(...)`, for True is an int to isinstance.
        if type(value) is not hint:
            raise _config_mismatch(path, f"a {_SCALARS[hint]}", value)
        return value
    if origin is typing.Literal:
        if value not in arguments:
            raise _config_mismatch(path, f"one of {', '.join(map(repr, arguments))}", value)
        return value
    if origin is list:
        if not isinstance(value, list):
            raise _config_mismatch(path, "an array", value)
        return [_read(arguments[0], one, f"{path}[{place}]") for place, one in enumerate(value)]
    if origin is dict:
        if not isinstance(value, dict):
            raise _config_mismatch(path, "an object", value)
        return {key: _read(arguments[1], one, f"{path}.{key}") for key, one in value.items()}
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        failure: Failure | None = None
        for one in arguments:
            try:
                if one is not type(None):
                    return _read(one, value, path)
            except Failure as mismatch:
                failure = mismatch
        raise failure or _config_mismatch(path, "null", value)
    return from_json(hint, value, path)


def _config_mismatch(path: str, wanted: str, value: Any) -> Failure:
    return Failure("CONFIG_INVALID", f"{path} must be {wanted}, not {value!r}"[:1000])
