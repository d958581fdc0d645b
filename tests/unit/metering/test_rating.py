"""Golden charges, calculated by hand; each rule names where it comes from."""

from datetime import UTC, datetime, timedelta

import pytest

from tollway_contracts.vocabulary import Meter, Outcome
from tollway_metering.money import plain
from tollway_metering.rating import Charge, PriceList, Unpriced, rate


def charged(usage, *rows):
    rating = rate(usage, PriceList(rows))
    assert isinstance(rating, Charge), rating
    return rating


def lines(charge):
    return {line.meter.value: plain(line.amount) for line in charge.lines}


def test_openai_cached_tokens_cost_the_read_price_and_not_the_input_price_as_well(usage, price):
    """2,000 prompt tokens with 1,500 cached are 500 + 1,500, as OpenAI includes the cached."""
    charge = charged(
        usage({"input_uncached": 500, "cache_read": 1_500, "output": 300}),
        price("input_uncached", "1.25"),
        price("cache_read", "0.125"),
        price("output", "10"),
    )
    # 500 x 1.25 = 625; 1,500 x 0.125 = 187.5; 300 x 10 = 3,000; by a million.
    assert lines(charge) == {
        "input_uncached": "0.000625",
        "cache_read": "0.0001875",
        "output": "0.003",
    }
    assert plain(charge.amount) == "0.0038125"


def test_anthropic_cache_writes_of_five_minutes_and_of_an_hour_have_their_own_prices(usage, price):
    """At 3 dollars a million: a write is 1.25 times that for 5 minutes, twice for an hour."""
    charge = charged(
        usage(
            {
                "input_uncached": 11,
                "cache_read": 1_000,
                "cache_write_5m": 200,
                "cache_write_1h": 300,
                "output": 7,
            }
        ),
        price("input_uncached", "3"),
        price("cache_read", "0.30"),
        price("cache_write_5m", "3.75"),
        price("cache_write_1h", "6"),
        price("output", "15"),
    )
    # 33 + 300 + 750 + 1,800 + 105 = 2,988 millionths.
    assert plain(charge.amount) == "0.002988"


def test_an_hour_long_cache_write_without_its_price_does_not_take_that_of_five_minutes(
    usage, price
):
    rating = rate(usage({"cache_write_1h": 1}), PriceList([price("cache_write_5m", "3.75")]))
    assert rating == Unpriced((Meter.CACHE_WRITE_1H,))


def test_the_cache_read_price_is_data_and_no_fixed_share_of_the_input_price(usage, price):
    """Fable 5.1 reads at 0.025 times its input price: 10 dollars and 25 cents."""
    charge = charged(
        usage({"cache_read": 40_000}), price("input_uncached", "10"), price("cache_read", "0.25")
    )
    assert plain(charge.amount) == "0.01"


def test_reasoning_is_inside_output_and_costs_nothing_more(usage, price):
    """OpenAI, Anthropic, DeepSeek: the detail only informs. It needs no price either."""
    charge = charged(usage({"output": 1_000, "reasoning": 900}), price("output", "2"))
    assert lines(charge) == {"output": "0.002"}


def test_gemini_thoughts_and_image_tokens_have_the_price_of_their_own_meter(usage, price):
    """gemini-3-pro-image: image output at 120 dollars a million, text at 12."""
    charge = charged(
        usage({"output": 150, "output_image": 1_120}),
        price("output", "12"),
        price("output_image", "120"),
    )
    assert lines(charge) == {"output": "0.0018", "output_image": "0.1344"}


def test_web_searches_cost_per_search_and_not_per_million(usage, price):
    """Anthropic: 10 dollars per 1,000 searches."""
    charge = charged(usage({"web_searches": 3}), price("web_searches", "0.01", 1))
    assert lines(charge) == {"web_searches": "0.03"}


def test_a_late_event_after_a_price_change_gets_the_old_price(usage, price):
    """GPT-5.6 Sol went from 5 to 4 dollars on 2026-08-21."""
    change = datetime(2026, 8, 21, tzinfo=UTC)
    rows = (
        price("input_uncached", "5", valid_to=change),
        price("input_uncached", "4", valid_from=change),
    )
    before, at = change - timedelta(microseconds=1), change
    assert plain(charged(usage({"input_uncached": 100}, occurred_at=before), *rows).amount) == (
        "0.0005"
    )
    assert plain(charged(usage({"input_uncached": 100}, occurred_at=at), *rows).amount) == "0.0004"


