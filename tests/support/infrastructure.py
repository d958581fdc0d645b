"""A stack without services, as tests of one service use it."""

from pathlib import Path

from psycopg import sql

from tollway_cli.stack import Stack


class Infrastructure:
    """Real PostgreSQL, OpenBao and Kafka."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    @property
    def kafka(self) -> str:
        """Kafka's bootstrap servers."""
        return self.stack.addresses.kafka

    @property
    def vault_url(self) -> str:
        """OpenBao's address."""
        return self.stack.addresses.openbao

    @property
    def vault_token_file(self) -> Path:
        """The secrets service's token, with its policy and nothing else."""
        return self.stack.site.openbao.token_file

    def database_url(self, name: str) -> str:
        """Make a fresh, empty database with an owner of its own and return its URL."""
        postgres = self.stack.site.postgres
        with postgres.superuser_connection() as connection:
            made = sql.Identifier(name)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(made))
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(made))
            role = sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'only-in-tests'").format(made)
            connection.execute(role)
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(made, made))
        return f"postgresql+psycopg://{name}:only-in-tests@{postgres.address}/{name}"
