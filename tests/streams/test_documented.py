"""The shipped catalog against what the documents of the exchanges let a stream say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

import pytest

from exporter.config.document import parse_document
from exporter.config.loader import DEFAULT_EXCHANGES, config_from
from exporter.config.plan import build_plan
from exporter.core.model import Reason
from exporter.core.stream import Session
from exporter.core.stream_plan import StreamPlan
from exporter.core.stream_totals import ChannelTotals
from exporter.core.stream_view import Link, stream_view

AT = 1_800_000_000.0
"""Unix seconds at which every message arrives."""


class Story(NamedTuple):
    """What a channel says, message by message, and what is made of it."""

    exchange: str
    channel: str
    messages: tuple[Any, ...]
    data: int
    resyncs: int = 0
    reason: Reason | None = None


@cache
def streams() -> dict[str, StreamPlan]:
    """The connections of every exchange for one pair."""
    named = ", ".join(f"{name}: {{streams: [ticker, trades, book]}}" for name in DEFAULT_EXCHANGES)
    text = f"exchanges: {{{named}}}\n"
    return dict(build_plan(config_from(parse_document(text.encode(), "test"), None, {})).streams)


def listening(target: str) -> Session:
    """A session of the connection of a target, all of whose subscriptions went out."""
    plans = (p for p in streams().values() if target in {str(c.target) for c in p.channels})
    session = Session(next(plans), lambda: 0.0)
    session.opened(0.0, AT)
    now = 0.0
    while session.waits_to_send:
        now += 1.0
        session.outgoing(now)
    return session


def hear(session: Session, messages: Iterable[Any]) -> None:
    for number, message in enumerate(messages):
        text = message if isinstance(message, str) else json.dumps(message)
        session.receive(text.encode(), AT, 10.0 + number / 10)


def told(target: str, session: Session) -> tuple[ChannelTotals, Reason | None]:
    """What was counted of a target, and why it fails if it does."""
    view = stream_view(target, session.totals, Link(session, AT), 11.0, AT)
    return session.totals.channels[target], view.failure.reason if view.failure else None


def okx(last: int | None, before: int | None, ms: float = AT * 1000, **more: Any) -> dict[str, Any]:
    """A message of OKX's book; without ids as it was before they came."""
    ids = {} if last is None else {"seqId": last, "prevSeqId": before}
    record = {"asks": [], "bids": [["64000.1", "0.5", "0", "2"]], "ts": f"{ms:.0f}", **ids, **more}
    action = "snapshot" if before == -1 else "update"
    arg = {"channel": "books", "instId": "BTC-USDT"}
    return {"arg": arg, "action": action, "data": [record]}


def binance(first: int, last: int, before: int | None = None) -> dict[str, Any]:
    link = {} if before is None else {"pu": before, "T": int(AT * 1000)}
    return {
        "e": "depthUpdate", "E": int(AT * 1000), "s": "BTCUSDT", "U": first, "u": last, **link,
        "b": [["64000.10", "0E-8"]], "a": [],
    }  # fmt: skip


def bybit(kind: str, update: int) -> dict[str, Any]:
    data = {"s": "BTCUSDT", "b": [], "a": [["64000.5", "0"]], "u": update, "seq": 9 + update}
    return {"topic": "orderbook.50.BTCUSDT", "type": kind, "ts": int(AT * 1000), "data": data}


def deribit(last: int, before: int | None) -> dict[str, Any]:
    data: dict[str, Any] = {"timestamp": int(AT * 1000), "change_id": last, "bids": [], "asks": []}
    data |= {"type": "snapshot"} if before is None else {"type": "change", "prev_change_id": before}
    params = {"channel": "book.BTC-PERPETUAL.100ms", "data": data}
    return {"jsonrpc": "2.0", "method": "subscription", "params": params}


def match(kind: str, sequence: int) -> dict[str, Any]:
    return {
        "type": kind, "trade_id": sequence, "sequence": sequence, "product_id": "BTC-USDT",
        "price": "64000.1", "size": "0.00000001", "side": "buy",
        "time": "2027-01-15T08:00:00.000000Z",
    }  # fmt: skip


