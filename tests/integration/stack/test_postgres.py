"""The local PostgreSQL: who may log in where, and what a crash leaves."""

import json
import os
from collections.abc import Iterator

import psutil
import psycopg
import pytest

from tollway_cli.stack import Stack, StackError
from tollway_cli.stack.postgres import DATABASES


def connect(stack: Stack, database: str, **changes: str) -> psycopg.Connection[tuple[object, ...]]:
    url = stack.site.postgres.url(database).replace("+psycopg", "")
    return psycopg.connect(url, autocommit=True, connect_timeout=5, **changes)


@pytest.fixture
def recovered(stack: Stack) -> Iterator[Stack]:
    """The module's stack, running again after the test."""
    yield stack
    stack.up_infrastructure()


@pytest.mark.parametrize("database", DATABASES)
def test_each_service_owns_its_database(stack: Stack, database: str) -> None:
    with connect(stack, database) as connection:
        connection.execute("CREATE SCHEMA own")
        connection.execute("CREATE TABLE own.t (x int)")
        assert connection.execute("SHOW server_version_num").fetchone() >= ("180000",)


@pytest.mark.parametrize("other", [*DATABASES[1:], "postgres", "template1"])
def test_a_role_may_not_enter_another_database(stack: Stack, other: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        connect(stack, DATABASES[0], dbname=other)


def test_a_role_has_no_powers_over_the_server(stack: Stack) -> None:
    powers = "rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
    with connect(stack, DATABASES[0]) as connection:
        row = connection.execute(f"SELECT {powers} FROM pg_roles WHERE rolname = current_user")
        assert row.fetchone() == (False,) * 5


@pytest.mark.parametrize("password", ["", "postgres", "tollway"])
@pytest.mark.parametrize("user", ["postgres", DATABASES[0]])
def test_nobody_enters_without_the_password(stack: Stack, user: str, password: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        connect(stack, DATABASES[0], user=user, password=password)


def test_it_listens_on_loopback_only(stack: Stack) -> None:
    port = stack.site.ports.of("postgres")
    listening = [
        connection.laddr[0]
        for connection in psutil.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1] == port
    ]
    assert listening == ["127.0.0.1"]


def test_it_does_not_run_as_root(stack: Stack) -> None:
    pid = next(status.pid for status in stack.status() if status.name == "postgres")
    assert psutil.Process(pid).uids().effective != 0


def test_what_was_committed_survives_kill_9(recovered: Stack) -> None:
    with connect(recovered, DATABASES[0]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS x")
    recovered.kill("postgres")
    assert recovered.up_infrastructure().started == ("postgres",)
    with connect(recovered, DATABASES[0]) as connection:
        assert connection.execute("SELECT sum(x) FROM kept").fetchone() == (500_500,)


def test_a_pid_file_whose_pid_is_now_another_program_is_not_in_the_way(recovered: Stack) -> None:
    recovered.kill("postgres")
    file = recovered.home.postgres / "postmaster.pid"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    recovered.up_infrastructure()
    assert file.read_text().splitlines()[0] != str(os.getpid())


def test_a_server_that_lost_its_record_is_found_again(recovered: Stack) -> None:
    record = recovered.home.run / "postgres.json"
    pid = json.loads(record.read_text())["pid"]
    record.unlink()
    assert recovered.up_infrastructure().started == ()
    assert json.loads(record.read_text())["pid"] == pid


def test_lost_passwords_are_named_with_the_way_out(recovered: Stack) -> None:
    passwords = recovered.home.keys / "postgres.json"
    text = passwords.read_text()
    recovered.kill("postgres")
    passwords.unlink()
    with pytest.raises(StackError, match=r"postgres\.json is gone.*rm -rf"):
        recovered.up_infrastructure()
    passwords.write_text(text)
