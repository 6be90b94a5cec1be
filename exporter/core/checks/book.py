"""``book``: an order book that could exist."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from operator import gt, lt
from typing import Any

from exporter.core.checks.base import Check, Context, Kind, Parameter, Parameters, invalid
from exporter.core.model import Failure, Reason
from exporter.core.rows import Side

Order = Callable[[Any, Any], bool]


def _book(context: Context, params: Parameters) -> Failure | None:
    if problem := context.problem("bids", "asks"):
        return invalid(problem)
    bids, asks = context.reading.bids, context.reading.asks
    if bids is None or asks is None:
        return invalid("a side of the book is missing")
    try:
        return invalid(
            _levels_problem("bids", bids, gt)
            or _levels_problem("asks", asks, lt)
            or _crossing_problem(bids, asks, bool(params["allow_locked"]))
            or _count_problem(context, bids, asks, params)
        )
    except ValueError as error:  # a float could hold a price that is too small or too long for us
        return invalid(str(error))


def _levels_problem(name: str, side: Side, better: Order) -> str | None:
    prices = side.prices
    if not prices:
        return f"no {name}"
    if not all(map(better, prices, prices[1:])) and (level := _unsorted(side, better)):
        return f"{name} are not sorted best first at level {level}"
    if min(prices[0], prices[-1]) <= 0:
        return f"a price of the {name} is not positive"
    if min(side.sizes, default=1) <= 0:
        return f"a size of the {name} is not positive"
    return None


def _unsorted(side: Side, better: Order) -> int | None:
    """The first level that is not worse than the one before, by the exact prices."""
    steps = enumerate(pairwise(side.exact()), start=1)
    return next((level for level, (first, second) in steps if not better(first, second)), None)


def _crossing_problem(bids: Side, asks: Side, allow_locked: bool) -> str | None:
    bid, ask = bids.best, asks.best
    if bid is None or ask is None:
        return "a best price is not a number"
    if bid < ask or (bid == ask and allow_locked):
        return None
    return f"{'locked' if bid == ask else 'crossed'}: best bid {bid}, best ask {ask}"


def _count_problem(context: Context, bids: Side, asks: Side, params: Parameters) -> str | None:
    memory = context.memory
    fresh = context.now - memory.levels_at <= params["baseline_age"]
    known = (memory.bid_levels, memory.ask_levels) if fresh else (None, None)
    for name, side, before in zip(("bids", "asks"), (bids, asks), known, strict=True):
        if side.count < params["min_levels"]:
            return f"only {side.count} {name}"
        if before is not None and side.count < before * params["min_levels_ratio"]:
            return f"only {side.count} {name} after {before}"
    return None


CHECK = Check(
    name="book",
    function=_book,
    reason=Reason.INVALID_DATA,
    applies=lambda fields: fields.bids is not None and fields.asks is not None,
    help="Both sides have levels, sorted strictly best first, positive, and do not cross.",
    parameters=(
        Parameter("min_levels", Kind.COUNT, 1, "fewest levels on each side"),
        Parameter(
            "min_levels_ratio", Kind.RATIO, 0.1, "fewest levels relative to the last accepted book"
        ),
        Parameter(
            "baseline_age", Kind.DURATION, 600, "how long an accepted book serves to compare"
        ),
        Parameter("allow_locked", Kind.FLAG, 0, "1 if the best bid may equal the best ask"),
    ),
)
