"""What each service's `migrations/env.py` calls: Alembic's run against one database."""

from alembic import context
from sqlalchemy import MetaData, create_engine, pool, text

LOCK = 7_101_966  # any number that all of a service's migrating processes agree on


def run(metadata: MetaData) -> None:
    """Run the migrations online, in one transaction, one process at a time."""
    url = context.config.attributes["database_url"]
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata)
        with context.begin_transaction():
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            context.run_migrations()
    engine.dispose()
