"""``json``: the body is strict JSON."""

from __future__ import annotations

from exporter.core.checks.base import Check, Context, Parameters
from exporter.core.model import Failure, Reason


def _json(context: Context, _: Parameters) -> Failure | None:
    reading = context.reading
    if not reading.malformed or reading.error:  # an error status says more than its HTML page
        return None
    return Failure(Reason.MALFORMED, reading.malformed)


CHECK = Check(
    name="json",
    function=_json,
    reason=Reason.MALFORMED,
    applies=lambda _: True,
    help="The body of a successful answer is strict JSON: UTF-8, no repeated names, no NaN.",
    gate=True,
)
