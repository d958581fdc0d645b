"""Spans of time, and the hours, days, weeks and months that a time zone divides them into. Pure."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tollway_kit.errors import Invalid
from tollway_metering.posting import BUCKET, bucket_of

MOST_PERIODS = 20_000
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)


class Granularity(StrEnum):
    """How long the periods of a report are."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` until before `end`; UTC."""

    start: datetime
    end: datetime

    @property
    def inner(self) -> "Span":
        """The part that consists of whole 15-minute buckets; may be empty."""
        start = bucket_of(self.start)
        if start < self.start:
            start += BUCKET
        return Span(start, max(start, bucket_of(self.end)))

    @property
    def edges(self) -> tuple["Span", "Span"]:
        """What `inner` leaves over, before and after it."""
        inner = self.inner
        return Span(self.start, min(inner.start, self.end)), Span(inner.end, self.end)


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods that a span touches: the instants at which they begin, in order."""

    starts: Sequence[datetime]
    zone: ZoneInfo

    def label(self, number: int) -> str:
        """Return the beginning of the `number`-th period, from 1, in the zone's own time."""
        return local_text(self.starts[number - 1], self.zone)

    def number(self, at: datetime) -> int:
        """Return which period an instant belongs to, from 1."""
        return bisect_right(self.starts, at)


def zone_of(name: str) -> ZoneInfo:
    """Return the IANA time zone of that name. Raises Invalid."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"tz: {name!r} is no IANA time zone, such as Europe/Berlin or UTC."
        raise Invalid(msg) from error


def instant_of(field: str, text: str, zone: ZoneInfo) -> datetime:
    """Return the instant that a parameter names: a date is midnight in `zone`. Raises Invalid."""
    try:
        at = _parsed(text, zone)
    except (ValueError, OverflowError) as error:
        msg = f"{field}: {text!r} is neither a date nor a time with an offset (+ is %2B in a URL)."
        raise Invalid(msg) from error
    if not EARLIEST <= at <= LATEST:
        msg = f"{field}: must lie between the years {EARLIEST.year} and {LATEST.year}."
        raise Invalid(msg)
    return at


def span_of(start: str | None, end: str | None, zone: ZoneInfo, now: datetime) -> Span:
    """Return the span of `from` and `to`: by default this month in the zone, until now."""
    to = now if end is None else instant_of("to", end, zone)
    month = now.astimezone(zone).date().replace(day=1)
    from_ = _midnight(month, zone) if start is None else instant_of("from", start, zone)
    if from_ > to:
        msg = "from: must not be later than to."
        raise Invalid(msg)
    return Span(from_, to)


def periods_of(span: Span, granularity: Granularity, zone: ZoneInfo) -> Periods:
    """Divide a span. Raises Invalid where that makes too many periods."""
    if granularity is Granularity.TOTAL:
        return Periods([span.start], zone)
    starts: list[datetime] = []
    for start in _starts(span.start, granularity, zone):
        if starts and start >= span.end:
            break
        if len(starts) == MOST_PERIODS:
            msg = f"granularity: more than {MOST_PERIODS} periods; ask for longer ones, or fewer."
            raise Invalid(msg)
        starts.append(start)
    return Periods(starts, zone)


def local_text(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant as ISO 8601 in a zone."""
    return at.astimezone(zone).isoformat().replace("+00:00", "Z")


def _parsed(text: str, zone: ZoneInfo) -> datetime:
    try:
        return _midnight(date.fromisoformat(text), zone)
    except ValueError:
        at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text)
    return at.astimezone(UTC)


def _starts(first: datetime, granularity: Granularity, zone: ZoneInfo) -> Iterator[datetime]:
    if granularity is Granularity.HOUR:
        yield from _hours(first, zone)
    day = first.astimezone(zone).date()
    if granularity is Granularity.WEEK:
        day -= timedelta(days=day.weekday())
    elif granularity is Granularity.MONTH:
        day = day.replace(day=1)
    while True:
        yield _midnight(day, zone)
        day = _next(day, granularity)


def _next(day: date, granularity: Granularity) -> date:
    if granularity is Granularity.MONTH:
        return (day + timedelta(days=31)).replace(day=1)
    return day + timedelta(days=7 if granularity is Granularity.WEEK else 1)


def _hours(first: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the local hours' beginnings. They are an hour apart but for half-hour clock changes."""
    start = _hour_of(first, zone)
    while True:
        yield start
        start = _hour_of(start + timedelta(hours=1), zone)


def _hour_of(at: datetime, zone: ZoneInfo) -> datetime:
    local = at.astimezone(zone)
    return at - timedelta(
        minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins: the first midnight of two, the clock change where there is none."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
