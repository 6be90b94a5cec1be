"""``quote``: a best bid and a best ask that could exist."""

from __future__ import annotations

from exporter.core.checks.base import Check, Context, Kind, Parameter, Parameters, invalid
from exporter.core.model import Failure, Reason
from exporter.core.plan import Fields


def _quote(context: Context, params: Parameters) -> Failure | None:
    if problem := context.problem("bid", "ask"):
        return invalid(problem)
    bid, ask = context.reading.bid, context.reading.ask
    if bid is None or ask is None:
        return invalid("no bid" if bid is None else "no ask")
    if min(bid, ask) <= 0:
        return invalid(f"not positive: bid {bid}, ask {ask}")
    if bid < ask or (bid == ask and params["allow_locked"]):
        return None
    return invalid(f"{'locked' if bid == ask else 'crossed'}: bid {bid}, ask {ask}")


def _applies(fields: Fields) -> bool:
    return fields.bid is not None and fields.ask is not None


CHECK = Check(
    name="quote",
    function=_quote,
    reason=Reason.INVALID_DATA,
    applies=_applies,
    help="The best bid and the best ask of a ticker are positive and do not cross.",
    parameters=(Parameter("allow_locked", Kind.FLAG, 0, "1 if the bid may equal the ask"),),
)
