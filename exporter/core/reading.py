"""What an answer says, taken out of its body as the catalog describes it.

Nothing is judged here. What cannot be read becomes a problem in words, which the check of that
fact reports; what the body does not hold is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from exporter.core import numbers
from exporter.core.decode import decode
from exporter.core.envelope import NO_DOCUMENT, judge_answer
from exporter.core.expression import evaluate, is_true
from exporter.core.model import Observation
from exporter.core.plan import Expression, Fields, Rows, TargetPlan, Time
from exporter.core.result import ApiError
from exporter.core.rows import Klines, Side, Trades, klines, side, trades
from exporter.core.text import printable

_MAX_SYMBOL = 60

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything one answer said. Times are unix seconds.

    ``malformed`` tells what is wrong with the JSON, ``schema_problem`` where the payload departs
    from its schema; with either, or with an ``error``, no field was read. ``problems`` maps fields
    to what is wrong with them. ``bid`` and ``ask`` are the best prices, of a book too.
    ``data`` are the newest or best of the market data, without times of the envelope or a sequence.
    """

    malformed: str = ""
    error: ApiError | None = None
    schema_problem: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)
    time: float | None = None
    server_time: float | None = None
    symbol: str | None = None
    last: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    bids: Side | None = None
    asks: Side | None = None
    sequence: int | None = None
    trades: Trades | None = None
    klines: Klines | None = None
    maintenance: bool | None = None
    data: tuple[object, ...] | None = None

    @property
    def price(self) -> Decimal | None:
        """The best single price: the last one, else the middle of bid and ask, else either."""
        if self.last is not None:
            return self.last
        if self.bid is not None and self.ask is not None:
            return (self.bid + self.ask) / 2
        return self.ask if self.bid is None else self.bid


def read(observation: Observation, plan: TargetPlan, now: float) -> Reading:
    """Read a complete answer. ``now`` is unix seconds. Raises nothing, whatever the body holds."""
    document, malformed = decode(observation.body)
    said = NO_DOCUMENT if malformed else document
    error = judge_answer(observation.status, said, plan.envelope, now)
    if malformed or error:
        return Reading(malformed=malformed, error=error)
    problem = _schema_problem(plan, document)
    return Reading(schema_problem=problem) if problem else _Fields(plan.fields, document).read()


def _schema_problem(plan: TargetPlan, document: object) -> str:
    if plan.payload_error is None:
        return ""
    try:
        return printable(plan.payload_error(document) or "")
    except (ArithmeticError, RecursionError, TypeError, ValueError) as error:
        # Validators refuse what they cannot represent, such as lone surrogates.
        return f"cannot be validated ({type(error).__name__})"


class _Fields:
    """Reads the fields of one document, and collects the problems on the way."""

    def __init__(self, fields: Fields, document: object) -> None:
        self.fields = fields
        self.document = document
        self.problems: dict[str, str] = {}

    def read(self) -> Reading:
        fields = self.fields
        bids = self.rows("bids", fields.bids, side)
        asks = self.rows("asks", fields.asks, side)
        last = self.get("last", fields.last, _price)
        bid = self.get("bid", fields.bid, _price) if fields.bid else _best(bids)
        ask = self.get("ask", fields.ask, _price) if fields.ask else _best(asks)
        done = self.rows("trades", fields.trades, trades)
        candles = self.rows("klines", fields.klines, klines)
        return Reading(
            problems=self.problems,
            time=self.time("time", fields.time),
            server_time=self.time("server_time", fields.server_time),
            symbol=self.get("symbol", fields.symbol, _symbol),
            last=last,
            bid=bid,
            ask=ask,
            bids=bids,
            asks=asks,
            sequence=self.get("sequence", fields.sequence, _sequence),
            trades=done,
            klines=candles,
            maintenance=self.truth("maintenance", fields.maintenance),
            data=_data(last, bid, ask, bids, asks, done, candles),
        )

    def get(self, name: str, find: Expression | None, parse: Callable[[Any], T]) -> T | None:
        if find is None:
            return None
        try:
            found = evaluate(find, self.document)
            return None if found is None else parse(found)
        except ValueError as error:
            self.problems[name] = f"{name}: {error}"
            return None

    def time(self, name: str, time: Time | None) -> float | None:
        return self.get(name, time.find, partial(_time, time)) if time else None

    def rows(self, name: str, rows: Rows | None, parse: Callable[[object, Rows], T]) -> T | None:
        return self.get(name, rows.find, lambda found: parse(found, rows)) if rows else None

    def truth(self, name: str, find: Expression | None) -> bool | None:
        return self.get(name, lambda document: is_true(find(document)), bool) if find else None


def _time(time: Time, found: object) -> float:
    seconds = time.convert(found)
    if seconds is None:
        raise ValueError("not a time")
    return seconds


def _price(found: object) -> Decimal:
    number = numbers.decimal(found)
    if number is None:
        raise ValueError("not a number")
    return number


def _sequence(found: object) -> int:
    number = numbers.integer(found)
    if number is None:
        raise ValueError("not a whole number")
    return number


def _symbol(found: object) -> str:
    if not isinstance(found, str):
        raise ValueError("not a text")
    return printable(found, _MAX_SYMBOL)


def _best(levels: Side | None) -> Decimal | None:
    return levels.best if levels else None


def _data(*parts: Decimal | Side | Trades | Klines | None) -> tuple[object, ...] | None:
    seen = tuple(
        part.newest if isinstance(part, Side | Trades | Klines) else part for part in parts
    )
    return None if seen.count(None) == len(seen) else seen
