"""``symbol``: the answer is about the pair that was asked for."""

from __future__ import annotations

from exporter.core.checks.base import Check, Context, Parameters, invalid
from exporter.core.model import Failure, Reason


def _symbol(context: Context, _: Parameters) -> Failure | None:
    if problem := context.problem("symbol"):
        return invalid(problem)
    said, plan = context.reading.symbol, context.plan
    names = map(str.casefold, (plan.symbol, *plan.aliases))
    if said is None or said.casefold() in names:
        return None  # whether it must be there is for the schema to say
    return invalid(f"asked for {plan.symbol}, answered about {said}")


CHECK = Check(
    name="symbol",
    function=_symbol,
    reason=Reason.INVALID_DATA,
    applies=lambda fields: fields.symbol is not None,
    help="The answer names the symbol that was asked for, or an alias of it, in any case.",
)
