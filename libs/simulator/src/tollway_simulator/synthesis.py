"""JSON made from a JSON schema: the same schema always gives the same value.

Covers types, enum, const, default, $ref into the same document, allOf/anyOf/oneOf, properties,
items, prefixItems, formats, lengths and numeric bounds. A `pattern` is not solved: a schema with
one should name an `example`, `default` or `enum`.
"""

import math
from typing import Any

from tollway_simulator.refusal import Refusal

_DEPTH = 8
_MOST_HOPS = 32
_MOST_ITEMS = 1_000
_FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "6f1c7b1e-6f0a-4c1e-9b1a-2f6d1c0e5a77",
}


def synthesise(schema: dict[str, Any]) -> Any:
    """A value that the schema accepts; a schema that is none is a `Refusal` (400)."""
    try:
        return _Synthesis(schema).value(schema, "value", 0)
    except (ArithmeticError, AttributeError, LookupError, TypeError, RecursionError) as error:
        message = f"Invalid schema: {type(error).__name__}: {error}"
        raise Refusal(400, message=message) from error


class _Synthesis:
    """Holds the root document, for references into it."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root

    def value(self, schema: Any, name: str, depth: int) -> Any:
        if not isinstance(schema, dict):
            return name
        schema = self._resolve(schema, depth)
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        for key in ("enum", "examples"):
            if schema.get(key):
                return schema[key][0]
        return self._typed(schema, name, depth)

    def _resolve(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """Replace references and combinations by one plain schema."""
        hops = 0
        while (target := schema.get("$ref")) is not None:
            hops += 1
            if hops > _MOST_HOPS:
                raise RecursionError(f"{target} refers to itself")
            siblings = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**self._lookup(target), **siblings}
        for part in schema.get("allOf", ()):
            schema = _merge(schema, self._resolve(part, depth))
        for key in ("anyOf", "oneOf"):
            if options := schema.get(key):
                plain = {name: value for name, value in schema.items() if name != key}
                return _merge(plain, self._resolve(self._choose(options, depth), depth))
        return schema

    def _choose(self, options: list[Any], depth: int) -> Any:
        """The first option; deep down a null one, so that recursion ends."""
        if depth >= _DEPTH:
            return next((o for o in options if o == {"type": "null"}), options[-1])
        return options[0]

    def _lookup(self, reference: str) -> dict[str, Any]:
        node: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if key:
                node = node.get(key, {}) if isinstance(node, dict) else {}
        return node if isinstance(node, dict) else {}

    def _typed(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        match _type_of(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer":
                return _number(schema, whole=True)
            case "number":
                return _number(schema, whole=False)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return _string(schema, name)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required", [])
        properties: dict[str, Any] = schema.get("properties", {})
        wanted = [key for key in properties if key in required or depth < _DEPTH // 2]
        made = {key: self.value(properties[key], key, depth + 1) for key in wanted}
        for key in required:
            made.setdefault(key, key)
        return made

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        made = [self.value(item, name, depth + 1) for item in schema.get("prefixItems", ())]
        least = min(schema.get("minItems", 0 if depth >= _DEPTH else 1), _MOST_ITEMS)
        if schema.get("items") is False:
            return made
        while len(made) < min(least, schema.get("maxItems", least)):
            made.append(self._distinct(schema, name, len(made), depth))
        return made

    def _distinct(self, schema: dict[str, Any], name: str, index: int, depth: int) -> Any:
        item = schema.get("items", {})
        value = self.value(item, name, depth + 1)
        if index == 0 or not schema.get("uniqueItems"):
            return value
        if isinstance(item, dict) and len(item.get("enum", ())) > index:
            return item["enum"][index]
        if isinstance(value, str):
            return f"{value}{index}"
        return value + index if isinstance(value, int | float) else value


def _type_of(schema: dict[str, Any]) -> str:
    declared = schema.get("type")
    if isinstance(declared, list):
        return str(next((kind for kind in declared if kind != "null"), "null"))
    if isinstance(declared, str):
        return declared
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _merge(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    merged = {**left, **right}
    if "properties" in left and "properties" in right:
        merged["properties"] = {**left["properties"], **right["properties"]}
    if "required" in left and "required" in right:
        merged["required"] = [*left["required"], *right["required"]]
    return merged


def _string(schema: dict[str, Any], name: str) -> str:
    text = _FORMATS.get(schema.get("format", ""), name)
    least = schema.get("minLength", 0)
    if len(text) < least:
        text = (text * (least // max(len(text), 1) + 1))[:least] if text else "x" * least
    return text[: schema.get("maxLength", len(text))]


def _number(schema: dict[str, Any], *, whole: bool) -> int | float:
    step = schema.get("multipleOf", 1)
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    value: float = step
    if low is not None:
        value = max(value, math.ceil(low / step) * step)
    if above is not None:
        value = max(value, (math.floor(above / step) + 1) * step)
    if high is not None:
        value = min(value, math.floor(high / step) * step)
    if below is not None:
        value = min(value, (math.ceil(below / step) - 1) * step)
    if not whole and low is not None and value < low:  # no whole step inside the bounds
        value = low
    return int(value) if whole or value == int(value) else value
