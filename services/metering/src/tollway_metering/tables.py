"""The ledger's tables.

`usage_event`, `charge` and `charge_line` are append-only, and so is `price_row` but for the time
at which a row stops being the latest word; triggers in the migration hold that. `unpriced_usage`
is a queue. The rollups are sums and can be computed anew from the rest.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from tollway_kit.db import new_metadata

metadata = new_metadata()

_INSTANT = DateTime(timezone=True)

usage_event = Table(
    "usage_event",
    metadata,
    Column("id", Text, primary_key=True),
    Column("producer", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("occurred_at", _INSTANT, nullable=False),
    Column("ended_at", _INSTANT, nullable=False),
    Column("stored_at", _INSTANT, nullable=False, server_default=func.now()),
    Column("surface", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("upstream_model", Text, nullable=False),
    Column("response_model", Text),
    Column("response_id", Text),
    Column("api_key_id", Text, nullable=False),
    Column("api_key", Text, nullable=False),
    Column("cost_centre", Text),
    Column("tags", JSONB, nullable=False),
    Column("user", Text),
    Column("streamed", Boolean, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("upstream_status", BigInteger),
    Column("estimated", Boolean, nullable=False),
    # The provider's words, as text: jsonb would lose order, repetition and the form of numbers.
    Column("raw_usage", Text),
    Column("meters", JSONB, nullable=False),
    Column("flags", ARRAY(Text), nullable=False),
    Column("service_tier", Text),
    Column("region", Text),
    Column("first_byte_ms", BigInteger),
    Index(None, "workspace", "occurred_at", "id"),
    Index(None, "workspace", "request_id"),
)

price_row = Table(
    "price_row",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("workspace", Text, nullable=False),
    Column("price_id", Text, nullable=False),
    Column("price_name", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("deployment", Text),
    Column("meter", Text, nullable=False),
    Column("usd", Numeric, nullable=False),
    Column("per_units", BigInteger, nullable=False),
    Column("valid_from", _INSTANT, nullable=False),
    Column("valid_to", _INSTANT),
    Column("recorded_at", _INSTANT, nullable=False),
    Column("recorded_to", _INSTANT),
    Column("source", Text, nullable=False),
    UniqueConstraint("workspace", "price_id", "revision", "meter"),
    CheckConstraint("per_units > 0", name="per_units"),
    # What rating reads: the latest word about a model.
    Index(
        "ix_price_row_latest", "workspace", "model", postgresql_where=text("recorded_to IS NULL")
    ),
)

charge = Table(
    "charge",
    metadata,
    Column("id", Text, primary_key=True),
    Column("usage_event_id", Text, ForeignKey("usage_event.id"), nullable=False, unique=True),
    Column("workspace", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("charged_at", _INSTANT, nullable=False, server_default=func.now()),
)

charge_line = Table(
    "charge_line",
    metadata,
    Column("charge_id", Text, ForeignKey("charge.id"), primary_key=True),
    Column("meter", Text, primary_key=True),
    Column("quantity", Numeric, nullable=False),
    Column("price_row_id", BigInteger, ForeignKey("price_row.id"), nullable=False),
    Column("amount", Numeric, nullable=False),
)

unpriced_usage = Table(
    "unpriced_usage",
    metadata,
    Column("usage_event_id", Text, ForeignKey("usage_event.id"), primary_key=True),
    Column("workspace", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("missing", ARRAY(Text), nullable=False),
    Index(None, "workspace", "model", "usage_event_id"),
)

rollup_series = Table(
    "rollup_series",
    metadata,
    Column("id", Text, primary_key=True),  # a digest of the other columns
    Column("workspace", Text, nullable=False, index=True),
    Column("model", Text, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("api_key", Text, nullable=False),
    Column("cost_centre", Text),
    Column("outcome", Text, nullable=False),
    Column("priced", Boolean, nullable=False),
)

rollup = Table(
    "rollup",
    metadata,
    Column("series_id", Text, ForeignKey("rollup_series.id"), primary_key=True),
    Column("bucket", _INSTANT, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("amount", Numeric, nullable=False),
)

rollup_meter = Table(
    "rollup_meter",
    metadata,
    Column("series_id", Text, ForeignKey("rollup_series.id"), primary_key=True),
    Column("bucket", _INSTANT, primary_key=True),
    Column("meter", Text, primary_key=True),
    Column("quantity", Numeric, nullable=False),
    Column("amount", Numeric, nullable=False),
)
