"""Candles."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.model import Failure, Reason
from exporter.core.plan import Fields
from tests.core import samples
from tests.core.samples import NOW, check, kline_list, rows

COLUMNS: dict[str, Any] = {"time": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5}


def klines(body: object, **described: Any) -> Failure | None:
    columns = COLUMNS | {"period": 60.0} | described
    return check("klines", body, Fields(klines=rows("@", **columns)))


@given(
    bars=st.lists(
        st.tuples(*[st.decimals("0.0001", "90000", places=4)] * 4, st.integers(0, 9)), min_size=1
    ),
    newest=st.integers(-1, 3),
)
def test_every_possible_list_passes(bars: list[tuple[Any, ...]], newest: int) -> None:
    """Any candle whose extremes enclose its ends, up to three periods old."""
    body = []
    for n, (*prices, volume) in enumerate(bars):
        low, one, other, high = sorted(prices)
        time = int(NOW - 60 * (newest + len(bars) - 1 - n)) * 1000
        body.append([time, str(one), str(high), str(low), str(other), str(volume)])

    assert klines(body) is None


@given(st.permutations(range(6)))
def test_candles_out_of_order_fail(order: list[int]) -> None:
    """Any order but the documented one."""
    body = [kline_list(6)[n] for n in order]

    assert (klines(body) is None) == (order == sorted(order))
    assert (klines(body[::-1], newest_first=True) is None) == (order == sorted(order))


@pytest.mark.parametrize(
    ("column", "value", "detail"),
    [
        (2, "100.5", "a high is below the close"),
        (2, "99.5", "a high is below the open"),
        (3, "100.5", "a low is above the open"),
        (3, "0", "a price is not positive"),
        (2, "-1", "a price is not positive"),
        (5, "-0.1", "a volume is negative"),
        (5, "x", "klines: record 0 holds something that is not a number"),
        (0, int(NOW - 61) * 1000, "a candle does not open on a multiple of 60 s"),
        (0, int(NOW + 120) * 1000, "a candle opens 120.0 s ahead"),
        (0, "soon", "klines: a record holds something that is not a time"),
    ],
)
def test_an_impossible_candle_is_named(column: int, value: object, detail: str) -> None:
    """The detail says what."""
    body = kline_list(1)
    body[0][column] = value

    failure = klines(body)

    assert failure is not None
    assert (failure.reason, failure.detail) == (Reason.INVALID_DATA, detail)


def test_a_gap_fails_unless_the_provider_leaves_out_empty_candles() -> None:
    """Coinbase does."""
    body = [candle for n, candle in enumerate(kline_list(6)) if n != 3]

    failure = klines(body)

    assert failure is not None
    assert failure.detail == "the candles are not 60 s apart"
    assert klines(body, gaps_allowed=True) is None


def test_a_repeated_candle_fails_even_if_gaps_are_allowed() -> None:
    """Times increase strictly."""
    body = kline_list(3)

    assert klines([*body, body[-1]], gaps_allowed=True) is not None


@pytest.mark.parametrize(("periods", "reason"), [(3, None), (4, Reason.STALE_DATA)])
def test_the_newest_candle_is_recent(periods: int, reason: Reason | None) -> None:
    """By its opening time, in periods."""
    failure = klines(kline_list(newest=NOW - 60 * periods))

    assert (failure and failure.reason) == reason


def test_weekly_candles_are_not_aligned_to_the_epoch() -> None:
    """Weeks start on Mondays, the epoch was a Thursday."""
    week = 7 * 86400.0
    monday = 1_699_833_600.0

    assert klines(kline_list(newest=monday, period=week), period=week) is None


@pytest.mark.parametrize("body", [[], {}, None, [[]], [["x"]], {"0": []}], ids=repr)
def test_no_candles_are_invalid(body: object) -> None:
    """Deribit says no_data."""
    failure = klines(body)

    assert failure is not None
    assert failure.reason is Reason.INVALID_DATA


def test_columns_of_different_length_are_invalid() -> None:
    """Where candles come by column."""
    body = {"t": [int(NOW) * 1000], "o": [1, 2]}

    failure = check("klines", body, Fields(klines=rows("@", time="t", open="o")))

    assert failure is not None
    assert "different length" in failure.detail


def test_missing_columns_are_not_judged() -> None:
    """A provider may send closes only."""
    body = [[int(NOW) * 1000, "5"]]

    assert samples.check("klines", body, Fields(klines=rows("@", time=0, close=1))) is None
