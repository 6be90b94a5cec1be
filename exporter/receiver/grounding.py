"""Whether an answer speaks of the evidence: its numbers, exchanges, endpoints and pairs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBER = re.compile(
    r"(?<![\w.,])[-+]?(?P<digits>\d[\d,]*(?:\.\d+)?)(?!xx)"
    r"(?:\s?(?P<unit>%|percent|ms|milliseconds?|s|secs?|seconds?|m|min|minutes?|h|hours?|d|days?)"
    r"(?![\w]))?",
    re.IGNORECASE,
)
_ANY_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_SPELLED = {
    **dict(zip(("three", "four", "five", "six", "seven"), range(3, 8), strict=True)),
    **dict(zip(("eight", "nine", "ten", "eleven", "twelve"), range(8, 13), strict=True)),
    **dict.fromkeys(("hundred", "hundreds"), 100),
    **dict.fromkeys(("thousand", "thousands"), 1000),
    **dict.fromkeys(("million", "millions"), 1_000_000),
}
_SCALES = {"%": 100.0, "p": 100.0, "ms": 1000.0, "mil": 1000.0, "m": 1 / 60, "h": 1 / 3600}
_SCALES |= {"d": 1 / 86400}
_WORD = re.compile(r"[a-z0-9]+(?:[_.][a-z0-9]+)*")
_PAIR = re.compile(r"\b[A-Z0-9]{2,10}[-/](?:USD|USDT|USDC|EUR|BTC|ETH|PERPETUAL)\b")
_PATH = re.compile(r"\b([a-z][a-z0-9_]*)/([a-z][a-z0-9_.]*)")
_CALL = re.compile(r"\b([a-z][a-z0-9_.]*) (?:endpoints?|calls?|streams?)\b")
_ALERT = re.compile(r"\bExchange[A-Z]\w+")

EXCHANGES = frozenset(
    {
        *("binance", "binance_usdm", "binanceus", "bitfinex", "bitflyer", "bitget", "bithumb"),
        *("bitmart", "bitmex", "bitstamp", "bittrex", "bitvavo", "bybit", "coinbase", "coincheck"),
        *("coinex", "coingecko", "coinmarketcap", "cryptocom", "deribit", "dydx", "etherscan"),
        *("ftx", "gateio", "hitbtc", "htx", "huobi", "hyperliquid", "kraken", "kucoin", "lbank"),
        *("mexc", "okcoin", "okex", "okx", "phemex", "poloniex", "probit", "upbit", "whitebit"),
    }
)
"""Names by which a text can speak of an exchange."""

ENDPOINTS = frozenset(
    {
        *("account", "balance", "balances", "book", "book_ticker", "candles", "deposit"),
        *("deposits", "depth", "fills", "funding", "klines", "order", "orders", "ping"),
        *("positions", "price", "stream.book", "stream.ticker", "stream.trades", "ticker"),
        *("tickers", "trades", "withdraw", "withdrawal", "withdrawals"),
    }
)
"""Names that a text before the word "endpoint", "call" or "stream" can give to one."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the evidence names. ``text`` is the evidence as it was sent."""

    text: str
    words: frozenset[str]
    numbers: frozenset[float]


def ground_of(text: str) -> Ground:
    """Read the evidence."""
    numbers = frozenset(_value(found[0]) for found in _ANY_NUMBER.finditer(text))
    return Ground(text, frozenset(_WORD.findall(text.lower())), numbers)


def strangers(text: str, ground: Ground) -> list[str]:
    """What a text names and the evidence does not; empty for a grounded text."""
    return [*_numbers(text, ground), *_names(text, ground)]


def _numbers(text: str, ground: Ground) -> Iterator[str]:
    for found in _NUMBER.finditer(text):
        if not _occurs(found["digits"], (found["unit"] or "").lower(), ground.numbers):
            yield found[0].strip()
    for word in _WORD.findall(text.lower()):
        if word in _SPELLED and _SPELLED[word] not in ground.numbers and word not in ground.words:
            yield word


def _occurs(digits: str, unit: str, numbers: frozenset[float]) -> bool:
    value = _value(digits)
    if value in numbers:
        return True
    scale = next((_SCALES[key] for key in _SCALES if unit.startswith(key) and unit != "min"), 1.0)
    scale = 1 / 60 if unit == "min" else scale
    half = 0.5 * 10.0 ** -len(digits.partition(".")[2]) + 1e-9
    return any(
        abs(each * by - value) <= min(half, 0.05 * value) for each in numbers for by in (1.0, scale)
    )


def _value(digits: str) -> float:
    return float(digits.replace(",", "") or 0)


def _names(text: str, ground: Ground) -> Iterator[str]:
    lower = text.lower()
    words = _WORD.findall(lower)
    yield from (word for word in words if word in EXCHANGES and not _is_named(word, ground))
    pairs = _PAIR.findall(text)
    yield from (pair for pair in pairs if pair.replace("/", "-") not in ground.text)
    paths = [path for path in _PATH.findall(lower) if path[0] in EXCHANGES]
    yield from ("/".join(path) for path in paths if path[1] not in ground.words)
    calls = [call for call in _CALL.findall(lower) if call in ENDPOINTS]
    yield from (call for call in calls if call not in ground.words)
    yield from (name for name in _ALERT.findall(text) if name not in ground.text)


def _is_named(word: str, ground: Ground) -> bool:
    """``binance`` may stand for ``binance_usdm``."""
    return any(each == word or each.startswith(f"{word}_") for each in ground.words)
