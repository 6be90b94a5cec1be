"""``unchanged``: the market data move, whatever their time stamps say."""

from __future__ import annotations

from exporter.core.checks.base import Check, Context, Kind, Parameter, Parameters, stale
from exporter.core.checks.price import CHECK as PRICE
from exporter.core.memory import unchanged_since
from exporter.core.model import Failure, Reason
from exporter.core.plan import Fields


def unchanged(context: Context) -> float | None:
    """Seconds for which the market data have been the same; None without market data."""
    if context.reading.data is None:
        return None
    return context.now - unchanged_since(context.memory, context.reading, context.now)


def _unchanged(context: Context, params: Parameters) -> Failure | None:
    seconds = unchanged(context)
    if seconds is None or not 0 < params["max_unchanged"] < seconds:
        return None
    return stale(f"the same data for {seconds:.0f} s")


def _applies(fields: Fields) -> bool:
    return PRICE.applies(fields) or fields.trades is not None or fields.klines is not None


CHECK = Check(
    name="unchanged",
    function=_unchanged,
    reason=Reason.STALE_DATA,
    applies=_applies,
    help="Prices, sizes and trades have changed lately.",
    parameters=(
        Parameter("max_unchanged", Kind.DURATION, 0, "longest time without a change; 0 is off"),
    ),
)
