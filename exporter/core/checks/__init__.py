"""All checks, in order of precedence: the first that fails names the reason of the failure.

To add one: a file that declares a CHECK, and a row here; docs/checks.md is written from this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from exporter.core.checks import (
    book,
    clock_skew,
    envelope,
    freshness,
    json,
    klines,
    maintenance,
    price,
    quote,
    schema,
    sequence,
    symbol,
    trades,
    unchanged,
)
from exporter.core.checks.base import Check, Context, Kind, Parameter
from exporter.core.plan import Fields, Parameters

__all__ = ["CHECKS", "Check", "Context", "Kind", "Parameter", "applicable", "defaults"]

CHECKS: Final[Mapping[str, Check]] = {
    check.name: check
    for check in (
        json.CHECK,
        envelope.CHECK,
        schema.CHECK,
        maintenance.CHECK,
        symbol.CHECK,
        book.CHECK,
        quote.CHECK,
        sequence.CHECK,
        trades.CHECK,
        klines.CHECK,
        price.CHECK,
        clock_skew.CHECK,
        freshness.CHECK,
        unchanged.CHECK,
    )
}

_LIVELY_ENDPOINTS = frozenset({"depth", "ticker", "book_ticker", "price"})
_MAX_UNCHANGED = 120.0


def applicable(fields: Fields) -> tuple[str, ...]:
    """The checks that make sense for an endpoint which carries ``fields``, in order."""
    return tuple(name for name, check in CHECKS.items() if check.applies(fields))


def defaults(endpoint: str) -> Parameters:
    """The parameters of all checks for an endpoint, before any configuration."""
    parameters = {name: check.defaults for name, check in CHECKS.items()}
    if endpoint in _LIVELY_ENDPOINTS:
        parameters[unchanged.CHECK.name]["max_unchanged"] = _MAX_UNCHANGED
    return parameters
