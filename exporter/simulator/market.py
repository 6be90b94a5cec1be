"""A market that never was: prices, books, trades and candles as functions of the time.

Nothing here keeps state. Every number follows from (seed, exchange, pair, time), so that two runs
under one seed agree and any instant can be asked for in any order; the caches only remember.
All exchanges follow one reference price per asset and stay within ``BASIS`` of it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

STEPS_PER_SECOND = 10
SEQUENCE_PER_STEP = 3
BASIS = 2e-4
MAX_ROWS = 1000

# Prices in US dollars about which the assets move.
ASSETS = {
    "BTC": 60000.0,
    "ETH": 3000.0,
    "BNB": 600.0,
    "SOL": 150.0,
    "XRP": 0.6,
    "ADA": 0.5,
    "DOGE": 0.12,
    "TRX": 0.12,
    "DOT": 6.0,
    "LTC": 80.0,
    "LINK": 14.0,
    "AVAX": 30.0,
    "BCH": 400.0,
    "XLM": 0.1,
    "ATOM": 8.0,
    "UNI": 8.0,
    "ETC": 25.0,
    "TON": 6.0,
    "USDT": 1.0,
    "USDC": 1.0,
    "USD": 1.0,
    "EUR": 1.08,
    "GBP": 1.27,
}
QUOTES = ("USDT", "USD", "USDC", "EUR", "GBP", "BTC", "ETH")

_STABLE = frozenset({"USDT", "USDC", "USD", "EUR", "GBP"})
_PERIODS = (2, 10, 60, 600, 3600, 86400)
_VOLATILITY = 1e-4  # of one second; a standard deviation of about 3 % a day
_TRADE_EVERY = 0.2
_DAY = 86400
_MASK = (1 << 64) - 1

Level = tuple[float, float]
"""Price and size of one level of the book."""


class Trade(NamedTuple):
    id: int
    time: float
    price: float
    size: float
    sell: bool


class Candle(NamedTuple):
    """One minute; ``time`` is its beginning in unix seconds, ``closed`` says whether it is over."""

    time: float
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int
    closed: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an exchange knows of one pair at one time. Book sides are best first, the rest oldest
    first; ``open``, ``high``, ``low``, ``volume`` and ``count`` are those of the last 24 hours.
    """

    time: float
    last: float
    open: float
    high: float
    low: float
    volume: float
    count: int
    bid: Level
    ask: Level
    sequence: int
    update_id: int
    trade_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    trades: tuple[Trade, ...]
    klines: tuple[Candle, ...]
    price_decimals: int
    size_decimals: int


class Instrument(NamedTuple):
    """The constants of one pair on one exchange. Prices are counted in ticks of 1 / ``scale``;
    ``grid`` is the mean distance of two levels in ticks, ``unit`` a middling size."""

    key: int
    exchange: str
    base: str
    quote: str
    decimals: int
    size_decimals: int
    scale: int
    grid: int
    unit: float


