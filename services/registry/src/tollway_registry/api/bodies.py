"""JSON bodies: bounded, well-formed, storable, of the right shape."""

import math
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import JsonValue, ValidationError
from pydantic_core import from_json, to_json

from tollway_contracts.wire import Wire
from tollway_registry.errors import TooLarge

MAX_BODY_BYTES = 256 * 1024
MAX_INTEGER = 2**63 - 1

Object = dict[str, JsonValue]
Shape = TypeVar("Shape", bound=Wire)


async def read_object(request: Request) -> Object:
    """Return the body, a JSON object. Raises TooLarge, or RequestValidationError.

    It is a dependency and not a parameter, so that nobody's body is read who may not write.
    """
    try:
        value = from_json(await _bounded(request), allow_inf_nan=False)
    except ValueError as error:
        raise refused(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise refused("must be a JSON object")
    _check_storable(value)
    return value


Body = Annotated[Object, Depends(read_object)]


def shaped(shape: type[Shape], value: Object) -> Shape:
    """Return a body as what it should be. Types are not guessed. Raises RequestValidationError."""
    try:
        return shape.model_validate_json(to_json(value), strict=True)
    except ValidationError as error:
        items = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError(
            [{**item, "loc": ("body", *item["loc"])} for item in items]
        ) from error


def refused(message: str, *field: str) -> RequestValidationError:
    """Return the error for a body, or one of its fields."""
    return RequestValidationError(
        [{"type": "value_error", "loc": ("body", *field), "msg": message}]
    )


async def _bounded(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            msg = f"A request's body has {MAX_BODY_BYTES} bytes at most."
            raise TooLarge(msg)
    return bytes(body)


def _check_storable(value: JsonValue) -> None:
    """Refuse what is JSON and that PostgreSQL or the readers of events cannot hold."""
    match value:
        case str() if "\0" in value:
            raise refused("no text may contain the character U+0000")
        case bool():
            pass
        case int() if abs(value) > MAX_INTEGER:
            raise refused("an integer must fit into 64 bits")
        case float() if not math.isfinite(value):
            raise refused("a number is too large")
        case list():
            for item in value:
                _check_storable(item)
        case dict():
            for key, item in value.items():
                _check_storable(key)
                _check_storable(item)
        case _:
            pass
