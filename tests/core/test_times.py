"""Times in every unit of the catalog."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.times import RESOLUTIONS, converter


@pytest.mark.parametrize(
    ("unit", "value", "seconds"),
    [
        ("s", 1700000040, 1700000040.0),
        ("s", "1700000040", 1700000040.0),
        ("s", Decimal("1700000040.25"), 1700000040.25),
        ("ms", 1700000040123, 1700000040.123),
        ("ms", "1700000040123", 1700000040.123),
        ("us", 1700000040123456, 1700000040.123456),
        ("ns", "1700000040000000000", 1700000040.0),
        ("iso", "2023-11-14T22:14:00Z", 1700000040.0),
        ("iso", "2023-11-14T22:14:00.250Z", 1700000040.25),
        ("iso", "2023-11-14 22:14:00", 1700000040.0),
        ("iso", "2023-11-15T00:14:00.5+02:00", 1700000040.5),
        ("iso", "2023-11-14 22:14:00.000001+00", 1700000040.000001),
        ("iso", "2023-11-14T19:44:00-0230", 1700000040.0),
        ("iso", "2024-02-29T00:00:00Z", 1709164800.0),
    ],
)
def test_a_time_is_converted_to_unix_seconds(unit: str, value: object, seconds: float) -> None:
    """Integers, strings and fractions alike."""
    assert converter(unit)(value) == seconds


@pytest.mark.parametrize(
    ("unit", "value"),
    [
        ("s", 1700000040123),  # milliseconds where seconds are documented
        ("s", 0),
        ("ms", 1700000040),  # and the other way round
        ("s", -1),
        ("ms", True),
        ("ms", None),
        ("ms", 10**4000),
        ("ms", "1e999"),
        ("ms", " 1700000040123"),
        ("ms", "1_700_000_040_123"),
        ("ms", [1700000040123]),
        ("iso", "2023-02-29T00:00:00Z"),
        ("iso", "2023-13-01T00:00:00Z"),
        ("iso", "2023-11-14T25:00:00Z"),
        ("iso", "0000-01-01T00:00:00Z"),
        ("iso", "\uff12\uff10\uff12\uff13-11-14T22:14:00Z"),
        ("iso", "2023-11-14"),
        ("iso", 1700000040),
    ],
)
def test_what_is_not_a_time_between_2000_and_2100_is_none(unit: str, value: object) -> None:
    """A mistaken unit is caught here, too."""
    assert converter(unit)(value) is None


@given(value=st.one_of(st.text(), st.integers(), st.none(), st.decimals(allow_nan=False)))
def test_no_value_raises(value: object) -> None:
    """Converters see whatever the exchange sent."""
    for unit in RESOLUTIONS:
        seconds = converter(unit)(value)
        assert seconds is None or 946_000_000 < seconds < 4_103_000_000


def test_an_unknown_unit_is_an_error() -> None:
    """The catalog's schema knows the units; anything else is a mistake of ours."""
    with pytest.raises(KeyError):
        converter("fortnight")
