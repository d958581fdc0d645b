"""The usage spool keeps every event, numbered without a gap."""

import os
import sqlite3
from pathlib import Path

import pytest
from support.attempts import an_attempt

from tollway_contracts.events import UsageRecorded
from tollway_contracts.vocabulary import Outcome
from tollway_router.usage.spool import Spool, SpoolInUse


def opened(folder: Path) -> Spool:
    return Spool(folder, always_sync=False)


def abandon(spool: Spool) -> None:
    """Leave a spool as a killed process does: the kernel lets its lock go, nothing is tidied up."""
    os.close(spool._lock_file)


def append(spool: Spool, *ids: str) -> None:
    for event_id in ids:
        spool.append(event_id, lambda numbers: f"{numbers.epoch}:{numbers.sequence}".encode())


def test_events_are_numbered_from_1_without_a_gap(tmp_path):
    spool = opened(tmp_path)
    append(spool, "a", "b", "c")
    assert [(e.id, e.body) for e in spool.waiting(10)] == [
        ("a", b"1:1"),
        ("b", b"1:2"),
        ("c", b"1:3"),
    ]


def test_a_new_process_is_the_same_producer_in_a_new_epoch(tmp_path):
    first = opened(tmp_path)
    append(first, "a")
    first.close()
    second = opened(tmp_path)
    append(second, "b")
    assert second.producer == first.producer
    assert [e.body for e in second.waiting(10)] == [b"1:1", b"2:1"]


def test_an_event_is_there_for_another_connection_as_soon_as_it_is_appended(tmp_path):
    spool = opened(tmp_path)
    append(spool, "a")
    # As after kill -9: nothing was closed, nothing was flushed by this process.
    (count,) = (
        sqlite3.connect(tmp_path / "usage.sqlite").execute("SELECT count(*) FROM event").fetchone()
    )
    assert count == 1


def test_a_body_that_cannot_be_made_uses_up_no_number(tmp_path):
    spool = opened(tmp_path)
    with pytest.raises(ZeroDivisionError):
        spool.append("a", lambda _: bytes(1 // 0))
    append(spool, "b")
    assert [e.body for e in spool.waiting(10)] == [b"1:1"]


def test_shipped_events_stay_until_their_retention_is_over(tmp_path):
    spool = opened(tmp_path)
    append(spool, "a", "b")
    spool.shipped(spool.waiting(1))
    assert [e.id for e in spool.waiting(10)] == ["b"]
    assert spool.depth() == 1
    assert spool.forget(older_than_seconds=3600) == 0
    assert spool.forget(older_than_seconds=-1) == 1
    assert [e.id for e in spool.waiting(10)] == ["b"]


def test_what_was_appended_can_be_brought_to_the_disk(tmp_path):
    spool = opened(tmp_path)
    append(spool, "a")
    spool.sync()


def test_an_attempt_that_was_open_when_its_process_died_becomes_an_event(tmp_path):
    killed = opened(tmp_path)
    attempt = an_attempt()
    killed.open(attempt.id, attempt.interrupted_event().to_json())
    append(killed, "ended")
    abandon(killed)
    (left, _) = sorted(opened(tmp_path).waiting(10), key=lambda event: event.id != attempt.id)
    event = UsageRecorded.from_newer(left.body)
    assert (event.id, event.outcome) == (attempt.id, Outcome.ROUTER_STOPPED)
    assert (event.epoch, event.sequence, event.producer) == (2, 1, killed.producer)
    assert event.estimated
    assert event.meters == {"input_uncached": 11}


def test_an_attempt_that_has_ended_is_one_event_and_no_more(tmp_path):
    spool = opened(tmp_path)
    attempt = an_attempt()
    spool.open(attempt.id, attempt.interrupted_event().to_json())
    append(spool, attempt.id)
    abandon(spool)
    assert [event.id for event in opened(tmp_path).waiting(10)] == [attempt.id]


def test_two_routers_cannot_share_a_spool(tmp_path):
    spool = opened(tmp_path)
    with pytest.raises(SpoolInUse):
        opened(tmp_path)
    spool.close()
    opened(tmp_path).close()


def test_an_event_that_kafka_will_never_take_stays_and_blocks_nobody(tmp_path):
    spool = opened(tmp_path)
    append(spool, "huge", "b")
    spool.rejected(spool.waiting(1)[0], "too large")
    assert [event.id for event in spool.waiting(10)] == ["b"]
    assert spool.depth() == 1
    assert spool.forget(older_than_seconds=-1) == 0


def test_only_this_user_can_read_the_spool(tmp_path):
    opened(tmp_path / "spool")
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0
    assert (tmp_path / "spool" / "usage.sqlite").stat().st_mode & 0o077 == 0
