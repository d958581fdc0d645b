"""What holds for every charge, whatever was measured and whatever it costs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tollway_contracts.vocabulary import INFORMATIONAL_METERS, Meter, Outcome
from tollway_metering.money import plain, total_of
from tollway_metering.rating import Charge, PriceList, PriceRow, Unpriced, Usage, rate

START = datetime(2026, 1, 1, tzinfo=UTC)
instants = st.integers(0, 40).map(lambda days: START + timedelta(days=days))
meters = st.sampled_from(Meter)


@st.composite
def price_rows(draw: st.DrawFn) -> PriceRow:
    valid_from = draw(instants)
    return PriceRow(
        id=draw(st.integers(1, 10**6)),
        price_id="prc",
        revision=1,
        deployment=draw(st.sampled_from([None, "a", "b"])),
        meter=draw(meters),
        usd=draw(st.decimals(0, 1000, places=12, allow_nan=False)),
        per_units=draw(st.sampled_from([1, 1_000_000])),
        valid_from=valid_from,
        valid_to=draw(st.none() | st.integers(1, 20).map(lambda n: valid_from + timedelta(n))),
        recorded_at=draw(instants),
    )


usages = st.builds(
    Usage,
    id=st.just("use"),
    workspace=st.just("acme"),
    model=st.just("chat"),
    deployment=st.sampled_from(["a", "b"]),
    provider=st.just("house"),
    api_key=st.just("key"),
    cost_centre=st.none(),
    outcome=st.sampled_from(Outcome),
    occurred_at=instants,
    meters=st.dictionaries(meters, st.integers(0, 10**9), max_size=6),
)
books = st.lists(price_rows(), max_size=30, unique_by=lambda row: row.id)


@given(usages, books)
def test_the_amount_is_the_sum_of_its_lines(usage: Usage, rows: list[PriceRow]) -> None:
    rating = rate(usage, PriceList(rows))
    if isinstance(rating, Charge):
        assert plain(rating.amount) == plain(total_of(line.amount for line in rating.lines))


@given(usages, books)
def test_every_measured_meter_is_on_a_line_or_the_attempt_is_unpriced(
    usage: Usage, rows: list[PriceRow]
) -> None:
    needed = {
        meter
        for meter, count in usage.meters.items()
        if count and meter not in INFORMATIONAL_METERS and meter is not Meter.REQUESTS
    }
    rating = rate(usage, PriceList(rows))
    if isinstance(rating, Unpriced):
        assert rating.missing
        assert set(rating.missing) <= needed
    else:
        assert needed <= {line.meter for line in rating.lines}
        assert all(line.meter not in INFORMATIONAL_METERS for line in rating.lines)


@given(usages, books)
def test_every_line_rests_on_a_price_that_held_then_and_there(
    usage: Usage, rows: list[PriceRow]
) -> None:
    rating = rate(usage, PriceList(rows))
    for line in rating.lines if isinstance(rating, Charge) else ():
        row = line.price
        assert row.meter is line.meter
        assert row.valid_from <= usage.occurred_at
        assert row.valid_to is None or usage.occurred_at < row.valid_to
        assert row.deployment in (None, usage.deployment)
        assert line.amount == Decimal(line.quantity) * row.usd / row.per_units


@given(usages, books, st.randoms())
def test_the_order_of_meters_and_of_prices_does_not_matter(usage, rows, random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    turned = dict(reversed(usage.meters.items()))
    other = Usage(**{**{n: getattr(usage, n) for n in Usage.__slots__}, "meters": turned})
    assert rate(other, PriceList(shuffled)) == rate(usage, PriceList(rows))
