"""``envelope``: the provider reports success."""

from __future__ import annotations

from exporter.core.checks.base import Check, Context, Parameters
from exporter.core.model import Failure, Reason


def _envelope(context: Context, _: Parameters) -> Failure | None:
    error = context.reading.error
    if error is None:
        return None
    return Failure(error.meaning.reason, error.said or "the answer does not report success")


CHECK = Check(
    name="envelope",
    function=_envelope,
    reason=Reason.API_ERROR,
    applies=lambda _: True,
    help="Neither the HTTP status nor the envelope of the answer reports an error.",
    gate=True,
)
