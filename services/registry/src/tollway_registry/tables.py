"""The registry's tables.

Each kind of resource has one table: the same columns everywhere, its specification as JSON, and
beside it those fields of the specification that the database itself must guard (`Kind.guarded`).
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

from tollway_kit.db import new_metadata
from tollway_kit.idempotency import Idempotency
from tollway_kit.outbox import Outbox

METADATA = new_metadata()
OUTBOX = Outbox.in_metadata(METADATA)
WRITES = Idempotency.in_metadata(METADATA)


def _text(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, String, nullable=nullable)


def _instant(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=False)


def _resource_table(kind: str, *own: SchemaItem) -> Table:
    return Table(
        kind,
        METADATA,
        Column("id", String, primary_key=True),
        _text("workspace"),
        _text("name"),
        Column("revision", BigInteger, nullable=False),
        _instant("created_at"),
        _instant("updated_at"),
        Column("spec", JSONB, nullable=False),
        UniqueConstraint("workspace", "name"),
        *own,
    )


def _refers(columns: tuple[str, ...], table: str, targets: tuple[str, ...]) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        columns, [f"{table}.{target}" for target in targets], ondelete="RESTRICT"
    )


def _in_workspace() -> ForeignKeyConstraint:
    return _refers(("workspace",), "workspace", ("name",))


WORKSPACE = _resource_table(
    "workspace",
    UniqueConstraint("name"),
    CheckConstraint("id = name AND workspace = name", name="names_itself"),
)
PROVIDER = _resource_table("provider", _in_workspace())
MODEL = _resource_table("model", _in_workspace())
DEPLOYMENT = _resource_table(
    "deployment",
    _text("model"),
    _text("provider"),
    _in_workspace(),
    _refers(("workspace", "model"), "model", ("workspace", "name")),
    _refers(("workspace", "provider"), "provider", ("workspace", "name")),
    UniqueConstraint("workspace", "name", "model"),  # what a price refers to
    Index(None, "workspace", "model"),
    Index(None, "workspace", "provider"),
)
PRICE = _resource_table(
    "price",
    _text("model"),
    _text("deployment", nullable=True),
    _instant("valid_from"),
    _in_workspace(),
    _refers(("workspace", "model"), "model", ("workspace", "name")),
    # With the model, so that a deployment's price is always one of the model that it serves.
    _refers(("workspace", "deployment", "model"), "deployment", ("workspace", "name", "model")),
    UniqueConstraint(
        "workspace", "model", "deployment", "valid_from", postgresql_nulls_not_distinct=True
    ),
    Index(None, "workspace", "deployment"),
)
API_KEY = _resource_table(
    "api_key",
    _text("sha256"),
    _text("hint"),
    _in_workspace(),
    UniqueConstraint("sha256"),
)

CHANGE = Table(
    "change",
    METADATA,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    _text("id"),
    _text("workspace"),
    _text("resource"),
    _text("resource_id"),
    _text("name"),
    Column("revision", BigInteger, nullable=False),
    _text("actor"),
    _instant("at"),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Index(None, "workspace", "position"),
    Index(None, "workspace", "resource", "name", "position"),
)
"""Who changed what. It has no foreign key: what is gone keeps its history."""
