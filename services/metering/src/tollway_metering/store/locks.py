"""Locks that end with the transaction, and the one order in which they are taken.

Storing usage shares a model's lock; changing a model's prices owns it. So no usage is rated with
the old prices once the search for usage without a price has begun. A workspace's price book comes
before its models, models come in the order of their keys: nobody can wait in a circle.
"""

from collections.abc import Iterable
from hashlib import blake2b

from sqlalchemy import ARRAY, BigInteger, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

ModelKey = tuple[str, str]
"""A workspace and a model in it."""

_KEYS = bindparam("keys", type_=ARRAY(BigInteger))
_SHARE = text("SELECT pg_advisory_xact_lock_shared(key) FROM unnest(:keys) AS key").bindparams(
    _KEYS
)
_OWN = text("SELECT pg_advisory_xact_lock(key) FROM unnest(:keys) AS key").bindparams(_KEYS)


async def share_models(connection: AsyncConnection, models: Iterable[ModelKey]) -> None:
    """Keep these models' prices from changing until the transaction ends."""
    await connection.execute(_SHARE, {"keys": _sorted("model", models)})


async def own_models(connection: AsyncConnection, models: Iterable[ModelKey]) -> None:
    """Wait until nobody stores usage of these models, and keep it so."""
    await connection.execute(_OWN, {"keys": _sorted("model", models)})


async def own_price_book(connection: AsyncConnection, workspace: str) -> None:
    """Be the only one who changes prices in a workspace."""
    await connection.execute(_OWN, {"keys": _sorted("book", [(workspace,)])})


def _sorted(kind: str, names: Iterable[tuple[str, ...]]) -> list[int]:
    return sorted({_key(kind, *name) for name in names})


def _key(*names: str) -> int:
    digest = blake2b("\0".join(names).encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
