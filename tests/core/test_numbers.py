"""Numbers from outside: strict, exact and bounded."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core import numbers


@pytest.mark.parametrize(
    "value",
    ["1", "0.00000001", "-3.5", "1E-7", "0E-8", ".5", 7, Decimal("1.50"), "9" * 30],
)
def test_a_decimal_number_keeps_its_exact_value(value: str | int | Decimal) -> None:
    """Prices must not pass through floats."""
    assert numbers.decimal(value) == Decimal(value)


@pytest.mark.parametrize(
    "value",
    [
        "", " 1", "1 ", "1_000", "0x10", "NaN", "Infinity", "-", ".", "1.2.3", "1,5", "+1", "١٢",
        "1e31", "1e-31", "1e99", "1" * 61, True, None, 1.5, [], {}, 10**40, Decimal("NaN"),
        Decimal("1e999999"),
    ],
    ids=repr,
)  # fmt: skip
def test_anything_else_is_no_number(value: object) -> None:
    """Python's own converters would take many of these."""
    assert numbers.decimal(value) is None


@pytest.mark.parametrize("bad", ["", "x", "1_0", "1.2.3", " 1", None, "9" * 40, True, []])
def test_one_bad_value_spoils_a_column_and_is_named(bad: object) -> None:
    """The position helps whoever looks at the answer."""
    with pytest.raises(ValueError, match="record 2 "):
        numbers.floats(["1", "2.5", bad, "4"])
    with pytest.raises(ValueError, match="record 2 "):
        numbers.exact(["1", "2.5", bad, "4"])


@given(st.lists(st.one_of(st.text("0123456789.-eE_ ", max_size=8), st.integers(), st.booleans())))
def test_a_column_takes_what_its_values_would_be_taken_for(values: list[object]) -> None:
    """The fast path for plain strings must not differ from the careful one."""
    expected = [numbers.decimal(value) for value in values]

    if None in expected:
        with pytest.raises(ValueError, match="not a number"):
            numbers.floats(values)
    else:
        assert numbers.exact(values) == tuple(expected)
        assert numbers.floats(values) == tuple(map(float, numbers.exact(values)))


@pytest.mark.parametrize(
    ("value", "whole"), [(5, 5), ("12", 12), (Decimal("3.0"), 3), ("1.5", None), ("x", None)]
)
def test_an_integer_is_a_whole_number_in_any_form(value: object, whole: int | None) -> None:
    """Sequences and trade ids come as numbers and as text."""
    assert numbers.integer(value) == whole
