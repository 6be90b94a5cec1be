"""``klines``: candles that could exist, contiguous, up to the present."""

from __future__ import annotations

from itertools import pairwise
from operator import gt

from exporter.core.checks.base import Check, Context, Kind, Parameter, Parameters, invalid, stale
from exporter.core.model import Failure, Reason
from exporter.core.plan import Rows
from exporter.core.rows import Klines

_DAY = 86400


def _klines(context: Context, params: Parameters) -> Failure | None:
    if problem := context.problem("klines"):
        return invalid(problem)
    klines, rows = context.reading.klines, context.plan.fields.klines
    if klines is None or rows is None or not klines.times:
        return invalid("no candles")
    return invalid(
        _value_problem(klines)
        or _order_problem(klines, rows)
        or _future_problem(klines, rows, context.exchange_time)
    ) or stale(_age_problem(klines, rows, context.exchange_time, params["max_age_periods"]))


def _value_problem(klines: Klines) -> str | None:
    if min(klines.low, default=1) <= 0 or min(klines.high, default=1) <= 0:
        return "a price is not positive"
    for name, values in (("open", klines.open), ("close", klines.close), ("high", klines.high)):
        if any(map(gt, klines.low, values)):
            return f"a low is above the {name}"
        if any(map(gt, values, klines.high)):
            return f"a high is below the {name}"
    return "a volume is negative" if min(klines.volume, default=0) < 0 else None


def _order_problem(klines: Klines, rows: Rows) -> str | None:
    steps = [second - first for first, second in pairwise(klines.times)]
    if any(step <= 0 for step in steps):
        return "the candles are not in the documented order"
    period = rows.period
    if period is None:
        return None
    if period <= _DAY and any(time % period for time in klines.times):  # weeks start on Mondays
        return f"a candle does not open on a multiple of {period:g} s"
    if any(step % period if rows.gaps_allowed else step != period for step in steps):
        return f"the candles are not {period:g} s apart"
    return None


def _future_problem(klines: Klines, rows: Rows, exchange_time: float) -> str | None:
    ahead = klines.times[-1] - exchange_time
    return f"a candle opens {ahead:.1f} s ahead" if ahead > (rows.period or 0) else None


def _age_problem(
    klines: Klines, rows: Rows, exchange_time: float, max_age_periods: float
) -> str | None:
    age = exchange_time - klines.times[-1]
    if rows.period is None or age <= max_age_periods * rows.period:
        return None
    return f"the newest candle opened {age:.0f} s ago"


CHECK = Check(
    name="klines",
    function=_klines,
    reason=Reason.INVALID_DATA,
    applies=lambda fields: fields.klines is not None,
    help="Candles are in the documented order, contiguous, aligned, consistent and recent.",
    parameters=(
        Parameter(
            "max_age_periods", Kind.COUNT, 3, "oldest opening of the newest candle, in periods"
        ),
    ),
)
