"""The shipped catalog against bodies of the forms that the exchanges document, good and bad."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NamedTuple

import pytest

from exporter.config.document import parse_document
from exporter.config.loader import config_from
from exporter.config.plan import build_plan
from exporter.core.evaluate import judge
from exporter.core.memory import Memory
from exporter.core.model import Observation, Reason
from exporter.core.plan import TargetPlan
from exporter.core.result import Result
from exporter.core.skew import Skew

AT = 1_800_000_000.0
"""Unix seconds of the data; answers arrive 0.2 s later."""

MS = int(AT * 1000)
ISO = "2027-01-15T08:00:00.000000Z"


class Good(NamedTuple):
    """What an endpoint answers, and the facts that this holds."""

    target: str
    body: Any
    facts: dict[str, str]


class Bad(NamedTuple):
    """What an endpoint answers, and the reason of the failure."""

    target: str
    status: int
    body: Any
    reason: Reason


@cache
def targets() -> dict[str, TargetPlan]:
    """Every target of the shipped catalog for one pair, by name without the pair."""
    plans = build_plan(config_from(parse_document(b"", "test"), None, {})).targets
    return {f"{p.target.exchange}/{p.target.endpoint}": p for p in plans.values()}


def result(target: str, body: Any, status: int = 200) -> Result:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    now = AT + 0.2
    seen = Observation(0.1, sent_at=now - 0.1, received_at=now, status=status, body=raw)
    return judge(seen, targets()[target], Memory(), Skew(), now).result


def facts(found: Result, names: dict[str, str]) -> dict[str, str]:
    """These facts as text, ages to a millisecond."""
    values = {name: getattr(found.facts, name) for name in names}
    return {n: f"{v:.3f}" if isinstance(v, float) else str(v) for n, v in values.items()}


def kraken(**result: Any) -> dict[str, Any]:
    return {"error": [], "result": result}


def bybit(**result: Any) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": MS}


def candle(ms: int) -> list[Any]:
    """One of Binance's, that opens at a time in ms."""
    return [ms, "0.0315", "0.0316", "0.0314", "0.0315", "19.5", ms + 59_999, "1", 9, "1", "1", "0"]


SPOT = {"symbol": "BTCUSDT", "lastPrice": "64000.5", "bidPrice": "64000.1", "askPrice": "64000.9"}
LEVELS = {"bids": [["64000.1", "0.5"]], "asks": [["64000.9", "1.5"]]}

