"""Resources, their history, the outbox, answered writes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IN_WORKSPACES = ("provider", "model", "deployment", "price", "api_key")


def upgrade() -> None:
    op.create_table(
        "workspace",
        *_resource_columns("workspace"),
        sa.UniqueConstraint("name", name="uq_workspace_name"),
        sa.CheckConstraint("id = name AND workspace = name", name="ck_workspace_names_itself"),
    )
    op.create_table("provider", *_resource_columns("provider"))
    op.create_table("model", *_resource_columns("model"))
    op.create_table(
        "deployment",
        *_resource_columns("deployment"),
        _text("model"),
        _text("provider"),
        _refers("deployment", ("workspace", "model"), "model", ("workspace", "name")),
        _refers("deployment", ("workspace", "provider"), "provider", ("workspace", "name")),
        sa.UniqueConstraint(
            "workspace", "name", "model", name="uq_deployment_workspace_name_model"
        ),
    )
    op.create_table(
        "price",
        *_resource_columns("price"),
        _text("model"),
        _text("deployment", nullable=True),
        _instant("valid_from"),
        _refers("price", ("workspace", "model"), "model", ("workspace", "name")),
        _refers(
            "price",
            ("workspace", "deployment", "model"),
            "deployment",
            ("workspace", "name", "model"),
        ),
        sa.UniqueConstraint(
            "workspace",
            "model",
            "deployment",
            "valid_from",
            name="uq_price_workspace_model_deployment_valid_from",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "api_key",
        *_resource_columns("api_key"),
        _text("sha256"),
        _text("hint"),
        sa.UniqueConstraint("sha256", name="uq_api_key_sha256"),
    )
    for kind in IN_WORKSPACES:
        op.create_foreign_key(
            f"fk_{kind}_workspace", kind, "workspace", ["workspace"], ["name"], ondelete="RESTRICT"
        )
    _index("deployment", "workspace", "model")
    _index("deployment", "workspace", "provider")
    _index("price", "workspace", "deployment")
    _create_history()
    _create_outbox()


def _create_history() -> None:
    op.create_table(
        "change",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True)),
        _text("id"),
        _text("workspace"),
        _text("resource"),
        _text("resource_id"),
        _text("name"),
        sa.Column("revision", sa.BigInteger, nullable=False),
        _text("actor"),
        _instant("at"),
        sa.Column("before", JSONB),
        sa.Column("after", JSONB),
        sa.PrimaryKeyConstraint("position", name="pk_change"),
    )
    _index("change", "workspace", "position")
    _index("change", "workspace", "resource", "name", "position")


def _create_outbox() -> None:
    op.create_table(
        "outbox_event",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True)),
        _text("topic"),
        _text("key"),
        _text("type"),
        _text("source"),
        sa.Column("body", sa.LargeBinary),
        _text("id"),
        _text("time"),
        _text("traceparent", nullable=True),
        _stored_at(),
        sa.PrimaryKeyConstraint("position", name="pk_outbox_event"),
    )
    relay = op.create_table(
        "outbox_relay",
        sa.Column("id", sa.Integer),
        sa.Column("offsets", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_relay"),
    )
    op.bulk_insert(relay, [{"id": 1, "offsets": {}}])
    op.create_table(
        "idempotent_write",
        _text("workspace"),
        _text("key"),
        _text("fingerprint"),
        sa.Column("answer", sa.LargeBinary),
        _stored_at(),
        sa.PrimaryKeyConstraint("workspace", "key", name="pk_idempotent_write"),
    )


def _resource_columns(table: str) -> list[sa.schema.SchemaItem]:
    return [
        _text("id"),
        _text("workspace"),
        _text("name"),
        sa.Column("revision", sa.BigInteger, nullable=False),
        _instant("created_at"),
        _instant("updated_at"),
        sa.Column("spec", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("workspace", "name", name=f"uq_{table}_workspace_name"),
    ]


def _refers(
    table: str, columns: tuple[str, ...], target: str, targets: tuple[str, ...]
) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        columns,
        [f"{target}.{column}" for column in targets],
        name=f"fk_{table}_{'_'.join(columns)}",
        ondelete="RESTRICT",
    )


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String, nullable=nullable)


def _instant(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _stored_at() -> sa.Column:
    return sa.Column(
        "stored_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
    )
