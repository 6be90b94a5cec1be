"""Facts are taken out of every documented shape, and hostile shapes become problems in words."""

from __future__ import annotations

from decimal import Decimal

import jsonschema_rs
import pytest

from exporter.core.plan import Envelope, Fields, Meaning
from exporter.core.reading import Reading, read
from exporter.core.rows import DEPTH as READ_DEPTH
from tests.core import samples
from tests.core.samples import NOW, answer, path, rows

PLAIN = Envelope(ok=None, code=None, message=None)


def reading(body: object, fields: Fields, status: int = 200) -> Reading:
    return read(answer(body, status), samples.plan(fields, envelope=PLAIN), NOW)


def test_a_book_of_strings() -> None:
    """Binance, Bybit, OKX, Kraken; further elements of a level are left alone."""
    body = samples.depth(bids=[["100.0", "1", "0", "4"], ["99.5", "2"]])

    got = reading(body, samples.DEPTH)

    assert got.bids is not None
    assert got.bids.prices == (100.0, 99.5)
    assert (got.bid, got.ask, got.price) == (Decimal(100), Decimal("100.5"), Decimal("100.25"))
    assert (got.sequence, got.problems) == (7, {})


def test_a_book_of_numbers() -> None:
    """Deribit."""
    body = b'{"bids": [[100.5, 10.0], [100, 1]], "asks": [[101, 2.5]], "lastUpdateId": 5}'

    got = reading(body, samples.DEPTH)

    assert got.bids is not None
    assert (got.bids.prices, got.bid) == ((100.5, 100.0), Decimal("100.5"))


def test_prices_are_exact() -> None:
    """Two levels must not look like one."""
    near = ["1.0000000000000000002", "1.0000000000000000001"]

    got = reading(samples.depth(bids=[[price, "1"] for price in near]), samples.DEPTH)

    assert got.bids is not None
    assert got.bids.exact() == tuple(map(Decimal, near))


def test_a_ticker() -> None:
    """The last price is the best single price, and every fact is exact."""
    got = reading(samples.ticker(), samples.TICKER)

    assert (got.symbol, got.last, got.bid, got.ask, got.price) == (
        "BTCUSDT", Decimal("100.2"), Decimal(100), Decimal("100.5"), Decimal("100.2"),
    )  # fmt: skip
    assert got.time == NOW - 0.5


def test_trades_of_records_newest_first() -> None:
    """Coinbase; read as oldest first."""
    fields = Fields(
        trades=rows("@", "iso", id="trade_id", price="price", size="size", time="time",
                    newest_first=True)
    )  # fmt: skip
    body = [
        {"trade_id": 2, "price": "100", "size": "1", "time": "2023-11-14T22:14:00.5Z"},
        {"trade_id": 1, "price": "99", "size": "2", "time": "2023-11-14T22:13:59Z"},
    ]

    got = reading(body, fields).trades

    assert got is not None
    assert (got.ids, got.prices, got.times) == ((1, 2), (99.0, 100.0), (NOW - 1, NOW + 0.5))


def test_trades_of_arrays_with_fractions_of_seconds() -> None:
    """Kraken; the key of the pair is not the symbol that was asked for."""
    fields = Fields(
        trades=rows("(result.*)[?type(@) == 'array'] | [0]", "s", price=0, size=1, time=2)
    )
    body = {"error": [], "result": {"XXBTZUSD": [["100.1", "0.5", NOW - 0.25, "b", "l", ""]],
                                    "last": "1700000039750000000"}}  # fmt: skip

    got = reading(body, fields).trades

    assert got is not None
    assert (got.times, got.ids) == ((NOW - 0.25,), ())


@pytest.mark.parametrize(
    ("ids", "read_as"),
    [([1, 2], (1, 2)), (["7", "8"], (7, 8)), (["BTC-1", "BTC-2"], ()), ([1, "x"], ()),
     ([[], {}], ())],
    ids=repr,
)  # fmt: skip
def test_trade_ids_are_numbers_or_nothing(ids: list[object], read_as: tuple[int, ...]) -> None:
    """Some providers use texts that have no order."""
    body = [trade | {"id": ids[n]} for n, trade in enumerate(samples.trade_list(2))]

    got = reading(body, samples.TRADES).trades

    assert got is not None
    assert got.ids == read_as


def test_candles_by_column() -> None:
    """Deribit sends one list per column."""
    fields = Fields(
        klines=rows("result", time="ticks", open="open", high="high", low="low", close="close",
                    volume="volume", period=60.0)
    )  # fmt: skip
    ticks = [int(NOW - 60) * 1000, int(NOW) * 1000]
    body = {"result": {"ticks": ticks, "open": [1, 2], "high": [3, 4], "low": [1, 1.5],
                       "close": [2, 3], "volume": [0, 1], "status": "ok"}}  # fmt: skip

    got = reading(body, fields).klines

    assert got is not None
    assert (got.times, got.low, got.volume) == ((NOW - 60, NOW), (1.0, 1.5), (0.0, 1.0))


