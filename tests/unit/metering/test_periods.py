"""Days, weeks and months of every time zone, and where they begin."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway_kit.errors import Invalid
from tollway_metering.periods import (
    Granularity,
    Span,
    instant_of,
    periods_of,
    span_of,
    zone_of,
)

NOW = datetime(2026, 7, 10, 12, 0, tzinfo=UTC)
ZONES = [
    "UTC",
    "Europe/Berlin",
    "Asia/Kathmandu",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Africa/Cairo",
    "Pacific/Apia",
]
instants = st.timedeltas(timedelta(0), timedelta(days=14_000)).map(
    lambda since: datetime(2000, 1, 1, tzinfo=UTC) + since
)


def at(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def hours(start, end, zone, granularity=Granularity.DAY):
    span = Span(at(start), at(end))
    starts = [*periods_of(span, granularity, ZoneInfo(zone)).starts, span.end]
    return [(b - a) / timedelta(hours=1) for a, b in pairwise(starts)]


def labels(start, end, zone, granularity):
    periods = periods_of(Span(at(start), at(end)), granularity, ZoneInfo(zone))
    return [periods.label(n + 1) for n in range(len(periods.starts))]


def test_the_day_on_which_summer_begins_has_23_hours():
    assert hours("2026-03-28T00:00+01:00", "2026-03-31T00:00+02:00", "Europe/Berlin") == [
        24,
        23,
        24,
    ]


def test_the_day_on_which_summer_ends_has_25_hours_and_each_is_a_period():
    day = ("2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", "Europe/Berlin")
    assert hours(*day) == [25]
    assert hours(*day, Granularity.HOUR) == [1] * 25
    named = labels(*day, Granularity.HOUR)
    assert named[2:4] == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]


def test_kathmandus_days_begin_at_a_quarter_past_six_in_the_evening_utc():
    assert labels(
        "2026-07-01T00:00+05:45", "2026-07-03T00:00+05:45", "Asia/Kathmandu", Granularity.DAY
    ) == ["2026-07-01T00:00:00+05:45", "2026-07-02T00:00:00+05:45"]
    span = span_of("2026-07-01", "2026-07-03", ZoneInfo("Asia/Kathmandu"), NOW)
    assert span.start == datetime(2026, 6, 30, 18, 15, tzinfo=UTC)


def test_weeks_begin_on_monday_and_months_on_the_first():
    span = ("2026-07-01T10:00+00:00", "2026-08-05T00:00+00:00", "UTC")
    assert labels(*span, Granularity.WEEK)[:2] == ["2026-06-29T00:00:00Z", "2026-07-06T00:00:00Z"]
    assert labels(*span, Granularity.MONTH) == ["2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z"]


def test_a_total_has_the_spans_beginning():
    assert labels("2026-07-01T10:07+00:00", "2026-08-05T00:00+00:00", "UTC", Granularity.TOTAL) == [
        "2026-07-01T10:07:00Z"
    ]


def test_a_day_that_begins_with_a_clock_change_begins_at_one():
    assert labels(
        "2026-04-24T12:00+03:00", "2026-04-24T13:00+03:00", "Africa/Cairo", Granularity.DAY
    ) == ["2026-04-24T01:00:00+03:00"]


def test_a_day_with_two_midnights_begins_at_the_first():
    assert labels(
        "2026-11-01T12:00-05:00", "2026-11-01T13:00-05:00", "America/Havana", Granularity.DAY
    ) == ["2026-11-01T00:00:00-04:00"]


@given(instants, st.integers(1, 40 * 24), st.sampled_from(ZONES), st.sampled_from(Granularity))
def test_periods_cover_the_span_without_gaps_in_order(start, length, zone, granularity):
    span = Span(start, start + timedelta(hours=length))
    starts = periods_of(span, granularity, ZoneInfo(zone)).starts
    assert starts[0] <= span.start
    assert all(a < b for a, b in pairwise(starts))
    assert starts[-1] < span.end
    assert all(begin.minute % 15 == 0 for begin in starts) or granularity is Granularity.TOTAL


@given(instants, st.timedeltas(timedelta(0), timedelta(hours=3)))
def test_edges_and_whole_buckets_make_up_the_span(start, length):
    span = Span(start, start + length)
    first, last = span.edges
    inner = span.inner
    parts = [part for part in (first, inner, last) if part.start < part.end]
    assert sum(((part.end - part.start) for part in parts), timedelta()) == length
    assert all(a.end == b.start for a, b in pairwise(parts))
    assert inner.start.minute % 15 == inner.end.minute % 15 == 0
    assert inner.start.second == inner.end.second == 0


def test_by_default_it_is_this_month_until_now_in_the_zone():
    now = datetime(2026, 7, 31, 23, 30, tzinfo=UTC)
    assert span_of(None, None, ZoneInfo("Europe/Berlin"), now) == Span(
        datetime(2026, 7, 31, 22, tzinfo=UTC), now
    )
    assert span_of(None, None, ZoneInfo("UTC"), now).start == datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-07-01", "2026-06-30T22:00:00+00:00"),
        ("2026-07-01T00:00:00Z", "2026-07-01T00:00:00+00:00"),
        ("2026-07-01T00:00:00.5-05:00", "2026-07-01T05:00:00.500000+00:00"),
    ],
)
def test_a_date_is_midnight_in_the_zone_and_a_time_is_what_its_offset_says(text, instant):
    assert instant_of("from", text, ZoneInfo("Europe/Berlin")).isoformat() == instant


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-07-01T00:00:00", "2026-13-01", "0001-01-01", "9999-12-31", "\0", "١"],
)
def test_a_time_that_is_none_is_refused_by_name(text):
    with pytest.raises(Invalid, match="from"):
        instant_of("from", text, ZoneInfo("Pacific/Apia"))


@pytest.mark.parametrize(
    "name",
    ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "Europe", "\0", "zone.tab", "x" * 64],
)
def test_a_zone_that_is_none_is_refused(name):
    with pytest.raises(Invalid, match="tz"):
        zone_of(name)


def test_a_span_that_ends_before_it_begins_is_refused():
    with pytest.raises(Invalid, match="from"):
        span_of("2026-07-02", "2026-07-01", ZoneInfo("UTC"), NOW)


def test_too_many_periods_are_refused_before_they_are_made():
    span = span_of("1970-01-01", "8999-01-01", ZoneInfo("UTC"), NOW)
    with pytest.raises(Invalid, match="granularity"):
        periods_of(span, Granularity.HOUR, ZoneInfo("UTC"))
