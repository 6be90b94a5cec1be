"""``schema``: the payload has the documented shape."""

from __future__ import annotations

from exporter.core.checks.base import Check, Context, Parameters, invalid
from exporter.core.model import Failure, Reason


def _schema(context: Context, _: Parameters) -> Failure | None:
    return invalid(context.reading.schema_problem)


CHECK = Check(
    name="schema",
    function=_schema,
    reason=Reason.INVALID_DATA,
    applies=lambda _: True,
    help="The payload satisfies the JSON Schema of its endpoint.",
    gate=True,
)
