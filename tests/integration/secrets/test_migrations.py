"""The migrations make the tables that the code uses."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from tollway_kit.db import migrate
from tollway_secrets.tables import metadata


def test_the_migrated_schema_is_the_code_s(configure: Any) -> None:
    settings = configure()
    migrate(settings, "tollway_secrets")  # again, which changes nothing
    engine = create_engine(str(settings.database_url))
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_server_default": False, "compare_type": True}
            )
            assert compare_metadata(context, metadata) == []
    finally:
        engine.dispose()
