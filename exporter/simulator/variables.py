"""The variables of the catalog's samples: what they stand for and how they can be written."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from exporter.simulator.market import Snapshot

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Scope:
    """What a sample is filled in from. ``limit`` is the number of rows that the client asked for;
    ``until`` is the end of a ban in unix seconds, ``retry_after`` the wait in seconds."""

    snapshot: Snapshot
    price: str
    size: str
    symbol: str = ""
    base: str = ""
    quote: str = ""
    limit: int | None = None
    retry_after: int = 0
    until: float = 0.0

    def rows(self, kind: str) -> tuple[Any, ...]:
        """The rows of a list in a sample."""
        found: tuple[Any, ...] = getattr(self.snapshot, kind)
        return found


class Kind(enum.Enum):
    PRICE = enum.auto()
    SIZE = enum.auto()
    INTEGER = enum.auto()
    TIME = enum.auto()
    FLAG = enum.auto()
    SIDE = enum.auto()
    TEXT = enum.auto()


Getter = Callable[[Scope, Any], Any] | int
"""Reads a value from (scope, row); a number is a column of the row."""

Variables = Mapping[str, tuple[Kind, Getter]]

Format = Callable[[Any, Scope], Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _iso(time: float, _: Scope) -> str:
    moment = _EPOCH + timedelta(microseconds=int(time * 1e6))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


FORMATS: Mapping[Kind, Mapping[str | None, Format]] = {
    Kind.PRICE: {
        None: lambda price, scope: scope.price % price,
        "num": lambda price, scope: round(price, scope.snapshot.price_decimals),
    },
    Kind.SIZE: {
        None: lambda size, scope: scope.size % size,
        "num": lambda size, scope: round(size, scope.snapshot.size_decimals),
    },
    Kind.INTEGER: {None: lambda n, _: n, "num": lambda n, _: n, "str": lambda n, _: str(n)},
    Kind.TIME: {
        "s": lambda time, _: int(time),
        "s_str": lambda time, _: str(int(time)),
        "s_float": lambda time, _: round(time, 6),
        "ms": lambda time, _: int(time * 1e3),
        "ms_str": lambda time, _: str(int(time * 1e3)),
        "us": lambda time, _: int(time * 1e6),
        "us_str": lambda time, _: str(int(time * 1e6)),
        "ns": lambda time, _: int(time * 1e9),
        "ns_str": lambda time, _: str(int(time * 1e9)),
        "iso": _iso,
    },
    Kind.FLAG: {None: lambda flag, _: flag, "str": lambda flag, _: "1" if flag else "0"},
    Kind.SIDE: {
        None: lambda sell, _: "sell" if sell else "buy",
        "Title": lambda sell, _: "Sell" if sell else "Buy",
    },
    Kind.TEXT: {None: lambda text, _: text},
}


def _uuid(scope: Scope, _: Any) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{scope.symbol}/{scope.snapshot.time}"))


PLAIN: Variables = {
    "symbol": (Kind.TEXT, lambda scope, _: scope.symbol),
    "base": (Kind.TEXT, lambda scope, _: scope.base),
    "quote": (Kind.TEXT, lambda scope, _: scope.quote),
    "last": (Kind.PRICE, lambda scope, _: scope.snapshot.last),
    "bid": (Kind.PRICE, lambda scope, _: scope.snapshot.bid[0]),
    "ask": (Kind.PRICE, lambda scope, _: scope.snapshot.ask[0]),
    "bid_size": (Kind.SIZE, lambda scope, _: scope.snapshot.bid[1]),
    "ask_size": (Kind.SIZE, lambda scope, _: scope.snapshot.ask[1]),
    "open": (Kind.PRICE, lambda scope, _: scope.snapshot.open),
    "high": (Kind.PRICE, lambda scope, _: scope.snapshot.high),
    "low": (Kind.PRICE, lambda scope, _: scope.snapshot.low),
    "volume": (Kind.SIZE, lambda scope, _: scope.snapshot.volume),
    "count": (Kind.INTEGER, lambda scope, _: scope.snapshot.count),
    "sequence": (Kind.INTEGER, lambda scope, _: scope.snapshot.sequence),
    "update_id": (Kind.INTEGER, lambda scope, _: scope.snapshot.update_id),
    "trade_id": (Kind.INTEGER, lambda scope, _: scope.snapshot.trade_id),
    "id": (Kind.INTEGER, lambda _scope, _row: 1),
    "uuid": (Kind.TEXT, _uuid),
    "time": (Kind.TIME, lambda scope, _: scope.snapshot.time),
    "until": (Kind.TIME, lambda scope, _: scope.until),
    "retry_after": (Kind.INTEGER, lambda scope, _: scope.retry_after),
}

_LEVEL: Variables = {
    "price": (Kind.PRICE, 0),
    "size": (Kind.SIZE, 1),
    # How many orders make up the level: nobody checks it, so any small number does.
    "count": (Kind.INTEGER, lambda _, level: 1 + int(level[1] * 1e4) % 7),
}

_TRADE: Variables = {
    "id": (Kind.INTEGER, 0),
    "time": (Kind.TIME, 1),
    "price": (Kind.PRICE, 2),
    "size": (Kind.SIZE, 3),
    "sell": (Kind.FLAG, 4),
    "side": (Kind.SIDE, 4),
}

_CANDLE: Variables = {
    "time": (Kind.TIME, 0),
    "open": (Kind.PRICE, 1),
    "high": (Kind.PRICE, 2),
    "low": (Kind.PRICE, 3),
    "close": (Kind.PRICE, 4),
    "volume": (Kind.SIZE, 5),
    "count": (Kind.INTEGER, 6),
    "closed": (Kind.FLAG, 7),
    "close_time": (Kind.TIME, lambda _, candle: candle.time + 59.999),
}

ROWS: Mapping[str, Variables] = {
    "bids": _LEVEL,
    "asks": _LEVEL,
    "trades": _TRADE,
    "klines": _CANDLE,
}
