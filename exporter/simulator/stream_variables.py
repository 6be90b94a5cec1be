"""What the samples of stream messages can name besides the variables of REST samples.

$id $topic $topics      the request's id; its topic; all topics of the connection so far
$connection             a number that names the connection
$previous               the sequence of the message before
$trade_id $trade_price $trade_size $trade_time $trade_sell $trade_side   the newest trade
$checksum               Kraken's, over the ten best levels of either side
bid_changes, ask_changes, changes   levels that came ($action new), changed or went (size 0)
bid_changes_within, ask_changes_within   without those that only fell out of the depth
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from exporter.simulator.market import Level, Snapshot
from exporter.simulator.variables import PLAIN, ROWS, Kind, Scope, Variables


class Change(NamedTuple):
    """One level of the book that is not what it was; ``outside`` says that it only fell out of the
    depth that is told."""

    price: float
    size: float
    action: str
    side: str
    outside: bool


@dataclass(frozen=True, slots=True)
class StreamScope(Scope):
    """What a stream message is filled in from: the facts now, and what went before."""

    previous: int = 0
    changes: tuple[Change, ...] = ()
    request: int = 0
    topic: Any = None
    topics: tuple[Any, ...] = ()
    connection: int = 0

    def rows(self, kind: str) -> tuple[Any, ...]:
        choose = _CHANGES.get(kind)
        if choose is None:
            return Scope.rows(self, kind)
        return tuple(change for change in self.changes if choose(change))


def book_changes(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """What makes the one book into the other."""
    return (
        *_side_changes(before.bids, after.bids, "buy", 1),
        *_side_changes(before.asks, after.asks, "sell", -1),
    )


def _side_changes(
    before: tuple[Level, ...], after: tuple[Level, ...], side: str, sign: int
) -> list[Change]:
    old, new, worst = dict(before), dict(after), sign * after[-1][0]
    found = [
        Change(price, size, "change" if price in old else "new", side, False)
        for price, size in after
        if old.get(price) != size
    ]
    gone = (price for price, _ in before if price not in new)
    return found + [Change(price, 0.0, "delete", side, sign * price < worst) for price in gone]


_CHANGES: Mapping[str, Callable[[Change], bool]] = {
    "changes": lambda _: True,
    "bid_changes": lambda change: change.side == "buy",
    "ask_changes": lambda change: change.side == "sell",
    "bid_changes_within": lambda change: change.side == "buy" and not change.outside,
    "ask_changes_within": lambda change: change.side == "sell" and not change.outside,
}


def checksum(snapshot: Snapshot) -> int:
    """CRC32 of the digits of the ten best asks, then bids, as they stand in the message.

    https://docs.kraken.com/exchange/guides/websockets/book-checksum-v2
    """

    def digits(number: float, decimals: int) -> str:
        return str(round(number, decimals)).replace(".", "").lstrip("0")

    text = "".join(
        digits(price, snapshot.price_decimals) + digits(size, snapshot.size_decimals)
        for price, size in (*snapshot.asks[:10], *snapshot.bids[:10])
    )
    return zlib.crc32(text.encode())


def _own(name: str) -> Callable[[Scope, Any], Any]:
    return lambda scope, _: getattr(scope, name)


def _trade(column: int) -> Callable[[Scope, Any], Any]:
    return lambda scope, _: scope.snapshot.trades[-1][column]


STREAM_PLAIN: Variables = {
    **PLAIN,
    "id": (Kind.INTEGER, _own("request")),
    "topic": (Kind.TEXT, _own("topic")),
    "topics": (Kind.TEXT, _own("topics")),
    "connection": (Kind.INTEGER, _own("connection")),
    "previous": (Kind.INTEGER, _own("previous")),
    "trade_id": (Kind.INTEGER, _trade(0)),
    "trade_time": (Kind.TIME, _trade(1)),
    "trade_price": (Kind.PRICE, _trade(2)),
    "trade_size": (Kind.SIZE, _trade(3)),
    "trade_sell": (Kind.FLAG, _trade(4)),
    "trade_side": (Kind.SIDE, _trade(4)),
    "checksum": (Kind.INTEGER, lambda scope, _: checksum(scope.snapshot)),
}

_CHANGE: Variables = {
    "price": (Kind.PRICE, 0),
    "size": (Kind.SIZE, 1),
    "action": (Kind.TEXT, 2),
    "side": (Kind.TEXT, 3),
    "count": (Kind.INTEGER, lambda _, change: 1 if change.size else 0),
}

STREAM_ROWS: Mapping[str, Variables] = {**ROWS, **dict.fromkeys(_CHANGES, _CHANGE)}
