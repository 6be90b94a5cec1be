"""What simulated feeds say: found by the catalog's expressions, in sequence, and true."""

from __future__ import annotations

import itertools
import json
import zlib
from typing import Any

import pytest

from exporter.core.sequence import Order
from exporter.simulator.market import Market
from exporter.simulator.stream_feed import Feeds, step_at
from exporter.simulator.template import CatalogError
from tests.simulator.streaming import (
    EVERYTHING,
    EXCHANGES,
    MARKET,
    PAIR,
    Book,
    Client,
    apply,
    feeds,
    levels,
    orders,
)
from tests.simulator.support import NOW, catalog

everything = pytest.mark.parametrize(("exchange", "channel"), EVERYTHING)
every_exchange = pytest.mark.parametrize("exchange", EXCHANGES)


@everything
def test_fifty_messages_are_found_and_in_order(exchange: str, channel: str) -> None:
    """Pair, time and ids are where the catalog says, and the rule of the sequence holds."""
    client = Client(exchange, channel).subscribe()
    while len(client.data) < 50:
        client.wait(2.0)
    told = client.channel.time
    assert told is not None
    times = [at for each in client.data if (at := told.convert(told.find(each))) is not None]
    assert len(times) >= 49
    assert times == sorted(times)
    assert NOW - 1 < times[0] < times[-1] <= client.now
    if client.channel.sequence:
        assert set(orders(client.channel, client.data)) <= {Order.OK}


@everything
def test_messages_about_another_pair_do_not_match(exchange: str, channel: str) -> None:
    """Two subscriptions on one connection must not be mixed up."""
    client = Client(exchange, channel)
    known = feeds(exchange)
    message = known.update(known.feeds[channel], "ETH-USDT", step_at(NOW) // 20 * 20)
    assert message is not None
    assert not client.channel.matches(json.loads(message))


@everything
def test_prices_are_found_where_the_catalog_names_them(exchange: str, channel: str) -> None:
    """Best bid below best ask, and the last price near them."""
    client = Client(exchange, channel).subscribe()
    client.wait(5.0)
    named = (client.channel.bid, client.channel.last, client.channel.ask)
    prices = [float(find(client.data[-1])) for find in named if find]
    assert prices == pytest.approx(
        [MARKET.snapshot(exchange, PAIR, client.now).last] * len(prices), rel=1e-3
    )
    assert len(prices) != 3 or prices[0] < prices[2]


@every_exchange
def test_changes_make_the_snapshot_into_the_book(exchange: str) -> None:
    """Twenty seconds of changes, cut to the depth after each as Kraken's clients must."""
    client = Client(exchange, "book").subscribe()
    client.wait(20.0)
    feed = feeds(exchange).feeds["book"]
    start = MARKET.snapshot(exchange, PAIR, NOW, depth=feed.depth)
    first = (start.bids, start.asks) if feed.first is None else levels(exchange, client.data[0])
    book: tuple[Book, Book] = ({}, {})
    apply(book, *first)
    for message in client.data[feed.first is not None :]:
        apply(book, *levels(exchange, message))
        bids, asks = sorted(book[0].items())[-feed.depth :], sorted(book[1].items())[: feed.depth]
        book = dict(bids), dict(asks)
    now = MARKET.snapshot(exchange, PAIR, client.now, depth=feed.depth)
    digits = now.size_decimals
    assert book[0] == {price: round(size, digits) for price, size in now.bids}
    assert book[1] == {price: round(size, digits) for price, size in now.asks}


def test_binances_events_continue_the_book_of_the_rest_api() -> None:
    """U <= lastUpdateId + 1 <= u of the first event that is not old."""
    client = Client("binance", "book").subscribe()
    sequence = MARKET.snapshot("binance", PAIR, client.now).sequence
    client.wait(0.5)
    first = next(event for event in client.data if event["u"] > sequence)
    assert first["U"] <= sequence + 1


def test_krakens_checksum_is_that_of_the_book() -> None:
    """Over what stands in the snapshot, by the documented recipe."""
    snapshot = Client("kraken", "book").subscribe().data[0]["data"][0]
    numbers = itertools.chain.from_iterable(
        (level["price"], level["qty"]) for side in ("asks", "bids") for level in snapshot[side]
    )
    text = "".join(str(number).replace(".", "").lstrip("0") for number in numbers)
    assert snapshot["checksum"] == zlib.crc32(text.encode())


def test_the_same_seed_says_the_same() -> None:
    """However often and in whatever order it is asked."""
    ours, again = feeds("okx"), Feeds(catalog()["okx"], [PAIR], Market(1))
    step = step_at(NOW)
    messages = [ours.update(ours.feeds["book"], PAIR, step + n) for n in (0, 1, 2)]
    assert messages == [again.update(again.feeds["book"], PAIR, step + n) for n in (2, 1, 0)][::-1]


def test_a_sample_with_an_unknown_variable_is_refused_with_its_place() -> None:
    """At the start, not when somebody subscribes."""
    document: dict[str, Any] = json.loads(json.dumps(catalog()["okx"]))
    document["streams"]["channels"]["book"]["sample"]["data"][0]["seqId"] = "$nonsense"
    with pytest.raises(CatalogError, match=r"okx\.yml: \$\.streams\.channels\.book\.sample.*seqId"):
        Feeds(document, [PAIR], MARKET)