GOOD = {
    "one level a side": Good(
        "binance/depth",
        {"lastUpdateId": 7, **LEVELS},
        {"bid": "64000.1", "ask": "64000.9", "bid_levels": "1", "sequence": "7"},
    ),
    "symbol in lower case, unknown members": Good(
        "binance/ticker",
        {**SPOT, "symbol": "btcusdt", "closeTime": MS, "new": {"a": [None]}},
        {"price": "64000.5", "payload_age": "0.200"},
    ),
    "whole numbers in strings": Good(
        "binance/ticker",
        {**SPOT, "closeTime": str(MS)},
        {"price": "64000.5", "payload_age": "0.200"},
    ),
    "a thin market: the time is that of the last trade": Good(
        "binance/ticker", {**SPOT, "closeTime": MS - 240_000}, {"payload_age": "240.200"}
    ),
    "a thin market of futures": Good(
        "binance_usdm/price",
        {"symbol": "BTCUSDT", "price": "69.05", "time": MS - 138_955},
        {"payload_age": "139.155"},
    ),
    "the last trade of futures": Good(
        "binance_usdm/ticker",
        {"symbol": "BTCUSDT", "lastPrice": "2.855", "closeTime": MS - 39_000, "count": 7},
        {"payload_age": "39.200"},
    ),
    "no trade in 24 hours": Good(
        "binance/ticker",
        {**SPOT, "lastPrice": "0.00000000", "closeTime": MS, "count": 0},
        {"last": "None", "price": "64000.5"},
    ),
    "candles around a trading halt": Good(
        "binance/klines", [candle(MS - 7_200_000), candle(MS - 60_000), candle(MS)], {}
    ),
    "candles of futures around a trading halt": Good(
        "binance_usdm/klines", [candle(MS - 7_200_000), candle(MS - 60_000), candle(MS)], {}
    ),
    "prices with exponents": Good(
        "binance/depth",
        {"lastUpdateId": 7, "bids": [["1e-8", "5"]], "asks": [["2E-8", "5"]]},
        {"price": "1.5E-8"},
    ),
    "engine time beside the time of the message": Good(
        "binance_usdm/depth",
        {"lastUpdateId": 7, "E": MS + 150, "T": MS, **LEVELS},
        {"payload_age": "0.200"},
    ),
    "every number in a string": Good(
        "bybit/depth",
        {"retCode": "0", "result": {"s": "BTCUSDT", "b": [["64000.1", "1"]],
                                    "a": [["64000.9", "1"]], "ts": str(MS), "u": "18521288"}},
        {"sequence": "18521288", "payload_age": "0.200"},
    ),
    "trades in any order": Good(
        "bybit/trades",
        bybit(list=[
            {"symbol": "BTCUSDT", "price": "64000.1", "size": "1", "time": str(MS - 900)},
            {"symbol": "BTCUSDT", "price": "64000.2", "size": "1", "time": str(MS)},
            {"symbol": "BTCUSDT", "price": "64000.3", "size": "1", "time": str(MS - 100)},
        ]),
        {},
    ),
    "a book without a sequence": Good(
        "okx/depth",
        {"code": "0", "msg": "", "data": [{
            "bids": [["64000.1", "1", "0", "2"]], "asks": [["64000.9", "1", "0", "1"]],
            "ts": str(MS)}]},
        {"sequence": "None", "payload_age": "0.200"},
    ),
    "no trade ever": Good(
        "deribit/ticker",
        {"jsonrpc": "2.0", "result": {
            "instrument_name": "BTC-PERPETUAL", "last_price": None, "best_bid_price": 64000.0,
            "best_ask_price": 64000.5, "timestamp": MS, "state": "open"}},
        {"last": "None", "price": "64000.25", "maintenance": "False"},
    ),
    "a sequence in a string, no time": Good(
        "coinbase/depth",
        {"sequence": "3", "bids": [["64000.1", "4.3", 2]], "asks": [["64000.9", "25.2", 12]]},
        {"sequence": "3", "payload_age": "None"},
    ),
    "a zone without a colon": Good(
        "coinbase/ticker",
        {"price": "64000.5", "bid": "64000.1", "ask": "64000.9", "size": "0E-8", "trade_id": 9,
         "time": "2027-01-15 08:00:00.000000+00"},
        {"payload_age": "0.200"},
    ),
    "an amount in three forms": Good(
        "kraken/ticker",
        kraken(XBTUSDT={"a": ["64000.90000", "1", "1.000"], "b": ["64000.10000", "1", "1.000"],
                        "c": ["64000.50000", "0.00067643"], "t": [1, 2], "o": "64000.50000"}),
        {"last": "64000.50000", "bid": "64000.10000"},
    ),
    "a maintenance announced for later": Good(
        "kraken/status",
        kraken(status="online", timestamp=ISO, upcoming_maintenance=[{"phase": "announced"}]),
        {"maintenance": "False"},
    ),
    "a warning beside the result": Good(
        "kraken/time",
        {"error": ["WGeneral:soon"], "result": {"unixtime": int(AT), "rfc1123": "x"}},
        {"clock_skew": "0.350"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD.values(), ids=GOOD)
def test_a_documented_answer_is_good(case: Good) -> None:
    """No check fails, and the numbers are those of the body."""
    found = result(case.target, case.body)

    assert found.failure is None
    assert facts(found, case.facts) == case.facts


PAGE = "<html><title>Attention required</title></html>"
RETIRED = {"code": 0, "msg": "Service unavailable from a restricted location."}
BAN = {"code": -1003, "msg": f"Way too many requests; IP banned until {MS + 120_000}."}

BAD = {
    "a page of the firewall": Bad("binance/ticker", 403, PAGE, Reason.BANNED),
    "a page of somebody else's firewall": Bad("okx/ticker", 403, PAGE, Reason.HTTP_ERROR),
    "an error with status 200": Bad(
        "binance/ping", 200, {"code": -1003, "msg": "Too many requests."}, Reason.RATE_LIMITED
    ),
    "an error without words": Bad(
        "binance/ping", 200, {"code": -1000, "msg": ""}, Reason.API_ERROR
    ),
    "a restricted location": Bad("binance/ticker", 451, RETIRED, Reason.API_ERROR),
    "too many connections": Bad(
        "binance/ticker", 400, {"code": -1034, "msg": "Too many connections"}, Reason.RATE_LIMITED
    ),
    "a price of zero in spite of trades": Bad(
        "binance/ticker",
        200,
        {**SPOT, "lastPrice": "0.00000000", "closeTime": MS, "count": 9},
        Reason.INVALID_DATA,
    ),
    "a last trade that is too old even for a thin market": Bad(
        "binance/ticker", 200, {**SPOT, "closeTime": MS - 301_000}, Reason.STALE_DATA
    ),
    "a ban without the status of one": Bad("binance/ticker", 429, BAN, Reason.BANNED),
    "a ban with the status of a bad request": Bad("binance_usdm/price", 400, BAN, Reason.BANNED),
    "a key that may not": Bad(
        "binance/ticker", 400, {"code": -1002, "msg": "You are not authorized"}, Reason.AUTH
    ),
    "a key that may not trade futures": Bad(
        "binance_usdm/price", 401, {"code": -1002, "msg": "You are not authorized"}, Reason.AUTH
    ),
    "microseconds for milliseconds": Bad(
        "binance/ticker", 200, {**SPOT, "closeTime": MS * 1000}, Reason.INVALID_DATA
    ),
    "a size of nothing": Bad(
        "binance/depth",
        200,
        {"lastUpdateId": 7, "bids": [["64000.1", "0E-8"]], "asks": [["64000.9", "1"]]},
        Reason.INVALID_DATA,
    ),
    "too many visits with status 200": Bad(
        "bybit/ticker", 200, {"retCode": 10006, "retMsg": "x", "result": {}}, Reason.RATE_LIMITED
    ),
    "too many visits, in a string": Bad(
        "bybit/ticker", 200, {"retCode": "10006", "retMsg": "x", "result": {}}, Reason.RATE_LIMITED
    ),
    "a limit without data": Bad(
        "okx/ticker", 429, {"code": "50011", "msg": "Too Many Requests"}, Reason.RATE_LIMITED
    ),
    "maintenance, only orders can be cancelled": Bad(
        "okx/status",
        200,
        {"code": "0", "msg": "", "data": [{"state": "pre_open", "serviceType": "5", "env": "1"}]},
        Reason.MAINTENANCE,
    ),
    "a settlement": Bad(
        "deribit/ticker",
        200,
        {"result": {"instrument_name": "BTC-PERPETUAL", "last_price": 1.0, "best_bid_price": 1.0,
                    "best_ask_price": 2.0, "timestamp": MS, "state": "settlement"}},
        Reason.MAINTENANCE,
    ),
    "a product that matches nothing": Bad(
        "coinbase/status",
        200,
        {"id": "BTC-USDT", "status": "online", "post_only": True, "trading_disabled": False},
        Reason.MAINTENANCE,
    ),
    "a product that is gone for good": Bad(
        "coinbase/status",
        200,
        {"id": "BTC-USDT", "status": "delisted", "post_only": False, "trading_disabled": True},
        Reason.INVALID_DATA,
    ),
    "an auction whose quotes cross": Bad(
        "coinbase/depth",
        200,
        {"bids": [["334.50", "4.39", 2]], "asks": [["333.99", "25.2", 1]], "sequence": 3,
         "auction_mode": True},
        Reason.MAINTENANCE,
    ),
    "another pair": Bad("kraken/depth", 200, kraken(XETHZUSD=LEVELS), Reason.INVALID_DATA),
    "candles of another pair": Bad(
        "kraken/klines",
        200,
        kraken(last=int(AT), XXBTZUSD=[[int(AT), "2", "3", "1", "2", "2", "5", 7]]),
        Reason.INVALID_DATA,
    ),
    "throttled until a time": Bad(
        "kraken/depth", 200, {"error": [f"EService: Throttled: {int(AT) + 9}"]}, Reason.RATE_LIMITED
    ),
    "an error beside an empty result": Bad(
        "kraken/depth", 200, {"error": ["EService:Busy"], "result": {}}, Reason.MAINTENANCE
    ),
}  # fmt: skip


SAID = [
    ("coinbase", 503, "GDAX is currently under maintenance. See the status", Reason.MAINTENANCE),
    ("coinbase", 400, "Cancel only mode", Reason.MAINTENANCE),
    ("coinbase", 400, "Invalid API Key", Reason.AUTH),
    ("coinbase", 400, "Invalid Passphrase", Reason.AUTH),
    ("coinbase", 400, "invalid signature", Reason.AUTH),
    ("coinbase", 400, "Invalid product id", Reason.API_ERROR),
    ("bybit", 200, 10009, Reason.BANNED),
    ("bybit", 200, 170222, Reason.RATE_LIMITED),
    ("bybit", 200, 20003, Reason.RATE_LIMITED),
    ("bybit", 200, 10008, Reason.AUTH),
    ("bybit", 200, 10024, Reason.AUTH),
    ("okx", 200, "50040", Reason.RATE_LIMITED),
    ("okx", 200, "50007", Reason.AUTH),
    ("okx", 200, "50009", Reason.AUTH),
    ("okx", 200, "50027", Reason.AUTH),
    ("okx", 403, "50030", Reason.AUTH),
    ("okx", 200, "50035", Reason.AUTH),
    ("okx", 401, "50114", Reason.AUTH),
    ("okx", 200, "50119", Reason.AUTH),
    ("okx", 200, "50120", Reason.AUTH),
    ("kraken", 200, "EService:Market in limit_only mode", Reason.MAINTENANCE),
    ("kraken", 200, "EService:Market in cancel_only mode", Reason.MAINTENANCE),
]


@pytest.mark.parametrize(("exchange", "status", "said", "reason"), SAID)
def test_a_code_or_text_has_its_meaning(
    exchange: str, status: int, said: Any, reason: Reason
) -> None:
    """As far as the documents or recorded answers tell it."""
    body = {
        "coinbase": {"message": said},
        "bybit": {"retCode": said, "retMsg": "x", "result": {}},
        "okx": {"code": said, "msg": "x", "data": []},
        "kraken": {"error": [said]},
    }[exchange]

    failure = result(f"{exchange}/depth", body, status).failure

    assert failure is not None
    assert failure.reason is reason


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_a_bad_answer_has_its_reason(case: Bad) -> None:
    """Whatever the HTTP status claims."""
    failure = result(case.target, case.body, case.status).failure

    assert failure is not None
    assert failure.reason is case.reason
