"""``maintenance``: the provider does not announce a maintenance under way."""

from __future__ import annotations

from exporter.core.checks.base import Check, Context, Parameters, invalid
from exporter.core.model import Failure, Reason


def _maintenance(context: Context, _: Parameters) -> Failure | None:
    if problem := context.problem("maintenance"):
        return invalid(problem)
    if not context.reading.maintenance:
        return None
    return Failure(Reason.MAINTENANCE, "the exchange says that it is under maintenance")


CHECK = Check(
    name="maintenance",
    function=_maintenance,
    reason=Reason.MAINTENANCE,
    applies=lambda fields: fields.maintenance is not None,
    help="The status endpoint reports no maintenance under way.",
)
