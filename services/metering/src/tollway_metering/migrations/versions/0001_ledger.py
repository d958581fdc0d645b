"""Usage, prices, charges, rollups; and what may never change, held by triggers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("usage_event", "charge", "charge_line")

REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""

# A row may be closed once, and is otherwise as it was recorded.
REFUSE_PRICE = """
CREATE FUNCTION refuse_price_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.recorded_to IS NOT NULL
        OR to_jsonb(NEW) - 'recorded_to' IS DISTINCT FROM to_jsonb(OLD) - 'recorded_to'
    THEN
        RAISE EXCEPTION 'price_row is append-only' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


def _instant(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), **options)


def upgrade() -> None:
    op.create_table(
        "usage_event",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("producer", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        _instant("occurred_at", nullable=False),
        _instant("ended_at", nullable=False),
        _instant("stored_at", nullable=False, server_default=sa.func.now()),
        sa.Column("surface", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("upstream_model", sa.Text(), nullable=False),
        sa.Column("response_model", sa.Text()),
        sa.Column("response_id", sa.Text()),
        sa.Column("api_key_id", sa.Text(), nullable=False),
        sa.Column("api_key", sa.Text(), nullable=False),
        sa.Column("cost_centre", sa.Text()),
        sa.Column("tags", JSONB(), nullable=False),
        sa.Column("user", sa.Text()),
        sa.Column("streamed", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("upstream_status", sa.BigInteger()),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("raw_usage", sa.Text()),
        sa.Column("meters", JSONB(), nullable=False),
        sa.Column("flags", ARRAY(sa.Text()), nullable=False),
        sa.Column("service_tier", sa.Text()),
        sa.Column("region", sa.Text()),
        sa.Column("first_byte_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_usage_event"),
    )
    op.create_index(
        "ix_usage_event_workspace_occurred_at_id", "usage_event", ["workspace", "occurred_at", "id"]
    )
    op.create_index(
        "ix_usage_event_workspace_request_id", "usage_event", ["workspace", "request_id"]
    )
    op.create_table(
        "price_row",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("price_id", sa.Text(), nullable=False),
        sa.Column("price_name", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("deployment", sa.Text()),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("usd", sa.Numeric(), nullable=False),
        sa.Column("per_units", sa.BigInteger(), nullable=False),
        _instant("valid_from", nullable=False),
        _instant("valid_to"),
        _instant("recorded_at", nullable=False),
        _instant("recorded_to"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_price_row"),
        sa.UniqueConstraint(
            "workspace",
            "price_id",
            "revision",
            "meter",
            name="uq_price_row_workspace_price_id_revision_meter",
        ),
        sa.CheckConstraint("per_units > 0", name="ck_price_row_per_units"),
    )
    op.create_index(
        "ix_price_row_latest",
        "price_row",
        ["workspace", "model"],
        postgresql_where=sa.text("recorded_to IS NULL"),
    )
    op.create_table(
        "charge",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("usage_event_id", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        _instant("charged_at", nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("id", name="pk_charge"),
        sa.UniqueConstraint("usage_event_id", name="uq_charge_usage_event_id"),
        sa.ForeignKeyConstraint(
            ["usage_event_id"], ["usage_event.id"], name="fk_charge_usage_event_id"
        ),
    )
    op.create_table(
        "charge_line",
        sa.Column("charge_id", sa.Text(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("price_row_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.PrimaryKeyConstraint("charge_id", "meter", name="pk_charge_line"),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name="fk_charge_line_charge_id"),
        sa.ForeignKeyConstraint(
            ["price_row_id"], ["price_row.id"], name="fk_charge_line_price_row_id"
        ),
    )
    op.create_table(
        "unpriced_usage",
        sa.Column("usage_event_id", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("missing", ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("usage_event_id", name="pk_unpriced_usage"),
        sa.ForeignKeyConstraint(
            ["usage_event_id"], ["usage_event.id"], name="fk_unpriced_usage_usage_event_id"
        ),
    )
    op.create_index(
        "ix_unpriced_usage_workspace_model_usage_event_id",
        "unpriced_usage",
        ["workspace", "model", "usage_event_id"],
    )
    op.create_table(
        "rollup_series",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("api_key", sa.Text(), nullable=False),
        sa.Column("cost_centre", sa.Text()),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("priced", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rollup_series"),
    )
    op.create_index("ix_rollup_series_workspace", "rollup_series", ["workspace"])
    op.create_table(
        "rollup",
        sa.Column("series_id", sa.Text(), nullable=False),
        _instant("bucket", nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "bucket", name="pk_rollup"),
        sa.ForeignKeyConstraint(["series_id"], ["rollup_series.id"], name="fk_rollup_series_id"),
    )
    op.create_table(
        "rollup_meter",
        sa.Column("series_id", sa.Text(), nullable=False),
        _instant("bucket", nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "bucket", "meter", name="pk_rollup_meter"),
        sa.ForeignKeyConstraint(
            ["series_id"], ["rollup_series.id"], name="fk_rollup_meter_series_id"
        ),
    )
    op.execute(REFUSE)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(REFUSE_PRICE)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE ON price_row"
        " FOR EACH ROW EXECUTE FUNCTION refuse_price_change()"
    )
    op.execute(
        "CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON price_row"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    for table in (
        "rollup_meter",
        "rollup",
        "rollup_series",
        "unpriced_usage",
        "charge_line",
        "charge",
        "price_row",
        "usage_event",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change()")
    op.execute("DROP FUNCTION refuse_price_change()")