def trade(kind: str, *ids: int) -> dict[str, Any]:
    data = [
        {"symbol": "BTC/USDT", "side": "buy", "price": 64000.1, "qty": 1e-8, "ord_type": "limit",
         "trade_id": each, "timestamp": "2027-01-15T08:00:00.000000Z"}
        for each in ids
    ]  # fmt: skip
    return {"channel": "trade", "type": kind, "data": data}


STORIES = {
    "snapshot, updates, a keep-alive": Story(
        "okx", "book", (okx(10, -1), okx(15, 10), okx(15, 15, bids=[]), okx(17, 15)), 3
    ),
    "a keep-alive with the time of the last change": Story(
        "okx", "book", (okx(10, -1), okx(11, 10), okx(11, 11, (AT - 60) * 1000, bids=[])), 2
    ),
    "ids that fell once after maintenance": Story(
        "okx", "book", (okx(10, -1), okx(15, 10), okx(3, 15), okx(5, 3)), 4, resyncs=1
    ),
    "a book from before there were ids": Story(
        "okx", "book", (okx(None, -1, checksum=-5), okx(None, None, checksum=7)), 2
    ),
    "an update that is missing": Story(
        "okx", "book", (okx(10, -1), okx(15, 12)), 2, reason=Reason.INVALID_DATA
    ),
    "an id that is missing": Story(
        "okx", "book", (okx(10, -1), okx(None, None)), 1, reason=Reason.MALFORMED
    ),
    "ranges end to end": Story("binance", "book", (binance(157, 160), binance(161, 161)), 2),
    "a hole between ranges": Story(
        "binance", "book", (binance(157, 160), binance(162, 163)), 2, reason=Reason.INVALID_DATA
    ),
    "ranges with holes that are linked": Story(
        "binance_usdm", "book", (binance(157, 160, 149), binance(170, 171, 160)), 2
    ),
    "a link that is missing": Story(
        "binance_usdm",
        "book",
        (binance(157, 160, 149), binance(170, 171, 165)),
        2,
        reason=Reason.INVALID_DATA,
    ),
    "a restart of the service": Story(
        "bybit",
        "book",
        (bybit("snapshot", 7), bybit("delta", 9), bybit("snapshot", 1)),
        3,
        resyncs=1,
    ),
    "a snapshot sent again": Story(
        "bybit", "book", (bybit("snapshot", 7), bybit("snapshot", 7)), 2, resyncs=1
    ),
    "changes that are linked": Story(
        "deribit", "book", (deribit(5, None), deribit(8, 5), deribit(9, 8)), 3
    ),
    "a change that is missing": Story(
        "deribit", "book", (deribit(5, None), deribit(9, 8)), 2, reason=Reason.INVALID_DATA
    ),
    "matches with holes, after the last one before": Story(
        "coinbase", "trades", (match("last_match", 7), match("match", 12), match("match", 30)), 3
    ),
    "several trades in a message": Story(
        "kraken",
        "trades",
        (trade("snapshot", 4, 5, 6), trade("update", 7, 8), trade("update", 9)),
        3,
    ),
    "split trades of which only the first comes": Story(
        "kraken", "trades", (trade("snapshot", 4, 5), trade("update", 7), trade("update", 9)), 3
    ),
    "a trade that comes late": Story(
        "kraken",
        "trades",
        (trade("snapshot", 4, 5), trade("update", 7), trade("update", 6)),
        3,
        reason=Reason.INVALID_DATA,
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_what_is_legal_is_no_gap_and_a_gap_is_found(story: Story) -> None:
    """By each provider's own way of counting."""
    target = f"{story.exchange}/stream.{story.channel}/BTC-USDT"
    session = listening(target)
    hear(session, story.messages)

    totals, reason = told(target, session)

    assert (totals.data_messages, totals.resyncs, reason) == story[3:]
    assert session.totals.connection.unmatched == 0


STATUS = {"version": "2.0.10", "api_version": "v2", "connection_id": 7}


@pytest.mark.parametrize("system", ["maintenance", "cancel_only", "post_only"])
def test_maintenance_lasts_until_it_is_taken_back(system: str) -> None:
    """Kraken's heartbeats go on meanwhile, and so may data."""
    target = "kraken/stream.trades/BTC-USDT"
    session = listening(target)
    beat = {"channel": "heartbeat"}
    began = {"channel": "status", "type": "update", "data": [{**STATUS, "system": system}]}
    over = {"channel": "status", "type": "update", "data": [{**STATUS, "system": "online"}]}

    hear(session, [over, trade("snapshot", 1), began, beat, trade("update", 2)])
    during = told(target, session)[1]
    hear(session, [over, beat])

    assert (during, told(target, session)[1]) == (Reason.MAINTENANCE, None)
    assert session.totals.connection.unmatched == 0


@pytest.mark.parametrize(
    ("exchange", "answer"),
    [
        pytest.param(
            "binance", {"error": {"code": 2, "msg": "Invalid request"}, "id": 1}, id="error"
        ),
        pytest.param("binance", {"code": 3, "msg": "Invalid JSON"}, id="code and msg"),
        pytest.param("okx", {"event": "error", "code": "60018", "msg": "Wrong URL"}, id="event"),
        pytest.param(
            "okx",
            {"event": "channel-conn-count-error", "channel": "tickers", "connCount": "30"},
            id="too many connections",
        ),
        pytest.param(
            "bybit", {"success": False, "ret_msg": "no", "op": "subscribe"}, id="no req_id"
        ),
        pytest.param("deribit", {"id": 1, "error": {"code": -32602, "message": "x"}}, id="error"),
        pytest.param("deribit", {"id": 1, "result": []}, id="nothing subscribed"),
        pytest.param("coinbase", {"type": "error", "message": "Failed to subscribe"}, id="type"),
        pytest.param(
            "kraken", {"method": "subscribe", "success": False, "req_id": 1}, id="success"
        ),
        pytest.param("kraken", {"error": "Malformed request", "success": False}, id="no method"),
        pytest.param(
            "bybit", {"success": False, "ret_msg": "Params Error", "req_id": ""}, id="no op"
        ),
    ],
)
def test_a_refusal_is_understood(exchange: str, answer: dict[str, Any]) -> None:
    """Whether or not it says which subscription it refuses."""
    target = f"{exchange}/stream.ticker/BTC-USDT"
    session = listening(target)

    hear(session, [answer])

    assert told(target, session)[1] is Reason.API_ERROR


SAID: dict[str, tuple[str, dict[str, Any], Reason]] = {
    "too many requests": (
        "binance",
        {"error": {"code": -1003, "msg": "Too many requests queued."}, "id": 1},
        Reason.RATE_LIMITED,
    ),
    "a ban": (
        "binance_usdm",
        {"code": -1003, "msg": f"Way too many requests; IP banned until {AT * 1000 + 9e4:.0f}."},
        Reason.BANNED,
    ),
    "too many visits": (
        "bybit",
        {"success": False, "ret_msg": "Too many visits!", "req_id": "1", "op": "subscribe"},
        Reason.RATE_LIMITED,
    ),
    "too frequent": (
        "okx", {"event": "error", "code": "60014", "msg": "Requests too frequent"},
        Reason.RATE_LIMITED,
    ),
    "too frequent logins": (
        "okx", {"event": "error", "code": "60023", "msg": "Too frequent"}, Reason.RATE_LIMITED
    ),
    "the code of a call": (
        "okx", {"event": "error", "code": "50011", "msg": "Rate limit"}, Reason.RATE_LIMITED
    ),
    "not logged in": ("okx", {"event": "error", "code": "60011", "msg": "Log in"}, Reason.AUTH),
    "an expired login": ("okx", {"event": "error", "code": "60006", "msg": "x"}, Reason.AUTH),
    "no service": ("okx", {"event": "error", "code": "50001", "msg": "x"}, Reason.MAINTENANCE),
    "too many requests of an account": (
        "deribit",
        {"id": 1, "error": {"code": 10028, "message": "too_many_requests", "data": None}},
        Reason.RATE_LIMITED,
    ),
    "system maintenance": (
        "deribit", {"id": 1, "error": {"code": 11051, "message": "x"}}, Reason.MAINTENANCE
    ),
    "a reason beside the message": (
        "coinbase",
        {"type": "error", "message": "Failed to subscribe", "reason": "rate limit exceeded"},
        Reason.RATE_LIMITED,
    ),
    "too many messages": (
        "kraken",
        {"method": "subscribe", "success": False, "req_id": 1, "error": "Exceeded msg rate"},
        Reason.RATE_LIMITED,
    ),
    "too many messages, in the older form": (
        "kraken", {"Error": "Exceeded msg rate"}, Reason.RATE_LIMITED
    ),
    "unavailable": (
        "kraken", {"success": False, "req_id": 1, "error": "EService:Unavailable"},
        Reason.MAINTENANCE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID.values(), ids=SAID)
def test_a_refusal_says_why(case: tuple[str, dict[str, Any], Reason]) -> None:
    """By the codes of the REST answers, wherever a stream puts them."""
    exchange, answer, reason = case
    target = f"{exchange}/stream.ticker/BTC-USDT"
    session = listening(target)

    hear(session, [answer])

    assert told(target, session)[1] is reason


@pytest.mark.parametrize("case", SAID.values(), ids=SAID)
def test_an_error_that_no_subscription_waits_for_is_one_of_the_connection(
    case: tuple[str, dict[str, Any], Reason],
) -> None:
    """Limits are exceeded by pings, too, and a slow reader is warned before it is cut off."""
    exchange, answer, reason = case
    target = f"{exchange}/stream.ticker/BTC-USDT"
    session = listening(target)
    for channel in session.plan.channels:
        session.feed(str(channel.target)).acknowledged(10.0)

    hear(session, [answer])

    totals, found = told(target, session)
    assert (found, totals.refusals) == (reason, 0)
    assert session.subscribed


def test_a_warning_to_a_slow_reader_is_told_in_its_words() -> None:
    """Coinbase's has no code."""
    target = "coinbase/stream.trades/BTC-USDT"
    session = listening(target)
    for channel in session.plan.channels:
        session.feed(str(channel.target)).acknowledged(10.0)

    hear(session, [{"type": "error", "message": "Slow consumer", "reason": "ErrSlowConsume"}])

    troubles = session.totals.connection.troubles
    assert troubles == {Reason.API_ERROR: (10.0, "error: Slow consumer: ErrSlowConsume")}


@pytest.mark.parametrize(
    ("exchange", "message", "others"),
    [
        pytest.param(
            "okx",
            {"event": "unsubscribe", "arg": {"channel": "trades", "instId": "BTC-USDT"}},
            True,
            id="one",
        ),
        pytest.param("coinbase", {"type": "subscriptions", "channels": []}, False, id="all"),
    ],
)
def test_a_subscription_that_was_ended_is_asked_for_again(
    exchange: str, message: dict[str, Any], others: bool
) -> None:
    """Not at once: somebody wanted it to end."""
    target = f"{exchange}/stream.trades/BTC-USDT"
    session = listening(target)
    for channel in session.plan.channels:
        session.feed(str(channel.target)).acknowledged(10.0)

    hear(session, [message])

    assert told(target, session)[1] is Reason.DISCONNECTED
    assert (session.feed(f"{exchange}/stream.book/BTC-USDT").acked_at is not None) is others
    session.tick(75.0, AT)
    asked = "".join(text for now in range(75, 80) for text in session.outgoing(now))
    assert ("trades" if exchange == "okx" else "matches") in asked


def quote(**said: Any) -> dict[str, Any]:
    """A message of Binance's ticker."""
    usual = {"c": "64000.5", "b": "64000.1", "a": "64000.9", "n": 7}
    return {"e": "24hrTicker", "E": int(AT * 1000), "s": "BTCUSDT", **usual, **said}


@pytest.mark.parametrize(
    ("said", "price", "reason"),
    [
        pytest.param({}, "64000.5", None, id="usual"),
        pytest.param({"c": "0.0000", "n": 0}, "64000.5", None, id="no trade in 24 hours"),
        pytest.param({"c": "0.0000", "b": "0.0", "a": "0.0", "n": 0}, "None", None, id="nothing"),
        pytest.param({"c": "0.0000"}, "64000.5", Reason.INVALID_DATA, id="zero with trades"),
        pytest.param({"b": "64001.1"}, "64000.5", Reason.INVALID_DATA, id="crossed"),
    ],
)
def test_a_ticker_tells_a_price_that_can_be(
    said: dict[str, Any], price: str, reason: Reason | None
) -> None:
    """The middle of the quotes stands in for a price that is not there."""
    target = "binance/stream.ticker/BTC-USDT"
    session = listening(target)
    hear(session, [quote(c="63000"), quote(**said)])

    view = stream_view(target, session.totals, Link(session, AT), 11.0, AT)

    assert (str(view.facts.price), told(target, session)[1]) == (price, reason)


def test_deribits_empty_side_is_none() -> None:
    """It is a zero there, and the last price may be null."""
    target = "deribit/stream.ticker/BTC-USDT"
    session = listening(target)
    data = {"timestamp": int(AT * 1000), "last_price": None, "best_bid_price": 0.0}
    params = {"channel": "ticker.BTC-PERPETUAL.100ms", "data": {**data, "best_ask_price": 64000.5}}
    hear(session, [{"jsonrpc": "2.0", "method": "subscription", "params": params}])

    view = stream_view(target, session.totals, Link(session, AT), 11.0, AT)

    assert (view.failure, view.facts.bid, str(view.facts.ask)) == (None, None, "64000.5")


Book = Callable[[list[str], list[str]], dict[str, Any]]
"""A whole book of these bids and asks, as an exchange sends it first."""


def whole_bybit(bids: list[str], asks: list[str]) -> dict[str, Any]:
    message = bybit("snapshot", 7)
    sides = {"b": [[price, "1"] for price in bids], "a": [[price, "1"] for price in asks]}
    return message | {"data": message["data"] | sides}


def whole_okx(bids: list[str], asks: list[str]) -> dict[str, Any]:
    rows = [[[price, "1", "0", "1"] for price in side] for side in (bids, asks)]
    return okx(10, -1, bids=rows[0], asks=rows[1])


def whole_deribit(bids: list[str], asks: list[str]) -> dict[str, Any]:
    message = deribit(5, None)
    rows = [[["new", float(price), 1.0] for price in side] for side in (bids, asks)]
    message["params"]["data"] |= {"bids": rows[0], "asks": rows[1]}
    return message


def whole_coinbase(bids: list[str], asks: list[str]) -> dict[str, Any]:
    rows = [[[price, "1"] for price in side] for side in (bids, asks)]
    return {"type": "snapshot", "product_id": "BTC-USDT", "bids": rows[0], "asks": rows[1]}


def whole_kraken(bids: list[str], asks: list[str]) -> dict[str, Any]:
    rows = [[{"price": float(price), "qty": 1.0} for price in side] for side in (bids, asks)]
    data = {"symbol": "BTC/USDT", "bids": rows[0], "asks": rows[1], "checksum": 7}
    return {"channel": "book", "type": "snapshot", "data": [data]}


BOOKS: dict[str, Book] = {
    "bybit": whole_bybit,
    "okx": whole_okx,
    "deribit": whole_deribit,
    "coinbase": whole_coinbase,
    "kraken": whole_kraken,
}


@pytest.mark.parametrize("exchange", BOOKS)
@pytest.mark.parametrize(
    ("bids", "asks", "reason"),
    [
        pytest.param(["9.5", "9"], ["10", "11"], None, id="possible"),
        pytest.param(["9", "9.5"], ["11", "10"], None, id="unsorted"),
        pytest.param(["10.5", "9"], ["10", "11"], Reason.INVALID_DATA, id="crossed"),
        pytest.param(["10", "9"], ["10", "11"], Reason.INVALID_DATA, id="locked"),
        pytest.param([], ["10"], None, id="no bids"),
        pytest.param(["10"], [], None, id="no asks"),
        pytest.param([], [], None, id="empty"),
    ],
)
def test_a_book_that_is_told_whole_does_not_cross(
    exchange: str, bids: list[str], asks: list[str], reason: Reason | None
) -> None:
    """Of changes alone nobody can tell."""
    target = f"{exchange}/stream.book/BTC-USDT"
    session = listening(target)

    hear(session, [BOOKS[exchange](bids, asks)])

    totals, found = told(target, session)
    assert (found, totals.data_messages, totals.bid) == (reason, 1, None)
