"""``price``: the price is near the one accepted before.

A jump is refused at first. If the following observations agree with it, it was a real one and is
accepted; a single wild price never becomes the baseline.
"""

from __future__ import annotations

from decimal import Decimal

from exporter.core.checks.base import Check, Context, Kind, Parameter, Parameters, invalid
from exporter.core.memory import Memory
from exporter.core.model import Failure, Reason
from exporter.core.plan import Fields


def _price(context: Context, params: Parameters) -> Failure | None:
    if problem := context.problem("last", "bid", "ask", "bids", "asks"):
        return invalid(problem)
    price, memory = context.reading.price, context.memory
    if price is None or price <= 0:
        return invalid("no price" if price is None else f"the price is {price}")
    if memory.price is None or context.now - memory.price_at > params["baseline_age"]:
        return None
    if _near(price, memory.price, params["max_change"]) or _confirmed(price, memory, params):
        return None
    return invalid(f"the price went from {memory.price} to {price}")


def _near(price: Decimal, baseline: Decimal, max_change: float) -> bool:
    return abs(price / baseline - 1) <= max_change


def _confirmed(price: Decimal, memory: Memory, params: Parameters) -> bool:
    needed = int(params["confirmations"]) - 1
    recent = memory.suspects[-needed:] if needed > 0 else ()
    return len(recent) == needed and all(
        suspect > 0 and _near(price, suspect, params["max_change"]) for suspect in recent
    )


def _applies(fields: Fields) -> bool:
    return any((fields.last, fields.bid, fields.ask, fields.bids, fields.asks))


CHECK = Check(
    name="price",
    function=_price,
    reason=Reason.INVALID_DATA,
    applies=_applies,
    help="The price is positive and did not jump, unless several observations confirm the jump.",
    parameters=(
        Parameter("max_change", Kind.RATIO, 0.2, "largest change since the last accepted price"),
        Parameter(
            "baseline_age", Kind.DURATION, 600, "how long an accepted price serves to compare"
        ),
        Parameter(
            "confirmations", Kind.COUNT, 3, "observations in a row that make a jump believed (≤ 20)"
        ),
    ),
)
