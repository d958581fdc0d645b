"""The headers that writes take, and what they make of a request."""

import hashlib
import json
from typing import Annotated

from anyio import to_thread
from fastapi import Header
from pydantic import SecretStr

from tollway_kit.auth import Person
from tollway_kit.idempotency import WriteKey
from tollway_secrets.audit import Actor
from tollway_secrets.service import Write

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern="^[ -~]+$",
        description="Names the write: sent again, it is answered again and happens once.",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=r'^(\*|(W/)?"?[0-9]{1,18}"?)$',
        description="The ETag of the read that the change builds on.",
    ),
]

# As costly as a login's: what is stored must not let anyone try secrets out.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**14, 8, 1


async def guarded_write(
    workspace: str,
    person: Person,
    key: str | None,
    *request: str,
    data: dict[str, SecretStr | None] | None = None,
    if_match: str | None = None,
) -> Write:
    """Return a write whose idempotency key stands for `request` and its secret `data`."""
    fingerprint = "" if key is None or data is None else await _digest(workspace, key, data)
    write_key = WriteKey.of(workspace, key, *request, fingerprint)
    return Write(workspace, Actor(person.subject), write_key, if_match)


async def _digest(workspace: str, key: str, data: dict[str, SecretStr | None]) -> str:
    plain = {
        name: None if value is None else value.get_secret_value() for name, value in data.items()
    }
    text = json.dumps(plain, sort_keys=True).encode()
    salt = f"{workspace}\0{key}".encode()
    digest = await to_thread.run_sync(
        lambda: hashlib.scrypt(text, salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P)
    )
    return digest.hex()
