"""``clock_skew``: the exchange's clock is right, and runs."""

from __future__ import annotations

from exporter.core import skew
from exporter.core.checks.base import Check, Context, Kind, Parameter, Parameters, invalid
from exporter.core.model import Failure, Reason


def sample(context: Context) -> skew.Sample | None:
    """What this answer tells of the exchange's clock; None if it does not tell the time."""
    time, observation = context.plan.fields.server_time, context.observation
    server_time = context.reading.server_time
    if time is None or server_time is None:
        return None
    return skew.sample(server_time, time.resolution, observation.sent_at, observation.received_at)


def _clock_skew(context: Context, params: Parameters) -> Failure | None:
    if problem := context.problem("server_time"):
        return invalid(problem)
    if context.reading.server_time is None:
        return invalid("the answer tells no time")
    if _frozen(context):
        return invalid("the exchange's clock stands still")
    seen = sample(context)
    if seen is None or abs(seen.offset) - seen.uncertainty <= params["max_skew"]:
        return None
    return invalid(f"the exchange's clock is off by {seen.offset:+.3f} s")


def _frozen(context: Context) -> bool:
    memory, server_time = context.memory, context.reading.server_time
    time = context.plan.fields.server_time
    if memory.server_time is None or server_time is None or time is None:
        return False
    long_enough = context.now - memory.server_time_at > 1 + time.resolution
    return long_enough and server_time <= memory.server_time


CHECK = Check(
    name="clock_skew",
    function=_clock_skew,
    reason=Reason.INVALID_DATA,
    applies=lambda fields: fields.server_time is not None,
    help="The exchange's clock agrees with ours and has advanced since the last probe.",
    parameters=(
        Parameter("max_skew", Kind.DURATION, 2, "largest difference beyond measurement error"),
    ),
)
