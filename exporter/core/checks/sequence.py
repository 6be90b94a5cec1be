"""``sequence``: the counter of the book's changes does not run backwards."""

from __future__ import annotations

from exporter.core.checks.base import Check, Context, Parameters, invalid
from exporter.core.model import Failure, Reason


def _sequence(context: Context, _: Parameters) -> Failure | None:
    if problem := context.problem("sequence"):
        return invalid(problem)
    new, last = context.reading.sequence, context.memory.sequence
    if new is None or last is None or new >= last:
        return None
    if new in context.plan.fields.sequence_resets:
        return None
    return invalid(f"the sequence went back from {last} to {new}")


CHECK = Check(
    name="sequence",
    function=_sequence,
    reason=Reason.INVALID_DATA,
    applies=lambda fields: fields.sequence is not None,
    help="The book's sequence is not less than before, except for documented resets.",
)
