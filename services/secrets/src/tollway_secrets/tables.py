"""The service's tables. Migrations create them; `tests` hold the two to each other."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
)

from tollway_kit.db import new_metadata
from tollway_kit.idempotency import Idempotency
from tollway_kit.outbox import Outbox

metadata = new_metadata()

credential = Table(
    "credential",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("name", String, nullable=False),
    Column("type", String, nullable=False),
    Column("hints", JSON, nullable=False),
    Column("ciphertext", Text, nullable=False),  # Transit's, with the id as context
    Column("key_version", Integer, nullable=False),  # of the Transit key, as the ciphertext says
    Column("version", Integer, nullable=False),  # of the material: one more with each rotation
    Column("revision", Integer, nullable=False),  # of what people see: the ETag
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("workspace", "name"),
)

# Rows are added and never changed. They outlive the credential that they tell of.
audit = Table(
    "audit_entry",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("workspace", String, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("actor", String, nullable=False),
    Column("actor_kind", String, nullable=False),
    Column("action", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("credential_id", String),
    Column("credential", String),
    Column("detail", JSON, nullable=False),
    Index(None, "workspace", "position"),
)

outbox = Outbox.in_metadata(metadata)
idempotency = Idempotency.in_metadata(metadata)
