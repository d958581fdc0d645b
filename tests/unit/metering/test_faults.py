"""Which errors are the world's, and when so many records fail that it must be us."""

import asyncio

import psycopg
import pytest
from aiokafka.errors import KafkaConnectionError
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tollway_metering.feed.dead_letters import DivertLimit
from tollway_metering.feed.patience import Patience, Stopping, is_records_fault
from tollway_metering.metrics import Metrics


def wrapped(kind, original):
    return kind("INSERT", {}, original)


@pytest.mark.parametrize(
    "error",
    [
        wrapped(OperationalError, psycopg.OperationalError("connection refused")),
        wrapped(OperationalError, psycopg.errors.AdminShutdown()),
        wrapped(OperationalError, psycopg.errors.DeadlockDetected()),
        wrapped(OperationalError, psycopg.errors.DiskFull()),
        wrapped(OperationalError, psycopg.errors.QueryCanceled()),
        wrapped(OperationalError, psycopg.errors.ReadOnlySqlTransaction()),
        wrapped(OperationalError, psycopg.errors.UndefinedTable()),
        wrapped(InterfaceError, psycopg.InterfaceError("closed")),
        PoolTimeout("no connection"),
        KafkaConnectionError(),
        ConnectionResetError(),
        TimeoutError(),
    ],
    ids=lambda error: type(getattr(error, "orig", error)).__name__,
)
def test_what_time_can_heal_is_not_the_records_fault(error):
    assert not is_records_fault(error)


@pytest.mark.parametrize(
    "error",
    [
        wrapped(DataError, psycopg.errors.NumericValueOutOfRange()),
        wrapped(DataError, psycopg.errors.UntranslatableCharacter()),
        wrapped(DataError, psycopg.DataError("cannot contain NUL")),
        wrapped(IntegrityError, psycopg.errors.NotNullViolation()),
        ValueError("no number"),
        ArithmeticError(),
    ],
    ids=lambda error: type(getattr(error, "orig", error)).__name__,
)
def test_what_was_sent_cannot_be_healed_by_time(error):
    assert is_records_fault(error)


async def test_it_is_tried_again_until_it_works():
    patience = Patience(Metrics(CollectorRegistry()))
    failures = [ConnectionResetError(), PoolTimeout("busy")]

    async def attempt():
        if failures:
            raise failures.pop()
        return "done"

    assert await patience.insist("test", attempt) == "done"


async def test_a_stopping_service_ends_the_waiting():
    patience = Patience(Metrics(CollectorRegistry()))

    async def attempt():
        raise ConnectionResetError

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(expect_stop(patience.insist("test", attempt)))
        await asyncio.sleep(0.05)
        patience.stop()
    assert waiting.done()


async def expect_stop(waiting):
    with pytest.raises(Stopping):
        await waiting


def seen(*failed):
    limit = DivertLimit()
    for one in failed:
        limit.saw(failed=one)
    return limit


def test_a_hundred_bad_records_in_a_row_may_be_diverted_and_the_next_may_not():
    assert not seen(*[True] * 100).exceeded
    assert seen(*[True] * 101).exceeded


def test_a_hundred_bad_records_after_many_good_ones_are_no_bad_deploy_yet():
    assert not seen(*[False] * 900, *[True] * 400).exceeded
    assert seen(*[False] * 900, *[True] * 501).exceeded


def test_bad_records_among_good_ones_never_stop_the_feed():
    assert not seen(*[True, True, True, False] * 500).exceeded
