"""The template language: what each form of a variable becomes, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.simulator.market import Candle, Snapshot, Trade
from exporter.simulator.template import CatalogError, compile_template
from exporter.simulator.variables import Scope

SCOPE = Scope(
    snapshot=Snapshot(
        time=1700000000.123456,
        last=2.5,
        open=1.0,
        high=3.0,
        low=0.5,
        volume=1000.0,
        count=12,
        bid=(2.4, 1.0),
        ask=(2.6, 2.0),
        sequence=77,
        update_id=7,
        trade_id=5000,
        bids=((2.4, 1.0), (2.3, 3.0)),
        asks=((2.6, 2.0),),
        trades=(
            Trade(1, 1699999998.5, 2.45, 0.1, True),
            Trade(2, 1699999999.5, 2.5, 0.2, False),
        ),
        klines=(
            Candle(1699999920.0, 1.0, 2.0, 0.5, 1.5, 10.0, 4, True),
            Candle(1699999980.0, 1.5, 2.5, 1.0, 2.5, 11.0, 5, False),
        ),
        price_decimals=2,
        size_decimals=1,
    ),
    price="%.2f",
    size="%.1f",
    symbol="AB",
    base="A",
    quote="B",
    retry_after=30,
    until=1700000030.0,
)


def render(sample: Any, scope: Scope = SCOPE) -> Any:
    """The document that a sample becomes."""
    return compile_template(sample, "test.yml: $.sample").render(scope)


VALUES = [
    (12, 12),
    (None, None),
    ("plain", "plain"),
    ("$last", "2.50"),
    ("$last:num", 2.5),
    ("$bid_size", "1.0"),
    ("$volume:num", 1000.0),
    ("$sequence", 77),
    ("$sequence:str", "77"),
    ("$trade_id-1000", 4000),
    ("$trade_id+1:str", "5001"),
    ("$time:ms", 1700000000123),
    ("$time:ms_str", "1700000000123"),
    ("$time:s", 1700000000),
    ("$time:s_str", "1700000000"),
    ("$time:s_float", 1700000000.123456),
    ("$time:us", 1700000000123456),
    ("$time:ns", 1700000000123456000),
    ("$time:iso", "2023-11-14T22:13:20.123456Z"),
    ("$time-24h:s", 1699913600),
    ("$time+1m:s", 1700000060),
    ("${symbol}-PERP", "AB-PERP"),
    ("$base/$quote", "A/B"),
    ("banned until $until:ms.", "banned until 1700000030000."),
    ("wait ${retry_after} s", "wait 30 s"),
    ("$$5 for $base", "$5 for A"),
    ({"$symbol": {"a": ["$ask"]}}, {"AB": {"a": ["2.60"]}}),
    ({"$each": "bids", "$item": ["$price", "$size", 0]}, [["2.40", "1.0", 0], ["2.30", "3.0", 0]]),
    ({"$each": "asks", "$item": "$symbol"}, ["AB"]),
    ({"$each": "trades", "$item": "$id"}, [1, 2]),
    ({"$each": "trades", "$order": "newest_first", "$item": "$id:str"}, ["2", "1"]),
    ({"$each": "trades", "$limit": 1, "$item": ["$side", "$sell", "$time:ms"]},
     [["buy", False, 1699999999500]]),
    ({"$each": "trades", "$item": "$side:Title"}, ["Sell", "Buy"]),
    ({"$each": "klines", "$limit": 1, "$item": ["$open", "$close:num", "$closed:str", "$count"]},
     [["1.50", 2.5, "0", 5]]),
    ({"$each": "klines", "$item": "$close_time:ms"}, [1699999979999, 1700000039999]),
]  # fmt: skip


@pytest.mark.parametrize(("sample", "expected"), VALUES, ids=[str(sample) for sample, _ in VALUES])
def test_value(sample: Any, expected: Any) -> None:
    """Each form yields its value, of its type."""
    value = render(sample)
    assert value == expected
    assert type(value) is type(expected)


def test_nanoseconds_as_text_have_nineteen_digits() -> None:
    """A float has fewer digits than nanoseconds need; the number of them is what matters."""
    assert len(render("$time:ns_str")) == 19


def test_client_s_limit_comes_before_the_sample_s() -> None:
    """A limit in the request decides how many rows come."""
    scope = Scope(SCOPE.snapshot, "%.2f", "%.1f", limit=1)
    assert render({"$each": "bids", "$limit": 5, "$item": "$price"}, scope) == ["2.40"]


def test_wanted_rows_are_known_after_compiling() -> None:
    """The market is asked for no more rows than a sample shows."""
    sample = {"b": {"$each": "bids", "$limit": 7, "$item": 0}, "x": "$last"}
    assert compile_template(sample, "").rows == {"bids": 7}


BAD = [
    ("$nonsense", "unknown variable $nonsense"),
    ("a $nonsense here", "unknown variable $nonsense"),
    ("$price", "unknown variable $price"),
    ("$last:ms", "$last has no format ms"),
    ("$time", "$time has no format (none)"),
    ("$last-5", "$last takes no offset -5"),
    ("$time-5:ms", "$time takes no offset -5"),
    ("$sequence-5m", "$sequence takes no offset -5m"),
    ("costs 5 $", "a lone $"),
    ("${unclosed", "a lone $"),
    ({"$each": "orders", "$item": 1}, "$each: 'orders' is none of bids"),
    ({"$each": {}, "$item": 1}, "$each: {} is none of bids"),
    ({"$each": "bids"}, "wants a whole $limit and an $item"),
    ({"$each": "bids", "$limit": "many", "$item": 1}, "wants a whole $limit"),
    ({"$each": "bids", "$item": 1, "$sort": 1}, "unknown key $sort"),
    ({"$each": "trades", "$order": "random", "$item": 1}, "'random' is neither"),
]


@pytest.mark.parametrize(("sample", "problem"), BAD, ids=[str(sample) for sample, _ in BAD])
def test_bad_sample_is_refused_with_file_and_path(sample: Any, problem: str) -> None:
    """A mistake in the catalog is found when it is loaded, and the message says where it is."""
    with pytest.raises(CatalogError) as error:
        render({"a": [sample]})
    assert str(error.value).startswith("test.yml: $.sample.a[0]")
    assert problem in str(error.value)
