"""``freshness``: the data are recent by their own time stamp."""

from __future__ import annotations

from exporter.core.checks.base import Check, Context, Kind, Parameter, Parameters, invalid, stale
from exporter.core.model import Failure, Reason


def age(context: Context) -> float | None:
    """Seconds between the time of the data and the arrival of the answer, on one clock."""
    time = context.reading.time
    return None if time is None else context.exchange_time - time


def _freshness(context: Context, params: Parameters) -> Failure | None:
    if problem := context.problem("time"):
        return invalid(problem)
    seconds, field = age(context), context.plan.fields.time
    if seconds is None or field is None:  # whether it must be there is for the schema to say
        return None
    if -seconds > params["max_future"] + field.resolution:
        return invalid(f"the data are {-seconds:.1f} s in the future")
    if seconds - field.resolution > params["max_age"]:
        return stale(f"the data are {seconds:.1f} s old")
    return None


CHECK = Check(
    name="freshness",
    function=_freshness,
    reason=Reason.STALE_DATA,
    applies=lambda fields: fields.time is not None,
    help="The time stamp of the data is recent, by the exchange's clock, and not in the future.",
    parameters=(
        Parameter("max_age", Kind.DURATION, 30, "oldest age of the data"),
        Parameter("max_future", Kind.DURATION, 2, "how far the time stamp may lie ahead"),
    ),
)
