"""The one cheap parse of a client's request that every JSON chat format shares."""

import msgspec

from tollway_router.canonical.failure import RequestRefused, invalid
from tollway_router.codecs.codec import RequestHead
from tollway_router.codecs.patch import raw_object

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_fields(raw: bytes) -> dict[str, msgspec.Raw]:
    """The top-level fields, each still raw JSON; refuses what is not a JSON object."""
    try:
        return _FIELDS.decode(raw)
    except msgspec.ValidationError as error:
        raise invalid("the request body must be a JSON object", code="invalid_json") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # The decoder names the byte, but for a body that ends too soon.
        place = "" if "byte" in str(error) else f" (byte {len(raw)})"
        message = f"the request body is not valid JSON: {error}{place}"
        raise invalid(message, code="invalid_json") from error
    except RecursionError as error:
        raise invalid("the request body is nested too deeply", code="invalid_json") from error


def read_model(fields: dict[str, msgspec.Raw]) -> str:
    """The model's name; refuses a request without one."""
    if "model" not in fields:
        raise invalid("model: the field is required", "model", "missing_required_parameter")
    model = _decoded(fields["model"], "model")
    if not isinstance(model, str) or not model.strip():
        raise invalid("model: must be a non-empty string", "model", "invalid_type")
    return model


def read_stream(fields: dict[str, msgspec.Raw]) -> bool:
    """Whether the client wants a stream; absent and null mean no."""
    value = _decoded(fields["stream"], "stream") if "stream" in fields else None
    if value is None or isinstance(value, bool):
        return bool(value)
    raise invalid("stream: must be true or false", "stream", "invalid_type")


def nested_value(fields: dict[str, msgspec.Raw], name: str, inner: str) -> object:
    """A value one level down, None if anything on the way is absent or odd."""
    nested = raw_object(fields.get(name))
    raw = nested.get(inner) if nested else None
    try:
        return None if raw is None else msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None


def whole_request(head: RequestHead) -> dict[str, object]:
    """Every field decoded; refuses JSON that is broken deeper down."""
    return {name: _decoded(raw, name) for name, raw in head.fields.items()}


def _decoded(raw: msgspec.Raw, name: str) -> object:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(f"{name}: not valid JSON: {error}", name, "invalid_json") from error
    except RecursionError as error:
        raise invalid(f"{name}: nested too deeply", name, "invalid_json") from error


def optional_text(fields: dict[str, msgspec.Raw], name: str) -> str | None:
    """A string field, None if it is absent or no string."""
    try:
        value = _decoded(fields[name], name) if name in fields else None
    except RequestRefused:
        return None
    return value if isinstance(value, str) else None
