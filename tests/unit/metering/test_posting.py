"""What is written for rated usage adds up, however it is cut into batches."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tollway_contracts.vocabulary import Meter, Outcome
from tollway_metering.money import plain, total_of
from tollway_metering.posting import Posting, bucket_of
from tollway_metering.rating import Charge, PriceList, PriceRow, Unpriced, Usage, rate

START = datetime(2026, 7, 1, tzinfo=UTC)
PRICES = PriceList(
    PriceRow(n, "prc", 1, None, meter, total_of([]) + n, 1_000_000, START, None, START)
    for n, meter in enumerate((Meter.INPUT_UNCACHED, Meter.OUTPUT, Meter.REQUESTS), 1)
)

usages = st.builds(
    Usage,
    id=st.uuids().map(str),
    workspace=st.sampled_from(["acme", "umbrella"]),
    model=st.sampled_from(["chat", "image"]),
    deployment=st.just("a"),
    provider=st.just("house"),
    api_key=st.sampled_from(["one", "two"]),
    cost_centre=st.sampled_from([None, "", "CC-1"]),
    outcome=st.sampled_from([Outcome.OK, Outcome.UPSTREAM_CUT]),
    occurred_at=st.integers(0, 7200).map(lambda s: START + timedelta(seconds=s)),
    meters=st.dictionaries(
        st.sampled_from([Meter.INPUT_UNCACHED, Meter.OUTPUT, Meter.REASONING, Meter.IMAGES]),
        st.integers(0, 10**6),
    ),
)


def posted(batch):
    posting = Posting()
    for usage in batch:
        posting.add(usage, rate(usage, PRICES))
    return posting


def summed(*postings):
    """All rollups of several postings as the database would have them."""
    sums = {}
    for posting in postings:
        for row in posting.rollups():
            place = (row["series_id"], row["bucket"])
            requests, amount = sums.get(place, (0, "0"))
            sums[place] = (requests + row["requests"], added(amount, row["amount"]))
        for row in posting.meter_rollups():
            place = (row["series_id"], row["bucket"], row["meter"])
            quantity, amount = sums.get(place, (0, "0"))
            sums[place] = (quantity + int(row["quantity"]), added(amount, row["amount"]))
    return sums


def added(*amounts):
    return plain(total_of(Decimal(amount) for amount in amounts))


@given(st.lists(usages, max_size=30), st.integers(1, 10), st.randoms())
def test_the_sums_do_not_depend_on_batches_or_order(events, size, random):
    shuffled = list(events)
    random.shuffle(shuffled)
    batches = [shuffled[n : n + size] for n in range(0, len(shuffled), size)]
    assert summed(*(posted(batch) for batch in batches)) == summed(posted(events))


@given(st.lists(usages, max_size=30))
def test_rollups_are_the_sum_of_the_charges(events):
    posting = posted(events)
    charged = added(*(row["amount"] for row in posting.charges))
    assert added(*(row["amount"] for row in posting.rollups())) == charged
    assert added(*(row["amount"] for row in posting.meter_rollups())) == charged
    assert sum(row["requests"] for row in posting.rollups()) == len(events)


@given(st.lists(usages, max_size=20))
def test_a_late_charge_leaves_the_same_sums_as_a_timely_one(events):
    late_ones = [usage for usage in events if waits_for_a_price_of_ours(usage)]
    before, after = Posting(), Posting()
    for usage in late_ones:
        before.add(usage, rate(usage, PriceList([])))
        after.charge_late(usage, rate(usage, PRICES))
    assert not_zero(summed(before, after)) == not_zero(summed(posted(late_ones)))
    assert sorted(row["amount"] for row in after.charges) == sorted(
        row["amount"] for row in posted(late_ones).charges
    )


def waits_for_a_price_of_ours(usage):
    unpriced = isinstance(rate(usage, PriceList([])), Unpriced)
    return unpriced and isinstance(rate(usage, PRICES), Charge)


def not_zero(sums):
    return {place: value for place, value in sums.items() if value != (0, "0")}


def test_unpriced_usage_is_in_no_series_with_charges(usage):
    charged, unpriced = posted([usage({"output": 1})]), posted([usage({"images": 1})])
    assert [row["priced"] for row in charged.series()] == [True]
    assert [row["priced"] for row in unpriced.series()] == [False]
    assert charged.series()[0]["id"] != unpriced.series()[0]["id"]
    assert unpriced.unpriced[0]["missing"] == [Meter.IMAGES]
    assert unpriced.charges == []


def test_an_absent_cost_centre_is_no_empty_cost_centre(usage):
    one = posted([usage(cost_centre=None)]).series()[0]["id"]
    assert one != posted([usage(cost_centre="")]).series()[0]["id"]


def test_a_bucket_has_fifteen_minutes():
    assert bucket_of(datetime(2026, 7, 1, 12, 44, 59, 999999, tzinfo=UTC)) == datetime(
        2026, 7, 1, 12, 30, tzinfo=UTC
    )
    assert bucket_of(datetime(2026, 7, 1, 12, 45, tzinfo=UTC)).minute == 45