def test_candles_with_columns_in_another_order() -> None:
    """Coinbase puts low before high, and close after open."""
    fields = Fields(
        klines=rows("@", "s", time=0, low=1, high=2, open=3, close=4, volume=5, newest_first=True)
    )

    got = reading([[NOW, 99.5, 103, 100, 101, 7], [NOW - 60, 98, 102, 99, 100, 8]], fields).klines

    assert got is not None
    assert (got.times, got.low, got.high) == ((NOW - 60, NOW), (98.0, 99.5), (102.0, 103.0))
    assert (got.open, got.close, got.volume) == ((99.0, 100.0), (100.0, 101.0), (8.0, 7.0))


def test_all_levels_are_counted_but_not_all_are_read() -> None:
    """A full book may have a hundred thousand of them."""
    levels = [[f"{100_000 - n}", "1"] for n in range(READ_DEPTH + 500)]

    got = reading(samples.depth(bids=levels), samples.DEPTH).bids

    assert got is not None
    assert (got.count, len(got.prices)) == (READ_DEPTH + 500, READ_DEPTH)


def test_of_long_lists_the_newest_are_read() -> None:
    """The oldest trades say nothing about now."""
    got = reading(samples.trade_list(READ_DEPTH + 1, step=0.001), samples.TRADES).trades

    assert got is not None
    assert (len(got.ids), got.ids[-1]) == (READ_DEPTH, 1000 + READ_DEPTH)


@pytest.mark.parametrize(
    ("found", "maintenance"),
    [(True, True), (False, False), (None, False), ([], False), ([1], True)],
)
def test_maintenance_is_whatever_is_true_in_jmespath(found: object, maintenance: bool) -> None:
    """A list of ongoing maintenances serves as well as a flag."""
    fields = Fields(maintenance=path("found"))

    assert reading({"found": found}, fields).maintenance is maintenance


@pytest.mark.parametrize(
    "bids",
    [
        "[]", {}, {"a": 1}, 7, True, ["ab"], [[]], [["1"]], [None], [{"0": "1"}], [["1", "2"], 5],
        [["1", "x"]], [["NaN", "1"]], [[True, "1"]], [[["1"], "1"]], [["1_0", "1"]],
    ],
    ids=repr,
)  # fmt: skip
def test_levels_of_another_shape_are_a_problem(bids: object) -> None:
    """And never an exception, nor half a book."""
    got = reading(samples.depth(bids=bids), samples.DEPTH)

    assert got.bids is None
    assert got.problems["bids"].startswith("bids: ")


@pytest.mark.parametrize("odd", ["x", True, [], {}, "1e99", "٣"], ids=repr)
def test_a_scalar_of_another_type_is_a_problem(odd: object) -> None:
    """The fact stays unknown."""
    body = samples.ticker(last=odd, bidPrice=odd, closeTime=odd, symbol={"s": odd})

    got = reading(body, samples.TICKER)

    assert (got.last, got.bid, got.time, got.symbol) == (None, None, None, None)
    assert set(got.problems) == {"last", "bid", "time", "symbol"}


def test_an_expression_that_cannot_be_applied_is_a_problem() -> None:
    """JMESPath functions refuse values of another type."""
    fields = Fields(maintenance=path("length(result) > `0`"))

    assert reading({"result": 5}, fields).problems.keys() == {"maintenance"}


def test_an_absent_fact_is_no_problem() -> None:
    """Whether it must be there is for the schema to say."""
    got = reading({}, samples.TICKER)

    assert (got.last, got.time, got.problems) == (None, None, {})


def test_a_failing_schema_stops_the_reading() -> None:
    """Nothing is taken out of a payload that is not what it should be."""
    plan = samples.plan(samples.LAST, payload_error=lambda _: "$.price: required")

    got = read(answer({"price": "1"}), plan, NOW)

    assert (got.schema_problem, got.last) == ("$.price: required", None)


def test_what_the_validator_cannot_represent_is_a_schema_problem() -> None:
    """A lone surrogate is legal in JSON text and in no Unicode string."""
    validator = jsonschema_rs.validator_for({"properties": {"price": {"pattern": "^1"}}})
    plan = samples.plan(
        samples.LAST, payload_error=lambda body: None if validator.is_valid(body) else "bad"
    )

    assert read(answer(b'{"price": "\\ud800"}'), plan, NOW).schema_problem.startswith("cannot be")


def test_an_error_status_with_a_page_is_an_error() -> None:
    """The status says more than the page."""
    got = read(answer(b"<html>", status=503), samples.plan(samples.DEPTH), NOW)

    assert got.error is not None
    assert got.error.meaning is Meaning.HTTP
