"""Amounts are exact, and are written in one way only."""

from decimal import Decimal, FloatOperation, Inexact, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway_metering.money import amount_of, plain, total_of

prices = st.decimals(min_value=0, max_value=10**12, allow_nan=False, places=18)
counts = st.integers(min_value=0, max_value=2**63 - 1)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0"),
        ("0.000", "0"),
        ("-0", "0"),
        ("0E+5", "0"),
        ("1E-7", "0.0000001"),
        ("1E+3", "1000"),
        ("100", "100"),
        ("2.50", "2.5"),
        ("2.00", "2"),
        ("0.10203040", "0.1020304"),
    ],
)
def test_an_amount_has_one_plain_notation(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


def test_an_amount_is_exact_beyond_the_28_digits_of_the_default() -> None:
    count, usd = 2**63 - 1, Decimal("0.123456789012345678901234567891")
    amount = amount_of(count, usd, 1_000_000)
    assert len(amount.as_tuple().digits) > 28
    with localcontext(prec=100):
        assert amount * 1_000_000 == count * usd


def test_a_sum_does_not_round() -> None:
    assert plain(total_of([Decimal(10) ** 30, Decimal("1E-30")])) == "1" + "0" * 30 + "." + (
        "0" * 29 + "1"
    )


def test_what_has_no_end_is_an_error_and_not_rounded() -> None:
    with pytest.raises(Inexact):
        amount_of(1, Decimal(1), 3)


def test_binary_fractions_are_refused() -> None:
    with pytest.raises((TypeError, FloatOperation)):
        amount_of(1, 0.1, 1)


@given(counts, prices)
def test_an_amount_is_what_whole_numbers_say(count: int, usd: Decimal) -> None:
    numerator, denominator = usd.as_integer_ratio()
    amount = amount_of(count, usd, 1_000_000)
    top, bottom = amount.as_integer_ratio()
    assert top * denominator * 1_000_000 == count * numerator * bottom


@given(st.lists(prices))
def test_a_sum_does_not_depend_on_order(amounts: list[Decimal]) -> None:
    assert plain(total_of(amounts)) == plain(total_of(reversed(amounts)))


@given(prices)
def test_the_notation_reads_back_as_the_same_number(usd: Decimal) -> None:
    text = plain(usd)
    assert Decimal(text) == usd
    assert "E" not in text
    assert text == "0" or not text.endswith(".")
