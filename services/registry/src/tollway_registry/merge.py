"""JSON merge patches (RFC 7396) of specifications."""

from collections.abc import Mapping

from pydantic import JsonValue
from pydantic.alias_generators import to_camel

from tollway_contracts.resources import plain
from tollway_contracts.wire import Wire

Object = dict[str, JsonValue]


def merged(spec: Wire, patch: Mapping[str, JsonValue], model: type[Wire]) -> Object:
    """Return `spec`, a `model`, with a patch applied: JSON in snake_case, not yet validated."""
    return _merged(plain(spec), patch, model)


def _merged(
    target: Mapping[str, JsonValue], patch: Mapping[str, JsonValue], model: type[Wire] | None
) -> Object:
    """Merge an object; `model` is None where the workspace chooses the keys, as in tags."""
    result = dict(target)
    for key, value in patch.items():
        field = _field(key, patch, model)
        # A field that does not exist stays, even as null, so that validation refuses it.
        known = model is None or field in model.model_fields
        if value is None and known:
            result.pop(field, None)
        elif isinstance(value, dict):
            present = result.get(field)
            base = present if isinstance(present, dict) else {}
            result[field] = _merged(base, value, _nested(model, field))
        else:
            result[field] = value
    return result


def _field(key: str, patch: Mapping[str, JsonValue], model: type[Wire] | None) -> str:
    """Return a key in snake_case where it is a field's name in camelCase."""
    if model is None:
        return key
    field = next((name for name in model.model_fields if to_camel(name) == key), key)
    given_in_both_cases = field != key and field in patch
    return key if given_in_both_cases else field


def _nested(model: type[Wire] | None, field: str) -> type[Wire] | None:
    info = model.model_fields.get(field) if model else None
    annotation = info.annotation if info else None
    return annotation if isinstance(annotation, type) and issubclass(annotation, Wire) else None
