"""The migrated schema is the one that the code believes in."""

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, pool

from tollway_kit.db import migrate
from tollway_registry.settings import Settings
from tollway_registry.tables import METADATA


def test_the_migrated_schema_equals_the_metadata(settings: Settings) -> None:
    engine = create_engine(str(settings.database_url), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, METADATA) == []


def test_a_second_migration_changes_nothing(settings: Settings) -> None:
    migrate(settings, "tollway_registry")
    url = str(settings.database_url).replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url) as connection:
        relays = connection.execute("SELECT count(*) FROM outbox_relay").fetchone()
    assert relays == (1,)
