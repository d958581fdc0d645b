"""Ports: fixed distances, free blocks, and a rival named."""

import os
import socket

import pytest

from tollway_cli.stack import StackError
from tollway_cli.stack.ports import OFFSETS, Ports, free_base, is_free, user_of


def test_a_base_of_8000_gives_the_documented_addresses() -> None:
    ports = Ports(8000)
    names = ("router", "registry", "secrets", "metering", "console", "simulator")
    assert [ports.of(name) for name in names] == [8000, 8001, 8002, 8003, 8080, 8090]
    assert len(set(OFFSETS.values())) == len(OFFSETS)


@pytest.mark.parametrize("base", [-1, 0, 80, 65_500, 70_000])
def test_an_impossible_base_is_refused(base: int) -> None:
    with pytest.raises(StackError, match="must lie between 1024 and"):
        Ports(base)


def test_a_listening_port_is_not_free_and_its_user_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        assert f"(pid {os.getpid()})" in (user_of(port) or "")
    assert is_free(port)


def test_a_port_taken_on_all_interfaces_is_not_free() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_the_suggested_base_is_another_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        base = server.getsockname()[1]
        with pytest.raises(StackError, match="TOLLWAY_PORT_BASE=9000"):
            Ports(base).require_free("router")


def test_a_free_block_is_free() -> None:
    ports = Ports(free_base())
    assert all(is_free(ports.of(name)) for name in OFFSETS)
