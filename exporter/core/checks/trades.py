"""``trades``: recent trades, in order."""

from __future__ import annotations

from itertools import accumulate, pairwise
from operator import lt

from exporter.core.checks.base import Check, Context, Kind, Parameter, Parameters, invalid, stale
from exporter.core.model import Failure, Reason
from exporter.core.rows import Trades


def _trades(context: Context, params: Parameters) -> Failure | None:
    if problem := context.problem("trades"):
        return invalid(problem)
    trades = context.reading.trades
    if trades is None or not any((trades.times, trades.prices, trades.ids)):
        return invalid("no trades")
    return invalid(
        _value_problem(trades)
        or _order_problem(trades, params["order_tolerance"])
        or _future_problem(trades, context.exchange_time, params["max_future"])
    ) or stale(_age_problem(trades, context.exchange_time, params["max_age"]))


def _value_problem(trades: Trades) -> str | None:
    if min(trades.prices, default=1) <= 0:
        return "a price is not positive"
    if min(trades.sizes, default=1) <= 0:
        return "a size is not positive"
    return None


def _order_problem(trades: Trades, tolerance: float) -> str | None:
    if any(second < first for first, second in pairwise(trades.ids)):
        return "the ids are not in the documented order"
    newest_so_far = accumulate(trades.times, max)
    if any(map(lt, trades.times, (newest - tolerance for newest in newest_so_far))):
        return "the times are not in the documented order"
    return None


def _future_problem(trades: Trades, exchange_time: float, max_future: float) -> str | None:
    ahead = max(trades.times, default=exchange_time) - exchange_time
    return f"the newest trade is {ahead:.1f} s in the future" if ahead > max_future else None


def _age_problem(trades: Trades, exchange_time: float, max_age: float) -> str | None:
    age = exchange_time - max(trades.times, default=exchange_time)
    return f"the newest trade is {age:.1f} s old" if age > max_age else None


CHECK = Check(
    name="trades",
    function=_trades,
    reason=Reason.INVALID_DATA,
    applies=lambda fields: fields.trades is not None,
    help="There are trades, in the documented order, positive, and the newest is recent.",
    parameters=(
        Parameter(
            "order_tolerance", Kind.DURATION, 1, "how far a trade may be older than one before it"
        ),
        Parameter("max_age", Kind.DURATION, 300, "oldest age of the newest trade"),
        Parameter("max_future", Kind.DURATION, 2, "how far the newest trade may lie ahead"),
    ),
)