class Market:
    """All exchanges under one seed. Times are unix seconds."""

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        rng = random.Random(seed)  # noqa: S311 - a made-up market, no secret
        self._sizes = tuple(0.05 + min(rng.expovariate(1.0), 8.0) for _ in range(4096))
        self._offsets = tuple(rng.random() for _ in range(4096))
        self.instrument = lru_cache(4096)(self._instrument)
        self._ticks = lru_cache(65536)(self._price_in_ticks)
        self._reference = lru_cache(16384)(self._reference_price)
        self._trade = lru_cache(65536)(self._one_trade)
        self._minute = lru_cache(65536)(self._closed_minute)
        self._range = lru_cache(1024)(self._hourly_range)
        self._key = lru_cache(4096)(self._name_key)

    def snapshot(
        self, exchange: str, pair: str, now: float, depth: int = 1, trades: int = 0, klines: int = 0
    ) -> Snapshot:
        """The facts at ``now`` with the wanted numbers of rows, at most ``MAX_ROWS`` each."""
        it = self.instrument(exchange, pair)
        step = math.floor(now * STEPS_PER_SECOND)
        last = self._ticks(it, step)
        first = self._ticks(it, step - _DAY * STEPS_PER_SECOND)
        low, high = self._range(it, step // (3600 * STEPS_PER_SECOND))
        depth = min(max(depth, 1), MAX_ROWS)
        bids, asks = self._side(it, last, step, -1, depth), self._side(it, last, step, 1, depth)
        newest = math.floor(now / _TRADE_EVERY) - 1
        return Snapshot(
            time=now,
            last=last / it.scale,
            open=first / it.scale,
            high=max(high, first, last) / it.scale,
            low=min(low, first, last) / it.scale,
            volume=it.unit * 40000 * (1.5 + _noise(it.key, now / 3600)),
            count=400000 + round(50000 * _noise(it.key + 1, now / 3600)),
            bid=bids[0],
            ask=asks[0],
            sequence=it.key % 10**9 + 10**9 + step * SEQUENCE_PER_STEP,
            update_id=it.key % 10**6 + 10**9 + step,
            trade_id=self._trade(it, newest).id,
            bids=bids,
            asks=asks,
            trades=tuple(
                self._trade(it, n) for n in range(newest - min(trades, MAX_ROWS) + 1, newest + 1)
            ),
            klines=self._candles(it, now, last, min(klines, MAX_ROWS)),
            price_decimals=it.decimals,
            size_decimals=it.size_decimals,
        )

    def _name_key(self, name: str) -> int:
        return int.from_bytes(blake2b(f"{self._seed}/{name}".encode(), digest_size=8).digest())

    def _dollars(self, asset: str) -> float:
        return ASSETS.get(asset) or 10 ** (2 * _unit(self._key(asset), 0))

    def _instrument(self, exchange: str, pair: str) -> Instrument:
        base, _, quote = pair.partition("-")
        dollars = self._dollars(base)
        price = dollars / self._dollars(quote)
        decimals = max(0, 6 - math.floor(math.log10(price)))
        return Instrument(
            key=self._key(f"{exchange}/{pair}"),
            exchange=exchange,
            base=base,
            quote=quote,
            decimals=decimals,
            size_decimals=max(0, math.ceil(math.log10(dollars)) + 1),
            scale=10**decimals,
            grid=max(1, round(price * 10**decimals * 1e-5)),
            unit=3000 / dollars,
        )

    def _reference_price(self, asset: str, step: int) -> float:
        """A sum of noises whose amplitude grows with the root of the period, as a walk's does."""
        if asset in _STABLE:
            return self._dollars(asset)
        key, seconds = self._key(asset), step / STEPS_PER_SECOND
        log = sum(
            _VOLATILITY * math.sqrt(period) * _noise(key + period, seconds / period)
            for period in _PERIODS
        )
        return self._dollars(asset) * math.exp(log)

    def _price_in_ticks(self, it: Instrument, step: int) -> int:
        basis = BASIS * _noise(self._key(it.exchange), step / (300 * STEPS_PER_SECOND))
        price = self._reference(it.base, step) / self._reference(it.quote, step) * (1 + basis)
        ticks = round(price * it.scale)
        # The parity follows the second, so that no two successive seconds show the same price.
        return ticks - ((ticks ^ (step // STEPS_PER_SECOND)) & 1)

    def _side(
        self, it: Instrument, last: int, step: int, sign: int, count: int
    ) -> tuple[Level, ...]:
        """Levels lie at fixed prices, one in each cell of a grid; a level changes its size every
        16 steps, each at another step. The cell of the last price stays empty: never crossed."""
        first = last // it.grid + sign
        grid, scale, unit, sizes, offsets = it.grid, it.scale, it.unit, self._sizes, self._offsets
        return tuple(
            (
                (n * grid + int(offsets[n & 4095] * grid)) / scale,
                sizes[n * 7919 + (step + (n * 5 & 15) >> 4) & 4095] * unit,
            )
            for n in range(first, first + sign * count, sign)
        )

    def _one_trade(self, it: Instrument, n: int) -> Trade:
        time = (n + 0.45 + 0.45 * _unit(it.key, n)) * _TRADE_EVERY
        return Trade(
            id=it.key % 10**8 + 10**9 + n,
            time=time,
            price=self._ticks(it, math.floor(time * STEPS_PER_SECOND)) / it.scale,
            size=self._sizes[n * 31 & 4095] * it.unit,
            sell=_unit(it.key, -n) < 0,
        )

    def _candles(self, it: Instrument, now: float, last: int, count: int) -> tuple[Candle, ...]:
        if not count:
            return ()
        minute = math.floor(now / 60)
        closed = (self._minute(it, n) for n in range(minute - count + 1, minute))
        return (*closed, self._open_minute(it, minute, now, last))

    def _closed_minute(self, it: Instrument, minute: int) -> Candle:
        points = [self._ticks(it, (minute * 60 + s) * STEPS_PER_SECOND) for s in range(0, 61, 10)]
        return self._candle(it, minute, points, 1.0)

    def _open_minute(self, it: Instrument, minute: int, now: float, last: int) -> Candle:
        begin = minute * 60
        seconds = range(0, math.floor(now - begin) + 1, 10)
        points = [self._ticks(it, (begin + s) * STEPS_PER_SECOND) for s in seconds]
        return self._candle(it, minute, [*points, last], (now - begin) / 60)._replace(closed=False)

    def _candle(self, it: Instrument, minute: int, points: list[int], part: float) -> Candle:
        activity = 1.5 + _unit(it.key, minute)
        return Candle(
            time=minute * 60.0,
            open=points[0] / it.scale,
            high=max(points) / it.scale,
            low=min(points) / it.scale,
            close=points[-1] / it.scale,
            volume=it.unit * 30 * activity * max(part, 0.01),
            trades=1 + int(250 * activity * part),
            closed=True,
        )

    def _hourly_range(self, it: Instrument, hour: int) -> tuple[int, int]:
        hours = range(hour - 23, hour + 1)
        points = [self._ticks(it, n * 3600 * STEPS_PER_SECOND) for n in hours]
        return min(points), max(points)


def _unit(key: int, n: int) -> float:
    """A number in [-1, 1) that looks random: the finalizer of splitmix64 (Steele et al., 2014)."""
    z = (key + n * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return (z ^ (z >> 31)) / 2.0**63 - 1.0


def _noise(key: int, x: float) -> float:
    """Value noise: random numbers at whole ``x``, straight lines between them."""
    n = math.floor(x)
    left = _unit(key, n)
    return left + (_unit(key, n + 1) - left) * (x - n)
