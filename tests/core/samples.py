"""Plans and answers of the shapes that the exchanges document."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import jmespath

from exporter.core.checks import CHECKS, applicable, defaults
from exporter.core.checks.base import Context
from exporter.core.evaluate import Judgement, judge
from exporter.core.memory import Memory
from exporter.core.model import Failure, Observation, Target
from exporter.core.plan import (
    CodeRule,
    Envelope,
    Expression,
    Fields,
    Meaning,
    Request,
    Route,
    Rows,
    StatusRule,
    TargetPlan,
    Time,
)
from exporter.core.reading import read
from exporter.core.skew import Skew
from exporter.core.times import RESOLUTIONS, converter

NOW = 1_700_000_040.0
"""Unix seconds; a full minute."""


def path(text: str) -> Expression:
    compiled: Expression = jmespath.compile(text).search
    return compiled


def time_field(text: str, unit: str = "ms") -> Time:
    return Time(path(text), converter(unit), RESOLUTIONS[unit])


def rows(text: str, unit: str = "ms", **columns: Any) -> Rows:
    return Rows(path(text), time_convert=converter(unit), **columns)


def code(text: str, meaning: Meaning, **rule: Any) -> CodeRule:
    """A rule of the catalog: exact, or by prefix with a trailing ``*``."""
    prefix = text.removesuffix("*")
    match: Callable[[str], bool] = (
        prefix.__eq__ if prefix == text else (lambda said: said.startswith(prefix))
    )
    return CodeRule(match, meaning, **rule)


BINANCE = Envelope(
    ok=path("!(code && msg)"),
    code=path("code"),
    message=path("msg"),
    codes=(
        code("-1003", Meaning.RATE_LIMITED),
        code("-1008", Meaning.SERVER),
        code("-1121", Meaning.BAD_SYMBOL),
        code("-2015", Meaning.AUTH),
    ),
    statuses={403: StatusRule(Meaning.BANNED, backoff=300.0), 418: StatusRule(Meaning.BANNED)},
    until=lambda text: float(text.split("until ")[1][:13]) / 1000 if "until " in text else None,
)

DEPTH = Fields(
    bids=rows("bids", price=0, size=1),
    asks=rows("asks", price=0, size=1),
    sequence=path("lastUpdateId"),
)
TICKER = Fields(
    symbol=path("symbol"),
    last=path("lastPrice"),
    bid=path("bidPrice"),
    ask=path("askPrice"),
    time=time_field("closeTime"),
)
TRADES = Fields(trades=rows("@", id="id", price="price", size="qty", time="time"))
KLINES = Fields(klines=rows("@", time=0, open=1, high=2, low=3, close=4, volume=5, period=60.0))
TIME = Fields(server_time=time_field("serverTime"))
STATUS = Fields(maintenance=path("status != `0`"))
LAST = Fields(last=path("price"))


def plan(
    fields: Fields,
    endpoint: str = "depth",
    envelope: Envelope = BINANCE,
    payload_error: Callable[[Any], str | None] | None = None,
    **parameters: Any,
) -> TargetPlan:
    """A plan with every check that applies; ``parameters`` override those of single checks."""
    known = {
        name: {**given, **parameters.get(name, {})} for name, given in defaults(endpoint).items()
    }
    return TargetPlan(
        target=Target("binance", endpoint, "BTC-USDT"),
        prober="http",
        request=lambda _: Request("https://api.binance.com/"),
        route=Route(),
        host="api.binance.com",
        symbol="BTCUSDT",
        costs=(),
        interval=10.0,
        timeout=5.0,
        envelope=envelope,
        fields=fields,
        payload_error=payload_error,
        checks=applicable(fields),
        parameters=known,
        category="spot",
    )


def answer(body: object, status: int = 200, at: float = NOW, rtt: float = 0.1) -> Observation:
    """An answer that arrived at ``at``; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Observation(
        elapsed=rtt, sent_at=at - rtt, received_at=at, latency=rtt, status=status, body=raw
    )


def judged(
    body: object,
    target: TargetPlan,
    memory: Memory = Memory(),
    skew: Skew = Skew(),
    at: float = NOW,
    status: int = 200,
) -> Judgement:
    return judge(answer(body, status, at), target, memory, skew, at)


def failed(judgement: Judgement) -> dict[str, str]:
    """The checks that failed, with their reasons."""
    verdicts = judgement.result.verdicts
    return {v.check: str(v.failure.reason) for v in verdicts if v.failure}


def context(body: object, fields: Fields, at: float = NOW, **parameters: Any) -> Context:
    """What the checks see of one answer, without a past."""
    target = plan(fields, "other", **parameters)
    observation = answer(body, at=at)
    return Context(observation, read(observation, target, at), target, Memory(), at)


def check(
    name: str,
    body: object,
    fields: Fields,
    memory: Memory = Memory(),
    at: float = NOW,
    offset: float = 0.0,
    **parameters: Any,
) -> Failure | None:
    """What one check says of one body."""
    seen = replace(context(body, fields, at, **{name: parameters}), memory=memory, offset=offset)
    return CHECKS[name].function(seen, seen.plan.parameters[name])


def depth(
    bids: object = (("100.0", "1"), ("99.5", "2")),
    asks: object = (("100.5", "1"), ("101.0", "3")),
    sequence: object = 7,
) -> dict[str, object]:
    return {"lastUpdateId": sequence, "bids": bids, "asks": asks}


def ticker(last: object = "100.2", age: float = 0.5, **members: object) -> dict[str, object]:
    body: dict[str, object] = {
        "symbol": "BTCUSDT", "lastPrice": last, "bidPrice": "100.0", "askPrice": "100.5",
        "closeTime": int((NOW - age) * 1000),
    }  # fmt: skip
    return body | members


def trade_list(count: int = 5, newest: float = NOW - 1, step: float = 0.4) -> list[dict[str, Any]]:
    """Trades, oldest first."""
    return [
        {
            "id": 1000 + n,
            "price": "100.1",
            "qty": "0.5",
            "time": int((newest - (count - 1 - n) * step) * 1000),
        }
        for n in range(count)
    ]


def kline_list(count: int = 5, newest: float = NOW - 60, period: float = 60.0) -> list[list[Any]]:
    """Candles, oldest first: time, open, high, low, close, volume."""
    return [
        [int((newest - (count - 1 - n) * period) * 1000), "100", "103", "99", "101", "12.5"]
        for n in range(count)
    ]


def price_memory(price: str, at: float = NOW - 10) -> Memory:
    return replace(Memory(), price=Decimal(price), price_at=at)
