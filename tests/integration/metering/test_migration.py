"""The migrated schema is the one that the code speaks of, and it can be taken back."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from tollway_metering.tables import metadata


def test_the_migrated_schema_is_that_of_the_tables(settings):
    engine = create_engine(str(settings.database_url))
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_downgrade_leaves_nothing(settings):
    config = Config()
    config.set_main_option("script_location", "tollway_metering:migrations")
    config.attributes["database_url"] = str(settings.database_url)
    command.downgrade(config, "base")
    engine = create_engine(str(settings.database_url))
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
