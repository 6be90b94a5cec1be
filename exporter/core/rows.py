"""The lists in a payload: sides of a book, trades, candles.

Columns are converted as a whole, which is several times faster than record by record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from exporter.core import numbers
from exporter.core.plan import Rows
from exporter.core.table import Table, tabulate

DEPTH = 1000
"""How many records of a list are read: the best levels, the newest trades and candles."""

T = TypeVar("T")

_NEWEST = 20

_BEST = slice(None, DEPTH)
_LAST = slice(-DEPTH, None)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a book, best price first. ``count`` includes the levels that were not read.

    Floats tell order and sign; where two of them are equal, and for the best price, the exact
    values count.
    """

    count: int
    prices: tuple[float, ...]
    sizes: tuple[float, ...]
    best: Decimal | None
    sent: Sequence[Any]

    def exact(self) -> tuple[Decimal, ...]:
        """The prices as they were sent."""
        return numbers.exact(self.sent)

    @property
    def newest(self) -> tuple[object, ...]:
        """What changes when the data do; the same of Trades and Klines."""
        return self.prices[:_NEWEST], self.sizes[:_NEWEST]


@dataclass(frozen=True, slots=True)
class Trades:
    """Trades, oldest first, times in unix seconds. What the provider does not send is empty.

    ``ids`` is empty, too, unless all ids are whole numbers.
    """

    prices: tuple[float, ...]
    sizes: tuple[float, ...]
    times: tuple[float, ...]
    ids: tuple[int, ...]

    @property
    def newest(self) -> tuple[object, ...]:
        return self.ids[-_NEWEST:], self.times[-_NEWEST:], self.prices[-_NEWEST:]


@dataclass(frozen=True, slots=True)
class Klines:
    """Candles, oldest first; ``times`` are the opening times in unix seconds."""

    times: tuple[float, ...]
    open: tuple[float, ...]
    high: tuple[float, ...]
    low: tuple[float, ...]
    close: tuple[float, ...]
    volume: tuple[float, ...]

    @property
    def newest(self) -> tuple[object, ...]:
        columns = (self.times, self.open, self.high, self.low, self.close, self.volume)
        return tuple(column[-1:] for column in columns)


def side(found: object, rows: Rows) -> Side:
    """Read one side of a book.

    Raises:
        ValueError: the records are not as described. So do `trades` and `klines`.
    """
    table = tabulate(found, _BEST)
    sent = [] if rows.price is None else table.column(rows.price)
    prices = numbers.floats(sent)
    best = numbers.decimal(sent[0]) if sent else None
    return Side(table.count, prices, _floats(table, rows.size), best, sent)


def trades(found: object, rows: Rows) -> Trades:
    """Read a list of trades."""
    table = tabulate(found, _BEST if rows.newest_first else _LAST)
    return Trades(
        prices=_oldest_first(_floats(table, rows.price), rows),
        sizes=_oldest_first(_floats(table, rows.size), rows),
        times=_oldest_first(_times(table, rows), rows),
        ids=_oldest_first(_integers(table, rows.id), rows),
    )


def klines(found: object, rows: Rows) -> Klines:
    """Read a list of candles."""
    table = tabulate(found, _BEST if rows.newest_first else _LAST)
    return Klines(
        times=_oldest_first(_times(table, rows), rows),
        open=_oldest_first(_floats(table, rows.open), rows),
        high=_oldest_first(_floats(table, rows.high), rows),
        low=_oldest_first(_floats(table, rows.low), rows),
        close=_oldest_first(_floats(table, rows.close), rows),
        volume=_oldest_first(_floats(table, rows.volume), rows),
    )


def _oldest_first(values: tuple[T, ...], rows: Rows) -> tuple[T, ...]:
    return values[::-1] if rows.newest_first else values


def _floats(table: Table, key: int | str | None) -> tuple[float, ...]:
    return () if key is None else numbers.floats(table.column(key))


def _integers(table: Table, key: int | str | None) -> tuple[int, ...]:
    if key is None:
        return ()
    values: Sequence[Any] = table.column(key)
    if set(map(type, values)) == {int}:
        return tuple(values)
    found = tuple(value for value in map(numbers.integer, values) if value is not None)
    return found if len(found) == len(values) else ()


def _times(table: Table, rows: Rows) -> tuple[float, ...]:
    if rows.time is None or rows.time_convert is None:
        return ()
    found = tuple(map(rows.time_convert, table.column(rows.time)))
    times = tuple(time for time in found if time is not None)
    if len(times) != len(found):
        raise ValueError("a record holds something that is not a time")
    return times
