"""Where the gauges of a target are read: one row per family, from the view or from its result.

A reading of None is not shown; what was not measured must not look like 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from exporter.core.result import Result
from exporter.core.view import Circuit, View
from exporter.metrics import families
from exporter.metrics.family import Family

Number = float | int
Labelled = Iterable[tuple[str, Number | None]]
"""Pairs of a value of the family's own label and the reading for it."""


def _real(value: Decimal | None) -> float | None:
    """As a float64, which is all that Prometheus keeps; its text is short, whatever was sent."""
    return None if value is None else float(value)


def _maintenance(result: Result) -> Number | None:
    maintenance = result.facts.maintenance
    return None if maintenance is None else int(maintenance)


def _failed(result: Result) -> Labelled:
    return () if result.failure is None else ((result.failure.reason.value, 1),)


def _checks(result: Result) -> Labelled:
    return [(verdict.check, int(verdict.failure is not None)) for verdict in result.verdicts]


def _levels(result: Result) -> Labelled:
    return (("bid", result.facts.bid_levels), ("ask", result.facts.ask_levels))


def _circuit(view: View) -> Labelled:
    if view.stream is not None:  # a connection that is kept has no circuit
        return ()
    return [(state.value, int(state is view.circuit)) for state in Circuit]


OF_VIEW: tuple[tuple[Family, Callable[[View], Number | None]], ...] = (
    (families.LAST_SUCCESS, lambda view: view.last_success_at),
    (families.AGE, lambda view: view.age),
    (families.INTERVAL, lambda view: view.plan.interval),
    (families.BLOCKED_UNTIL, lambda view: view.blocked_until),
)

OF_RESULT: tuple[tuple[Family, Callable[[Result], Number | None]], ...] = (
    (families.PROBE_SUCCESS, lambda result: int(result.failure is None)),
    (families.PROBE_DURATION, lambda result: result.observation.elapsed or None),
    (families.PROBE_STATUS, lambda result: result.observation.status),
    (families.PROBE_CERTIFICATE, lambda result: result.observation.certificate_not_after),
    (families.PAYLOAD_AGE, lambda result: result.facts.payload_age),
    (families.PAYLOAD_UNCHANGED, lambda result: result.facts.unchanged),
    (families.CLOCK_SKEW, lambda result: result.facts.clock_skew),
    (families.MAINTENANCE, _maintenance),
    (families.PRICE, lambda result: _real(result.facts.price)),
    (families.BOOK_BID, lambda result: _real(result.facts.bid)),
    (families.BOOK_ASK, lambda result: _real(result.facts.ask)),
    (families.BOOK_SPREAD, lambda result: _real(result.facts.spread_ratio)),
    (families.BOOK_SEQUENCE, lambda result: result.facts.sequence),
)

LABELLED_OF_VIEW: tuple[tuple[Family, Callable[[View], Labelled]], ...] = (
    (families.LIMIT_USED, lambda view: [(limit.name, limit.used) for limit in view.limits]),
    (families.LIMIT_REMAINING, lambda view: [(it.name, it.remaining) for it in view.limits]),
    (families.BUDGET, lambda view: [(limit.name, limit.budget) for limit in view.limits]),
    (families.BUDGET_USED, lambda view: [(it.name, it.budget_used) for it in view.limits]),
    (families.CIRCUIT_STATE, _circuit),
)

LABELLED_OF_RESULT: tuple[tuple[Family, Callable[[Result], Labelled]], ...] = (
    (families.FAILED, _failed),
    (families.PROBE_PHASE, lambda result: result.observation.phases.items()),
    (families.CHECK_FAILED, _checks),
    (families.BOOK_LEVELS, _levels),
)