def test_the_introductory_price_ends_when_the_next_begins_though_it_names_no_end(usage, price):
    """Sonnet 5: 2 dollars until 2026-08-31, 3 after."""
    september = datetime(2026, 9, 1, tzinfo=UTC)
    rows = (price("input_uncached", "3", valid_from=september), price("input_uncached", "2"))
    assert plain(charged(usage({"input_uncached": 10}), *rows).amount) == "0.00002"
    late = usage({"input_uncached": 10}, occurred_at=september)
    assert plain(charged(late, *rows).amount) == "0.00003"


@pytest.mark.parametrize(
    "window",
    [
        {"valid_from": datetime(2026, 7, 2, tzinfo=UTC)},
        {"valid_to": datetime(2026, 7, 1, 12, tzinfo=UTC)},
        {"deployment": "chat-b"},
    ],
    ids=["not yet", "just over", "another deployment's"],
)
def test_a_price_that_does_not_hold_leaves_usage_unpriced_and_never_free(usage, price, window):
    rating = rate(usage({"output": 1}), PriceList([price("output", "1", **window)]))
    assert rating == Unpriced((Meter.OUTPUT,))


def test_one_missing_price_leaves_the_whole_attempt_unpriced_and_names_the_meters(usage, price):
    rating = rate(
        usage({"output_audio": 5, "output": 2, "cache_read": 3, "input_uncached": 1}),
        PriceList([price("input_uncached", "1"), price("output", "1")]),
    )
    assert rating == Unpriced((Meter.CACHE_READ, Meter.OUTPUT_AUDIO))


def test_a_price_of_zero_is_a_price(usage, price):
    charge = charged(usage({"output": 5}), price("output", "0"))
    assert lines(charge) == {"output": "0"}
    assert plain(charge.amount) == "0"


def test_an_explicit_zero_needs_no_price(usage, price):
    charge = charged(usage({"output": 5, "cache_read": 0}), price("output", "1"))
    assert lines(charge) == {"output": "0.000005"}


@pytest.mark.parametrize("meters", [{}, {"input_uncached": 0, "output": 0}])
def test_nothing_measured_costs_nothing_and_has_no_lines(usage, meters):
    refused = usage(meters, outcome=Outcome.UPSTREAM_REFUSED)
    assert charged(refused) == Charge((), charged(refused).amount)
    assert plain(charged(refused).amount) == "0"


def test_a_deployments_own_price_goes_before_the_models_meter_by_meter(usage, price):
    charge = charged(
        usage({"input_uncached": 1_000_000, "output": 1_000_000}),
        price("input_uncached", "3"),
        price("output", "15"),
        price("output", "9", deployment="chat-a", valid_from=datetime(2025, 1, 1, tzinfo=UTC)),
        price("output", "1", deployment="chat-b"),
    )
    assert lines(charge) == {"input_uncached": "3", "output": "9"}


def test_of_two_prices_that_begin_at_once_the_latest_recorded_holds(usage, price):
    rows = [
        price("output", "1", recorded_at=datetime(2026, 2, 2, tzinfo=UTC)),
        price("output", "2", recorded_at=datetime(2026, 2, 3, tzinfo=UTC)),
        price("output", "3", recorded_at=datetime(2026, 2, 1, tzinfo=UTC)),
    ]
    assert plain(charged(usage({"output": 1_000_000}), *rows).amount) == "2"


def test_a_request_as_such_is_charged_once_where_it_has_a_price(usage, price):
    charge = charged(usage({"output": 10}), price("output", "1"), price("requests", "0.001", 1))
    assert lines(charge) == {"output": "0.00001", "requests": "0.001"}


def test_a_request_without_a_price_leaves_nothing_unpriced(usage, price):
    assert lines(charged(usage({"output": 10, "requests": 1}), price("output", "1"))) == {
        "output": "0.00001"
    }


def test_a_failed_attempt_is_no_request_to_charge(usage, price):
    failed = usage({}, outcome=Outcome.UPSTREAM_FAILED)
    assert charged(failed, price("requests", "0.001", 1)).lines == ()


def test_requests_that_the_event_states_are_charged_as_stated(usage, price):
    charge = charged(usage({"requests": 4}), price("requests", "0.5", 1))
    assert plain(charge.amount) == "2"
