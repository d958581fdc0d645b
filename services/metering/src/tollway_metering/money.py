"""Exact decimal arithmetic. Nothing here rounds: what cannot be said exactly raises."""

from collections.abc import Iterable
from decimal import (
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
)

DIGITS = 1000
"""Far more than a price (30) times any count that a provider can state."""

ZERO = Decimal(0)

_EXACT = Context(
    prec=DIGITS,
    Emin=-999_999,
    Emax=999_999,
    traps=[Inexact, InvalidOperation, DivisionByZero, Overflow, FloatOperation],
)


def amount_of(quantity: int, price: Decimal, per_units: int) -> Decimal:
    """Return `quantity` x `price` / `per_units`. Raises decimal.Inexact where that has no end."""
    product = _EXACT.multiply(Decimal(quantity), price)
    return product if per_units == 1 else _EXACT.divide(product, Decimal(per_units))


def total_of(amounts: Iterable[Decimal]) -> Decimal:
    """Return the exact sum."""
    total = ZERO
    for amount in amounts:
        total = _EXACT.add(total, amount)
    return total


def plain(amount: Decimal) -> str:
    """Return the shortest plain notation: no exponent, no trailing zeros, `0` for zero."""
    if not amount:
        return "0"
    digits = format(amount, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
